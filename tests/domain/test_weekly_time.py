"""Times that come once a week."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.weekly_time import WeeklyTime

ISTANBUL = ZoneInfo("Europe/Istanbul")
BERLIN = ZoneInfo("Europe/Berlin")
TIMES = st.builds(WeeklyTime, st.integers(0, 6), st.times().map(lambda clock: clock.replace(second=0, microsecond=0)))
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - UTC


@given(TIMES)
def test_a_time_is_read_as_it_was_written(at: WeeklyTime) -> None:
    assert WeeklyTime.parse(str(at)) == at


@given(TIMES, MOMENTS, st.sampled_from([ISTANBUL, BERLIN]))
def test_the_last_one_is_less_than_eight_days_ago(at: WeeklyTime, moment: datetime, zone: ZoneInfo) -> None:
    last = at.find_last(moment, zone)
    assert timedelta() <= moment - last < timedelta(days=7, hours=2)
    assert last.astimezone(zone).weekday() == at.weekday


@pytest.mark.parametrize(
    ("text", "now", "last"),
    [
        ("mon 09:00", "2026-03-02T06:00:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("mon 09:00", "2026-03-02T05:59:59+00:00", "2026-02-23T06:00:00+00:00"),
        ("sun 23:30", "2026-03-02T05:59:59+00:00", "2026-03-01T20:30:00+00:00"),
    ],
)
def test_clocks_of_the_zone_count(text: str, now: str, last: str) -> None:
    found = WeeklyTime.parse(text).find_last(datetime.fromisoformat(now), ISTANBUL)
    assert found == datetime.fromisoformat(last)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_time_that_comes_twice_or_never_comes_once(day: str) -> None:
    late = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    found = {WeeklyTime.parse("sun 02:30").find_last(late - timedelta(hours=n), BERLIN) for n in range(10)}
    assert found == {datetime.fromisoformat(f"{day}T{'01' if day[5:7] == '03' else '00'}:30:00+00:00")}
