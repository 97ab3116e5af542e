"""What is not right yet with the set-up: looked for after the start, and when an admin opens the Home tab."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from flowbot.services.ports import Monotonic

START_SECONDS: Final = 3.0
"""After the start: what people do first goes before."""
INTERVAL_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 20.0
CANCEL_SECONDS: Final = 1.0
"""A cancelled look may hang in a silent database."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not right: the name of the check that found it, and what it says, without a secret."""

    name: str
    detail: str


FindingsReader = Callable[[], Awaitable[Sequence[Finding]]]


class SetupFindings:
    """The latest findings of `flowbot check`, read in the background at most once a minute.

    Args:
        read: runs the checks; None finds nothing.
        monotonic: seconds that only grow.

    Attributes:
        latest: What was found last.
    """

    def __init__(self, read: FindingsReader | None, monotonic: Monotonic) -> None:
        self._read = read
        self._monotonic = monotonic
        self._looked_at: float | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.latest: tuple[Finding, ...] = ()

    def start(self) -> None:
        """Start to look once, and to log in one line what is not right yet."""
        if self._read is not None:
            self._task = asyncio.create_task(self._announce(), name="setup_findings")

    async def close(self) -> None:
        """Give up a look that `start` began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)

    async def refresh(self) -> bool:
        """Look again where the last look began a minute ago. Return whether other checks fail than before.

        Where a look is under way, its end is waited for: who opened the tab meanwhile has not seen what it finds.
        """
        before = self.latest
        async with self._turn:
            now = self._monotonic()
            if self._read is not None and (self._looked_at is None or now - self._looked_at >= INTERVAL_SECONDS):
                self._looked_at = now
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        self.latest = tuple(await self._read())
                except Exception as error:  # noqa: BLE001 - a look that fails is no failure of flowbot's
                    log.warning("findings.not_checked", error=type(error).__name__)
        return {each.name for each in self.latest} != {each.name for each in before}

    async def _announce(self) -> None:
        await asyncio.sleep(START_SECONDS)
        await self.refresh()
        if self.latest:
            log.warning(
                "findings.not_right_yet", problems="; ".join(f"{each.name}: {each.detail}" for each in self.latest)
            )
