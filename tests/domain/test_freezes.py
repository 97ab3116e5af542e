"""Freezes: whether a moment is frozen, until when, and what comes next."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flowbot.domain.freezes import MAX_FROZEN, WEEKDAYS, Freeze, FreezeCalendar, FrozenTime, find_endless
from flowbot.domain.ids import ChannelId
from flowbot.domain.public_holidays import find_region_problem, load_holidays

ISTANBUL: Final = ZoneInfo("Europe/Istanbul")
BERLIN: Final = ZoneInfo("Europe/Berlin")
HERE: Final = ChannelId("C0MARKETING")
ELSEWHERE: Final = ChannelId("C0ELSEWHERE")
ZONES: Final = sorted(available_timezones() - {"localtime"})


def freeze(name: str = "Freeze", **rules: Any) -> Freeze:
    return Freeze.model_validate({"name": name} | {key.removesuffix("_"): value for key, value in rules.items()})


def at(text: str, zone: ZoneInfo = ISTANBUL, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def calendar(freezes: list[Freeze], zone: ZoneInfo = ISTANBUL) -> FreezeCalendar:
    return FreezeCalendar([freeze for freeze in freezes if freeze.covers_channel(HERE)], zone)


def end_of(freezes: list[Freeze], moment: datetime, zone: ZoneInfo = ISTANBUL) -> str | None:
    hold = calendar(freezes, zone).find_hold(moment)
    return None if hold is None else f"{hold.until.astimezone(zone):%Y-%m-%d %H:%M}"


WEEKENDS: Final = freeze("Weekends", weekly=["fri 17:00-24:00", "sat", "sun"])
BAYRAM: Final = freeze("Bayram", holidays="TR", half_day_from="13:00")
YEARS_END: Final = freeze("Year's end", from_=date(2026, 12, 30), to=date(2027, 1, 2))


@pytest.mark.parametrize(
    ("rules", "moment", "until"),
    [
        ([WEEKENDS], "2026-11-27T16:59:59", None),
        ([WEEKENDS], "2026-11-27T17:00:00", "2026-11-30 00:00"),
        ([WEEKENDS], "2026-11-29T23:59:59", "2026-11-30 00:00"),
        ([WEEKENDS], "2026-11-30T00:00:00", None),
        ([freeze(weekly=["fri 22:00-06:00"])], "2026-11-28T05:59:00", "2026-11-28 06:00"),
        ([freeze(weekly=["sun 22:00-00:00"])], "2026-11-29T22:30:00", "2026-11-30 00:00"),
        ([freeze(weekly=["sun 22:00-09:30"])], "2026-11-30T09:29:00", "2026-11-30 09:30"),
        ([WEEKENDS, freeze(weekly=["mon 00:00-09:00"])], "2026-11-28T12:00:00", "2026-11-30 09:00"),
        ([YEARS_END], "2026-12-29T23:59:59", None),
        ([YEARS_END], "2026-12-30T00:00:00", "2027-01-03 00:00"),
        ([YEARS_END, WEEKENDS], "2026-12-30T00:00:00", "2027-01-04 00:00"),
        ([freeze(from_=date(2028, 2, 28), to=date(2028, 2, 29))], "2028-02-29T12:00:00", "2028-03-01 00:00"),
        ([freeze(from_=date(2028, 2, 29), to=date(2028, 2, 29))], "2028-02-29T00:00:00", "2028-03-01 00:00"),
        ([BAYRAM], "2026-05-26T12:59:59", None),
        ([BAYRAM], "2026-05-26T13:00:00", "2026-05-31 00:00"),
        ([freeze(holidays="TR")], "2026-05-26T13:00:00", None),
        ([BAYRAM, WEEKENDS], "2026-05-26T13:00:00", "2026-06-01 00:00"),
        ([freeze(holidays="DE")], "2026-01-06T12:00:00", None),
        ([freeze(holidays="DE-BY")], "2026-01-06T12:00:00", "2026-01-07 00:00"),
        ([freeze(holidays="DE", half_day_from="13:00")], "2026-12-24T18:00:00", None),
        ([freeze(weekly=["sat"], channels=[ELSEWHERE])], "2026-11-28T12:00:00", None),
        ([freeze(weekly=["sat"], channels=[ELSEWHERE, HERE])], "2026-11-28T12:00:00", "2026-11-29 00:00"),
    ],
)
def test_a_moment_is_frozen_until_the_end_of_all_that_touches(
    rules: list[Freeze], moment: str, until: str | None
) -> None:
    assert end_of(rules, at(moment)) == until


@pytest.mark.parametrize(
    ("weekly", "moment", "until"),
    [
        # Clocks go forward at 02:00 on 2027-03-28, and back at 03:00 on 2027-10-31.
        ("sun", at("2027-03-28T12:00", BERLIN), at("2027-03-29T00:00", BERLIN)),
        ("sun", at("2027-10-31T12:00", BERLIN), at("2027-11-01T00:00", BERLIN)),
        ("sun 00:00-02:30", at("2027-03-28T01:59", BERLIN), at("2027-03-28T03:00", BERLIN)),
        ("sun 02:10-02:40", at("2027-03-28T03:00", BERLIN), None),
        ("sun 02:30-04:00", at("2027-03-28T03:00", BERLIN), at("2027-03-28T04:00", BERLIN)),
        ("sun 02:30-04:00", at("2027-03-28T01:59", BERLIN), None),
        ("sun 00:00-02:30", at("2027-10-31T02:45", BERLIN), at("2027-10-31T02:30", BERLIN, fold=1)),
        ("sun 02:30-04:00", at("2027-10-31T02:30", BERLIN), at("2027-10-31T04:00", BERLIN)),
        ("sun 02:30-04:00", at("2027-10-31T02:15", BERLIN, fold=1), at("2027-10-31T04:00", BERLIN)),
    ],
)
def test_a_changed_clock_moves_neither_start_nor_end(weekly: str, moment: datetime, until: datetime | None) -> None:
    hold = calendar([freeze(weekly=[weekly])], BERLIN).find_hold(moment)
    assert hold == (until and FrozenTime("Freeze", None, until.astimezone(UTC)))


@pytest.mark.parametrize(
    ("moment", "language", "name"),
    [
        ("2026-05-26T15:00", "tr", "Kurban Bayramı"),
        ("2026-05-26T15:00", "en", "Eid al-Adha"),
        ("2026-05-27T15:00", None, "Kurban Bayramı"),
        ("2026-05-27T15:00", "xx", "Kurban Bayramı"),
        ("2026-05-30T15:00", "en", "Eid al-Adha"),
        ("2026-05-31T15:00", "en", "Weekends"),
        ("2026-12-31T15:00", "en", "Year's end"),
        ("2027-01-01T15:00", "en", "New Year's Day"),
        ("2027-01-02T15:00", "en", "Year's end"),
    ],
)
def test_what_holds_now_gives_the_name(moment: str, language: str | None, name: str) -> None:
    hold = calendar([WEEKENDS, YEARS_END, BAYRAM]).find_hold(at(moment), language)
    assert hold is not None
    assert hold.name == name


def test_names_of_holidays_tell_neither_marks_nor_hours() -> None:
    names = [
        name
        for region in ("TR", "MY", "PR", "IS", "CN")
        for year in range(2025, 2032)
        for half_days in (False, True)
        for language in ("tr", "en", None)
        for name in load_holidays(region, year, language, half_days=half_days).values()
    ]
    assert names
    assert [name for name in names if "(" in name or name != name.strip() or not name] == []


@pytest.mark.parametrize(
    ("rules", "moment", "start", "name", "until"),
    [
        ([WEEKENDS], "2026-11-30T09:00", "2026-12-04 17:00", "Weekends", "2026-12-07 00:00"),
        ([WEEKENDS], "2026-11-28T09:00", "2026-12-04 17:00", "Weekends", "2026-12-07 00:00"),
        ([WEEKENDS, YEARS_END], "2026-12-29T09:00", "2026-12-30 00:00", "Year's end", "2027-01-04 00:00"),
        ([BAYRAM], "2026-11-30T09:00", "2027-01-01 00:00", "Yılbaşı", "2027-01-02 00:00"),
        ([BAYRAM], "2027-05-02T09:00", "2027-05-15 13:00", "Kurban Bayramı", "2027-05-20 00:00"),
    ],
)
def test_the_next_freeze(rules: list[Freeze], moment: str, start: str, name: str, until: str) -> None:
    found = calendar(rules).find_next(at(moment))
    assert found is not None
    assert found.start is not None
    shown = [f"{each.astimezone(ISTANBUL):%Y-%m-%d %H:%M}" for each in (found.start, found.until)]
    assert (found.name, shown) == (name, [start, until])


def test_without_a_freeze_ahead_there_is_no_next() -> None:
    assert calendar([YEARS_END]).find_next(at("2027-01-01T09:00")) is None
    assert calendar([YEARS_END]).find_next(at("2025-06-01T09:00")) is None
    assert calendar([freeze(weekly=["sat"], channels=[ELSEWHERE])]).find_next(at("2026-11-30T09:00")) is None


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"weekly": []},
        {"weekly": "sat"},
        {"weekly": ["saturday"]},
        {"weekly": ["fri 17-24"]},
        {"weekly": ["fri 9:00-17:00"]},
        {"weekly": ["fri 17:00-25:00"]},
        {"weekly": ["fri 24:00-24:00"]},
        {"weekly": ["fri 09:00-09:00"]},
        {"weekly": ["ſat"]},
        {"weekly": ["sat"] * 51},
        {"weekly": ["sat"], "holidays": "TR"},
        {"from": date(2026, 12, 30)},
        {"to": date(2026, 12, 30)},
        {"from": date(2026, 12, 30), "to": date(2026, 12, 29)},
        {"from": datetime(2026, 12, 30, tzinfo=UTC), "to": date(2026, 12, 31)},
        {"from": "30.12.2026", "to": "31.12.2026"},
        {"from": date(1999, 12, 31), "to": date(2000, 1, 1)},
        {"from": date(9999, 12, 31), "to": date(9999, 12, 31)},
        {"from": 20261230, "to": 20261231},
        {"first_day": date(2026, 12, 30), "last_day": date(2026, 12, 31)},
        {"holidays": "tr"},
        {"holidays": "TUR"},
        {"holidays": "XX"},
        {"holidays": ""},
        {"holidays": "TR-"},
        {"holidays": "TR-34"},
        {"holidays": ["TR"]},
        {"holidays": "TR", "half_day_from": "1pm"},
        {"holidays": "TR", "half_day_from": "24:00"},
        {"holidays": "TR", "half_day_from": time(13, 0)},
        {"weekly": ["sat"], "half_day_from": "13:00"},
        {"weekly": ["sat"], "channels": []},
        {"weekly": ["sat"], "channels": [HERE, HERE]},
        {"weekly": ["sat"], "channels": ["#marketing"]},
        {"weekly": ["sat"], "name": ""},
        {"weekly": ["sat"], "name": "x" * 76},
        {"weekly": ["sat"], "until": "mon"},
    ],
)
def test_what_is_no_freeze_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Freeze.model_validate({"name": "Freeze"} | rules)


def test_an_unknown_part_of_a_country_is_refused_with_its_parts() -> None:
    assert find_region_problem("AT-BY") == (
        "AT has no part 'BY'; its parts are AT-1, AT-2, AT-3, AT-4, AT-5, AT-6, AT-7, AT-8, AT-9"
    )


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([WEEKENDS, BAYRAM, YEARS_END], None),
        ([freeze("All week", weekly=list(WEEKDAYS))], "All week"),
        ([freeze("Work", weekly=list(WEEKDAYS[:5])), freeze("Rest", weekly=list(WEEKDAYS[5:]))], "Work"),
        ([freeze("Work", weekly=list(WEEKDAYS[:5])), freeze(weekly=["sat", "sun"], channels=[HERE])], "Work"),
        (
            [freeze(weekly=list(WEEKDAYS[:5]), channels=[ELSEWHERE]), freeze(weekly=["sat", "sun"], channels=[HERE])],
            None,
        ),
        ([freeze("A year", from_=date(2027, 1, 1), to=date(2027, 12, 31))], None),
        ([freeze("Two years", from_=date(2027, 1, 1), to=date(2028, 12, 31))], "Two years"),
        (
            [
                freeze("First", from_=date(2027, 1, 1), to=date(2027, 6, 30)),
                freeze("Second", from_=date(2027, 7, 1), to=date(2028, 6, 30)),
            ],
            "First",
        ),
    ],
)
def test_a_freeze_without_an_end_in_a_year_is_found(rules: list[Freeze], name: str | None) -> None:
    assert find_endless(rules) == name


def test_looking_for_an_end_takes_bounded_work() -> None:
    minutes = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(50)]
    spans = [f"mon {start}-{end}" for start, end in pairwise(minutes)]
    forever = [freeze(str(n), from_=date(2000 + n, 1, 1), to=date(2000 + n, 12, 31)) for n in range(50)]
    hold = calendar([freeze(weekly=spans), *forever]).find_hold(at("2010-05-03T00:00"))
    assert hold is not None
    assert hold.until <= at("2010-05-03T00:00") + 2 * MAX_FROZEN


CLOCKS: Final = st.builds(
    "{:02}:{:02}".format, st.integers(min_value=0, max_value=23), st.sampled_from([0, 1, 29, 30, 59])
)
HOURS: Final = st.one_of(
    st.sampled_from(WEEKDAYS),
    st.tuples(st.sampled_from(WEEKDAYS), CLOCKS, CLOCKS | st.just("24:00"))
    .filter(lambda parts: parts[1] != parts[2])
    .map(lambda parts: f"{parts[0]} {parts[1]}-{parts[2]}"),
)
DATES: Final = st.dates(min_value=date(2026, 1, 1), max_value=date(2029, 12, 31))
FREEZES: Final = st.lists(
    st.one_of(
        st.builds(lambda hours: freeze("weekly", weekly=hours), st.lists(HOURS, min_size=1, max_size=4)),
        st.builds(lambda day, n: freeze("dated", from_=day, to=day + timedelta(days=n)), DATES, st.integers(0, 20)),
        st.builds(
            lambda region, half: freeze("holidays", holidays=region, **half),
            st.sampled_from(["TR", "IS", "DE-BY"]),
            st.one_of(st.just({}), CLOCKS.map(lambda clock: {"half_day_from": clock})),
        ),
    ),
    max_size=4,
).filter(lambda freezes: find_endless(freezes) is None)
MINUTES: Final = int(timedelta(days=4 * 365).total_seconds()) // 60
MOMENTS: Final = st.integers(min_value=0, max_value=MINUTES).map(
    lambda minutes: datetime(2026, 1, 2, tzinfo=UTC) + timedelta(minutes=minutes)
) | st.sampled_from(
    # Around 29 February, both clock changes of Berlin's, and New Year.
    [
        datetime(*day, hour, minute, tzinfo=UTC)
        for day in [(2028, 2, 28), (2028, 2, 29), (2027, 3, 28), (2027, 10, 31), (2026, 12, 31)]
        for hour in (0, 1, 2, 22, 23)
        for minute in (0, 30)
    ]
)


def is_frozen_by_the_clock(freezes: list[Freeze], wall: datetime) -> bool:
    """Say whether clocks that show `wall` show a frozen time: written anew, by minutes and by days."""

    def holds(rule: Freeze) -> bool:
        if rule.first_day is not None and rule.last_day is not None:
            return rule.first_day <= wall.date() <= rule.last_day
        if rule.holidays is not None:
            half = rule.half_day_from and wall.date() in load_holidays(rule.holidays, wall.year, half_days=True)
            late = bool(rule.half_day_from) and f"{wall:%H:%M}" >= str(rule.half_day_from)
            return wall.date() in load_holidays(rule.holidays, wall.year) or bool(half and late)
        for hours in rule.weekly or ():
            day, _, span = hours.partition(" ")
            start, _, end = (span or "00:00-24:00").partition("-")
            now, is_today = f"{wall:%H:%M}", WEEKDAYS[wall.weekday()] == day
            was_yesterday = WEEKDAYS[wall.weekday() - 1] == day
            if end > start and is_today and start <= now < end:
                return True
            if end < start and ((is_today and now >= start) or (was_yesterday and now < end)):
                return True
        return False

    return any(holds(rule) for rule in freezes)


@given(freezes=FREEZES, moment=MOMENTS, zone=st.sampled_from(ZONES).map(ZoneInfo))
@settings(deadline=None)
def test_an_instant_is_frozen_until_an_end_that_is_free(
    freezes: list[Freeze], moment: datetime, zone: ZoneInfo
) -> None:
    hold = calendar(freezes, zone).find_hold(moment)
    changes = [(moment + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-26, 0, 26)]
    if len(set(changes)) == 1:
        assert (hold is not None) == is_frozen_by_the_clock(freezes, moment.astimezone(zone).replace(tzinfo=None))
    if hold is not None:
        assert moment < hold.until <= moment + MAX_FROZEN
        assert calendar(freezes, zone).find_hold(hold.until) is None
        for part in range(10):
            between = moment + part * (hold.until - moment) / 10
            assert getattr(calendar(freezes, zone).find_hold(between), "until", None) == hold.until
    following = calendar(freezes, zone).find_next(moment)
    if following is not None:
        start = following.start
        assert start is not None
        assert start > (hold.until if hold else moment)
        assert calendar(freezes, zone).find_hold(start) == following._replace(start=None)
        assert calendar(freezes, zone).find_hold(start - timedelta(seconds=1)) is None
