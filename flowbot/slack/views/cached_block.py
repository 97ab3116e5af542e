"""Blocks that many messages share, cached with their JSON and their length."""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final

from flowbot.domain.text import utf16_length
from flowbot.slack.views.block_kit import Block

_READ: Final = frozenset({"text", "alt_text", "fallback"})


class CachedBlock(dict[str, Any]):
    """A block that many messages share. Nobody may change it."""

    @cached_property
    def json(self) -> str:
        """The block as it is sent."""
        return json.dumps(self)

    @cached_property
    def characters(self) -> int:
        """The characters of all its texts, as UTF-16 units."""
        return count_characters(dict(self))


def dump_blocks(blocks: Iterable[Block]) -> str:
    """Return the blocks as JSON."""
    return f"[{','.join(block.json if isinstance(block, CachedBlock) else json.dumps(block) for block in blocks)}]"


def count_characters(value: Any) -> int:
    """Count the characters of all texts in blocks, as UTF-16 units."""
    # Every message is counted: generators would take twice as long.
    count = 0
    if isinstance(value, CachedBlock):
        return value.characters
    if isinstance(value, dict):
        for name, each in value.items():
            if not isinstance(each, str):
                count += count_characters(each)
            elif name in _READ:
                count += utf16_length(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            count += count_characters(each)
    return count
