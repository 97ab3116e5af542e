"""The world of the model: people, processes, Enkapush, and what must be true of them at every moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlalchemy import delete, select

from flowbot.domain.changes import Change, ChangeId, Choice, Ending, Event, Kind, State, may_move
from flowbot.domain.content import Content, fingerprint
from flowbot.domain.flows import Flow
from flowbot.domain.policy import EVERYONE, ApprovalRule, ChannelPolicy, Gate, PolicyBook
from flowbot.domain.types import UserId
from flowbot.errors import Fault, UserError
from flowbot.services.ports.changes import FlowTaken
from flowbot.storage.changes import StoredChanges
from flowbot.storage.database import Database
from flowbot.storage.policies import StoredPolicies
from flowbot.storage.tables import metadata
from tests.model.directory import CHANNEL, JONAS, FakeDirectory
from tests.model.enkapush import FakeEnkapush
from tests.model.processes import Killed, Process, Slack, Surroundings

Step = Callable[[Process], Awaitable[object]]
Work = tuple[int, Step]
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE: Final = timedelta(seconds=5)
NEVER_WRITES: Final = frozenset(
    {
        State.DRAFT,
        State.PENDING,
        State.REJECTED,
        State.WITHDRAWN,
        State.EXPIRED,
        State.OUT_OF_DATE,
        State.FAILED,
    }
)
BECOMES: Final = {
    "change.submitted": State.DRAFT,
    "change.approved": State.APPLYING,
    "change.break_glass": State.APPLYING,
    **{f"change.{state}": state for state in State},
}
"""The state that each event of a change tells of; the others tell it themselves, or of none."""
GATES: Final = {Kind.ENABLE: Gate.ENABLE, Kind.DISABLE: Gate.DISABLE, Kind.DELETE: Gate.DELETE}


@dataclass
class World:
    """Two processes on one database, and everything around them."""

    database: Database
    now: datetime = NOON
    policy: ChannelPolicy | None = None
    slack: Slack = field(default_factory=Slack)
    processes: list[Process] = field(default_factory=list)
    votes: dict[ChangeId, set[UserId]] = field(default_factory=dict)
    seen_applied: set[ChangeId] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    born: int = 0

    def __post_init__(self) -> None:
        self.enkapush = FakeEnkapush(self.clock)
        self.enkapush.watch = self.judges_write
        self.store = StoredChanges(self.database, self.clock)
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
        await asyncio.gather(*(self._run(number, work) for number, work in works))
        await settled_tasks()

    async def _run(self, number: int, work: Step) -> None:
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

    async def changes(self) -> list[Change]:
        return list(await self.store._find(select(metadata.tables["changes"])))

    async def judges_write(self, change_id: ChangeId | None, flow: Flow | None) -> None:
        """At the moment of a write: it was approved, of this flow, by people who may, or the glass was broken."""
        change = await self.store.get(change_id) if change_id else None
        if change is None:
            self.broken.append("a write of no change")
            return
        try:
            self._is_what_was_asked(change, flow)
            await self._is_allowed(change)
        except AssertionError as error:
            self.broken.append(f"{change.asked.kind} of {change.asked.flow} by {change.id}: {error}")

    def _is_what_was_asked(self, change: Change, flow: Flow | None) -> None:
        assert change.state is State.APPLYING, f"written while {change.state}"
        assert change.sent_at is not None, "written without a note"
        before = change.asked.before if change.asked.kind is not Kind.RESTORE else None
        assert (flow and fingerprint(flow)) == (before and fingerprint(before)), "written to another flow than asked of"

    async def _is_allowed(self, change: Change) -> None:
        assert self.policy is not None, "no policy"
        assert self.policy.names_website(change.asked.website), "of a website that is not the channel's"
        rule = change.rule
        if rule is None:
            assert not self._is_gated(change), "written without an approval"
            return
        closing = change.progress.closing
        if closing is not None and closing.how is Ending.BREAK_GLASS:
            assert closing.by in self.policy.approval.break_glass, f"{closing.by} may not break the glass"
            assert closing.reason.strip(), "the glass was broken without a reason"
            return
        votes = await self.store.votes(change.id)
        counting = {vote.person for vote in votes if vote.choice is Choice.APPROVE and self._may_approve(vote.person)}
        if not rule.self_approval:
            counting.discard(change.asked.requester)
        assert len(counting) >= rule.quorum, f"written with the approvals of {sorted(counting)} where {rule} stands"

    def _is_gated(self, change: Change) -> bool:
        gates = self.policy.approval.required_for if self.policy else ()
        before = change.asked.before
        if change.asked.kind is Kind.EDIT:
            return bool(before and before.is_enabled) and Gate.EDIT_ENABLED in gates
        return GATES.get(change.asked.kind) in gates

    def _may_approve(self, person: UserId) -> bool:
        named = self.policy.approvers if self.policy else ()
        return person != JONAS and (person in named or EVERYONE in named)

    async def holds(self) -> list[Change]:
        """Assert all that must be true between two steps; the changes, as they are."""
        assert not self.broken, self.broken
        changes = await self.changes()
        events = [event async for event in self.store.audit()]
        self._one_open_change_a_flow(changes)
        for change in changes:
            self._effects_agree(change)
            _events_tell(change, [event for event in events if event.change == change.id])
            await self._no_vote_is_lost(change)
        return changes

    def _one_open_change_a_flow(self, changes: list[Change]) -> None:
        held = [change.asked.flow for change in changes if change.state in {State.DRAFT, State.PENDING, State.APPLYING}]
        flows = [flow for flow in held if flow is not None]
        assert len(flows) == len(set(flows)), flows

    def _effects_agree(self, change: Change) -> None:
        effects = self.enkapush.of_change(change.id)
        assert len(effects) <= 1, f"{len(effects)} effects: {effects}"
        if change.state in NEVER_WRITES:
            assert not effects, f"{change.state} ({change.outcome}), and yet {effects}"
        if change.state is State.APPLYING and change.sent_at is not None:
            # Who worked on it broke off after the write: nobody knows what it was answered.
            self.enkapush.clouded.add(change.id)
        if change.state is State.UNKNOWN:
            assert change.id in self.enkapush.clouded, f"not known, though all was answered: {change.outcome}"
        if change.state is State.APPLIED and change.id not in self.seen_applied:
            self.seen_applied.add(change.id)
            excused = change.id in self.enkapush.clouded or _changes_nothing(change)
            assert effects or excused, f"applied without an effect: {change.outcome}"
            assert self._is_there(change), f"applied, and not there: {change.outcome}"

    def _is_there(self, change: Change) -> bool:
        asked, flows = change.asked, self.enkapush.flows
        if asked.kind is Kind.RESTORE:
            made = flows.get(change.outcome.flow) if change.outcome and change.outcome.flow else None
            return made is not None and not made.is_enabled
        flow = flows.get(asked.flow) if asked.flow else None
        if asked.kind is Kind.DELETE:
            return flow is None
        if asked.kind is Kind.EDIT:
            return flow is not None and asked.wanted is not None and Content.of(flow) == asked.wanted.content
        return flow is not None and flow.is_enabled is (asked.kind is Kind.ENABLE)

    async def _no_vote_is_lost(self, change: Change) -> None:
        given = self.votes.get(change.id, set())
        if given:
            kept = {vote.person for vote in await self.store.votes(change.id)}
            assert given <= kept, f"lost: {given - kept}"

    async def is_at_rest(self) -> None:
        """Assert what must be true once a recovery has run while everything worked."""
        for change in await self.holds():
            assert change.state not in {State.DRAFT, State.APPLYING}, f"left behind: {change}"
            assert change.shown_version == change.version == self.slack.told[change.id], f"not told: {change}"


def _changes_nothing(change: Change) -> bool:
    wanted, before = change.asked.wanted, change.asked.before
    return wanted is not None and before is not None and wanted.content == Content.of(before)


def _events_tell(change: Change, events: list[Event]) -> None:
    told = [state for event in events if (state := _becomes(event)) is not None]
    assert told[0] is State.DRAFT
    assert all(may_move(before, after) for before, after in pairwise(told)), told
    assert told[-1] is change.state, f"{change.state}, told as {told}"


def _becomes(event: Event) -> State | None:
    if event.action in BECOMES:
        return BECOMES[event.action]
    return State(event.details["state"]) if "state" in event.details else None


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
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))
    made = World(database)
    await made.decree(FIRST_POLICY)
    return made
