"""`/flows back`."""

from dataclasses import dataclass

from flowbot.domain.policy import Permission
from flowbot.slack.listeners.absence_actions import AbsenceActions
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class BackCommand(Command[None]):
    """Ends the person's absence."""

    absences: AbsenceActions

    word = "back"
    synonyms = ("return", "returned")
    permission = Permission.APPROVE
    is_handled_once = True

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> None:
        return None

    async def handle(self, interaction: Interaction, arguments: None, trigger: str) -> Reply:
        return await self.absences.end(interaction)
