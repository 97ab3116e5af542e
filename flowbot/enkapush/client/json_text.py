"""JSON as text: what a parser refuses whole because of one odd part is mended, or parted into its items."""

import re
from typing import Final

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)
"""A whole string, or a sign that matters for the structure; a quote by itself begins a string that never ends."""
_ITEM_DEPTH: Final = 2
"""The depth of the items of `{"data": […]}`."""


def repair_text(content: bytes) -> bytes:
    """Replace what is no UTF-8 and escaped halves of surrogate pairs, which no parser takes, by U+FFFD."""
    whole = content.decode("utf-8", "replace").encode()
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], whole)


def split_items(content: bytes) -> tuple[list[bytes], bytes]:
    """Part the items of `{"data": […]}` by their brackets, so that each is parsed by itself.

    Returns:
        The text of each item, and the text of everything else, with an empty list in their place. Where no such list
        is found: nothing, and the whole text.
    """
    items: list[bytes] = []
    depth, key, start, end = 0, b"", 0, 0
    for token in _TOKEN.finditer(content):
        sign = token[0]
        if sign in b"[{":
            depth += 1
            if depth == _ITEM_DEPTH and sign == b"[" and key == b'"data"':
                start = end = token.end()
        elif sign in b"]}":
            depth -= 1
            if start and depth < _ITEM_DEPTH:
                items.append(content[end : token.start()])
                return [item for item in items if item.strip()], content[:start] + content[token.start() :]
        elif sign == b",":
            if start and depth == _ITEM_DEPTH:
                items.append(content[end : token.start()])
                end = token.end()
        elif depth == 1:
            key = sign
    return [], content
