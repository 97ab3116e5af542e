"""People decide on requests, in the world of the model."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import UserId
from tests.model.asking import Asking
from tests.model.chances import (
    MISHAPS,
    NUMBERS,
    PEOPLE,
    PROCESSES,
    Mishap,
)
from tests.model.directory import AYSE, CHANNEL, reader
from tests.model.processes import Process
from tests.model.world import Step

DEEDS: Final = ("reject", "withdraw", "break_glass", "break_glass_in_silence", "check_again", "approve")


class Deciding(Asking):
    """People approve, reject, withdraw, break the glass and look again, entitled or not."""

    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, mishap=MISHAPS)
    def somebody_approves(self, process: int, person: UserId, number: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, process)
        change = self._one(number, ChangeState.PENDING)
        if change is not None:
            self._does((process, self._approval(person, change)))

    @rule(one=PEOPLE, other=PEOPLE, number=NUMBERS, mishap=MISHAPS)
    def two_approve_in_the_same_instant(self, one: UserId, other: UserId, number: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, 0)
        change = self._one(number, ChangeState.PENDING)
        if change is None:
            return
        self._does((0, self._approval(one, change)), (1, self._approval(other, change)))

    @rule(one=PEOPLE, number=NUMBERS)
    def it_is_approved_and_withdrawn_in_the_same_instant(self, one: UserId, number: int) -> None:
        change = self._one(number, ChangeState.PENDING)
        if change is None:
            return
        withdrawal = self._decision("withdraw", change.asked.requester, change)
        self._does((0, self._approval(one, change)), (1, withdrawal))

    def _approval(self, person: UserId, change: Change) -> Step:
        async def step(here: Process) -> None:
            at, policy = self.world.now, self.world.policy
            ballot = await here.approvals.deciding.approve(reader(person), change.id, CHANNEL)
            self.world.votes.setdefault(change.id, set()).add(person)
            self.world.judges_vote(person, ballot.change, at, policy)
            if ballot.change.state is ChangeState.APPLYING:
                await here.changes.carry_out(ballot.change, here.tell)
            else:
                await here.tell(ballot.change, None)

        return step

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        number=NUMBERS,
        what=st.sampled_from(["reject", "withdraw", "break_glass", "break_glass_in_silence", "check_again", "approve"]),
        state=st.sampled_from([ChangeState.PENDING, ChangeState.PENDING, *ChangeState]),
    )
    def somebody_presses(self, process: int, person: UserId, number: int, what: str, state: ChangeState) -> None:
        change = self._one(number, state)
        if change is not None:
            self._does((process, self._decision(what, person, change)))

    def _decision(self, what: str, person: UserId, change: Change) -> Step:
        who = reader(person)

        async def step(here: Process) -> None:
            approvals = here.approvals
            match what:
                case "reject":
                    await self._ended(here, await approvals.deciding.reject(who, change.id, "no", CHANNEL))
                case "withdraw":
                    await self._ended(here, await approvals.deciding.withdraw(who, change.id))
                case "break_glass" | "break_glass_in_silence":
                    reason = "it burns" if what == "break_glass" else " "
                    broken = await approvals.deciding.break_glass(who, change.id, reason)
                    self.world.judges_closing(broken)
                    await here.changes.carry_out(broken, here.tell)
                case "check_again":
                    await here.tell(await approvals.checking.check_again(who, change.id, CHANNEL), None)
                case _:
                    await self._approval(person, change)(here)

        return step

    async def _ended(self, here: Process, change: Change) -> None:
        self.world.judges_closing(change)
        await here.tell(change, None)

    @rule(process=PROCESSES, number=NUMBERS)
    def somebody_checks_again(self, process: int, number: int) -> None:
        change = self._one(number, ChangeState.UNKNOWN)
        if change is not None:
            self._does((process, self._decision("check_again", AYSE, change)))
