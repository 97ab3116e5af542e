"""`/metrics`: this process's counters and gauges from the database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from flowbot.errors import DependencyError
from flowbot.observability.metrics import Metrics
from flowbot.services.ports import Clock
from flowbot.services.ports.statistics import ChangeStatistics
from flowbot.services.ttl_cache import TtlCache

STATISTICS_TIMEOUT_SECONDS: Final = 2.0
CACHE_SECONDS: Final = 1.0
"""Statistics are used for this long, so that frequent scrapes put no load on the database."""

StatisticsReader = Callable[[], Awaitable[ChangeStatistics]]


class PrometheusExporter:
    """Renders `/metrics`.

    Args:
        metrics: the counters of this process.
        read: reads the statistics from the database, or raises DependencyError.
        clock: tells the time, for ages.
        timeout: seconds that the database may take.
    """

    def __init__(
        self, metrics: Metrics, read: StatisticsReader, clock: Clock, *, timeout: float = STATISTICS_TIMEOUT_SECONDS
    ) -> None:
        self._metrics = metrics
        self._read = read
        self._clock = clock
        self._timeout = timeout
        self._cache: TtlCache[None, ChangeStatistics] = TtlCache(CACHE_SECONDS)

    async def render(self) -> bytes:
        """Return counters and gauges in Prometheus' text format; without the database's where it does not answer."""
        statistics = None
        reading = asyncio.ensure_future(self._cache.get(None, self._read))
        done, _ = await asyncio.wait({reading}, timeout=self._timeout)
        if done:
            with suppress(DependencyError):
                statistics = reading.result()
        else:
            # This ends the wait only. Cancelling a hanging read may hang too: it goes on, and the next scrape joins it.
            reading.cancel()
        return self._metrics.render() + generate_latest(_collect_gauges(statistics, self._clock()))

    async def close(self) -> None:
        """Cancel a read that is under way."""
        await self._cache.close()


def _collect_gauges(statistics: ChangeStatistics | None, now: datetime) -> CollectorRegistry:
    """Return the statistics as gauges, which are left out where they are not known."""
    registry = CollectorRegistry()

    def gauge(name: str, meaning: str, value: float) -> None:
        Gauge(f"flowbot_{name}", meaning, registry=registry).set(value)

    def age(since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())

    gauge("database_up", "Whether the database answered in time (1) or not (0)", statistics is not None)
    if statistics is None:
        return registry
    changes = Gauge("flowbot_changes", "Changes, by state", ["state"], registry=registry)
    for state, number in statistics.states.items():
        changes.labels(state).set(number)
    gauge(
        "oldest_pending_seconds",
        "Age of the oldest request that waits for approval (0: none)",
        age(statistics.oldest_pending),
    )
    gauge(
        "oldest_unapplied_seconds",
        "Age of the oldest change that is being checked or applied (0: none)",
        age(statistics.oldest_in_progress),
    )
    gauge("untold_changes", "Changes whose Slack message is missing or out of date", statistics.unshown)
    gauge(
        "oldest_untold_seconds",
        "Age of the oldest of these messages (0: none)",
        age(statistics.oldest_unshown),
    )
    unreadable = Gauge(
        "flowbot_unreadable_rows",
        "Rows of the database set aside because they cannot be read, by table",
        ["table"],
        registry=registry,
    )
    for table, rows in statistics.unreadable.items():
        unreadable.labels(table).set(rows)
    return registry
