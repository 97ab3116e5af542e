"""The dispatcher of commands, after `/flows` or after a mention of flowbot."""

from collections.abc import Sequence
from typing import Any

from flowbot.errors import UserError
from flowbot.services.authorization import NO_POLICY_KEYS
from flowbot.slack.api.modals import ModalNotOpenedError
from flowbot.slack.listeners.approval_channel import ApprovalChannelGuide
from flowbot.slack.listeners.commands.command import Command
from flowbot.slack.listeners.commands.parser import CommandParser, ParsedCommand, Suggestion
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.commands.words import SHOW
from flowbot.slack.payloads.button_values import CommandValue, parse_value
from flowbot.slack.payloads.events import Mentioned
from flowbot.slack.payloads.incoming import BlockActions, Incoming, SlashCommand
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner
from flowbot.slack.views.suggestion import suggestion_message


class CommandDispatcher:
    """Finds the command that was typed, and handles it."""

    def __init__(self, runner: Runner, commands: Sequence[Command[Any]], guide: ApprovalChannelGuide) -> None:
        self._runner = runner
        self._guide = guide
        self._commands = {command.word: command for command in commands}
        self._parser = CommandParser([type(command) for command in commands])

    def dispatch(self, typed: SlashCommand) -> str:
        """Start to handle a command, one that changes something once; its answer follows on its own.

        Returns:
            The command's English word or `unknown`, for the metrics.
        """
        parsed = self._parser.parse(typed.text)

        async def handle(interaction: Interaction) -> Reply:
            return await self._handle(parsed, interaction, typed.trigger_id)

        is_once = parsed.is_understood and self._commands[parsed.word].is_handled_once
        once = typed.delivery_key if is_once else None
        self._runner.start("command", parsed.word, typed.caller, typed.target, handle, once=once)
        return parsed.word

    def dispatch_mention(self, incoming: Incoming) -> None:
        """Start to handle the command after a mention of flowbot, once; its answer follows on its own.

        Messages of bots and edited ones are ignored, and so is what Slack sends again.
        """
        if not isinstance(incoming, Mentioned) or not incoming.is_from_person:
            return
        parsed = self._parser.parse(incoming.typed)

        async def handle(interaction: Interaction) -> Reply:
            if not await self._runner.deliveries.record_once(incoming.delivery_key, self._runner.clock()):
                return NO_REPLY
            return await self._handle(parsed, interaction, "")

        self._runner.start("mention", parsed.word, incoming.caller, incoming.target, handle)

    async def run_suggestion(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Handle the command that a button suggests, as if the person had typed it; one that changes something, once.

        Raises:
            UserError: it was pressed before.
        """
        parsed = self._parser.parse(parse_value(CommandValue, press.action.value).sent)
        if parsed.is_understood and self._commands[parsed.word].is_handled_once:
            runner, key = self._runner, press.button_key
            if key is not None and not await runner.deliveries.record_once(key, runner.clock()):
                raise UserError("command.pressed")
        return await self._handle(parsed, interaction, press.trigger_id)

    def _offer(self, suggestion: Suggestion, interaction: Interaction) -> Reply:
        sent = self._parser.complete(suggestion, interaction.t.language)
        value, is_help = CommandValue(sent=sent), suggestion.near is None
        message = suggestion_message(suggestion.typed, TypedText(sent).text, value, interaction.t, is_help=is_help)
        return Reply(message, is_refusal=True)

    async def _handle(self, parsed: ParsedCommand, interaction: Interaction, trigger: str) -> Reply:
        if parsed.mistake is not None:
            # Raised here, where it is told in the person's language.
            raise parsed.mistake
        if parsed.suggestion is not None:
            return self._offer(parsed.suggestion, interaction)
        command = self._commands[parsed.word]
        try:
            return await command.handle(interaction, parsed.arguments, trigger)
        except ModalNotOpenedError:
            # Without a trigger its answer is a button that opens the form.
            return await command.handle(interaction, parsed.arguments, "")
        except UserError as error:
            if error.text.key not in NO_POLICY_KEYS:
                raise
            flow = parsed.arguments if parsed.word == SHOW else None
            if (reply := await self._guide.answer(interaction, flow=flow)) is None:
                raise
            return reply
