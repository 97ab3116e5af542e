"""Faults of a process: it dies, freezes, or has no database for a moment."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, cast

from flowbot.domain.ids import FlowId
from flowbot.errors import DatabaseFaultError
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.readings import KnownFlow, WatchStore

WRITES: Final = frozenset({"create", "update", "set_enabled", "delete"})
"""Calls at which no process freezes: no lease can close the gap between noting a write and writing."""


class ProcessKilled(BaseException):
    """Raised where a process dies."""


@dataclass
class ProcessFaults:
    """Faults of one process, counted in its calls to the outside; None for no fault.

    Attributes:
        calls_until_death: Calls until it dies. The end of a call counts as well: then the effect is there, and unknown.
        calls_until_database_fault: Calls to the database until one fails.
        calls_until_freeze: Calls until it is frozen.
        sends_until_death: Calls until it dies, of those alone that send messages and note them.
        dies_after: The call after which it dies.
        is_frozen: Set while it is frozen.
        interruptions: How often it was frozen, had no database, or died.
    """

    calls_until_death: int | None = None
    calls_until_database_fault: int | None = None
    calls_until_freeze: int | None = None
    sends_until_death: int | None = None
    dies_after: str | None = None
    interruptions: int = 0
    is_frozen: asyncio.Event = field(default_factory=asyncio.Event)
    _thawed: asyncio.Event = field(default_factory=asyncio.Event)

    def clear(self) -> None:
        """Fail no more."""
        self.calls_until_death = self.calls_until_database_fault = None
        self.calls_until_freeze = self.sends_until_death = self.dies_after = None

    def freeze_after(self, calls: int) -> None:
        self.calls_until_freeze = calls
        self.is_frozen.clear()
        self._thawed.clear()

    def thaw(self) -> None:
        self.calls_until_freeze = None
        self._thawed.set()

    async def wait_while_frozen(self) -> None:
        """Wait until the process is thawed."""
        if self.calls_until_freeze is None:
            return
        self.calls_until_freeze -= 1
        if self.calls_until_freeze < 0:
            self.interruptions += 1
            self.is_frozen.set()
            await self._thawed.wait()

    def count_return(self, name: str) -> None:
        """Count the end of a call."""
        if name == self.dies_after:
            self.calls_until_death = 0
        self.count_call()

    def count_call(self) -> None:
        if self.calls_until_death is not None:
            if self.calls_until_death <= 0:
                self._die()
            self.calls_until_death -= 1

    def count_send(self) -> None:
        """Count a call that sends a message or notes one."""
        if self.sends_until_death is not None:
            self.sends_until_death -= 1
            if self.sends_until_death < 0:
                self.calls_until_death = 0
                self._die()

    def _die(self) -> NoReturn:
        self.interruptions += 1
        raise ProcessKilled

    def count_database_call(self) -> None:
        self.count_call()
        if self.calls_until_database_fault is not None:
            self.calls_until_database_fault -= 1
            if self.calls_until_database_fault < 0:
                self.calls_until_database_fault = None
                self.interruptions += 1
                raise DatabaseFaultError


class FaultyPort:
    """A port of a process that may die before and after each call."""

    def __init__(self, port: object, life: ProcessFaults, *, is_database: bool = False) -> None:
        self._port = port
        self._life = life
        self._begins = life.count_database_call if is_database else life.count_call

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Open a snapshot of the database; what is read in it counts call by call."""
        return cast(ChangeStore, self._port).snapshot()

    def list_known(self) -> AsyncIterator[Mapping[FlowId, KnownFlow]]:
        """Read what the watch knows, which counts as no call."""
        return cast(WatchStore, self._port).list_known()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **named: Any) -> Any:
            if name not in WRITES:
                await self._life.wait_while_frozen()
            self._begins()
            answer = await method(*args, **named)
            self._life.count_return(name)
            return answer

        return call
