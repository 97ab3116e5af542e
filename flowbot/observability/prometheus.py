"""`/metrics`: this process's counters and gauges from the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from flowbot.errors import DependencyError
from flowbot.observability.metrics import Metrics
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStatistics
from flowbot.services.ttl_cache import TtlCache

STATISTICS_TIMEOUT_SECONDS: Final = 2.0


CACHE_SECONDS: Final = 1.0
"""However often it is asked, the database is asked this seldom."""


StatisticsReader = Callable[[], Awaitable[ChangeStatistics]]


class PrometheusExporter:
    """Answers a scrape.

    Args:
        metrics: what this process counts.
        read: reads the figures of the database, or raises DependencyError.
        clock: tells how old things are.
        timeout: how many seconds the database has.
    """

    def __init__(
        self, metrics: Metrics, read: StatisticsReader, clock: Clock, *, timeout: float = STATISTICS_TIMEOUT_SECONDS
    ) -> None:
        self._metrics = metrics
        self._read = read
        self._clock = clock
        self._timeout = timeout
        self._kept: TtlCache[None, ChangeStatistics] = TtlCache(CACHE_SECONDS)

    async def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        figures = await self._figures()
        return self._metrics.render() + generate_latest(_database_gauges(figures, self._clock()))

    async def close(self) -> None:
        """End what is under way."""
        await self._kept.close()

    async def _figures(self) -> ChangeStatistics | None:
        """The figures; None where the database does not give them in time.

        A read that hangs is not cancelled, since even that may hang: the next scrape joins it.
        """
        reading = asyncio.ensure_future(self._kept.get(None, self._read))
        done, _ = await asyncio.wait({reading}, timeout=self._timeout)
        if not done:
            reading.cancel()
            return None
        try:
            return reading.result()
        except DependencyError:
            return None


def _database_gauges(figures: ChangeStatistics | None, now: datetime) -> CollectorRegistry:
    """The figures as gauges; what is not known is left out rather than said as it was."""
    registry = CollectorRegistry()

    def gauge(name: str, meaning: str, value: float) -> None:
        Gauge(f"flowbot_{name}", meaning, registry=registry).set(value)

    def age(since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())

    gauge("database_up", "Whether the database gave the figures in time", figures is not None)
    if figures is None:
        return registry
    changes = Gauge("flowbot_changes", "Changes, by their state", ["state"], registry=registry)
    for state, number in figures.states.items():
        changes.labels(state).set(number)
    gauge("oldest_pending_seconds", "Age of the request that waits longest (0: none)", age(figures.oldest_pending))
    gauge(
        "oldest_unapplied_seconds",
        "How long the change has been in hand that is being judged or applied for longest (0: none is)",
        age(figures.oldest_in_progress),
    )
    gauge("untold_changes", "Changes whose message in Slack is missing or behind", figures.unshown)
    gauge("oldest_untold_seconds", "How long the longest of them has been so (0: none is)", age(figures.oldest_unshown))
    return registry
