"""Times in commands: what is one, what is asked about, and the moment that is meant."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowbot.domain.change import ChangeKind
from flowbot.domain.when import NO_TIMES, TimeQuestionError, TimeRole, Times, WallTime, find_times, plan_times
from flowbot.slack.listeners.commands.times import load_time_words

WORDS: Final = load_time_words()
ZONES: Final = sorted(available_timezones())
ISTANBUL: Final = ZoneInfo("Europe/Istanbul")
BERLIN: Final = ZoneInfo("Europe/Berlin")
NOW: Final = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
"""A Monday, six o'clock in Istanbul."""
YEAR: Final = timedelta(days=365)


def plan(text: str, *, kind: ChangeKind = ChangeKind.ENABLE, now: datetime = NOW, zone: ZoneInfo = ISTANBUL) -> Times:
    return plan_times(kind, find_times(text.split(), WORDS), now, zone)


def ask(text: str, *, kind: ChangeKind = ChangeKind.ENABLE, now: datetime = NOW, zone: ZoneInfo = ISTANBUL) -> str:
    """Return what is asked, and what may be answered."""
    with pytest.raises(TimeQuestionError) as caught:
        plan(text, kind=kind, now=now, zone=zone)
    return " | ".join([caught.value.text.key, *map(str, caught.value.answers)])


def read(text: str, now: datetime, zone: ZoneInfo) -> tuple[str, list[datetime]]:
    """Return what is asked, if anything, and the moment that is meant, or those of the answers."""
    key, texts = "", [text]
    try:
        plan(text, now=now, zone=zone)
    except TimeQuestionError as question:
        key, texts = question.text.key, [f"at {each}" for each in question.answers]
    moments = [plan(each, now=now, zone=zone).not_before for each in texts]
    return key, [each for each in moments if each is not None]


def in_istanbul(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=ISTANBUL).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("at 2026-12-24 09:00", "2026-12-24 09:00", None),
        ("at 09:00", "2026-11-30 09:00", None),
        ("at 05:59", "2026-12-01 05:59", None),
        ("at 06:00 sharp", "2026-12-01 06:00", None),
        ("at mon 09:00", "2026-11-30 09:00", None),
        ("at mon 05:00", "2026-12-07 05:00", None),
        ("at Sunday 23:59", "2026-12-06 23:59", None),
        ("saat pazartesi 09:00", "2026-11-30 09:00", None),
        ("saat PZT 09:00", "2026-11-30 09:00", None),
        ("SAAT SALI 09:00", "2026-12-01 09:00", None),
        ("saat Çarşamba 09:00", "2026-12-02 09:00", None),
        ("saat carsamba 09:00", "2026-12-02 09:00", None),
        ("at cuma 09:00 bitiş fri 10:00", "2026-12-04 09:00", "2026-12-04 10:00"),
        ("until 09:00", None, "2026-11-30 09:00"),
        ("BİTİŞ 2026-12-24 09:00", None, "2026-12-24 09:00"),
        ("bitis 2026-12-24 09:00", None, "2026-12-24 09:00"),
        ("at 09:00 until 10:00", "2026-11-30 09:00", "2026-11-30 10:00"),
        ("until 10:00 at 09:00", "2026-11-30 09:00", "2026-11-30 10:00"),
        ("launch at 09:00 we said", "2026-11-30 09:00", None),
        ("we meet at noon", None, None),
        ("at", None, None),
        ("until further notice", None, None),
        ("at once", None, None),
        ("at #9", None, None),
        ("look at https://example.com/at/9", None, None),
        ("the hat 09:00", None, None),
        ("data 9", None, None),
        ("at sunrise", None, None),
        ("at perfect", None, None),
        ("at ０９：００", "2026-11-30 09:00", None),
        ("at ٢٠٢٦-١٢-٢٤ 09:00", "2026-12-24 09:00", None),
        ("at “mon 09:00”", "2026-11-30 09:00", None),
        ("at '09:00'", "2026-11-30 09:00", None),
        ("“at 09:00”", "2026-11-30 09:00", None),
        ("(at 09:00)", "2026-11-30 09:00", None),
        ("at: 09:00, please", "2026-11-30 09:00", None),
        ("at 9:00", "2026-11-30 09:00", None),
        ("at mon. 09:00.", "2026-11-30 09:00", None),
        ("a\u200bt 09\u200b:00", "2026-11-30 09:00", None),
        ("at 2027-11-30 06:00", "2027-11-30 06:00", None),
    ],
)
def test_a_time_is_the_next_such_moment_in_the_persons_zone(text: str, start: str | None, end: str | None) -> None:
    assert plan(text) == Times(in_istanbul(start), in_istanbul(end))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("at 9", "when.unclear | 09:00"),
        ("at 9 people complained", "when.unclear | 09:00"),
        ("at 9am", "when.unclear | 09:00"),
        ("at 9 p.m. sharp", "when.unclear | 21:00"),
        ("at 09:00 PM", "when.unclear | 21:00"),
        ("at 12 am", "when.unclear | 00:00"),
        ("saat 9 ös", "when.unclear | 21:00"),
        ("at 09.00", "when.unclear | 09:00"),
        ("at 09:00:00", "when.unclear | 09:00"),
        ("saat 09:00'da", "when.unclear | 09:00"),
        ("saat 09:00’a kadar", "when.unclear | 09:00"),
        ("at 24:00", "when.unclear | 00:00"),
        ("at 2026-12-24 24:00", "when.unclear | 2026-12-25 00:00"),
        ("at mon 24:00", "when.unclear | 2026-12-01 00:00"),
        ("at mon 9", "when.unclear | 2026-11-30 09:00"),
        ("at 2026-12-24T09:00", "when.unclear | 2026-12-24 09:00"),
        ("at 24.12.2026 09:00", "when.unclear | 2026-12-24 09:00"),
        ("at 09:00 fri", "when.unclear | 2026-12-04 09:00"),
        ("at 09:00 tomorrow", "when.unclear"),
        ("saat 09:00 yarın", "when.unclear"),
        ("at 09:00 2026-12-24", "when.unclear"),
        ("at 2026-12-24", "when.unclear"),
        ("at mon", "when.unclear"),
        ("at mon morning", "when.unclear"),
        ("until fri, please", "when.unclear"),
        ("until friday's sale", "when.unclear"),
        ("at 25:00", "when.unclear"),
        ("at 09:75", "when.unclear"),
        ("at 13 pm", "when.unclear"),
        ("at 09:00-10:00", "when.unclear | 09:00"),
        ("at 09:00:30", "when.unclear"),
        ("at 100 shops", "when.unclear"),
        ("at 2026-02-30 09:00", "when.unclear"),
        ("at 2027-02-29 09:00", "when.unclear"),
        ("at 0000-00-00 00:00", "when.unclear"),
        ("at 2026-12-24 09:00+05:00", "when.unclear | 2026-12-24 09:00"),
        ("at 2026-11-29 09:00", "when.past"),
        ("at 2026-11-30 06:00", "when.past"),
        ("at 0001-01-01 00:00", "when.past"),
        ("at 2027-11-30 06:01", "when.too_far"),
        ("until 2028-02-29 09:00", "when.too_far"),
        ("at 9999-12-31 23:59", "when.too_far"),
        ("at 9999-12-31 24:00", "when.unclear"),
        ("at 10:00 until 10:00", "when.ends_before_start | 2026-12-01 10:00"),
        ("at fri 22:00 until 06:30", "when.ends_before_start | 2026-12-05 06:30"),
        ("at 2026-12-24 09:00 until 2026-12-24 08:00", "when.ends_before_start"),
        ("at 09:00 or at 10:00", "when.two_at"),
        ("at 09:00 saat 9", "when.two_at"),
        ("until 09:00 bitiş 10:00", "when.two_until"),
    ],
)
def test_what_is_no_possible_time_is_asked_about(text: str, asked: str) -> None:
    assert ask(text) == asked


@pytest.mark.parametrize("text", ["at fri 22:00 until thu 06:30", "until thu 06:30 at fri 22:00"])
def test_an_end_on_a_weekday_is_the_first_after_the_start(text: str) -> None:
    times = plan(text)
    assert times.not_before == datetime(2026, 12, 4, 19, 0, tzinfo=UTC)
    assert times.ends_at == datetime(2026, 12, 10, 3, 30, tzinfo=UTC)


def test_a_disable_has_no_end_and_a_delete_no_time() -> None:
    assert ask("until 09:00", kind=ChangeKind.DISABLE) == "when.disable_until"
    assert ask("at 09:00", kind=ChangeKind.DELETE) == "when.delete_at"
    assert ask("until mon", kind=ChangeKind.DELETE) == "when.delete_until"
    assert plan("at noon until late", kind=ChangeKind.DELETE) == NO_TIMES


def test_an_hour_that_is_skipped_or_comes_twice_is_asked_about() -> None:
    winter, summer = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
    skipped = "when.skipped | 2026-03-29 01:30 | 2026-03-29 03:30"
    assert ask("at 02:30", now=winter, zone=BERLIN) == skipped
    assert ask("at sun 02:30", now=winter, zone=BERLIN) == skipped
    assert ask("at 2026-03-29 02:30", now=winter, zone=BERLIN) == skipped
    doubled = "when.doubled | 2026-10-25 02:30+02:00 | 2026-10-25 02:30+01:00"
    assert ask("at 02:30", now=summer, zone=BERLIN) == doubled
    assert ask("until sun 02:30", now=summer, zone=BERLIN) == doubled
    for offset, hour in (("+02:00", 0), ("+01:00", 1)):
        times = plan(f"at 2026-10-25 02:30{offset}", now=summer, zone=BERLIN)
        assert times.not_before == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    assert plan("at 02:30", now=between, zone=BERLIN).not_before == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_year_from_29_february_ends_on_1_march() -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert plan("at 2029-03-01 12:00", now=leap, zone=ZoneInfo("UTC")).not_before == datetime(
        2029, 3, 1, 12, tzinfo=UTC
    )
    assert ask("at 2029-03-01 12:01", now=leap, zone=ZoneInfo("UTC")) == "when.too_far"
    before = datetime(2028, 2, 1, tzinfo=UTC)
    assert plan("at 2028-02-29 09:00", now=before).not_before == in_istanbul("2028-02-29 09:00")


def list_clock_changes(zone: ZoneInfo, year: int) -> Iterator[datetime]:
    """Yield the hours of a year after which clocks of the zone show something else than an hour later."""
    hour = datetime(year, 1, 1, tzinfo=UTC)
    while hour.year == year:
        later = hour + timedelta(hours=12)
        if hour.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            yield hour
        hour = later


def find_next(wall: WallTime, now: datetime, zone: ZoneInfo) -> list[datetime]:
    """Walk minute by minute to the next moments of that time, on one day; the slow truth."""
    minute = now.replace(second=0, microsecond=0)
    found: list[datetime] = []
    for _ in range(9 * 24 * 60):
        minute += timedelta(minutes=1)
        local = minute.astimezone(zone)
        fits_day = wall.weekday is None or local.weekday() == wall.weekday
        if fits_day and local.time() == wall.clock and (not found or minute - found[0] < timedelta(hours=4)):
            found.append(minute)
    return found


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - they get one
    clock=st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    weekday=st.none() | st.sampled_from(sorted(WORDS.weekdays)),
)
@example(zone=BERLIN, now=datetime(2026, 3, 28, 12, tzinfo=UTC), clock=time(2, 30), weekday=None)
@example(zone=BERLIN, now=datetime(2026, 10, 24, 12, tzinfo=UTC), clock=time(2, 30), weekday="pazar")
@example(zone=ZoneInfo("Asia/Beirut"), now=datetime(2026, 10, 24, 12, tzinfo=UTC), clock=time(23, 30), weekday=None)
@example(
    zone=ZoneInfo("Australia/Lord_Howe"), now=datetime(2026, 10, 3, 1, tzinfo=UTC), clock=time(2, 15), weekday=None
)
def test_a_time_is_the_first_minute_at_which_a_clock_shows_it(
    zone: ZoneInfo, now: datetime, clock: time, weekday: str | None
) -> None:
    wall = WallTime(clock, weekday=None if weekday is None else WORDS.weekdays[weekday])
    found = find_next(wall, now, zone)
    key, moments = read(f"at {weekday or ''} {clock:%H:%M}", now, zone)
    match key:
        case "when.doubled":
            assert moments == found[:2]
        case "when.skipped":
            # That day comes before the next on which a clock shows the time.
            assert all(moment < found[0] for moment in moments)
        case _:
            assert moments == found[:1]


@pytest.mark.long
def test_each_minute_around_a_clock_change_can_be_written_in_every_zone() -> None:
    """Every 15 minutes around each clock change of two years: the moment itself, or a question that offers it."""
    now, seen = datetime(2026, 6, 1, tzinfo=UTC), set()
    for name in ZONES:
        zone = ZoneInfo(name)
        changes = [each for year in (2026, 2027) for each in list_clock_changes(zone, year)]
        for change in changes:
            # Zones of one clock are one.
            if (clock := (change, change.astimezone(zone).utcoffset())) in seen:
                continue
            seen.add(clock)
            for quarters in range(-8, 60):
                moment = change + timedelta(minutes=15 * quarters)
                if not now < moment < now + YEAR:
                    continue
                key, moments = read(f"at {WallTime.of(moment, zone)}", now, zone)
                assert moment in moments, (name, moment)
                assert len(set(moments)) == (2 if key == "when.doubled" else 1), (name, moment)


NO_TIME: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    before=st.lists(NO_TIME, max_size=4),
    role=st.sampled_from(sorted(WORDS.roles)),
    time_text=st.sampled_from(["2026-12-24 09:00", "09:00", "mon 09:00", "Perşembe 09:00"]),
    after=st.lists(NO_TIME, max_size=4),
)
def test_a_time_is_found_anywhere_and_taken_whole(
    before: list[str], role: str, time_text: str, after: list[str]
) -> None:
    words = " ".join([*before, role, time_text, "so", *after]).split()
    found = find_times(words, WORDS)
    assert any(" ".join(words[each.start : each.end]) == f"{role} {time_text}" and each.wall for each in found)


@given(st.lists(NO_TIME | st.sampled_from(["at", "until", "saat", "bitiş", "AT:", "(bitis"])))
@example(["at", "9"])
@example(["at", "until", "9"])
@example(["until", "at", "mon"])
def test_only_a_digit_or_a_weekday_makes_it_a_time(words: list[str]) -> None:
    words = " ".join(words).split()
    found = find_times(words, WORDS)
    for each in found:
        follower = words[each.start + 1].lstrip("\"'([{“‘’”«»")
        assert (
            any(map(str.isnumeric, follower)) or any(day in follower.casefold() for day in ("mon", "paz")) or each.wall
        )
    ends = [0, *(each.end for each in found)]
    assert all(end <= each.start for end, each in zip(ends, found, strict=False))
    assert all(each.role in TimeRole for each in found)


@given(st.text(max_size=60))
def test_any_text_has_a_moment_or_a_question(text: str) -> None:
    try:
        times = plan(f"at 9{text}")
    except TimeQuestionError:
        return
    assert times.not_before is None or NOW < times.not_before <= NOW + YEAR


def test_a_date_alone_has_no_clock() -> None:
    assert str(WallTime(time(9), date(2026, 12, 24))) == "2026-12-24 09:00"
    assert str(WallTime(time(9), offset=timedelta(hours=-3, minutes=-30))) == "09:00-03:30"
