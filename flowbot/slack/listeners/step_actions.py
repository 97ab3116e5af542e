"""The listener of workflows' steps, and the buttons of the messages that ask for what they want."""

from dataclasses import dataclass

import structlog
from slack_bolt.response import BoltResponse

from flowbot.domain.change import OPEN_STATES
from flowbot.domain.ids import ChannelId, ReportId
from flowbot.domain.policy import Permission
from flowbot.domain.report import Report
from flowbot.domain.step import Step, StepKind, build_step_token
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translators
from flowbot.services.approvals.wish import RequestOpenError
from flowbot.services.ports.reports import ReportNotifier, StepOverError
from flowbot.services.steps import StepService, flow_problem, step_wish
from flowbot.slack.api.step_runs import StepRuns
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.listeners.change_form import ChangeFormHandler
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.workspace_events import store_in_time
from flowbot.slack.payloads.button_values import StepValue, parse_value
from flowbot.slack.payloads.events import Event, StepExecuted
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.payloads.step_inputs import read_step
from flowbot.slack.runner import Interaction, Reply, continues_later
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.views import sentences

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StepActions:
    """The handlers of steps: their events, and the buttons that their people press."""

    steps: StepService
    channels: ChannelAuthorizer
    requests: RequestActions
    opener: FormOpener
    change_form: ChangeFormHandler
    runs: StepRuns
    show_report: ReportNotifier
    locales: Translators
    tasks: TrackedTasks

    async def run_step(self, executed: Event) -> BoltResponse | None:
        """Store a step before its event is acknowledged, then ask its person.

        Returns:
            None once it is stored; else the answer at which Slack sends the event again.
        """
        if not isinstance(executed, StepExecuted):
            return None
        execution, asked = executed.event.function_execution_id, read_step(executed)

        async def store() -> None:
            if asked is None:
                sentence = sentences.format_text(self.locales.for_channel(None), Text("workflow.incomplete"))
                await self.runs.fail(execution, sentence)
                return
            report = await self.steps.receive(*asked)
            self.tasks.start(self._ask(report.id), name="step")

        return await store_in_time(store(), "step.not_stored", execution=execution)

    async def _ask(self, report: ReportId) -> None:
        """Ask the person of a step that was stored; what fails now, the recovery does."""
        try:
            await self.show_report(report)
        except DependencyError as fault:
            log.warning("step.later", report=report, error=str(fault))

    async def open_form(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form of a new flow, filled as the step says, or as its person left it."""
        report, step, channel = await self._find(interaction, press, StepKind.CREATE)
        there = await self.channels.switch_channel(interaction, channel, Permission.EDIT)
        return await self.opener.open_filled(there, build_step_token(report.id), step.typed, press.trigger_id)

    async def request_approval(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Request approval to enable the step's flow; where a reason is needed and missing, open the form for it."""
        report, step, channel = await self._find(interaction, press, StepKind.ENABLE)
        if step.change is not None:
            change = await self.steps.store.get(step.change)
            if change is None or change.state not in OPEN_STATES:
                raise StepOverError
            return Reply(await self.requests.point_to_open_request(interaction, change))
        there = await self.channels.switch_channel(interaction, channel, Permission.EDIT)
        wish, token = step_wish(step), build_step_token(report.id)
        policy = (await self.channels.policies.get_scope(channel)).policy
        if policy is not None and policy.approval.reason_required and not step.reason:
            here = interaction.target
            return await self.change_form.open_wish(there, press, wish, here, names_channel=True, token=token)
        try:
            record = await self.requests.submitter.request_change(there.user, channel, wish, token=token)
        except RequestOpenError as error:
            return Reply(await self.requests.point_to_open_request(interaction, error.current))
        except UserError as error:
            if (problem := flow_problem(step, error)) is not None:
                await self.steps.fail(report, problem)
                with continues_later():
                    await self.show_report(report.id)
            raise
        return await self.requests.execute(interaction, record)

    async def _find(
        self, interaction: Interaction, press: BlockActions, kind: StepKind
    ) -> tuple[Report, Step, ChannelId]:
        report = await self.steps.find_usable(interaction.user, parse_value(StepValue, press.action.value).report)
        step, channel = report.told.content_as(Step), report.told.channel
        if step.kind is not kind or channel is None:
            raise UserError("action.unknown")
        return report, step, channel
