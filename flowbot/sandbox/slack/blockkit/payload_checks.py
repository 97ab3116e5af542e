"""Checks of whole messages and views, and of the blocks in them."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, string_length, text_length, utf16_length
from flowbot.sandbox.slack.blockkit.error_messages import format_errors
from flowbot.sandbox.slack.blockkit.objects import PlainText
from flowbot.sandbox.slack.blockkit.rules import find_violations
from flowbot.sandbox.slack.blockkit.surfaces import ADAPTERS, NEWER_BLOCK_TYPES, Surface
from flowbot.sandbox.slack.errors import SlackError, invalid
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.workspace import Workspace

MAX_TEXT = 4000
MAX_BLOCKS_TEXT = 11_300
MAX_VIEW_BYTES = 250_000
_FILE_ID = re.compile(r"[-/](F[A-Z0-9]{6,})/")

ShortText = Annotated[PlainText, text_length(24)]


class _View(BlockKitModel):
    blocks: list[Json]
    callback_id: Annotated[str, string_length(255, 0)] | None = None
    private_metadata: Annotated[str, string_length(3000, 0)] | None = None
    external_id: Annotated[str, string_length(255, 0)] | None = None


class Modal(_View):
    """A modal: title, submit and close have at most 24 characters."""

    type: Literal["modal"]
    title: ShortText
    submit: ShortText | None = None
    close: ShortText | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None


class Home(_View):
    """An App Home."""

    type: Literal["home"]


_VIEW: TypeAdapter[Any] = TypeAdapter(Annotated[Modal | Home, Field(discriminator="type")])


def check_message(text: str, blocks: Any, workspace: Workspace) -> None:
    """Check a message that the bot sent.

    Raises:
        SlackError: `no_text`, `msg_too_long` (more than 4000 characters), `invalid_blocks`, `msg_blocks_too_long`.
    """
    if blocks:
        check_blocks(blocks, "message", workspace, "/blocks", "invalid_blocks")
        if count_text(blocks) >= MAX_BLOCKS_TEXT:
            raise SlackError("msg_blocks_too_long")
    elif not text.strip():
        raise SlackError("no_text")
    if utf16_length(text) > MAX_TEXT:
        raise SlackError("msg_too_long")


def count_text(value: Any) -> int:
    """Count the characters of all texts in blocks (github.com/slackapi/bolt-js/issues/2867 tells where Slack stops)."""
    if isinstance(value, dict):
        text = value.get("text")
        return (utf16_length(text) if isinstance(text, str) else 0) + sum(map(count_text, value.values()))
    return sum(map(count_text, value)) if isinstance(value, list) else 0


def check_view(view: Any, workspace: Workspace, kind: Literal["modal", "home"] | None) -> Json:
    """Check a view and return it; `kind` None allows both kinds.

    Raises:
        SlackError: `view_too_large`, or `invalid_arguments` with the places that are wrong.
    """
    if len(json.dumps(view, ensure_ascii=False).encode()) > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    try:
        _VIEW.validate_python(view)
    except ValidationError as error:
        raise invalid("invalid_arguments", format_errors(error, view, "/view")) from error
    definition = dict(view)
    if kind and definition["type"] != kind:
        raise invalid("invalid_arguments", [f"[ERROR] must be of type {kind} [json-pointer:/view/type]"])
    surface: Literal["modal", "home"] = "modal" if definition["type"] == "modal" else "home"
    check_blocks(definition["blocks"], surface, workspace, "/view/blocks", "invalid_arguments")
    if "submit" not in definition and any(b["type"] == "input" for b in definition["blocks"]):
        raise invalid("invalid_arguments", ["[ERROR] missing required field: submit [json-pointer:/view]"])
    return definition


def check_blocks(blocks: Any, surface: Surface, workspace: Workspace, pointer: str, code: str) -> None:
    """Check the blocks of a message or view.

    Args:
        blocks: What the bot sent as blocks.
        surface: What they are on.
        workspace: May reject newer block types.
        pointer: Where the blocks are in the request, such as `/blocks`.
        code: The error code to raise.

    Raises:
        SlackError: `code`, or `invalid_blocks` for a newer block that this workspace rejects.
    """
    _reject_newer_blocks(blocks, workspace, pointer)
    try:
        ADAPTERS[surface].validate_python(blocks)
    except ValidationError as error:
        raise invalid(code, format_errors(error, blocks, pointer)) from error
    messages = [*find_violations(blocks, surface, pointer), *_find_missing_files(blocks, workspace, pointer)]
    if messages:
        raise invalid(code, messages)


def _reject_newer_blocks(blocks: Any, workspace: Workspace, pointer: str) -> None:
    if workspace.accepts_newer_blocks or not isinstance(blocks, list):
        return
    types = [block.get("type") if isinstance(block, dict) else None for block in blocks]
    messages = [
        f"[ERROR] unsupported type: {kind} [json-pointer:{pointer}/{number}/type]"
        for number, kind in enumerate(types)
        if kind in NEWER_BLOCK_TYPES
    ]
    if messages:
        raise invalid("invalid_blocks", messages)


def _find_missing_files(blocks: Any, workspace: Workspace, pointer: str) -> Iterator[str]:
    """Yield a sentence for each Slack file that is not there, not ready yet, or of a type that blocks do not show."""
    for source in _iter_slack_files(blocks):
        in_url = _FILE_ID.search(source.get("url", ""))
        file_id = str(source.get("id") or (in_url[1] if in_url else ""))
        if not workspace.is_file_shown(file_id):
            yield f"[ERROR] invalid slack file: {file_id} [json-pointer:{pointer}]"


def _iter_slack_files(value: Any) -> Iterator[Json]:
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and "slack_file" in value:
        yield value["slack_file"]
    for entry in entries:
        yield from _iter_slack_files(entry)
