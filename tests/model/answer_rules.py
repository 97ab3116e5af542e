"""Rules by which people answer what was changed outside flowbot."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from flowbot.domain.findings import Finding
from flowbot.domain.ids import FlowId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.report import Report
from flowbot.services.findings import FindingPress
from tests.model.fake_directory import APPROVALS, AYSE, BURAK, EVERYBODY, reader
from tests.model.processes import Process
from tests.model.strategies import ASKED_UNDER, EDITS, FAULT_PLANS, NUMBERS, PROCESSES, FaultPlan
from tests.model.watch_rules import WatchRules
from tests.model.world import Step

STRICT: Final = ASKED_UNDER.model_copy(
    update={
        "editors": (AYSE,),
        "approvers": (BURAK,),
        "approval": ASKED_UNDER.approval.model_copy(update={"channel": APPROVALS}),
    }
)
"""A policy by which most people may answer nothing."""
PRESSES = st.tuples(st.sampled_from(EVERYBODY), st.sampled_from(["accept", "revert", "revert", "disable"]))


class AnswerRules(WatchRules):
    """Rules by which findings are accepted and reverted, and their flows disabled, by entitled people and others."""

    @rule(
        process=PROCESSES,
        number=NUMBERS,
        policy=st.sampled_from([ASKED_UNDER, STRICT]),
        outside=st.sampled_from(["new", "delete", "switch", "switch", *EDITS]),
        presses=st.lists(PRESSES, min_size=1, max_size=3),
        more=st.none() | st.sampled_from(["switch", "title"]),
        faults=FAULT_PLANS,
        is_at_once=st.booleans(),
    )
    def a_finding_is_answered(
        self,
        process: int,
        number: int,
        policy: ChannelPolicy,
        outside: str,
        presses: list[tuple[UserId, str]],
        more: str | None,
        faults: FaultPlan,
        is_at_once: bool,
    ) -> None:
        self._run(self.world.set_policy(policy))
        flow = self._change_outside(process, number, outside)
        report = self._find_open_finding(flow)
        if report is None:
            return
        if more is not None:
            self._edit_in_enkapush(flow, more)
            self._watch(process, FaultPlan(), None, flow, [])
        faults.inject(self.world, process)
        steps = [self._answer_step(report, person, what) for person, what in presses]
        if is_at_once:
            self._run_steps(*((number % 2, step) for number, step in enumerate(steps)))
        else:
            for step in steps:
                self._run_steps((process, step))
                self.the_promises_hold()
        self._watch(1 - process, FaultPlan(), None, flow, [])

    def _change_outside(self, process: int, number: int, what: str) -> FlowId:
        flows = sorted(self.world.enkapush.flows)
        self._run(self.world.watch_once(process))
        if what == "new" or not flows:
            flow = self.world.enkapush.add_flow()
        else:
            flow = flows[number % len(flows)]
            self._edit_in_enkapush(flow, what)
        self._run(self.world.watch_once(process))
        return flow

    def _find_open_finding(self, flow: FlowId) -> Report | None:
        reports = self._run(self.world.read_all()).reports
        found = (each for each in reports if each.told.flow == flow and isinstance(each.told.content, Finding))
        return next((each for each in found if each.is_open), None)

    def _answer_step(self, report: Report, person: UserId, what: str) -> Step:
        async def step(here: Process) -> None:
            channel = self.world.policy.approval_channel if self.world.policy else None
            press, findings = FindingPress(report.id, report.version, channel), here.watching.findings
            if what == "accept":
                for moved in await findings.accept(reader(person), press):
                    self.world.check_accepted(report, person)
                    await here.watching.show(moved)
                return
            if what == "revert":
                record = await findings.revert(reader(person), press, lambda _: "as before")
            else:
                record = await findings.disable(reader(person), press)
            self.world.check_answered(report, person)
            await here.executor.execute(record.change, here.notifier.notify, record=record)
            await here.watching.show(report.id)

        return step
