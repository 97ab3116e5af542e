"""Rules of a message as a whole."""

from typing import Any

from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.validation.base import size
from flowbot.sandbox.slack.validation.check import check_blocks
from flowbot.sandbox.slack.workspace import Workspace

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
    if size(text) > MAX_TEXT:
        raise SlackError("msg_too_long")
