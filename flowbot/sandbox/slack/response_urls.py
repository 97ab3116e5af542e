"""Replies of the bot that become messages: bodies of command acks, and posts to response URLs."""

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
    """A place to reply to: a channel, the person who asked, and the message that a reply may replace."""

    channel: str
    user_id: str
    ts: str | None = None


def apply_reply(context: Context, target: ReplyTarget, body: Json) -> None:
    """Post a reply (ephemeral unless `in_channel`), or replace or delete the original message.

    Raises:
        SlackError: `invalid_blocks`, `no_text`, `msg_too_long`, `invalid_payload`, `message_not_found`.
    """
    try:
        reply = Reply.model_validate(body)
    except ValidationError as error:
        raise SlackError("invalid_payload") from error
    original = context.workspace.find_message(target.channel, target.ts) if target.ts else None
    if reply.delete_original:
        if original is None:
            raise SlackError("message_not_found")
        context.mutations.delete_message(original)
        return
    check_message(reply.text, reply.blocks, context.workspace)
    if reply.replace_original and original is not None:
        context.mutations.edit_message(original, reply.text, reply.blocks)
        return
    context.mutations.post_message(
        Message(
            ts=context.workspace.next_ts(),
            channel=target.channel,
            user=context.workspace.bot.id,
            text=reply.text,
            blocks=reply.blocks,
            bot_id=context.workspace.bot_id,
            thread_ts=reply.thread_ts or (original.thread_ts if original else None),
            ephemeral_to=None if reply.response_type == "in_channel" else target.user_id,
        )
    )


def show_command_reply(context: Context, delivery: Delivery, channel: str, user_id: str) -> None:
    """Show the body of a command's ack, if it has one."""
    if not delivery.body.strip():
        return
    reply = delivery.json()
    body = reply if isinstance(reply, dict) else {"text": delivery.body}
    if body:
        apply_reply(context, ReplyTarget(channel, user_id), body)


async def handle_response_url(context: Context, request: web.Request) -> web.StreamResponse:
    """Serve a POST to a response URL: 200 `ok`, 404 when used up or expired, 400 for a bad payload."""
    started = time.perf_counter()
    response = await _respond(context, request)
    status = "ok" if response.text == "ok" else f"{response.status} {response.text}"
    context.exchange_log.record("from_bot", "response_url", status, (time.perf_counter() - started) * 1000)
    return response


async def _respond(context: Context, request: web.Request) -> web.Response:
    text = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        text = str((await request.post()).get("payload", ""))
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = {}
    body: Json = parsed if isinstance(parsed, dict) else {}
    fault = context.faults.consume("response_url", body)
    try:
        if fault is not None:
            await inject_fault(context.feed, fault)
            if fault.status is not None:
                return build_fault_response(fault)
        response = _use_url(context, request.path, body)
    except SlackError as refusal:
        return web.Response(status=400, text=refusal.code)
    if fault is not None and fault.lose_answer:
        drop_connection(request)
    return response


def _use_url(context: Context, path: str, body: Json) -> web.Response:
    try:
        url = context.response_urls.resolve(path)
    except SlackError as refusal:
        return web.Response(status=404, text=refusal.code)
    apply_reply(context, ReplyTarget(url.channel, url.user_id, url.ts), body)
    url.uses += 1
    return web.Response(text="ok")
