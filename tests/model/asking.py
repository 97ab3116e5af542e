"""People ask for changes, in the world of the model."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.change import OPEN_STATES, Change, ChangeKind, ChangeState, NewChange
from flowbot.domain.flow import DesiredFlow, FlowContent
from flowbot.domain.ids import FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from tests.model.chances import (
    ASKED_UNDER,
    CALLS,
    FLOWS,
    MISHAPS,
    NUMBERS,
    PEOPLE,
    PROCESSES,
    Mishap,
)
from tests.model.directory import AYSE, CHANNEL, reader
from tests.model.enkapush import first_flow
from tests.model.machine import Machine
from tests.model.processes import Process
from tests.model.world import LEASE, Step

FOREIGN: Final = FlowId(3)
"""Of a website that the channel's policy may not name."""


class Asking(Machine):
    """People ask: for the first time, again, twice at once, and while their process stands still."""

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        kind=st.sampled_from([ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE]),
        flow=FLOWS,
        mishap=MISHAPS,
    )
    def somebody_asks(self, process: int, person: UserId, kind: ChangeKind, flow: FlowId, mishap: Mishap) -> None:
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
            kind=ChangeKind.EDIT,
            requester=person,
            channel=CHANNEL,
            website=before.website_id,
            flow=flow,
            before=before,
            wanted=DesiredFlow(replace(FlowContent.of(before), title=title)),
        )

        async def step(here: Process) -> None:
            change, _ = await here.changes.submit(asked)
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS)
    def somebody_asks_again(self, process: int, person: UserId, number: int) -> None:
        old = self._one(number, ChangeState.OUT_OF_DATE, ChangeState.EXPIRED, ChangeState.REJECTED, ChangeState.FAILED)
        if old is None:
            return

        async def step(here: Process) -> None:
            change = await here.approvals.asking.again(reader(person), old.id, CHANNEL)
            await here.changes.carry_out(change, here.tell)

        self._does((process, step))

    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS, is_frozen=st.booleans(), calls=CALLS, mishap=MISHAPS)
    def somebody_restores(
        self, process: int, person: UserId, number: int, is_frozen: bool, calls: int, mishap: Mishap
    ) -> None:
        mishap.strikes(self.world, process)
        deletes = [change for change in self.known if change.asked.kind is ChangeKind.DELETE]
        if not deletes:
            return
        deleted = deletes[number % len(deletes)]

        async def step(here: Process) -> None:
            change = await here.approvals.asking.restore(reader(person), deleted.id, CHANNEL)
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
        content = FlowContent.of(replace(first_flow(9), name=token))
        website = WebsiteId(1)
        asked = NewChange(token, ChangeKind.CREATE, person, CHANNEL, website, wanted=DesiredFlow(content))

        async def step(here: Process) -> None:
            change, is_new = await here.changes.submit(asked)
            self.world.wishes.setdefault(f"form {token}", set()).add(change.id)
            if is_new:
                await here.changes.carry_out(change, here.tell)

        self._does((0, step), (1, step))

    def _pending(self, process: int, kind: ChangeKind, number: int, *, quorum: int) -> Change | None:
        """A request that was just made, of a flow for which there is something to do, while all goes well."""
        flow = self._free(kind, number)
        rule = ASKED_UNDER.approval.model_copy(update={"quorum": quorum})
        self._run(self.world.decree(ASKED_UNDER.model_copy(update={"approval": rule})))
        self.somebody_asks(process, AYSE, kind, flow, Mishap())
        return self._open_on(flow)

    def _open_on(self, flow: FlowId) -> Change | None:
        open_ones = [change for change in self._run(self.world.reads()).changes if change.state in OPEN_STATES]
        return next((change for change in open_ones if change.asked.flow == flow), None)

    def _free(self, kind: ChangeKind, number: int) -> FlowId:
        """A flow of which nothing is asked yet; somebody has just made it, where there is none besides."""
        flows = [
            flow for flow in self.world.enkapush.flows.values() if kind is ChangeKind.DELETE or not flow.is_enabled
        ]
        flow = flows[number % len(flows)].id if flows else None
        if flow is None or flow == FOREIGN or self._open_on(flow) is not None:
            return self.world.enkapush.appears()
        return flow

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
