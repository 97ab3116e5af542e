"""`chat.*`: messages."""

from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Channel, Json, Message
from flowbot.sandbox.slack.serializers import build_permalink, serialize_message
from flowbot.sandbox.slack.webapi import arguments as a


def _writable(context: Context, channel_id: str) -> Channel:
    """Return a channel that the bot may post to, a person's id standing for their direct messages."""
    if channel_id in context.workspace.people:
        return context.workspace.open_direct_message(channel_id)
    channel = context.workspace.get_bot_channel(channel_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _bot_message(context: Context, channel: Channel, args: a.PostMessage) -> Message:
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


def post_message(context: Context, args: a.PostMessage) -> Json:
    """`chat.postMessage`: also to public channels that the bot is not in, with `chat:write.public`."""
    channel = _writable(context, args.channel)
    if context.workspace.bot.id not in channel.members and "chat:write.public" not in context.scopes:
        raise SlackError("not_in_channel")
    message = context.mutations.post_message(_bot_message(context, channel, args))
    shape = serialize_message(context.workspace, message)
    return {"channel": channel.id, "ts": message.ts, "message": shape}


def post_ephemeral(context: Context, args: a.PostEphemeral) -> Json:
    """`chat.postEphemeral`: bot and person must both be in the channel."""
    channel = _writable(context, args.channel)
    if context.workspace.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    if context.workspace.get_person(args.user).id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = _bot_message(context, channel, args)
    message.ephemeral_to = args.user
    context.mutations.post_message(message)
    return {"message_ts": message.ts}


def _own_message(context: Context, channel_id: str, ts: str, refusal: str) -> Message:
    channel = _writable(context, channel_id)
    message = context.workspace.find_message(channel.id, ts)
    if message is None or message.is_ephemeral:
        raise SlackError("message_not_found")
    if message.bot_id != context.workspace.bot_id:
        raise SlackError(refusal)
    return message


def update(context: Context, args: a.UpdateMessage) -> Json:
    """`chat.update`: the bot's own messages only; blocks not given stay, an empty list removes them."""
    message = _own_message(context, args.channel, args.ts, "cant_update_message")
    blocks = message.blocks if args.blocks is None else args.blocks or None
    text = args.text or ""
    check_message(text, blocks, context.workspace)
    context.mutations.edit_message(message, text, blocks)
    message.metadata = args.metadata or message.metadata
    shape = serialize_message(context.workspace, message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shape}


def delete(context: Context, args: a.MessageRef) -> Json:
    """`chat.delete`: the bot's own messages only."""
    message = _own_message(context, args.channel, args.ts, "cant_delete_message")
    context.mutations.delete_message(message)
    return {"channel": message.channel, "ts": message.ts}


def get_permalink(context: Context, args: a.PermalinkRef) -> Json:
    """`chat.getPermalink`."""
    channel = context.workspace.get_bot_channel(args.channel)
    message = context.workspace.find_message(channel.id, args.message_ts)
    if message is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": build_permalink(context.origin, message)}
