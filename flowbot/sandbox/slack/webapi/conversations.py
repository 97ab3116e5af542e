"""`conversations.*`."""

from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.models import Channel, Json
from flowbot.sandbox.slack.serializers import channel_object
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.webapi.pagination import page


def info(core: Core, args: a.ChannelRef) -> Json:
    """`conversations.info`."""
    channel = core.workspace.channel_for_bot(args.channel)
    shape = channel_object(core.workspace, channel)
    if args.include_num_members:
        shape["num_members"] = len(channel.members)
    return {"channel": shape}


def members(core: Core, args: a.ChannelMembers) -> Json:
    """`conversations.members`, in pages."""
    channel = core.workspace.channel_for_bot(args.channel)
    ids, metadata = page(channel.members, args.cursor, args.limit)
    return {"members": ids, "response_metadata": metadata}


def list_channels(core: Core, args: a.ChannelList) -> Json:
    """`conversations.list`: private ones only where the bot is in."""
    found = [c for c in core.workspace.channels.values() if _listed(core, c, args)]
    channels, metadata = page(found, args.cursor, args.limit)
    shapes = [channel_object(core.workspace, c) for c in channels]
    return {"channels": shapes, "response_metadata": metadata}


def _listed(core: Core, channel: Channel, args: a.ChannelList) -> bool:
    if channel.is_archived and args.exclude_archived:
        return False
    if channel.is_im or channel.is_private:
        kind = "im" if channel.is_im else "private_channel"
        return kind in args.types and core.workspace.bot.id in channel.members
    return "public_channel" in args.types
