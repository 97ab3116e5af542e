"""The parser of what follows `/flows`, and what several commands parse."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flowbot.domain.ids import FlowId
from flowbot.errors import UserError
from flowbot.i18n.command_words import load_command_words
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.words import Vocabulary
from flowbot.slack.payloads.incoming import UNKNOWN

TEXT_MAX: Final = 500
"""Characters of a command: more cannot be carried along by a button."""


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """What a person typed.

    Attributes:
        word: The command's English word, or `unknown`: one of a fixed set, whatever was typed.
        arguments: What the command made of the rest.
        mistake: Why it cannot be handled, if so.
    """

    word: str
    arguments: Any = None
    mistake: UserError | None = None


class CommandParser:
    """Parses commands in all languages."""

    def __init__(self, commands: Sequence[type[Command[Any]]]) -> None:
        self._commands = {command.word: command for command in commands}
        self._vocabulary = Vocabulary(commands, load_command_words())

    def parse(self, text: str) -> ParsedCommand:
        """Parse what Slack hands over after `/flows`, with its escapes."""
        typed = unescape(text).strip()
        first, rest = split_first_word(typed)
        word = self._vocabulary.find(first)
        if len(typed) > TEXT_MAX:
            return ParsedCommand(
                word.command if word else UNKNOWN, mistake=UserError("command.too_long", most=TEXT_MAX)
            )
        if word is None:
            return ParsedCommand(UNKNOWN, mistake=self._vocabulary.suggest(first))
        try:
            return ParsedCommand(word.command, self._commands[word.command].parse(rest, word))
        except UserError as error:
            return ParsedCommand(word.command, mistake=error)


def unescape(text: str) -> str:
    """Return the text as it was typed: Slack escapes `&`, `<`, `>`, and wraps links and mentions in `<…|label>`."""
    bare = re.sub(r"<([^<>|]*)(?:\|([^<>]*))?>", lambda found: found[2] or found[1], text)
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def split_first_word(text: str) -> tuple[str, str]:
    """Return the first word and the rest."""
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0] if rest else ""


def parse_flow_id(text: str, word: TypedWord) -> FlowId:
    """Return a flow's id, typed with or without a number sign.

    Raises:
        UserError: the id is missing, not a number, or followed by something else.
    """
    found = re.fullmatch(r"#?([0-9]{1,18})", text.strip(), re.ASCII)
    if found:
        return FlowId(int(found[1]))
    key = "command.bad_id" if text.strip() else "command.needs_id"
    raise UserError(key, verb=word.text, given=text.strip()[:80])
