"""Absences of approvers, and who stands in for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.ids import UserId
from flowbot.domain.policy import Actor

MAX_ABSENCE: Final = timedelta(days=30)


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


def absences_at(absences: Iterable[Absence], now: datetime) -> tuple[Absence, ...]:
    """Return the absences that are not over yet."""
    return tuple(absence for absence in absences if absence.until > now)


def may_stand_in(actor: Actor) -> bool:
    """Check whether a person may stand in for another: an active full member of this organisation."""
    return actor.is_active and not actor.is_external and not actor.is_guest
