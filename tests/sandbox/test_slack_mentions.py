"""What becomes a mention, a broadcast or a link, and what stays text."""

from typing import Any

import pytest

from flowbot.sandbox.slack import Message, SlackSandbox, View, text_of
from flowbot.sandbox.slack.headlines import find_headline_fault

SANDBOX = SlackSandbox()


def found(text: str = "", blocks: list[dict[str, Any]] | None = None) -> list[tuple[str, str]]:
    message = Message("1.1", "C0MARKETING", "U0FLOWBOT", text, blocks=blocks)
    return [(m.kind, m.value) for m in SANDBOX.find_mentions(message)]


def section(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "section", "text": {"type": "mrkdwn", "text": text, **more}}]


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("<@U0AYSE> and <@U0AYSE|ayse>", [("user", "U0AYSE"), ("user", "U0AYSE")]),
        ("<!here> <!channel> <!everyone>", [("broadcast", n) for n in ("here", "channel", "everyone")]),
        ("<!subteam^S0LEADS|@leads>", [("usergroup", "S0LEADS")]),
        ("<#C0RANDOM>", [("channel", "C0RANDOM")]),
        ("<https://a.example|Shop>", [("link", "https://a.example")]),
        ("<!date^1^{date}^https://a.example|then>", [("link", "https://a.example")]),
        ("<!date^1^{date}|then>", []),
        ("&lt;@U0AYSE&gt; &lt;!here&gt;", []),
        ("@everyone look", [("broadcast", "everyone")]),
        ("see https://a.example/x?y=1&amp;z", [("link", "https://a.example/x?y=1&z")]),
        ("go to evil.com/now", [("link", "evil.com/now")]),
        ("in #random", [("channel", "C0RANDOM")]),
        ("mail a@everyone.example", []),
        ("10.5 % of 3.000 visits, v1.2", []),
    ],
)
def test_what_mrkdwn_turns_into_more_than_text(text: str, mentions: list[tuple[str, str]]) -> None:
    assert found(blocks=section(text)) == mentions
    assert found(text) == mentions


@pytest.mark.parametrize("text", ["@everyone", "@here", "https://a.example", "evil.com", "#random", "&lt;!here&gt;"])
def test_verbatim_text_that_is_escaped_stays_text(text: str) -> None:
    assert found(blocks=section(text, verbatim=True)) == []


def test_verbatim_does_not_disarm_what_is_not_escaped() -> None:
    assert found(blocks=section("<!here>", verbatim=True)) == [("broadcast", "here")]


def test_plain_text_becomes_nothing() -> None:
    assert found(blocks=[{"type": "header", "text": {"type": "plain_text", "text": "<!here> https://a.b @here"}}]) == []


def test_markdown_links_are_links() -> None:
    assert found(blocks=[{"type": "markdown", "text": "[x](https://a.example) <@U0AYSE>"}]) == [
        ("user", "U0AYSE"),
        ("link", "https://a.example"),
    ]


def test_rich_text_mentions_by_its_elements_alone() -> None:
    elements = [
        {"type": "text", "text": "<!here> @here https://a.example "},
        {"type": "user", "user_id": "U0AYSE"},
        {"type": "usergroup", "usergroup_id": "S0LEADS"},
        {"type": "broadcast", "range": "here"},
        {"type": "link", "url": "https://a.example", "text": "Shop"},
    ]
    lines = [{"type": "rich_text_section", "elements": elements}]
    block = {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": lines}]}
    assert found(blocks=[block]) == [
        ("user", "U0AYSE"),
        ("usergroup", "S0LEADS"),
        ("broadcast", "here"),
        ("link", "https://a.example"),
    ]


def test_texts_are_found_wherever_they_stand() -> None:
    hostile = {"type": "mrkdwn", "text": "<!here>"}
    blocks: list[dict[str, Any]] = [
        {"type": "section", "fields": [hostile]},
        {"type": "context", "elements": [hostile]},
        {"type": "card", "title": hostile, "body": hostile},
        {"type": "carousel", "elements": [{"type": "card", "subtitle": hostile}]},
        {"type": "container", "child_blocks": section("<!here>"), "subtitle": hostile},
        {"type": "actions", "elements": [{"type": "button", "confirm": {"text": hostile}}]},
        {"type": "actions", "elements": [{"type": "radio_buttons", "options": [{"text": hostile}]}]},
    ]
    assert found(blocks=blocks) == [("broadcast", "here")] * 9


def test_views_are_searched_like_messages() -> None:
    view = View("V1", "U0AYSE", "home", section("<!here>"), "h")
    assert [m.value for m in SANDBOX.find_mentions(view)] == ["here"]


def test_text_of_is_what_a_person_reads() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": "Flows"}},
        *section("*Sale* &lt;b&gt; <https://a.example|Shop> <!date^1^{date}|1 May>"),
        {
            "type": "actions",
            "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Next"}, "value": "7"}],
        },
        {"type": "table", "rows": [[{"type": "raw_text", "text": "Name"}, {"type": "raw_number", "value": 3}]]},
    ]
    message = Message("1.1", "C0MARKETING", "U0FLOWBOT", "the notification", blocks=blocks)
    assert text_of(message) == "Flows\n*Sale* <b> Shop 1 May\nNext\nName\n3"
    assert text_of(Message("1.1", "C0MARKETING", "U0FLOWBOT", "a &amp; b")) == "a & b"


@pytest.mark.parametrize(
    ("text", "blocks", "is_wrong"),
    [
        ("Flow\u2060#\u206012 &amp; more", section("Flow#12 & more, and what follows"), False),
        ("Flow 12 is…", section("Flow 12 is live"), False),
        ("Asked by <@U0AYSE>", [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "text", "text": "Asked by "}, {"type": "user", "user_id": "U0AYSE"}]}]}], False),
        ("An answer for you", section("Flow 12 is live"), True),
        ("", section("Flow 12 is live"), True),
        ("Flow <!here>", section("Flow !here"), True),
    ],
)  # fmt: skip
def test_a_headline_that_differs_is_found(text: str, blocks: list[dict[str, Any]], is_wrong: bool) -> None:
    message = Message("1.1", "C0MARKETING", "U0FLOWBOT", text, blocks=blocks)
    assert (find_headline_fault(message, SANDBOX.workspace) is not None) is is_wrong
