"""The port of figures by day."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from flowbot.domain.figures import DayTotals
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, WebsiteId


class FigureStore(Protocol):
    """The store of figures by day, which `record_reading` of its repository writes with each reading of the watch.

    `first` and `last` are days, both included; `websites` of None are all. A day without moves is in no mapping.
    Every method is one transaction, and raises DependencyError where the database fails.
    """

    async def flow_days(self, flow: FlowId, first: date, last: date) -> Mapping[date, DayTotals]:
        """Return what moved of a flow, by day."""

    async def website_days(
        self, websites: Collection[WebsiteId] | None, first: date, last: date
    ) -> Mapping[date, DayTotals]:
        """Return what moved of websites together, by day."""

    async def flow_sums(
        self,
        websites: Collection[WebsiteId] | None,
        first: date,
        last: date,
        *,
        flows: Collection[FlowId] | None = None,
    ) -> Mapping[FlowId, Totals]:
        """Return what moved of each flow of websites in all days together; of `flows` alone, where they are given."""

    async def rank_flows(
        self, websites: Collection[WebsiteId] | None, first: date, last: date, *, min_sent: int
    ) -> Sequence[FlowId]:
        """List flows of websites by their click rate in all days together, the worst first.

        Of equal ones the one that was sent more often is the better. One that was sent less often than `min_sent`, or
        never displayed, is left out.
        """

    async def whole_days(self, first: date, last: date) -> frozenset[date]:
        """Return the days that are over and were read at least once an hour, from end to end."""

    async def delete_older_than(self, day: date) -> None:
        """Delete the figures of the days before."""
