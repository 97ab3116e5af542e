"""What the commands that request a change of a flow have in common."""

from dataclasses import dataclass, replace
from typing import ClassVar

from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.domain.when import TimeQuestionError, TypedTime, find_times, plan_times
from flowbot.errors import Text
from flowbot.i18n.command_words import load_command_words
from flowbot.i18n.translator import Translator
from flowbot.services.approvals.wish import FlowWish, ReasonNeededError
from flowbot.services.ports import Clock
from flowbot.slack.api.references import ReferenceNames
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.listeners.commands.times import get_time_keyword, load_time_words
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import CommandValue
from flowbot.slack.payloads.mrkdwn import escape_entities
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.suggestion import question_message
from flowbot.slack.views.times import zone_blocks


@dataclass(frozen=True, slots=True)
class ChangeArguments:
    """The flow to change, why, and when; the reason may be empty."""

    flow: FlowId
    reason: TypedText
    times: tuple[TypedTime, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeCommand(Command[ChangeArguments]):
    """Requests the change of its kind."""

    requests: RequestActions
    names: ReferenceNames
    clock: Clock

    kind: ClassVar[ChangeKind]
    action: ClassVar[ActionId]
    permission = Permission.EDIT
    is_handled_once = True

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> ChangeArguments:
        number, reason = typed.split_first()
        flow = parse_flow_id(number, word)
        times = find_times([each.plain for each in reason.words], load_time_words())
        for each in reversed(times):
            reason = reason.without_words(each.start, each.end)
        return ChangeArguments(flow, reason, tuple(times))

    async def handle(self, interaction: Interaction, arguments: ChangeArguments, trigger: str) -> Reply:
        reply = await self._request(interaction, arguments)
        if not arguments.times or reply.message is None:
            return reply
        zone = zone_blocks(interaction.user.timezone, interaction.t)
        return replace(reply, message=replace(reply.message, blocks=(*reply.message.blocks, *zone)))

    async def _request(self, interaction: Interaction, arguments: ChangeArguments) -> Reply:
        try:
            times = plan_times(self.kind, arguments.times, self.clock(), interaction.t.zone)
        except TimeQuestionError as question:
            return self._ask(question, arguments, interaction.t)
        names = await self.names.find(arguments.reason.references)
        wish = FlowWish(self.kind, arguments.flow, arguments.reason.describe(names), times)
        try:
            return await self.requests.request_change(interaction, wish)
        except ReasonNeededError:
            return self._ask_reason(arguments, interaction.t)

    def _ask_reason(self, arguments: ChangeArguments, t: Translator) -> Reply:
        """Ask for the reason that the policy wants: with the command as it would be right, and the form."""
        command = " ".join(
            ["/flows", self._find_word(t), str(arguments.flow), *(each.given for each in arguments.times)]
        )
        question = Text("request.reason_required_example", {"command": f"{command} {t('request.reason_word')}"})
        return Reply(question_message(question, {}, self.action, arguments.flow, t), is_refusal=True)

    def _find_word(self, t: Translator) -> str:
        """Return the command's word in the reader's language."""
        words = load_command_words().get(t.language)
        return words.commands[self.word].word if words else self.word

    def _ask(self, question: TimeQuestionError, arguments: ChangeArguments, t: Translator) -> Reply:
        """Ask about a time, with the commands that may be meant and the form, where any reason can be typed."""
        command, keyword = self._find_word(t), get_time_keyword(question.typed.role, t.language)
        commands = {}
        for answer in question.answers:
            given = (f"{keyword} {answer}" if each == question.typed else each.given for each in arguments.times)
            times = map(escape_entities, given)
            sent = TypedText(" ".join([command, str(arguments.flow), *times, arguments.reason.sent]).rstrip())
            commands[sent.text] = CommandValue(sent=sent.sent)
        return Reply(question_message(question.text, commands, self.action, arguments.flow, t), is_refusal=True)
