"""The world of the model: people, processes, Enkapush, and what must be true of them at every moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlalchemy import delete, select

from flowbot.domain.audit import Event
from flowbot.domain.change import Change, ChangeKind, ChangeState, can_transition
from flowbot.domain.flow import FlowContent
from flowbot.domain.ids import ChangeId, UserId
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, PolicyBook
from flowbot.errors import Fault, UserError
from flowbot.services.ports.changes import FlowTaken
from flowbot.storage import tables
from flowbot.storage.change_queries import many
from flowbot.storage.database import Database
from flowbot.storage.events import read_event
from flowbot.storage.policies import StoredPolicies
from tests.model.court import Court
from tests.model.directory import CHANNEL, FakeDirectory
from tests.model.enkapush import FakeEnkapush
from tests.model.processes import Killed, Process, Slack, Surroundings

Step = Callable[[Process], Awaitable[object]]
Work = tuple[int, Step]
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE: Final = timedelta(seconds=5)
NEVER_WRITES: Final = frozenset(
    {
        ChangeState.DRAFT,
        ChangeState.PENDING,
        ChangeState.REJECTED,
        ChangeState.WITHDRAWN,
        ChangeState.EXPIRED,
        ChangeState.OUT_OF_DATE,
        ChangeState.FAILED,
    }
)
BECOMES: Final = {
    "change.submitted": ChangeState.DRAFT,
    "change.approved": ChangeState.APPLYING,
    "change.break_glass": ChangeState.APPLYING,
    **{f"change.{state}": state for state in ChangeState},
}
"""The state that each event of a change tells of; the others tell it themselves, or of none."""


@dataclass
class Kept:
    """What the database holds."""

    changes: list[Change]
    events: dict[ChangeId | None, list[Event]] = field(default_factory=dict)
    voters: dict[ChangeId, set[UserId]] = field(default_factory=dict)


@dataclass
class World(Court):
    """Two processes on one database, and everything around them.

    Attributes:
        votes: Who was told that their approval counts.
        wishes: Changes that shall have one effect between them: those of one form, and those that restore one flow.
    """

    now: datetime = NOON
    slack: Slack = field(default_factory=Slack)
    processes: list[Process] = field(default_factory=list)
    votes: dict[ChangeId, set[UserId]] = field(default_factory=dict)
    wishes: dict[str, set[ChangeId]] = field(default_factory=dict)
    seen_applied: set[ChangeId] = field(default_factory=set)
    born: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.enkapush = FakeEnkapush(self.clock)
        self.enkapush.watch = self.judges_write
        self.around = Surroundings(
            self.database, self.enkapush, self.slack, FakeDirectory(), self.clock, self.passes_while_waiting
        )
        self.processes = [self.process(), self.process()]

    def clock(self) -> datetime:
        return self.now

    def process(self) -> Process:
        self.born += 1
        return Process(f"process {self.born}", self.around)

    def passes(self, time: timedelta) -> None:
        self.now += time
        self.enkapush.lands_before(self.now)

    async def passes_while_waiting(self, seconds: float) -> None:
        self.passes(timedelta(seconds=seconds))

    async def decree(self, policy: ChannelPolicy | None) -> None:
        """Put another policy in force."""
        self.policy = policy
        book = PolicyBook(channels=(policy,) if policy else ())
        await StoredPolicies(self.database, self.clock).replace(book)

    async def runs(self, *works: Work) -> None:
        """Let processes do something at the same time."""
        await asyncio.gather(*(self.lets(number, work) for number, work in works))
        await settled_tasks()

    async def runs_with_a_break(
        self, number: int, work: Step, calls: int, meanwhile: Callable[[], Awaitable[None]]
    ) -> None:
        """Let a process do something in which it is frozen after so many calls, until `meanwhile` has happened."""
        life = self.processes[number].life
        life.freezes_after(calls)
        working = asyncio.create_task(self.lets(number, work))
        standing = asyncio.create_task(life.stands.wait())
        await asyncio.wait({working, standing}, return_when=asyncio.FIRST_COMPLETED)
        standing.cancel()
        try:
            if not working.done():
                await self._goes_on_without(meanwhile)
        finally:
            life.thaws()
            await working
        await settled_tasks()

    async def _goes_on_without(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """While somebody is frozen: what they have sent by now, others have to find out about."""
        changes = (await self.reads()).changes
        sent = [change.id for change in changes if change.state is ChangeState.APPLYING and change.sent_at]
        self.enkapush.clouded.update(sent)
        await meanwhile()

    async def lets(self, number: int, work: Step) -> None:
        """Let a process do something; where it dies of it, another takes its place."""
        process = self.processes[number]
        try:
            await work(process)
        except* (UserError, Fault, FlowTaken):
            pass
        except* Killed:
            self.processes[number] = self.process()

    async def recovers(self) -> None:
        """Everything works again, and what was left over is picked up."""
        self.enkapush.heals()
        self.slack.is_away = False
        self.passes(LEASE)
        process = self.processes[0] = self.process()
        for _ in range(3):
            await process.looks_after_what_is_left()

    # --- what must be true -----------------------------------------------------------------------------------------

    async def reads(self) -> Kept:
        """Everything that is kept, as of one moment."""
        async with self.database.read() as connection:
            kept = Kept(list(await many(connection, select(tables.changes))))
            for row in await connection.execute(select(tables.events).order_by(tables.events.c.number)):
                event = read_event(row)
                kept.events.setdefault(event.change, []).append(event)
            for row in await connection.execute(select(tables.votes)):
                kept.voters.setdefault(row.change_id, set()).add(row.person)
        return kept

    async def holds(self) -> list[Change]:
        """Assert all that must be true between two steps; the changes, as they are."""
        assert not self.broken, self.broken
        kept = await self.reads()
        self._one_open_change_a_flow(kept.changes)
        for change in kept.changes:
            self._effects_agree(change)
            _events_tell(change, kept.events[change.id])
            lost = self.votes.get(change.id, set()) - kept.voters.get(change.id, set())
            assert not lost, f"votes of {lost} were lost"
        for wish, asked in self.wishes.items():
            effects = [effect for change in asked for effect in self.enkapush.of_change(change)]
            assert len(effects) <= 1, f"{wish} was fulfilled {len(effects)} times: {effects}"
        return kept.changes

    def _one_open_change_a_flow(self, changes: list[Change]) -> None:
        held = [
            change.asked.flow
            for change in changes
            if change.state in {ChangeState.DRAFT, ChangeState.PENDING, ChangeState.APPLYING}
        ]
        flows = [flow for flow in held if flow is not None]
        assert len(flows) == len(set(flows)), flows

    def _effects_agree(self, change: Change) -> None:
        effects = self.enkapush.of_change(change.id)
        assert len(effects) <= 1, f"{len(effects)} effects: {effects}"
        if change.state in NEVER_WRITES:
            assert not effects, f"{change.state} ({change.outcome}), and yet {effects}"
        if change.state is ChangeState.APPLYING and change.sent_at is not None:
            # Who worked on it broke off after the write: nobody knows what it was answered.
            self.enkapush.clouded.add(change.id)
        if change.state is ChangeState.UNKNOWN:
            assert change.id in self.enkapush.clouded, f"not known, though all was answered: {change.outcome}"
        if change.state is ChangeState.APPLIED and change.id not in self.seen_applied:
            self.seen_applied.add(change.id)
            excused = change.id in self.enkapush.clouded or _changes_nothing(change)
            assert effects or excused, f"applied without an effect: {change.outcome}"
            assert self._is_there(change), f"applied, and not there: {change.outcome}"

    def _is_there(self, change: Change) -> bool:
        asked, flows = change.asked, self.enkapush.flows
        if asked.kind in {ChangeKind.RESTORE, ChangeKind.CREATE}:
            made = flows.get(change.outcome.flow) if change.outcome and change.outcome.flow else None
            return made is not None and not made.is_enabled
        flow = flows.get(asked.flow) if asked.flow else None
        if asked.kind is ChangeKind.DELETE:
            return flow is None
        if asked.kind is ChangeKind.EDIT:
            return flow is not None and asked.wanted is not None and FlowContent.of(flow) == asked.wanted.content
        return flow is not None and flow.is_enabled is (asked.kind is ChangeKind.ENABLE)

    async def is_at_rest(self) -> None:
        """Assert what must be true once a recovery has run while everything worked."""
        for change in await self.holds():
            assert change.state not in {ChangeState.DRAFT, ChangeState.APPLYING}, f"left behind: {change}"
            assert change.shown_version == change.version == self.slack.told[change.id], f"not told: {change}"


def _changes_nothing(change: Change) -> bool:
    wanted, before = change.asked.wanted, change.asked.before
    return wanted is not None and before is not None and wanted.content == FlowContent.of(before)


def _events_tell(change: Change, events: list[Event]) -> None:
    told = [state for event in events if (state := _becomes(event)) is not None]
    assert told[0] is ChangeState.DRAFT
    assert all(can_transition(before, after) for before, after in pairwise(told)), told
    assert told[-1] is change.state, f"{change.state}, told as {told}"


def _becomes(event: Event) -> ChangeState | None:
    if event.action in BECOMES:
        return BECOMES[event.action]
    return ChangeState(event.details["state"]) if "state" in event.details else None


async def settled_tasks() -> None:
    """Wait for what a dead process has left running; it ends at its next call."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=2)


FIRST_POLICY: Final = ChannelPolicy(
    id=CHANNEL,
    websites=(1,),
    viewers=("*",),
    editors=("*",),
    approvers=("*",),
    approval=ApprovalRule(),
)


async def world(database: Database) -> World:
    """A new world on an emptied database."""
    async with database.write() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            await connection.execute(delete(table))
    made = World(database)
    await made.decree(FIRST_POLICY)
    return made
