"""Envelopes to the bot, and their deliveries."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json

EnvelopeKind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True)
class Envelope:
    """One command, interaction or event on its way to the bot; `label` names it for people."""

    kind: EnvelopeKind
    label: str
    payload: Json

    @property
    def content_type(self) -> str:
        """The content type of the HTTP form of this envelope."""
        return "application/json" if self.kind == "events_api" else "application/x-www-form-urlencoded"

    def http_body(self) -> str:
        """Return the HTTP body: a form for commands, `payload=` for interactions, JSON for events."""
        if self.kind == "events_api":
            return json.dumps(self.payload)
        if self.kind == "slash_commands":
            return urlencode(self.payload)
        return urlencode({"payload": json.dumps(self.payload)})

    def socket_message(self, envelope_id: str, retry: Json | None) -> Json:
        """Return the Socket Mode message; `retry` holds an event's `retry_attempt` and `retry_reason`."""
        message = {
            "envelope_id": envelope_id,
            "type": self.kind,
            "accepts_response_payload": self.kind != "events_api",
            "payload": self.payload,
        }
        if self.kind == "events_api":
            message |= {"retry_attempt": 0, "retry_reason": "", **(retry or {})}
        return message


@dataclass(frozen=True)
class SignedRequest:
    """A request as it went out: its body, and its headers with the signature."""

    body: str
    headers: dict[str, str]


@dataclass
class Delivery:
    """One delivery and the bot's response.

    Attributes:
        kind: `slash_commands`, `interactive` or `events_api`.
        label: A name for people, such as `/flows list`, `block_actions next_page` or `view_submission`.
        payload: The payload that was sent.
        transport: `http` or `socket`.
        status: HTTP status (200 for a socket ack), None without a response in time.
        seconds: Time until the response, or until Slack gave up.
        body: The response's body as text; `""` for an empty ack.
        headers: Slack's own headers of the request, then of the response.
        request: The request as it went out by HTTP.
        refusal: Slack's refusal of the response, such as that of a bad view.
        error: `operation_timeout`, `dispatch_failed` or `app_offline` where Slack would show that.
    """

    kind: EnvelopeKind
    label: str
    payload: Json
    transport: Literal["http", "socket", "none"]
    status: int | None = None
    seconds: float = 0.0
    body: str = ""
    error: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    refusal: SlackError | None = None
    request: SignedRequest | None = None

    @property
    def ok(self) -> bool:
        """True if the bot acknowledged in time."""
        return self.error is None

    def json(self) -> Any:
        """Return the response as JSON, or None if it is empty or not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None
