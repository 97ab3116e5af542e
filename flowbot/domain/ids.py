"""Ids of Slack, Enkapush and flowbot, so that a channel id is never taken for a person's."""

import re
from typing import Annotated, Any, ClassVar, Final, NewType, Self

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

FlowId = NewType("FlowId", int)
WebsiteId = NewType("WebsiteId", int)
ChangeId = NewType("ChangeId", str)
FormToken = NewType("FormToken", str)
ReportId = NewType("ReportId", str)
ReportToken = NewType("ReportToken", str)
ImageId = NewType("ImageId", str)

MAX_ID: Final = 2**63 - 1
"""The largest whole number that a database column holds."""
_ID: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)

WebsiteNumber = Annotated[WebsiteId, Field(strict=True, gt=0, le=MAX_ID)]
"""A website id as a person writes it in a file: a positive whole number, no text, no boolean."""


def parse_id(text: str) -> int | None:
    """Return the Enkapush id in `text`, in plain digits without leading zeros, or None."""
    number = int(text) if _ID.fullmatch(text) else 0
    return number if 0 < number <= MAX_ID else None


def parse_website_id(text: str) -> WebsiteId | None:
    """Return the website id in `text`, as `parse_id` does, or None."""
    number = parse_id(text)
    return None if number is None else WebsiteId(number)


class SlackId(str):
    """An id of Slack's: one letter for its kind, then capitals and digits.

    Raises:
        ValueError: the text is not an id of this kind.
    """

    __slots__ = ()
    letters: ClassVar[str]
    kind: ClassVar[str]
    _shape: ClassVar[re.Pattern[str]]

    def __init_subclass__(cls, *, letters: str, kind: str) -> None:
        cls.letters = letters
        cls.kind = kind
        cls._shape = re.compile(f"[{letters}][A-Z0-9_]{{1,62}}", re.ASCII)

    def __new__(cls, value: str) -> Self:
        """Check the shape once, at the edge."""
        if not cls._shape.fullmatch(value):
            raise ValueError(f"{value[:40]!r} is not {cls.kind} ({'… or '.join(cls.letters)}…)")
        return super().__new__(cls, value)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.str_schema(strict=True),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


class ChannelId(SlackId, letters="CGD", kind="a channel id"):
    """`C…` a channel, `G…` a private one of old, `D…` a direct message."""

    __slots__ = ()

    @property
    def is_direct(self) -> bool:
        """Check whether it is somebody's direct messages."""
        return self.startswith("D")


class UserId(SlackId, letters="UW", kind="a person's id"):
    """`U…` or, in an Enterprise organisation, `W…`."""

    __slots__ = ()


class GroupId(SlackId, letters="S", kind="a user group's id"):
    """`S…`: a user group."""

    __slots__ = ()


class TeamId(SlackId, letters="TE", kind="a workspace's id"):
    """`T…` a workspace, `E…` an Enterprise organisation."""

    __slots__ = ()
