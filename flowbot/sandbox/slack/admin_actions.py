"""Actions of a workspace's admins that the bot hears of: channels are shared or get another id, the app is removed."""

import time

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery import payloads
from flowbot.sandbox.slack.delivery.dispatcher import Dispatcher
from flowbot.sandbox.slack.delivery.envelope import Envelope
from flowbot.sandbox.slack.models import Json


class AdminActions:
    """What admins do to the workspace and the app."""

    def __init__(self, context: Context, dispatcher: Dispatcher) -> None:
        self._context = context
        self._workspace = context.workspace
        self._dispatcher = dispatcher

    def change_channel_id(self, old: str, new: str) -> None:
        """Give a channel another id, as Slack does where it becomes shared; its messages keep their timestamps."""
        channel = self._workspace.channels.pop(old)
        channel.id = new
        self._workspace.channels[new] = channel
        self._workspace.messages[new] = self._workspace.messages.pop(old, [])
        for message in self._workspace.messages[new]:
            message.channel = new
        self._send({"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new})

    def share_channel(self, channel_id: str, *person_ids: str, is_told: bool = True) -> None:
        """Share a channel with another company, some of whose people join it; `is_told`: the event is sent."""
        channel = self._workspace.channels[channel_id]
        channel.is_shared = True
        channel.members.extend(person_ids)
        if is_told:
            team = self._workspace.get_person(person_ids[0]).team.id if person_ids else "T0OTHER"
            self._send({"type": "channel_shared", "connected_team_id": team, "channel": channel_id})

    def uninstall_app(self) -> None:
        """Remove the app from the workspace, which revokes its tokens: two events, in no certain order."""
        self._send({"type": "app_uninstalled"})
        self.revoke_bot_token("account_inactive")

    def revoke_bot_token(self, refusal: str = "token_revoked") -> None:
        """Refuse the bot token from now on, with this error."""
        self._context.token_refusal = refusal
        self._send({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self._workspace.bot.id]}})

    def revoke_user_token(self, user_id: str) -> None:
        """Revoke the app's token of one person, which leaves the bot's as it is."""
        self._send({"type": "tokens_revoked", "tokens": {"oauth": [user_id], "bot": []}})

    def _send(self, event: Json) -> None:
        payload = payloads.build_event_callback(self._context, {**event, "event_ts": f"{time.time():.6f}"})
        self._dispatcher.deliver_event(Envelope("events_api", event["type"], payload))
