"""`/flows disable`."""

from flowbot.domain.change import ChangeKind
from flowbot.slack.listeners.commands.change_command import ChangeCommand
from flowbot.slack.payloads.action_ids import ActionId


class DisableCommand(ChangeCommand):
    """Requests to disable a flow."""

    word = "disable"
    synonyms = ("pause", "deactivate", "off")
    usage = "ID [at WHEN] [REASON…]"
    kind = ChangeKind.DISABLE
    action = ActionId.FLOW_DISABLE
