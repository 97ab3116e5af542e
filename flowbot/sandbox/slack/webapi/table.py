"""The table of all Web API methods."""

from flowbot.sandbox.slack.webapi import app, chat, conversations, files, people, views
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.webapi.method import Method

_WRITE = ("chat:write",)
_CHANNELS = ("channels:read", "groups:read")
_USERS = ("users:read",)
_GROUPS = ("usergroups:read",)

_METHODS = (
    Method("auth.test", a.Nothing, app.auth_test),
    Method("api.test", a.Nothing, app.api_test),
    Method("chat.postMessage", a.PostMessage, chat.post_message, _WRITE),
    Method("chat.postEphemeral", a.PostEphemeral, chat.post_ephemeral, _WRITE),
    Method("chat.update", a.UpdateMessage, chat.update, _WRITE),
    Method("chat.delete", a.MessageRef, chat.delete, _WRITE),
    Method("chat.getPermalink", a.PermalinkRef, chat.get_permalink),
    Method("views.open", a.OpenView, views.open_view),
    Method("views.push", a.OpenView, views.push),
    Method("views.update", a.UpdateView, views.update),
    Method("views.publish", a.PublishView, views.publish),
    Method("users.info", a.UserRef, people.info, _USERS),
    Method("users.list", a.UserList, people.list_users, _USERS),
    Method("usergroups.list", a.GroupList, people.list_groups, _GROUPS),
    Method("usergroups.users.list", a.GroupRef, people.group_users, _GROUPS),
    Method("conversations.info", a.ChannelRef, conversations.info, _CHANNELS),
    Method("conversations.members", a.ChannelMembers, conversations.members, _CHANNELS),
    Method("conversations.list", a.ChannelList, conversations.list_channels, _CHANNELS),
    Method("files.info", a.FileRef, files.info, ("files:read",)),
    Method("files.getUploadURLExternal", a.UploadUrl, files.get_upload_url, ("files:write",)),
    Method("files.completeUploadExternal", a.CompleteUpload, files.complete_upload, ("files:write",)),
)

METHODS = {method.name: method for method in _METHODS}
SOCKET_METHOD = "apps.connections.open"
