"""Whatever people, clocks, policies, networks and crashes do: the promises about approvals hold after every step."""

import asyncio
import os
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from flowbot.domain.changes import Change, FormToken, Kind, NewChange, State
from flowbot.domain.content import Content, Wanted
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, Gate
from flowbot.domain.types import FlowId, UserId
from flowbot.storage.database import Database
from flowbot.storage.engine import open_database
from tests.model.directory import AYSE, BURAK, CAN, CHANNEL, DENIZ, EVERYBODY, reader
from tests.model.enkapush import Trouble
from tests.model.processes import Process
from tests.model.world import FIRST_POLICY, Step, Work, World, world

PROCESSES = st.sampled_from([0, 1])
PEOPLE = st.sampled_from((AYSE, BURAK, CAN, *EVERYBODY))
NUMBERS = st.integers(0, 5)
FLOWS = st.integers(1, 6).map(FlowId)
APPROVERS = st.sampled_from([("*",), (BURAK, CAN), (AYSE, BURAK), (BURAK,), (CAN,), ()])
RULES = st.builds(
    ApprovalRule,
    required_for=st.sampled_from([tuple(Gate), (Gate.ENABLE, Gate.DELETE), ApprovalRule().required_for]),
    quorum=st.sampled_from([1, 1, 2]),
    self_approval=st.booleans(),
    expires_after_hours=st.sampled_from([1, 72]),
    break_glass=st.sampled_from([(), (DENIZ,), (DENIZ, BURAK)]),
)
POLICIES = st.builds(
    ChannelPolicy,
    id=st.just(CHANNEL),
    websites=st.sampled_from([(1,), (1, 2), "all", (2,)]),
    viewers=st.just(("*",)),
    editors=st.sampled_from([("*",), (AYSE, BURAK)]),
    approvers=APPROVERS,
    approval=RULES,
)
PAUSES = st.sampled_from([timedelta(seconds=2), timedelta(seconds=30), timedelta(seconds=70), timedelta(hours=1)])

SETTINGS: Final = settings(
    max_examples=int(os.environ.get("FLOWBOT_MODEL_EXAMPLES", "40")),
    stateful_step_count=int(os.environ.get("FLOWBOT_MODEL_STEPS", "30")),
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
"""FLOWBOT_MODEL_EXAMPLES=2000 looks for an hour."""

T = TypeVar("T")


@dataclass(frozen=True)
class Mishap:
    """What goes wrong while a process works: at Enkapush, with the database, with the process itself."""

    writes: tuple[Trouble | None, ...] = ()
    reads: tuple[bool, ...] = ()
    stumbles: int | None = None
    dies: int | None = None

    def strikes(self, world: World, process: int) -> None:
        world.enkapush.heals()
        world.enkapush.writes.extend(self.writes)
        world.enkapush.reads.extend(self.reads)
        life = world.processes[process].life
        life.stumbles, life.left = self.stumbles, self.dies


MISHAPS = st.one_of(
    st.just(Mishap()),
    st.builds(Mishap, writes=st.lists(st.none() | st.sampled_from(Trouble), max_size=2).map(tuple)),
    st.builds(
        Mishap,
        writes=st.sampled_from([(Trouble.LATE,), (Trouble.LOST,), (Trouble.UNANSWERED,), ()]),
        reads=st.lists(st.booleans(), min_size=1, max_size=4).map(tuple),
    ),
    st.builds(Mishap, dies=st.integers(4, 30), writes=st.sampled_from([(), (), (Trouble.LATE,), (Trouble.LOST,)])),
    st.builds(Mishap, stumbles=st.integers(0, 12), writes=st.sampled_from([(), (), (Trouble.LATE,)])),
)


class Promises(RuleBasedStateMachine):
    """People ask and decide, things break, and flowbot keeps its promises."""

    loop: asyncio.Runner
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.world: World = self._run(world(self.database))
        self.known: list[Change] = []
        self._is_looked_at = False

    def teardown(self) -> None:
        self._run(self.world.recovers())
        self._run(self.world.is_at_rest())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        self._is_looked_at = False
        return self.loop.run(work)

    def _does(self, *works: Work) -> None:
        self._run(self.world.runs(*works))

    @invariant()
    def the_promises_hold(self) -> None:
        if not self._is_looked_at:
            self.known = self._run(self.world.holds())
            self._is_looked_at = True

    def _one(self, number: int, *states: State) -> Change | None:
        fitting = [change for change in self.known if not states or change.state in states]
        return fitting[-1 - number % len(fitting)] if fitting else None

    def _has(self, *states: State) -> bool:
        return any(change.state in states for change in self.known)

    # --- asking ----------------------------------------------------------------------------------------------------

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        kind=st.sampled_from([Kind.ENABLE, Kind.DISABLE, Kind.DELETE]),
        flow=FLOWS,
        mishap=MISHAPS,
    )
    def somebody_asks(self, process: int, person: UserId, kind: Kind, flow: FlowId, mishap: Mishap) -> None:
        mishap.strikes(self.world, process)

        async def step(here: Process) -> None:
            change = await here.approvals.asking.ask(reader(person), CHANNEL, kind, flow, "please")
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @rule(process=PROCESSES, person=PEOPLE, flow=FLOWS, title=st.sampled_from(["Hello", "Hurry", "Soon"]))
    def somebody_edits(self, process: int, person: UserId, flow: FlowId, title: str) -> None:
        before = self.world.enkapush.flows.get(flow)
        if before is None:
            return
        asked = NewChange(
            token=FormToken(secrets.token_hex(8)),
            kind=Kind.EDIT,
            requester=person,
            channel=CHANNEL,
            website=before.website_id,
            flow=flow,
            before=before,
            wanted=Wanted(replace(Content.of(before), title=title)),
        )

        async def step(here: Process) -> None:
            change, _ = await here.changes.submit(asked)
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @precondition(lambda self: self._has(State.OUT_OF_DATE, State.EXPIRED, State.REJECTED, State.FAILED))
    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS)
    def somebody_asks_again(self, process: int, person: UserId, number: int) -> None:
        old = self._one(number, State.OUT_OF_DATE, State.EXPIRED, State.REJECTED, State.FAILED)

        async def step(here: Process) -> None:
            assert old is not None
            change = await here.approvals.asking.again(reader(person), old.id, CHANNEL)
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @precondition(lambda self: any(change.asked.kind is Kind.DELETE for change in self.known))
    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, mishap=MISHAPS)
    def somebody_restores(self, process: int, person: UserId, number: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, process)
        deletes = [change for change in self.known if change.asked.kind is Kind.DELETE]
        deleted = deletes[number % len(deletes)]

        async def step(here: Process) -> None:
            change = await here.approvals.asking.restore(reader(person), deleted.id, CHANNEL)
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @rule(
        process=PROCESSES,
        kind=st.sampled_from([Kind.ENABLE, Kind.DELETE]),
        number=NUMBERS,
        quorum=st.sampled_from([1, 2]),
        mishap=MISHAPS,
    )
    def a_request_is_approved_while_things_go_wrong(
        self, process: int, kind: Kind, number: int, quorum: int, mishap: Mishap
    ) -> None:
        flows = [flow for flow in self.world.enkapush.flows.values() if kind is Kind.DELETE or not flow.is_enabled]
        if not flows:
            return
        flow = flows[number % len(flows)].id
        self._run(self.world.decree(FIRST_POLICY.model_copy(update={"approval": ApprovalRule(quorum=quorum)})))
        self.world.enkapush.heals()
        self.somebody_asks(process, AYSE, kind, flow, Mishap())
        change = self._run(self.world.store.open_on(flow))
        if change is not None:
            if quorum == 2:
                self._does((1 - process, self._approval(BURAK, change)))
            mishap.strikes(self.world, process)
            self._does((process, self._approval(CAN, change)))

    # --- deciding --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._has(State.PENDING))
    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, mishap=MISHAPS)
    def somebody_approves(self, process: int, person: UserId, number: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, process)
        self._does((process, self._approval(person, self._one(number, State.PENDING))))

    @precondition(lambda self: self._has(State.PENDING))
    @rule(one=PEOPLE, other=PEOPLE, number=NUMBERS, mishap=MISHAPS)
    def two_approve_in_the_same_instant(self, one: UserId, other: UserId, number: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, 0)
        change = self._one(number, State.PENDING)

        self._does((0, self._approval(one, change)), (1, self._approval(other, change)))

    @precondition(lambda self: self._has(State.PENDING))
    @rule(one=PEOPLE, number=NUMBERS)
    def it_is_approved_and_withdrawn_in_the_same_instant(self, one: UserId, number: int) -> None:
        change = self._one(number, State.PENDING)
        assert change is not None

        withdrawal = self._decision("withdraw", change.asked.requester, change)
        self._does((0, self._approval(one, change)), (1, withdrawal))

    def _approval(self, person: UserId, change: Change | None) -> Step:
        assert change is not None

        async def step(here: Process) -> None:
            ballot = await here.approvals.deciding.approve(reader(person), change.id, CHANNEL)
            self.world.votes.setdefault(change.id, set()).add(person)
            if ballot.change.state is State.APPLYING:
                await here.changes.carry_out(ballot.change, here.tell)
            else:
                await here.tell(ballot.change, None)

        return step

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        number=NUMBERS,
        what=st.sampled_from(["reject", "withdraw", "break_glass", "check_again", "approve"]),
        state=st.sampled_from([State.PENDING, State.PENDING, *State]),
    )
    def somebody_presses(self, process: int, person: UserId, number: int, what: str, state: State) -> None:
        change = self._one(number, state)
        if change is not None:
            self._does((process, self._decision(what, person, change)))

    def _decision(self, what: str, person: UserId, change: Change) -> Step:
        who = reader(person)

        async def step(here: Process) -> None:
            approvals = here.approvals
            match what:
                case "reject":
                    await here.tell(await approvals.deciding.reject(who, change.id, "no", CHANNEL), None)
                case "withdraw":
                    await here.tell(await approvals.deciding.withdraw(who, change.id), None)
                case "break_glass":
                    broken = await approvals.deciding.break_glass(who, change.id, "it burns")
                    await here.changes.carry_out(broken, here.tell)
                case "check_again":
                    await here.tell(await approvals.checking.check_again(who, change.id, CHANNEL), None)
                case _:
                    await self._approval(person, change)(here)

        return step

    @precondition(lambda self: self._has(State.UNKNOWN))
    @rule(process=PROCESSES, number=NUMBERS)
    def somebody_checks_again(self, process: int, number: int) -> None:
        change = self._one(number, State.UNKNOWN)
        assert change is not None
        self._does((process, self._decision("check_again", AYSE, change)))

    # --- what happens around it ------------------------------------------------------------------------------------

    @rule(pause=PAUSES)
    def time_passes(self, pause: timedelta) -> None:
        self.world.passes(pause)

    @rule(policy=POLICIES)
    def the_policy_is_edited(self, policy: ChannelPolicy | None) -> None:
        self._run(self.world.decree(policy))

    @rule(flow=FLOWS, what=st.sampled_from(["title", "switch", "delete"]))
    def somebody_is_busy_in_enkapush(self, flow: FlowId, what: str) -> None:
        flows = self.world.enkapush.flows
        now = flows.get(flow)
        if now is None:
            return
        if what == "delete":
            del flows[flow]
        elif what == "switch":
            flows[flow] = replace(now, is_enabled=not now.is_enabled)
        else:
            flows[flow] = replace(now, title=now.title + "!")

    @precondition(lambda self: self.world.enkapush.under_way)
    @rule()
    def what_is_under_way_lands(self) -> None:
        self.world.enkapush.lands()

    @rule(is_away=st.booleans())
    def slack_comes_and_goes(self, is_away: bool) -> None:
        self.world.slack.is_away = is_away

    @rule(process=PROCESSES, mishap=MISHAPS)
    def something_is_about_to_go_wrong(self, process: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, process)

    @rule(process=PROCESSES)
    def a_process_looks_after_what_is_left(self, process: int) -> None:
        self._does((process, Process.looks_after_what_is_left))

    @rule()
    def everything_recovers(self) -> None:
        self._run(self.world.recovers())
        self._run(self.world.is_at_rest())


def test_the_promises_hold_whatever_happens(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opened = open_database(database_url)

        class Here(Promises):
            loop, database = runner, opened

        try:
            run_state_machine_as_test(Here, settings=SETTINGS)
        finally:
            runner.run(opened.close())
