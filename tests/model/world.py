"""The simulated world: people, processes, Enkapush, and the invariants that hold at every moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from flowbot.domain.approval_rule import ApprovalRule, Gate
from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import OPEN_STATES, WAITING_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChangeId, FlowId, UserId
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.domain.report import Report
from flowbot.domain.votes import Vote
from flowbot.errors import DependencyError, UserError
from flowbot.services.approvals.decide import AlreadyDecidedError
from flowbot.services.approvals.wish import RequestOpenError
from flowbot.services.ports.changes import FlowBusyError
from flowbot.services.ports.readings import WatchState
from flowbot.storage import tables
from flowbot.storage.repositories.change_queries import fetch_many
from flowbot.storage.repositories.change_rows import read_event
from flowbot.storage.repositories.observed_flows import read_flow, read_state
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.reports import read_report
from flowbot.storage.unit_of_work import Database
from tests.model.call_invariants import check_calls
from tests.model.effect_invariants import EffectInvariants, describe
from tests.model.fake_directory import CHANNEL, FakeDirectory
from tests.model.fake_slack import FakeSlack
from tests.model.invariants import PolicyInvariants
from tests.model.message_invariants import MessageInvariants
from tests.model.process_faults import ProcessKilled
from tests.model.processes import Environment, Process
from tests.model.time_invariants import waits_unseen
from tests.model.told_states import check_events
from tests.model.watch_invariants import WatchInvariants

Step = Callable[[Process], Awaitable[object]]
Work = tuple[int, Step]
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE: Final = timedelta(seconds=5)
RECOVERY_ROUNDS_MIN, RECOVERY_ROUNDS_MAX = 2, 9
"""A message that was cut off is left for a while to whoever may still be sending it."""
DISABLE_REFUSALS: Final = frozenset({"request.open_already", "request.already_disabled", "not_done.under_way"})
"""The refusals of a disable that no flow gets which is live or may go live."""


@dataclass
class Snapshot:
    """Everything in the database at one moment."""

    changes: list[Change]
    events: dict[ChangeId | None, list[AuditEvent]] = field(default_factory=dict)
    voters: dict[ChangeId, set[UserId]] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    observed: dict[FlowId, Flow] = field(default_factory=dict)
    watch: WatchState = field(default_factory=WatchState)


@dataclass
class World(PolicyInvariants):
    """Two processes on one database, and their surroundings.

    Attributes:
        votes: People whose approval was accepted, by change and round.
        wishes: Changes that may have only one effect together: those of one form, and restores of one flow.
    """

    now: datetime = NOON
    slack: FakeSlack = field(default_factory=FakeSlack)
    processes: list[Process] = field(default_factory=list)
    votes: dict[tuple[ChangeId, int], set[UserId]] = field(default_factory=dict)
    wishes: dict[str, set[ChangeId]] = field(default_factory=dict)
    process_count: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.enkapush.on_write = self.write
        self.enkapush.on_effect = self.live.note_effect
        self.effects = EffectInvariants(self.enkapush)
        self.messages = MessageInvariants(self.slack)
        self.watch = WatchInvariants(self.enkapush, self.slack)
        self.around = Environment(self.database, self.enkapush, self.slack, FakeDirectory(), self.clock, self.sleep)
        self.processes = [self.new_process(), self.new_process()]

    def clock(self) -> datetime:
        return self.now

    def new_process(self) -> Process:
        self.process_count += 1
        return Process(f"process {self.process_count}", self.around)

    def advance(self, time: timedelta) -> None:
        self.now += time
        self.enkapush.complete_late_writes(until=self.now)

    async def pass_time(self, time: timedelta) -> None:
        """Let every process that runs see how things stand, and then time go by."""
        for number, process in enumerate(self.processes):
            if process.life.calls_until_freeze is None:
                await self.run_step(number, Process.observe)
        self.advance(time)

    async def write(self, change: ChangeId | None, flow: Flow | None) -> None:
        """Let a write take a moment, and check it."""
        self.advance(timedelta(milliseconds=1))
        await self.check_write(change, flow)

    async def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    async def set_policy(self, policy: ChannelPolicy | None) -> None:
        """Replace the policy."""
        # No vote of before is the same as one after it.
        self.advance(timedelta(milliseconds=1))
        self.ballots.note_policy(policy, await self._read_pending_votes())
        self.policy = policy
        self.watch.note_policy(policy)
        await self._store_policies()

    async def _read_pending_votes(self) -> dict[ChangeId, tuple[Vote, ...]]:
        pending = [change.id for change in await self.read_changes() if change.state is ChangeState.PENDING]
        return {record.change.id: record.votes for record in await self.store.get_records(pending)}

    async def set_freezes(self, *freezes: Freeze) -> None:
        """Replace the freezes."""
        self.times.note_freezes(freezes)
        await self._store_policies()

    async def _store_policies(self) -> None:
        book = PolicyBook(channels=(self.policy,) if self.policy else (), freezes=self.times.freezes)
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
        changes = await self.read_changes()
        sent = [change.id for change in changes if change.state is ChangeState.APPLYING and change.sent_at]
        self.enkapush.ambiguous.update(sent)
        await meanwhile()

    async def run_step(self, number: int, work: Step) -> None:
        """Run a step, and replace the process if it dies."""
        process = self.processes[number]
        try:
            await work(process)
        except* (UserError, DependencyError, FlowBusyError, AlreadyDecidedError):
            pass
        except* ProcessKilled:
            self.processes[number] = self.new_process()

    async def recover(self) -> None:
        """Clear all faults, and let a new process pick up what is left."""
        self.enkapush.clear_faults()
        self.slack.recover()
        process = self.processes[0] = self.new_process()
        if not await self._recover_in_rounds(process):
            # A process whose clock was ahead has put off its next look by as much.
            await self.pass_time(self.times.skew)
            await self._recover_in_rounds(process)

    async def _recover_in_rounds(self, process: Process) -> bool:
        """Let a process pick up what is left, and watch; return whether all is shown, started and seen twice then."""
        seen = (await self.read_all()).watch.version
        for round_number in range(RECOVERY_ROUNDS_MAX):
            await self.pass_time(LEASE)
            await process.recover()
            await process.watch()
            if round_number < RECOVERY_ROUNDS_MIN or (await self.read_all()).watch.version < seen + 2:
                continue
            unshown = (*await self.store.unshown(), *await process.watching.reports.unshown())
            if not unshown and not self.times.find_overdue(await self.read_changes()):
                return True
        return False

    async def add_restore(self, deleted: ChangeId, restore: Change) -> None:
        """Add a restore of a flow, instead of an earlier one that was looked for in vain and may show itself yet."""
        wish = self.wishes.setdefault(f"restore of {deleted}", set())
        earlier = [change for change in await self.read_changes() if change.id in wish - {restore.id}]
        wish -= {change.id for change in earlier if change.state is ChangeState.UNKNOWN}
        wish.add(restore.id)

    async def check_refused_disable(self, flow: FlowId, refusal: UserError) -> None:
        """Check that a disable which needs no approval was not refused where the flow is live or may go live."""
        now = self.enkapush.flows.get(flow)
        is_gated = self.policy is None or Gate.DISABLE in self.policy.approval.required_for
        if now is None or is_gated or refusal.text.key not in DISABLE_REFUSALS:
            return
        if isinstance(refusal, RequestOpenError) and refusal.current.request.kind is ChangeKind.DISABLE:
            return
        if now.is_enabled or await self.may_go_live(flow):
            self.violations.append(f"flow {flow} was not disabled: {refusal}")

    def check_wish(self, person: UserId, change: Change) -> None:
        """Check that somebody who has asked for changes was entitled."""
        if not self.ballots.may_wish(person, change, self.policy):
            self.violations.append(f"{person} asked for changes of {describe(change)}")

    async def check_waiting(self, change: Change) -> None:
        """Check that what waits though everybody has approved waits for lack of people."""
        if self.policy is not None and self.policy.covers_website(change.request.website):
            self.ballots.check_waiting(change, (await self.store.get_record(change.id)).votes, self.policy)

    def check_blocked(self, flow: FlowId, refusal: UserError) -> None:
        """Check that a request was not refused because a disable waits for its time."""
        if isinstance(refusal, RequestOpenError) and waits_unseen(refusal.current):
            self.violations.append(f"{describe(refusal.current)} blocks flow {flow}")

    async def watch_once(self, number: int) -> None:
        """Let a process make a round of the watch without faults."""
        self.enkapush.clear_faults()
        self.slack.recover()
        self.processes[number].life.clear()
        await self.pass_time(LEASE)
        await self.run_step(number, Process.watch)

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
            kept.reports = [read_report(row) for row in await connection.execute(select(tables.reports))]
            for row in await connection.execute(select(tables.observed_flows)):
                kept.observed[row.flow_id] = read_flow(row)
            for row in await connection.execute(select(tables.watch)):
                kept.watch = read_state(row)
        return kept

    async def check_invariants(self) -> list[Change]:
        """Check everything that must hold between two steps, and return the changes."""
        assert not self.violations, self.violations
        kept = await self.read_all()
        self._check_one_open_change_per_flow(kept.changes)
        for change in kept.changes:
            check_events(change, kept.events[change.id])
            self.ballots.check_escalation(change)
            lost = self.votes.get((change.id, change.progress.round), set()) - kept.voters.get(change.id, set())
            assert not lost, f"votes of {lost} were lost"
        self.effects.check(kept.changes)
        self.messages.check(kept.changes)
        self.times.check(kept.changes, kept.events)
        self.watch.check(kept.observed, kept.reports, kept.changes, self.now)
        unapproved = self.live.find_unapproved({change.id: change for change in kept.changes})
        assert not unapproved, unapproved
        for wish, asked in self.wishes.items():
            effects = [effect for change in asked for effect in self.enkapush.of_change(change)]
            assert len(effects) <= 1, f"{wish} was fulfilled {len(effects)} times: {effects}"
        return kept.changes

    def _check_one_open_change_per_flow(self, changes: list[Change]) -> None:
        held = [
            change.request.flow
            for change in changes
            if change.state in OPEN_STATES
            and change.follows is None
            and change.request.parent is None
            and not waits_unseen(change)
        ]
        flows = [flow for flow in held if flow is not None]
        assert len(flows) == len(set(flows)), flows

    async def read_and_check(self, process: Process) -> None:
        """Let a process read all flows, and check that all which they show is settled."""
        before = await self.read_changes()
        now = process.clock()
        shown = self.effects.find_shown(before, now)
        await process.read()
        changes = await self.check_invariants()
        settled = {change.id for change in changes if change.state is ChangeState.APPLIED} & {
            change.id for change in before if change.state is ChangeState.UNKNOWN
        }
        self.effects.check_settled(shown, settled, changes)
        self.effects.check_repeated(changes, now)

    async def check_at_rest(self) -> None:
        """Check what must hold after a recovery without faults."""
        changes = await self.check_invariants()
        kept = await self.read_all()
        self.times.check_at_rest(changes, kept.events)
        assert kept.watch.read_at is not None, "never watched"
        self.watch.check_at_rest(kept.observed, kept.reports, kept.watch.read_at)
        for change in changes:
            assert change.state not in {ChangeState.DRAFT, ChangeState.APPLYING}, f"left behind: {change}"
            assert change.shown_version == change.version, f"not shown: {change}"
            assert change.state not in WAITING_STATES or change.progress.revised_by is None, f"never decided: {change}"
            self.messages.check_at_rest(change)
            if change.state is ChangeState.PENDING:
                votes = (await self.store.get_record(change.id)).votes
                check_calls(self.slack, change, votes, {absence.person for absence in self.ballots.absences})


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
    await made.processes[0].watch()
    return made
