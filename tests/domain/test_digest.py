"""Weekly digests: when one is due, once a week, and how its parts are put together."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.change import ChangeKind
from flowbot.domain.digest import (
    FlowList,
    NamedFlow,
    WeekFigures,
    digest_token,
    find_due_day,
    group_by_kind,
    list_tokens,
)
from flowbot.domain.flow import Totals
from flowbot.domain.ids import ChannelId, FlowId
from flowbot.domain.weekly_time import WeeklyTime

ISTANBUL = ZoneInfo("Europe/Istanbul")
HERE = ChannelId("C0HERE")
MONDAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-09T08:59:59+03:00", None),
        ("2026-03-09T09:00:00+03:00", MONDAY),
        ("2026-03-09T23:59:59+03:00", MONDAY),
        ("2026-03-10T00:00:00+03:00", None),
        ("2026-03-15T12:00:00+03:00", None),
        ("2026-03-16T09:00:00+03:00", MONDAY + timedelta(days=7)),
    ],
)
def test_a_digest_is_due_on_its_day_alone_from_its_time_on(now: str, due: date | None) -> None:
    assert find_due_day(WeeklyTime.parse("mon 09:00"), datetime.fromisoformat(now), ISTANBUL) == due


def test_there_is_one_a_week_whichever_day_it_is_moved_to() -> None:
    friday, next_monday = MONDAY + timedelta(days=4), MONDAY + timedelta(days=7)
    assert digest_token(HERE, MONDAY) == digest_token(HERE, friday) == "digest.C0HERE.2026-W11"
    assert digest_token(HERE, next_monday) == "digest.C0HERE.2026-W12"
    assert digest_token(HERE, date(2027, 1, 1)) == "digest.C0HERE.2026-W53"
    assert list_tokens(HERE, next_monday, weeks=2) == ["digest.C0HERE.2026-W12", "digest.C0HERE.2026-W11"]


def test_a_list_counts_each_flow_once_and_names_the_first() -> None:
    flows = [NamedFlow(FlowId(n), f"Flow {n}") for n in (*range(1, 8), 1)]
    assert FlowList.of(flows) == FlowList(7, tuple(flows[:5]))
    grouped = group_by_kind([(ChangeKind.EDIT, flows[0]), (ChangeKind.CREATE, flows[1]), (ChangeKind.EDIT, flows[2])])
    assert list(grouped) == [ChangeKind.CREATE, ChangeKind.EDIT]
    assert grouped[ChangeKind.EDIT].total == 2


def test_days_that_are_not_whole_do_not_count() -> None:
    moved = {MONDAY: Totals(10, 9, 8, 7), MONDAY + timedelta(days=1): Totals(1, 1, 1, 1)}
    figures = WeekFigures.of(moved, frozenset({MONDAY, MONDAY + timedelta(days=2)}))
    assert figures == WeekFigures(Totals(10, 9, 8, 7), 2)
    assert figures.is_known
    assert not figures.is_whole
    assert not WeekFigures.of(moved, frozenset()).is_known
