"""Rules by which several people decide: stages, stand-ins, remarks, audiences that grow, and escalation."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import WAITING_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.ids import FlowId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.when import NO_TIMES, Times
from tests.model.answer_rules import AnswerRules
from tests.model.audiences import FEW, MANY, SIZES
from tests.model.fake_directory import AYSE, BURAK, CAN, DENIZ, EVERYBODY, reader
from tests.model.processes import Process
from tests.model.strategies import (
    ASKED_UNDER,
    CALL_COUNTS,
    FAULT_PLANS,
    NUMBERS,
    PEOPLE,
    PROCESSES,
    TEAM_POLICIES,
    FaultPlan,
)
from tests.model.world import LEASE, Step, wait_for_tasks

UTC: Final = ZoneInfo("UTC")
HOUR: Final = timedelta(hours=1)
VOTERS: Final = {"ayse": AYSE, "burak": BURAK, "can": CAN, "deniz": DENIZ}
TOGETHER: Final = {"burak and can": (BURAK, CAN), "can and deniz": (CAN, DENIZ)}
SIZES_BY_NAME: Final = {"grow": 60_000, "grow a little": 2_000, "shrink": 10}
AWAY: Final = {
    "can away for deniz": (CAN, DENIZ),
    "burak away for ayse": (BURAK, AYSE),
    "deniz away for burak": (DENIZ, BURAK),
}
BACK: Final = {"can back": CAN, "burak back": BURAK}
LONG_PAUSES: Final = {"escalate": HOUR + timedelta(seconds=1), "two hours": 2 * HOUR}
MEANWHILE: Final = (
    *VOTERS,
    *VOTERS,
    *TOGETHER,
    *SIZES_BY_NAME,
    *AWAY,
    *BACK,
    "escalate",
    "other stages",
    "comment",
    "ask for changes",
    "look",
    "switch",
    "revise",
    "revise",
    "revise the segment",
)
"""What happens while a request waits for its approvals."""
TYPICAL: Final = (
    ["burak", "can", "deniz"],
    ["can", "burak", "deniz", "can"],
    ["burak and can", "can and deniz"],
    ["burak", "grow", "can", "deniz"],
    ["grow", "burak", "shrink", "can"],
    ["can away for deniz", "burak", "deniz", "can"],
    ["can away for deniz", "can", "deniz", "burak"],
    ["burak away for ayse", "ayse", "can", "deniz"],
    ["deniz away for burak", "burak", "can", "deniz"],
    ["burak", "can away for deniz", "deniz", "can back", "deniz"],
    ["deniz", "escalate", "deniz", "can"],
    ["burak", "escalate", "deniz", "can"],
    ["burak", "other stages", "can", "burak", "deniz"],
    ["comment", "burak", "ask for changes", "can"],
    ["burak", "can", "deniz", "grow"],
    ["burak", "revise", "can"],
    ["burak", "revise", "can", "burak", "deniz"],
    ["burak", "ask for changes", "revise", "can", "burak"],
    ["burak", "revise the segment", "can", "burak", "deniz"],
    ["burak", "switch", "revise", "can", "deniz"],
    ["revise and approve", "can", "deniz"],
    ["burak", "revise and approve", "burak", "can"],
)
PAIRS = st.tuples(st.sampled_from(EVERYBODY), st.none() | st.sampled_from((AYSE, CAN, DENIZ)))


class TeamRules(AnswerRules):
    """Rules for approvals by several people."""

    @rule(process=PROCESSES, pair=PAIRS, days=st.integers(0, 2), faults=FAULT_PLANS)
    def somebody_goes_away(
        self, process: int, pair: tuple[UserId, UserId | None], days: int, faults: FaultPlan
    ) -> None:
        faults.inject(self.world, process)
        self._run_steps((process, self._away_step(*pair, days)))

    def _away_step(self, person: UserId, stand_in: UserId | None, days: int = 2) -> Step:
        async def step(here: Process) -> None:
            last = (here.clock() + timedelta(days=days)).date()
            ends = self.world.now + timedelta(days=days + 1)
            self.world.ballots.note_away(person, stand_in, self.world.now, ends)
            await here.absences.begin(reader(person), last, stand_in, UTC)

        return step

    @rule(process=PROCESSES, person=PEOPLE)
    def somebody_comes_back(self, process: int, person: UserId) -> None:
        self._run_steps((process, self._back_step(person)))

    def _back_step(self, person: UserId) -> Step:
        async def step(here: Process) -> None:
            await here.absences.end(reader(person))
            self.world.ballots.note_back(person, self.world.now)

        return step

    @rule(segment=st.sampled_from(sorted(SIZES)), size=st.sampled_from(sorted(SIZES_BY_NAME.values())))
    def an_audience_grows_or_shrinks(self, segment: str, size: int) -> None:
        self.world.enkapush.audiences.set_size(segment, size)

    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, asks=st.booleans(), twice=st.booleans(), faults=FAULT_PLANS)
    def somebody_remarks(
        self, process: int, person: UserId, number: int, asks: bool, twice: bool, faults: FaultPlan
    ) -> None:
        faults.inject(self.world, process)
        change = self._find_change(number, *WAITING_STATES)
        if change is not None:
            step = self._remark_step(person, change, asks=asks)
            self._run_steps((process, step), *([(1 - process, step)] if twice else []))

    def _remark_step(self, person: UserId, change: Change, *, asks: bool) -> Step:
        form = secrets.token_hex(8)

        async def step(here: Process) -> None:
            service = here.remarks
            store = service.request_changes if asks else service.comment
            remarked = await store(reader(person), change.id, f"text of {form}", form)
            if asks:
                self.world.check_wish(person, remarked)
            await here.notifier.notify(remarked)

        return step

    @rule(
        process=PROCESSES,
        policy=TEAM_POLICIES,
        kind=st.sampled_from([ChangeKind.ENABLE, ChangeKind.ENABLE, ChangeKind.EDIT, ChangeKind.DELETE]),
        requester=st.sampled_from([AYSE, AYSE, BURAK]),
        number=NUMBERS,
        segment=st.sampled_from([FEW, FEW, MANY, None]),
        meanwhile=st.sampled_from(TYPICAL) | st.lists(st.sampled_from(MEANWHILE), max_size=6),
        other=TEAM_POLICIES,
        start=st.sampled_from([None, None, 2 * HOUR]),
        fails_at=st.integers(0, 4),
        faults=FAULT_PLANS,
        heals=st.booleans(),
    )
    def a_team_decides(
        self,
        process: int,
        policy: ChannelPolicy,
        kind: ChangeKind,
        requester: UserId,
        number: int,
        segment: str | None,
        meanwhile: list[str],
        other: ChannelPolicy,
        start: timedelta | None,
        fails_at: int,
        faults: FaultPlan,
        heals: bool,
    ) -> None:
        change = self._ask_team(process, policy, kind, requester, number, segment, start)
        if change is None:
            return
        for place, what in enumerate(meanwhile):
            plan = faults if place == fails_at else FaultPlan()
            plan.inject(self.world, place % 2)
            self._take_turn(place % 2, what, change, other)
            self.the_promises_hold()
        if start is not None:
            self._take_turn(process, "two hours", change, other)
        if heals:
            self._run(self.world.recover())
            self._approve_by_all(process, change)

    def _ask_team(
        self,
        process: int,
        policy: ChannelPolicy,
        kind: ChangeKind,
        requester: UserId,
        number: int,
        segment: str | None,
        start: timedelta | None = None,
    ) -> Change | None:
        """Request a change of a flow that goes to a segment; None where that is answered otherwise."""
        FaultPlan().inject(self.world, process)
        self._run(self.world.set_policy(ASKED_UNDER))
        flow = self._find_free_flow(ChangeKind.ENABLE, number)
        for each, size in SIZES.items():
            self.world.enkapush.audiences.set_size(each, size)
        # Known by flowbot, as one that it has set itself.
        if segment is not None and (step := self._edit_step(AYSE, flow, f"To {segment}", segment)) is not None:
            self._run_steps((process, step))
        if kind is ChangeKind.EDIT:
            self._edit_in_enkapush(flow, "switch")
        self._run(self.world.set_policy(policy))
        times = Times(self.world.now + start) if start is not None and kind is ChangeKind.ENABLE else NO_TIMES
        asking = (
            self._edit_step(requester, flow, "Hurry up", segment)
            if kind is ChangeKind.EDIT
            else self._request_step(requester, kind, flow, times)
        )
        if asking is not None:
            self._run_steps((process, asking))
        return self._find_open_change(flow)

    def _take_turn(self, process: int, what: str, change: Change, other: ChannelPolicy) -> None:
        self._run(self._pass_turn((process, 1 - process), what, change, other))
        self._run(wait_for_tasks())

    async def _pass_turn(self, processes: tuple[int, int], what: str, change: Change, other: ChannelPolicy) -> None:
        """Let one thing happen, in the first of the processes, or in both where two do it together."""
        world, first = self.world, processes[0]
        if what == "revise and approve":
            revise, approve = self._revise_step(change, FEW), self._approve_step(CAN, change)
            await asyncio.gather(world.run_step(first, revise), world.run_step(processes[1], approve))
        elif what in TOGETHER:
            presses = zip(processes, TOGETHER[what], strict=True)
            await asyncio.gather(*(world.run_step(number, self._approve_step(who, change)) for number, who in presses))
        elif what in SIZES_BY_NAME:
            for segment in SIZES:
                world.enkapush.audiences.set_size(segment, SIZES_BY_NAME[what])
            # What was read a moment ago counts as read at the time of sending.
            world.advance(2 * LEASE + timedelta(seconds=1))
        elif what == "other stages":
            await world.set_policy(other)
        elif what == "switch":
            self._edit_in_enkapush(change.request.flow or FlowId(1), "switch")
        elif what in LONG_PAUSES:
            await world.pass_time(LONG_PAUSES[what])
            await asyncio.gather(*(world.run_step(number, Process.recover) for number in {*processes}))
        else:
            await world.run_step(first, self._turn_step(what, change))

    def _turn_step(self, what: str, change: Change) -> Step:
        if what in VOTERS:
            return self._approve_step(VOTERS[what], change)
        if what in AWAY:
            return self._away_step(*AWAY[what])
        if what in BACK:
            return self._back_step(BACK[what])
        if what == "look":
            return Process.recover
        if what in {"revise", "revise the segment"}:
            return self._revise_step(change, FEW if what == "revise" else MANY)
        return self._remark_step(CAN, change, asks=what == "ask for changes")

    def _revise_step(self, change: Change, segment: str) -> Step:
        """Build the step by which the requester edits the flow of their request once more."""
        flow, requester = change.request.flow, change.request.requester
        title = f"Anew {len(self.world.enkapush.effects)} {self.world.now:%H:%M:%S.%f}"
        step = self._edit_step(requester, flow, title, segment) if flow is not None else None
        return step or Process.recover

    def _approve_by_all(self, process: int, change: Change) -> None:
        """Let everybody approve until nobody can: with all processes healthy nothing stays blocked."""
        for person in (*EVERYBODY, *EVERYBODY, *EVERYBODY):
            self._run_steps((process, self._approve_step(person, change)))
        self.the_promises_hold()
        now = next(each for each in self.known if each.id == change.id)
        if now.state is ChangeState.PENDING:
            self._run(self.world.check_waiting(now))

    @rule(
        process=PROCESSES,
        policy=TEAM_POLICIES,
        requester=st.sampled_from([AYSE, AYSE, CAN]),
        number=NUMBERS,
        first=st.sampled_from([[], ["burak"], ["can away for deniz"], ["can away for deniz", "burak"]]),
        last=st.sampled_from((BURAK, CAN, DENIZ)),
        meanwhile=st.lists(st.sampled_from(MEANWHILE), min_size=1, max_size=2),
        other=TEAM_POLICIES,
        calls=CALL_COUNTS,
    )
    def a_vote_is_frozen_while_others_decide(
        self,
        process: int,
        policy: ChannelPolicy,
        requester: UserId,
        number: int,
        first: Sequence[str],
        last: UserId,
        meanwhile: Sequence[str],
        other: ChannelPolicy,
        calls: int,
    ) -> None:
        change = self._ask_team(process, policy, ChangeKind.ENABLE, requester, number, FEW)
        if change is None:
            return
        for what in first:
            self._take_turn(process, what, change, other)
        step = self._approve_step(last, change)

        async def decide() -> None:
            for what in meanwhile:
                await self._pass_turn((1 - process, 1 - process), what, change, other)
            await self.world.pass_time(LEASE)
            await self.world.run_step(1 - process, Process.recover)

        self._run_frozen(process, step, calls, decide)
