"""The parser of what follows `/flows`, and what several commands parse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flowbot.domain.ids import FlowId
from flowbot.domain.text import shorten
from flowbot.errors import UserError
from flowbot.i18n.command_words import load_command_words
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.commands.words import HELP, SHOW, Vocabulary
from flowbot.slack.payloads.incoming import UNKNOWN

TEXT_MAX: Final = 500
"""Characters of a command: more cannot be carried along by a button."""
FLOW_ID_END: Final = 10**18
"""No flow's id has more than 18 digits."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What was probably meant by an unknown word.

    Attributes:
        typed: The unknown word.
        near: The word of the command that was meant; None where nothing is near.
        rest: What followed the unknown word.
    """

    typed: str
    near: TypedWord | None
    rest: TypedText


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """What a person typed.

    Attributes:
        word: The command's English word, or `unknown`: one of a fixed set, whatever was typed.
        arguments: What the command made of the rest.
        mistake: Why it cannot be handled, if so.
        suggestion: What to offer for an unknown word.
    """

    word: str
    arguments: Any = None
    mistake: UserError | None = None
    suggestion: Suggestion | None = None

    @property
    def is_understood(self) -> bool:
        """True where there is a command to handle."""
        return self.mistake is None and self.suggestion is None


class CommandParser:
    """Parses commands in all languages."""

    def __init__(self, commands: Sequence[type[Command[Any]]]) -> None:
        self._commands = {command.word: command for command in commands}
        self._vocabulary = Vocabulary(commands, load_command_words())

    def parse(self, sent: str) -> ParsedCommand:
        """Parse what Slack hands over after `/flows`, with its escapes."""
        typed = TypedText(sent).without_quotes()
        first, rest = typed.split_first()
        if first.number is None:
            word = self._vocabulary.find(first.plain)
        else:
            # A bare number is a flow to show.
            word, rest = self._vocabulary.find(SHOW), typed
        if len(typed.text) > TEXT_MAX:
            return ParsedCommand(
                word.command if word else UNKNOWN, mistake=UserError("command.too_long", most=TEXT_MAX)
            )
        return self._suggest(first, rest) if word is None else self._parse_arguments(word, rest)

    def complete(self, suggestion: Suggestion, language: str) -> str:
        """Return the command that was probably meant, as Slack would send it; the help where nothing is near.

        Its word is one of the language, unless what follows it means something else there.
        """
        if suggestion.near is None:
            return self._vocabulary.translate(HELP, language).text
        near, own = suggestion.near, self._vocabulary.translate(suggestion.near.command, language)
        means, would_mean = (self._parse_arguments(word, suggestion.rest).arguments for word in (near, own))
        word = own if would_mean == means else near
        return f"{word.text} {suggestion.rest.sent}".rstrip()

    def _parse_arguments(self, word: TypedWord, rest: TypedText) -> ParsedCommand:
        try:
            return ParsedCommand(word.command, self._commands[word.command].parse(rest, word))
        except UserError as error:
            return ParsedCommand(word.command, mistake=error)

    def _suggest(self, first: TypedText, rest: TypedText) -> ParsedCommand:
        second, others = rest.split_first()
        near = self._vocabulary.find_synonym(f"{first.plain} {second.plain}")
        if near is None:
            near, others = self._vocabulary.find_near(first.plain), rest
        return ParsedCommand(UNKNOWN, suggestion=Suggestion(first.text, near, others))


def parse_flow_id(typed: TypedText, word: TypedWord) -> FlowId:
    """Return a flow's id, typed with or without a number sign.

    Raises:
        UserError: the id is missing, not a number, or followed by something else.
    """
    if (number := typed.number) is not None and number < FLOW_ID_END:
        return FlowId(number)
    key = "command.bad_id" if typed.text else "command.needs_id"
    raise UserError(key, verb=word.text, given=shorten(typed.text, 80))
