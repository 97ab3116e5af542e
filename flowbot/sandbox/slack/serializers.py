"""JSON of people, groups, channels, messages, views and files, for the bot and for the page."""

from flowbot.sandbox.slack.models import Channel, Json, Message, Person, StoredFile, UserGroup, View
from flowbot.sandbox.slack.workspace import Workspace

_UPDATED = 1_770_000_000


def serialize_user(workspace: Workspace, person: Person, *, include_locale: bool = False) -> Json:
    """Return a person as `users.info` does; outsiders are `is_stranger` and have no locale."""
    user = {
        "id": person.id,
        "team_id": person.team.id,
        "name": person.name,
        "deleted": person.deleted,
        "color": person.color,
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz_label,
        "tz_offset": person.tz_offset,
        "profile": _serialize_profile(workspace, person),
        "is_admin": person.is_admin,
        "is_owner": person.is_owner,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": _UPDATED,
        "is_email_confirmed": not person.is_bot,
        "who_can_share_contact_card": "EVERYONE",
    }
    if person.team.enterprise:
        user["enterprise_user"] = {"id": person.id, "enterprise_id": person.team.enterprise, "teams": [person.team.id]}
    if workspace.is_external(person):
        hidden = ("is_admin", "is_owner", "is_primary_owner", "is_email_confirmed")
        return {key: value for key, value in user.items() if key not in hidden} | {"is_stranger": True}
    return user | ({"locale": person.locale} if include_locale and person.locale else {})


def _serialize_profile(workspace: Workspace, person: Person) -> Json:
    first, _, last = person.real_name.partition(" ")
    profile = {
        "title": person.title,
        "phone": "",
        "skype": "",
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "first_name": first,
        "last_name": last,
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": "g" + person.id.lower(),
        "fields": None,
        "team": person.team.id,
    }
    if person.is_bot:
        profile |= {"bot_id": workspace.bot_id, "api_app_id": workspace.app_id, "always_active": True}
    return profile


def serialize_group(workspace: Workspace, group: UserGroup, *, include_users: bool = False) -> Json:
    """Return a user group as `usergroups.list` does."""
    shape = {
        "id": group.id,
        "team_id": workspace.team.id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": _UPDATED,
        "date_update": _UPDATED,
        "date_delete": 0 if group.enabled else _UPDATED,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": "",
        "updated_by": "",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.users),
    }
    return shape | ({"users": list(group.users)} if include_users else {})


def serialize_channel(workspace: Workspace, channel: Channel) -> Json:
    """Return a conversation as `conversations.info` does."""
    if channel.is_im:
        return _serialize_direct_message(workspace, channel)
    teams = {workspace.get_person(user).team.id for user in channel.members} if channel.is_shared else set()
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_general": False,
        "unlinked": 0,
        "name_normalized": channel.name,
        "is_shared": channel.is_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": workspace.team.id,
        "updated": channel.created * 1000,
        "parent_conversation": None,
        "creator": channel.creator or channel.members[0],
        "is_ext_shared": channel.is_shared,
        "shared_team_ids": sorted(teams | {workspace.team.id}),
        "pending_connected_team_ids": [],
        "is_member": workspace.bot.id in channel.members,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }


def _serialize_direct_message(workspace: Workspace, channel: Channel) -> Json:
    other = next(user for user in channel.members if user != workspace.bot.id)
    return {
        "id": channel.id,
        "created": channel.created,
        "is_archived": False,
        "is_im": True,
        "is_org_shared": False,
        "context_team_id": workspace.team.id,
        "user": other,
        "is_user_deleted": workspace.get_person(other).deleted,
        "priority": 0,
    }


def serialize_message(workspace: Workspace, message: Message) -> Json:
    """Return a message as `chat.postMessage` and interaction payloads carry it."""
    shape: Json = {
        "user": message.user,
        "type": "message",
        "ts": message.ts,
        "text": message.text,
        "team": workspace.get_person(message.user).team.id,
    }
    if message.bot_id:
        profile = {
            "id": workspace.bot_id,
            "deleted": False,
            "name": workspace.bot.name,
            "updated": _UPDATED,
            "app_id": workspace.app_id,
            "user_id": workspace.bot.id,
            "icons": {},
            "team_id": workspace.team.id,
        }
        shape |= {"bot_id": message.bot_id, "app_id": workspace.app_id, "bot_profile": profile}
    if message.blocks is not None:
        shape["blocks"] = message.blocks
    if message.thread_ts:
        shape["thread_ts"] = message.thread_ts
    if message.edited_ts:
        shape["edited"] = {"user": message.bot_id or message.user, "ts": message.edited_ts}
    if message.metadata:
        shape["metadata"] = message.metadata
    return shape


def serialize_view(workspace: Workspace, view: View) -> Json:
    """Return a view as `views.open` and interaction payloads carry it."""
    return {
        "id": view.id,
        "team_id": workspace.get_person(view.owner).team.id,
        "type": view.type,
        "blocks": view.blocks,
        "private_metadata": view.private_metadata,
        "callback_id": view.callback_id,
        "state": {"values": view.values},
        "hash": view.hash,
        "title": view.title or {"type": "plain_text", "text": "View Title", "emoji": True},
        "clear_on_close": view.clear_on_close,
        "notify_on_close": view.notify_on_close,
        "close": view.close,
        "submit": view.submit,
        "previous_view_id": view.previous_view_id,
        "root_view_id": view.root_view_id or view.id,
        "app_id": workspace.app_id,
        "external_id": view.external_id,
        "app_installed_team_id": workspace.team.id,
        "bot_id": workspace.bot_id,
    }


def serialize_file(stored: StoredFile, origin: str, team_id: str) -> Json:
    """Return a file as `files.info` does; its download URL is on the workspace's own origin."""
    base = f"{origin}/files-pri/{team_id}-{stored.id}"
    extension = stored.name.rpartition(".")[2].lower()
    return {
        "id": stored.id,
        "created": int(stored.created),
        "timestamp": int(stored.created),
        "name": stored.name,
        "title": stored.title or stored.name,
        "mimetype": stored.mimetype,
        "filetype": extension,
        "pretty_type": extension.upper(),
        "user": stored.owner,
        "user_team": team_id,
        "editable": False,
        "size": stored.size,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": bool(stored.channels),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{base}/{stored.name}",
        "url_private_download": f"{base}/download/{stored.name}",
        "media_display_type": "unknown",
        "permalink": f"{origin}/files/{stored.owner}/{stored.id}/{stored.name}",
        "channels": stored.channels,
        "groups": [],
        "ims": [],
        "file_access": "visible",
    }


def build_permalink(origin: str, message: Message) -> str:
    """Return the message's address, in Slack's shape but on the workspace's own origin."""
    link = f"{origin}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.thread_ts else link


def serialize_page_person(workspace: Workspace, person: Person) -> Json:
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
        "is_external": workspace.is_external(person),
        "color": person.color,
    }


def serialize_page_group(group: UserGroup) -> Json:
    """Return a user group for the page."""
    return {"id": group.id, "handle": group.handle, "name": group.name, "users": group.users}


def serialize_page_channel(channel: Channel) -> Json:
    """Return a channel for the page."""
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_private": channel.is_private,
        "is_shared": channel.is_shared,
        "members": channel.members,
    }


def serialize_page_message(message: Message, origin: str) -> Json:
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
        "permalink": build_permalink(origin, message),
    }
