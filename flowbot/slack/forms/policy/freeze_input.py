"""Input of the policy form's freezes, to and from a channel's own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from flowbot.domain.freezes import WEEKDAYS, Freeze, find_endless
from flowbot.domain.ids import ChannelId
from flowbot.domain.text import is_blank
from flowbot.errors import Text
from flowbot.i18n.weekdays import find_weekday

OWN_MAX: Final = 10
"""The form has room for so many freezes: a view has 100 blocks at most."""
_SEPARATOR: Final = re.compile(r"[,;\n]+")
_DASH: Final = r"[ ]*[-–—][ ]*"
_CLOCK: Final = r"\d{1,2}(?:[:.]\d{2})?"
_HOURS: Final = re.compile(
    rf"(?P<first>[^\W\d_]+\.?)(?:{_DASH}(?P<last>[^\W\d_]+\.?))?(?:[ ]+(?P<start>{_CLOCK}){_DASH}(?P<end>{_CLOCK}))?"
)


class FreezeKind(StrEnum):
    """The kinds of freezes, each with fields of its own."""

    WEEKLY = "weekly"
    DAYS = "days"
    HOLIDAYS = "holidays"


_PROBLEM_KEYS: Final = {
    FreezeKind.WEEKLY: "setup.problem_freeze_hours",
    FreezeKind.DAYS: "setup.problem_freeze_days",
    FreezeKind.HOLIDAYS: "setup.problem_freeze_country",
}


@dataclass(frozen=True, slots=True)
class FreezeInput:
    """One freeze's fields, as typed.

    Attributes:
        key: Tells it from the form's others.
        hours: Days and hours of a weekly one, in any language.
    """

    key: int
    kind: FreezeKind
    name: str = ""
    hours: str = ""
    first_day: str = ""
    last_day: str = ""
    region: str = ""
    half_day_from: str = ""

    @classmethod
    def from_freeze(cls, key: int, freeze: Freeze) -> "FreezeInput":
        """Return the fields of a freeze."""
        if freeze.weekly is not None:
            return cls(key, FreezeKind.WEEKLY, freeze.name, hours=", ".join(freeze.weekly))
        if freeze.holidays is not None:
            half_day_from = freeze.half_day_from or ""
            return cls(key, FreezeKind.HOLIDAYS, freeze.name, region=freeze.holidays, half_day_from=half_day_from)
        days = {"first_day": str(freeze.first_day), "last_day": str(freeze.last_day)}
        return cls(key, FreezeKind.DAYS, freeze.name, **days)

    def find_problem(self, number: int) -> Text | None:
        """Return what is wrong with it; `number` is its place in the form."""
        if is_blank(self.name):
            return Text("setup.problem_freeze_name", {"number": number})
        try:
            freeze = self.to_freeze(None)
            is_wrong = self.kind is FreezeKind.DAYS and find_endless([freeze]) is not None
        except ValidationError:
            is_wrong = True
        return Text(_PROBLEM_KEYS[self.kind], {"number": number}) if is_wrong else None

    def to_freeze(self, channel: ChannelId | None) -> Freeze:
        """Return the freeze, of one channel or of all.

        Raises:
            ValidationError: it has a problem.
        """
        name = "".join(character if character.isprintable() else " " for character in self.name)
        rules: dict[str, Any] = {"name": " ".join(name.split())}
        if channel is not None:
            rules["channels"] = [channel]
        match self.kind:
            case FreezeKind.WEEKLY:
                rules["weekly"] = read_weekly(self.hours)
            case FreezeKind.DAYS:
                rules |= {"from": self.first_day, "to": self.last_day}
            case FreezeKind.HOLIDAYS:
                rules["holidays"] = self.region
                rules |= {"half_day_from": self.half_day_from} if self.half_day_from else {}
        return Freeze.model_validate(rules)


def list_inputs(freezes: Iterable[Freeze]) -> tuple[FreezeInput, ...]:
    """Return the fields of several freezes."""
    return tuple(FreezeInput.from_freeze(key, freeze) for key, freeze in enumerate(freezes))


def read_weekly(typed: str) -> list[str] | None:
    """Read days and hours as people type them: `Fri 17-24, Sat`, `Pzt-Cum 18.00–24.00`; None where they are none."""
    found: list[str] = []
    for part in _SEPARATOR.split(typed):
        if is_blank(part):
            continue
        match = _HOURS.fullmatch(part.strip())
        first = match and find_weekday(match["first"])
        last = match and (find_weekday(match["last"]) if match["last"] else first)
        if match is None or first is None or last is None:
            return None
        hours = f" {_write_clock(match['start'])}-{_write_clock(match['end'])}" if match["start"] else ""
        found += [f"{WEEKDAYS[(first + n) % 7]}{hours}" for n in range((last - first) % 7 + 1)]
    return found or None


def _write_clock(typed: str) -> str:
    hours, _, minutes = typed.replace(".", ":").partition(":")
    return f"{int(hours):02}:{minutes or '00'}"
