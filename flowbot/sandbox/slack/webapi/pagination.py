"""Slack's cursors."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from flowbot.sandbox.slack.errors import SlackError

_Item = TypeVar("_Item")
_MAX_LIMIT = 1000


def paginate(items: Sequence[_Item], cursor: str, limit: int) -> tuple[list[_Item], dict[str, str]]:
    """Return the items of one page and its `response_metadata`.

    Raises:
        SlackError: `invalid_cursor`.
    """
    try:
        start = int(base64.b64decode(cursor).decode().removeprefix("next:")) if cursor else 0
    except (binascii.Error, ValueError) as error:
        raise SlackError("invalid_cursor") from error
    end = start + (min(limit, _MAX_LIMIT) if limit > 0 else _MAX_LIMIT)
    next_cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"next_cursor": next_cursor}
