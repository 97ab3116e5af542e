"""Times that people type after `at` and `until`, and the moments that they mean."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import count
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.text import normalize_word, plain_number, shorten, simplify
from flowbot.errors import Text, UserError

GIVEN_MAX: Final = 40
"""Characters of a time that an answer quotes."""
_WORDS: Final = 5
"""A time has fewer words, however it is written."""
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_MIDNIGHT: Final = 24
_NOON: Final = 12
_OPENING: Final = "\"'([{"
_AROUND: Final = r"""["')\]}.,;!?]*(?=[ ]|$)"""
_TIME: Final = re.compile(
    rf"""["'(\[{{]*
    (?:(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d),?[ ] | (?P<weekday>[^\W\d_]+)[.,]*[ ])?
    (?P<hour>\d\d?):(?P<minute>\d\d)(?P<offset>[+-]\d\d:\d\d)?
    {_AROUND}(?![ ]["'(]*(?:[ap]\.?m|öö|ös)\b)""",
    re.VERBOSE | re.IGNORECASE,
)
_NEARLY: Final = re.compile(
    rf"""["'(\[{{]*
    (?:(?P<year>\d{{4}})-(?P<month>\d\d?)-(?P<day>\d\d?)(?:,?[ ]|T)
      | (?P<day_first>\d\d?)\.(?P<month_second>\d\d?)\.(?P<year_last>\d{{4}}),?[ ]
      | (?P<weekday>[^\W\d_]+)[.,]*[ ])?
    (?P<hour>\d\d?)(?:[:.](?P<minute>\d\d))?(?::00)?
    (?:[ ]?(?P<half>am|a\.m|pm|p\.m|öö|ös))?(?:'[^\W\d_]+)?
    {_AROUND}""",
    re.VERBOSE | re.IGNORECASE,
)
"""A time as it is written elsewhere: an hour alone, `9pm`, `24.12.2026 09.00`, `24:00`, `09:00'da`."""
_DATE: Final = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{2,4}")


class TimeRole(StrEnum):
    """What a time says of a change: the start, or the end of what it does."""

    AT = "at"
    UNTIL = "until"


ROLES: Final[Mapping[ChangeKind, frozenset[TimeRole]]] = {
    ChangeKind.ENABLE: frozenset(TimeRole),
    ChangeKind.DISABLE: frozenset({TimeRole.AT}),
    ChangeKind.DELETE: frozenset(),
}
"""The times that may be said of a change."""


@dataclass(frozen=True, slots=True)
class TimeWords:
    """The words of all languages, normalised.

    Attributes:
        roles: What stands before a time.
        weekdays: The weekdays' names, Monday being 0.
        days: Other words for a day, which no time may have, and how many days away it is: today, tomorrow.
    """

    roles: Mapping[str, TimeRole]
    weekdays: Mapping[str, int]
    days: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WallTime:
    """A time as a clock on a wall shows it: on a date, on a weekday, or on any day.

    Attributes:
        offset: Its distance from UTC; needed only where a clock change brings the time twice.
    """

    clock: time
    day: date | None = None
    weekday: int | None = None
    offset: timedelta | None = None

    @classmethod
    def of(cls, moment: datetime, zone: tzinfo, *, with_offset: bool = False) -> "WallTime":
        """Return the date and time of a moment in a zone."""
        local = moment.astimezone(zone)
        return cls(local.time().replace(fold=0), local.date(), offset=local.utcoffset() if with_offset else None)

    def __str__(self) -> str:
        """Return it as it can be typed; without its weekday."""
        day = "" if self.day is None else f"{self.day.isoformat()} "
        return f"{day}{self.clock:%H:%M}{'' if self.offset is None else _format_offset(self.offset)}"


@dataclass(frozen=True, slots=True)
class TypedTime:
    """What follows `at` or `until` in a command.

    Attributes:
        start, end: The words that it takes: the first is the keyword.
        given: These words, as they were typed.
        wall: The time; None where it is none.
        guess: The time that was probably meant, where it is none.
    """

    role: TimeRole
    start: int
    end: int
    given: str
    wall: WallTime | None
    guess: WallTime | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """When a change is to start, and when what it does is to end; None where nobody said."""

    not_before: datetime | None = None
    ends_at: datetime | None = None

    def __bool__(self) -> bool:
        """Check whether any time was said."""
        return self != NO_TIMES

    def after(self, now: datetime) -> "Times":
        """Return those that are still to come."""
        return Times(*(at if at is not None and at > now else None for at in (self.not_before, self.ends_at)))


NO_TIMES: Final = Times()


class TimeQuestionError(UserError):
    """It is not clear, or not possible, when a change is meant to happen.

    Attributes:
        typed: The time that is asked about.
        answers: What may be typed in its place.
    """

    def __init__(self, text: Text, typed: TypedTime, answers: Iterable[WallTime] = ()) -> None:
        super().__init__(text)
        self.typed = typed
        self.answers = tuple(answers)


def find_times(words: Sequence[str], known: TimeWords) -> list[TypedTime]:
    """Find the times among the words of a command: `at` or `until`, followed by a digit or a weekday."""
    plain = [plain_number(simplify(word)) for word in words]
    found: list[TypedTime] = []
    for at in range(len(plain) - 1):
        role = known.roles.get(normalize_word(plain[at].lstrip(_OPENING)))
        is_taken = bool(found) and at < found[-1].end
        if role is None or is_taken or not _begins_time(plain[at + 1], known):
            continue
        text = " ".join(plain[at + 1 : at + 1 + _WORDS])
        wall = guess = None
        if match := _TIME.match(text):
            wall = _read(match, known)
        if wall is None and (match := _NEARLY.match(text)):
            guess = _read(match, known)
        end = at + 2
        while match and len(" ".join(plain[at + 1 : end])) < match.end():
            end += 1
        after = normalize_word(plain[end]) if end < len(plain) else ""
        if wall is not None and wall.day is None and wall.weekday is None and _is_day(after, known):
            # "09:00 mon": the next 09:00 may be another day's.
            meant = replace(wall, weekday=known.weekdays.get(after))
            wall, guess, end = None, None if meant.weekday is None else meant, end + 1
        found.append(TypedTime(role, at, end, " ".join(words[at:end]), wall, guess))
    return found


def _is_day(word: str, known: TimeWords) -> bool:
    return word in known.weekdays or word in known.days or _DATE.fullmatch(word) is not None


def _begins_time(word: str, known: TimeWords) -> bool:
    bare = word.lstrip(_OPENING)
    name = re.split("[')\\]}]", bare)[0]
    return bare[:1].isdecimal() or normalize_word(name) in known.weekdays


def _read(match: re.Match[str], known: TimeWords) -> WallTime | None:
    """Return the time that was matched; None where no clock or calendar has it, or its word is no weekday."""
    parts = match.groupdict()
    hour, minute, half = int(parts["hour"]), int(parts["minute"] or 0), (parts.get("half") or "").lower()
    year, month, day = (
        parts[name] or parts.get(other)
        for name, other in (("year", "year_last"), ("month", "month_second"), ("day", "day_first"))
    )
    if half and not 1 <= hour <= _NOON:
        return None
    if half:
        hour = hour % _NOON + (_NOON if half.startswith("p") or half == "ös" else 0)
    is_guess, later = "half" in parts, timedelta()
    if is_guess and (hour, minute) == (_MIDNIGHT, 0):
        hour, later = 0, _DAY
    try:
        clock = time(hour, minute)
        on = None if year is None else date(int(year), int(month or 0), int(day or 0)) + later
    except (ValueError, OverflowError):
        return None
    offset = parts.get("offset")
    weekday = None if parts["weekday"] is None else known.weekdays.get(normalize_word(parts["weekday"]))
    if parts["weekday"] is not None and weekday is None:
        return None
    weekday = weekday if weekday is None else (weekday + later.days) % _WEEK
    return WallTime(clock, on, weekday, None if offset is None else _parse_offset(offset))


def _parse_offset(text: str) -> timedelta:
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return -offset if text[0] == "-" else offset


def _format_offset(offset: timedelta) -> str:
    hours, minutes = divmod(round(abs(offset).total_seconds() / 60), 60)
    return f"{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"


def plan_times(kind: ChangeKind, typed: Sequence[TypedTime], now: datetime, zone: tzinfo) -> Times:
    """Return the moments that were typed for a change.

    Args:
        kind: what the change does.
        typed: what `find_times` found.
        now: the moment.
        zone: that of whoever typed it.

    Raises:
        TimeQuestionError: a time is none, is skipped or comes twice on its day, is past or over a year away, ends the
            change before it starts, is said twice, or of a change that has none.
    """
    moments: dict[TimeRole, datetime] = {}
    for each in sorted(typed, key=lambda each: each.role is TimeRole.UNTIL):
        if each.role not in ROLES[kind]:
            # Keys: when.delete_at, when.delete_until, when.disable_until
            raise TimeQuestionError(_about(f"when.{kind}_{each.role}", each), each)
        if each.role in moments:
            raise TimeQuestionError(_about(f"when.two_{each.role}", each), each)
        # After `at mon 09:00`, a `until fri 18:00` is the Friday after that Monday.
        start = moments.get(TimeRole.AT, now) if each.wall and each.wall.weekday is not None else now
        moments[each.role] = _find_moment(each, start if now < start <= _next_year(now) else now, zone)
    times = Times(moments.get(TimeRole.AT), moments.get(TimeRole.UNTIL))
    if (problem := find_problem(times, now)) is not None:
        role, key = problem
        asked = next(each for each in typed if each.role is role)
        raise TimeQuestionError(_about(key, asked), asked, _answer_later_end(asked, times, zone))
    return times


def find_problem(times: Times, now: datetime) -> tuple[TimeRole, str] | None:
    """Return which of the times is not possible, and the key of the sentence that says why."""
    latest = _next_year(now)
    for role, moment in ((TimeRole.AT, times.not_before), (TimeRole.UNTIL, times.ends_at)):
        if moment is not None and moment <= now:
            return role, "when.past"
        if moment is not None and moment > latest:
            return role, "when.too_far"
    if times.not_before is not None and times.ends_at is not None and times.ends_at <= times.not_before:
        return TimeRole.UNTIL, "when.ends_before_start"
    return None


def _next_year(now: datetime) -> datetime:
    """Return the same moment a year later; that of 29 February is on 1 March."""
    try:
        return now.replace(year=now.year + 1)
    except ValueError:
        return now.replace(year=now.year + 1, month=3, day=1)


def _about(key: str, typed: TypedTime) -> Text:
    return Text(key, {"given": shorten(typed.given, GIVEN_MAX)})


def _find_moment(typed: TypedTime, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment at which clocks of the zone show the time next, or on its date.

    Raises:
        TimeQuestionError: they never show it on that day, or twice, or it is no time.
    """
    if typed.wall is None:
        raise TimeQuestionError(_about("when.unclear", typed), typed, _answer_guess(typed, now, zone))
    wall = typed.wall
    if wall.day is not None and abs(wall.day.year - now.year) > 1:
        # Refused as it is; near the ends of the calendar no zone can be told.
        return datetime.combine(wall.day, wall.clock, UTC)
    for day in _list_days(wall, now, zone):
        local = datetime.combine(day, wall.clock)
        # Of an hour that is skipped, these are the moments by the clocks before and after the change.
        both = sorted({local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})
        shown = [each for each in both if each.astimezone(zone).replace(tzinfo=None, fold=0) == local]
        if wall.offset is not None:
            both = shown = [each for each in shown if each.astimezone(zone).utcoffset() == wall.offset]
            if not shown:
                raise TimeQuestionError(_about("when.unclear", typed), typed, [replace(wall, offset=None)])
        future = [each for each in both if each > now]
        if future and not shown:
            raise TimeQuestionError(_about("when.skipped", typed), typed, [WallTime.of(each, zone) for each in future])
        if len(future) > 1:
            answers = [WallTime.of(each, zone, with_offset=True) for each in future]
            raise TimeQuestionError(_about("when.doubled", typed), typed, answers)
        if future or wall.day is not None:
            return (future or both)[0]
    raise AssertionError("the days end")


def _list_days(wall: WallTime, now: datetime, zone: tzinfo) -> Iterator[date]:
    """Yield the days on which the time may be meant."""
    if wall.day is not None:
        yield wall.day
        return
    # Where clocks go back over midnight, a day that is over comes again.
    first = now.astimezone(zone).date() - _DAY
    for days in count():
        day = first + timedelta(days=days)
        if wall.weekday is None or day.weekday() == wall.weekday:
            yield day


def _answer_guess(typed: TypedTime, now: datetime, zone: tzinfo) -> Sequence[WallTime]:
    """Return what to offer in place of what is no time."""
    if typed.guess is None:
        return ()
    try:
        moment = _find_moment(replace(typed, wall=typed.guess), now, zone)
    except TimeQuestionError as question:
        return question.answers
    if find_problem(Times(moment), now) is not None:
        return ()
    return [typed.guess if typed.guess.weekday is None else WallTime.of(moment, zone)]


def _answer_later_end(typed: TypedTime, times: Times, zone: tzinfo) -> Sequence[WallTime]:
    """Return the next such end after the start, where no date was typed."""
    if times.not_before is None or typed.role is not TimeRole.UNTIL or (typed.wall and typed.wall.day):
        return ()
    try:
        moment = _find_moment(typed, times.not_before, zone)
    except TimeQuestionError as question:
        return question.answers
    return [WallTime.of(moment, zone)]
