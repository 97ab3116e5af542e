"""The Web API methods by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import invalid
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.webapi import auth, chat, conversations, files, users, views
from flowbot.sandbox.slack.webapi.arguments import Arguments


@dataclass(frozen=True)
class Method:
    """One Web API method.

    Attributes:
        name: Such as `chat.postMessage`.
        arguments: The model of its arguments.
        run: Carries it out and returns the answer without `ok`.
        scope: What the bot token needs; any of these is enough, none are needed if empty.
    """

    name: str
    arguments: type[Arguments]
    run: Callable[[Context, Any], Json]
    scope: tuple[str, ...] = ()

    def parse(self, values: Json) -> Arguments:
        """Read the arguments; raises `invalid_arguments` that tells which are missing or wrong."""
        try:
            return self.arguments.model_validate(values)
        except ValidationError as error:
            raise invalid("invalid_arguments", [_sentence(e) for e in error.errors()]) from error


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "missing":
        return f"[ERROR] missing required field: {name}"
    return f"[ERROR] {error['msg'].lower()} [json-pointer:/{name}]"


_WRITE = ("chat:write",)
_CHANNELS = ("channels:read", "groups:read")
_USERS = ("users:read",)
_GROUPS = ("usergroups:read",)

_METHODS = (
    Method("auth.test", a.NoArguments, auth.auth_test),
    Method("api.test", a.NoArguments, auth.api_test),
    Method("chat.postMessage", a.PostMessage, chat.post_message, _WRITE),
    Method("chat.postEphemeral", a.PostEphemeral, chat.post_ephemeral, _WRITE),
    Method("chat.update", a.UpdateMessage, chat.update, _WRITE),
    Method("chat.delete", a.MessageRef, chat.delete, _WRITE),
    Method("chat.getPermalink", a.PermalinkRef, chat.get_permalink),
    Method("views.open", a.OpenView, views.open_view),
    Method("views.push", a.OpenView, views.push),
    Method("views.update", a.UpdateView, views.update),
    Method("views.publish", a.PublishView, views.publish),
    Method("users.info", a.UserRef, users.info, _USERS),
    Method("users.list", a.UserList, users.list_users, _USERS),
    Method("usergroups.list", a.GroupList, users.list_groups, _GROUPS),
    Method("usergroups.users.list", a.GroupRef, users.list_group_users, _GROUPS),
    Method("conversations.info", a.ChannelRef, conversations.info, _CHANNELS),
    Method("conversations.members", a.ChannelMembers, conversations.members, _CHANNELS),
    Method("conversations.list", a.ChannelList, conversations.list_channels, _CHANNELS),
    Method("files.info", a.FileRef, files.info, ("files:read",)),
    Method("files.getUploadURLExternal", a.UploadUrl, files.get_upload_url, ("files:write",)),
    Method("files.completeUploadExternal", a.CompleteUpload, files.complete_upload, ("files:write",)),
)

METHODS = {method.name: method for method in _METHODS}
SOCKET_METHOD = "apps.connections.open"
