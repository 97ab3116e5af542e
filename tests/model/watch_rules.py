"""Rules by which flows are changed outside, watched, disabled by the breaker, and stopped."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import ChangeKind
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, UserId
from tests.model.fake_directory import AYSE, CHANNEL, DENIZ, reader
from tests.model.fake_enkapush import WriteFault
from tests.model.processes import Process
from tests.model.strategies import (
    ASKED_UNDER,
    CALL_COUNTS,
    DELAYS,
    EDITS,
    FAULT_PLANS,
    FLOWS,
    NUMBERS,
    PEOPLE,
    PROCESSES,
    FaultPlan,
)
from tests.model.time_rules import TimeRules
from tests.model.watch_invariants import LIMITS
from tests.model.world import LEASE, Step

BAD: Final = Totals(sent=1000, displayed=900, clicked=1, closed=2)
GOOD: Final = Totals(sent=500, displayed=400, clicked=40, closed=2)
OUTSIDE = st.lists(st.sampled_from(["switch", "title", "website", "delete", *EDITS]), max_size=3)
MEANWHILE: Final = ("enable", "edit", "disable", "delete", "switch", "title", "read", "land", "watch", "wait")
"""What happens beside what is done outside."""
WATCH_FAULTS = FAULT_PLANS | st.builds(
    FaultPlan,
    dies_after=st.sampled_from(
        ["try_acquire_lease", "store_round", "submit", "replace_if_unchanged", "mark_sent_once"]
    ),
)
"""Faults of which some come between what is stored and what follows from it."""
SENT_LATE = st.builds(
    FaultPlan,
    writes=st.sampled_from(
        [(WriteFault.ACCEPTED_LATE,), (WriteFault.UNANSWERED_LATE,), (WriteFault.UNANSWERED_LATE,) * 2]
    ),
    delay=DELAYS,
)


class WatchRules(TimeRules):
    """Rules about what flowbot does by itself."""

    @rule(process=PROCESSES, faults=FAULT_PLANS)
    def a_process_watches(self, process: int, faults: FaultPlan) -> None:
        self._run(self.world.pass_time(LEASE))
        faults.inject(self.world, process)
        self._run_steps((process, Process.watch))

    @rule(
        process=PROCESSES,
        number=NUMBERS,
        outside=OUTSIDE,
        own=st.none() | st.sampled_from([ChangeKind.ENABLE, ChangeKind.EDIT, ChangeKind.DELETE]),
        own_faults=st.just(FaultPlan()) | SENT_LATE,
        lands=st.booleans(),
        meanwhile=st.lists(st.sampled_from(MEANWHILE), max_size=4),
        faults=WATCH_FAULTS,
        calls=st.none() | st.integers(0, 40),
    )
    def a_flow_is_changed_outside(
        self,
        process: int,
        number: int,
        outside: list[str],
        own: ChangeKind | None,
        own_faults: FaultPlan,
        lands: bool,
        meanwhile: list[str],
        faults: FaultPlan,
        calls: int | None,
    ) -> None:
        self._set_usual_policy(gates_disables=False)
        flow = self._find_free_flow(own or ChangeKind.DELETE, number)
        self._run(self.world.watch_once(process))
        if own is not None:
            self._write_own(1 - process, own, flow, own_faults)
        for what in outside:
            self._edit_in_enkapush(flow, what)
        if lands:
            self.world.enkapush.complete_late_writes()
        self._watch(process, faults, calls, flow, meanwhile)
        for what in meanwhile:
            self._do_meanwhile(1 - process, what, flow)
        self._watch(1 - process, FaultPlan(), None, flow, [])

    @rule(process=PROCESSES, count=st.sampled_from([11, 13]), faults=FAULT_PLANS, own=FLOWS)
    def many_flows_are_added_outside(self, process: int, count: int, faults: FaultPlan, own: FlowId) -> None:
        for _ in range(count):
            self.world.enkapush.add_flow()
        self.somebody_asks(process, AYSE, ChangeKind.DISABLE, own, FaultPlan())
        self._watch(process, faults, None, own, [])

    def _write_own(self, process: int, kind: ChangeKind, flow: FlowId, faults: FaultPlan) -> None:
        if kind is ChangeKind.EDIT:
            self.somebody_edits(process, AYSE, flow, "Hurry up", faults)
        else:
            self._ask_and_approve(process, kind, flow, faults)
        self.world.enkapush.clear_faults()

    def _do_meanwhile(self, process: int, what: str, flow: FlowId) -> None:
        self.the_promises_hold()
        match what:
            case "land":
                self.world.enkapush.complete_late_writes()
            case "watch":
                self._watch(process, FaultPlan(), None, flow, [])
            case "wait":
                self._run(self.world.pass_time(timedelta(minutes=16)))
            case "read" | "switch" | "title" | "disable":
                self._pass_meanwhile(process, what, flow)
            case _:
                self._write_own(process, ChangeKind(what), flow, FaultPlan())

    def _watch(
        self, process: int, faults: FaultPlan, calls: int | None, flow: FlowId, meanwhile: Sequence[str]
    ) -> None:
        """Let a process make a round, in which it may fail, or be frozen while others go on."""
        self._run(self.world.pass_time(LEASE))
        faults.inject(self.world, process)
        if calls is None:
            self._run_steps((process, Process.watch), (1 - process, Process.watch))
            self.the_promises_hold()
            return

        async def go_on() -> None:
            if "switch" in meanwhile:
                self._edit_in_enkapush(flow, "switch")
            for _ in range(2):
                await self.world.pass_time(LEASE)
                await self.world.run_step(1 - process, Process.watch)
                await self.world.run_step(1 - process, Process.recover)

        self._run_frozen(process, Process.watch, calls, go_on)
        self.the_promises_hold()

    # --- figures -------------------------------------------------------------------------------------------------

    @rule(flow=FLOWS, totals=st.sampled_from([BAD, GOOD, None]))
    def figures_move(self, flow: FlowId, totals: Totals | None) -> None:
        self.world.enkapush.add_totals(flow, totals)

    @rule(
        process=PROCESSES,
        number=NUMBERS,
        by=st.sampled_from(["flowbot", "outside"]),
        faults=WATCH_FAULTS,
        calls=st.none() | st.integers(0, 60),
        again=st.lists(st.sampled_from(["bad", "good", "shrink", "enable", "switch", "wait", "watch"]), max_size=5),
    )
    def a_flow_goes_wrong(
        self, process: int, number: int, by: str, faults: FaultPlan, calls: int | None, again: list[str]
    ) -> None:
        self._run(self.world.set_policy(ASKED_UNDER.model_copy(update={"breaker": LIMITS})))
        flow = self._find_free_flow(ChangeKind.ENABLE, number)
        if by == "outside":
            self._edit_in_enkapush(flow, "switch")
        else:
            self._ask_and_approve(process, ChangeKind.ENABLE, flow, FaultPlan())
        self._run(self.world.watch_once(process))
        self.world.enkapush.add_totals(flow, BAD)
        self._watch(process, faults, calls, flow, [])
        for what in again:
            moves = {"bad": BAD, "good": GOOD, "shrink": None}
            if what in moves:
                self.world.enkapush.add_totals(flow, moves[what])
            else:
                self._do_meanwhile(1 - process, what, flow)
            self._watch(1 - process, FaultPlan(), None, flow, [])

    # --- stops ---------------------------------------------------------------------------------------------------

    @rule(
        process=PROCESSES,
        person=PEOPLE | st.just(DENIZ),
        number=NUMBERS,
        enable=st.sampled_from([FaultPlan(), FaultPlan(writes=(WriteFault.ACCEPTED_LATE,))]) | SENT_LATE,
        is_gated=st.booleans(),
        reason=st.sampled_from(["it burns", " "]),
        faults=WATCH_FAULTS,
        calls=st.none() | CALL_COUNTS,
    )
    def everything_is_stopped(
        self,
        process: int,
        person: UserId,
        number: int,
        enable: FaultPlan,
        is_gated: bool,
        reason: str,
        faults: FaultPlan,
        calls: int | None,
    ) -> None:
        self._set_usual_policy(gates_disables=is_gated)
        flow = self._find_free_flow(ChangeKind.ENABLE, number)
        self._ask_and_approve(1 - process, ChangeKind.ENABLE, flow, enable)
        self.world.enkapush.clear_faults()
        self.world.slack.recover()
        self._run(self.world.pass_time(LEASE))
        step = self._stop_step(person, reason, faults, process)
        if calls is None:
            self._run_steps((process, step))
        else:
            self._run_frozen(process, step, calls, lambda: self._let_others_send(1 - process))
        self._run_steps((1 - process, Process.recover))

    def _stop_step(self, person: UserId, reason: str, faults: FaultPlan, process: int) -> Step:
        async def step(here: Process) -> None:
            stops = here.watching.stops
            question = await stops.ask(reader(person), CHANNEL, None, reason)
            await here.finish_tasks()
            await self.world.check_question(question)
            faults.inject(self.world, process)
            report = await stops.start(reader(person), question.token)
            self.world.check_stopped_by(person, reason)
            await stops.carry_out(report, here.notifier.notify, here.watching.show)
            await here.finish_tasks()

        return step
