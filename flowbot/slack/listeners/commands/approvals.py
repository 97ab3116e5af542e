"""`/flows approvals`."""

from dataclasses import dataclass

from flowbot.domain.policy import Permission
from flowbot.services.inbox import RequestQueue
from flowbot.services.ports import Clock
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.approvals import LISTED_MAX, ListedRequests, RequestList, approvals_message


@dataclass(frozen=True, slots=True)
class ApprovalsCommand(Command[None]):
    """Lists the requests that wait for the person, their own, and the others of the channel."""

    queue: RequestQueue
    details: RequestDetailsLoader
    links: ArchiveLinks
    clock: Clock

    word = "approvals"
    synonyms = ("pending", "requests", "queue", "waiting")
    permission = Permission.VIEW

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> None:
        return None

    async def handle(self, interaction: Interaction, arguments: None, trigger: str) -> Reply:
        waiting = (await self.queue.load_for(interaction.user, interaction.target.require_channel())).lists
        parts = await self.details.load_lists(*([each.id for each in part[:LISTED_MAX]] for part in waiting))
        lists = (RequestList(part, len(whole)) for part, whole in zip(parts, waiting, strict=True))
        links = await self.links.find(details.change for part in parts for details in part)
        return Reply(approvals_message(ListedRequests(*lists), links, interaction.t, self.clock()))
