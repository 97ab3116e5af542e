"""Days that people type, in both languages."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.absences import Absence, absences_at, plan_absence, replace_absent
from flowbot.domain.days import read_day
from flowbot.domain.ids import UserId
from flowbot.errors import UserError
from flowbot.slack.listeners.commands.times import load_time_words

WEDNESDAY = date(2026, 12, 2)
ISTANBUL = ZoneInfo("Europe/Istanbul")
NOON = datetime(2026, 12, 2, 12, 0, tzinfo=ISTANBUL)
AYSE, BURAK, CEM, DENIZ = map(UserId, ("U0AYSE", "U0BURAK", "U0CEM", "U0DENIZ"))


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("fri", date(2026, 12, 4)),
        ("Friday", date(2026, 12, 4)),
        ("cuma", date(2026, 12, 4)),
        ("CUMA", date(2026, 12, 4)),
        ("cuma’ya", date(2026, 12, 4)),
        ("“fri”.", date(2026, 12, 4)),
        ("çarşamba", WEDNESDAY),
        ("tue", date(2026, 12, 8)),
        ("today", WEDNESDAY),
        ("yarın", date(2026, 12, 3)),
        ("2026-12-24", date(2026, 12, 24)),
        ("２０２６-12-24", date(2026, 12, 24)),
        ("24.12.2026", date(2026, 12, 24)),
        ("2026-02-30", None),
        ("12/24/2026", None),
        ("fri 17:00", None),
        ("next friday", None),
        ("soon", None),
        ("12", None),
        ("", None),
    ],
)
def test_a_day_is_a_date_or_the_next_such_weekday(typed: str, day: date | None) -> None:
    assert read_day(typed, load_time_words(), WEDNESDAY) == day


@given(st.text(), st.dates())
def test_any_text_is_a_day_or_none(typed: str, today: date) -> None:
    day = read_day(typed, load_time_words(), today)
    assert day is None or isinstance(day, date)


@given(st.dates(max_value=date(9999, 12, 1)), st.sampled_from([*load_time_words().weekdays]))
def test_a_weekday_is_one_of_the_next_seven_days(today: date, name: str) -> None:
    day = read_day(name, load_time_words(), today)
    assert day is not None
    assert 0 <= (day - today).days < 7
    assert day.weekday() == load_time_words().weekdays[name]


def test_an_absence_lasts_to_the_end_of_its_day_in_the_persons_own_zone() -> None:
    absence = plan_absence(AYSE, date(2026, 12, 4), BURAK, NOON, ISTANBUL)
    assert absence == Absence(AYSE, datetime(2026, 12, 4, 21, 0, tzinfo=UTC), BURAK)
    assert absence.find_last_day(ISTANBUL) == date(2026, 12, 4)
    assert absences_at([absence], absence.until - timedelta.resolution) == (absence,)
    assert absences_at([absence], absence.until) == ()


@pytest.mark.parametrize(
    ("last_day", "stand_in", "key"),
    [
        (date(2026, 12, 1), None, "absence.past"),
        (date(2027, 1, 2), None, "absence.too_long"),
        (date(9999, 12, 31), None, "absence.too_long"),
        (WEDNESDAY, AYSE, "absence.oneself"),
    ],
)
def test_what_is_no_absence_is_refused(last_day: date, stand_in: UserId | None, key: str) -> None:
    with pytest.raises(UserError, match=key):
        plan_absence(AYSE, last_day, stand_in, NOON, ISTANBUL)


def test_one_may_be_away_for_thirty_days() -> None:
    assert plan_absence(AYSE, date(2027, 1, 1), None, NOON, ISTANBUL).find_last_day(ISTANBUL) == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("absences", "has_stand_ins", "addressed"),
    [
        ((), True, (AYSE, BURAK)),
        ((Absence(AYSE, NOON, CEM),), True, (CEM, BURAK)),
        ((Absence(AYSE, NOON, CEM),), False, (BURAK,)),
        ((Absence(AYSE, NOON),), True, (BURAK,)),
        ((Absence(AYSE, NOON, BURAK),), True, (BURAK,)),
        ((Absence(AYSE, NOON, CEM), Absence(CEM, NOON, DENIZ)), True, (BURAK,)),
    ],
)
def test_a_stand_in_is_addressed_in_place_of_who_is_away_and_nobody_in_place_of_them(
    absences: tuple[Absence, ...], has_stand_ins: bool, addressed: tuple[UserId, ...]
) -> None:
    assert replace_absent((AYSE, BURAK), absences, has_stand_ins=has_stand_ins) == addressed
