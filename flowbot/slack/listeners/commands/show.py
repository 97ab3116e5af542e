"""`/flows show`."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.flow_viewer import FlowViewer
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class ShowCommand(Command[FlowId]):
    """Shows a flow."""

    viewer: FlowViewer

    word = "show"
    synonyms = ("view", "open", "get")
    usage = "ID"
    permission = Permission.VIEW

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> FlowId:
        return parse_flow_id(typed, word)

    async def handle(self, interaction: Interaction, arguments: FlowId, trigger: str) -> Reply:
        return await self.viewer.show(interaction, arguments)
