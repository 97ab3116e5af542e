"""The look of a weekly digest and of a breaker's message: what is known, and what is said to be unknown."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from flowbot.domain.breaker import Breach, Limit, Trip, TripEnd
from flowbot.domain.change import ChangeKind, Outcome
from flowbot.domain.digest import Digest, FlowList, NamedFlow, WeekFigures
from flowbot.domain.flow import Totals
from flowbot.domain.ids import ChannelId, FlowId, GroupId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.i18n.translator import Translator
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.readability import find_reading_faults
from flowbot.services.inbox import HomeOverview
from flowbot.slack.views.breaker import TripDetails, breaker_message
from flowbot.slack.views.digest import digest_message
from flowbot.slack.views.home import HomeContent, home_view
from flowbot.slack.views.message import Message
from flowbot.slack.views.report import ReportAudience
from tests.slack.test_home_view import EN, TR

NOW: Final = datetime(2026, 3, 9, 9, tzinfo=UTC)
HERE: Final = ChannelId("C0MARKETING")
HOSTILE: Final = "<!channel> *b* <https://evil.example|x> \u202eesrever \U0001f600 " * 9
NAMES: Final = ["Winter sale", "", HOSTILE, "مرحبا", "İndirim"]
FLOWS: Final = FlowList.of(NamedFlow(FlowId(n), name) for n, name in enumerate([*NAMES, "Sixth", "Seventh"], 1))
WEEK: Final = WeekFigures(Totals(3400, 3000, 63, 90), 7)
BEFORE: Final = WeekFigures(Totals(3100, 2000, 36, 60), 7)
NOTHING: Final = WeekFigures(Totals(), 0)
QUIET: Final = Digest(
    date(2026, 3, 2), date(2026, 3, 8), 12, WEEK, BEFORE, {}, {}, FlowList(), FlowList(), known_days=30
)
FULL: Final = replace(
    QUIET,
    own=dict.fromkeys(ChangeKind, FLOWS),
    outside=dict.fromkeys(ChangeKind, FLOWS),
    waiting=FLOWS,
    unclicked=FLOWS,
)
UNKNOWN: Final = replace(QUIET, week=NOTHING, week_before=NOTHING, unclicked=None, known_days=3)
POLICY: Final = ChannelPolicy(id=HERE, websites="all", approvers=(UserId("U0BURAK"), GroupId("S0LEADS"), "*"))
TRIP: Final = Trip(
    "Winter sale", NOW, NOW, Totals(1200, 1000, 1, 700), (Breach(Limit.CLICK_RATE, 0.001, 0.002),
    Breach(Limit.CLOSE_RATE, 0.7, 0.6)), HERE,
)  # fmt: skip
LANGUAGES: Final = pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])


def audience(**parts: Any) -> ReportAudience:
    shown: dict[str, Any] = {"is_told": False, "shows_content": False} | parts
    return ReportAudience(HERE, (POLICY,), {WebsiteId(1): "Shop"}, NOW, **shown)


def read(message: Message) -> str:
    """Return all text of a message, without what isolates foreign names."""
    texts: list[str] = []

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            texts.extend(str(part["text"]) for _ in range(1) if isinstance(part.get("text"), str))
            for value in part.values():
                collect(value)
        elif isinstance(part, list | tuple):
            for each in part:
                collect(each)

    collect(message.blocks)
    return "\n".join(texts).replace("\u2068", "").replace("\u2069", "")


def draw(digest: Digest, t: Translator = EN) -> str:
    return read(digest_message(digest, audience(), t))


def test_a_week_is_told_against_the_week_before() -> None:
    said = draw(QUIET)
    for line in (
        "Weekly digest: Mar 2, 2026 – Mar 8, 2026",
        "12 flows are live",
        "3,400 sent (week before: 3,100)",
        "Click rate 2.1% (week before: 1.8%)",
        "No flow was changed.",
    ):
        assert line in said
    for absent in ("Changed", "Waiting", "No click", "known"):
        assert absent not in said
    assert "Tıklama oranı %2,1 (önceki hafta: %1,8)" in draw(QUIET, TR)


def test_what_changed_and_waits_is_named_the_first_few() -> None:
    said = draw(FULL)
    assert "Changed through flowbot\nNew: #1 Winter sale, #2 (no name)" in said
    assert said.count("and 2 more") == 2 * len(ChangeKind) + 2
    assert "No click in 30 days" in said
    assert "Sixth" not in said


def test_what_is_unknown_is_said_to_be_and_is_never_zero() -> None:
    said = draw(UNKNOWN)
    assert "What was sent is unknown: flowbot has no figures for this week." in said
    assert "No click in 30 days\nUnknown until all 30 days have figures: 3 have so far." in said
    assert "0 sent" not in said
    part = draw(replace(QUIET, week=WeekFigures(WEEK.totals, 3), week_before=NOTHING))
    assert "3,400 sent (week before: unknown)" in part
    assert "Click rate 2.1% (week before: unknown)" in part
    assert "Figures are known for 3 of 7 days." in part
    nothing_displayed = replace(QUIET, week=WeekFigures(Totals(10), 7))
    assert "Click rate unknown (week before: 1.8%)" in draw(nothing_displayed)
    assert "Figures of the week before are known for 6 of 7 days." in draw(
        replace(QUIET, week_before=WeekFigures(BEFORE.totals, 6))
    )


@LANGUAGES
@pytest.mark.parametrize("digest", [QUIET, FULL, UNKNOWN])
def test_a_digest_reads_well_and_fits_home_beside_others(digest: Digest, t: Translator) -> None:
    message = digest_message(digest, audience(), t)
    assert list(find_reading_faults(message.blocks)) == []
    assert "https://evil.example|x" not in str([each for each in message.blocks if each["type"] != "rich_text"])
    digests = {ChannelId(f"C0{n}"): digest for n in range(5)}
    overview = HomeOverview((), (), (), (), digests=digests, refused_digests=(HERE,))
    view = home_view(HomeContent((), (), (), overview, {}), t, NOW)
    check_view(view, build_demo_workspace(), "home")
    assert list(find_reading_faults(view["blocks"])) == []


def draw_trip(trip: Trip, t: Translator = EN, **parts: Any) -> str:
    return read(breaker_message(TripDetails(trip, FlowId(40), WebsiteId(1)), audience(**parts), t))


def test_a_trip_says_its_figures_and_limits() -> None:
    said = draw_trip(replace(TRIP, end=TripEnd.DISABLED))
    for line in (
        "The breaker disabled #40 Winter sale.",
        "Click rate 0.1%, below the limit of 0.2%",
        "Close rate 70.0%, above the limit of 60.0%",
        "Since it was enabled: 1,200 sent, 1,000 displayed, 1 clicked, 700 closed",
        "Enabling it again needs a new approval.",
        "Shop",
    ):
        assert line in "".join(said.split("\n")) or line in said


@pytest.mark.parametrize(
    ("trip", "english", "turkish"),
    [
        (TRIP, "The breaker is disabling", "akışını durduruyor"),
        (replace(TRIP, end=TripEnd.OFF), "within them again", "Artık yayında değil"),
        (replace(TRIP, end=TripEnd.FAILED), "couldn't disable", "durduramadı"),
        (replace(TRIP, problem=Outcome("breaker.unread", {})), "flowbot will try again", "yeniden deneyecek"),
    ],
)
def test_each_state_has_its_words(trip: Trip, english: str, turkish: str) -> None:
    assert english in draw_trip(trip)
    assert turkish in draw_trip(trip, TR)


def test_approvers_are_mentioned_by_the_first_message_alone() -> None:
    details = TripDetails(TRIP, FlowId(40), WebsiteId(1))
    first = str(breaker_message(details, audience(mentions=True), EN).blocks)
    later = str(breaker_message(details, audience(), EN).blocks)
    assert "'user_id': 'U0BURAK'" in first
    assert "'usergroup_id': 'S0LEADS'" in first
    assert "U0BURAK" not in later
    assert "S0LEADS" not in later


@LANGUAGES
@pytest.mark.parametrize("end", [None, *TripEnd])
def test_a_trip_reads_well(end: TripEnd | None, t: Translator) -> None:
    problem = Outcome("breaker.unread", {}) if end in {None, TripEnd.FAILED} else None
    trip = replace(TRIP, name=HOSTILE, end=end, problem=problem)
    message = breaker_message(TripDetails(trip, FlowId(40), WebsiteId(1)), audience(mentions=True), t)
    assert list(find_reading_faults(message.blocks)) == []
