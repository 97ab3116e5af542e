"""`/flows help`."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowbot.domain.policy import Permission
from flowbot.services.authorization import load_permissions
from flowbot.services.ports.storage import PolicyStore
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.help import help_message


@dataclass(frozen=True, slots=True)
class HelpCommand(Command[None]):
    """Tells the person what they may do in the channel. `permissions` are those of the commands, by English word."""

    policies: PolicyStore
    permissions: Mapping[str, Permission | None]

    word = "help"
    permission = None

    @staticmethod
    def parse(text: str, word: TypedWord) -> None:
        return None

    async def handle(self, interaction: Interaction, arguments: None, trigger: str) -> Reply:
        rights = await load_permissions(self.policies, interaction.user, interaction.target.require_channel())
        return Reply(help_message(rights, self.permissions, interaction.t))
