"""Probes of what flowbot depends on."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from flowbot.errors import DependencyError
from flowbot.services.ports import Monotonic
from flowbot.services.ttl_cache import TtlCache

PROBE_TIMEOUT_SECONDS: Final = 3.0


CACHE_SECONDS: Final = 2.0
"""However often it is asked, the outside is asked this seldom."""


Probe = Callable[[], Awaitable[None]]


class HealthChecker:
    """Asks each dependency for a sign of life.

    Args:
        probes: by the name of what is asked; a probe raises DependencyError where there is no sign of life.
        timeout: seconds that a probe may take.
        monotonic: seconds that only grow, for the age of what is kept.
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
        self._kept: TtlCache[str, str] = TtlCache(CACHE_SECONDS, monotonic=monotonic)

    async def check(self) -> Mapping[str, str]:
        """What each dependency is like: `ok`, or what is wrong in one word."""
        states = await asyncio.gather(*(self._state(name) for name in self._probes))
        return dict(zip(self._probes, states, strict=True))

    async def close(self) -> None:
        """End what is under way."""
        await self._kept.close()

    async def _state(self, name: str) -> str:
        return await self._kept.get(name, lambda: self._look(self._probes[name]))

    async def _look(self, probe: Probe) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                await probe()
        except TimeoutError:
            return "slow"
        except DependencyError as fault:
            return fault_status(fault)
        return "ok"


def fault_status(fault: DependencyError) -> str:
    """What is wrong: `enkapush_key` is `key`; a fault that says no more than whose it is means that nothing answers."""
    _, _, what = fault.key.removeprefix("fault.").partition("_")
    return what or "down"
