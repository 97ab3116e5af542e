"""Rules by which people decide on requests."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import UserId
from tests.model.fake_directory import AYSE, CHANNEL, reader
from tests.model.processes import Process
from tests.model.request_rules import RequestRules
from tests.model.strategies import (
    FAULT_PLANS,
    NUMBERS,
    PEOPLE,
    PROCESSES,
    FaultPlan,
)
from tests.model.world import Step

DECISIONS: Final = ("reject", "withdraw", "break_glass", "break_glass_in_silence", "check_again", "approve")


class DecisionRules(RequestRules):
    """Rules for votes, rejections, withdrawals, skipped approvals and checks, by entitled people and others."""

    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, faults=FAULT_PLANS)
    def somebody_approves(self, process: int, person: UserId, number: int, faults: FaultPlan) -> None:
        faults.inject(self.world, process)
        change = self._find_change(number, ChangeState.PENDING)
        if change is not None:
            self._run_steps((process, self._approve_step(person, change)))

    @rule(one=PEOPLE, other=PEOPLE, number=NUMBERS, faults=FAULT_PLANS)
    def two_approve_in_the_same_instant(self, one: UserId, other: UserId, number: int, faults: FaultPlan) -> None:
        faults.inject(self.world, 0)
        change = self._find_change(number, ChangeState.PENDING)
        if change is None:
            return
        self._run_steps((0, self._approve_step(one, change)), (1, self._approve_step(other, change)))

    @rule(one=PEOPLE, number=NUMBERS)
    def it_is_approved_and_withdrawn_in_the_same_instant(self, one: UserId, number: int) -> None:
        change = self._find_change(number, ChangeState.PENDING)
        if change is None:
            return
        withdrawal = self._decide_step("withdraw", change.request.requester, change)
        self._run_steps((0, self._approve_step(one, change)), (1, withdrawal))

    def _approve_step(self, person: UserId, change: Change) -> Step:
        async def step(here: Process) -> None:
            at, policy = here.clock(), self.world.policy
            seen_round = await self.world.note_shown(change, person)
            ballot = await here.decisions.approve(reader(person), change.id, CHANNEL, seen_round)
            voted = {person} & {vote.person for vote in ballot.votes}
            self.world.votes.setdefault((change.id, ballot.change.progress.round), set()).update(voted)
            self.world.check_vote(person, ballot, at, policy)
            if ballot.change.state is ChangeState.APPLYING:
                await here.executor.execute(ballot.change, here.notifier.notify)
            else:
                await here.notifier.notify(ballot.change)

        return step

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        number=NUMBERS,
        what=st.sampled_from(DECISIONS),
        state=st.sampled_from([ChangeState.PENDING, ChangeState.PENDING, *ChangeState]),
    )
    def somebody_presses(self, process: int, person: UserId, number: int, what: str, state: ChangeState) -> None:
        change = self._find_change(number, state)
        if change is not None:
            self._run_steps((process, self._decide_step(what, person, change)))

    def _decide_step(self, what: str, person: UserId, change: Change) -> Step:
        who = reader(person)

        async def step(here: Process) -> None:
            match what:
                case "reject":
                    await self._finish_closing(here, await here.decisions.reject(who, change.id, "no", CHANNEL))
                case "withdraw":
                    await self._finish_closing(here, await here.decisions.withdraw(who, change.id))
                case "break_glass" | "break_glass_in_silence":
                    seen_round = await self.world.note_shown(change, person)
                    reason = "it burns" if what == "break_glass" else " "
                    broken = await here.decisions.skip_approval(who, change.id, reason, seen_round)
                    self.world.check_closing(broken)
                    if broken.state is ChangeState.APPLYING:
                        await here.executor.execute(broken, here.notifier.notify)
                    else:
                        await here.notifier.notify(broken)
                case "check_again":
                    await here.late_effects.check_again(who, change.id, CHANNEL, here.notifier.notify)
                case _:
                    await self._approve_step(person, change)(here)

        return step

    async def _finish_closing(self, here: Process, change: Change) -> None:
        self.world.check_closing(change)
        await here.executor.notify_again(change, here.notifier.notify)

    @rule(process=PROCESSES, number=NUMBERS)
    def somebody_checks_again(self, process: int, number: int) -> None:
        change = self._find_change(number, ChangeState.UNKNOWN)
        if change is not None:
            self._run_steps((process, self._decide_step("check_again", AYSE, change)))
