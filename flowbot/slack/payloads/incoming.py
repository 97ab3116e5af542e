"""Payloads that Slack sends, validated once."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from flowbot.domain.ids import ChannelId, TeamId, UserId
from flowbot.services.ports.storage import DeliveryKey
from flowbot.services.users import Caller

M = TypeVar("M", bound=BaseModel)
DELIVERY: Final = "flowbot_delivery"
"""The field of a payload in which the receiver notes the delivery that it came with."""


def drop_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields without those that are null, as if they were missing. Their contents stay as they are."""
    return {name: value for name, value in fields.items() if value is not None}


OptionalTeam = Annotated[TeamId | None, BeforeValidator(lambda value: value or None)]


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, fields: Any) -> Any:
        return drop_nulls(fields) if isinstance(fields, dict) else fields


class _Delivered(_Payload):
    """A payload that may change something, so that it is handled once."""

    delivery: str = Field("", alias=DELIVERY)

    @property
    def delivery_key(self) -> DeliveryKey | None:
        """The same key for a replay of this request, and for no other; None where there is none."""
        return DeliveryKey(hashlib.sha256(self.delivery.encode()).hexdigest()) if self.delivery else None


class _Kind(_Payload):
    type: str


class _Pressed(_Payload):
    action_id: str


class Envelope(_Payload):
    """The parts of any request of Slack's that Bolt takes for granted: without them, Bolt's own code would fail."""

    type: str = ""
    command: str = ""
    callback_id: str = ""
    action_id: str = ""
    block_id: str = ""
    actions: Annotated[tuple[_Pressed, ...], Field(min_length=1)] = ()
    view: _Kind | None = None
    event: _Kind | None = None
    message: dict[str, Any] | None = None


class SlashCommand(_Delivered):
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
    is_ephemeral: Annotated[bool, BeforeValidator(bool)] = False


class _Action(_Payload):
    action_id: str
    block_id: str = ""
    value: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")] = ""


class _Interaction(_Delivered):
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
    view: dict[str, Any] | None = None
    actions: Annotated[tuple[_Action, ...], Field(min_length=1)]
    response_url: str = ""
    trigger_id: str = ""

    @property
    def message_ts(self) -> str | None:
        """The public message that it was pressed in; None where there is none, or only one person sees it."""
        return None if self.container.is_ephemeral else self.container.message_ts or None

    @property
    def view_id(self) -> str:
        """The id of the view it was pressed in; empty in a message."""
        return str((self.view or {}).get("id") or "")

    @property
    def view_hash(self) -> str:
        """The view's state, by a hash that changes with it; empty in a message."""
        return str((self.view or {}).get("hash") or "")

    @property
    def is_on_home_tab(self) -> bool:
        """True for a press on the Home tab."""
        return (self.view or {}).get("type") == "home"

    @property
    def action(self) -> _Action:
        """The button."""
        return self.actions[0]


class FormEvent(_Interaction):
    """A form that was submitted or closed."""

    view: dict[str, Any]

    @property
    def view_id(self) -> str:
        """The view's id."""
        return str(self.view.get("id") or "")


class _HomeOpening(_Payload):
    user: UserId
    tab: Literal["home"]
    view: dict[str, Any] | None = None


class HomeOpened(_Payload):
    """A person who opens the Home tab. Their organisation is in their profile."""

    event: _HomeOpening
    team_id: OptionalTeam = None

    @property
    def caller(self) -> Caller:
        """The person who opened it."""
        return Caller(self.event.user, None, workspace=self.team_id)

    @property
    def is_blank(self) -> bool:
        """True where the tab was never filled for this person."""
        return self.event.view is None


class BlockSuggestion(_Interaction):
    """A question of Slack's for the entries of a menu that match what was typed."""

    view: dict[str, Any]
    action_id: str
    value: str = ""


def parse_payload(model: type[M], body: Any) -> M | None:
    """Return the payload as `model`; None where it does not fit."""
    try:
        return model.model_validate(body)
    except ValidationError:
        return None
