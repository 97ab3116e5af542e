"""What is said of freezes: in requests before anybody approves, in the help and on the Home tab."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.freezes import Freeze, FreezeCalendar, FrozenTime
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import text_of
from flowbot.services.inbox import ChannelAccess, HomeOverview
from flowbot.slack.views.approvals import entry_block
from flowbot.slack.views.freezes import request_freeze_elements
from flowbot.slack.views.home import HomeContent, home_view
from flowbot.slack.views.notices import request_sent_message
from flowbot.slack.views.request_message import request_message
from tests.slack.test_request_views import FLOW, request_details
from tests.storage.change_cases import waiting_request

ISTANBUL: Final = ZoneInfo("Europe/Istanbul")
LOCALES: Final = Translators(fixed=None, zone=ISTANBUL)
EN, TR = LOCALES.for_reader("en-GB"), LOCALES.for_reader("tr-TR")
HERE: Final = ChannelId("C0MARKETING")
BAYRAM: Final = Freeze.model_validate({"name": "Bayram", "holidays": "TR", "half_day_from": "13:00"})
WEEKENDS: Final = Freeze.model_validate({"name": "Weekends", "weekly": ["fri 17:00-24:00", "sat", "sun"]})
CALENDAR: Final = FreezeCalendar((BAYRAM, WEEKENDS), ISTANBUL)
ARIFE: Final = datetime(2026, 5, 26, 15, tzinfo=ISTANBUL)
"""The afternoon before Kurban Bayramı, which ends in a weekend."""
WEDNESDAY: Final = datetime(2026, 6, 3, 9, tzinfo=ISTANBUL)
LIVE: Final = replace(FLOW, is_enabled=True)


def first_lines(t: Translator, now: datetime, **details: Any) -> str:
    asked = now - timedelta(hours=1)
    change = {"created_at": asked, "changed_at": asked} | details.pop("change", {})
    shown = request_details(calendar=CALENDAR, change=change, **details)
    return text_of([*request_message(shown, t, now).blocks[:4]])


@pytest.mark.parametrize(
    ("t", "line"),
    [
        (EN, "❄ Frozen until 1 Jun 2026 00:00 · Eid al-Adha"),
        (TR, "❄ Donduruldu, bitiş: 1 Haz 2026 00:00 · Kurban Bayramı"),
    ],
)
def test_a_request_says_until_when_and_why_before_anybody_approves(t: Translator, line: str) -> None:
    assert line in first_lines(t, ARIFE)


@pytest.mark.parametrize(
    ("t", "line"),
    [
        (EN, "❄ Next freeze: 5 Jun 2026 17:00 to 8 Jun 2026 00:00 · Weekends"),
        (TR, "❄ Sıradaki dondurma dönemi: 5 Haz 2026 17:00 – 8 Haz 2026 00:00 · Weekends"),
    ],
)
def test_a_request_says_which_freeze_begins_before_it_expires(t: Translator, line: str) -> None:
    assert line in first_lines(t, WEDNESDAY)
    assert "❄" not in first_lines(t, WEDNESDAY - timedelta(days=1))


@pytest.mark.parametrize(
    ("kind", "before", "is_held"),
    [
        (ChangeKind.ENABLE, FLOW, True),
        (ChangeKind.ENABLE, LIVE, False),
        (ChangeKind.EDIT, LIVE, True),
        (ChangeKind.DELETE, FLOW, True),
        (ChangeKind.DISABLE, LIVE, False),
    ],
)
def test_a_freeze_is_named_where_it_holds_the_request(kind: ChangeKind, before: Flow, is_held: bool) -> None:
    assert ("❄" in first_lines(EN, ARIFE, kind=kind, asked={"before": before})) == is_held


@pytest.mark.parametrize(
    ("state", "progress", "is_named"),
    [
        (ChangeState.SCHEDULED, Progress(), True),
        (ChangeState.SCHEDULED, Progress(Closure(UserId("U0DENIZ"), ClosureKind.BREAK_GLASS, "Now")), False),
        (ChangeState.REJECTED, Progress(), False),
    ],
)
def test_a_freeze_is_named_as_long_as_it_holds(state: ChangeState, progress: Progress, is_named: bool) -> None:
    details = request_details(state, calendar=CALENDAR, change={"progress": progress})
    assert bool(request_freeze_elements(details, EN, ARIFE)) == is_named


def test_a_time_within_a_freeze_is_held_by_that() -> None:
    saturday = {"not_before": datetime(2026, 6, 6, 10, tzinfo=ISTANBUL)}
    assert "❄ Frozen until 8 Jun 2026 00:00 · Weekends" in first_lines(EN, WEDNESDAY, asked=saturday)


def test_the_list_of_approvals_and_who_asked_are_told_it() -> None:
    asked = {"created_at": ARIFE, "changed_at": ARIFE}
    waiting = request_details(calendar=CALENDAR, change=asked)
    line = "❄ Frozen until 1 Jun 2026 00:00 · Eid al-Adha"
    assert line in text_of([entry_block(waiting, None, EN, ARIFE)])
    assert line in text_of([*request_sent_message(waiting, None, EN, ARIFE).blocks])
    scheduled = request_details(ChangeState.SCHEDULED, calendar=CALENDAR, change=asked)
    assert line in text_of([*request_sent_message(scheduled, None, EN, ARIFE).blocks])


def test_home_says_it_before_its_approve_button() -> None:
    asked = {"created_at": ARIFE, "changed_at": ARIFE}
    waiting = request_details(calendar=CALENDAR, change=asked)
    overview = HomeOverview((waiting_request(waiting.change),), (), (), ())
    text = text_of(home_view(HomeContent((waiting,), (), (), overview, {}), EN, ARIFE)["blocks"])
    assert "❄ Frozen until 1 Jun 2026 00:00 · Eid al-Adha" in text


def home_text(frozen: dict[FrozenTime, tuple[ChannelId, ...]], count: int) -> str:
    access = tuple(ChannelAccess(ChannelId(f"C{number}"), (), (), policy=None) for number in range(count))  # type: ignore[arg-type]
    overview = HomeOverview((), (), (), access, frozen=frozen)
    return text_of(home_view(HomeContent((), (), (), overview, {}), EN, ARIFE)["blocks"])


def test_home_names_the_channels_of_a_freeze_where_those_are_not_all() -> None:
    now = FrozenTime("Eid al-Adha", None, datetime(2026, 5, 31, 21, tzinfo=UTC))
    later = FrozenTime("Weekends", datetime(2026, 6, 5, 14, tzinfo=UTC), datetime(2026, 6, 7, 21, tzinfo=UTC))
    text = home_text({now: (ChannelId("C0"), ChannelId("C1")), later: (ChannelId("C1"),)}, 2)
    assert "Frozen until 1 Jun 2026 00:00 · Eid al-Adha\n" in text
    assert "Next freeze: 5 Jun 2026 17:00 to 8 Jun 2026 00:00 · Weekends " in text
    assert text.count("C1") == 2
    assert "Freezes" not in home_text({}, 2)
