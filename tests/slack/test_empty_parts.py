"""No message has an empty part, a heading over nothing, or a setting that is empty or as in a new flow."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.flow import DEFAULT_TTL_SECONDS
from flowbot.i18n.translator import Translator
from flowbot.slack.views.block_kit import Block
from tests.slack.test_headlines import list_messages
from tests.slack.test_request_views import EN, TR

EMPTY_VALUE: Final = re.compile(r": *[–-]?$|: [–-] *→|→ *[–-]?$")
"""A label without a value, and an old or a new value that is none."""


def read_lines(value: Any) -> Iterator[str]:
    """Yield the texts of blocks, those of one paragraph joined."""
    match value:
        case {"type": "rich_text_section" | "rich_text_quote", "elements": list(elements)}:
            yield "".join(element.get("text", "@") for element in elements)
        case {"type": "plain_text" | "mrkdwn", "text": str(text)}:
            yield from text.split("\n")
        case dict():
            for each in value.values():
                yield from read_lines(each)
        case list() | tuple():
            for each in value:
                yield from read_lines(each)


def find_empty_parts(blocks: tuple[Block, ...], t: Translator) -> Iterator[str]:
    for block in blocks:
        lines = list(read_lines(block))
        if block["type"] not in {"divider", "image", "card"} and not "".join(lines).strip():
            yield f"an empty {block['type']}"
        yield from (line for line in lines if EMPTY_VALUE.search(line) and block["type"] == "rich_text")
        defaults = (
            ("silent", t("flow.no")),
            ("auto_hide", t("flow.no")),
            ("ttl", t.format_duration(DEFAULT_TTL_SECONDS)),
        )
        yield from (line for line in lines for name, value in defaults if line == f"{t(f'field.{name}')}: {value}")
    kinds = [block["type"] for block in blocks]
    yield from ("a heading over nothing" for kind, below in pairwise([*kinds, "header"]) if kind == below == "header")


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_no_message_has_an_empty_part_or_a_default_value(t: Translator) -> None:
    found = {
        part
        for state in ChangeState
        for kind in ChangeKind
        for message in list_messages("Winter sale", state, kind, t)
        for part in find_empty_parts(message.blocks, t)
    }
    assert found == set()
