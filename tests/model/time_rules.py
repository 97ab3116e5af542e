"""Rules about times: requests with a start or an end, freezes that come and go, and clocks that somebody sets."""

from datetime import datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.approval_rule import Gate
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.freezes import WEEKDAYS, Freeze
from flowbot.domain.ids import FlowId
from flowbot.domain.when import Times
from tests.model.fake_directory import AYSE, BURAK, CAN, DENIZ
from tests.model.message_rules import MessageRules
from tests.model.processes import FREEZE_ZONE, Process
from tests.model.strategies import (
    ASKED_UNDER,
    CALL_COUNTS,
    FAULT_PLANS,
    NUMBERS,
    PROCESSES,
    STRICTER,
    FaultPlan,
)
from tests.model.world import LEASE

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
STARTS = st.sampled_from([None, 5 * MINUTE, 2 * HOUR, 26 * HOUR])
"""How long after its request a change is to start."""
LENGTHS = st.sampled_from([None, 10 * MINUTE, 3 * HOUR, 30 * HOUR])
"""How long after its start it is to end."""
FREEZES: Final = {
    "freeze": (-10 * MINUTE, 4 * HOUR),
    "short freeze": (-10 * MINUTE, 30 * MINUTE),
    "later freeze": (90 * MINUTE, 5 * HOUR),
}
"""When a freeze begins and ends, from now."""
MEANWHILE: Final = (
    *FREEZES,
    "thaw",
    "skip",
    "skip",
    "approve",
    "withdraw",
    "reject",
    "stricter",
    "usual",
    "disable",
    "disable later",
    "enable",
    "move end",
    "delete",
    "edit",
    "switch",
    "title",
    "look",
    "other looks",
    "read",
    "a minute",
    "half an hour",
    "an hour",
    "four hours",
)
"""What happens while a change waits for its time."""
PAUSES_BY_NAME: Final = {"a minute": MINUTE, "half an hour": HOUR / 2, "an hour": HOUR + MINUTE, "four hours": 4 * HOUR}
DELAYS = st.sampled_from([timedelta(), timedelta(), 30 * MINUTE, 59 * MINUTE, 61 * MINUTE, 5 * HOUR])
"""How long after a time a process runs again."""
JUMPS = st.sampled_from([-3 * HOUR, -HOUR, -3 * MINUTE, -20 * MINUTE / 60, 3 * MINUTE, HOUR, 3 * HOUR])
TYPICAL = st.sampled_from(
    [
        [],
        ["freeze"],
        ["freeze", "skip"],
        ["freeze", "half an hour", "thaw"],
        ["freeze", "an hour", "an hour", "look"],
        ["freeze", "an hour", "an hour", "thaw", "look"],
        ["freeze", "an hour", "look", "an hour", "approve"],
        ["freeze", "stricter", "look", "usual", "four hours", "an hour", "approve"],
        ["later freeze"],
        ["skip"],
        ["stricter"],
        ["disable"],
        ["disable later", "enable"],
    ]
)
TYPICAL_OF_ENDS = st.sampled_from(
    [
        [],
        ["move end"],
        ["disable later"],
        ["disable later", "move end"],
        ["look", "disable", "enable"],
        ["edit", "approve"],
        ["switch", "an hour", "look", "switch"],
    ]
)


class TimeRules(MessageRules):
    """Rules by which changes wait for their times."""

    @rule(freeze=st.sampled_from([None, *FREEZES]))
    def the_freezes_are_edited(self, freeze: str | None) -> None:
        self._set_freezes(freeze)

    @rule(
        process=PROCESSES,
        kind=st.sampled_from([ChangeKind.ENABLE, ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE]),
        number=NUMBERS,
        start=STARTS,
        length=LENGTHS,
        is_gated=st.booleans(),
        first=st.sampled_from([None, None, *FREEZES]),
        approves=st.sampled_from([True, True, True, False]),
        faults=FAULT_PLANS,
        meanwhile=TYPICAL | st.lists(st.sampled_from(MEANWHILE), max_size=6),
        delay=DELAYS,
        more_faults=FAULT_PLANS,
        calls=st.none() | CALL_COUNTS,
        then=st.none() | st.sampled_from(["freeze", "disable", "skip", "stricter", "withdraw"]),
    )
    def a_change_waits_for_its_time(
        self,
        process: int,
        kind: ChangeKind,
        number: int,
        start: timedelta | None,
        length: timedelta | None,
        is_gated: bool,
        first: str | None,
        approves: bool,
        faults: FaultPlan,
        meanwhile: list[str],
        delay: timedelta,
        more_faults: FaultPlan,
        calls: int | None,
        then: str | None,
    ) -> None:
        self._set_usual_policy(gates_disables=is_gated)
        self._set_freezes(first)
        flow = self._find_free_flow(kind, number)
        if kind is ChangeKind.DISABLE:
            self._edit_in_enkapush(flow, "switch")
        times = self._plan_times(kind, start, length)
        self._ask_timed(process, kind, flow, times, faults if not approves else FaultPlan())
        if approves:
            self._approve_waiting(process, flow, faults)
        for what in meanwhile:
            self._pass_meanwhile(process, what, flow)
        for moment in (times.not_before, times.ends_at):
            if moment is not None:
                self._reach(moment + delay, process, more_faults, calls)
                self._let_others_go_on(process, then, flow)

    @rule(
        process=PROCESSES,
        number=NUMBERS,
        length=st.sampled_from([10 * MINUTE, 3 * HOUR]),
        faults=FAULT_PLANS,
        meanwhile=TYPICAL_OF_ENDS | st.lists(st.sampled_from(MEANWHILE), max_size=4),
        delay=DELAYS,
        more_faults=FAULT_PLANS,
        calls=st.none() | CALL_COUNTS,
        then=st.sampled_from([None, None, "move end", "disable", "withdraw"]),
    )
    def a_live_flow_waits_for_its_end(
        self,
        process: int,
        number: int,
        length: timedelta,
        faults: FaultPlan,
        meanwhile: list[str],
        delay: timedelta,
        more_faults: FaultPlan,
        calls: int | None,
        then: str | None,
    ) -> None:
        self._set_usual_policy(gates_disables=False)
        self._set_freezes(None)
        flow = self._find_free_flow(ChangeKind.ENABLE, number)
        ends_at = self.world.now + length
        self._ask_timed(process, ChangeKind.ENABLE, flow, Times(None, ends_at), FaultPlan())
        self._approve_waiting(process, flow, faults)
        for what in meanwhile:
            self._pass_meanwhile(process, what, flow)
        self._reach(ends_at + delay, process, more_faults, calls)
        self._let_others_go_on(process, then, flow)

    def _plan_times(self, kind: ChangeKind, start: timedelta | None, length: timedelta | None) -> Times:
        if kind is ChangeKind.DELETE:
            return Times()
        begins = None if start is None else self.world.now + start
        has_end = kind is ChangeKind.ENABLE and length is not None
        return Times(begins, (begins or self.world.now) + length if has_end and length is not None else None)

    def _ask_timed(self, process: int, kind: ChangeKind, flow: FlowId, times: Times, faults: FaultPlan) -> None:
        faults.inject(self.world, process)
        self._run_steps((process, self._request_step(AYSE, kind, flow, times)))

    def _approve_waiting(self, process: int, flow: FlowId, faults: FaultPlan) -> None:
        faults.inject(self.world, process)
        for change in self._list_waiting(flow, ChangeState.PENDING):
            self._run_steps((process, self._approve_step(CAN, change)))

    def _list_waiting(self, flow: FlowId, *states: ChangeState) -> list[Change]:
        changes = self._run(self.world.read_changes())
        return [change for change in changes if change.request.flow == flow and change.state in states]

    def _pass_meanwhile(self, process: int, what: str, flow: FlowId) -> None:
        self.the_promises_hold()
        other, now = 1 - process, self.world.now
        decisions = {"withdraw": AYSE, "reject": CAN, "skip": DENIZ}
        if what in FREEZES or what == "thaw":
            self._set_freezes(what if what in FREEZES else None)
        elif what in PAUSES_BY_NAME:
            self._run(self.world.pass_time(PAUSES_BY_NAME[what]))
        elif what in decisions:
            decision = "break_glass" if what == "skip" else what
            for change in self._list_waiting(flow, ChangeState.PENDING, ChangeState.SCHEDULED):
                self._run_steps((other, self._decide_step(decision, decisions[what], change)))
        else:
            steps = {
                "approve": lambda: self._approve_waiting(other, flow, FaultPlan()),
                "stricter": lambda: self._run(self.world.set_policy(STRICTER[0])),
                "usual": lambda: self._run(self.world.set_policy(ASKED_UNDER)),
                "disable": lambda: self.somebody_asks(other, BURAK, ChangeKind.DISABLE, flow, FaultPlan()),
                "disable later": lambda: self._ask_timed(
                    other, ChangeKind.DISABLE, flow, Times(now + 3 * HOUR), FaultPlan()
                ),
                "enable": lambda: self._ask_and_approve(other, ChangeKind.ENABLE, flow, FaultPlan()),
                "move end": lambda: self._move_end(other, flow),
                "delete": lambda: self._ask_and_approve(other, ChangeKind.DELETE, flow, FaultPlan()),
                "edit": lambda: self.somebody_edits(other, AYSE, flow, "Hurry up", FaultPlan()),
                "switch": lambda: self._edit_in_enkapush(flow, "switch"),
                "title": lambda: self._edit_in_enkapush(flow, "title"),
                "look": lambda: self._run_steps((process, Process.recover)),
                "other looks": lambda: self._run_steps((other, Process.recover)),
                "read": lambda: self._read_all(other),
            }
            steps[what]()

    def _move_end(self, process: int, flow: FlowId) -> None:
        self._ask_timed(process, ChangeKind.ENABLE, flow, Times(None, self.world.now + 6 * HOUR), FaultPlan())
        self._approve_waiting(process, flow, FaultPlan())

    def _reach(self, moment: datetime, process: int, faults: FaultPlan, calls: int | None) -> None:
        """Let a time come, at which both processes run, of which the first may fail or be frozen."""
        self._run(self.world.pass_time(max(moment - self.world.now, LEASE)))
        faults.inject(self.world, process)
        if calls is None:
            self._run_steps((process, Process.recover), (1 - process, Process.recover))
        else:
            self._run_frozen(process, Process.recover, calls, lambda: self._let_others_send(1 - process))

    def _let_others_go_on(self, process: int, then: str | None, flow: FlowId) -> None:
        """Let the other process go on with what is left, after something else has come between."""
        if then is not None:
            self._pass_meanwhile(process, then, flow)
        self.the_promises_hold()
        self.world.enkapush.clear_faults()
        for _ in range(2):
            self._run(self.world.pass_time(LEASE))
            self._run_steps((1 - process, Process.recover))

    @rule(
        process=PROCESSES,
        kind=st.sampled_from([ChangeKind.ENABLE, ChangeKind.DISABLE]),
        start=st.sampled_from([20 * MINUTE, 2 * HOUR]),
        jump=JUMPS,
        pauses=st.lists(st.sampled_from([LEASE, MINUTE, 5 * MINUTE, 11 * MINUTE, HOUR]), min_size=1, max_size=5),
        others=st.booleans(),
    )
    def a_clock_is_set_while_a_change_waits(
        self, process: int, kind: ChangeKind, start: timedelta, jump: timedelta, pauses: list[timedelta], others: bool
    ) -> None:
        self._set_usual_policy(gates_disables=False)
        self._set_freezes(None)
        flow = self.world.enkapush.add_flow()
        if kind is ChangeKind.DISABLE:
            self._edit_in_enkapush(flow, "switch")
        self._ask_timed(process, kind, flow, self._plan_times(kind, start, HOUR), FaultPlan())
        self._approve_waiting(process, flow, FaultPlan())
        self.world.processes[process].machine.set_ahead(jump)
        self.world.times.skew = max(self.world.times.skew, abs(jump))
        for pause in pauses:
            self._run(self.world.pass_time(pause))
            self._run_steps((process, Process.recover))
            if others:
                self._run_steps((1 - process, Process.recover))
            self.the_promises_hold()
        # Started anew on a machine whose clock is right.
        self.world.processes[process] = self.world.new_process()

    def _set_usual_policy(self, *, gates_disables: bool) -> None:
        gates = (*ASKED_UNDER.approval.required_for, *([Gate.DISABLE] if gates_disables else []))
        rule = ASKED_UNDER.approval.model_copy(update={"required_for": tuple(dict.fromkeys(gates))})
        self._run(self.world.set_policy(ASKED_UNDER.model_copy(update={"approval": rule})))

    def _set_freezes(self, name: str | None) -> None:
        """Put one freeze in the place of all, or none, while flowbot runs."""
        freezes = () if name is None else (self._new_freeze(name),)
        if freezes != self.world.times.freezes:
            self._run(self.world.set_freezes(*freezes))
            # Whoever is started with a right clock looks at what is held otherwise by now.
            self._run_steps((0, Process.recover))

    def _new_freeze(self, name: str) -> Freeze:
        begins, ends = ((self.world.now + pause).astimezone(FREEZE_ZONE) for pause in FREEZES[name])
        hours = f"{WEEKDAYS[begins.weekday()]} {begins:%H:%M}-{ends:%H:%M}"
        return Freeze(name=name, weekly=(hours,))
