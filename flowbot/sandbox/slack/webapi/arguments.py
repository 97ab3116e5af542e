"""The arguments of Web API methods, as forms (JSON in strings) or JSON bodies carry them."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from flowbot.sandbox.slack.models import Json


def _parsed(value: object) -> object:
    """Read JSON that came as a form field's string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        return value


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Blocks = Annotated[list[Json] | None, BeforeValidator(_parsed)]
JsonObject = Annotated[Json | None, BeforeValidator(_parsed)]
JsonValue = Annotated[Any, BeforeValidator(_parsed)]
CommaSeparated = Annotated[list[str], BeforeValidator(_comma_separated)]


class Arguments(BaseModel):
    """Slack ignores arguments that it does not know."""

    model_config = ConfigDict(extra="ignore")


class NoArguments(Arguments):
    """A method without arguments."""


class Reply(Arguments):
    """What is posted to a response URL or answered to a command."""

    text: str = ""
    blocks: Blocks = None
    response_type: Literal["in_channel", "ephemeral"] = "ephemeral"
    replace_original: bool = False
    delete_original: bool = False
    thread_ts: str | None = None


class PostMessage(Arguments):
    """`chat.postMessage`."""

    channel: str
    text: str = ""
    blocks: Blocks = None
    attachments: Blocks = None
    thread_ts: str | None = None
    unfurl_links: bool = True
    metadata: JsonObject = None


class PostEphemeral(PostMessage):
    """`chat.postEphemeral`."""

    user: str


class UpdateMessage(Arguments):
    """`chat.update`; blocks that are not given stay as they are."""

    channel: str
    ts: str
    text: str | None = None
    blocks: Blocks = None
    metadata: JsonObject = None


class MessageRef(Arguments):
    """`chat.delete`."""

    channel: str
    ts: str


class PermalinkRef(Arguments):
    """`chat.getPermalink`."""

    channel: str
    message_ts: str


class OpenView(Arguments):
    """`views.open` and `views.push`."""

    trigger_id: str
    view: JsonValue


class UpdateView(Arguments):
    """`views.update`."""

    view: JsonValue
    view_id: str | None = None
    external_id: str | None = None
    hash: str | None = None


class PublishView(Arguments):
    """`views.publish`."""

    user_id: str
    view: JsonValue
    hash: str | None = None


class UserRef(Arguments):
    """`users.info`."""

    user: str
    include_locale: bool = False


class UserList(Arguments):
    """`users.list`."""

    include_locale: bool = False
    cursor: str = ""
    limit: int = 0


class GroupList(Arguments):
    """`usergroups.list`."""

    include_users: bool = False
    include_disabled: bool = False


class GroupRef(Arguments):
    """`usergroups.users.list`."""

    usergroup: str


class ChannelRef(Arguments):
    """`conversations.info`."""

    channel: str
    include_num_members: bool = False
    include_locale: bool = False


class ChannelMembers(Arguments):
    """`conversations.members`."""

    channel: str
    cursor: str = ""
    limit: int = 100


class ChannelList(Arguments):
    """`conversations.list`."""

    types: CommaSeparated = ["public_channel"]
    exclude_archived: bool = False
    cursor: str = ""
    limit: int = 100


class FileRef(Arguments):
    """`files.info`."""

    file: str


class UploadUrl(Arguments):
    """`files.getUploadURLExternal`."""

    filename: str
    length: int
    alt_txt: str | None = None


class CompleteUpload(Arguments):
    """`files.completeUploadExternal`."""

    files: Annotated[list[Json], BeforeValidator(_parsed)]
    channel_id: str | None = None
    initial_comment: str = ""
    thread_ts: str | None = None
