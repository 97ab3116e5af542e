"""Changes of messages and views; each is published to the event feed."""

import secrets
from collections.abc import Callable

from flowbot.sandbox.slack.blocks import add_missing_ids, build_state_values
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.event_feed import EventFeed
from flowbot.sandbox.slack.headlines import find_headline_fault
from flowbot.sandbox.slack.models import Json, Message, View
from flowbot.sandbox.slack.readability import find_reading_faults
from flowbot.sandbox.slack.serializers import serialize_page_message, serialize_view
from flowbot.sandbox.slack.workspace import Workspace, generate_id

MAX_STACK = 3


class Mutations:
    """Posts, edits and deletes messages; opens, replaces and closes views.

    Attributes:
        reading_faults: What was wrong with the bot's messages and views, for those who read or hear them.
    """

    def __init__(self, workspace: Workspace, feed: EventFeed, origin: Callable[[], str]) -> None:
        self._workspace = workspace
        self._feed = feed
        self._origin = origin
        self.reading_faults: list[str] = []

    def post_message(self, message: Message) -> Message:
        """Add a message; give ids to blocks without them, as Slack does."""
        message.blocks = add_missing_ids(message.blocks)
        self._workspace.messages[message.channel].append(message)
        self._check_reading(message)
        self._publish_message("message", message)
        parent = self._workspace.find_message(message.channel, message.thread_ts or "")
        if parent is not None and parent is not message and not message.is_ephemeral:
            parent.reply_count += 1
            self._publish_message("message_changed", parent)
        return message

    def edit_message(self, message: Message, text: str, blocks: list[Json] | None) -> None:
        """Replace a message's text and blocks in place."""
        message.text, message.blocks = text, add_missing_ids(blocks)
        message.edited_ts = self._workspace.next_ts()
        self._check_reading(message)
        self._publish_message("message_changed", message)

    def delete_message(self, message: Message) -> None:
        """Delete a message."""
        self._workspace.messages[message.channel].remove(message)
        event = {"type": "message_deleted", "channel": message.channel, "ts": message.ts}
        self._feed.publish(self._workspace.list_audience(message), event)

    def _check_reading(self, message: Message) -> None:
        if message.bot_id is None:
            return
        if (fault := find_headline_fault(message, self._workspace)) is not None:
            self.reading_faults.append(fault)
        self.reading_faults += find_reading_faults(message.blocks or [])

    def _publish_message(self, kind: str, message: Message) -> None:
        event = {"type": kind, "message": serialize_page_message(message, self._origin())}
        self._feed.publish(self._workspace.list_audience(message), event)

    def open_view(self, view: View) -> View:
        """Put a modal on top of this person's stack; raises `push_limit_reached` above three."""
        stack = self._workspace.modals[view.owner]
        if len(stack) >= MAX_STACK:
            raise SlackError("push_limit_reached")
        view.previous_view_id = stack[-1].id if stack else None
        view.root_view_id = stack[0].root_view_id if stack else view.id
        self._prepare(view)
        stack.append(view)
        self._publish_top_view(view.owner)
        return view

    def replace_view(self, old: View, new: View) -> View:
        """Replace a modal in its place; fields that keep both ids keep their values."""
        new.id, new.root_view_id, new.previous_view_id = old.id, old.root_view_id, old.previous_view_id
        self._prepare(new, old)
        stack = self._workspace.modals[old.owner]
        stack[stack.index(old)] = new
        self._publish_top_view(old.owner)
        return new

    def publish_home(self, view: View) -> View:
        """Publish a person's App Home."""
        old = self._workspace.homes.get(view.owner)
        view.id = view.root_view_id = old.id if old else view.id
        self._prepare(view)
        self._workspace.homes[view.owner] = view
        self._feed.publish(frozenset({view.owner}), {"type": "home", "view": self.serialize_view(view)})
        return view

    def close_top_view(self, user_id: str) -> None:
        """Close the topmost modal."""
        self._workspace.modals[user_id].pop()
        self._publish_closed_view(user_id)

    def close_all_views(self, user_id: str) -> None:
        """Close the whole stack of modals."""
        self._workspace.modals[user_id].clear()
        self._publish_closed_view(user_id)

    def serialize_view(self, view: View) -> Json:
        """Return a view as Slack's JSON."""
        return serialize_view(self._workspace, view)

    def _prepare(self, view: View, old: View | None = None) -> None:
        view.blocks = add_missing_ids(view.blocks) or []
        self.reading_faults += find_reading_faults(view.blocks)
        view.values = build_state_values(view.blocks, old.values if old else {})

    def _publish_top_view(self, user_id: str) -> None:
        stack = self._workspace.modals[user_id]
        event = {"type": "view", "view": self.serialize_view(stack[-1]), "stack_depth": len(stack)}
        self._feed.publish(frozenset({user_id}), event)

    def _publish_closed_view(self, user_id: str) -> None:
        depth = len(self._workspace.modals[user_id])
        self._feed.publish(frozenset({user_id}), {"type": "view_closed", "stack_depth": depth})
        if depth:
            self._publish_top_view(user_id)


def build_view(owner: str, definition: Json) -> View:
    """Return a view as the bot defined it, with fresh ids."""
    return View(
        id=generate_id("V"),
        owner=owner,
        type=definition["type"],
        blocks=definition["blocks"],
        hash=generate_view_hash(),
        title=definition.get("title"),
        submit=definition.get("submit"),
        close=definition.get("close"),
        callback_id=definition.get("callback_id") or "",
        private_metadata=definition.get("private_metadata") or "",
        external_id=definition.get("external_id") or "",
        clear_on_close=bool(definition.get("clear_on_close")),
        notify_on_close=bool(definition.get("notify_on_close")),
    )


def generate_view_hash() -> str:
    """Return a view hash."""
    return f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}"
