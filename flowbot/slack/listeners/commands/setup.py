"""`/flows setup`."""

from dataclasses import dataclass

from flowbot.domain.policy import Permission
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.policy_form import PolicyFormHandler
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class SetupCommand(Command[None]):
    """Opens the form of the channel's policy."""

    policy_form: PolicyFormHandler

    word = "setup"
    synonyms = ("settings", "policy", "config")
    permission = Permission.SETUP

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> None:
        return None

    async def handle(self, interaction: Interaction, arguments: None, trigger: str) -> Reply:
        return await self.policy_form.open(interaction, trigger)
