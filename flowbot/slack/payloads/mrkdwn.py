"""Slack's mark-up: references to links, people and channels, and the escapes of the signs that it is made of."""

import re
from typing import Final

REFERENCE: Final = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
"""A link, or the id of a person or a channel, with its label. Slack escapes the brackets that a person types."""
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape_entities(text: str) -> str:
    """Escape the signs of references, as Slack does in what people type."""
    return text.translate(_ENTITIES)


def unescape_entities(text: str) -> str:
    """Undo `escape_entities`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
