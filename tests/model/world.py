"""The simulated world: people, processes, Enkapush, and the invariants that hold at every moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlalchemy import delete, select

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeState, can_transition
from flowbot.domain.flow import FlowContent
from flowbot.domain.ids import ChangeId, UserId
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, PolicyBook
from flowbot.errors import DependencyError, UserError
from flowbot.services.ports.storage import FlowBusyError
from flowbot.storage import tables
from flowbot.storage.repositories.change_queries import fetch_many
from flowbot.storage.repositories.change_rows import read_event
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.unit_of_work import Database
from tests.model.fake_directory import CHANNEL, FakeDirectory
from tests.model.fake_enkapush import FakeEnkapush
from tests.model.invariants import PolicyInvariants
from tests.model.processes import Environment, FakeSlack, Process, ProcessKilled

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
"""The state after each event of a change. Other events name it in their details, or change no state."""


@dataclass
class Snapshot:
    """Everything in the database at one moment."""

    changes: list[Change]
    events: dict[ChangeId | None, list[AuditEvent]] = field(default_factory=dict)
    voters: dict[ChangeId, set[UserId]] = field(default_factory=dict)


@dataclass
class World(PolicyInvariants):
    """Two processes on one database, and their surroundings.

    Attributes:
        votes: People whose approval was accepted, by change.
        wishes: Changes that may have only one effect together: those of one form, and restores of one flow.
    """

    now: datetime = NOON
    slack: FakeSlack = field(default_factory=FakeSlack)
    processes: list[Process] = field(default_factory=list)
    votes: dict[ChangeId, set[UserId]] = field(default_factory=dict)
    wishes: dict[str, set[ChangeId]] = field(default_factory=dict)
    checked_applied: set[ChangeId] = field(default_factory=set)
    process_count: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.enkapush = FakeEnkapush(self.clock)
        self.enkapush.on_write = self.check_write
        self.around = Environment(self.database, self.enkapush, self.slack, FakeDirectory(), self.clock, self.sleep)
        self.processes = [self.new_process(), self.new_process()]

    def clock(self) -> datetime:
        return self.now

    def new_process(self) -> Process:
        self.process_count += 1
        return Process(f"process {self.process_count}", self.around)

    def advance(self, time: timedelta) -> None:
        self.now += time
        self.enkapush.complete_writes_due(self.now)

    async def pass_time(self, time: timedelta) -> None:
        """Let every process that runs see how things stand, and then time go by."""
        for number, process in enumerate(self.processes):
            if process.life.calls_until_freeze is None:
                await self.run_step(number, Process.observe)
        self.advance(time)

    async def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    async def set_policy(self, policy: ChannelPolicy | None) -> None:
        """Replace the policy."""
        self.policy = policy
        book = PolicyBook(channels=(policy,) if policy else ())
        await PolicyRepository(self.database, self.clock).replace_all(book)

    async def run_concurrently(self, *works: Work) -> None:
        """Run steps of several processes at the same time."""
        await asyncio.gather(*(self.run_step(number, work) for number, work in works))
        await wait_for_tasks()

    async def run_frozen(self, number: int, work: Step, calls: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Run a step, and freeze its process after `calls` calls until `meanwhile` is done."""
        life = self.processes[number].life
        life.freeze_after(calls)
        working = asyncio.create_task(self.run_step(number, work))
        standing = asyncio.create_task(life.is_frozen.wait())
        await asyncio.wait({working, standing}, return_when=asyncio.FIRST_COMPLETED)
        standing.cancel()
        try:
            if not working.done():
                await self._run_meanwhile(meanwhile)
        finally:
            life.thaw()
            await working
        await wait_for_tasks()

    async def _run_meanwhile(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Run `meanwhile`; what the frozen process has sent becomes ambiguous for the others."""
        changes = (await self.read_all()).changes
        sent = [change.id for change in changes if change.state is ChangeState.APPLYING and change.sent_at]
        self.enkapush.ambiguous.update(sent)
        await meanwhile()

    async def run_step(self, number: int, work: Step) -> None:
        """Run a step, and replace the process if it dies."""
        process = self.processes[number]
        try:
            await work(process)
        except* (UserError, DependencyError, FlowBusyError):
            pass
        except* ProcessKilled:
            self.processes[number] = self.new_process()

    async def recover(self) -> None:
        """Clear all faults, and let a new process pick up what is left."""
        self.enkapush.clear_faults()
        self.slack.is_away = False
        process = self.processes[0] = self.new_process()
        for _ in range(3):
            await self.pass_time(LEASE)
            await process.recover()

    # --- invariants ------------------------------------------------------------------------------------------------

    async def read_all(self) -> Snapshot:
        """Read all changes, events and voters in one transaction."""
        async with self.database.read() as connection:
            kept = Snapshot(list(await fetch_many(connection, select(tables.changes))))
            for row in await connection.execute(select(tables.events).order_by(tables.events.c.number)):
                event = read_event(row)
                kept.events.setdefault(event.change, []).append(event)
            for row in await connection.execute(select(tables.votes)):
                kept.voters.setdefault(row.change_id, set()).add(row.person)
        return kept

    async def check_invariants(self) -> list[Change]:
        """Check everything that must hold between two steps, and return the changes."""
        assert not self.violations, self.violations
        kept = await self.read_all()
        self._check_one_open_change_per_flow(kept.changes)
        for change in kept.changes:
            self._check_effects(change)
            _check_events(change, kept.events[change.id])
            lost = self.votes.get(change.id, set()) - kept.voters.get(change.id, set())
            assert not lost, f"votes of {lost} were lost"
        for wish, asked in self.wishes.items():
            effects = [effect for change in asked for effect in self.enkapush.of_change(change)]
            assert len(effects) <= 1, f"{wish} was fulfilled {len(effects)} times: {effects}"
        return kept.changes

    def _check_one_open_change_per_flow(self, changes: list[Change]) -> None:
        held = [
            change.request.flow
            for change in changes
            if change.state in {ChangeState.DRAFT, ChangeState.PENDING, ChangeState.APPLYING}
        ]
        flows = [flow for flow in held if flow is not None]
        assert len(flows) == len(set(flows)), flows

    def _check_effects(self, change: Change) -> None:
        effects = self.enkapush.of_change(change.id)
        assert len(effects) <= 1, f"{len(effects)} effects: {effects}"
        if change.state in NEVER_WRITES:
            assert not effects, f"{change.state} ({change.outcome}), and yet {effects}"
        if change.state is ChangeState.APPLYING and change.sent_at is not None:
            # The process broke off after the write, so the answer is unknown.
            self.enkapush.ambiguous.add(change.id)
        if change.state is ChangeState.UNKNOWN:
            assert change.id in self.enkapush.ambiguous, f"not known, though all was answered: {change.outcome}"
        if change.state is ChangeState.APPLIED and change.id not in self.checked_applied:
            self.checked_applied.add(change.id)
            excused = change.id in self.enkapush.ambiguous or _changes_nothing(change)
            assert effects or excused, f"applied without an effect: {change.outcome}"
            assert self._is_in_effect(change), f"applied, and not there: {change.outcome}"

    def _is_in_effect(self, change: Change) -> bool:
        asked, flows = change.request, self.enkapush.flows
        if asked.kind in {ChangeKind.RESTORE, ChangeKind.CREATE}:
            made = flows.get(change.outcome.flow) if change.outcome and change.outcome.flow else None
            return made is not None and not made.is_enabled
        flow = flows.get(asked.flow) if asked.flow else None
        if asked.kind is ChangeKind.DELETE:
            return flow is None
        if asked.kind is ChangeKind.EDIT:
            return flow is not None and asked.wanted is not None and FlowContent.of(flow) == asked.wanted.content
        return flow is not None and flow.is_enabled is (asked.kind is ChangeKind.ENABLE)

    async def check_at_rest(self) -> None:
        """Check what must hold after a recovery without faults."""
        for change in await self.check_invariants():
            assert change.state not in {ChangeState.DRAFT, ChangeState.APPLYING}, f"left behind: {change}"
            assert change.shown_version == change.version == self.slack.told[change.id], f"not told: {change}"


def _changes_nothing(change: Change) -> bool:
    wanted, before = change.request.wanted, change.request.before
    return wanted is not None and before is not None and wanted.content == FlowContent.of(before)


def _check_events(change: Change, events: list[AuditEvent]) -> None:
    told = [state for event in events if (state := _state_told_by(event)) is not None]
    assert told[0] is ChangeState.DRAFT
    assert all(can_transition(before, after) for before, after in pairwise(told)), told
    assert told[-1] is change.state, f"{change.state}, told as {told}"


def _state_told_by(event: AuditEvent) -> ChangeState | None:
    if event.action in BECOMES:
        return BECOMES[event.action]
    return ChangeState(event.details["state"]) if "state" in event.details else None


async def wait_for_tasks() -> None:
    """Wait for tasks that a dead process left running; they end at their next call."""
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


async def new_world(database: Database) -> World:
    """Return a new world on an emptied database."""
    async with database.write() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            await connection.execute(delete(table))
    made = World(database)
    await made.set_policy(FIRST_POLICY)
    return made
