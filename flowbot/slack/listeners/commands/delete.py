"""`/flows delete`."""

from flowbot.domain.change import ChangeKind
from flowbot.slack.listeners.commands.change_command import ChangeCommand
from flowbot.slack.payloads.action_ids import ActionId


class DeleteCommand(ChangeCommand):
    """Requests to delete a flow."""

    word = "delete"
    synonyms = ("remove",)
    usage = "ID [REASON…]"
    kind = ChangeKind.DELETE
    action = ActionId.FLOW_DELETE
