"""The clock of one machine, which somebody may set."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flowbot.services.clock import DOUBT_SECONDS, JUMP
from flowbot.services.ports import Clock

DOUBTED: timedelta = timedelta(seconds=DOUBT_SECONDS)
"""No jump of a clock is to be believed before this."""


@dataclass
class MachineClock:
    """Tells the time of one machine.

    Attributes:
        offset: By how much it is ahead of the true time.
        earlier: By how much it was before it was set.
        set_at: When it was set.
    """

    true_time: Clock
    offset: timedelta = timedelta()
    earlier: timedelta = timedelta()
    set_at: datetime | None = None

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.true_time() + self.offset

    def set_ahead(self, offset: timedelta) -> None:
        """Set the clock to what is ahead of the true time by `offset`."""
        self.earlier, self.offset, self.set_at = self.offset, offset, self.true_time()

    def believable(self) -> datetime:
        """Tell the time that a process may go by: from before the clock was set, for as long as it has to doubt it."""
        now = self.true_time()
        is_doubted = self.set_at is not None and now < self.set_at + DOUBTED and abs(self.offset - self.earlier) > JUMP
        return now + (self.earlier if is_doubted else self.offset)
