"""Requests that Slack sends, validated once."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from flowbot.domain.ids import ChannelId, TeamId, UserId
from flowbot.errors import UserError
from flowbot.services.ports.storage import DeliveryKey
from flowbot.services.users import Caller
from flowbot.slack.payloads.view_state import ViewPayload

COMMAND_NAME: Final = "/flows"
DELIVERY: Final = "flowbot_delivery"
"""The field of a request in which the receiver notes the delivery that it came with."""
UNUSED_TYPES: Final = frozenset(
    {
        "interactive_message",
        "dialog_submission",
        "dialog_cancellation",
        "dialog_suggestion",
        "workflow_step_edit",
        "workflow_step_execute",
        "assistant_thread_started",
        "assistant_thread_context_changed",
    }
)
"""Requests of features that flowbot has not. Bolt takes some for presses, and fails on parts that others may lack."""
UNKNOWN: Final = "unknown"
"""The label in metrics of a command, button, form or event that flowbot does not know."""
INCOMING: Final = "incoming"
"""The key of the validated request in Bolt's context, and so the name of the argument that listeners get it by."""
RECEIVED: Final = "flowbot_received"
"""The key in Bolt's context for the moment in which the request came, by `time.perf_counter`."""
ACKED: Final = "flowbot_acked"
"""The key in Bolt's context for the seconds until the acknowledgement, where that was before Bolt had the request."""

OptionalTeam = Annotated[TeamId | None, BeforeValidator(lambda value: value or None)]


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, fields: Any) -> Any:
        """Take a null for a missing field."""
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}


class _Kind(_Payload):
    type: str


class _Pressed(_Payload):
    action_id: str


class Incoming(_Payload):
    """Any request of Slack's, with the parts that Bolt takes for granted: without them, Bolt's own code would fail."""

    delivery: str = Field("", alias=DELIVERY)
    type: str = ""
    command: str = ""
    callback_id: str = ""
    action_id: str = ""
    block_id: str = ""
    actions: Annotated[tuple[_Pressed, ...], Field(min_length=1)] = ()
    view: ViewPayload | None = None
    event: _Kind | None = None
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


class _User(_Payload):
    id: UserId
    team_id: OptionalTeam = None


class _Team(_Payload):
    id: OptionalTeam = None
    enterprise_id: OptionalTeam = None


class _Channel(_Payload):
    id: ChannelId


class _Container(_Payload):
    message_ts: str = ""
    thread_ts: str = ""
    is_ephemeral: Annotated[bool, BeforeValidator(bool)] = False


class _Action(_Pressed):
    value: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")] = ""


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
    def is_on_home_tab(self) -> bool:
        """True for a press on the Home tab."""
        return self.channel is None and self.view is not None and self.view.type == "home"

    @property
    def action(self) -> _Action:
        """The button."""
        return self.actions[0]

    @property
    def metric_label(self) -> str:
        """The button's id."""
        return self.actions[0].action_id


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


class _HomeOpening(_Kind):
    user: UserId
    tab: str = ""
    view: dict[str, Any] | None = None


class HomeOpened(Incoming):
    """A person who opens the app's Home, on any of its tabs. Their organisation is in their profile."""

    event: _HomeOpening
    team_id: OptionalTeam = None

    @property
    def metric_label(self) -> str:
        """The event's name."""
        return self.event.type

    @property
    def caller(self) -> Caller:
        """The person who opened it."""
        return Caller(self.event.user, None, workspace=self.team_id)

    @property
    def is_blank(self) -> bool:
        """True where the tab was never filled for this person."""
        return self.event.view is None


class _Mention(_Kind):
    user: UserId
    channel: ChannelId
    ts: str
    text: str = ""
    thread_ts: str = ""
    user_team: OptionalTeam = None
    bot_id: str = ""
    edited: dict[str, Any] | None = None


class _Authorization(_Payload):
    user_id: str = ""


class Mentioned(Incoming):
    """A message that mentions flowbot, in a channel that it is in. Nothing can open a form by it."""

    event: _Mention
    team_id: OptionalTeam = None
    authorizations: tuple[_Authorization, ...] = ()

    @property
    def metric_label(self) -> str:
        """The event's name."""
        return self.event.type

    @property
    def caller(self) -> Caller:
        """The person who wrote it. Slack names their team only where it is another one."""
        return Caller(self.event.user, self.event.user_team, workspace=self.team_id)

    @property
    def target(self) -> ReplyTarget:
        """The place of the answer: the thread that it was written in, if it was."""
        return ReplyTarget(self.event.channel, self.event.user, "", self.event.thread_ts or None)

    @property
    def is_from_person(self) -> bool:
        """False for a bot's message, and for an edited one, which Slack sends again."""
        return not self.event.bot_id and self.event.edited is None

    @property
    def delivery_key(self) -> DeliveryKey:
        """The same key for every event about this message: Slack repeats events under new signatures."""
        return DeliveryKey(hashlib.sha256(f"{self.event.channel} {self.event.ts}".encode()).hexdigest())

    @property
    def typed(self) -> str:
        """The text after the mention, as Slack sent it, with its escapes; that before it where nothing follows."""
        own = "|".join(re.escape(each.user_id) for each in self.authorizations if each.user_id) or "[UW][A-Z0-9]+"
        before, *after = re.split(rf"<@(?:{own})(?:\|[^<>]*)?>", self.event.text, maxsplit=1)
        return "".join(after).strip() or before.strip()


EVENT_MODELS: Final[Mapping[str, type[Incoming]]] = {"app_home_opened": HomeOpened, "app_mention": Mentioned}


def parse_incoming(body: dict[str, Any]) -> Incoming | None:
    """Return the request as the model of its kind; None where it is malformed. An odd event is just any request."""
    match body:
        case {"type": str(kind)} if kind in UNUSED_TYPES:
            return None
        case {"type": "event_callback", "event": {"type": str(kind)}} if kind in UNUSED_TYPES:
            return None
        case {"command": str(command)} if command == COMMAND_NAME:
            models: tuple[type[Incoming], ...] = (SlashCommand,)
        case {"type": "block_actions"}:
            models = (BlockActions,)
        case {"type": "view_submission" | "view_closed"}:
            models = (FormEvent,)
        case {"type": "block_suggestion"}:
            models = (BlockSuggestion,)
        case {"type": "event_callback", "event": {"type": str(kind)}} if kind in EVENT_MODELS:
            models = (EVENT_MODELS[kind], Incoming)
        case _:
            models = (Incoming,)
    for model in models:
        try:
            return model.model_validate(body)
        except ValidationError:
            continue
    return None
