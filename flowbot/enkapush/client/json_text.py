"""JSON as text: what a parser refuses whole because of one malformed part is mended, or parted into its items."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from pydantic import ValidationError

T = TypeVar("T")

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TO_SIGN: Final = re.compile(rb'[^"\[\]{},]*+(?:' + _STRING + rb'[^"\[\]{},]*+)*+([\[\]{},])', re.DOTALL)
_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)
_ITEM_DEPTH: Final = 2
"""The depth of the items of `{"data": […]}`."""


def repair_text(content: bytes) -> bytes:
    """Replace what is no UTF-8 and escaped halves of surrogate pairs, which no parser takes, by U+FFFD."""
    whole = content.decode("utf-8", "replace").encode()
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], whole)


def parse_repaired(content: bytes, parse: Callable[[bytes], T]) -> T:
    """Parse a JSON text, repaired where it is refused as it is.

    Raises:
        ValidationError: It is refused all the same.
    """
    with suppress(ValidationError):
        return parse(content)
    return parse(repair_text(content))


def split_items(content: bytes) -> tuple[list[bytes], bytes]:
    """Part the items of `{"data": […]}` by their brackets, so that each is parsed by itself.

    Returns:
        The text of each item, and the text of everything else, with an empty list in their place. Where no such list
        is found: nothing, and the whole text.
    """
    items: list[bytes] = []
    depth = position = start = 0
    while found := (_TO_BRACKET if depth > _ITEM_DEPTH else _TO_SIGN).match(content, position):
        sign, before = found[1], content[position : found.start(1)]
        if sign in b"[{":
            depth += 1
            if depth == _ITEM_DEPTH and sign == b"[" and b"".join(before.split()) == b'"data":':
                first = start = found.end()
        elif sign in b"]}":
            depth -= 1
        if start and (depth < _ITEM_DEPTH or (depth == _ITEM_DEPTH and sign == b",")):
            items.append(content[start : found.start(1)])
            start = found.end()
            if sign != b",":
                return [item for item in items if item.strip()], content[:first] + content[found.start(1) :]
        position = found.end()
    return [], content
