"""Work that goes on after Slack was answered: tracked, so that nothing is lost at a stop."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger(__name__)


T = TypeVar("T")

ACK_SECONDS: Final = 2.3
"""All that happens before the acknowledgement, of the three seconds that Slack waits."""
LAST_SECONDS: Final = 1.5
"""What was cancelled has this long to say so."""


class TrackedTasks:
    """Runs coroutines in the background and knows which are still under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Begin `work`, which answers for its own errors; one that escapes it is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def within(self, seconds: float, work: Coroutine[Any, Any, T], *, name: str) -> T:
        """The result of `work`, which may raise what it likes.

        Raises:
            TimeoutError: there is none after `seconds`. The work is cancelled by then, and not waited for: what hangs
                in a database that says nothing takes its time for that, too. Where the caller is cancelled, the
                work goes on.
        """
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.add_done_callback(_given_up)
            task.cancel()
            raise TimeoutError
        return task.result()

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way, for `seconds` at most, then cancel what is left.

        Not for ever even then: a database that says nothing holds up who gives up waiting for it.
        """
        end = time.monotonic() + seconds
        while self._tasks and (left := end - time.monotonic()) > 0:
            # What ends may have begun something else before.
            await asyncio.wait(self._tasks, timeout=left)
        end, cancelled = time.monotonic() + LAST_SECONDS, set[asyncio.Task[Any]]()
        while self._tasks and (left := end - time.monotonic()) > 0:
            for task in self._tasks - cancelled:
                log.warning("task.cancelled", task=task.get_name())
                task.cancel()
            cancelled |= self._tasks
            await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)


def _given_up(task: asyncio.Task[Any]) -> None:
    """Nobody waits for it any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("task.failed_late", task=task.get_name(), error=type(error).__name__)
