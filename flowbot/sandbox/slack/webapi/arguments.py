"""The arguments of Web API methods, as forms (JSON in strings) or JSON bodies carry them."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from flowbot.sandbox.slack.models import Json


def _parse_json(value: object) -> object:
    """Read JSON that came as a form field's string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        return value


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Blocks = Annotated[list[Json] | None, BeforeValidator(_parse_json)]
JsonObject = Annotated[Json | None, BeforeValidator(_parse_json)]
JsonValue = Annotated[Any, BeforeValidator(_parse_json)]
CommaSeparated = Annotated[list[str], BeforeValidator(_split_commas)]


class Arguments(BaseModel):
    """Arguments of a method; unknown ones are ignored, as Slack does."""

    model_config = ConfigDict(extra="ignore")


class NoArguments(Arguments):
    """The arguments of a method that takes none."""


class Reply(Arguments):
    """A reply to a command or to a response URL."""

    text: str = ""
    blocks: Blocks = None
    response_type: Literal["in_channel", "ephemeral"] = "ephemeral"
    replace_original: bool = False
    delete_original: bool = False
    thread_ts: str | None = None


class PostMessage(Arguments):
    """Arguments of `chat.postMessage`."""

    channel: str
    text: str = ""
    blocks: Blocks = None
    attachments: Blocks = None
    thread_ts: str | None = None
    unfurl_links: bool = True
    metadata: JsonObject = None


class PostEphemeral(PostMessage):
    """Arguments of `chat.postEphemeral`."""

    user: str


class UpdateMessage(Arguments):
    """Arguments of `chat.update`; blocks that are not given stay as they are."""

    channel: str
    ts: str
    text: str | None = None
    blocks: Blocks = None
    metadata: JsonObject = None


class MessageRef(Arguments):
    """Arguments of `chat.delete`."""

    channel: str
    ts: str


class OpenView(Arguments):
    """Arguments of `views.open` and `views.push`."""

    trigger_id: str
    view: JsonValue


class UpdateView(Arguments):
    """Arguments of `views.update`."""

    view: JsonValue
    view_id: str | None = None
    external_id: str | None = None
    hash: str | None = None


class PublishView(Arguments):
    """Arguments of `views.publish`."""

    user_id: str
    view: JsonValue
    hash: str | None = None


class UserRef(Arguments):
    """Arguments of `users.info`."""

    user: str
    include_locale: bool = False


class UserList(Arguments):
    """Arguments of `users.list`."""

    include_locale: bool = False
    cursor: str = ""
    limit: int = 0


class GroupList(Arguments):
    """Arguments of `usergroups.list`."""

    include_users: bool = False
    include_disabled: bool = False


class GroupRef(Arguments):
    """Arguments of `usergroups.users.list`."""

    usergroup: str


class ChannelRef(Arguments):
    """Arguments of `conversations.info`."""

    channel: str
    include_num_members: bool = False
    include_locale: bool = False


class ChannelMembers(Arguments):
    """Arguments of `conversations.members`."""

    channel: str
    cursor: str = ""
    limit: int = 100


class ChannelList(Arguments):
    """Arguments of `conversations.list`."""

    types: CommaSeparated = ["public_channel"]
    exclude_archived: bool = False
    cursor: str = ""
    limit: int = 100


class ChannelsOfUser(ChannelList):
    """Arguments of `users.conversations`."""

    user: str = ""


class FileRef(Arguments):
    """Arguments of `files.info`."""

    file: str


class UploadUrl(Arguments):
    """Arguments of `files.getUploadURLExternal`."""

    filename: str
    length: int
    alt_txt: str | None = None


class CompleteUpload(Arguments):
    """Arguments of `files.completeUploadExternal`."""

    files: Annotated[list[Json], BeforeValidator(_parse_json)]
    channel_id: str | None = None
    initial_comment: str = ""
    thread_ts: str | None = None


class CompleteSuccess(Arguments):
    """Arguments of `functions.completeSuccess`."""

    function_execution_id: str
    outputs: Annotated[Json, BeforeValidator(_parse_json)]


class CompleteError(Arguments):
    """Arguments of `functions.completeError`."""

    function_execution_id: str
    error: str
