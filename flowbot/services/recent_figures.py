"""A flow's figures of the last week, for those who look at the flow or decide about it."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from flowbot.domain.figures import Period, sum_totals
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId
from flowbot.services.ports import Clock
from flowbot.services.ports.figures import FigureStore


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """What moved of a flow in the days of the last week that are known whole, and their number, from 1 to 7."""

    totals: Totals
    days: int

    @property
    def is_whole(self) -> bool:
        """Check whether all days are known."""
        return self.days == Period.WEEK


@dataclass(frozen=True, slots=True)
class RecentFigures:
    """Loads figures of the last week. `zone` is whose midnight ends a day."""

    store: FigureStore
    clock: Clock
    zone: ZoneInfo

    async def load(self, flow: FlowId) -> WeekFigures | None:
        """Load the figures of the last seven days, today left out; None where no day is known whole.

        Raises:
            DependencyError: the database did not answer.
        """
        today = self.clock().astimezone(self.zone).date()
        first, last = today - timedelta(days=Period.WEEK), today - timedelta(days=1)
        whole = await self.store.whole_days(first, last)
        if not whole:
            return None
        moved = await self.store.flow_days(flow, first, last)
        return WeekFigures(sum_totals([totals for day, totals in moved.items() if day in whole]), len(whole))
