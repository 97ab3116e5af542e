"""`/flows duplicate`."""

from flowbot.domain.fields import FormKind
from flowbot.slack.listeners.commands.form_command import FormCommand


class DuplicateCommand(FormCommand):
    """Opens the form of a new flow, filled like another one."""

    word = "duplicate"
    synonyms = ("copy", "clone")
    usage = "ID"
    kind = FormKind.DUPLICATE
