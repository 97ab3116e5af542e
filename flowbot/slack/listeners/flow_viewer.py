"""The viewer of a flow, for a command and for a button."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.services.authorization import NoSuchFlowError
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.history import History
from flowbot.services.ports import Clock
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views import push
from flowbot.slack.views.history import deleted_message


@dataclass(frozen=True, slots=True)
class FlowViewer:
    """Shows a flow."""

    flow_queries: FlowQueries
    history: History
    clock: Clock

    async def show(self, interaction: Interaction, flow_id: FlowId, *, is_elsewhere: bool = False) -> Reply:
        """Show a flow, or how it was deleted if that happened through flowbot.

        Args:
            interaction: who asks, and the channel whose policy decides.
            flow_id: the flow.
            is_elsewhere: whether the answer stands in another channel: then its buttons name this one.

        Raises:
            UserError: not allowed, or the channel may see no such flow.
            DependencyError: Enkapush or the database did not answer.
        """
        user, channel = interaction.user, interaction.target.require_channel()
        try:
            details = await self.flow_queries.get_flow(user, channel, flow_id)
        except NoSuchFlowError:
            deletion = await self.history.find_deletion(user, channel, flow_id)
            if deletion is None:
                raise
            return Reply(deleted_message(deletion, interaction.t))
        named = channel if is_elsewhere else None
        return Reply(push.flow_details_message(details, interaction.t, self.clock(), channel=named))
