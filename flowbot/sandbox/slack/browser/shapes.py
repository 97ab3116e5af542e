"""What the page gets to see of people, channels, messages and views."""

from flowbot.sandbox.slack.model import Channel, Json, Message, Person, UserGroup
from flowbot.sandbox.slack.workspace import Workspace


def permalink(origin: str, message: Message) -> str:
    """Return the message's address, in Slack's shape but on the workspace's own origin."""
    link = f"{origin}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.thread_ts else link


def person_shape(workspace: Workspace, person: Person) -> Json:
    """Return a person for the page."""
    return {
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "title": person.title,
        "locale": person.locale,
        "tz": person.tz,
        "team_id": person.team.id,
        "team_name": person.team.name,
        "is_admin": person.is_admin,
        "is_external": workspace.is_foreign(person),
        "color": person.color,
    }


def group_shape(group: UserGroup) -> Json:
    """Return a user group for the page."""
    return {"id": group.id, "handle": group.handle, "name": group.name, "users": group.users}


def channel_shape(channel: Channel) -> Json:
    """Return a channel for the page."""
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_private": channel.is_private,
        "is_shared": channel.is_shared,
        "members": channel.members,
    }


def message_shape(message: Message, origin: str) -> Json:
    """Return a message for the page."""
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "channel": message.channel,
        "user": message.user,
        "bot": message.bot_id is not None,
        "text": message.text,
        "blocks": message.blocks,
        "ephemeral": message.is_ephemeral,
        "to": message.ephemeral_to,
        "edited": message.edited_ts is not None,
        "reply_count": message.reply_count,
        "permalink": permalink(origin, message),
    }
