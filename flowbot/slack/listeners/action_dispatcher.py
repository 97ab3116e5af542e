"""The dispatcher of buttons in messages and on the Home tab."""

from collections.abc import Mapping

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import FormKind
from flowbot.errors import UserError
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.listeners.flow_actions import FlowActions
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.request_actions import ActionHandler, RequestActions
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import Interaction, Reply, Runner


class ActionDispatcher:
    """Finds the handler of a button. Every press is authorized afresh, and answered."""

    def __init__(self, runner: Runner, flows: FlowActions, requests: RequestActions, home: HomeTab) -> None:
        self._runner = runner
        self._home = home
        changing: Mapping[str, ActionHandler] = {
            ActionId.LIST_SHARE: flows.share_list,
            ActionId.SHOW_SHARE: flows.share_flow,
            ActionId.FLOW_ENABLE: requests.change_handler(ChangeKind.ENABLE),
            ActionId.FLOW_DISABLE: requests.change_handler(ChangeKind.DISABLE),
            ActionId.FLOW_DELETE: requests.change_handler(ChangeKind.DELETE),
            ActionId.APPROVE: requests.with_message_location(requests.approve),
            ActionId.REJECT: requests.with_message_location(requests.ask_rejection_reason),
            ActionId.WITHDRAW: requests.with_message_location(requests.withdraw),
            ActionId.BREAK_GLASS: requests.with_message_location(requests.ask_skip_reason),
            ActionId.CHECK_AGAIN: requests.recheck,
            ActionId.ASK_AGAIN: requests.resubmit,
            ActionId.RESTORE: requests.restore,
        }
        self._once = frozenset(changing)
        self._handlers: Mapping[str, ActionHandler] = {
            ActionId.LIST_PREVIOUS: flows.turn_page,
            ActionId.LIST_NEXT: flows.turn_page,
            ActionId.SHOW: flows.show_flow,
            ActionId.FLOW_EDIT: flows.form_handler(FormKind.EDIT),
            ActionId.FLOW_DUPLICATE: flows.form_handler(FormKind.DUPLICATE),
            ActionId.FORM_OPEN: flows.reopen_form,
            ActionId.CHANGE_OPEN: flows.follow_link,
            **changing,
        }

    def dispatch(self, press: BlockActions) -> None:
        """Start the button's handler; its answer follows on its own. What changes something is handled once."""

        async def handle(interaction: Interaction) -> Reply:
            handler = self._handlers.get(press.action.action_id)
            if handler is None:
                raise UserError("action.unknown")
            return await handler(interaction, press)

        target = ReplyTarget(press.channel.id if press.channel else None, press.user.id, press.response_url)
        handler = self._home.refresh_after(handle, seen=press.view_hash)
        once = press.delivery_key if press.action.action_id in self._once else None
        self._runner.start("action", request_label(press), press.caller, target, handler, once=once)
