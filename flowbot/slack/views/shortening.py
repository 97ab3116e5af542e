"""Blocks shortened to a number of characters."""

from collections.abc import Sequence
from typing import Any, Final

from flowbot.slack.views.block_kit import Block, clip
from flowbot.slack.views.cached_block import count_characters

HEADLINE_MAX: Final = 700
"""The first block stays whole up to this: far more than a notification shows."""
_CAPS: Final = (2000, 1000, 500, 250, 120, 60, 30)
"""Lengths of a single text, longest first: short texts stay whole as long as long ones can give way."""


def shorten_blocks(blocks: Sequence[Block], limit: int) -> list[Block]:
    """Shorten the texts of blocks until they have `limit` characters together, but for the headline, buttons and menus.

    Where even that is not enough, blocks are left out, the last ones first, but never the first one, buttons or menus.
    """
    shortened = list(blocks)
    for cap in _CAPS:
        if count_characters(shortened) <= limit:
            return shortened
        shortened = [
            block if place == 0 and count_characters(block) <= HEADLINE_MAX else _shorten(block, cap)
            for place, block in enumerate(shortened)
        ]
    for place in range(len(shortened) - 1, 0, -1):
        if count_characters(shortened) <= limit:
            break
        if shortened[place]["type"] != "actions":
            del shortened[place]
    return shortened


def _shorten(value: Any, cap: int) -> Any:
    match value:
        case {"type": "button" | "static_select" | "overflow"}:
            return value
        case {"type": "text" | "plain_text" | "link", "text": str(text)}:
            return value | {"text": clip(text, cap)}
        case dict():
            return {name: _shorten(each, cap) for name, each in value.items()}
        case list():
            return [_shorten(each, cap) for each in value]
        case _:
            return value
