"""The viewer of a flow, for a command and for a button."""

from dataclasses import dataclass, replace

from flowbot.domain.ids import FlowId
from flowbot.services.authorization import NoSuchFlowError
from flowbot.services.findings import FindingService
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.history import History
from flowbot.services.ports import Clock
from flowbot.slack.notify.report_views import ReportViews
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views import block_kit, push
from flowbot.slack.views.finding import finding_blocks, finding_buttons
from flowbot.slack.views.history import deleted_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import MENTIONED


@dataclass(frozen=True, slots=True)
class FlowViewer:
    """Shows a flow."""

    flow_queries: FlowQueries
    history: History
    findings: FindingService
    report_views: ReportViews
    clock: Clock

    async def show(self, interaction: Interaction, flow_id: FlowId, *, is_elsewhere: bool = False) -> Reply:
        """Show a flow with its open finding, or how it was deleted if that is known.

        Args:
            interaction: who asks, and the channel whose policy decides.
            flow_id: the flow.
            is_elsewhere: whether the answer stands in another channel: then its buttons name this one.

        Raises:
            UserError: not allowed, or the channel may see no such flow.
            DependencyError: Enkapush or the database did not answer.
        """
        user, channel = interaction.user, interaction.target.require_channel()
        finding = await self._build_finding(interaction, flow_id)
        try:
            details = await self.flow_queries.get_flow(user, channel, flow_id)
        except NoSuchFlowError:
            if finding is not None:
                return Reply(finding)
            deletion = await self.history.find_deletion(user, channel, flow_id)
            if deletion is None:
                raise
            return Reply(deleted_message(deletion, interaction.t))
        named = channel if is_elsewhere else None
        message = push.flow_details_message(details, interaction.t, self.clock(), channel=named)
        below = () if finding is None else (block_kit.divider(), *finding.blocks)
        return Reply(replace(message, blocks=(*message.blocks, *below)))

    async def _build_finding(self, interaction: Interaction, flow_id: FlowId) -> Message | None:
        """Build the open finding of a flow, with its buttons for who may press them; None where there is none."""
        channel, t = interaction.target.require_channel(), interaction.t
        found = await self.findings.find_open(interaction.user, channel, flow_id)
        if found is None:
            return None
        open_finding, may_answer = found
        details = replace(await self.report_views.load_finding(open_finding.report), finding=open_finding.finding)
        blocks = finding_blocks(details, {}, MENTIONED, t, shows_push=False)
        buttons = finding_buttons(details, t, channel=channel, can_disable=False) if may_answer else []
        return Message((*blocks, *([block_kit.actions(*buttons)] if buttons else [])))
