"""Policies as a file: what is accepted comes back unchanged, what is refused says where and why."""

import json
import tomllib
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook, WebsiteRename
from flowbot.domain.text import is_blank
from flowbot.domain.website_names import find_name_problems
from flowbot.services.policy_files import (
    PolicyFileError,
    dump_book,
    export_policies,
    import_book,
    parse_book,
    read_policy_file,
)
from flowbot.services.ports.policies import ChannelScope, FreezeReplacement

EXAMPLE = """\
[websites]
1 = "Shop"
2 = "Blog"

[[channels]]
id = "C0MARKETING"
websites = [1, 2]
language = "tr"
viewers = ["*"]
editors = ["S0EDITORS", "U0AYSE"]
approvers = ["S0LEADS"]

[channels.approval]
required_for = ["enable", "delete", "edit_enabled"]
quorum = 1
self_approval = false
expires_after_hours = 72
channel = "C0APPROVALS"
break_glass = ["U0ADMIN"]
notify = "dm"
escalate_after_hours = 24
escalate_to = ["S0DIRECTORS", "U0CEM"]
quorum_over = { 10000 = 2, 50000 = 3 }
stand_ins = false
reason_required = true

[channels.watch]
tell = "live"

[channels.breaker]
min_sent = 1000
min_click_rate = 0.002
max_close_rate = 0.6

[channels.digest]
at = "mon 09:00"

[[channels]]
id = "C0LEGAL"
websites = "all"
editors = ["S0EDITORS"]

[channels.approval]
stages = [["S0LEGAL"], ["S0LEADS", "U0BURAK"], ["*"]]

[[freezes]]
name = "Bayram"
holidays = "TR"
half_day_from = "13:00"

[[freezes]]
name = "Year's end"
from = 2026-12-30
to = 2027-01-02

[[freezes]]
name = "Weekends"
channels = ["C0MARKETING"]
weekly = ["fri 17:00-24:00", "sat", "sun"]
"""

CHANNEL = '[[channels]]\nid = "C1"\nwebsites = "all"\n'
FREEZE = '[[freezes]]\nname = "Rest"\n'


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class MemoryStore:
    """A store of one policy book that counts how often it was replaced."""

    def __init__(self) -> None:
        self.kept = PolicyBook()
        self.replaced = 0
        self.told: list[AuditEvent] = []

    async def get_scope(self, channel: ChannelId) -> ChannelScope:
        return ChannelScope(channel=channel, policy=self.kept.policy(channel), website_names=self.kept.websites)

    async def get_book(self) -> PolicyBook:
        return self.kept

    async def replace_all(self, book: PolicyBook, *told: AuditEvent) -> None:
        self.kept, self.replaced = book, self.replaced + 1
        self.told.extend(told)

    async def replace_if_unchanged(
        self,
        seen: ChannelPolicy | None,
        policy: ChannelPolicy,
        *told: AuditEvent,
        renames: Collection[WebsiteRename] = (),
        freezes: FreezeReplacement | None = None,
    ) -> bool:
        assert not renames
        assert freezes is None
        if self.kept.policy(policy.id) != seen:
            return False
        others = tuple(each for each in self.kept.channels if each.id != policy.id)
        self.kept = self.kept.model_copy(update={"channels": (*others, policy)})
        return True


# --- whole books, of any kind that a person may write --------------------------------------------------------------


def ids(letters: str) -> st.SearchStrategy[str]:
    return st.from_regex(rf"[{letters}][A-Z0-9]{{1,12}}", fullmatch=True)


WEBSITE_IDS = st.integers(min_value=1, max_value=2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=75).filter(
    lambda name: not is_blank(name)
)
PRINCIPALS = st.lists(st.one_of(st.just("*"), ids("UW"), ids("S")), max_size=4)
GATES = st.lists(st.sampled_from(["disable", "edit_enabled", "enable"]), max_size=3).flatmap(
    lambda more: st.permutations(["enable", "delete", *more])
)
APPROVALS = st.fixed_dictionaries(
    {},
    optional={
        "required_for": GATES,
        "quorum": st.integers(1, 100),
        "self_approval": st.booleans(),
        "expires_after_hours": st.integers(1, 8760),
        "channel": ids("CGD"),
        "break_glass": st.lists(ids("UW"), max_size=3),
        "notify": st.sampled_from(["mention", "dm", "none"]),
        "escalate_after_hours": st.integers(1, 8760),
        "escalate_to": PRINCIPALS,
        "quorum_over": st.dictionaries(st.integers(1, 999_999_999).map(str), st.integers(1, 100), max_size=3),
        "stand_ins": st.booleans(),
        "reason_required": st.booleans(),
    },
)
STAGES = st.lists(PRINCIPALS.filter(bool), max_size=3)


def replace_approvers(channel: dict[str, Any], stages: list[list[str]] | None) -> dict[str, Any]:
    if stages is None:
        return channel
    others = {key: value for key, value in channel.items() if key != "approvers"}
    return others | {"approval": channel.get("approval", {}) | {"stages": stages}}


CHANNELS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"id": ids("CGD"), "websites": st.one_of(st.just("all"), st.lists(WEBSITE_IDS, max_size=4))},
    optional={
        "language": st.sampled_from(["en", "tr"]),
        "viewers": PRINCIPALS,
        "editors": PRINCIPALS,
        "approvers": PRINCIPALS,
        "approval": APPROVALS,
        "watch": st.sampled_from([{}, {"tell": "all"}, {"tell": "none"}]),
        "breaker": st.fixed_dictionaries(
            {"max_close_rate": st.floats(0, 1)},
            optional={"min_sent": st.integers(1, 10**6), "min_click_rate": st.floats(0, 1)},
        ),
        "digest": st.sampled_from([{"at": "mon 09:00"}, {"at": "sun 23:59"}]),
    },
).flatmap(lambda channel: st.builds(replace_approvers, st.just(channel), st.none() | STAGES))


def one_policy_a_channel(channels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({channel["id"]: channel for channel in channels}.values())


def are_told_apart(names: dict[str, str]) -> bool:
    return not find_name_problems({WebsiteId(int(website)): name for website, name in names.items()})


DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2999, 1, 1))
FREEZES: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda name, rules: {"name": name, **rules},
    NAMES,
    st.one_of(
        st.sampled_from([{"holidays": "TR"}, {"half_day_from": "13:00", "holidays": "TR"}]),
        st.builds(lambda day, n: {"from": day, "to": day + timedelta(days=n)}, DAYS, st.integers(0, 40)),
        st.sampled_from([{"weekly": ["fri 17:00-24:00", "sat"]}, {"weekly": ["sun 22:00-06:00"]}]),
    ),
)

DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "websites": st.dictionaries(WEBSITE_IDS.map(str), NAMES, max_size=5).filter(are_told_apart),
        "channels": st.lists(CHANNELS, max_size=4).map(one_policy_a_channel),
        "freezes": st.lists(FREEZES, max_size=3),
    },
)
BOOKS = DOCUMENTS.map(tomli_w.dumps)


@given(BOOKS)
def test_what_was_exported_is_read_as_the_same_book(text: str) -> None:
    book = parse_book(text)
    assert parse_book(dump_book(book)) == book


@given(BOOKS)
def test_an_export_holds_the_keys_that_were_written_and_no_others(text: str) -> None:
    assert tomllib.loads(dump_book(parse_book(text))) == tomllib.loads(text)


@given(BOOKS)
def test_an_export_keeps_the_order_of_the_websites(text: str) -> None:
    written, exported = tomllib.loads(text), tomllib.loads(dump_book(parse_book(text)))
    assert list(exported.get("websites", {})) == list(written.get("websites", {}))


@given(BOOKS)
def test_an_export_of_an_export_is_the_same_text(text: str) -> None:
    once = dump_book(parse_book(text))
    assert dump_book(parse_book(once)) == once


@given(BOOKS)
def test_a_byte_order_mark_and_windows_newlines_change_nothing(text: str) -> None:
    assert parse_book("\ufeff" + text.replace("\n", "\r\n")) == parse_book(text)


@given(st.one_of(st.text(), st.builds("{}{}".format, st.just(CHANNEL), st.text())))
def test_any_text_is_a_book_or_is_refused_in_one_line(text: str) -> None:
    refusal = import_error(text)
    if refusal is None:
        assert tomllib.loads(dump_book(parse_book(text))) == tomllib.loads(text.removeprefix("\ufeff"))
    else:
        assert len(refusal.splitlines()) == 1


def import_error(text: str) -> str | None:
    """Return the error of importing `text`, or None where it is accepted."""
    try:
        parse_book(text)
    except PolicyFileError as error:
        return str(error)
    return None


def test_the_documented_example_is_exported_as_it_was_written() -> None:
    assert dump_book(parse_book(EXAMPLE)) == EXAMPLE


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Pazartesi 9.00", "mon 09:00"),
        ("çar 18:30", "wed 18:30"),
        ("Sunday, 00:00", "sun 00:00"),
        ("FRI 7:05", "fri 07:05"),
    ],
)
def test_a_digests_weekday_is_of_any_language(typed: str, stored: str) -> None:
    digest = parse_book(f'{CHANNEL}digest.at = "{typed}"').channels[0].digest
    assert digest is not None
    assert digest.at == str(digest.time) == stored


def test_an_empty_file_is_a_book_in_which_nobody_may_do_anything() -> None:
    assert parse_book("") == PolicyBook()
    assert dump_book(PolicyBook()) == ""


def test_a_key_that_was_set_to_nothing_is_left_out() -> None:
    document = {"channels": [{"id": "C1", "websites": "all", "approval": {"channel": None, "quorum": 2}}]}
    exported = dump_book(PolicyBook.model_validate(document))
    assert exported == '[[channels]]\nid = "C1"\nwebsites = "all"\n\n[channels.approval]\nquorum = 2\n'


# --- refusals ------------------------------------------------------------------------------------------------------

REFUSED = [
    ("an unfinished text", '\n\nfoo = "bar', "not TOML: line 3, column 11: Unterminated string"),
    ("a key written twice", "a = 1\na = 2\n", "not TOML: line 2, column 6: Cannot overwrite a value"),
    ("a number of five thousand digits", "x = " + "9" * 5000, "not TOML: a number too long"),
    ("brackets five thousand deep", "x = " + "[" * 5000, "not TOML: a number too long or brackets too deep"),
    ("a misspelt section", "[website]", "website: is not a known key; did you mean websites?"),
    ("a misspelt role", CHANNEL + 'viewer = ["*"]', "channels[0].viewer: is not a known key; did you mean viewers?"),
    ("a key with a line break", '"a\\nb" = 1', '"a\\nb": is not a known key'),
    ("an unknown key of the approval", CHANNEL + "approval = { x = 1 }", "channels[0].approval.x: is not a known key"),
    ("channels that are no list", "channels = 3", "channels: must be a list of [[channels]] tables"),
    ("a channel without websites", '[[channels]]\nid = "C1"', "channels[0].websites: is missing"),
    ("a channel without id", "[[channels]]\nwebsites = [1]", "channels[0].id: is missing"),
    ("a person for a channel", CHANNEL.replace("C1", "U1"), "channels[0].id: must be a channel id"),
    ("a channel twice", CHANNEL + CHANNEL, "file: more than one policy for C1"),
    ("an id too long to keep", CHANNEL.replace("C1", "C" * 65), "channels[0].id: must be a channel id"),
    ("websites by another word", CHANNEL.replace("all", "some"), "channels[0].websites: must be a list of website ids"),
    ("websites as a table", CHANNEL.replace('"all"', "{ a = 1 }"), "channels[0].websites: must be a list of website"),
    ("a website in quotes", CHANNEL.replace('"all"', '[1, "2"]'), "channels[0].websites[1]: must be a website id"),
    ("true for a website", CHANNEL.replace('"all"', "[true]"), "channels[0].websites[0]: must be a website id"),
    ("website 0", CHANNEL.replace('"all"', "[0]"), "channels[0].websites[0]: must be a website id"),
    ("a website with a fraction", CHANNEL.replace('"all"', "[1.0]"), "channels[0].websites[0]: must be a website id"),
    ("an endless website id", CHANNEL.replace('"all"', f"[{2**63}]"), "channels[0].websites[0]: must be a website id"),
    ("a role for nobody known", CHANNEL + 'editors = ["ayse"]', "channels[0].editors[0]: must be a person"),
    ("a role outside a list", CHANNEL + 'viewers = "*"', "channels[0].viewers: must be a list of people"),
    ("quorum 0", CHANNEL + "approval.quorum = 0", "channels[0].approval.quorum: must be at least 1"),
    ("true for a quorum", CHANNEL + "approval.quorum = true", "channels[0].approval.quorum: must be a whole number"),
    (
        "1 for a yes",
        CHANNEL + "approval.self_approval = 1",
        "channels[0].approval.self_approval: must be true or false",
    ),
    ("no time at all", CHANNEL + "approval.expires_after_hours = 0", "expires_after_hours: must be at least 1"),
    ("no approval to enable", CHANNEL + 'approval.required_for = ["delete"]', "cannot leave out 'enable'"),
    ("no approval to delete", CHANNEL + 'approval.required_for = ["enable"]', "cannot leave out 'delete'"),
    ("an unknown gate", CHANNEL + 'approval.required_for = ["x"]', 'required_for[0]: must be one of "enable"'),
    ("an unknown way to call", CHANNEL + 'approval.notify = "sms"', 'notify: must be one of "mention", "dm", "none"'),
    (
        "stages beside approvers",
        CHANNEL + 'approvers = ["U1"]\napproval.stages = [["U2"]]',
        "channels[0]: has approvers and approval.stages: only one of them may name who approves",
    ),
    (
        "an empty stage",
        CHANNEL + 'approval.stages = [["U1"], []]',
        'channels[0].approval.stages[1]: must name at least one person (U…), user group (S…) or "*"',
    ),
    (
        "a stage for nobody known",
        CHANNEL + 'approval.stages = [["U1", "ayse"]]',
        "channels[0].approval.stages[0][1]: must be a person (U… or W…), a user group (S…) or",
    ),
    (
        "stages that are no lists",
        CHANNEL + 'approval.stages = ["U1"]',
        "channels[0].approval.stages[0]: must name at least one person",
    ),
    ("one stage in words", CHANNEL + 'approval.stages = "U1"', "approval.stages: must be a list of stages, such as [["),
    ("no hours to escalate", CHANNEL + "approval.escalate_after_hours = 0", "escalate_after_hours: must be at least 1"),
    (
        "half an hour to escalate",
        CHANNEL + "approval.escalate_after_hours = 0.5",
        "channels[0].approval.escalate_after_hours: must be a whole number",
    ),
    (
        "a person outside a list to escalate to",
        CHANNEL + 'approval.escalate_to = "U1"',
        "channels[0].approval.escalate_to: must be a list of people",
    ),
    ("a name to escalate to", CHANNEL + 'approval.escalate_to = ["x"]', "approval.escalate_to[0]: must be a person"),
    (
        "a quorum over nobody",
        CHANNEL + "approval.quorum_over = { 0 = 2 }",
        "channels[0].approval.quorum_over.0: must be a number of subscribers: a whole number from 1",
    ),
    (
        "a quorum over a word",
        CHANNEL + "approval.quorum_over = { many = 2 }",
        "channels[0].approval.quorum_over.many: must be a number of subscribers",
    ),
    (
        "a quorum over spaced digits",
        CHANNEL + "approval.quorum_over = { 10_000 = 2 }",
        "channels[0].approval.quorum_over.10_000: must be a number of subscribers",
    ),
    (
        "a quorum over other digits",
        CHANNEL + 'approval.quorum_over = { "١" = 2 }',
        "must be a number of subscribers",
    ),
    (
        "a quorum of 0 over an audience",
        CHANNEL + "approval.quorum_over = { 10000 = 0 }",
        "channels[0].approval.quorum_over.10000: must be at least 1",
    ),
    (
        "a list of quorums",
        CHANNEL + "approval.quorum_over = [2, 3]",
        "quorum_over: must be a table of quorums by subscribers, such as { 10000 = 2 }",
    ),
    ("a word for stand-ins", CHANNEL + 'approval.stand_ins = "no"', "approval.stand_ins: must be true or false"),
    ("1 for a needed reason", CHANNEL + "approval.reason_required = 1", "reason_required: must be true or false"),
    (
        "a misspelt stage",
        CHANNEL + "approval.stage = []",
        "channels[0].approval.stage: is not a known key; did you mean stages?",
    ),
    ("an unknown language", CHANNEL + 'language = "de"', 'channels[0].language: must be one of "en", "tr"'),
    ("a language in words", CHANNEL + 'language = "Turkish"', 'channels[0].language: must be one of "en", "tr"'),
    ("an unknown part to tell", CHANNEL + 'watch.tell = "some"', 'watch.tell: must be one of "all", "live", "none"'),
    ("a misspelt rate", CHANNEL + "breaker.min_clickrate = 0.1", "is not a known key; did you mean min_click_rate?"),
    ("a breaker without a rate", CHANNEL + "breaker.min_sent = 10", "needs min_click_rate or max_close_rate"),
    ("a breaker from nothing", CHANNEL + "breaker.min_sent = 0", "channels[0].breaker.min_sent: must be at least 1"),
    ("a percentage for a rate", CHANNEL + "breaker.max_close_rate = 60", "max_close_rate: must be a rate from 0 to 1"),
    ("no number for a rate", CHANNEL + "breaker.max_close_rate = nan", "max_close_rate: must be a rate from 0 to 1"),
    ("a digest without a time", CHANNEL + "digest = {}", "channels[0].digest.at: is missing"),
    ("a digest by day alone", CHANNEL + 'digest.at = "mon"', "channels[0].digest.at: must be a weekday and a time"),
    ("a digest at no time", CHANNEL + 'digest.at = "mon 25:00"', "channels[0].digest.at: must be a weekday and a time"),
    ("a digest of no weekday", CHANNEL + 'digest.at = "day 09:00"', "digest.at: must be a weekday and a time"),
    ("a clock for a digest", CHANNEL + "digest.at = 09:00:00", "channels[0].digest.at: must be a weekday and a time"),
    ("a group to break glass", CHANNEL + 'approval.break_glass = ["S1"]', "break_glass[0]: must be a person"),
    ("everyone to break glass", CHANNEL + 'approval.break_glass = ["*"]', "break_glass[0]: must be a person"),
    ("a word for a website id", '[websites]\nshop = "x"', "websites.shop: must be a website id"),
    ("a website id with a zero before it", '[websites]\n01 = "x"', "websites.01: must be a website id"),
    ("a website id in other digits", '[websites]\n"١" = "x"', "must be a website id"),
    ("a number for a name", "[websites]\n1 = 3", "websites.1: must be text in quotes"),
    ("an empty name", '[websites]\n1 = ""', "websites.1: must not be empty"),
    ("a blank name", '[websites]\n1 = "  "', "websites.1: must not be blank"),
    ("a name of empty Braille", '[websites]\n1 = "\u2800"', "websites.1: must not be blank"),
    ("a name too long for Slack", f'[websites]\n1 = "{"x" * 76}"', "websites.1: must be at most 75 characters"),
    ("a name with a zero byte", '[websites]\n1 = "a\\u0000"', "websites.1: must not hold line breaks"),
    ("two websites of one name", '[websites]\n1 = "Shop"\n2 = "Shop"', "websites.2: is another website's name"),
    ("names alike but for case", '[websites]\n1 = "shop"\n2 = "SHOP"', "websites.2: is another website's name"),
    ("names alike in Turkish", '[websites]\n1 = "ilık"\n2 = "ILIK"', "websites.2: is another website's name"),
    ("names alike but for blanks", '[websites]\n1 = "A B"\n2 = " A  b "', "websites.2: is another website's name"),
    ("a name that is a number", '[websites]\n1 = "2"', "websites.1: must not be another website's number"),
    ("a name in other digits", '[websites]\n1 = " ٢"', "websites.1: must not be another website's number"),
    ("a name with a zero width", '[websites]\n1 = "Sh\u200bop"', "websites.1: must not hold invisible characters"),
    ("a name turned around", '[websites]\n1 = "Sh\u202eop"', "websites.1: must not hold invisible characters"),
    ("a name with a joiner", '[websites]\n1 = "Shop\u200d"', "websites.1: must not hold invisible characters"),
    ("freezes that are no list", "freezes = 3", "freezes: must be a list of [[freezes]] tables"),
    ("a freeze without a name", '[[freezes]]\nweekly = ["sat"]', "freezes[0].name: is missing"),
    ("a blank freeze", '[[freezes]]\nname = " "\nweekly = ["sat"]', "freezes[0].name: must not be blank"),
    ("a freeze of two lines", '[[freezes]]\nname = "a\\nb"\nweekly = ["sat"]', "freezes[0].name: must not hold line"),
    ("a freeze of no kind", FREEZE, "freezes[0]: needs one of holidays, from and to, and weekly"),
    ("a freeze of two kinds", FREEZE + 'weekly = ["sat"]\nholidays = "TR"', "freezes[0]: needs one of holidays"),
    ("a misspelt freeze", FREEZE + "form = 2026-12-30", "freezes[0].form: is not a known key; did you mean from?"),
    ("the code's word for a day", FREEZE + "first_day = 2026-12-30", "freezes[0].first_day: is not a known key"),
    ("a freeze without a last day", FREEZE + "from = 2026-12-30", "freezes[0]: needs both from and to"),
    ("a last day before the first", FREEZE + "from = 2026-12-30\nto = 2026-12-29", "freezes[0]: to is before from"),
    ("a day with a time", FREEZE + "from = 2026-12-30T00:00:00\nto = 2026-12-31", "freezes[0].from: must be a day"),
    ("a day of another calendar", FREEZE + "from = 0001-01-01\nto = 0001-01-02", "freezes[0].from: must be a day"),
    ("an unknown country", FREEZE + 'holidays = "XX"', "freezes[0].holidays: must be a country of two capital letters"),
    ("an unknown part", FREEZE + 'holidays = "AT-X"', "freezes[0].holidays: AT has no part 'X'; its parts are AT-1,"),
    ("a number for a country", FREEZE + "holidays = 90", "freezes[0].holidays: must be text in quotes"),
    (
        "a half day in words",
        FREEZE + 'holidays = "TR"\nhalf_day_from = "1pm"',
        "half_day_from: must be a time in quotes",
    ),
    ("hours in words", FREEZE + 'weekly = ["friday night"]', 'freezes[0].weekly[0]: must be a day, such as "sat"'),
    (
        "hours of no length",
        FREEZE + 'weekly = ["fri 09:00-09:00"]',
        "weekly[0]: must not begin and end at the same time",
    ),
    ("hours outside a list", FREEZE + 'weekly = "sat"', "freezes[0].weekly: must be a list of days and hours"),
    ("too many hours", FREEZE + f"weekly = {['sat'] * 51}", "freezes[0].weekly: must have at most 50 entries"),
    ("a freeze of no channel", FREEZE + 'weekly = ["sat"]\nchannels = []', "channels: must be a list of channel ids"),
    ("a freeze of a channel twice", FREEZE + 'weekly = ["sat"]\nchannels = ["C1", "C1"]', "names C1 more than once"),
    ("a freeze of #marketing", FREEZE + 'weekly = ["sat"]\nchannels = ["#m"]', "channels[0]: must be a channel id"),
    (
        "a freeze of another channel",
        CHANNEL + FREEZE + 'weekly = ["sat"]\nchannels = ["C1", "C2"]',
        "freezes[0].channels: C2 is no channel of this file",
    ),
    ("too many freezes", CHANNEL + (FREEZE + 'weekly = ["sat"]\n') * 101, "freezes: more than 100 cover C1"),
    (
        "a freeze without an end",
        FREEZE + 'weekly = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]',
        "freezes: 'Rest' would not end within a year, with those that touch it",
    ),
    ("a name of two lines", '[websites]\n1 = "a\\nb"', "websites.1: must not hold line breaks"),
]


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_a_refused_file_says_where_and_why_and_changes_nothing(text: str, said: str) -> None:
    store = MemoryStore()
    with pytest.raises(PolicyFileError) as refusal:
        await import_book(store, parse_book(text), NOON)
    assert said in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert store.replaced == 0


def test_a_refusal_counts_the_other_mistakes() -> None:
    with pytest.raises(PolicyFileError, match=r"^channels\[0\]\.id: must be a channel id .* \(and 2 more\)$"):
        parse_book("[[channels]]\nid = 3\nvewers = 3")


# --- in and out ----------------------------------------------------------------------------------------------------


async def test_an_import_replaces_the_book_and_an_export_gives_it_back() -> None:
    store = MemoryStore()
    done = await import_book(store, parse_book(EXAMPLE), NOON)
    assert {f"{policy.id}: flowbot is set up" for policy in store.kept.channels} <= set(done)
    assert await export_policies(store) == EXAMPLE
    assert [(event.at, event.action, event.actor) for event in store.told] == [(NOON, "policy.imported", None)]


async def test_the_audit_tells_of_an_import_what_each_channel_lost_and_got() -> None:
    store = MemoryStore()
    kept, gone = CHANNEL + "approval.quorum = 1\n", CHANNEL.replace("C1", "C2")
    await import_book(store, parse_book(kept + gone), NOON)
    new = kept.replace("quorum = 1", "quorum = 2") + CHANNEL.replace("C1", "C3") + 'editors = ["U1"]'
    await import_book(store, parse_book(new), NOON, by="ops")
    details = store.told[-1].details
    assert details["system_user"] == "ops"
    assert details["channels"] == ["C1", "C3"]
    assert details["differences"] == [
        "C2: nobody can use flowbot any more",
        "C1: quorum 1 → 2",
        "C3: flowbot is set up",
        "C3: websites none → all",
        "C3: U1 can edit flows",
    ]
    assert json.loads(json.dumps(details)) == details


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "policies.toml"
    file.write_bytes(EXAMPLE.encode("utf-8-sig"))
    assert read_policy_file(file) == EXAMPLE


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match=r"nothing\.toml': No such file"):
        read_policy_file(tmp_path / "nothing.toml")


def test_a_file_in_another_encoding_is_refused_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "policies.toml"
    file.write_bytes('# "Şöp"'.encode("utf-16"))
    with pytest.raises(PolicyFileError, match=r"not UTF-8 text \(byte 1\)"):
        read_policy_file(file)
