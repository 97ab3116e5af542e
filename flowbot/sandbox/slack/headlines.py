"""The headline of a message: desktops show its first block in a notification, phones its `text`."""

from flowbot.sandbox.slack.mentions import find_mentions
from flowbot.sandbox.slack.models import Message
from flowbot.sandbox.slack.mrkdwn import ENTITY, unescape
from flowbot.sandbox.slack.visible_text import text_of
from flowbot.sandbox.slack.workspace import Workspace


def find_headline_fault(message: Message, workspace: Workspace) -> str | None:
    """Return what is wrong with a message's headline; None where both places carry the same one.

    The first block has to begin with `text`, which may be shortened by an ellipsis. A mention or a link in `text` has
    to be one in that block, too.
    """
    told, first = message.text, (message.blocks or [])[:1]
    shown = _squeeze(text_of(first))
    read = _squeeze(unescape(ENTITY.sub(lambda found: _read_entity(found[1]), told)))
    if not read or not shown.startswith(read.removesuffix("…")):
        return f"text says {read!r}, the first block {shown!r}"
    in_block = find_mentions(Message("", "", "", "", blocks=first), workspace)
    if extra := [each for each in find_mentions(Message("", "", "", told), workspace) if each not in in_block]:
        return f"text {told!r} turns into {extra}"
    return None


def _read_entity(inner: str) -> str:
    """Return what stands for a mention or a time in the first block."""
    return inner.partition("|")[2] if inner.startswith("!date^") else inner.lstrip("@#").removeprefix("!subteam^")


def _squeeze(text: str) -> str:
    """Return the text on one line, without the word joiners that take a mark its effect."""
    return " ".join(text.replace("\N{WORD JOINER}", "").split())
