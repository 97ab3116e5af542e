"""The viewers of flows, their history and the requests that need an approval."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.errors import UserError
from flowbot.services.authorization import NO_SUCH_FLOW_KEY
from flowbot.services.history import History
from flowbot.services.inbox import RequestQueue
from flowbot.services.ports import Clock
from flowbot.services.request_details import RequestDetailsLoader
from flowbot.slack.notify.request_message import RequestMessage
from flowbot.slack.runner import Interaction, Reply, Runner
from flowbot.slack.views import push
from flowbot.slack.views.approvals import approvals_message
from flowbot.slack.views.history import deleted_message, history_message


@dataclass(frozen=True, slots=True)
class FlowViewer:
    """Shows flows and their history."""

    runner: Runner
    history: History

    async def show(self, interaction: Interaction, flow_id: FlowId) -> Reply:
        """Show a flow, or how it was deleted if that happened through flowbot.

        Raises:
            UserError: not allowed, or the channel may see no such flow.
            DependencyError: Enkapush or the database did not answer.
        """
        user, channel = interaction.user, interaction.target.require_channel()
        try:
            details = await self.runner.flow_queries.get_flow(user, channel, flow_id)
        except UserError as error:
            if error.text.key != NO_SUCH_FLOW_KEY:
                raise
            deletion = await self.history.find_deletion(user, channel, flow_id)
            if deletion is None:
                raise
            return Reply(deleted_message(deletion, interaction.t))
        return Reply(push.flow_details_message(details, interaction.t, self.runner.clock()))

    async def show_history(self, interaction: Interaction, flow: FlowId | None) -> Reply:
        """Show what happened lately to a flow, or to all flows of the channel.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        events = await self.history.latest_events(interaction.user, interaction.target.require_channel(), flow)
        return Reply(history_message(events, flow, interaction.t))


@dataclass(frozen=True, slots=True)
class ApprovalsViewer:
    """Shows the requests that need an approval."""

    queue: RequestQueue
    details: RequestDetailsLoader
    request_message: RequestMessage
    clock: Clock

    async def list_approvals(self, interaction: Interaction) -> Reply:
        """List the requests that wait for the person, their own, and the others of the channel."""
        waiting = await self.queue.load_for(interaction.user, interaction.target.require_channel())
        for_me, by_me, here = [[await self.details.load(change) for change in part] for part in waiting]
        found = {change.id: await self.request_message.find_permalink(change) for part in waiting for change in part}
        links = {change: link for change, link in found.items() if link}
        return Reply(approvals_message(for_me, by_me, here, links, interaction.t, self.clock()))
