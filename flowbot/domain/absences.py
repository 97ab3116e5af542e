"""Absences of approvers, and who stands in for them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from flowbot.domain.ids import UserId
from flowbot.domain.policy import Actor
from flowbot.errors import UserError

MAX_ABSENCE: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Absence:
    """A person's absence.

    Attributes:
        until: The moment at which it is over.
        stand_in: Who may approve in their place; None where nobody may, and they are just not mentioned.
    """

    person: UserId
    until: datetime
    stand_in: UserId | None = None

    def find_last_day(self, zone: tzinfo) -> date:
        """Return the last day of the absence as a calendar in a zone has it."""
        return (self.until - timedelta.resolution).astimezone(zone).date()


def absences_at(absences: Iterable[Absence], now: datetime) -> tuple[Absence, ...]:
    """Return the absences that are not over yet."""
    return tuple(absence for absence in absences if absence.until > now)


def may_stand_in(actor: Actor) -> bool:
    """Check whether a person may stand in for another: an active full member of this organisation."""
    return actor.is_active and not actor.is_external and not actor.is_guest


def list_represented(absences: Iterable[Absence], stand_in: UserId, requester: UserId) -> tuple[UserId, ...]:
    """List the people in whose place somebody may decide on a request: on none of either of the two.

    Args:
        absences: those that are not over.
        stand_in: who would decide.
        requester: who asked.
    """
    away = (absence.person for absence in absences if absence.stand_in == stand_in)
    return tuple(person for person in away if requester not in {person, stand_in})


def find_absence(absences: Iterable[Absence], person: UserId) -> Absence | None:
    """Return a person's absence among those that are not over; None where they are not away."""
    return next((absence for absence in absences if absence.person == person), None)


def plan_absence(person: UserId, last_day: date, stand_in: UserId | None, now: datetime, zone: tzinfo) -> Absence:
    """Return an absence to the end of its last day.

    Args:
        person: the person.
        last_day: the last day, in `zone`.
        stand_in: who stands in for them; None for nobody.
        now: the moment.
        zone: the person's own.

    Raises:
        UserError: the day is past or too far, or they would stand in for themselves.
    """
    today = now.astimezone(zone).date()
    if last_day < today:
        raise UserError("absence.past")
    if last_day - today > MAX_ABSENCE:
        raise UserError("absence.too_long", most=MAX_ABSENCE.days)
    if stand_in == person:
        raise UserError("absence.oneself")
    return Absence(person, datetime.combine(last_day + _DAY, time(), zone).astimezone(UTC), stand_in)


def replace_absent(
    people: Iterable[UserId], absences: Collection[Absence], requester: UserId | None = None, *, has_stand_ins: bool
) -> tuple[UserId, ...]:
    """Replace each person who is away by their stand-in, or by nobody, and leave out the requester.

    Args:
        people: the people to address about a request.
        absences: those that are not over.
        requester: who asked, and is addressed neither for themselves nor as a stand-in; None for nobody.
        has_stand_ins: whether stand-ins count.
    """
    away = {absence.person: absence.stand_in if has_stand_ins else None for absence in absences}
    addressed = (away.get(person, person) for person in people if person != requester)
    called = (each for each in addressed if each is not None and each != requester and each not in away)
    return tuple(dict.fromkeys(called))
