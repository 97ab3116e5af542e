"""A person who sends, reads, clicks and fills in forms."""

import asyncio
import mimetypes
from collections.abc import Callable
from typing import Any, TypeVar

from flowbot.sandbox.slack.client_actions import ClientActions
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.models import Json, Message, Person, StoredFile, View
from flowbot.sandbox.slack.people.controls import (
    build_field_entry,
    find_click_target,
    find_field,
    iter_click_targets,
    read_field_value,
)
from flowbot.sandbox.slack.people.controls import find_fields as fields_of
from flowbot.sandbox.slack.serializers import serialize_file
from flowbot.sandbox.slack.view_responses import SubmissionResult
from flowbot.sandbox.slack.visible_text import text_of

PATIENCE_SECONDS = 15.0
_T = TypeVar("_T")


class SandboxPerson:
    """Acts as one person, and waits for events without polling.

    Every action raises `ClientError` where Slack would show an error, such as without an acknowledgement.
    """

    def __init__(self, context: Context, client: ClientActions, person: Person) -> None:
        self._context = context
        self._client = client
        self.person = person
        self.id = person.id

    async def send(self, channel: str, text: str, *, thread: Message | None = None) -> None:
        """Send a slash command or a message to a channel (or a thread of it)."""
        await self._client.send(self.id, channel, text, thread.ts if thread else None)

    async def edit(self, message: Message, text: str) -> None:
        """Edit a message of one's own."""
        await self._client.edit_message(self.id, message, text)

    async def list_messages(self, channel: str) -> list[Message]:
        """Return the messages that this person sees, oldest first."""
        return self._context.workspace.list_visible_messages(channel, self.id)

    async def wait_for_message(
        self, channel: str, wanted: str | Callable[[Message], object], timeout: float = PATIENCE_SECONDS
    ) -> Message:
        """Wait for a message with a text, or one that fits a predicate, and return the newest.

        Raises:
            AssertionError: It did not come within `timeout` seconds; lists the messages that are there.
        """

        def find() -> Message | None:
            seen = reversed(self._context.workspace.list_visible_messages(channel, self.id))
            return next((m for m in seen if _fits(m, wanted)), None)

        def describe() -> str:
            seen = [text_of(m) for m in self._context.workspace.list_visible_messages(channel, self.id)]
            return f"{self.person.name} waited in {channel} for {wanted!r} and sees only {seen}"

        return await self._wait(find, timeout, describe)

    async def wait_for_view(
        self, wanted: str | Callable[[View], object] = "", timeout: float = PATIENCE_SECONDS
    ) -> View:
        """Wait for a modal with a text, or one that fits a predicate."""

        def find() -> View | None:
            return self.view if self.view is not None and _fits(self.view, wanted) else None

        return await self._wait(find, timeout, lambda: self._describe_views(wanted))

    async def wait_for_home(
        self, wanted: str | Callable[[View], object] = "", timeout: float = PATIENCE_SECONDS
    ) -> View:
        """Wait for an App Home with a text, or one that fits a predicate."""

        def find() -> View | None:
            return self.home if self.home is not None and _fits(self.home, wanted) else None

        return await self._wait(find, timeout, lambda: self._describe_views(wanted))

    async def wait_until(self, condition: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until a condition holds; it is checked whenever something happens in the workspace."""
        await self._wait(lambda: condition() or None, timeout, lambda: f"{condition!r} never held")

    def _describe_views(self, wanted: object) -> str:
        modal = text_of(self.view) if self.view else None
        home = text_of(self.home) if self.home else None
        return f"{self.person.name} waited for a view with {wanted!r}; modal: {modal!r}, home: {home!r}"

    async def _wait(self, find: Callable[[], _T | None], timeout: float, describe: Callable[[], str]) -> _T:
        try:
            async with asyncio.timeout(timeout):
                while (found := find()) is None:
                    await self._context.feed.wait_for_change()
        except TimeoutError:
            raise AssertionError(describe()) from None
        return found

    @property
    def view(self) -> View | None:
        """The topmost modal, or None."""
        stack = self._context.workspace.modals[self.id]
        return stack[-1] if stack else None

    @property
    def home(self) -> View | None:
        """The App Home as it was published last, or None."""
        return self._context.workspace.homes.get(self.id)

    def _open_form(self) -> View:
        if self.view is None:
            raise LookupError(f"{self.person.name} has no form open")
        return self.view

    def _container(self, target: Message | View) -> Message | View:
        if isinstance(target, Message):
            reference = {"type": "message", "channel": target.channel, "ts": target.ts}
        elif target.type == "home":
            reference = {"type": "home"}
        else:
            reference = {"type": "view", "view_id": target.id}
        return self._client.find_container(self.id, reference)

    async def click(self, target: Message | View, label: str, nth: int = 0) -> Delivery:
        """Click a button (or an entry of an overflow menu) of a message, modal or Home, by its label."""
        where = self._container(target)
        found = find_click_target(where.blocks, label, nth)
        ids = (found.placed.block_id, found.placed.action_id)
        return await self._client.trigger_action(self.id, where, ids, found.payload_part)

    async def run_shortcut(self, callback_id: str, message: Message | None = None) -> Delivery:
        """Choose a shortcut of the app's from Slack's menu, or from a message's."""
        found = None if message is None else self._container(message)
        return await self._client.run_shortcut(self.id, callback_id, found if isinstance(found, Message) else None)

    def list_buttons(self, target: Message | View) -> list[str]:
        """Return the labels of the buttons and menu entries."""
        return [p.label for p in iter_click_targets(self._container(target).blocks)]

    async def choose(self, target: Message | View, label: str, value: Any) -> Delivery:
        """Choose in a menu that acts at once, by the label of its block (or its action id)."""
        where = self._container(target)
        placed = find_field(where.blocks, label)
        chosen = build_field_entry(placed.element, value, self._serialize_file)
        return await self._client.trigger_action(self.id, where, (placed.block_id, placed.action_id), chosen)

    async def search_options(self, target: Message | View, label: str, typed: str) -> Json:
        """Type into an external menu and return the options that the bot returns."""
        where = self._container(target)
        placed = find_field(where.blocks, label)
        return await self._client.load_options(self.id, where, (placed.block_id, placed.action_id), typed)

    def fill(self, label: str, value: Any) -> None:
        """Fill in a field of the open form, by its label (see `build_field_entry` for values)."""
        view = self._open_form()
        placed = find_field(view.blocks, label)
        entry = {"type": placed.element["type"], **build_field_entry(placed.element, value, self._serialize_file)}
        view.values.setdefault(placed.block_id, {})[placed.action_id] = entry

    def read_field(self, label: str) -> Any:
        """Return the value that a field of the open form shows."""
        placed = find_field(self._open_form().blocks, label)
        return read_field_value(self._open_form().values[placed.block_id][placed.action_id])

    def list_fields(self) -> list[str]:
        """Return the labels of the open form's fields."""
        return list(fields_of(self._open_form().blocks))

    async def submit(self, values: dict[str, Any] | None = None) -> SubmissionResult:
        """Fill in fields by label, submit the open form, and return the outcome."""
        for label, value in (values or {}).items():
            self.fill(label, value)
        return await self._client.submit_view(self.id, self._open_form().id, {})

    async def close(self, *, everything: bool = False) -> None:
        """Close the open form, or the whole stack."""
        await self._client.close_view(self.id, self._open_form().id, clear=everything)

    async def open_home(self) -> View | None:
        """Open the App Home and return it as it is at that moment."""
        return self._client.open_home(self.id)

    def upload(self, name: str, content: bytes, mimetype: str | None = None) -> StoredFile:
        """Upload a file for a form's file field."""
        kind = mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return self._client.upload_file(self.id, name, kind, content)

    def _serialize_file(self, stored: StoredFile) -> Json:
        return serialize_file(stored, self._context.origin, self.person.team.id)


def _fits(thing: Message | View, wanted: Any) -> object:
    return wanted in text_of(thing) if isinstance(wanted, str) else wanted(thing)
