"""What the commands that open a flow's form have in common."""

from dataclasses import dataclass
from typing import ClassVar

from flowbot.domain.fields import FormKind
from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class FormCommand(Command[FlowId | None]):
    """Opens the form of its kind."""

    opener: FormOpener

    kind: ClassVar[FormKind]
    permission = Permission.EDIT

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> FlowId | None:
        return parse_flow_id(typed, word)

    async def handle(self, interaction: Interaction, arguments: FlowId | None, trigger: str) -> Reply:
        return await self.opener.open_form(interaction, self.kind, arguments, trigger)
