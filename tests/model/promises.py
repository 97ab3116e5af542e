"""People ask and decide while things break, and flowbot keeps its promises about approvals."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import Change, ChangeKind
from flowbot.domain.ids import UserId
from flowbot.domain.policy import ChannelPolicy
from tests.model.chances import (
    CALLS,
    EDITS,
    MISHAPS,
    NUMBERS,
    PAUSES,
    PEOPLE,
    POLICIES,
    PROCESSES,
    STRICTER,
    Mishap,
)
from tests.model.deciding import DEEDS, Deciding
from tests.model.directory import AYSE, BURAK, CAN
from tests.model.enkapush import Trouble
from tests.model.processes import Process
from tests.model.world import LEASE

ASKED = st.sampled_from([ChangeKind.ENABLE, ChangeKind.DELETE])
QUORUMS = st.sampled_from([1, 2])


class Promises(Deciding):
    """Whole stories, each of which takes more steps than chance would put together."""

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        quorum=QUORUMS,
        mishap=MISHAPS,
    )
    def a_request_is_approved_while_things_go_wrong(
        self, process: int, kind: ChangeKind, number: int, quorum: int, mishap: Mishap
    ) -> None:
        change = self._pending(process, kind, number, quorum=quorum)
        if change is not None:
            if quorum == 2:
                self._does((1 - process, self._approval(BURAK, change)))
            mishap.strikes(self.world, process)
            self._does((process, self._approval(CAN, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, quorum=QUORUMS, edit=st.sampled_from(["delete", *EDITS]))
    def a_flow_changes_while_a_request_waits(
        self, process: int, kind: ChangeKind, number: int, quorum: int, edit: str
    ) -> None:
        change = self._pending(process, kind, number, quorum=quorum)
        if change is not None and change.asked.flow is not None:
            self._votes_first(process, change, quorum)
            self._meddles(change.asked.flow, edit)
            self._does((process, self._approval(CAN, change)))

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
        change = self._pending(process, kind, number, quorum=quorum)
        if change is not None:
            self._votes_first(process, change, quorum)
            self._run(self.world.decree(policy))
            self._does((process, self._approval(by, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, by=PEOPLE, what=st.sampled_from(DEEDS))
    def a_request_is_ended(self, process: int, kind: ChangeKind, number: int, by: UserId, what: str) -> None:
        change = self._pending(process, kind, number, quorum=1)
        if change is not None:
            self._does((process, self._decision(what, by, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, by=PEOPLE, what=st.sampled_from(DEEDS))
    def a_request_is_ended_too_late(self, process: int, kind: ChangeKind, number: int, by: UserId, what: str) -> None:
        change = self._pending(process, kind, number, quorum=1)
        if change is not None:
            self.world.passes(timedelta(hours=72))
            self._does((process, self._decision(what, by, change)))

    def _votes_first(self, process: int, change: Change, quorum: int) -> None:
        """All approvals but the last."""
        if quorum > 1:
            self._does((1 - process, self._approval(BURAK, change)))

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        calls=CALLS,
        meanwhile=st.sampled_from(["switch", "delete", "website"]) | POLICIES,
    )
    def a_process_is_frozen_while_it_applies(
        self, process: int, kind: ChangeKind, number: int, calls: int, meanwhile: str | ChannelPolicy
    ) -> None:
        change = self._pending(process, kind, number, quorum=1)
        if change is not None:
            step = self._approval(CAN, change)
            self._frozen(process, step, calls, lambda: self._others_take_over(process, meanwhile, change.asked.flow))

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        dies=st.integers(12, 30),
        pause=PAUSES,
        mishap=st.sampled_from([Mishap(writes=(Trouble.LATE, Trouble.LATE)), Mishap(writes=(Trouble.UNANSWERED,))]),
        edit=st.none() | st.sampled_from(["title", "switch"]),
        policy=st.none() | st.sampled_from(STRICTER),
    )
    def another_takes_over_and_hears_nothing(
        self,
        process: int,
        kind: ChangeKind,
        number: int,
        dies: int,
        pause: timedelta,
        mishap: Mishap,
        edit: str | None,
        policy: ChannelPolicy | None,
    ) -> None:
        change = self._pending(process, kind, number, quorum=1)
        if change is None or change.asked.flow is None:
            return
        Mishap(dies=dies).strikes(self.world, process)
        self._does((process, self._approval(CAN, change)))
        self._run(self.world.holds())
        self.world.passes(max(pause, LEASE))
        if policy is not None:
            self._run(self.world.decree(policy))
        if edit is not None:
            self._meddles(change.asked.flow, edit)
        mishap.strikes(self.world, 1 - process)
        self._does((1 - process, Process.looks_after_what_is_left))
        self.world.enkapush.heals()
        self._does((1 - process, self._decision("check_again", AYSE, change)))
        self.world.enkapush.lands()
