"""Rules by which people request changes."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import OPEN_STATES, Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.draft import Draft
from flowbot.domain.fields import form_values
from flowbot.domain.flow import DesiredFlow, FlowContent, WriteOnlyFields
from flowbot.domain.ids import FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.when import NO_TIMES, Times
from flowbot.errors import UserError
from flowbot.services.approvals.wish import FlowWish
from tests.model.fake_directory import APPROVALS, AYSE, CHANNEL, reader
from tests.model.fake_enkapush import first_flow
from tests.model.processes import Process
from tests.model.state_machine import ModelMachine
from tests.model.strategies import (
    ASKED_UNDER,
    CALL_COUNTS,
    FAULT_PLANS,
    FLOWS,
    NUMBERS,
    PEOPLE,
    PROCESSES,
    TITLES,
    FaultPlan,
)
from tests.model.time_invariants import waits_unseen
from tests.model.world import LEASE, Step

FOREIGN: Final = FlowId(3)
"""A flow of a website that the channel's policy may not name."""

NOTIFY_MODES: Final = tuple(NotifyMode)


class RequestRules(ModelMachine):
    """Rules for requests: new, repeated, sent twice, and during a frozen process."""

    @rule(
        process=PROCESSES,
        person=PEOPLE,
        kind=st.sampled_from([ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE]),
        flow=FLOWS,
        faults=FAULT_PLANS,
    )
    def somebody_asks(self, process: int, person: UserId, kind: ChangeKind, flow: FlowId, faults: FaultPlan) -> None:
        faults.inject(self.world, process)

        self._run_steps((process, self._request_step(person, kind, flow)))

    def _request_step(self, person: UserId, kind: ChangeKind, flow: FlowId, times: Times = NO_TIMES) -> Step:
        wish = FlowWish(kind, flow, "please", times)

        async def step(here: Process) -> None:
            try:
                record = await here.submitter.request_change(reader(person), CHANNEL, wish)
            except UserError as refusal:
                self.world.check_blocked(flow, refusal)
                if kind is ChangeKind.DISABLE and not times:
                    await self.world.check_refused_disable(flow, refusal)
                raise
            await here.executor.execute(record.change, here.notifier.notify, record=record)

        return step

    @rule(process=PROCESSES, person=PEOPLE, flow=FLOWS, title=TITLES, faults=FAULT_PLANS)
    def somebody_edits(self, process: int, person: UserId, flow: FlowId, title: str, faults: FaultPlan) -> None:
        faults.inject(self.world, process)
        if (step := self._edit_step(person, flow, title)) is not None:
            self._run_steps((process, step))

    def _edit_step(self, person: UserId, flow: FlowId, title: str, segment: str | None = None) -> Step | None:
        """Build the step by which somebody edits a flow as it is now; None where it is gone."""
        before = self.world.enkapush.flows.get(flow)
        if before is None:
            return None
        content = replace(FlowContent.of(before), title=title)
        asked = ChangeRequest(
            token=FormToken(secrets.token_hex(8)),
            kind=ChangeKind.EDIT,
            requester=person,
            channel=CHANNEL,
            website=before.website_id,
            flow=flow,
            before=before,
            wanted=DesiredFlow(content, WriteOnlyFields(segment=segment)),
            typed=form_values(before) | {"title": title},
        )
        draft = Draft(asked.token, person, CHANNEL, ChangeKind.EDIT, flow, before, asked.typed or {}, self.world.now)

        async def step(here: Process) -> None:
            record, _ = await here.edits.submit(asked, draft)
            await here.executor.execute(record.change, here.notifier.notify, record=record)

        return step

    @rule(process=PROCESSES, person=PEOPLE, number=NUMBERS)
    def somebody_asks_again(self, process: int, person: UserId, number: int) -> None:
        old = self._find_change(
            number, ChangeState.OUT_OF_DATE, ChangeState.EXPIRED, ChangeState.REJECTED, ChangeState.FAILED
        )
        if old is None:
            return

        async def step(here: Process) -> None:
            record = await here.submitter.request_again(reader(person), old.id, CHANNEL)
            await here.executor.execute(record.change, here.notifier.notify, record=record)

        self._run_steps((process, step))

    @rule(
        process=PROCESSES, person=PEOPLE, number=NUMBERS, is_frozen=st.booleans(), calls=CALL_COUNTS, faults=FAULT_PLANS
    )
    def somebody_restores(
        self, process: int, person: UserId, number: int, is_frozen: bool, calls: int, faults: FaultPlan
    ) -> None:
        faults.inject(self.world, process)
        deletes = [change for change in self.known if change.request.kind is ChangeKind.DELETE]
        if not deletes:
            return
        deleted = deletes[number % len(deletes)]

        async def step(here: Process) -> None:
            record = await here.submitter.restore(reader(person), deleted.id, CHANNEL)
            await self.world.add_restore(deleted.id, record.change)
            await here.executor.execute(record.change, here.notifier.notify, record=record)

        if is_frozen:
            self._run_frozen(
                process, step, calls, lambda: self._let_others_take_over(process, "switch", deleted.request.flow)
            )
        else:
            self._run_steps((process, step))

    @rule(person=PEOPLE, faults=FAULT_PLANS)
    def a_form_is_sent_twice(self, person: UserId, faults: FaultPlan) -> None:
        faults.inject(self.world, 0)
        token = FormToken(secrets.token_hex(8))
        content = FlowContent.of(replace(first_flow(9), name=token))
        website = WebsiteId(1)
        asked = ChangeRequest(token, ChangeKind.CREATE, person, CHANNEL, website, wanted=DesiredFlow(content))

        async def step(here: Process) -> None:
            record, is_new = await here.submitter.submit(asked)
            self.world.wishes.setdefault(f"form {token}", set()).add(record.change.id)
            if is_new:
                await here.executor.execute(record.change, here.notifier.notify, record=record)

        self._run_steps((0, step), (1, step))

    def _create_pending(
        self, process: int, kind: ChangeKind, number: int, *, quorum: int, faults: FaultPlan | None = None
    ) -> Change | None:
        """Create a pending request, without any faults unless some are given."""
        flow = self._find_free_flow(kind, number)
        ways = {"notify": NOTIFY_MODES[number % 3], "channel": APPROVALS if number % 2 else None}
        rule = ASKED_UNDER.approval.model_copy(update={"quorum": quorum, **ways})
        self._run(self.world.set_policy(ASKED_UNDER.model_copy(update={"approval": rule})))
        self.somebody_asks(process, AYSE, kind, flow, faults or FaultPlan())
        return self._find_open_change(flow)

    def _find_open_change(self, flow: FlowId) -> Change | None:
        open_ones = [
            change
            for change in self._run(self.world.read_changes())
            if change.state in OPEN_STATES and not waits_unseen(change) and change.request.parent is None
        ]
        return next((change for change in open_ones if change.request.flow == flow), None)

    def _find_free_flow(self, kind: ChangeKind, number: int) -> FlowId:
        """Return a flow without an open request; add one where there is none."""
        flows = [
            flow for flow in self.world.enkapush.flows.values() if kind is ChangeKind.DELETE or not flow.is_enabled
        ]
        flow = flows[number % len(flows)].id if flows else None
        if flow is None or flow == FOREIGN or self._find_open_change(flow) is not None:
            return self.world.enkapush.add_flow()
        return flow

    def _run_frozen(self, process: int, step: Step, calls: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._run(self.world.run_frozen(process, step, calls, meanwhile))

    async def _let_others_take_over(self, process: int, meanwhile: str | ChannelPolicy, flow: FlowId | None) -> None:
        """Let the other process take over while this one is frozen."""
        if isinstance(meanwhile, ChannelPolicy):
            await self.world.set_policy(meanwhile)
        await self.world.pass_time(LEASE)
        await self.world.run_step(1 - process, Process.recover)
        await self.world.check_invariants()
        if isinstance(meanwhile, str) and flow is not None:
            self._edit_in_enkapush(flow, meanwhile)
