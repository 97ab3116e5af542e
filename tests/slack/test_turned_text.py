"""Text of other people that turns what stands around it: in every message it turns nothing but itself."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.i18n.translator import Translator
from tests.slack.test_empty_parts import read_lines
from tests.slack.test_headlines import list_messages
from tests.slack.test_request_views import EN, TR, buttons_by_label

TURNED: Final = [
    "Ω\u202eΩ", "Ω\u2069\u202eΩ", "\u2066Ω\u202bΩ", "\u2069\u2069\u200fΩ\u2067\u202d", "Ω\nΩ\u202eΩ\nΩ", "שΩ" * 400,
]  # fmt: skip
"""None has a letter or sign of flowbot's own words, which are Latin."""


def find_turned_words(line: str) -> Iterator[str]:
    """Find own words that stand within the isolate of foreign text, and foreign text that stands in none."""
    depth = 0
    for character in line:
        if character in "\u2066\u2067\u2068":
            depth += 1
        elif character == "\u2069":
            depth -= 1
        if depth < 0 or (depth and (character in "[→]" or (character.isalpha() and character.isascii()))):
            yield f"own words are turned: {line[:200]!a}"
        elif not depth and character in "\u202a\u202b\u202d\u202e\u200fש":
            yield f"foreign text is open: {line[:200]!a}"
    if depth:
        yield f"an isolate stays open: {line[:200]!a}"


def list_lines(value: Any) -> Iterator[str]:
    for text in read_lines(value):
        yield from text.split("\n")


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
@pytest.mark.parametrize("text", TURNED, ids=lambda text: ascii(text[:12]))
def test_foreign_text_turns_nothing_but_itself(text: str, t: Translator) -> None:
    for state, kind in ((ChangeState.PENDING, ChangeKind.EDIT), (ChangeState.FAILED, ChangeKind.ENABLE)):
        for message in list_messages(text, state, kind, t):
            for version in (message, message.shortened(1500)):
                faults = {fault for line in list_lines(list(version.blocks)) for fault in find_turned_words(line)}
                assert faults == set()
                assert set(find_turned_words(version.text.splitlines()[0])) == set()
            hints = [each.get("accessibility_label", "") for each in buttons_by_label(message).values()]
            assert {fault for hint in hints for fault in find_turned_words(hint)} == set()
