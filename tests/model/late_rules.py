"""Rules about effects that show themselves late: what is done meanwhile, and who sees them."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.ids import FlowId
from tests.model.decision_rules import DecisionRules
from tests.model.fake_directory import AYSE, BURAK, CAN
from tests.model.fake_enkapush import Storage, WriteFault
from tests.model.processes import Process
from tests.model.strategies import (
    ASKED_UNDER,
    CALL_COUNTS,
    DELAYS,
    FAULT_PLANS,
    NUMBERS,
    PAUSES,
    PROCESSES,
    STORAGES,
    FaultPlan,
)

PAUSES_BY_NAME: Final = {
    "a moment": timedelta(seconds=30),
    "a quarter": timedelta(minutes=16),
    "a day": timedelta(hours=25),
}
UNSEEN: Final = (
    WriteFault.ACCEPTED_LATE,
    WriteFault.ACCEPTED_LATE,
    WriteFault.ACCEPTED_NEVER,
    WriteFault.UNANSWERED_LATE,
    WriteFault.UNANSWERED_NEVER,
)
MEANWHILE: Final = (
    "ask",
    "approve",
    "enable",
    "edit",
    "edit late",
    "disable",
    "delete",
    "switch",
    "look",
    "read",
    *PAUSES_BY_NAME,
)
"""What happens while an effect is not seen."""
TYPICAL: Final = (["disable"], ["edit"], ["disable", "edit"], ["edit late", "enable"], ["ask", "a quarter", "approve"])


class LateRules(DecisionRules):
    """Rules about writes whose effect is not seen at once."""

    @rule(process=PROCESSES)
    def somebody_reads(self, process: int) -> None:
        self._read_all(process)

    @rule(
        process=PROCESSES,
        kind=st.sampled_from([ChangeKind.ENABLE, ChangeKind.ENABLE, ChangeKind.EDIT, ChangeKind.DELETE]),
        number=NUMBERS,
        faults=st.builds(
            FaultPlan, writes=st.lists(st.sampled_from(UNSEEN), min_size=2, max_size=2).map(tuple), delay=DELAYS
        ),
        storage=STORAGES,
        meanwhile=st.sampled_from(TYPICAL) | st.lists(st.sampled_from(MEANWHILE), max_size=6),
    )
    def an_effect_is_not_seen(
        self,
        process: int,
        kind: ChangeKind,
        number: int,
        faults: FaultPlan,
        storage: Storage,
        meanwhile: list[str],
    ) -> None:
        flow = self._find_free_flow(kind, number)
        self._run(self.world.set_policy(ASKED_UNDER))
        faults = replace(faults, storage=storage)
        if kind is ChangeKind.EDIT:
            self.somebody_edits(process, AYSE, flow, "Hurry up", faults)
        else:
            self._ask_and_approve(process, kind, flow, faults)
        for what in meanwhile:
            self._take_step(process, what, flow, faults)
        while (at := self.world.enkapush.next_effect_at) is not None:
            self.world.advance(at - self.world.now)
            self._read_all(process)

    def _take_step(self, process: int, what: str, flow: FlowId, faults: FaultPlan) -> None:
        steps = {
            "ask": lambda: self.somebody_asks(process, AYSE, ChangeKind.ENABLE, flow, FaultPlan()),
            "approve": lambda: self._approve_open(process, flow, FaultPlan()),
            "enable": lambda: self._ask_and_approve(process, ChangeKind.ENABLE, flow, FaultPlan()),
            "edit": lambda: self.somebody_edits(process, AYSE, flow, "Tomorrow", FaultPlan()),
            "edit late": lambda: self.somebody_edits(process, AYSE, flow, "Next week", faults),
            "disable": lambda: self.somebody_asks(process, BURAK, ChangeKind.DISABLE, flow, FaultPlan()),
            "delete": lambda: self._ask_and_approve(process, ChangeKind.DELETE, flow, FaultPlan()),
            "switch": lambda: self._edit_in_enkapush(flow, "switch"),
            "look": lambda: self._run_steps((process, Process.recover)),
            "read": lambda: self._read_all(process),
        }
        self.the_promises_hold()
        if (step := steps.get(what)) is None:
            self.world.advance(PAUSES_BY_NAME[what])
        else:
            step()

    def _ask_and_approve(self, process: int, kind: ChangeKind, flow: FlowId, faults: FaultPlan) -> None:
        self.somebody_asks(process, AYSE, kind, flow, FaultPlan())
        self._approve_open(process, flow, faults)

    def _approve_open(self, process: int, flow: FlowId, faults: FaultPlan) -> None:
        if (change := self._find_open_change(flow)) is not None and change.state is ChangeState.PENDING:
            faults.inject(self.world, process)
            self._run_steps((process, self._approve_step(CAN, change)))

    def _read_all(self, process: int) -> None:
        """Read all flows, as somebody's list does, and check that all which it shows is settled."""
        self.world.enkapush.clear_faults()
        self.world.processes[process].life.clear()

        self.world.slack.is_away = False
        self.world.slack.without_bot.clear()
        self._run(self.world.read_and_check(self.world.processes[process]))

    @rule(process=PROCESSES, kind=st.sampled_from([ChangeKind.EDIT, ChangeKind.DELETE]), number=NUMBERS, pause=PAUSES)
    def a_disable_takes_the_place_of_a_request(
        self, process: int, kind: ChangeKind, number: int, pause: timedelta
    ) -> None:
        waiting = self._ask_of_live_flow(process, kind, number)
        if waiting is not None and waiting.request.flow is not None:
            self.world.advance(pause)
            self.somebody_asks(1 - process, BURAK, ChangeKind.DISABLE, waiting.request.flow, FaultPlan())

    @rule(
        process=PROCESSES,
        kind=st.sampled_from([ChangeKind.EDIT, ChangeKind.DELETE]),
        number=NUMBERS,
        calls=CALL_COUNTS,
        faults=FAULT_PLANS,
    )
    def a_disable_follows_what_is_being_applied(
        self, process: int, kind: ChangeKind, number: int, calls: int, faults: FaultPlan
    ) -> None:
        waiting = self._ask_of_live_flow(process, kind, number)
        if waiting is None or waiting.request.flow is None:
            return
        faults.inject(self.world, process)
        disable = self._request_step(BURAK, ChangeKind.DISABLE, waiting.request.flow)
        approve = self._approve_step(CAN, waiting)
        self._run_frozen(process, approve, calls, lambda: self.world.run_step(1 - process, disable))

    def _ask_of_live_flow(self, process: int, kind: ChangeKind, number: int) -> Change | None:
        """Request a change of a flow that is live; None where that is answered otherwise."""
        self._run(self.world.set_policy(ASKED_UNDER))
        flow = self._find_free_flow(ChangeKind.ENABLE, number)
        self._edit_in_enkapush(flow, "switch")
        if kind is ChangeKind.EDIT:
            self.somebody_edits(process, AYSE, flow, "Hurry up", FaultPlan())
        else:
            self.somebody_asks(process, AYSE, kind, flow, FaultPlan())
        return self._find_open_change(flow)
