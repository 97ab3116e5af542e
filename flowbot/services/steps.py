"""Steps of workflows: whom they ask, what the person may do by them, and how they end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog

from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import ChannelId, ReportId, UserId
from flowbot.domain.policy import Permission, Reason
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.domain.step import Step, StepEnd, has_ended
from flowbot.errors import SlackFaultError, Text, UserError
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.approvals.wish import FlowWish, RequestOpenError
from flowbot.services.authorization import decide_in_channel
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.reports import ReportStore, StepOverError
from flowbot.services.report_updates import update_report
from flowbot.services.users import (
    DECIDING_SECONDS,
    HIDDEN_CHANNEL_ERRORS,
    NO_SUCH_PERSON,
    Caller,
    CurrentUser,
    UserService,
)

PROBLEM_KEYS: Final[Mapping[Reason, str]] = {
    Reason.NO_POLICY: "workflow.no_policy",
    Reason.EXTERNAL: "workflow.no_person",
    Reason.INACTIVE: "workflow.no_person",
}
"""What a workflow is told of a person who may not make the request; others have no right to it."""
FLOW_PROBLEM_KEYS: Final[Mapping[str, str]] = {
    "show.no_such_flow": "workflow.no_such_flow",
    "request.already_enabled": "request.already_enabled",
}
"""What it is told of a flow that nobody there can enable, by what the person would be told."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StepService:
    """Lets a workflow ask a person for a request, which that person alone makes, by their own rights.

    Every method raises DependencyError where the database, Slack or Enkapush did not answer.
    """

    reports: ReportStore
    policies: PolicyStore
    store: ChangeStore
    submitter: RequestSubmitter
    users: UserService
    clock: Clock

    async def receive(self, step: Step, channel: ChannelId) -> Report:
        """Store a step that is to run, under the policy of a channel. Received twice, it is one."""
        new = NewReport(step.report_token, ReportKind.STEP, step, channel=channel)
        report, is_new = await self.reports.submit(new)
        if is_new:
            log.info("step.received", report=report.id, kind=step.kind, person=step.person, channel=channel)
        return report

    async def admit(self, report: Report) -> None:
        """Find out whether the person may make the request, so that they are asked; end the step where they may not."""
        step = report.told.content_as(Step)
        try:
            name = await self._require_able(step, report.told.require_channel())
        except UserError as refusal:
            await self.fail(report, refusal.text)
        else:
            await self._update(report, lambda now: replace(now, is_admitted=True, name=name))

    async def find_usable(self, user: CurrentUser, report_id: ReportId) -> Report:
        """Find the step of a button, for who pressed it.

        Raises:
            UserError: it asks somebody else, or has ended.
        """
        report = await self.reports.get(report_id)
        if report is None or not isinstance(step := report.told.content, Step):
            raise UserError("request.gone")
        if step.person != user.id:
            raise UserError("workflow.not_yours")
        if not report.is_open:
            raise StepOverError
        return report

    async def fail(self, report: Report, problem: Text) -> None:
        """Let a step fail, unless a request was made by it meanwhile. The problem has nothing but plain text in it."""
        log.info("step.failed", report=report.id, problem=problem.key)
        await self._update(report, lambda now: now if now.change else replace(now, end=StepEnd(problem=problem)))

    async def tend(self) -> None:
        """End the steps that have waited too long, and those whose request an older process has ended."""
        found = await self.reports.list_open(ReportKind.STEP)
        steps = {report.id: report.told.content_as(Step) for report in found}
        made = [step.change for step in steps.values() if step.change is not None]
        records = {record.change.id: record for record in await self.store.get_records(made)}
        for report in found:
            step = steps[report.id]
            record = records.get(step.change) if step.change else None
            if step.is_over(report.created_at, self.clock()):
                await self.fail(report, Text("workflow.expired"))
            elif record is not None and has_ended(record.change):
                await self._update(report, partial(Step.ended_by, change=record.change, votes=record.votes))

    async def _require_able(self, step: Step, channel: ChannelId) -> str:
        """Return the flow's name, or no text for a new one, where the person may make the request.

        Raises:
            UserError: they may not, or it cannot be made; its parameters are plain texts.
        """
        try:
            user = await self.users.load_user(Caller(step.person, None), within=DECIDING_SECONDS)
        except SlackFaultError as fault:
            if fault.code in NO_SUCH_PERSON:
                raise UserError("workflow.no_person") from fault
            raise
        policy = (await self.policies.get_scope(channel)).policy
        decision = await decide_in_channel(policy, user, None, self._find_members, Permission.EDIT)
        if decision.reason is Reason.UNCERTAIN:
            raise SlackFaultError("groups_unknown")
        if not decision.allowed:
            raise UserError(PROBLEM_KEYS.get(decision.reason, "workflow.no_right"))
        if step.flow is None:
            return ""
        try:
            return (await self.submitter.preview_change(user, channel, step_wish(step))).flow.name
        except RequestOpenError as error:
            # It may have ended by the time when the person asks.
            before = error.current.request.before
            return before.name if before else ""
        except UserError as error:
            # All that is left is a quorum that cannot be reached.
            raise UserError(flow_problem(step, error) or Text("workflow.no_approvers")) from error

    async def _find_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Find the members of a channel as of now; nobody where it is hidden from flowbot.

        Raises:
            DependencyError: Slack does not say, so that a step must not fail for it.
        """
        try:
            return await self.users.load_members(channel, within=DECIDING_SECONDS)
        except SlackFaultError as fault:
            if fault.code in HIDDEN_CHANNEL_ERRORS:
                return frozenset()
            raise

    async def _update(self, report: Report, change: Callable[[Step], Step]) -> None:
        """Write what `change` makes of an open step, whoever else writes; one that has ended stays as it is."""

        def move(told: NewReport) -> NewReport:
            if told.state is not ReportState.OPEN:
                return told
            step = change(told.content_as(Step))
            return replace(told, content=step, state=ReportState.CLOSED if step.end else ReportState.OPEN)

        await update_report(self.reports, report, move)


def step_wish(step: Step) -> FlowWish:
    """Return what a step asks its person to request for a flow.

    Raises:
        TypeError: it is about no flow.
    """
    if step.flow is None:
        raise TypeError(f"step {step.execution} is about no flow")
    return FlowWish(ChangeKind.ENABLE, step.flow, step.reason)


def flow_problem(step: Step, refusal: UserError) -> Text | None:
    """Return what a workflow is told where its flow cannot be enabled any more; None for any other refusal."""
    key = FLOW_PROBLEM_KEYS.get(refusal.text.key)
    return None if key is None else Text(key, {"id": str(step.flow)})
