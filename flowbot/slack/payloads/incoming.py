"""Requests that Slack sends, validated once."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flowbot.domain.ids import ChannelId, TeamId, UserId
from flowbot.errors import UserError
from flowbot.services.ports.deliveries import DeliveryKey
from flowbot.services.users import Caller
from flowbot.slack.payloads.view_state import ViewPayload

COMMAND_NAME: Final = "/flows"
DELIVERY: Final = "flowbot_delivery"
"""The field of a request in which the receiver notes the delivery that it came with."""
UNKNOWN: Final = "unknown"
"""The label in metrics of a command, button, form or event that flowbot does not know."""
INCOMING: Final = "incoming"
"""The key of the validated request in Bolt's context, and so the name of the argument that listeners get it by."""
RECEIVED: Final = "flowbot_received"
"""The key in Bolt's context for the moment in which the request came, by `time.perf_counter`."""
ACKED: Final = "flowbot_acked"
"""The key in Bolt's context for the seconds until the acknowledgement, where that was before Bolt had the request."""

OptionalTeam = Annotated[TeamId | None, BeforeValidator(lambda value: value or None)]


class Payload(BaseModel):
    """A part of a request; its nulls count as missing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, fields: Any) -> Any:
        """Take a null for a missing field."""
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}


class EventBody(Payload):
    """What happened, as the event of a callback."""

    type: str


class _Pressed(Payload):
    action_id: str


class Incoming(Payload):
    """Any request of Slack's, with the parts that Bolt takes for granted: without them, Bolt's own code would fail."""

    delivery: str = Field("", alias=DELIVERY)
    type: str = ""
    command: str = ""
    callback_id: str = ""
    action_id: str = ""
    block_id: str = ""
    actions: Annotated[tuple[_Pressed, ...], Field(min_length=1)] = ()
    view: ViewPayload | None = None
    event: EventBody | None = None
    message: dict[str, Any] | None = None

    @property
    def metric_label(self) -> str:
        """The name of the request in metrics, of a fixed set where a listener is registered for it."""
        return UNKNOWN

    @property
    def delivery_key(self) -> DeliveryKey | None:
        """The same key for a replay of this request, and for no other; None where there is none."""
        return DeliveryKey(hashlib.sha256(self.delivery.encode()).hexdigest()) if self.delivery else None


@dataclass(frozen=True, slots=True)
class ReplyTarget:
    """The place of an answer: a person in a channel, and the response URL that came with what they did.

    Attributes:
        channel: None on the Home tab, from where answers go to the person directly.
        thread: The ts of the thread's first message; None outside of threads.
    """

    channel: ChannelId | None
    user: UserId
    response_url: str
    thread: str | None = None

    def require_channel(self) -> ChannelId:
        """Return the channel.

        Raises:
            UserError: there is none, and what was asked for needs one.
        """
        if self.channel is None:
            raise UserError("home.needs_channel")
        return self.channel


class SlashCommand(Incoming):
    """`/flows …`, as typed by a person in a channel."""

    user_id: UserId
    channel_id: ChannelId
    team_id: OptionalTeam = None
    enterprise_id: OptionalTeam = None
    text: str = ""
    response_url: str = ""
    trigger_id: str = ""

    @property
    def caller(self) -> Caller:
        """The person who typed it."""
        return Caller(self.user_id, self.team_id, self.enterprise_id)

    @property
    def target(self) -> ReplyTarget:
        """The place of the answer."""
        return ReplyTarget(self.channel_id, self.user_id, self.response_url)


class _User(Payload):
    id: UserId
    team_id: OptionalTeam = None


class _Team(Payload):
    id: OptionalTeam = None
    enterprise_id: OptionalTeam = None


class _Channel(Payload):
    id: ChannelId


class _Container(Payload):
    message_ts: str = ""
    thread_ts: str = ""
    is_ephemeral: Annotated[bool, BeforeValidator(bool)] = False


class _Action(_Pressed):
    """A button that was pressed, or an entry of a menu: its value is the chosen one's."""

    value: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")] = ""

    @model_validator(mode="before")
    @classmethod
    def _take_chosen(cls, fields: Any) -> Any:
        chosen = fields.get("selected_option") if isinstance(fields, dict) else None
        return {**fields, "value": chosen.get("value")} if isinstance(chosen, dict) else fields


class _Interaction(Incoming):
    user: _User
    team: _Team | None = None

    @property
    def caller(self) -> Caller:
        """The person who did it. Their own team is theirs alone; the payload's is where it happened."""
        enterprise = self.team.enterprise_id if self.team and self.user.team_id == self.team.id else None
        return Caller(self.user.id, self.user.team_id, enterprise, workspace=self.team.id if self.team else None)


class BlockActions(_Interaction):
    """A press of a button. In a form there is a `view` and no `channel`; on the Home tab too."""

    channel: _Channel | None = None
    container: _Container = _Container()
    actions: Annotated[tuple[_Action, ...], Field(min_length=1)]
    response_url: str = ""
    trigger_id: str = ""

    @property
    def target(self) -> ReplyTarget:
        """The place of the answer."""
        channel, thread = self.channel.id if self.channel else None, self.container.thread_ts or None
        return ReplyTarget(channel, self.user.id, self.response_url, thread)

    @property
    def message_ts(self) -> str | None:
        """The public message that it was pressed in; None where there is none, or only one person sees it."""
        return None if self.container.is_ephemeral else self.container.message_ts or None

    @property
    def button_key(self) -> DeliveryKey | None:
        """The same key for every press of this button by this person; None where it is in no known message."""
        if self.channel is None or not self.container.message_ts:
            return None
        pressed = (self.channel.id, self.container.message_ts, self.user.id, self.action.action_id, self.action.value)
        return DeliveryKey(hashlib.sha256(" ".join(pressed).encode()).hexdigest())

    @property
    def is_on_home_tab(self) -> bool:
        """True for a press on the Home tab."""
        return self.channel is None and self.view is not None and self.view.type == "home"

    @property
    def view_id(self) -> str:
        """The view that it was pressed in; empty in a message."""
        return self.view.id if self.view else ""

    @property
    def is_in_modal(self) -> bool:
        """True for a press in a modal."""
        return self.view is not None and self.view.type == "modal"

    @property
    def action(self) -> _Action:
        """The button, or the entry that was chosen in a menu."""
        return self.actions[0]

    def as_press_of(self, action_id: str, value: str) -> Self:
        """Return the same press as one of another button, for an entry of a menu that stands for it."""
        return self.model_copy(update={"actions": (_Action(action_id=action_id, value=value),)})

    @property
    def metric_label(self) -> str:
        """The button's id."""
        return self.actions[0].action_id


class Shortcut(_Interaction):
    """A shortcut that was chosen from Slack's menu: it belongs to no channel."""

    callback_id: str
    trigger_id: str = ""

    @property
    def target(self) -> ReplyTarget:
        """The place of the answer: a direct message."""
        return ReplyTarget(None, self.user.id, "")

    @property
    def metric_label(self) -> str:
        """The shortcut's id."""
        return self.callback_id


class MessageShortcut(Shortcut):
    """A shortcut that was chosen from a message's menu."""

    channel: _Channel
    message: dict[str, Any]
    response_url: str = ""

    @property
    def target(self) -> ReplyTarget:
        """The place of the answer."""
        thread = self.message.get("thread_ts")
        return ReplyTarget(
            self.channel.id, self.user.id, self.response_url, thread if isinstance(thread, str) else None
        )

    @property
    def is_from_elsewhere(self) -> bool:
        """True where somebody of another organisation wrote the message."""
        own = {self.user.team_id, *((self.team.id, self.team.enterprise_id) if self.team else ())}
        return any(self.message.get(name) not in {None, *own} for name in ("team", "user_team", "source_team"))


class FormEvent(_Interaction):
    """A form that was submitted or closed."""

    view: ViewPayload

    @property
    def metric_label(self) -> str:
        """The form's id."""
        return self.view.callback_id


class BlockSuggestion(_Interaction):
    """A question of Slack's for the entries of a menu that match what was typed."""

    view: ViewPayload
    action_id: str
    value: str = ""
