"""`/flows create`."""

from flowbot.domain.fields import FormKind
from flowbot.slack.listeners.commands.command import TypedWord
from flowbot.slack.listeners.commands.form_command import FormCommand


class CreateCommand(FormCommand):
    """Opens the form of a new flow."""

    word = "create"
    synonyms = ("new", "add", "make")
    kind = FormKind.CREATE

    @staticmethod
    def parse(text: str, word: TypedWord) -> None:
        return None
