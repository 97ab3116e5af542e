"""`/flows disable`."""

from flowbot.domain.change import ChangeKind
from flowbot.slack.listeners.commands.change_command import ChangeCommand


class DisableCommand(ChangeCommand):
    """Requests to disable a flow."""

    word = "disable"
    synonyms = ("stop", "pause", "deactivate", "off")
    kind = ChangeKind.DISABLE
