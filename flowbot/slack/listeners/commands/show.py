"""`/flows show` and the button of that name; `/flows history`."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.errors import UserError
from flowbot.services.authorization import NO_SUCH_FLOW_KEY
from flowbot.services.history import Deletion, History
from flowbot.slack.runner import Interaction, Reply, Runner
from flowbot.slack.views import push
from flowbot.slack.views.history import deleted_message, history_message


@dataclass(frozen=True, slots=True)
class FlowViewer:
    """Shows a flow, what became of one that was deleted, and what happened."""

    runner: Runner
    history: History

    async def show(self, interaction: Interaction, flow_id: FlowId) -> Reply:
        """The flow, to the one who asked.

        Raises:
            UserError: not allowed, or there is none, nor was one deleted through flowbot that the channel may see.
            DependencyError: Enkapush or the database did not answer.
        """
        try:
            shown = await self.runner.flow_queries.get_flow(
                interaction.user, interaction.target.require_channel(), flow_id
            )
        except UserError as error:
            return Reply(deleted_message(await self._deletion(interaction, flow_id, error), interaction.t))
        return Reply(push.flow_details_message(shown, interaction.t, self.runner.clock()))

    async def show_history(self, interaction: Interaction, flow: FlowId | None) -> Reply:
        """What happened lately, to one flow or to all of the channel's.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        events = await self.history.latest_events(interaction.user, interaction.target.require_channel(), flow)
        return Reply(history_message(events, flow, interaction.t))

    async def _deletion(self, interaction: Interaction, flow_id: FlowId, error: UserError) -> Deletion:
        """How the flow was deleted that is not there.

        Raises:
            UserError: `error`, where that is not so.
        """
        if error.key == NO_SUCH_FLOW_KEY:
            deletion = await self.history.find_deletion(interaction.user, interaction.target.require_channel(), flow_id)
            if deletion is not None:
                return deletion
        raise error
