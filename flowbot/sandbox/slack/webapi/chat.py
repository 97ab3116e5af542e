"""`chat.*`: messages."""

from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Channel, Json, Message
from flowbot.sandbox.slack.serializers import message_object, permalink
from flowbot.sandbox.slack.webapi import arguments as a


def _writable(core: Core, channel_id: str) -> Channel:
    """Return a channel that the bot may post to, a person's id standing for their direct messages."""
    if channel_id in core.workspace.people:
        return core.workspace.direct_message(channel_id)
    channel = core.workspace.channel_for_bot(channel_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _bot_message(core: Core, channel: Channel, args: a.PostMessage) -> Message:
    check_message(args.text, args.blocks, core.workspace)
    return Message(
        ts=core.workspace.new_ts(),
        channel=channel.id,
        user=core.workspace.bot.id,
        text=args.text,
        blocks=args.blocks,
        bot_id=core.workspace.bot_id,
        thread_ts=args.thread_ts,
        unfurl_links=args.unfurl_links,
        metadata=args.metadata,
    )


def post_message(core: Core, args: a.PostMessage) -> Json:
    """`chat.postMessage`: also to public channels that the bot is not in, with `chat:write.public`."""
    channel = _writable(core, args.channel)
    if core.workspace.bot.id not in channel.members and "chat:write.public" not in core.scopes:
        raise SlackError("not_in_channel")
    message = core.stage.post(_bot_message(core, channel, args))
    shape = message_object(core.workspace, message)
    return {"channel": channel.id, "ts": message.ts, "message": shape}


def post_ephemeral(core: Core, args: a.PostEphemeral) -> Json:
    """`chat.postEphemeral`: bot and person must both be in the channel."""
    channel = _writable(core, args.channel)
    if core.workspace.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    if core.workspace.person(args.user).id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = _bot_message(core, channel, args)
    message.ephemeral_to = args.user
    core.stage.post(message)
    return {"message_ts": message.ts}


def _own_message(core: Core, channel_id: str, ts: str, refusal: str) -> Message:
    channel = _writable(core, channel_id)
    message = core.workspace.message(channel.id, ts)
    if message is None or message.is_ephemeral:
        raise SlackError("message_not_found")
    if message.bot_id != core.workspace.bot_id:
        raise SlackError(refusal)
    return message


def update(core: Core, args: a.UpdateMessage) -> Json:
    """`chat.update`: the bot's own messages only; blocks not given stay, an empty list removes them."""
    message = _own_message(core, args.channel, args.ts, "cant_update_message")
    blocks = message.blocks if args.blocks is None else args.blocks or None
    text = args.text or ""
    check_message(text, blocks, core.workspace)
    core.stage.edit(message, text, blocks)
    message.metadata = args.metadata or message.metadata
    shape = message_object(core.workspace, message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shape}


def delete(core: Core, args: a.MessageRef) -> Json:
    """`chat.delete`: the bot's own messages only."""
    message = _own_message(core, args.channel, args.ts, "cant_delete_message")
    core.stage.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def get_permalink(core: Core, args: a.PermalinkRef) -> Json:
    """`chat.getPermalink`."""
    channel = core.workspace.channel_for_bot(args.channel)
    message = core.workspace.message(channel.id, args.message_ts)
    if message is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": permalink(core.origin, message)}
