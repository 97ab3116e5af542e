"""`/flows enable`."""

from flowbot.domain.change import ChangeKind
from flowbot.slack.listeners.commands.change_command import ChangeCommand


class EnableCommand(ChangeCommand):
    """Requests to enable a flow."""

    word = "enable"
    synonyms = ("start", "activate", "on", "resume")
    kind = ChangeKind.ENABLE
