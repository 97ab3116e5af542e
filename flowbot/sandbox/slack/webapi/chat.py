"""`chat.*`: messages."""

from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Channel, Json, Message
from flowbot.sandbox.slack.serializers import serialize_message
from flowbot.sandbox.slack.webapi import arguments


def _find_writable_channel(context: Context, channel_id: str) -> Channel:
    """Return the channel to post to; a person's id stands for their direct messages."""
    if channel_id in context.workspace.people:
        return context.workspace.open_direct_message(channel_id)
    channel = context.workspace.get_bot_channel(channel_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _build_message(context: Context, channel: Channel, args: arguments.PostMessage) -> Message:
    check_message(args.text, args.blocks, context.workspace)
    return Message(
        ts=context.workspace.next_ts(),
        channel=channel.id,
        user=context.workspace.bot.id,
        text=args.text,
        blocks=args.blocks,
        bot_id=context.workspace.bot_id,
        thread_ts=args.thread_ts,
        unfurl_links=args.unfurl_links,
        metadata=args.metadata,
    )


def post_message(context: Context, args: arguments.PostMessage) -> Json:
    """Post a message (`chat.postMessage`); the bot need not be in a public channel with `chat:write.public`."""
    channel = _find_writable_channel(context, args.channel)
    if context.workspace.bot.id not in channel.members and "chat:write.public" not in context.scopes:
        raise SlackError("not_in_channel")
    message = context.mutations.post_message(_build_message(context, channel, args))
    return {"channel": channel.id, "ts": message.ts, "message": serialize_message(context.workspace, message)}


def post_ephemeral(context: Context, args: arguments.PostEphemeral) -> Json:
    """Post a message to one person (`chat.postEphemeral`); bot and person must both be in the channel."""
    channel = _find_writable_channel(context, args.channel)
    if context.workspace.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    if context.workspace.get_person(args.user).id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = _build_message(context, channel, args)
    message.ephemeral_to = args.user
    context.mutations.post_message(message)
    return {"message_ts": message.ts}


def _find_own_message(context: Context, channel_id: str, ts: str, error: str) -> Message:
    channel = _find_writable_channel(context, channel_id)
    message = context.workspace.find_message(channel.id, ts)
    if message is None or message.is_ephemeral:
        raise SlackError("message_not_found")
    if message.bot_id != context.workspace.bot_id:
        raise SlackError(error)
    return message


def update_message(context: Context, args: arguments.UpdateMessage) -> Json:
    """Edit a message of the bot (`chat.update`); blocks not given stay, an empty list removes them."""
    message = _find_own_message(context, args.channel, args.ts, "cant_update_message")
    blocks = message.blocks if args.blocks is None else args.blocks or None
    text = args.text or ""
    check_message(text, blocks, context.workspace)
    context.mutations.edit_message(message, text, blocks)
    message.metadata = args.metadata or message.metadata
    serialized = serialize_message(context.workspace, message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": serialized}


def delete_message(context: Context, args: arguments.MessageRef) -> Json:
    """Delete a message of the bot (`chat.delete`)."""
    message = _find_own_message(context, args.channel, args.ts, "cant_delete_message")
    context.mutations.delete_message(message)
    return {"channel": message.channel, "ts": message.ts}
