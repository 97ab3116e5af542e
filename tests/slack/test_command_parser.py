"""Words and arguments after `/flows` (README, "`/flows`")."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.ids import FlowId
from flowbot.domain.search import FlowQuery
from flowbot.errors import Text
from flowbot.i18n.command_words import load_command_words
from flowbot.services.flow_queries import ListRequest
from flowbot.slack.listeners.commands.catalog import COMMANDS
from flowbot.slack.listeners.commands.command import TypedWord
from flowbot.slack.listeners.commands.parser import CommandParser, ParsedCommand, unescape
from flowbot.slack.listeners.commands.words import Vocabulary, normalize_word

PARSER: Final = CommandParser(COMMANDS)


def find_mistake(text: str) -> Text:
    mistake = PARSER.parse(text).mistake
    assert mistake is not None
    return mistake.text


@pytest.mark.parametrize("text", ["", "   ", "help", "HELP", "yardım", "YARDIM", "Yardim", "help me", "help?"])
def test_help(text: str) -> None:
    assert PARSER.parse(text) == ParsedCommand("help")


@pytest.mark.parametrize(
    "text", ["show 12", "SHOW 12", "show #12 ", "göster 12", "GÖSTER 12", "goster  12", "Show: 12"]
)
def test_show(text: str) -> None:
    assert PARSER.parse(text) == ParsedCommand("show", FlowId(12))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("show", "command.needs_id"),
        ("show twelve", "command.bad_id"),
        ("show -1", "command.bad_id"),
        ("show 1.5", "command.bad_id"),
        ("show 12 13", "command.bad_id"),
        ("show ١٢", "command.bad_id"),
        ("show " + "9" * 30, "command.bad_id"),
        ("list page:two", "list.bad_page"),
        ("list page:", "list.bad_page"),
        ("list page:-1", "list.bad_page"),
        ("list website:", "list.which_website"),
        ("list " + "x" * 600, "command.too_long"),
        ("lst", "command.did_you_mean"),
        ("lsite", "command.did_you_mean"),
        ("xyzzy", "command.unknown"),
        ("<!channel>", "command.unknown"),
    ],
)
def test_mistakes_get_a_sentence(text: str, key: str) -> None:
    assert find_mistake(text).key == key


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("show", "show"), ("SHOW x", "show"), ("göster", "göster"), ("GOSTER x", "göster"), ("geçmiş x", "geçmiş"),
        ("düzenle", "düzenle"), ("kopyala", "kopyala"), ("etkinleştir", "etkinleştir"), ("sil x", "sil"),
        ("Durdur", "durdur"), ("delete", "delete"),
    ],
)  # fmt: skip
def test_the_example_is_in_the_language_that_was_typed(typed: str, word: str) -> None:
    assert find_mistake(typed).params["verb"] == word


@pytest.mark.parametrize(
    ("typed", "near"),
    [("lst", "list"), ("shwo 12", "show"), ("yardm", "yardım"), ("gster 3", "göster"), ("hepl", "help")],
)
def test_a_slip_is_answered_with_what_was_meant(typed: str, near: str) -> None:
    assert find_mistake(typed).params["near"] == near


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("ayar", "ayarlar"), ("onay", "onaylar"), ("appr", "approvals"),
        ("ara kargo", "liste"), ("yarat", "oluştur"), ("AÇ 12", "etkinleştir"), ("devre dışı", "durdur"),
        ("find sale", "list"), ("stop 12", "disable"), ("12", "show 12"), ("#12", "show #12"),
    ],
)  # fmt: skip
def test_another_word_for_a_command_or_its_beginning_is_answered_with_what_was_meant(typed: str, near: str) -> None:
    assert find_mistake(typed).params["near"] == near


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("list", ListRequest()),
        ("LİSTE", ListRequest()),
        ("LISTE", ListRequest()),
        ("list spring sale", ListRequest(FlowQuery(("spring", "sale")))),
        ("list enabled", ListRequest(FlowQuery(is_enabled=True))),
        ("list Disabled sale", ListRequest(FlowQuery(("sale",), is_enabled=False))),
        ("liste etkin", ListRequest(FlowQuery(is_enabled=True))),
        ("liste DURDURULMUŞ kargo", ListRequest(FlowQuery(("kargo",), is_enabled=False))),
        ('liste "etkin"', ListRequest(FlowQuery(("etkin",)))),
        ("liste etkinlik", ListRequest(FlowQuery(("etkinlik",)))),
        ('list "winter', ListRequest(FlowQuery(("winter",)))),
        ('list 5"', ListRequest(FlowQuery(('5"',)))),
        ("list etkin", ListRequest(FlowQuery(("etkin",)))),
        ('list "enabled"', ListRequest(FlowQuery(("enabled",)))),
        ("list “black friday” page:3", ListRequest(FlowQuery(("black friday",)), page=3)),
        ("list website:Shop", ListRequest(website="Shop")),
        ('list website:"Lale Moda" x', ListRequest(FlowQuery(("x",)), website="Lale Moda")),
        ("list a site:2 b", ListRequest(FlowQuery(("a", "b")), website="2", website_at=1)),
        ("list sayfa:2", ListRequest(page=2)),
        ("liste SİTE:2 SAYFA:3", ListRequest(website="2", page=3)),
        ("liste sıte:2", ListRequest(website="2")),
        ("list payload", ListRequest(FlowQuery(("payload",)))),
        ("list A&amp;B", ListRequest(FlowQuery(("A&B",)))),
        ("list <https://x.example|x.example>", ListRequest(FlowQuery(("x.example",)))),
        ("list website", ListRequest(FlowQuery(("website",)))),
        ("list page:0", ListRequest(page=0)),
    ],
)
def test_list(text: str, request_: ListRequest) -> None:
    assert PARSER.parse(text) == ParsedCommand("list", request_)


@given(st.text(max_size=700))
def test_any_text_is_a_command_or_a_sentence(text: str) -> None:
    parsed = PARSER.parse(text)
    assert parsed.word in {"help", "list", "show"} or parsed.mistake


@given(st.text(st.characters(exclude_characters="<>|&")))
def test_what_slack_escapes_comes_back_as_it_was_typed(text: str) -> None:
    escaped = f"{text}&amp;&lt;{text}&gt;"
    assert unescape(escaped) == f"{text}&<{text}>"


def test_no_word_means_two_commands() -> None:
    means: dict[str, set[str]] = {}
    for command in COMMANDS:
        own = [words.commands[command.word] for words in load_command_words().values()]
        for word in (command.word, *command.synonyms, *(word for each in own for word in (each.word, *each.synonyms))):
            means.setdefault(normalize_word(word), set()).add(command.word)
    assert {word: commands for word, commands in means.items() if len(commands) > 1} == {}


def test_a_word_of_two_languages_is_of_both() -> None:
    words = load_command_words()["tr"]
    vocabulary = Vocabulary(COMMANDS, {"de": words, "tr": words})
    assert vocabulary.find("LISTE") == TypedWord("list", "liste", ("de", "tr"))
    assert vocabulary.find("list") == TypedWord("list", "list", ("en",))
