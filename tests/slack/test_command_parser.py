"""Words and arguments after `/flows` (README, "`/flows`")."""

from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.ids import ChannelId, FlowId, UserId, WebsiteId
from flowbot.domain.search import FlowQuery, SortOrder, find_website
from flowbot.domain.text import normalize_word, strip_invisible
from flowbot.errors import Text
from flowbot.i18n.command_words import load_command_words
from flowbot.i18n.translator import Translators
from flowbot.services.flow_queries import ListRequest
from flowbot.slack.listeners.commands.catalog import COMMANDS
from flowbot.slack.listeners.commands.change_command import ChangeArguments
from flowbot.slack.listeners.commands.command import TypedWord
from flowbot.slack.listeners.commands.list import ListCommand
from flowbot.slack.listeners.commands.parser import CommandParser, ParsedCommand
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.commands.words import Vocabulary

PARSER: Final = CommandParser(COMMANDS)


def find_mistake(text: str) -> Text:
    mistake = PARSER.parse(text).mistake
    assert mistake is not None
    return mistake.text


@pytest.mark.parametrize("text", ["", "   ", "help", "HELP", "yardım", "YARDIM", "Yardim", "help me", "help?"])
def test_help(text: str) -> None:
    assert PARSER.parse(text) == ParsedCommand("help")


@pytest.mark.parametrize(
    "text",
    [
        "show 12",
        "SHOW 12",
        "show #12 ",
        "göster 12",
        "GÖSTER 12",
        "goster  12",
        "Show: 12",
        "12",
        "#12",
        " 12 ",
        "１２",
        "＃１２",
        "١٢",
        "“12”",
        "<tel:12|12>",
        "show １２",
        "show ١٢",
        "show «12»",
        "“show 12”",
        "sh\u200bow\u00a01\u00ad2\ufeff",
        "\u202eshow 12\u202c",
        "show \u2060 12",
    ],
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
        ("12 13", "command.bad_id"),
        ("9" * 30, "command.bad_id"),
        ("show ½", "command.bad_id"),
        ("show " + "9" * 30, "command.bad_id"),
        ("list page:two", "list.bad_page"),
        ("list page:", "list.bad_page"),
        ("list page:-1", "list.bad_page"),
        ("list website:", "list.which_website"),
        ("list sort:", "list.bad_order"),
        ("liste sırala:eski", "list.bad_order"),
        ("list " + "x" * 600, "command.too_long"),
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
    ("typed", "english", "turkish"),
    [
        ("lst", "list", "liste"), ("lsite", "list", "liste"), ("yardm", "help", "yardım"), ("hepl", "help", "yardım"),
        ("shwo 12", "show 12", "göster 12"), ("gster 3", "show 3", "göster 3"),
        ("shwo #１２", "show #１２", "göster #１２"),
        ("ayar", "setup", "ayarlar"), ("onay", "approvals", "onaylar"), ("appr", "approvals", "onaylar"),
        ("ara kargo", "list kargo", "liste kargo"), ("find sale", "list sale", "liste sale"),
        ("yarat", "create", "oluştur"), ("AÇ 12 çok iyi", "enable 12 çok iyi", "etkinleştir 12 çok iyi"),
        ("devre dışı 12", "disable 12", "durdur 12"),
        ("pause 12 It's  over", "disable 12 It's  over", "durdur 12 It's  over"),
        ("delte 12 &lt;@U0EMMA&gt;", "delete 12 &lt;@U0EMMA&gt;", "sil 12 &lt;@U0EMMA&gt;"),
        ("delte 12 <@U0EMMA|emma>", "delete 12 <@U0EMMA|emma>", "sil 12 <@U0EMMA|emma>"),
        # In English words `etkin` is no state: the command would be another one.
        ("lise etkin", "liste etkin", "liste etkin"), ("lst enabled", "list enabled", "liste enabled"),
        ("xyzzy", "help", "yardım"), ("<!channel>", "help", "yardım"), ("xyzzy 12", "help", "yardım"),
    ],
)  # fmt: skip
def test_a_slip_is_answered_with_the_whole_command_that_was_meant(typed: str, english: str, turkish: str) -> None:
    suggestion = PARSER.parse(typed).suggestion
    assert suggestion is not None
    assert [PARSER.complete(suggestion, language) for language in ("en", "tr", "de")] == [english, turkish, english]
    # What is offered is understood, or answered with what is missing.
    assert PARSER.parse(english).suggestion is None


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
        ("liste devredışı", ListRequest(FlowQuery(is_enabled=False))),
        ("liste Devre Dışı kargo", ListRequest(FlowQuery(("kargo",), is_enabled=False))),
        ("liste kargo durdurulmuş", ListRequest(FlowQuery(("kargo",), is_enabled=False))),
        ('liste "devre" dışı', ListRequest(FlowQuery(("devre", "dışı")))),
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
        ("list «black friday» ‘cyber monday’", ListRequest(FlowQuery(("black friday", "cyber monday")))),
        ("list „çok ucuz“ ‹yeni›", ListRequest(FlowQuery(("çok ucuz", "yeni")))),
        ("list ‘Anne’nin günü’", ListRequest(FlowQuery(("Anne’nin günü",)))),
        ("list Valentine’s day", ListRequest(FlowQuery(("Valentine’s", "day")))),
        ("list website:«Lale Moda»", ListRequest(website="Lale Moda")),
        ("list ｗｅｂｓｉｔｅ：２ page:“３”", ListRequest(website="２", page=3)),
        ("list pa\u200bge:٢", ListRequest(page=2)),
        ("“list kargo”", ListRequest(FlowQuery(("kargo",)))),
        ("list \u200b kar\u00adgo\ufeff", ListRequest(FlowQuery(("kargo",)))),
        ("list 👩\u200d💻", ListRequest(FlowQuery(("👩💻",)))),
        ("list page:0", ListRequest(page=0)),
        ("list sort:Best sale", ListRequest(FlowQuery(("sale",), order=SortOrder.BEST))),
        ("list sort:name sort:sent", ListRequest(FlowQuery(order=SortOrder.SENT))),
        ("liste SIRALA:kötü", ListRequest(FlowQuery(order=SortOrder.WORST))),
        ("liste sırala:new", ListRequest(FlowQuery())),
        ("list sort", ListRequest(FlowQuery(("sort",)))),
    ],
)
def test_list(text: str, request_: ListRequest) -> None:
    assert PARSER.parse(text) == ParsedCommand("list", request_)


INVISIBLE: Final = (
    "\u200b\ufeff\u2060\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u034f\u180e\0"
)
BLANKS: Final = " \t\u00a0\u2003\u2007\u202f\u3000\u2800"
QUOTES: Final = ["''", '""', "‘’", "“”", "„“", "«»", "»«", "‹›", "‚‘", "””"]
ZEROS: Final = "0０٠۰०"


@st.composite
def decorations(draw: st.DrawFn, command: str) -> str:
    """Write a command as it looks alike: invisible characters, other blanks and digits, quotes around numbers."""
    words = []
    for word in command.split(" "):
        hidden = draw(st.lists(st.text(INVISIBLE, max_size=2), min_size=len(word) + 1, max_size=len(word) + 1))
        zero = ord(draw(st.sampled_from(ZEROS)))
        seen = [chr(zero + int(letter)) if letter.isdecimal() else letter for letter in word]
        written = hidden[0] + "".join(map("".join, zip(seen, hidden[1:], strict=True)))
        quotes = draw(st.sampled_from(QUOTES)) if word.isdecimal() and draw(st.booleans()) else ("", "")
        words.append(quotes[0] + written + quotes[1])
    around = st.text(BLANKS + INVISIBLE, max_size=3)
    between = [draw(around) + draw(st.sampled_from(BLANKS)) + draw(around) for _ in words[1:]]
    text = words[0] + "".join(blank + word for blank, word in zip(between, words[1:], strict=True))
    return draw(around) + text + draw(around)


@given(st.data())
@pytest.mark.parametrize(
    "command",
    ["12", "#12", "help", "list", "list kargo enabled page:12", "liste etkin sayfa:3", "list website:7 page:2",
     "show 1001",
     "göster 12", "create", "düzenle 7", "kopyala 8", "etkinleştir 12", "enable #12", "history", "geçmiş 12"],
)  # fmt: skip
def test_a_command_is_read_as_what_it_looks_like(command: str, data: st.DataObject) -> None:
    expected, parsed = PARSER.parse(command), PARSER.parse(data.draw(decorations(command)))
    if isinstance(expected.arguments, ListRequest) and expected.arguments.website is not None:
        # The digits of a website's number are read where websites are known.
        assert find_website(parsed.arguments.website, {WebsiteId(7): "Shop"}) == WebsiteId(7)
        parsed = replace(parsed, arguments=replace(parsed.arguments, website=expected.arguments.website))
    assert parsed == expected


@given(st.data(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>&"), min_size=1, max_size=60))
def test_a_reason_stays_as_it_was_typed(data: st.DataObject, reason: str) -> None:
    parsed = PARSER.parse(f"{data.draw(decorations('disable 12'))} .{reason}.")
    assert parsed == ParsedCommand("disable", ChangeArguments(FlowId(12), TypedText(f".{reason}.")))


@pytest.mark.parametrize(
    ("text", "reason", "times"),
    [
        ("enable 12 at 09:00", "", ["at 09:00"]),
        ("enable 12 at 09:00 <@U0AYSE|ayse> said\nso", "<@U0AYSE|ayse> said\nso", ["at 09:00"]),
        ("enable 12 a  b at mon 09:00  c", "a  b c", ["at mon 09:00"]),
        ("etkinleştir 12 saat 09:00 bitiş cuma 18:00 &lt;b&gt;", "&lt;b&gt;", ["saat 09:00", "bitiş cuma 18:00"]),
        ("enable 12 we meet at noon until late", "we meet at noon until late", []),
        ("“enable 12 at 09:00”", "", ["at 09:00"]),
        ("enable 12 at <tel:20261224|2026-12-24 09:00> x", "x", ["at 2026-12-24 09:00"]),
        ("delete 12 at 9 people", "people", ["at 9"]),
    ],
)
def test_times_are_taken_out_of_a_reason(text: str, reason: str, times: list[str]) -> None:
    arguments = PARSER.parse(text).arguments
    assert (arguments.reason.sent, [each.given for each in arguments.times]) == (reason, times)


@given(st.text(max_size=700))
def test_any_text_is_a_command_a_suggestion_or_a_sentence(text: str) -> None:
    parsed = PARSER.parse(text)
    assert parsed.word in {"help", "list", "show"} or parsed.mistake or parsed.suggestion
    if parsed.suggestion:
        assert PARSER.complete(parsed.suggestion, "tr")


@pytest.mark.parametrize(
    ("sent", "person", "channel"),
    [
        ("<@U0EMMA|emma>", UserId("U0EMMA"), None),
        ("<@W0EMMA>", UserId("W0EMMA"), None),
        ("\u2068<@U0EMMA|Emma de la Cruz>\u2069 ", UserId("U0EMMA"), None),
        ("<#C0MARKETING|marketing>", None, ChannelId("C0MARKETING")),
        ("<#C0MARKETING|>", None, ChannelId("C0MARKETING")),
        ("&lt;@U0EMMA&gt;", None, None),
        ("&amp;lt;@U0EMMA&amp;gt;", None, None),
        ("&lt;#C0MARKETING|marketing&gt;", None, None),
        ("@U0EMMA", None, None),
        ("U0EMMA", None, None),
        ("<!channel>", None, None),
        ("<!subteam^S0EDITORS>", None, None),
        ("<https://x.example/@U0EMMA|@U0EMMA>", None, None),
        ("<@U0EMMA|emma> <@U0AYSE|ayse>", None, None),
    ],
)
def test_an_id_is_read_as_slack_sent_it(sent: str, person: UserId | None, channel: ChannelId | None) -> None:
    typed = TypedText(sent)
    assert (typed.person, typed.channel) == (person, channel)


def test_a_name_with_blanks_is_one_word() -> None:
    first, rest = TypedText("<@U0EMMA|Emma de la Cruz> until monday").split_first()
    assert (first.person, rest.text) == ("U0EMMA", "until monday")


@pytest.mark.parametrize("language", ["en", "tr"])
def test_what_the_help_shows_is_understood_in_its_language(language: str) -> None:
    t = Translators(fixed=language, zone=ZoneInfo("Europe/Istanbul")).for_reader(None)
    for command in COMMANDS:
        for usage in t(f"usage.{command.word}").split("\n"):
            typed, _, _ = usage.removeprefix("/flows ").partition(" — ")
            parsed = PARSER.parse(typed)
            assert (parsed.word, parsed.is_understood) == (command.word, True), typed
            if command is ListCommand and (words := parsed.arguments.query.words):
                assert words in {("spring", "sale"), ("bahar", "indirimi")}, typed


@given(st.text(st.characters(exclude_characters="<>|&")))
def test_what_slack_escapes_comes_back_as_it_was_typed(text: str) -> None:
    escaped = f"{text}&amp;&lt;{text}&gt;"
    assert TypedText(escaped).text == strip_invisible(f"{text}&<{text}>")


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


@pytest.mark.parametrize(
    ("typed", "website", "rest"),
    [
        ("stop all", None, ""), ("STOP ALL wrong prices", None, "wrong prices"), ("hepsinidurdur hepsi", None, ""),
        ("stop website:2 wrong &lt;b&gt; <@U0EMMA>", "2", "wrong &lt;b&gt; <@U0EMMA>"),
        ("stop website:“Lale Moda” it’s wrong", "Lale Moda", "it’s wrong"), ("stop site:'Lale Moda'", "Lale Moda", ""),
        ("hepsinidurdur SİTE:Lale Moda yanlış", "Lale", "Moda yanlış"),
        ("stop website:O'Neill shop", "O'Neill", "shop"),
    ],
)  # fmt: skip
def test_which_flows_to_stop_stands_first(typed: str, website: str | None, rest: str) -> None:
    parsed = PARSER.parse(typed)
    assert (parsed.word, parsed.mistake) == ("stop", None)
    assert (parsed.arguments.website, parsed.arguments.rest.sent) == (website, rest)


@pytest.mark.parametrize("typed", ["stop", "stop it", "stop wrong prices website:2", "hepsinidurdur Lale"])
def test_without_it_nothing_is_stopped(typed: str) -> None:
    assert find_mistake(typed).key == "stop_all.which"
