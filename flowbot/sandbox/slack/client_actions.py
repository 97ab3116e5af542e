"""Actions of a person in the Slack client: type, press, fill in, submit, close, upload."""

from flowbot.sandbox.slack.blocks import STATEFUL, Values, build_state_values, find_element
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
from flowbot.sandbox.slack.workflows import EVENT, StepRun
from flowbot.sandbox.slack.workspace import generate_id

MENTION_SCOPE = "app_mentions:read"
_SENTENCES = {
    "operation_timeout": "The app did not answer in time.",
    "dispatch_failed": "The app answered with an error.",
    "app_offline": "The app is not connected.",
    "invalid_command_response": "The app answered with something that Slack does not take.",
    "not_found": "That is not there any more.",
    "not_in_channel": "You are not in this channel.",
    "user_not_found": "There is no such person.",
    "cant_update_message": "You can edit your own messages only.",
}


class ClientError(Exception):
    """An error that the client shows instead of a result, such as `operation_timeout`.

    Args:
        code: Slack's error code.
        delivery: The delivery that failed, if there was one.
    """

    def __init__(self, code: str, delivery: Delivery | None = None) -> None:
        self.code = code
        self.delivery = delivery
        self.message = _SENTENCES.get(code, code)
        super().__init__(f"{code}: {self.message}")


class ClientActions:
    """The Slack client of everybody: acts for people and delivers to the bot.

    Attributes:
        commands: The slash commands that the app has registered.
    """

    def __init__(self, context: Context, dispatcher: Dispatcher) -> None:
        self._context = context
        self._workspace = context.workspace
        self._dispatcher = dispatcher
        self.commands = {"/flows"}

    async def send(self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None) -> bool:
        """Send a line: a registered slash command to the bot, anything else as a message.

        Returns:
            True if it was a command.

        Raises:
            ClientError: The person is not in the channel, or the bot did not acknowledge the command.
        """
        person, channel = self._workspace.people.get(user_id), self._workspace.channels.get(channel_id)
        if person is None:
            raise ClientError("user_not_found")
        if channel is None or user_id not in channel.members:
            raise ClientError("not_in_channel")
        command, _, rest = text.strip().partition(" ")
        if command in self.commands and thread_ts is None:
            await self._send_command(person, channel, command, rest.strip())
            return True
        escaped = escape_command_text(self._workspace, text)
        message = Message(self._workspace.next_ts(), channel_id, user_id, escaped, thread_ts=thread_ts)
        self._context.mutations.post_message(message)
        self._deliver_mention(message)
        return False

    async def edit_message(self, user_id: str, message: Message, text: str) -> None:
        """Edit a person's own message; where it mentions the bot, Slack sends that event again."""
        if message.user != user_id:
            raise ClientError("cant_update_message")
        self._context.mutations.edit_message(message, escape_command_text(self._workspace, text), None)
        self._deliver_mention(message)

    def _deliver_mention(self, message: Message) -> None:
        """Send the event of a message that mentions the bot, where it is in the channel and may hear of it."""
        bot, channel = self._workspace.bot, self._workspace.channels[message.channel]
        is_mentioned = any(f"<@{bot.id}{end}" in message.text for end in "|>")
        if is_mentioned and bot.id in channel.members and not channel.is_im and MENTION_SCOPE in self._context.scopes:
            payload = payloads.build_app_mention(self._context, self._workspace.get_person(message.user), message)
            self._dispatcher.deliver_event(Envelope("events_api", "app_mention", payload))

    async def _send_command(self, person: Person, channel: Channel, command: str, rest: str) -> None:
        text = escape_command_text(self._workspace, rest)
        form = payloads.build_command(self._context, person, channel, command, text)
        delivery = await self._deliver("slash_commands", f"{command} {rest}".strip(), form)
        try:
            show_command_reply(self._context, delivery, channel.id, person.id)
        except SlackError as refusal:
            delivery.refusal = refusal
            raise ClientError("invalid_command_response", delivery) from refusal

    async def _deliver(self, kind: EnvelopeKind, label: str, payload: Json) -> Delivery:
        delivery = await self._dispatcher.deliver(Envelope(kind, label, payload))
        if delivery.error:
            raise ClientError(delivery.error, delivery)
        return delivery

    def find_container(self, user_id: str, reference: Json) -> Message | View:
        """Return the message or view that this person has before them.

        Args:
            user_id: Whose screen it is.
            reference: `{"type": "message", "channel", "ts"}`, `{"type": "view", "view_id"}` or `{"type": "home"}`.

        Raises:
            ClientError: `not_found` if they do not see it.
        """
        if reference.get("type") == "message":
            message = self._workspace.find_message(str(reference.get("channel")), str(reference.get("ts")))
            if message is not None and user_id in self._workspace.list_audience(message):
                return message
        elif reference.get("type") == "home":
            if user_id in self._workspace.homes:
                return self._workspace.homes[user_id]
        else:
            return self._find_own_view(user_id, str(reference.get("view_id")))
        raise ClientError("not_found")

    def _find_own_view(self, user_id: str, view_id: str) -> View:
        view = self._workspace.find_view(view_id)
        if view is None or view.owner != user_id:
            raise ClientError("not_found")
        return view

    async def trigger_action(
        self, user_id: str, container: Message | View, ids: tuple[str, str], chosen: Json, state: Values | None = None
    ) -> Delivery:
        """Press a button or choose in an element.

        Args:
            user_id: The person who acts.
            container: The message or view.
            ids: The block's and the element's id.
            chosen: The chosen value's part of the payload, such as `selected_option`.
            state: The values of the surrounding fields, if there are any.

        Raises:
            ClientError: The element is gone, or the bot did not acknowledge.
        """
        placed = find_element(container.blocks, *ids)
        if placed is None:
            raise ClientError("not_found")
        person = self._workspace.get_person(user_id)
        values = dict(container.values) if isinstance(container, View) else {}
        for block_id, entries in (state or {}).items():
            values[block_id] = {**values.get(block_id, {}), **entries}
        if placed.element["type"] in STATEFUL:
            entry = {"type": placed.element["type"], **chosen}
            values[placed.block_id] = {**values.get(placed.block_id, {}), placed.action_id: entry}
        values = build_state_values(container.blocks or [], values)
        action = payloads.build_action(placed, chosen)
        if isinstance(container, Message):
            payload = payloads.build_message_action(self._context, person, container, action, values)
        else:
            container.values = values
            payload = payloads.build_view_action(self._context, person, container, action)
        return await self._deliver("interactive", f"block_actions {placed.action_id}", payload)

    async def run_shortcut(self, user_id: str, callback_id: str, message: Message | None = None) -> Delivery:
        """Choose a shortcut from the client's menu, or from a message's.

        Raises:
            ClientError: The message has no menu, since one person alone sees it, or the bot did not acknowledge.
        """
        if message is not None and message.is_ephemeral:
            raise ClientError("not_found")
        payload = payloads.build_shortcut(self._context, self._workspace.get_person(user_id), callback_id, message)
        return await self._deliver("interactive", f"{payload['type']} {callback_id}", payload)

    def run_step(self, callback_id: str, inputs: Json) -> StepRun:
        """Let a workflow run a step of the app's: its event is on the way.

        Raises:
            ClientError: The app has no such step.
        """
        try:
            run = self._context.workflows.begin(callback_id, inputs)
        except SlackError as refusal:
            raise ClientError(refusal.code) from refusal
        payload = payloads.build_function_executed(self._context, run)
        self._dispatcher.deliver_event(Envelope("events_api", f"{EVENT} {callback_id}", payload))
        return run

    async def load_options(self, user_id: str, container: Message | View, ids: tuple[str, str], typed: str) -> Json:
        """Type into an external select and return the bot's `options` or `option_groups`."""
        person = self._workspace.get_person(user_id)
        payload = payloads.build_block_suggestion(self._context, person, container, ids, typed)
        delivery = await self._deliver("interactive", f"block_suggestion {ids[1]}", payload)
        response = delivery.json()
        return response if isinstance(response, dict) else {"options": []}

    async def submit_view(self, user_id: str, view_id: str, values: Values) -> SubmissionResult:
        """Submit the topmost form, unless the client itself finds errors in it, such as empty required fields.

        Raises:
            ClientError: The form is gone, or the bot did not acknowledge.
        """
        view = self._find_own_view(user_id, view_id)
        view.values = build_state_values(view.blocks, {**view.values, **values})
        for entry in (entry for block in view.values.values() for entry in block.values()):
            if entry["type"] == "file_input":
                ids = [f.get("id") if isinstance(f, dict) else f for f in entry.get("files") or []]
                stored = [self._workspace.files[i] for i in ids if i in self._workspace.files]
                entry["files"] = [serialize_file(s, self._context.origin, self._workspace.team.id) for s in stored]
        errors = find_form_errors(view)
        if errors:
            return SubmissionResult("errors", errors, delivered=False)
        payload = payloads.build_view_submission(self._context, self._workspace.get_person(user_id), view)
        delivery = await self._deliver("interactive", f"view_submission {view.callback_id}", payload)
        return apply_view_response(self._context, view, delivery)

    async def close_view(self, user_id: str, view_id: str, *, clear: bool = False) -> None:
        """Close a modal (`clear`: the whole stack) and notify the bot of views with `notify_on_close`."""
        view = self._find_own_view(user_id, view_id)
        stack = list(self._workspace.modals[user_id])
        clear = clear or view.clear_on_close
        if clear:
            self._context.mutations.close_all_views(user_id)
        else:
            self._context.mutations.close_top_view(user_id)
        closed = stack if clear else stack[-1:]
        person = self._workspace.get_person(user_id)
        for gone in reversed([v for v in closed if v.notify_on_close]):
            payload = payloads.build_view_closed(self._context, person, gone, cleared=clear)
            await self._dispatcher.deliver(Envelope("interactive", f"view_closed {gone.callback_id}", payload))

    def open_home(self, user_id: str) -> View | None:
        """Open the App Home, send the bot its event, and return the Home published last."""
        person = self._workspace.get_person(user_id)
        channel = self._workspace.open_direct_message(user_id)
        home = self._workspace.homes.get(user_id)
        payload = payloads.build_home_opened(self._context, person, channel, home)
        self._dispatcher.deliver_event(Envelope("events_api", "app_home_opened", payload))
        return home

    def upload_file(self, user_id: str, name: str, mimetype: str, content: bytes) -> StoredFile:
        """Store a file chosen in a form's file field, at once, as Slack does."""
        self._workspace.get_person(user_id)
        stored = StoredFile(generate_id("F"), name, mimetype, content, user_id, self._context.clock.now())
        self._workspace.files[stored.id] = stored
        return stored
