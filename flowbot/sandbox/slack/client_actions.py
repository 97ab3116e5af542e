"""What a person can do in the client: type, press, fill in, submit, close, upload."""

import time
from dataclasses import dataclass

from flowbot.sandbox.slack.blocks import STATEFUL, PlacedElement, Values, build_state_values, find_element
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery import payloads
from flowbot.sandbox.slack.delivery.dispatcher import Dispatcher
from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope, EnvelopeKind
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.form_checks import find_form_errors
from flowbot.sandbox.slack.models import Channel, Json, Message, Person, StoredFile, View
from flowbot.sandbox.slack.mrkdwn import escape_command_text
from flowbot.sandbox.slack.response_urls import show_command_reply
from flowbot.sandbox.slack.serializers import serialize_file
from flowbot.sandbox.slack.view_responses import SubmissionResult, apply_view_response
from flowbot.sandbox.slack.workspace import generate_id

_SENTENCES = {
    "operation_timeout": "The app did not answer in time.",
    "dispatch_failed": "The app answered with an error.",
    "app_offline": "The app is not connected.",
    "invalid_command_response": "The app answered with something that Slack does not take.",
    "not_found": "That is not there any more.",
    "not_in_channel": "You are not in this channel.",
    "user_not_found": "There is no such person.",
}


class ClientError(Exception):
    """The client shows an error instead of a result, such as `operation_timeout`.

    Args:
        code: Slack's word for it.
        delivery: The delivery that failed, if it came that far.
    """

    def __init__(self, code: str, delivery: Delivery | None = None) -> None:
        self.code = code
        self.delivery = delivery
        self.message = _SENTENCES.get(code, code)
        super().__init__(f"{code}: {self.message}")


@dataclass(frozen=True)
class Container:
    """Where an element stands: a message or a view."""

    message: Message | None = None
    view: View | None = None

    @property
    def blocks(self) -> list[Json]:
        """The blocks of the message or view."""
        holder = self.message or self.view
        return (holder.blocks if holder else None) or []


class ClientActions:
    """Acts for people and delivers what follows from it to the bot.

    Attributes:
        commands: The slash commands that the app has registered.
    """

    def __init__(self, context: Context, dispatcher: Dispatcher) -> None:
        self._context = context
        self._dispatcher = dispatcher
        self.commands = {"/flows"}

    async def send(self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None) -> bool:
        """Type a line: a registered slash command goes to the bot, anything else is a message.

        Returns:
            Whether it was a command.

        Raises:
            ClientError: The bot did not acknowledge the command.
        """
        person, channel = self._present(user_id, channel_id)
        command, _, rest = text.strip().partition(" ")
        if command in self.commands and thread_ts is None:
            await self._command(person, channel, command, rest.strip())
            return True
        shown = escape_command_text(self._context.workspace, text)
        ts = self._context.workspace.next_ts()
        self._context.mutations.post_message(Message(ts, channel_id, user_id, shown, thread_ts=thread_ts))
        return False

    def _present(self, user_id: str, channel_id: str) -> tuple[Person, Channel]:
        person = self._context.workspace.people.get(user_id)
        channel = self._context.workspace.channels.get(channel_id)
        if person is None:
            raise ClientError("user_not_found")
        if channel is None or user_id not in channel.members:
            raise ClientError("not_in_channel")
        return person, channel

    async def _command(self, person: Person, channel: Channel, command: str, rest: str) -> None:
        text = escape_command_text(self._context.workspace, rest)
        form = payloads.build_command(self._context, person, channel, command, text)
        delivery = await self._deliver("slash_commands", f"{command} {rest}".strip(), form)
        try:
            show_command_reply(self._context, delivery, channel.id, person.id)
        except SlackError as refusal:
            delivery.refusal = refusal
            raise ClientError("invalid_command_response", delivery) from refusal

    async def _deliver(self, kind: EnvelopeKind, what: str, payload: Json) -> Delivery:
        delivery = await self._dispatcher.deliver(Envelope(kind, what, payload))
        if delivery.error:
            raise ClientError(delivery.error, delivery)
        return delivery

    def find_container(self, user_id: str, shape: Json) -> Container:
        """Find the message or view that this person has before them.

        Args:
            user_id: Who looks.
            shape: `{"type": "message", "channel", "ts"}`, `{"type": "view", "view_id"}` or `{"type": "home"}`.

        Raises:
            ClientError: `not_found` if they do not see it.
        """
        workspace = self._context.workspace
        if shape.get("type") == "message":
            message = workspace.find_message(str(shape.get("channel")), str(shape.get("ts")))
            found = Container(message=message if message and user_id in workspace.list_audience(message) else None)
        elif shape.get("type") == "home":
            found = Container(view=workspace.homes.get(user_id))
        else:
            view = workspace.find_view(str(shape.get("view_id")))
            found = Container(view=view if view and view.owner == user_id else None)
        if found.message is None and found.view is None:
            raise ClientError("not_found")
        return found

    async def trigger_action(
        self, user_id: str, where: Container, ids: tuple[str, str], given: Json, state: Values | None = None
    ) -> Delivery:
        """Press a button or choose in an element.

        Args:
            user_id: Who acts.
            where: The message or view.
            ids: The block's and the element's id.
            given: The chosen value's part of the payload, such as `selected_option`.
            state: What is typed into the surrounding fields, if anything.

        Raises:
            ClientError: The element is gone, or the bot did not acknowledge.
        """
        placed = find_element(where.blocks, *ids)
        if placed is None:
            raise ClientError("not_found")
        values = self._remember(where, placed, given, state or {})
        person = self._context.workspace.get_person(user_id)
        action = _action(placed, given)
        if where.message is not None:
            payload = payloads.build_message_action(self._context, person, where.message, action, values)
        else:
            assert where.view is not None  # noqa: S101 - a container holds one of the two
            payload = payloads.build_view_action(self._context, person, where.view, action)
        return await self._deliver("interactive", f"block_actions {placed.action_id}", payload)

    def _remember(self, where: Container, placed: PlacedElement, given: Json, state: Values) -> Values:
        merged = {**(where.view.values if where.view else {})}
        for block_id, entries in state.items():
            merged[block_id] = {**merged.get(block_id, {}), **entries}
        if placed.element["type"] in STATEFUL:
            entry = {"type": placed.element["type"], **given}
            merged[placed.block_id] = {**merged.get(placed.block_id, {}), placed.action_id: entry}
        values = build_state_values(where.blocks, merged)
        if where.view is not None:
            where.view.values = values
        return values

    async def load_options(self, user_id: str, where: Container, ids: tuple[str, str], value: str) -> Json:
        """Type into an external select and return the bot's `options` or `option_groups`."""
        person = self._context.workspace.get_person(user_id)
        named = {"block_id": ids[0], "action_id": ids[1]}
        payload = payloads.build_block_suggestion(self._context, person, named, value, self._surroundings(where))
        delivery = await self._deliver("interactive", f"block_suggestion {ids[1]}", payload)
        answer = delivery.json()
        return answer if isinstance(answer, dict) else {"options": []}

    def _surroundings(self, where: Container) -> Json:
        if where.view is not None:
            shown = self._context.mutations.serialize_view(where.view)
            return {"container": {"type": "view", "view_id": where.view.id}, "view": shown}
        assert where.message is not None  # noqa: S101 - a container holds one of the two
        channel = self._context.workspace.channels[where.message.channel]
        container = {"type": "message", "message_ts": where.message.ts, "channel_id": channel.id}
        return {"container": container, "channel": {"id": channel.id, "name": payloads.redact_channel_name(channel)}}

    async def submit_view(self, user_id: str, view_id: str, values: Values) -> SubmissionResult:
        """Submit the topmost form; the client itself holds back empty required fields and the like.

        Raises:
            ClientError: The form is gone, or the bot did not acknowledge.
        """
        view = self._own_view(user_id, view_id)
        view.values = build_state_values(view.blocks, {**view.values, **values})
        self._look_up_files(view)
        wrong = find_form_errors(view)
        if wrong:
            return SubmissionResult("errors", wrong, delivered=False)
        payload = payloads.build_view_submission(self._context, self._context.workspace.get_person(user_id), view)
        what = f"view_submission {view.callback_id}"
        delivery = await self._deliver("interactive", what, payload)
        return apply_view_response(self._context, view, delivery)

    def _look_up_files(self, view: View) -> None:
        """Put Slack's own shape of each chosen file into the state; unknown files are left out."""
        workspace = self._context.workspace
        for entries in view.values.values():
            for entry in entries.values():
                if entry["type"] == "file_input":
                    ids = [f.get("id") if isinstance(f, dict) else f for f in entry.get("files") or []]
                    stored = [workspace.files[i] for i in ids if i in workspace.files]
                    entry["files"] = [serialize_file(s, self._context.origin, workspace.team.id) for s in stored]

    def _own_view(self, user_id: str, view_id: str) -> View:
        view = self._context.workspace.find_view(view_id)
        if view is None or view.owner != user_id:
            raise ClientError("not_found")
        return view

    async def close_view(self, user_id: str, view_id: str, *, clear: bool = False) -> None:
        """Close a modal (`clear`: the whole stack); the bot hears of it where it asked to."""
        view = self._own_view(user_id, view_id)
        stack = list(self._context.workspace.modals[user_id])
        everything = clear or view.clear_on_close
        closed = stack if everything else stack[-1:]
        if everything:
            self._context.mutations.close_all_views(user_id)
        else:
            self._context.mutations.close_top_view(user_id)
        for gone in reversed([v for v in closed if v.notify_on_close]):
            person = self._context.workspace.get_person(user_id)
            payload = payloads.build_view_closed(self._context, person, gone, cleared=everything)
            await self._dispatcher.deliver(Envelope("interactive", f"view_closed {gone.callback_id}", payload))

    def open_home(self, user_id: str) -> View | None:
        """Open the App Home and return what was published last; the bot gets an event."""
        person = self._context.workspace.get_person(user_id)
        channel = self._context.workspace.open_direct_message(user_id)
        home = self._context.workspace.homes.get(user_id)
        payload = payloads.build_home_opened(self._context, person, channel, home)
        self._dispatcher.deliver_event(Envelope("events_api", "app_home_opened", payload))
        return home

    def upload_file(self, user_id: str, name: str, mimetype: str, content: bytes) -> StoredFile:
        """Choose a file in a form's file field; it is stored at once, as in Slack."""
        self._context.workspace.get_person(user_id)
        now = self._context.clock.now()
        stored = StoredFile(generate_id("F"), name, mimetype, content, user_id, now)
        self._context.workspace.files[stored.id] = stored
        return stored


def _action(placed: PlacedElement, given: Json) -> Json:
    element = placed.element
    kept = ("type", "text", "value", "url", "style", "placeholder", "confirm", "accessibility_label")
    named = {"action_id": placed.action_id, "block_id": placed.block_id}
    initial = {key: value for key, value in element.items() if key.startswith("initial_")}
    shown = {key: element[key] for key in kept if key in element}
    return {**named, **shown, **initial, **given, "action_ts": f"{time.time():.6f}"}
