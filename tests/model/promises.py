"""People ask and decide while things break, and flowbot keeps its promises about approvals."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from flowbot.domain.changes import Change, FormToken, Kind, NewChange, State
from flowbot.domain.content import Content, Wanted
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.types import FlowId, UserId, WebsiteId
from tests.model.chances import (
    ASKED_UNDER,
    CALLS,
    EDITS,
    FLOWS,
    MISHAPS,
    NUMBERS,
    PAUSES,
    PEOPLE,
    POLICIES,
    PROCESSES,
    STRICTER,
    Mishap,
)
from tests.model.directory import AYSE, BURAK, CAN, CHANNEL, reader
from tests.model.enkapush import Trouble, first_flow
from tests.model.machine import Machine
from tests.model.processes import Process
from tests.model.world import LEASE, Step

ASKED = st.sampled_from([Kind.ENABLE, Kind.DELETE])
QUORUMS = st.sampled_from([1, 2])
DEEDS: Final = ("reject", "withdraw", "break_glass", "break_glass_in_silence", "check_again", "approve")


class Promises(Machine):
    """People ask and decide, things break, and flowbot keeps its promises."""

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
            change = await here.approvals.ask(reader(person), CHANNEL, kind, flow, "please")
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
            change = await here.approvals.ask_again(reader(person), old.id, CHANNEL)
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @precondition(lambda self: any(change.asked.kind is Kind.DELETE for change in self.known))
    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, is_frozen=st.booleans(), calls=CALLS, mishap=MISHAPS)
    def somebody_restores(
        self, process: int, person: UserId, number: int, is_frozen: bool, calls: int, mishap: Mishap
    ) -> None:
        mishap.strikes(self.world, process)
        deletes = [change for change in self.known if change.asked.kind is Kind.DELETE]
        deleted = deletes[number % len(deletes)]

        async def step(here: Process) -> None:
            change = await here.approvals.restore(reader(person), deleted.id, CHANNEL)
            self.world.wishes.setdefault(f"restore of {deleted.id}", set()).add(change.id)
            await here.changes.carry_out(change, here.tell)

        if is_frozen:
            self._frozen(process, step, calls, lambda: self._others_take_over(process, "switch", deleted.asked.flow))
        else:
            self._does((process, step))

    @rule(person=PEOPLE, mishap=MISHAPS)
    def a_form_is_sent_twice(self, person: UserId, mishap: Mishap) -> None:
        mishap.strikes(self.world, 0)
        token = FormToken(secrets.token_hex(8))
        content = Content.of(replace(first_flow(9), name=token))
        website = WebsiteId(1)
        asked = NewChange(token, Kind.CREATE, person, CHANNEL, website, wanted=Wanted(content))

        async def step(here: Process) -> None:
            change, is_new = await here.changes.submit(asked)
            self.world.wishes.setdefault(f"form {token}", set()).add(change.id)
            if is_new:
                await here.changes.carry_out(change, here.tell)

        self._does((0, step), (1, step))

    @rule(
        process=PROCESSES,
        kind=ASKED,
        number=NUMBERS,
        quorum=QUORUMS,
        mishap=MISHAPS,
    )
    def a_request_is_approved_while_things_go_wrong(
        self, process: int, kind: Kind, number: int, quorum: int, mishap: Mishap
    ) -> None:
        change = self._pending(process, kind, number, quorum=quorum)
        if change is not None:
            if quorum == 2:
                self._does((1 - process, self._approval(BURAK, change)))
            mishap.strikes(self.world, process)
            self._does((process, self._approval(CAN, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, quorum=QUORUMS, edit=st.sampled_from(["delete", *EDITS]))
    def a_flow_changes_while_a_request_waits(
        self, process: int, kind: Kind, number: int, quorum: int, edit: str
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
        self, process: int, kind: Kind, number: int, quorum: int, policy: ChannelPolicy, by: UserId
    ) -> None:
        change = self._pending(process, kind, number, quorum=quorum)
        if change is not None:
            self._votes_first(process, change, quorum)
            self._run(self.world.decree(policy))
            self._does((process, self._approval(by, change)))

    @rule(process=PROCESSES, kind=ASKED, number=NUMBERS, is_late=st.booleans(), by=PEOPLE, what=st.sampled_from(DEEDS))
    def a_request_is_ended(self, process: int, kind: Kind, number: int, is_late: bool, by: UserId, what: str) -> None:
        change = self._pending(process, kind, number, quorum=1)
        if change is not None:
            self.world.passes(timedelta(hours=72 if is_late else 0))
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
        self, process: int, kind: Kind, number: int, calls: int, meanwhile: str | ChannelPolicy
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
        kind: Kind,
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

    def _pending(self, process: int, kind: Kind, number: int, *, quorum: int) -> Change | None:
        """A request that was just made, of a flow for which there is something to do, while all goes well."""
        flows = [flow for flow in self.world.enkapush.flows.values() if kind is Kind.DELETE or not flow.is_enabled]
        if not flows:
            return None
        flow = flows[number % len(flows)].id
        rule = ASKED_UNDER.approval.model_copy(update={"quorum": quorum})
        self._run(self.world.decree(ASKED_UNDER.model_copy(update={"approval": rule})))
        self.somebody_asks(process, AYSE, kind, flow, Mishap())
        return self._run(self.world.store.open_on(flow))

    def _frozen(self, process: int, step: Step, calls: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._run(self.world.runs_with_a_break(process, step, calls, meanwhile))

    async def _others_take_over(self, process: int, meanwhile: str | ChannelPolicy, flow: FlowId | None) -> None:
        """While a process is frozen, the other one does its work, and the world goes on."""
        if isinstance(meanwhile, ChannelPolicy):
            await self.world.decree(meanwhile)
        self.world.passes(LEASE)
        await self.world.lets(1 - process, Process.looks_after_what_is_left)
        await self.world.holds()
        if isinstance(meanwhile, str) and flow is not None:
            self._meddles(flow, meanwhile)

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
            at, policy = self.world.now, self.world.policy
            ballot = await here.approvals.approve(reader(person), change.id, CHANNEL)
            self.world.votes.setdefault(change.id, set()).add(person)
            self.world.judges_vote(person, ballot.change, at, policy)
            if ballot.change.state is State.APPLYING:
                await here.changes.carry_out(ballot.change, here.tell)
            else:
                await here.tell(ballot.change, None)

        return step

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        number=NUMBERS,
        what=st.sampled_from(["reject", "withdraw", "break_glass", "break_glass_in_silence", "check_again", "approve"]),
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
                    await self._ended(here, await approvals.reject(who, change.id, "no", CHANNEL))
                case "withdraw":
                    await self._ended(here, await approvals.withdraw(who, change.id))
                case "break_glass" | "break_glass_in_silence":
                    reason = "it burns" if what == "break_glass" else " "
                    broken = await approvals.break_glass(who, change.id, reason)
                    self.world.judges_closing(broken)
                    await here.changes.carry_out(broken, here.tell)
                case "check_again":
                    await here.tell(await approvals.check_again(who, change.id, CHANNEL), None)
                case _:
                    await self._approval(person, change)(here)

        return step

    async def _ended(self, here: Process, change: Change) -> None:
        self.world.judges_closing(change)
        await here.tell(change, None)

    @precondition(lambda self: self._has(State.UNKNOWN))
    @rule(process=PROCESSES, number=NUMBERS)
    def somebody_checks_again(self, process: int, number: int) -> None:
        change = self._one(number, State.UNKNOWN)
        assert change is not None
        self._does((process, self._decision("check_again", AYSE, change)))
