"""Blocks are right, or a refusal says where they are not."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from flowbot.sandbox.slack.errors import invalid
from flowbot.sandbox.slack.model import Json
from flowbot.sandbox.slack.validation.complaints import sentences
from flowbot.sandbox.slack.validation.rules import broken
from flowbot.sandbox.slack.validation.surfaces import ADAPTERS, NEWER, Surface
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
        raise invalid(code, sentences(error, blocks, pointer)) from error
    wrong = broken(blocks, surface, pointer) + _missing_files(blocks, workspace, pointer)
    if wrong:
        raise invalid(code, wrong)


def _missing_files(blocks: Any, workspace: Workspace, pointer: str) -> list[str]:
    """Return a sentence for each Slack file that is not there, or not ready yet."""
    wanted = [_file_id(source) for source in _slack_files(blocks)]
    missing = [file_id for file_id in wanted if not workspace.shows_file(file_id)]
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
    if workspace.accept_new_blocks or not isinstance(blocks, list):
        return
    kinds = [b.get("type") if isinstance(b, dict) else None for b in blocks]
    wrong = [
        f"[ERROR] unsupported type: {kind} [json-pointer:{pointer}/{number}/type]"
        for number, kind in enumerate(kinds)
        if kind in NEWER
    ]
    if wrong:
        raise invalid("invalid_blocks", wrong)
