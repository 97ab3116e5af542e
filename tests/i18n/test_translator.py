"""Every message in every language, and every key that the code names among them."""

import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

import flowbot
from flowbot.domain.breaker import Limit
from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.findings import FindingEnd
from flowbot.domain.policy import Permission, Reason
from flowbot.domain.progress import ClosureKind, ImageFault
from flowbot.domain.search import SortOrder
from flowbot.errors import EnkapushStatus
from flowbot.i18n.command_words import load_command_words
from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.translator import Translators, _read_catalog
from flowbot.services.flow_statistics import Basis
from flowbot.services.quorum import Fitness
from flowbot.slack.forms.reason import ReasonPurpose
from flowbot.slack.listeners.commands.catalog import COMMANDS

ISTANBUL = ZoneInfo("Europe/Istanbul")
SOURCE = Path(flowbot.__file__).parent
GROUPS = (
    "list|flow|form|lint|field|stat|show|stats|button|hint|share|action|command|slow|denied|fault|help|role|usage|unit"
    "|not_done|unknown|applied|expired|out_of_date|history|setup|home|finding|freeze|request|headline|next|notice|outside"
    "|place|sentence|served|stop_all|shortcut|when|window|breaker|digest|stage|absence|remark|audience|escalation"
    "|workflow"
)
KEY = re.compile(rf"""["']((?:{GROUPS})\.[a-z_]+)["']""")


KEYS_OF_OLDER_OUTCOMES = {
    "not_done.picture",
    "not_done.ignored",
    "not_done.ignored_it",
    "not_done.looked",
    "not_done.under_way",
    "unknown.edit_partly",
    "unknown.not_read_back",
}
"""Keys that outcomes stored by older versions hold."""


def read_messages(language: str) -> dict[str, tuple[str, ...]]:
    messages = {}
    for message in _read_catalog(language):
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            messages[key] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return messages


CATALOGS = {language: read_messages(language) for language in LANGUAGES}


def find_placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_say_the_same_things(language: str) -> None:
    assert CATALOGS[language].keys() == CATALOGS["en"].keys()


def test_no_message_is_empty_and_placeholders_agree() -> None:
    texts = {key: [text for language in LANGUAGES for text in CATALOGS[language][key]] for key in CATALOGS["en"]}
    assert [key for key, said in texts.items() if not all(text.strip() for text in said)] == []
    agreeing = {key: {frozenset(find_placeholders(text)) for text in said} for key, said in texts.items()}
    assert {key: found for key, found in agreeing.items() if len(found) != 1} == {}


@pytest.mark.parametrize("language", load_command_words())
def test_texts_teach_the_words_of_their_language(language: str) -> None:
    words = load_command_words()[language]
    other = {command.word for command in COMMANDS} - {own.word for own in words.commands.values()}
    keys = {"website", "page", "sort"} - {words.filter.website, words.filter.page, words.filter.sort}
    english = re.compile("|".join([*(rf"\b{key}:" for key in keys), *(rf"/flows {word}\b" for word in other)]))
    taught = {key: text for key, texts in CATALOGS[language].items() for text in texts if english.search(text)}
    assert taught == {}


@pytest.mark.parametrize("language", load_command_words())
def test_every_command_has_its_word_in_each_language(language: str) -> None:
    assert set(load_command_words()[language].commands) == {command.word for command in COMMANDS}


@pytest.mark.parametrize("language", load_command_words())
def test_every_order_has_its_word_in_each_language(language: str) -> None:
    assert set(load_command_words()[language].filter.orders) == set(SortOrder)


def find_keys_in_code() -> set[str]:
    files = (file for file in SOURCE.rglob("*.py") if "sandbox" not in file.parts)
    found = {key for file in files for key in KEY.findall(file.read_text())}
    derived = {reason.key for reason in Reason if reason is not Reason.GRANTED}
    derived |= {f"role.{role}" for role in Permission if role is not Permission.SHARE}
    derived |= {f"denied.only_{right}" for right in (Permission.EDIT, Permission.APPROVE, Permission.BREAK_GLASS)}
    derived |= {f"unit.{unit}" for unit in ("second", "minute", "hour", "day", "week", "byte")}
    derived |= {f"list.order_{order}" for order in SortOrder}
    derived |= {f"kind.{kind}" for kind in ChangeKind}
    derived |= {f"request.state_{state}" for state in ChangeState}
    derived |= {f"request.to_{kind}" for kind in ChangeKind}
    derived |= {f"headline.{state}_{kind}" for state in ("applied", "failed", "unknown") for kind in ChangeKind}
    derived |= {f"headline.scheduled_{kind}" for kind in ("edit", "enable", "disable", "delete")}
    derived |= {f"headline.{state}" for state in ("applying", "rejected", "withdrawn", "expired", "out_of_date")}
    derived |= {f"{part}_{purpose}" for part in ("request.title", "request.about") for purpose in ReasonPurpose}
    derived |= {f"button.{purpose}" for purpose in ReasonPurpose}
    derived |= {f"next.applied_{kind}" for kind in ChangeKind}
    derived |= {f"next.{state}" for state in ("failed", "unknown", "rejected", "withdrawn", "expired", "out_of_date")}
    derived |= {f"applied.{kind}" for kind in ChangeKind}
    derived |= {
        f"unknown.{kind}" for kind in (ChangeKind.EDIT, ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE)
    }
    derived |= {f"request.picture_{fault}" for fault in ImageFault}
    derived |= {f"history.cause_{cause}" for cause in DisableCause}
    derived |= {f"outside.{word}_{end}" for word in ("closed", "late") for end in FindingEnd}
    derived |= {f"outside.answer_{end}" for end in (FindingEnd.REVERTED, FindingEnd.DISABLED)}
    derived |= {f"outside.was_{kind}" for kind in ChangeKind if kind is not ChangeKind.RESTORE}
    derived |= {f"absence.stand_in_{fitness}" for fitness in Fitness if fitness is not Fitness.FIT}
    derived |= {f"breaker.{limit}" for limit in Limit}
    derived |= {f"digest.did_{kind}" for kind in ChangeKind}
    derived |= {f"stats.{basis}" for basis in Basis if basis is not Basis.DAYS}
    derived |= KEYS_OF_OLDER_OUTCOMES
    derived |= {f"applied.{kind}_twice" for kind in (ChangeKind.CREATE, ChangeKind.RESTORE)}
    derived |= {f"request.late_{state}" for state in ChangeState if state is not ChangeState.PENDING}
    derived |= {f"request.late_by_{ending}" for ending in ClosureKind}
    derived |= {
        f"{prefix}{status}" for prefix in ("fault.enkapush_", "not_done.") for status in get_args(EnkapushStatus)
    }
    derived |= {"when.delete_at", "when.delete_until", "when.disable_until", "when.two_at", "when.two_until"}
    return found | derived | {f"usage.{command.word}" for command in COMMANDS}


def test_every_key_in_the_code_has_its_words_and_none_is_left_over() -> None:
    assert find_keys_in_code() == set(CATALOGS["en"])


@pytest.mark.parametrize(
    ("locale", "number", "rate", "moment"),
    [
        ("tr-TR", "1.234", "%4,2", "3 Oca 2026 15:04"),
        ("en-GB", "1,234", "4.2%", "3 Jan 2026 15:04"),
        ("en-US", "1,234", "4.2%", "Jan 3, 2026 3:04\N{NARROW NO-BREAK SPACE}PM"),
        ("eo", "1,234", "4.2%", "Jan 3, 2026 3:04\N{NARROW NO-BREAK SPACE}PM"),
        (None, "1,234", "4.2%", "Jan 3, 2026 3:04\N{NARROW NO-BREAK SPACE}PM"),
        ("nonsense!", "1,234", "4.2%", "Jan 3, 2026 3:04\N{NARROW NO-BREAK SPACE}PM"),
    ],
)
def test_numbers_rates_and_times_take_the_readers_form(locale: str | None, number: str, rate: str, moment: str) -> None:
    t = Translators(fixed=None, zone=ISTANBUL).for_reader(locale)
    assert t.format_number(1234) == number
    assert t.format_percent(0.0423) == rate
    assert t.format_datetime(datetime(2026, 1, 3, 12, 4, tzinfo=UTC)) == moment


def test_times_are_in_the_readers_zone() -> None:
    t = Translators(fixed=None, zone=ISTANBUL).for_reader("en-GB", "Europe/London")
    assert t.format_datetime(datetime(2026, 1, 3, 12, 4, tzinfo=UTC)) == "3 Jan 2026 12:04"


def test_a_fixed_language_is_spoken_with_everybody() -> None:
    locales = Translators(fixed="tr", zone=ISTANBUL)
    assert locales.for_reader("en-GB").language == "tr"
    assert locales.for_reader(None)("button.next") == "Sonraki"


@pytest.mark.parametrize(
    ("seconds", "english", "turkish"),
    [
        (900, "15 minutes", "15 dakika"),
        (3600, "1 hour", "1 saat"),
        (86_400, "1 day", "1 gün"),
        (259_200, "3 days", "3 gün"),
        (2_419_200, "4 weeks", "4 hafta"),
        (61, "61 seconds", "61 saniye"),
    ],
)
def test_spans_are_told_in_the_largest_exact_unit(seconds: int, english: str, turkish: str) -> None:
    locales = Translators(fixed=None, zone=ISTANBUL)
    assert locales.for_reader("en-GB").format_duration(seconds) == english
    assert locales.for_reader("tr-TR").format_duration(seconds) == turkish


@pytest.mark.parametrize(
    ("size", "english", "turkish"),
    [
        (1, "1 byte", "1 bayt"),
        (1023, "1,023 bytes", "1.023 bayt"),
        (72_900, "71 KB", "71 KB"),
        (10 * 1024**2, "10 MB", "10 MB"),
        (2_650_000, "2.5 MB", "2,5 MB"),
    ],
)
def test_sizes_are_told_shortly(size: int, english: str, turkish: str) -> None:
    locales = Translators(fixed=None, zone=ISTANBUL)
    assert locales.for_reader("en-GB").format_size(size) == english
    assert locales.for_reader("tr-TR").format_size(size) == turkish


@pytest.mark.parametrize(
    ("seconds", "english", "turkish"),
    [
        (-2, "just now", "az önce"),
        (59, "just now", "az önce"),
        (65, "1 minute ago", "1 dakika önce"),
        (180, "3 minutes ago", "3 dakika önce"),
        (4000, "1 hour ago", "1 saat önce"),
        (90_000, "1 day ago", "1 gün önce"),
    ],
)
def test_ages_are_told_as_a_person_would(seconds: int, english: str, turkish: str) -> None:
    now = datetime(2026, 1, 3, 12, 4, tzinfo=UTC)
    locales = Translators(fixed=None, zone=ISTANBUL)
    assert locales.for_reader("en-GB").format_time_ago(now - timedelta(seconds=seconds), now) == english
    assert locales.for_reader("tr-TR").format_time_ago(now - timedelta(seconds=seconds), now) == turkish


def test_a_time_to_come_is_a_date_or_a_date_of_a_year() -> None:
    locales, now = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul")), datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
    british, turkish = locales.for_reader("en-GB"), locales.for_reader("tr-TR")
    moments = [now + timedelta(days=days) for days in (0, 5, 330)]
    assert [british.format_moment(at, now) for at in moments] == [
        "30 Nov 09:00", "5 Dec 09:00", "26 Oct 2027 09:00"
    ]  # fmt: skip
    assert [turkish.format_moment(at, now) for at in moments] == [
        "30 Kas 09:00", "5 Ara 09:00", "26 Eki 2027 09:00"
    ]  # fmt: skip
