"""Answers of the bot that become messages: bodies of command acks, and posts to response URLs."""

import json
import time
from dataclasses import dataclass

from aiohttp import web
from pydantic import ValidationError

from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.faults import build_fault_response, drop_connection, inject_fault
from flowbot.sandbox.slack.models import Json, Message
from flowbot.sandbox.slack.webapi.arguments import Reply


@dataclass(frozen=True)
class ReplyTarget:
    """Where an answer goes: a channel, the person who asked, and the message it may replace."""

    channel: str
    user_id: str
    ts: str | None = None


def apply_reply(context: Context, place: ReplyTarget, body: Json) -> None:
    """Show an answer: a new message (ephemeral unless `in_channel`), or a change of the original.

    Raises:
        SlackError: `invalid_blocks`, `no_text`, `msg_too_long`, `invalid_payload`, `message_not_found`.
    """
    try:
        answer = Reply.model_validate(body)
    except ValidationError as error:
        raise SlackError("invalid_payload") from error
    if answer.delete_original or answer.replace_original:
        _change_original(context, place, answer)
    else:
        _post(context, place, answer)


def _original(context: Context, place: ReplyTarget) -> Message | None:
    return context.workspace.find_message(place.channel, place.ts) if place.ts else None


def _change_original(context: Context, place: ReplyTarget, answer: Reply) -> None:
    original = _original(context, place)
    if original is None:
        if answer.delete_original:
            raise SlackError("message_not_found")
        _post(context, place, answer)
    elif answer.delete_original:
        context.mutations.delete_message(original)
    else:
        check_message(answer.text, answer.blocks, context.workspace)
        context.mutations.edit_message(original, answer.text, answer.blocks)


def _post(context: Context, place: ReplyTarget, answer: Reply) -> None:
    check_message(answer.text, answer.blocks, context.workspace)
    original = _original(context, place)
    context.mutations.post_message(
        Message(
            ts=context.workspace.next_ts(),
            channel=place.channel,
            user=context.workspace.bot.id,
            text=answer.text,
            blocks=answer.blocks,
            bot_id=context.workspace.bot_id,
            thread_ts=answer.thread_ts or (original.thread_ts if original else None),
            ephemeral_to=None if answer.response_type == "in_channel" else place.user_id,
        )
    )


def show_command_reply(context: Context, delivery: Delivery, channel: str, user_id: str) -> None:
    """Show the body of a command's ack, if it has one."""
    if not delivery.body.strip():
        return
    answer = delivery.json()
    body = answer if isinstance(answer, dict) else {"text": delivery.body}
    if body:
        apply_reply(context, ReplyTarget(channel, user_id), body)


async def handle_response_url(context: Context, request: web.Request) -> web.StreamResponse:
    """Serve a POST to a response URL: 200 `ok`, 404 when used up or expired, 400 for a bad payload."""
    started = time.perf_counter()
    response = await _answer(context, request)
    status = "ok" if response.text == "ok" else f"{response.status} {response.text}"
    context.exchange_log.record("from_bot", "response_url", status, (time.perf_counter() - started) * 1000)
    return response


async def _answer(context: Context, request: web.Request) -> web.Response:
    body = await _body(request)
    fault = context.faults.consume("response_url", body)
    try:
        if fault is not None:
            await inject_fault(context.feed, fault)
            if fault.status is not None:
                return build_fault_response(fault)
        answer = _use(context, request.path, body)
    except SlackError as refusal:
        return web.Response(status=400, text=refusal.code)
    if fault is not None and fault.lose_answer:
        drop_connection(request)
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


def _use(context: Context, path: str, body: Json) -> web.Response:
    try:
        url = context.response_urls.resolve(path)
    except SlackError as refusal:
        return web.Response(status=404, text=refusal.code)
    apply_reply(context, ReplyTarget(url.channel, url.user_id, url.ts), body)
    url.uses += 1
    return web.Response(text="ok")
