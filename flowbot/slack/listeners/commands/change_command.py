"""What the commands that request a change of a flow have in common."""

from dataclasses import dataclass
from typing import ClassVar

from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.slack.api.references import ReferenceNames
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class ChangeArguments:
    """The flow to change, and why; the reason may be empty."""

    flow: FlowId
    reason: TypedText


@dataclass(frozen=True, slots=True)
class ChangeCommand(Command[ChangeArguments]):
    """Requests the change of its kind."""

    requests: RequestActions
    names: ReferenceNames

    kind: ClassVar[ChangeKind]
    usage = "ID [REASON…]"
    permission = Permission.EDIT
    is_handled_once = True

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> ChangeArguments:
        number, reason = typed.split_first()
        return ChangeArguments(parse_flow_id(number, word), reason)

    async def handle(self, interaction: Interaction, arguments: ChangeArguments, trigger: str) -> Reply:
        names = await self.names.find(arguments.reason.references)
        reason = arguments.reason.describe(names)
        return await self.requests.request_change(interaction, self.kind, arguments.flow, reason)
