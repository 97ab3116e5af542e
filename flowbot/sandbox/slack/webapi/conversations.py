"""`conversations.*`."""

from collections.abc import Iterable

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Channel, Json
from flowbot.sandbox.slack.serializers import serialize_channel
from flowbot.sandbox.slack.webapi import arguments
from flowbot.sandbox.slack.webapi.pagination import paginate
from flowbot.sandbox.slack.workspace import Workspace


def get_channel(context: Context, args: arguments.ChannelRef) -> Json:
    """Return a channel (`conversations.info`)."""
    channel = context.workspace.get_bot_channel(args.channel)
    serialized = serialize_channel(context.workspace, channel)
    if args.include_num_members:
        serialized["num_members"] = len(channel.members)
    return {"channel": serialized}


def list_members(context: Context, args: arguments.ChannelMembers) -> Json:
    """Return a page of a channel's members (`conversations.members`)."""
    channel = context.workspace.get_bot_channel(args.channel)
    ids, metadata = paginate(channel.members, args.cursor, args.limit)
    return {"members": ids, "response_metadata": metadata}


def list_channels(context: Context, args: arguments.ChannelList) -> Json:
    """Return a page of the channels (`conversations.list`), private ones only if the bot is in them."""
    return _list_page(context.workspace, args, context.workspace.channels.values())


def list_channels_of_user(context: Context, args: arguments.ChannelsOfUser) -> Json:
    """Return a page of the channels that a person is in (`users.conversations`), private ones as `list_channels`."""
    workspace = context.workspace
    user = workspace.get_person(args.user).id if args.user else workspace.bot.id
    return _list_page(workspace, args, (each for each in workspace.channels.values() if user in each.members))


def _list_page(workspace: Workspace, args: arguments.ChannelList, among: Iterable[Channel]) -> Json:
    found = []
    for channel in among:
        kind = "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"
        is_visible = kind == "public_channel" or workspace.bot.id in channel.members
        if kind in args.types and is_visible and not (channel.is_archived and args.exclude_archived):
            found.append(channel)
    channels, metadata = paginate(found, args.cursor, args.limit)
    return {"channels": [serialize_channel(workspace, c) for c in channels], "response_metadata": metadata}
