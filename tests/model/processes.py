"""Processes of flowbot on one database, which die at any call of theirs and leave everything as it was then."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, cast

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.domain.outcomes import Verdict
from flowbot.errors import Fault, UserError
from flowbot.metrics import Metrics
from flowbot.services.applying import Applying, Tools
from flowbot.services.approvals import Approvals, Timekeeping
from flowbot.services.catalog import Catalog
from flowbot.services.changes import Changes
from flowbot.services.holding import Holding
from flowbot.services.people import People
from flowbot.services.ports.people import Directory
from flowbot.services.ports.time import Clock, Sleep
from flowbot.services.rulings import Rulings
from flowbot.storage.changes import StoredChanges
from flowbot.storage.database import Database
from flowbot.storage.deliveries import StoredDeliveries
from flowbot.storage.drafts import StoredDrafts
from flowbot.storage.images import StoredImages
from flowbot.storage.policies import StoredPolicies
from flowbot.worker.housekeeping import Housekeeping
from flowbot.worker.recovery import Recovery
from tests.model.enkapush import WRITING, FakeEnkapush

WRITES: Final = frozenset({"create", "update", "set_enabled", "delete"})
"""Nobody freezes between the note that a write goes out and the write: that gap no lease can close."""


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Life:
    """How many calls to the outside a process has left; without a number it lives on.

    Attributes:
        left: Calls until it dies; the end of a call counts as well, since the effect is there and nobody knows.
        stumbles: Calls to the database until one fails.
        moves: Calls until it is frozen.
        stands: Set while it is frozen.
    """

    left: int | None = None
    stumbles: int | None = None
    moves: int | None = None
    stands: asyncio.Event = field(default_factory=asyncio.Event)
    _goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    def freezes_after(self, calls: int) -> None:
        self.moves = calls
        self.stands.clear()
        self._goes_on.clear()

    def thaws(self) -> None:
        self.moves = None
        self._goes_on.set()

    async def may_freeze(self) -> None:
        """Stand still until it thaws, with everything that the process does at the same time."""
        if self.moves is None:
            return
        self.moves -= 1
        if self.moves < 0:
            self.stands.set()
            await self._goes_on.wait()

    def beats(self) -> None:
        if self.left is not None:
            if self.left <= 0:
                raise Killed
            self.left -= 1

    def asks_the_database(self) -> None:
        self.beats()
        if self.stumbles is not None:
            self.stumbles -= 1
            if self.stumbles < 0:
                self.stumbles = None
                raise Fault("fault.database")


class Mortal:
    """A port as a process reaches it that may die before the call and after it."""

    def __init__(self, port: object, life: Life, *, is_database: bool = False) -> None:
        self._port = port
        self._life = life
        self._begins = life.asks_the_database if is_database else life.beats

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **named: Any) -> Any:
            if name not in WRITES:
                await self._life.may_freeze()
            self._begins()
            answer = await method(*args, **named)
            self._life.beats()
            return answer

        return call


@dataclass(frozen=True, slots=True)
class Watched(Applying):
    """Applies, and lets Enkapush know for which change; `clouded` are those whose application broke off."""

    clouded: set[ChangeId | None] = field(default_factory=set)

    async def apply(self, change: Change) -> Verdict:
        token = WRITING.set(change.id)
        try:
            return await Applying.apply(self, change)
        except (Killed, Fault):
            self.clouded.add(change.id)
            raise
        finally:
            WRITING.reset(token)


class Slack:
    """What people were told last of each change, by version; it may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.told: dict[str, int] = {}

    def shows(self, change: Change) -> None:
        if self.is_away:
            raise Fault("fault.slack")
        self.told[change.id] = max(change.version, self.told.get(change.id, 0))


class Voice:
    """Tells as the real one does: whatever it is called for, the newest state is shown."""

    def __init__(self, slack: Slack, store: StoredChanges, life: Life) -> None:
        self._slack = slack
        self._store = store
        self._life = life

    async def __call__(self, change: Change, shown: Flow | None) -> None:
        self._life.beats()
        newest = await self._store.get(change.id) or change
        self._slack.shows(newest)
        self._life.beats()
        await self._store.shown(newest.id, newest.version)

    async def remind(self, change: Change) -> None:
        self._life.beats()
        if self._slack.is_away:
            raise Fault("fault.slack")


class NoPictures:
    """Nobody puts a picture into a form here."""

    async def fetch(self, picture: ImageUpload) -> ImageFile:
        raise UserError("form.not_a_picture")


@dataclass
class Surroundings:
    """What all processes share."""

    database: Database
    enkapush: FakeEnkapush
    slack: Slack
    directory: Directory
    clock: Clock
    passes: Sleep

    def monotonic(self) -> float:
        return self.clock().timestamp()


class Process:
    """The object graph of one process."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self.life = Life()
        store = cast("StoredChanges", self._mortal(StoredChanges(around.database, around.clock)))
        policies = cast("StoredPolicies", self._mortal(StoredPolicies(around.database, around.clock)))
        images = cast("StoredImages", self._mortal(StoredImages(around.database)))
        drafts = cast("StoredDrafts", self._mortal(StoredDrafts(around.database)))
        enkapush = cast("FakeEnkapush", Mortal(around.enkapush, self.life))
        people = People(around.directory, frozenset(), monotonic=around.monotonic)
        holding = Holding(store, around.clock, name)
        tools = Tools(
            store=store,
            images=images,
            pictures=NoPictures(),
            flow_pictures=enkapush,
            source=enkapush,
            writer=enkapush,
            catalog=Catalog(around.enkapush, clock=around.clock, monotonic=around.monotonic),
            clock=around.clock,
            owner=name,
            is_sure_of=holding.is_sure_of,
            sleep=around.passes,
        )
        self.changes = Changes(
            store=store,
            drafts=drafts,
            policies=policies,
            people=people,
            rulings=Rulings(policies, people, store),
            applying=Watched(tools, clouded=around.enkapush.clouded),
            holding=holding,
            clock=around.clock,
        )
        self.people = people
        self.approvals = Approvals.of(self.changes, enkapush, people.members_now)
        self.tell = Voice(around.slack, store, self.life)
        time = Timekeeping(self.changes)
        housekeeping = Housekeeping(drafts, images, StoredDeliveries(around.database))
        self.recovery = Recovery(self.changes, time, housekeeping, self.tell, self._begin, Metrics())
        self._begun: set[asyncio.Task[None]] = set()

    async def looks_after_what_is_left(self) -> None:
        """One round of recovery, with all that it begins."""
        await self.recovery.take_over()
        await self.recovery.keep_time()
        await self._sees_through()
        await self.recovery.tell_the_untold()
        await self._sees_through()

    async def _sees_through(self) -> None:
        begun, self._begun = self._begun, set()
        for ended in await asyncio.gather(*begun, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    def _begin(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        self._begun.add(asyncio.create_task(work, name=name))

    def _mortal(self, port: object) -> Mortal:
        return Mortal(port, self.life, is_database=True)
