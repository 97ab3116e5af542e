"""What people do at the stand-in Slack, captured once from the real bot's own messages and forms, then repeated.

A repetition has a response URL, a trigger and a form's token of its own, as Slack's would have.
"""

import json
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from benchmarks.wire import CHANNEL, VOTERS, Shot, What
from flowbot.sandbox.slack import Message, SandboxPerson, SlackSandbox, View, text_of
from flowbot.sandbox.slack.delivery import payloads
from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope, EnvelopeKind
from flowbot.sandbox.slack.models import Person
from flowbot.sandbox.slack.people.controls import find_click_target

Payload = Mapping[str, Any]

PATIENCE_SECONDS: Final = 30.0
LEAST: Final = {"Name": "Spring", "Title": "Spring is here", "Description": "Look at what is new."}
"""What has to be typed for a new flow."""
FORMS: Final[Mapping[What, EnvelopeKind]] = {
    What.LIST: "slash_commands",
    What.SEARCH: "slash_commands",
    What.EVENT: "events_api",
}


class Office:
    """The people, and what they have before them."""

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack = slack
        self._context = slack.context
        self._emma = slack.person("U0EMMA")
        self._seen: dict[What, Payload] = {}
        self._listed: list[Message] = []
        self._requests: list[Message] = []
        _hire(slack, VOTERS)

    async def list_and_turn(self) -> None:
        """A list is asked for and turned, searched and turned."""
        for what, turn in ((What.LIST, What.NEXT), (What.SEARCH, What.NEXT_FOUND)):
            await self._emma.send(CHANNEL, what)
            shown = await self._newest()
            self._seen[turn] = (await self._emma.click(shown, "Next")).payload
            self._listed.append(shown)

    async def send_a_form(self) -> None:
        """A form is opened, filled in and sent."""
        await self._emma.send(CHANNEL, "/flows create")
        await self._emma.wait_for_view(lambda view: view.submit is not None, PATIENCE_SECONDS)
        await self._emma.submit(dict(LEAST))
        self._seen[What.SUBMIT] = self._last("view_submission").payload
        await self._emma.wait_for_view(lambda view: view.submit is None and "Spring" in text_of(view), PATIENCE_SECONDS)

    async def ask_for(self, count: int) -> None:
        """Approval is asked for that many flows to be enabled."""
        for number in range(1, 20 * count):
            if len(self._requests) == count:
                return
            before = len(self._context.workspace.messages[CHANNEL])
            await self._emma.send(CHANNEL, f"/flows enable {number}")
            await self._emma.wait_until(partial(self._is_told, before), PATIENCE_SECONDS)
            posted = self._context.workspace.messages[CHANNEL][before:]
            self._requests += [message for message in posted if not message.is_ephemeral]
        raise RuntimeError("not enough flows that may be enabled")

    def shot(self, what: What, number: int) -> Shot:
        """What somebody does for the `number`-th time of a series."""
        payload = self._payload(what, number)
        envelope = Envelope(FORMS.get(what, "interactive"), what, dict(payload))
        envelope_id = secrets.token_hex(16)
        frame = {
            "envelope_id": envelope_id,
            "type": envelope.kind,
            "accepts_response_payload": envelope.kind != "events_api",
            "payload": envelope.payload,
        }
        return Shot(
            content_type=envelope.content_type,
            body=envelope.http_body(),
            envelope=json.dumps(frame),
            envelope_id=envelope_id,
            answer_at=str(payload.get("response_url", "")).removeprefix(self._context.origin),
        )

    def forget(self) -> None:
        """Clear away what was said, so that the stand-in stays as quick as it was."""
        kept = [*self._listed, *self._requests]
        self._context.workspace.messages[CHANNEL][:] = kept
        self._slack.deliveries.clear()

    def _payload(self, what: What, number: int) -> Payload:
        match what:
            case What.LIST | What.SEARCH:
                channel = self._context.workspace.channels[CHANNEL]
                return payloads.build_command(
                    self._context, self._emma.person, channel, "/flows", what.removeprefix("/flows ")
                )
            case What.NEXT | What.NEXT_FOUND:
                return self._pressed_again(self._seen[what])
            case What.SUBMIT:
                return self._sent_again(self._seen[what])
            case What.EVENT:
                return payloads.build_event_callback(self._context, {"type": "reaction_added", "user": self._emma.id})
            case What.VOTE:
                return self._vote(self._requests[number % len(self._requests)], number // len(self._requests))

    def _is_told(self, before: int) -> bool:
        """Whether Emma alone was told something after the first `before` messages."""
        posted = self._context.workspace.messages[CHANNEL][before:]
        return any(message.ephemeral_to == self._emma.id for message in posted)

    def _pressed_again(self, seen: Payload) -> Payload:
        container = seen["container"]
        url = self._context.issue_response_url("actions", CHANNEL, self._emma.id, container["message_ts"])
        return {**seen, "response_url": url, "trigger_id": self._context.trigger_ids.issue(self._emma.id)}

    def _sent_again(self, seen: Payload) -> Payload:
        view = seen["view"]
        metadata = {**json.loads(view["private_metadata"]), "token": secrets.token_urlsafe(16)}
        return {**seen, "view": {**view, "private_metadata": json.dumps(metadata)}}

    def _vote(self, request: Message, voter: int) -> Payload:
        person = self._context.workspace.people[_voter(voter % VOTERS)]
        placed = find_click_target(request.blocks, "Approve").placed
        action = {**placed.element, "block_id": placed.block_id, "action_ts": request.ts}
        return payloads.build_message_action(self._context, person, request, action, {})

    async def _newest(self) -> Message:
        """The list that Emma has just asked for."""
        known = {message.ts for message in self._listed}
        return await self._emma.wait_for_message(
            CHANNEL,
            lambda message: message.ts not in known and "Next" in _labels(self._emma, message),
            PATIENCE_SECONDS,
        )

    def _last(self, what: str) -> Delivery:
        return next(delivery for delivery in reversed(self._slack.deliveries) if what in delivery.label)


def _labels(person: SandboxPerson, message: Message | View) -> list[str]:
    return person.list_buttons(message)


def _voter(number: int) -> str:
    return f"U0VOTER{number}"


def _hire(slack: SlackSandbox, count: int) -> None:
    """Approvers, in the channel and in the leads' group."""
    workspace = slack.workspace
    for number in range(count):
        user = _voter(number)
        workspace.people[user] = Person(user, user.lower(), f"Voter {number}", workspace.team)
        workspace.groups["S0LEADS"].users.append(user)
        workspace.channels[CHANNEL].members.append(user)
