"""Probes of what flowbot depends on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from flowbot.errors import DependencyError
from flowbot.services.ports import Monotonic
from flowbot.services.ttl_cache import TtlCache

PROBE_TIMEOUT_SECONDS: Final = 3.0
CACHE_SECONDS: Final = 2.0
"""A probe's result is used for this long, so that frequent checks put no load on what they probe."""

Probe = Callable[[], Awaitable[None]]


class HealthChecker:
    """Probes each dependency.

    Args:
        probes: by the dependency's name. A probe raises DependencyError where the dependency does not work.
        timeout: seconds that a probe may take.
        monotonic: seconds that only grow, for the age of cached results.
    """

    def __init__(
        self,
        probes: Mapping[str, Probe],
        *,
        timeout: float = PROBE_TIMEOUT_SECONDS,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._probes = probes
        self._timeout = timeout
        self._cache: TtlCache[str, str] = TtlCache(CACHE_SECONDS, monotonic=monotonic)

    async def check(self) -> Mapping[str, str]:
        """Return the state of each dependency: `ok`, or one word for the problem."""
        states = await asyncio.gather(
            *(self._cache.get(name, partial(self._run, probe)) for name, probe in self._probes.items())
        )
        return dict(zip(self._probes, states, strict=True))

    async def close(self) -> None:
        """Cancel probes that are under way."""
        await self._cache.close()

    async def _run(self, probe: Probe) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                await probe()
        except TimeoutError:
            return "slow"
        except DependencyError as fault:
            return fault.status
        return "ok"
