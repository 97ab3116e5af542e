"""Slack's mark-up: references to links, people and channels, and the escapes of the signs that it is made of."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from flowbot.domain.ids import ChannelId, GroupId, SlackId, UserId

REFERENCE: Final = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
"""A link, or the id of a person or a channel, with its label. Slack escapes the brackets that a person types."""
_SCHEME: Final = re.compile(r"^(?:https?://|mailto:)")
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape_entities(text: str) -> str:
    """Escape the signs of references, as Slack does in what people type."""
    return text.translate(_ENTITIES)


def unescape_entities(text: str) -> str:
    """Undo `escape_entities`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def list_references(text: str) -> Iterator[SlackId]:
    """List the people, user groups and channels that a text refers to."""
    for found in REFERENCE.finditer(text):
        if (referred := _read_id(found[1])) is not None:
            yield referred


def describe_references(text: str, names: Mapping[SlackId, str]) -> str:
    """Return a text with names in the place of its references, and links as label and address.

    As plain text it mentions nobody, and links to nothing.
    """
    return unescape_entities(REFERENCE.sub(lambda found: _describe(found[1], found[2] or "", names), text))


def _describe(target: str, label: str, names: Mapping[SlackId, str]) -> str:
    if (referred := _read_id(target)) is not None:
        sign = "#" if isinstance(referred, ChannelId) else "@"
        return f"{sign}{(names.get(referred) or label or referred).removeprefix(sign)}"
    if target.startswith("!"):
        return label if target.startswith("!date^") else f"@{target[1:]}"
    tells_address = not label or _SCHEME.sub("", target).rstrip("/") == _SCHEME.sub("", label).rstrip("/")
    return (label or target) if tells_address else f"{label} ({target})"


def _read_id(target: str) -> SlackId | None:
    """Return the id of a person, a user group or a channel; None for a link and for `!here`."""
    for prefix, kind in (("@", UserId), ("!subteam^", GroupId), ("#", ChannelId)):
        if target.startswith(prefix):
            try:
                return kind(target.removeprefix(prefix))
            except ValueError:
                return None
    return None
