"""The Web API methods by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import invalid
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi import arguments, auth, chat, conversations, files, functions, users, views
from flowbot.sandbox.slack.webapi.arguments import Arguments


@dataclass(frozen=True)
class Method:
    """One Web API method.

    Attributes:
        name: Such as `chat.postMessage`.
        arguments: The model of its arguments.
        run: Carries it out and returns the response without `ok`.
        scope: The bot token needs one of these scopes, or none if empty.
    """

    name: str
    arguments: type[Arguments]
    run: Callable[[Context, Any], Json]
    scope: tuple[str, ...] = ()

    def parse(self, values: Json) -> Arguments:
        """Return the arguments as their model.

        Raises:
            SlackError: `invalid_arguments`, naming those that are missing or wrong.
        """
        try:
            return self.arguments.model_validate(values)
        except ValidationError as error:
            messages = []
            for entry in error.errors():
                name = str(entry["loc"][0]) if entry["loc"] else ""
                message = f"{entry['msg'].lower()} [json-pointer:/{name}]"
                messages.append(f"missing required field: {name}" if entry["type"] == "missing" else message)
            raise invalid("invalid_arguments", [f"[ERROR] {message}" for message in messages]) from error


_WRITE = ("chat:write",)
_CHANNELS = ("channels:read", "groups:read")
_USERS = ("users:read",)
_GROUPS = ("usergroups:read",)

_METHODS = (
    Method("auth.test", arguments.NoArguments, auth.check_auth),
    Method("api.test", arguments.NoArguments, auth.check_api),
    Method("chat.postMessage", arguments.PostMessage, chat.post_message, _WRITE),
    Method("chat.postEphemeral", arguments.PostEphemeral, chat.post_ephemeral, _WRITE),
    Method("chat.update", arguments.UpdateMessage, chat.update_message, _WRITE),
    Method("chat.delete", arguments.MessageRef, chat.delete_message, _WRITE),
    Method("views.open", arguments.OpenView, views.open_view),
    Method("views.push", arguments.OpenView, views.push_view),
    Method("views.update", arguments.UpdateView, views.update_view),
    Method("views.publish", arguments.PublishView, views.publish_view),
    Method("users.info", arguments.UserRef, users.get_user, _USERS),
    Method("users.list", arguments.UserList, users.list_users, _USERS),
    Method("usergroups.list", arguments.GroupList, users.list_groups, _GROUPS),
    Method("usergroups.users.list", arguments.GroupRef, users.list_group_users, _GROUPS),
    Method("conversations.info", arguments.ChannelRef, conversations.get_channel, _CHANNELS),
    Method("conversations.members", arguments.ChannelMembers, conversations.list_members, _CHANNELS),
    Method("users.conversations", arguments.ChannelsOfUser, conversations.list_channels_of_user, _CHANNELS),
    Method("conversations.list", arguments.ChannelList, conversations.list_channels, _CHANNELS),
    Method("files.info", arguments.FileRef, files.get_file, ("files:read",)),
    Method("files.getUploadURLExternal", arguments.UploadUrl, files.get_upload_url, ("files:write",)),
    Method("files.completeUploadExternal", arguments.CompleteUpload, files.complete_upload, ("files:write",)),
    Method("functions.completeSuccess", arguments.CompleteSuccess, functions.complete_success),
    Method("functions.completeError", arguments.CompleteError, functions.complete_error),
)

METHODS = {method.name: method for method in _METHODS}
SOCKET_METHOD = "apps.connections.open"
