"""The clock that flowbot goes by, which believes no jump of the machine's clock at once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from flowbot.services.ports import Clock, Monotonic

JUMP: Final = timedelta(minutes=1)
"""A clock that moves by more than this against the monotonic one has jumped."""
AGREEMENT: Final = JUMP / 2
"""A witness this close to the time after a jump is not as close to the time before it."""
DOUBT_SECONDS: Final = 600.0
"""A jump that lasts is believed after this, with no witness."""
DATE_FORMAT: Final = "%a, %d %b %Y %H:%M:%S GMT"
"""The form in which HTTP servers write a `Date` (RFC 9110, section 5.6.7)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A jump that is not believed yet: by how much, and since when by the monotonic clock."""

    jump: timedelta
    since: float


class BelievedClock:
    """A clock that goes on from the last believed time while a jump of the machine's clock is doubted.

    A jump is believed after ten minutes, or when a witness agrees: another clock, such as the database's or the one
    that dates an answer. The time at which a process starts is believed.

    Args:
        wall: tells the machine's time.
        monotonic: seconds that only grow.
    """

    def __init__(self, wall: Clock, monotonic: Monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._believed, self._believed_at = wall(), monotonic()
        self._doubt: _Doubt | None = None
        self._witness: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Tell the time."""
        wall, at = self._wall(), self._monotonic()
        steady = self._believed + timedelta(seconds=at - self._believed_at)
        jump = wall - steady
        if abs(jump) > JUMP:
            if self._doubt is None or abs(jump - self._doubt.jump) > JUMP:
                self._doubt = _Doubt(jump, at)
                log.warning("clock.jump_doubted", seconds=jump.total_seconds())
            is_agreed = self._agrees(wall, at)
            if not is_agreed and at - self._doubt.since < DOUBT_SECONDS:
                return steady
            log.warning("clock.jump_believed", seconds=jump.total_seconds(), is_agreed=is_agreed)
        elif self._doubt is not None:
            log.info("clock.jump_undone")
        self._believed, self._believed_at, self._doubt = wall, at, None
        return wall

    @property
    def is_doubted(self) -> bool:
        """Check whether the machine's clock has jumped to a time that is not believed yet."""
        self()
        return self._doubt is not None

    def hear(self, witness: datetime | None) -> None:
        """Note the time that another clock tells now; None says nothing."""
        if witness is not None:
            self._witness = (witness, self._monotonic())

    def _agrees(self, wall: datetime, at: float) -> bool:
        if self._witness is None:
            return False
        told, told_at = self._witness
        return abs(told + timedelta(seconds=at - told_at) - wall) <= AGREEMENT


def parse_date(header: str | None) -> datetime | None:
    """Read the `Date` of an HTTP answer; None where there is none that can be read."""
    try:
        return datetime.strptime(header or "", DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
