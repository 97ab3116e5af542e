"""`/flows edit`."""

from flowbot.domain.fields import FormKind
from flowbot.slack.listeners.commands.form_command import FormCommand


class EditCommand(FormCommand):
    """Opens the form of a flow."""

    word = "edit"
    synonyms = ("change", "update")
    usage = "ID"
    kind = FormKind.EDIT
