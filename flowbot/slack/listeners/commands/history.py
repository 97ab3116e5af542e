"""`/flows history`."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.services.history import History
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.history import history_message


@dataclass(frozen=True, slots=True)
class HistoryCommand(Command[FlowId | None]):
    """Shows what happened lately to a flow, or to all flows of the channel."""

    history: History

    word = "history"
    synonyms = ("log", "audit")
    usage = "[ID]"
    permission = Permission.VIEW

    @staticmethod
    def parse(text: str, word: TypedWord) -> FlowId | None:
        return parse_flow_id(text, word) if text.strip() else None

    async def handle(self, interaction: Interaction, arguments: FlowId | None, trigger: str) -> Reply:
        channel = interaction.target.require_channel()
        events = await self.history.latest_events(interaction.user, channel, arguments)
        return Reply(history_message(events, arguments, interaction.t))
