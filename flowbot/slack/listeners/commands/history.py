"""`/flows history`."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.history_actions import HistoryActions
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class HistoryCommand(Command[FlowId | None]):
    """Shows the changes of the channel's websites, or the whole life of one flow."""

    history: HistoryActions

    word = "history"
    synonyms = ("log", "audit")
    usage = "[ID]"
    permission = Permission.VIEW

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> FlowId | None:
        return parse_flow_id(typed, word) if typed.text else None

    async def handle(self, interaction: Interaction, arguments: FlowId | None, trigger: str) -> Reply:
        return await self.history.show(interaction, arguments)
