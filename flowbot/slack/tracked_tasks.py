"""Background tasks that a stop waits for."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

T = TypeVar("T")
CANCELLED_SECONDS: Final = 1.5
"""Cancelled tasks have this long to end at a stop."""

log = structlog.get_logger(__name__)


class TrackedTasks:
    """Runs coroutines in the background and knows which of them are still running."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Start `work` in the background. It handles its own errors; one that escapes is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    async def run_within(self, seconds: float, work: Coroutine[Any, Any, T], *, name: str) -> T:
        """Return the result of `work`, or raise what it raises. If the caller is cancelled, the work goes on.

        Raises:
            TimeoutError: it took longer than `seconds`. The work is cancelled then but not awaited: a task that hangs
                in a silent database takes its time even for that.
        """

        def log_late_failure(task: asyncio.Task[T]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("task.failed_late", task=task.get_name(), error=type(error).__name__)

        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.add_done_callback(log_late_failure)
            task.cancel()
            raise TimeoutError
        return task.result()

    async def drain(self, seconds: float) -> None:
        """Wait up to `seconds` for the running tasks, then cancel the rest and wait a little for those.

        A cancelled task may hang in a silent database, so even the second wait has an end.
        """
        end = time.monotonic() + seconds
        while self._tasks and (left := end - time.monotonic()) > 0:
            # A task that ends may have started another one.
            await asyncio.wait(self._tasks, timeout=left)
        end, cancelled = time.monotonic() + CANCELLED_SECONDS, set[asyncio.Task[Any]]()
        while self._tasks and (left := end - time.monotonic()) > 0:
            for task in self._tasks - cancelled:
                log.warning("task.cancelled", task=task.get_name())
                task.cancel()
            cancelled |= self._tasks
            await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)
