"""`/flows help`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from flowbot.domain.freezes import FreezeCalendar
from flowbot.domain.policy import Permission, Reason
from flowbot.services.authorization import load_permissions
from flowbot.services.ports import Clock
from flowbot.services.ports.policies import PolicyStore
from flowbot.slack.listeners.approval_channel import ApprovalChannelGuide
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.help import help_message

APPROVAL_CHANNEL_WORDS: Final = ("show", "approvals", "help")
"""The commands that do something in a channel where requests are posted, and which has no policy of its own."""


@dataclass(frozen=True, slots=True)
class HelpCommand(Command[None]):
    """Tells the person what they may do in the channel. `permissions` are those of the commands, by English word."""

    policies: PolicyStore
    guide: ApprovalChannelGuide
    permissions: Mapping[str, Permission | None]
    clock: Clock
    zone: ZoneInfo

    word = "help"
    permission = None

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> None:
        return None

    async def handle(self, interaction: Interaction, arguments: None, trigger: str) -> Reply:
        channel = interaction.target.require_channel()
        rights = await load_permissions(self.policies, interaction.user, channel)
        if rights.decisions[Permission.VIEW].reason is Reason.NO_POLICY:
            words = [*APPROVAL_CHANNEL_WORDS, *(["setup"] if rights.may(Permission.SETUP) else [])]
            if (reply := await self.guide.answer(interaction, words=words)) is not None:
                return reply
        calendar = FreezeCalendar(rights.freezes, self.zone)
        frozen = calendar.find_frozen_time(self.clock(), interaction.t.language)
        return Reply(help_message(rights, self.permissions, interaction.t, frozen))
