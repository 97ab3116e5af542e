"""Answers in a channel where requests are posted, and which has no policy of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.services.inbox import RequestQueue
from flowbot.services.ports import Clock
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.flow_viewer import FlowViewer
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.approval_channel import ApprovalChannelContent, approval_channel_message
from flowbot.slack.views.approvals import LISTED_MAX, RequestList


@dataclass(frozen=True, slots=True)
class ApprovalChannelGuide:
    """Tells people in such a channel whose requests are posted there, and shows what the open ones concern."""

    queue: RequestQueue
    details: RequestDetailsLoader
    links: ArchiveLinks
    viewer: FlowViewer
    channels: ChannelAuthorizer
    clock: Clock

    async def answer(
        self, interaction: Interaction, *, flow: FlowId | None = None, words: Sequence[str] = ()
    ) -> Reply | None:
        """Return the answer; None where the channel is no such channel.

        Args:
            interaction: who asks, where, and in which language to answer.
            flow: the flow to show, if an open request that the person may see concerns it.
            words: English words of the commands whose usage is told.

        Raises:
            UserError: the person is of another organisation, or not active.
            DependencyError: Enkapush or the database did not answer.
        """
        served = await self.queue.load_served(interaction.user, interaction.target.require_channel())
        if served is None:
            return None
        concerned = next((each for each in served.open if flow is not None and each.flow == flow), None)
        if flow is not None and concerned is not None:
            there = await self.channels.switch_channel(interaction, concerned.channel, Permission.VIEW)
            return await self.viewer.show(there, flow, is_elsewhere=True)
        (listed,) = await self.details.load_lists(each.id for each in served.open[:LISTED_MAX])
        links = await self.links.find(details.change for details in listed)
        requests = RequestList(listed, len(served.open))
        content = ApprovalChannelContent(served.channels, requests, links, flow, words)
        return Reply(approval_channel_message(content, interaction.t, self.clock()))
