"""The shape of a command."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from flowbot.domain.policy import Permission
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply

A = TypeVar("A")
"""The arguments of a command, as it parses and handles them."""


@dataclass(frozen=True, slots=True)
class TypedWord:
    """A command's word as a person typed it.

    Attributes:
        command: The command's English word.
        text: The word as it is written, with its accents.
        languages: The languages that it is a word of.
    """

    command: str
    text: str
    languages: tuple[str, ...]


class Command(ABC, Generic[A]):
    """A command after `/flows`. Its words in other languages stand in their `commands.toml`.

    Attributes:
        word: The English word.
        synonyms: English words that people try before they know this one.
        usage: What follows the word.
        permission: Who finds it in the help; None for everybody.
        is_handled_once: Whether a second delivery of the same request is refused, since the command changes something.
    """

    word: ClassVar[str]
    synonyms: ClassVar[tuple[str, ...]] = ()
    usage: ClassVar[str] = ""
    permission: ClassVar[Permission | None]
    is_handled_once: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def parse(typed: TypedText, word: TypedWord) -> A:
        """Return the arguments.

        Args:
            typed: what follows the word.
            word: the word, for an example in the language in which it was typed.

        Raises:
            UserError: the text cannot be understood; says what was expected.
        """

    @abstractmethod
    async def handle(self, interaction: Interaction, arguments: A, trigger: str) -> Reply:
        """Do what the command says, and return the answer.

        Args:
            interaction: who asks, where, and in which language to answer.
            arguments: what `parse` returned.
            trigger: what opens a form, for a few seconds; empty after a mention: then a button opens it.

        Raises:
            UserError: not allowed, or not possible.
            DependencyError: something outside did not answer.
        """
