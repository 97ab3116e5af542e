"""Requests of Slack's, recorded once from the real bot's messages and forms, then repeated.

Each repetition has its own response URL, trigger and form token, as Slack's would have.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.protocol import CHANNEL, RequestKind, SlackRequest
from flowbot.sandbox.slack import Message, SlackSandbox, text_of
from flowbot.sandbox.slack.delivery import payloads
from flowbot.sandbox.slack.delivery.envelope import Envelope, EnvelopeKind

Payload = Mapping[str, Any]

TIMEOUT_SECONDS: Final = 30.0
NEW_FLOW: Final = {
    "Website": "Lale Moda",
    "Name": "Spring",
    "Title": "Spring is here",
    "Description": "Look at what is new.",
}
"""The required fields of a new flow."""
ENVELOPE_KINDS: Final[Mapping[RequestKind, EnvelopeKind]] = {
    RequestKind.LIST: "slash_commands",
    RequestKind.SEARCH: "slash_commands",
    RequestKind.EVENT: "events_api",
    RequestKind.APPROVALS: "slash_commands",
    RequestKind.HISTORY: "slash_commands",
    RequestKind.STATS_7: "slash_commands",
    RequestKind.STATS_90: "slash_commands",
    RequestKind.STATS_OF_ONE: "slash_commands",
    RequestKind.HOME: "events_api",
}


class RequestRecorder:
    """Records requests of a person at the fake Slack, and repeats them."""

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack = slack
        self._context = slack.context
        self._emma = slack.person("U0EMMA")
        self._burak = slack.person("U0BURAK")
        self._recorded: dict[RequestKind, Payload] = {}
        self._lists: list[Message] = []

    async def record_lists(self) -> None:
        """Ask for a list and for a search, and turn the page of each."""
        for kind, turn in ((RequestKind.LIST, RequestKind.NEXT), (RequestKind.SEARCH, RequestKind.NEXT_FOUND)):
            await self._emma.send(CHANNEL, kind)
            shown = await self._emma.wait_for_message(CHANNEL, self._is_new_list, TIMEOUT_SECONDS)
            self._recorded[turn] = (await self._emma.click(shown, "Next")).payload
            self._lists.append(shown)

    async def record_form(self) -> None:
        """Open the form for a new flow, fill it in and submit it."""
        await self._emma.send(CHANNEL, "/flows create")
        await self._emma.wait_for_view(lambda view: view.submit is not None, TIMEOUT_SECONDS)
        await self._emma.submit(dict(NEW_FLOW))
        self._recorded[RequestKind.SUBMIT] = next(
            delivery.payload for delivery in reversed(self._slack.deliveries) if "view_submission" in delivery.label
        )
        await self._emma.wait_for_view(lambda view: view.submit is None and "Spring" in text_of(view), TIMEOUT_SECONDS)

    def repeat(self, kind: RequestKind) -> SlackRequest:
        """Return another request of this kind."""
        payload = self._build_payload(kind)
        envelope = Envelope(ENVELOPE_KINDS.get(kind, "interactive"), kind, dict(payload))
        envelope_id = secrets.token_hex(16)
        socket_envelope = {
            "envelope_id": envelope_id,
            "type": envelope.kind,
            "accepts_response_payload": envelope.kind != "events_api",
            "payload": envelope.payload,
        }
        return SlackRequest(
            content_type=envelope.content_type,
            body=envelope.http_body(),
            envelope=json.dumps(socket_envelope),
            envelope_id=envelope_id,
            answer_path=str(payload.get("response_url", "")).removeprefix(self._context.origin),
        )

    def clear(self) -> None:
        """Delete messages and deliveries, so that the fake Slack stays fast."""
        self._context.workspace.messages[CHANNEL][:] = self._lists
        self._slack.deliveries.clear()

    def _is_new_list(self, message: Message) -> bool:
        return message.ts not in {known.ts for known in self._lists} and "Next" in self._emma.list_buttons(message)

    def _build_payload(self, kind: RequestKind) -> Payload:
        match kind:
            case (
                RequestKind.LIST
                | RequestKind.SEARCH
                | RequestKind.STATS_7
                | RequestKind.STATS_90
                | RequestKind.STATS_OF_ONE
            ):
                channel = self._context.workspace.channels[CHANNEL]
                text = kind.removeprefix("/flows ")
                return payloads.build_command(self._context, self._emma.person, channel, "/flows", text)
            case RequestKind.APPROVALS | RequestKind.HISTORY:
                channel = self._context.workspace.channels[CHANNEL]
                text = kind.removeprefix("/flows ")
                return payloads.build_command(self._context, self._burak.person, channel, "/flows", text)
            case RequestKind.HOME:
                person, workspace = self._burak.person, self._context.workspace
                direct = workspace.open_direct_message(person.id)
                return payloads.build_home_opened(self._context, person, direct, workspace.homes.get(person.id))
            case RequestKind.NEXT | RequestKind.NEXT_FOUND:
                click = self._recorded[kind]
                url = self._context.issue_response_url(
                    "actions", CHANNEL, self._emma.id, click["container"]["message_ts"]
                )
                return {**click, "response_url": url, "trigger_id": self._context.trigger_ids.issue(self._emma.id)}
            case RequestKind.SUBMIT:
                submission = self._recorded[kind]
                view = submission["view"]
                metadata = {**json.loads(view["private_metadata"]), "token": secrets.token_urlsafe(16)}
                return {**submission, "view": {**view, "private_metadata": json.dumps(metadata)}}
            case RequestKind.EVENT:
                return payloads.build_event_callback(self._context, {"type": "reaction_added", "user": self._emma.id})
