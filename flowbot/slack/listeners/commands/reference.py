"""A reference of the commands in one language, for the demo's guide and the README."""

from dataclasses import dataclass
from typing import Final

from flowbot.i18n.command_words import CommandWords, load_command_words
from flowbot.i18n.translator import Translator
from flowbot.slack.listeners.commands.catalog import COMMANDS
from flowbot.slack.listeners.commands.words import HELP

EXAMPLE_ID: Final = "12"
"""The flow of the examples in the help."""


@dataclass(frozen=True, slots=True)
class CommandDescription:
    """A command in one language: its word, what follows it, and what it does."""

    word: str
    usage: str
    purpose: str


def describe_commands(t: Translator) -> tuple[CommandDescription, ...]:
    """Describe all commands in the translator's language, in English words where it has none of its own."""
    words = load_command_words().get(t.language)
    descriptions = []
    for command in COMMANDS:
        english = CommandWords(word=command.word, usage=command.usage)
        own = words.commands.get(command.word, english) if words else english
        # Keys: usage.list, usage.show, and so on for each command
        _, _, purpose = t(f"usage.{command.word}").split("\n")[0].partition(" — ")
        if command.word == HELP:
            # In the help it says "this page".
            summary = t("help.summary")
            purpose = summary[0].lower() + summary[1:]
        if own.usage:
            # The help has an example, the reference a placeholder.
            purpose = purpose.replace(EXAMPLE_ID, own.usage.split(maxsplit=1)[0])
        descriptions.append(CommandDescription(own.word, own.usage, purpose))
    return tuple(descriptions)
