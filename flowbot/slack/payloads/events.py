"""The events of Slack's that flowbot listens to, validated once."""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.text import strip_invisible
from flowbot.services.ports.deliveries import DeliveryKey
from flowbot.services.users import Caller
from flowbot.slack.payloads.incoming import EventBody, Incoming, OptionalTeam, Payload, ReplyTarget


class Event(Incoming):
    """Something that happened in Slack."""

    event: EventBody

    @property
    def metric_label(self) -> str:
        """The event's name."""
        return self.event.type


class _HomeOpening(EventBody):
    user: UserId
    tab: str = ""
    view: dict[str, Any] | None = None


class HomeOpened(Event):
    """A person who opens the app's Home, on any of its tabs. Their organisation is in their profile."""

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


class _Mention(EventBody):
    user: UserId
    channel: ChannelId
    ts: str
    text: str = ""
    thread_ts: str = ""
    user_team: OptionalTeam = None
    bot_id: str = ""
    edited: dict[str, Any] | None = None


class _Authorization(Payload):
    user_id: str = ""


class Mentioned(Event):
    """A message that mentions flowbot, in a channel that it is in. Nothing can open a form by it."""

    event: _Mention
    team_id: OptionalTeam = None
    authorizations: tuple[_Authorization, ...] = ()

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
        return strip_invisible("".join(after)) or strip_invisible(before)


class _ChannelMove(EventBody):
    old_channel_id: ChannelId
    new_channel_id: ChannelId


class ChannelMoved(Event):
    """A channel that has another id now: it became private, or shared with another organisation."""

    event: _ChannelMove


class _ChannelSharing(EventBody):
    channel: ChannelId


class ChannelShared(Event):
    """A channel that another organisation, or another workspace of this one, was added to."""

    event: _ChannelSharing


class _Revocation(EventBody):
    tokens: dict[str, tuple[str, ...]] = Field({})


class TokensRevoked(Event):
    """Tokens that Slack takes no longer, by the people and bots whose they were."""

    event: _Revocation

    @property
    def names_bot(self) -> bool:
        """True where a bot's token is among them: flowbot has no other."""
        return bool(self.event.tokens.get("bot"))


class _Function(Payload):
    callback_id: str


class _StepRun(EventBody):
    function: _Function
    function_execution_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    inputs: dict[str, Any] = Field({})


class StepExecuted(Event):
    """A step of a workflow that is to run. The token that comes with it is not read: flowbot acts by its own."""

    event: _StepRun

    @property
    def metric_label(self) -> str:
        """The step's id."""
        return self.event.function.callback_id


STEP_EXECUTED: Final = "function_executed"
"""The event that comes only where the manifest has the steps."""
EVENT_MODELS: Final[Mapping[str, type[Event]]] = {
    "app_home_opened": HomeOpened,
    "app_mention": Mentioned,
    "app_uninstalled": Event,
    "channel_id_changed": ChannelMoved,
    "channel_shared": ChannelShared,
    STEP_EXECUTED: StepExecuted,
    "tokens_revoked": TokensRevoked,
}
