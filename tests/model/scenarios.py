"""Rules that are whole scenarios: requests and decisions while things break."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import Change, ChangeKind
from flowbot.domain.ids import UserId
from flowbot.domain.policy import ChannelPolicy
from tests.model.decision_rules import DECISIONS
from tests.model.fake_directory import AYSE, BURAK, CAN
from tests.model.fake_enkapush import WriteFault
from tests.model.processes import Process
from tests.model.strategies import (
    CALL_COUNTS,
    EDITS,
    FAULT_PLANS,
    NUMBERS,
    PAUSES,
    PEOPLE,
    POLICIES,
    PROCESSES,
    STRICTER,
    FaultPlan,
)
from tests.model.team_rules import TeamRules
from tests.model.world import LEASE

ASKED = st.sampled_from([ChangeKind.ENABLE, ChangeKind.DELETE])
QUORUMS = st.sampled_from([1, 2])


class ApprovalMachine(TeamRules):
    """Scenarios of more steps than Hypothesis would put together by chance."""

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        quorum=QUORUMS,
        faults=FAULT_PLANS,
    )
    def a_request_is_approved_while_things_go_wrong(
        self, process: int, kind: ChangeKind, number: int, quorum: int, faults: FaultPlan
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=quorum)
        if change is not None:
            if quorum == 2:
                self._run_steps((1 - process, self._approve_step(BURAK, change)))
            faults.inject(self.world, process)
            self._run_steps((process, self._approve_step(CAN, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, quorum=QUORUMS, edit=st.sampled_from(["delete", *EDITS]))
    def a_flow_changes_while_a_request_waits(
        self, process: int, kind: ChangeKind, number: int, quorum: int, edit: str
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=quorum)
        if change is not None and change.request.flow is not None:
            self._cast_first_votes(process, change, quorum)
            self._edit_in_enkapush(change.request.flow, edit)
            self._run_steps((process, self._approve_step(CAN, change)))

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        quorum=QUORUMS,
        policy=st.sampled_from(STRICTER) | POLICIES,
        by=st.sampled_from([AYSE, CAN]),
    )
    def the_policy_is_edited_while_a_request_waits(
        self, process: int, kind: ChangeKind, number: int, quorum: int, policy: ChannelPolicy, by: UserId
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=quorum)
        if change is not None:
            self._cast_first_votes(process, change, quorum)
            self._run(self.world.set_policy(policy))
            self._run_steps((process, self._approve_step(by, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, by=PEOPLE, what=st.sampled_from(DECISIONS))
    def a_request_is_ended(self, process: int, kind: ChangeKind, number: int, by: UserId, what: str) -> None:
        change = self._create_pending(process, kind, number, quorum=1)
        if change is not None:
            self._run_steps((process, self._decide_step(what, by, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, by=PEOPLE, what=st.sampled_from(DECISIONS))
    def a_request_is_ended_too_late(self, process: int, kind: ChangeKind, number: int, by: UserId, what: str) -> None:
        change = self._create_pending(process, kind, number, quorum=1)
        if change is not None:
            self.world.advance(timedelta(hours=72))
            self._run_steps((process, self._decide_step(what, by, change)))

    def _cast_first_votes(self, process: int, change: Change, quorum: int) -> None:
        """Cast all approvals but the last."""
        if quorum > 1:
            self._run_steps((1 - process, self._approve_step(BURAK, change)))

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        calls=CALL_COUNTS,
        meanwhile=st.sampled_from(["switch", "delete", "website"]) | POLICIES,
    )
    def a_process_is_frozen_while_it_applies(
        self, process: int, kind: ChangeKind, number: int, calls: int, meanwhile: str | ChannelPolicy
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=1)
        if change is not None:
            step = self._approve_step(CAN, change)
            self._run_frozen(
                process, step, calls, lambda: self._let_others_take_over(process, meanwhile, change.request.flow)
            )

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        calls=st.integers(12, 30),
        pause=PAUSES,
        faults=st.sampled_from(
            [
                FaultPlan(writes=(WriteFault.UNANSWERED_LATE, WriteFault.UNANSWERED_LATE)),
                FaultPlan(writes=(WriteFault.UNANSWERED,)),
            ]
        ),
        edit=st.none() | st.sampled_from(["title", "switch"]),
        policy=st.none() | st.sampled_from(STRICTER),
    )
    def another_takes_over_and_hears_nothing(
        self,
        process: int,
        kind: ChangeKind,
        number: int,
        calls: int,
        pause: timedelta,
        faults: FaultPlan,
        edit: str | None,
        policy: ChannelPolicy | None,
    ) -> None:
        change = self._create_pending(process, kind, number, quorum=1)
        if change is None or change.request.flow is None:
            return
        FaultPlan(calls_until_death=calls).inject(self.world, process)
        self._run_steps((process, self._approve_step(CAN, change)))
        self._run(self.world.check_invariants())
        self._run(self.world.pass_time(max(pause, LEASE)))
        if policy is not None:
            self._run(self.world.set_policy(policy))
        if edit is not None:
            self._edit_in_enkapush(change.request.flow, edit)
        faults.inject(self.world, 1 - process)
        self._run_steps((1 - process, Process.recover))
        self.world.enkapush.clear_faults()
        self._run_steps((1 - process, self._decide_step("check_again", AYSE, change)))
        self.world.enkapush.complete_late_writes()
