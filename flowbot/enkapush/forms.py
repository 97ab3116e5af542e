"""What is sent to Enkapush: strict values, and their multipart parts.

Source: the API's page "Akışlar", `POST /flows` and `POST /flows/{flow_id}`.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowbot.enkapush.models import TtlSeconds, WaitUnit

Part = tuple[str, tuple[str | None, bytes] | tuple[str, bytes, str]]
"""A field's name, then its file name (None for text), its bytes and, for a file, its content type."""

_UNSAFE_IN_FILENAME = re.compile(r'[\x00-\x1f\x7f\ud800-\udfff"/\\%;]')

PositiveId = Annotated[int, Field(gt=0)]
Required = Annotated[str, Field(min_length=1)]


class _Sendable(BaseModel):
    """The common ground of everything that is sent: nothing is coerced, nothing unknown passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Image(_Sendable):
    """A picture to upload.

    Attributes:
        filename: As the person named it; `safe_filename` is what is sent.
        content: The file's bytes.
        content_type: Such as `image/png`.
    """

    filename: str
    content: Annotated[bytes, Field(min_length=1, repr=False)]
    content_type: Annotated[str, Field(pattern=r"\A[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+\z")]

    @property
    def safe_filename(self) -> str:
        """The file name without what form parsers disagree about: quotes, slashes, control characters."""
        return _UNSAFE_IN_FILENAME.sub("_", self.filename) or "image"


class _FlowFields(_Sendable):
    """The fields that creation and update share. None leaves a field out; `""` empties it."""

    url: str | None = None
    image: Image | None = None
    button_title_1: str | None = None
    button_url_1: str | None = None
    button_title_2: str | None = None
    button_url_2: str | None = None
    is_silent: bool | None = None
    is_auto_hide: bool | None = None
    ttl: TtlSeconds | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    segment: Literal["all"] | PositiveId | None = None

    def parts(self) -> list[Part]:
        """Return the fields that are set as multipart parts."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [_part(name, value) for name, value in values if value is not None]


class NewFlow(_FlowFields):
    """A flow to create (the API's page "Akışlar", `POST /flows`).

    `is_enabled` is always sent, so that Enkapush's own default never decides.
    """

    website_id: PositiveId
    name: Required
    title: Required
    description: Required
    wait_time: Annotated[int, Field(ge=0)]
    wait_time_type: Annotated[WaitUnit, Field(strict=False)]
    is_enabled: bool = False


class FlowPatch(_FlowFields):
    """The fields of a flow to change (the API's page "Akışlar", `POST /flows/{flow_id}`).

    None leaves a field as it is; `""` empties a text.

    Raises:
        ValueError: Nothing is set.
    """

    website_id: PositiveId | None = None
    name: str | None = None
    title: str | None = None
    description: str | None = None
    wait_time: Annotated[int, Field(ge=0)] | None = None
    wait_time_type: Annotated[WaitUnit | None, Field(strict=False)] = None
    is_enabled: bool | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.parts():
            raise ValueError("an update must set at least one field")
        return self


def _part(name: str, value: str | int | Image) -> Part:
    if isinstance(value, Image):
        return name, (value.safe_filename, value.content, value.content_type)
    return name, (None, _text(value).encode())


def _text(value: str | int) -> str:
    # Form parsers take the text "false" for true; only 1 and 0 mean the same to all of them.
    return str(int(value)) if isinstance(value, bool) else str(value)
