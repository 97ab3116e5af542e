"""Answers of the bot that become messages: bodies of command acks, and posts to response URLs."""

import json
import time
from dataclasses import dataclass

from aiohttp import web
from pydantic import ValidationError

from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.faults import befall, broken_answer, cut
from flowbot.sandbox.slack.models import Json, Message
from flowbot.sandbox.slack.webapi.arguments import Answer


@dataclass(frozen=True)
class Place:
    """Where an answer goes: a channel, the person who asked, and the message it may replace."""

    channel: str
    user_id: str
    ts: str | None = None


def apply_answer(core: Core, place: Place, body: Json) -> None:
    """Show an answer: a new message (ephemeral unless `in_channel`), or a change of the original.

    Raises:
        SlackError: `invalid_blocks`, `no_text`, `msg_too_long`, `invalid_payload`, `message_not_found`.
    """
    try:
        answer = Answer.model_validate(body)
    except ValidationError as error:
        raise SlackError("invalid_payload") from error
    if answer.delete_original or answer.replace_original:
        _change_original(core, place, answer)
    else:
        _post(core, place, answer)


def _original(core: Core, place: Place) -> Message | None:
    return core.workspace.message(place.channel, place.ts) if place.ts else None


def _change_original(core: Core, place: Place, answer: Answer) -> None:
    original = _original(core, place)
    if original is None:
        if answer.delete_original:
            raise SlackError("message_not_found")
        _post(core, place, answer)
    elif answer.delete_original:
        core.stage.remove(original)
    else:
        check_message(answer.text, answer.blocks, core.workspace)
        core.stage.edit(original, answer.text, answer.blocks)


def _post(core: Core, place: Place, answer: Answer) -> None:
    check_message(answer.text, answer.blocks, core.workspace)
    original = _original(core, place)
    core.stage.post(
        Message(
            ts=core.workspace.new_ts(),
            channel=place.channel,
            user=core.workspace.bot.id,
            text=answer.text,
            blocks=answer.blocks,
            bot_id=core.workspace.bot_id,
            thread_ts=answer.thread_ts or (original.thread_ts if original else None),
            ephemeral_to=None if answer.response_type == "in_channel" else place.user_id,
        )
    )


def show_answer(core: Core, delivery: Delivery, channel: str, user_id: str) -> None:
    """Show the body of a command's ack, if it has one."""
    if not delivery.body.strip():
        return
    answer = delivery.json()
    body = answer if isinstance(answer, dict) else {"text": delivery.body}
    if body:
        apply_answer(core, Place(channel, user_id), body)


async def handle_response_url(core: Core, request: web.Request) -> web.StreamResponse:
    """Serve a POST to a response URL: 200 `ok`, 404 when used up or expired, 400 for a bad payload."""
    started = time.perf_counter()
    response = await _answer(core, request)
    status = "ok" if response.text == "ok" else f"{response.status} {response.text}"
    core.journal.note("from_bot", "response_url", status, (time.perf_counter() - started) * 1000)
    return response


async def _answer(core: Core, request: web.Request) -> web.Response:
    body = await _body(request)
    fault = core.faults.take("response_url", body)
    try:
        if fault is not None:
            await befall(core.feed, fault)
            if fault.status is not None:
                return broken_answer(fault)
        answer = _use(core, request.path, body)
    except SlackError as refusal:
        return web.Response(status=400, text=refusal.code)
    if fault is not None and fault.lose_answer:
        cut(request)
    return answer


async def _body(request: web.Request) -> Json:
    text = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        text = str((await request.post()).get("payload", ""))
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _use(core: Core, path: str, body: Json) -> web.Response:
    try:
        url = core.response_urls.open(path)
    except SlackError as refusal:
        return web.Response(status=404, text=refusal.code)
    apply_answer(core, Place(url.channel, url.user_id, url.ts), body)
    url.uses += 1
    return web.Response(text="ok")
