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

_FILE_ID = re.compile(r"[-/](F[A-Z0-9]{6,})/")


def check_blocks(blocks: Any, surface: Surface, workspace: Workspace, pointer: str, code: str) -> None:
    """Check the blocks of a message or view.

    Args:
        blocks: What the bot sent as blocks.
        surface: Where they are to stand.
        workspace: May refuse newer block types.
        pointer: Where the blocks are in the request, such as `/blocks`.
        code: The error code to refuse with.

    Raises:
        SlackError: `code`, or `invalid_blocks` for a newer block that this workspace refuses.
    """
    _refuse_newer(blocks, workspace, pointer)
    try:
        ADAPTERS[surface].validate_python(blocks)
    except ValidationError as error:
        raise invalid(code, format_errors(error, blocks, pointer)) from error
    wrong = find_violations(blocks, surface, pointer) + _missing_files(blocks, workspace, pointer)
    if wrong:
        raise invalid(code, wrong)


def _missing_files(blocks: Any, workspace: Workspace, pointer: str) -> list[str]:
    """Return a sentence for each Slack file that is not there, or not ready yet."""
    wanted = [_file_id(source) for source in _slack_files(blocks)]
    missing = [file_id for file_id in wanted if not workspace.is_file_ready(file_id)]
    return [f"[ERROR] invalid slack file: {file_id} [json-pointer:{pointer}]" for file_id in missing]


def _slack_files(value: Any) -> Iterator[Json]:
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and "slack_file" in value:
        yield value["slack_file"]
    for entry in entries:
        yield from _slack_files(entry)


def _file_id(source: Json) -> str:
    found = _FILE_ID.search(source.get("url", ""))
    return str(source.get("id") or (found[1] if found else ""))


def _refuse_newer(blocks: Any, workspace: Workspace, pointer: str) -> None:
    if workspace.accepts_newer_blocks or not isinstance(blocks, list):
        return
    kinds = [b.get("type") if isinstance(b, dict) else None for b in blocks]
    wrong = [
        f"[ERROR] unsupported type: {kind} [json-pointer:{pointer}/{number}/type]"
        for number, kind in enumerate(kinds)
        if kind in NEWER_BLOCK_TYPES
    ]
    if wrong:
        raise invalid("invalid_blocks", wrong)


MAX_TEXT = 4000


def check_message(text: str, blocks: Any, workspace: Workspace) -> None:
    """Check a message.

    Raises:
        SlackError: `no_text`, `msg_too_long` (more than 4000 characters), `invalid_blocks`.
    """
    if blocks:
        check_blocks(blocks, "message", workspace, "/blocks", "invalid_blocks")
    elif not text.strip():
        raise SlackError("no_text")
    if utf16_length(text) > MAX_TEXT:
        raise SlackError("msg_too_long")


MAX_BYTES = 250_000
ShortText = Annotated[PlainText, text_length(24)]


class _Frame(BlockKitModel):
    blocks: list[Json]
    callback_id: Annotated[str, string_length(255, 0)] | None = None
    private_metadata: Annotated[str, string_length(3000, 0)] | None = None
    external_id: Annotated[str, string_length(255, 0)] | None = None


class Modal(_Frame):
    """A modal: title, submit and close have at most 24 characters."""

    type: Literal["modal"]
    title: ShortText
    submit: ShortText | None = None
    close: ShortText | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None


class Home(_Frame):
    """An App Home."""

    type: Literal["home"]


_FRAME: TypeAdapter[Any] = TypeAdapter(Annotated[Modal | Home, Field(discriminator="type")])


def check_view(view: Any, workspace: Workspace, kind: Literal["modal", "home"] | None) -> Json:
    """Check a view and return it; `kind` None takes both.

    Raises:
        SlackError: `view_too_large`, or `invalid_arguments` with the places that are wrong.
    """
    if len(json.dumps(view, ensure_ascii=False).encode()) > MAX_BYTES:
        raise SlackError("view_too_large")
    definition = _framed(view)
    if kind and definition["type"] != kind:
        raise invalid("invalid_arguments", [f"[ERROR] must be of type {kind} [json-pointer:/view/type]"])
    surface: Literal["modal", "home"] = "modal" if definition["type"] == "modal" else "home"
    check_blocks(definition["blocks"], surface, workspace, "/view/blocks", "invalid_arguments")
    if "submit" not in definition and any(b["type"] == "input" for b in definition["blocks"]):
        sentence = "[ERROR] missing required field: submit [json-pointer:/view]"
        raise invalid("invalid_arguments", [sentence])
    return definition


def _framed(view: Any) -> Json:
    try:
        _FRAME.validate_python(view)
    except ValidationError as error:
        raise invalid("invalid_arguments", format_errors(error, view, "/view")) from error
    return dict(view)
