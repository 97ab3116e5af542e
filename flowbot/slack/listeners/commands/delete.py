"""`/flows delete`."""

from flowbot.domain.change import ChangeKind
from flowbot.slack.listeners.commands.change_command import ChangeCommand


class DeleteCommand(ChangeCommand):
    """Requests to delete a flow."""

    word = "delete"
    synonyms = ("remove",)
    kind = ChangeKind.DELETE
