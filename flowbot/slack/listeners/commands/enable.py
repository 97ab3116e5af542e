"""`/flows enable`."""

from flowbot.domain.change import ChangeKind
from flowbot.slack.listeners.commands.change_command import ChangeCommand
from flowbot.slack.payloads.action_ids import ActionId


class EnableCommand(ChangeCommand):
    """Requests to enable a flow."""

    word = "enable"
    synonyms = ("start", "activate", "on", "resume")
    usage = "ID [at WHEN] [until WHEN] [REASON…]"
    kind = ChangeKind.ENABLE
    action = ActionId.FLOW_ENABLE
