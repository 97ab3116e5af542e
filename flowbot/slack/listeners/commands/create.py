"""`/flows create`."""

from flowbot.domain.fields import FormKind
from flowbot.slack.listeners.commands.command import TypedWord
from flowbot.slack.listeners.commands.form_command import FormCommand
from flowbot.slack.listeners.commands.typed_text import TypedText


class CreateCommand(FormCommand):
    """Opens the form of a new flow."""

    word = "create"
    synonyms = ("new", "add", "make")
    kind = FormKind.CREATE

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> None:
        return None
