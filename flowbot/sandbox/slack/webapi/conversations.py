"""`conversations.*`."""

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Channel, Json
from flowbot.sandbox.slack.serializers import serialize_channel
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.webapi.pagination import paginate


def info(context: Context, args: a.ChannelRef) -> Json:
    """`conversations.info`."""
    channel = context.workspace.get_bot_channel(args.channel)
    shape = serialize_channel(context.workspace, channel)
    if args.include_num_members:
        shape["num_members"] = len(channel.members)
    return {"channel": shape}


def members(context: Context, args: a.ChannelMembers) -> Json:
    """`conversations.members`, in pages."""
    channel = context.workspace.get_bot_channel(args.channel)
    ids, metadata = paginate(channel.members, args.cursor, args.limit)
    return {"members": ids, "response_metadata": metadata}


def list_channels(context: Context, args: a.ChannelList) -> Json:
    """`conversations.list`: private ones only where the bot is in."""
    found = [c for c in context.workspace.channels.values() if _listed(context, c, args)]
    channels, metadata = paginate(found, args.cursor, args.limit)
    shapes = [serialize_channel(context.workspace, c) for c in channels]
    return {"channels": shapes, "response_metadata": metadata}


def _listed(context: Context, channel: Channel, args: a.ChannelList) -> bool:
    if channel.is_archived and args.exclude_archived:
        return False
    if channel.is_im or channel.is_private:
        kind = "im" if channel.is_im else "private_channel"
        return kind in args.types and context.workspace.bot.id in channel.members
    return "public_channel" in args.types
