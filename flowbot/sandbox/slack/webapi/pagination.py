"""Slack's cursors."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from flowbot.sandbox.slack.errors import SlackError

_T = TypeVar("_T")
_MOST = 1000


def paginate(items: Sequence[_T], cursor: str, limit: int) -> tuple[list[_T], dict[str, str]]:
    """Return the items of one page and its `response_metadata`; raises `invalid_cursor`."""
    start = _offset(cursor)
    end = start + (min(limit, _MOST) if limit > 0 else _MOST)
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"next_cursor": following}


def _offset(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("next:")) if cursor else 0
    except (binascii.Error, ValueError) as error:
        raise SlackError("invalid_cursor") from error
