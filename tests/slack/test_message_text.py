"""The text of a message in Slack, as a push takes it."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.fields import FIELDS, fits_field
from flowbot.slack.payloads.message_text import PushText, read_push_text

RICH: dict[str, Any] = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "Winter *sale* "},
                {"type": "emoji", "name": "tada", "unicode": "1f389"},
                {"type": "user", "user_id": "U0EMMA"},
                {"type": "text", "text": "\n\nUp to "},
                {"type": "text", "text": "50%", "style": {"bold": True}},
                {"type": "text", "text": " off: "},
                {"type": "link", "url": "https://shop.example/"},
            ],
        },
        {
            "type": "rich_text_list",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "coats"}]}],
        },
    ],
}


@pytest.mark.parametrize(
    ("text", "title", "description"),
    [
        ("Winter sale", "Winter sale", ""),
        ("  Winter sale \r\n\r\n Up to 50% off\nUntil Sunday ", "Winter sale", "Up to 50% off\nUntil Sunday"),
        ("*Winter _sale_*\n~old~ `new`", "Winter sale", "old new"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4", ""),
        ("A &amp; B &lt;3", "A & B <3", ""),
        ("See <https://x.example/a|our page> or <https://y.example>", "See our page or https://y.example", ""),
        ("<!here> <@U0EMMA> Sale in <#C0SHOP|shop>", "Sale in #shop", ""),
        ("On <!date^1^{date}|24 Dec>", "On 24 Dec", ""),
        ("&lt;@U0EMMA&gt;", "<@U0EMMA>", ""),
    ],
)
def test_a_text_is_split_after_its_first_line(text: str, title: str, description: str) -> None:
    assert read_push_text({"text": text}) == PushText(title, description, is_cut=False)


def test_rich_text_is_read_as_it_is_seen() -> None:
    found = read_push_text({"text": "Winter :tada:", "blocks": [RICH, {"type": "divider"}]})
    assert found == PushText("Winter *sale* 🎉", "Up to 50% off: https://shop.example/\n• coats", is_cut=False)


@pytest.mark.parametrize("message", [{}, {"text": None}, {"text": " \u200b\n"}, {"text": "<@U0EMMA>"}, {"blocks": "x"}])
def test_a_message_without_words_has_no_text(message: dict[str, Any]) -> None:
    assert read_push_text(message) is None


def test_what_does_not_fit_is_cut() -> None:
    limit = FIELDS["title"].max_utf16
    found = read_push_text({"text": f"{'😀' * limit}\n{'x' * 5000}"})
    assert found == PushText("😀" * (limit // 2), "x" * FIELDS["description"].max_utf16, is_cut=True)


ANYTHING = st.recursive(st.none() | st.text(max_size=9) | st.integers(), lambda each: st.lists(each, max_size=3))


@given(
    st.text(max_size=5000),
    st.lists(ANYTHING | st.fixed_dictionaries({"type": st.just("rich_text"), "elements": ANYTHING})),
)
def test_any_message_is_read(text: str, blocks: list[Any]) -> None:
    found = read_push_text({"text": text, "blocks": blocks})
    if found is not None:
        assert found.title
        assert fits_field("title", found.title)
        assert fits_field("description", found.description)


@pytest.mark.parametrize("word", ["*a ", " _a", "*a* ", "*_~`a", "*a _b ~c `d ", "<a|", "&amp;"])
def test_a_long_text_is_read_at_once(word: str) -> None:
    started = time.process_time()
    assert read_push_text({"text": word * (40_000 // len(word))}) is not None
    assert time.process_time() - started < 3
