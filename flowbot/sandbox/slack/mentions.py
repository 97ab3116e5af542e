"""Mentions, broadcasts and links that Slack makes of text, to prove that hostile text becomes none.

Source: docs.slack.dev, "Formatting message text". `verbatim: false`, the
default, also links bare URLs, bare domains, `@here` and the like, and names of channels.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flowbot.sandbox.slack.models import Message, View
from flowbot.sandbox.slack.mrkdwn import ENTITY, unescape
from flowbot.sandbox.slack.visible_text import iter_fragments
from flowbot.sandbox.slack.workspace import Workspace

MentionKind = Literal["user", "usergroup", "channel", "broadcast", "link"]

_BROADCASTS = frozenset({"here", "channel", "everyone", "group"})
_BARE_BROADCAST = re.compile(r"(?<![\w@.])@(everyone|here|channel)\b")
_BARE_URL = re.compile(r"(?<![\w|])(?:https?://|mailto:)[^\s<>|]+|(?<![\w.@/-])www\.[^\s<>|]+")
_BARE_DOMAIN = re.compile(
    r"(?<![\w.@/:-])(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|tr|de|uk|app|dev|info|biz|ly|me|ai)(?:/[^\s<>|]*)?(?![\w.-]*\w)",
    re.IGNORECASE,
)
_BARE_CHANNEL = re.compile(r"(?<![\w&/#])#([\w-]+)")
_MARKDOWN_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")

_RICH_MENTIONS: dict[str, tuple[MentionKind, str]] = {
    "user": ("user", "user_id"),
    "usergroup": ("usergroup", "usergroup_id"),
    "channel": ("channel", "channel_id"),
    "broadcast": ("broadcast", "range"),
    "link": ("link", "url"),
    "date": ("link", "url"),
}


@dataclass(frozen=True)
class Mention:
    """Text that became a mention, broadcast or link; `value` is an id, a range such as `here`, or a URL."""

    kind: MentionKind
    value: str


def find_mentions(thing: Message | View, workspace: Workspace) -> list[Mention]:
    """Return all mentions, broadcasts and links in the texts of a message or view (buttons' URLs aside)."""
    found: list[Mention] = []
    if isinstance(thing, Message):
        found += _find_in_mrkdwn(thing.text, workspace, verbatim=False)
    for fragment in iter_fragments(thing.blocks or []):
        if fragment.kind == "rich":
            element = fragment.element or {}
            kind, key = _RICH_MENTIONS.get(element["type"], ("link", ""))
            if key in element:
                found.append(Mention(kind, element[key]))
        elif fragment.kind in {"mrkdwn", "markdown"}:
            links = _MARKDOWN_LINK.findall(fragment.text) if fragment.kind == "markdown" else []
            rest = _MARKDOWN_LINK.sub(" ", fragment.text) if links else fragment.text
            found += _find_in_mrkdwn(rest, workspace, verbatim=fragment.verbatim)
            found += [Mention("link", url) for url in links]
    return found


def _find_in_mrkdwn(text: str, workspace: Workspace, *, verbatim: bool) -> Iterator[Mention]:
    for inner in ENTITY.findall(text):
        yield from _find_in_entity(inner)
    if verbatim:
        return
    bare = ENTITY.sub(" ", text)
    yield from (Mention("broadcast", name) for name in _BARE_BROADCAST.findall(bare))
    yield from (Mention("link", unescape(url)) for url in _BARE_URL.findall(bare))
    yield from (Mention("link", domain) for domain in _BARE_DOMAIN.findall(_BARE_URL.sub(" ", bare)))
    names = {c.name: c.id for c in workspace.channels.values() if not c.is_private and not c.is_im}
    yield from (Mention("channel", names[name]) for name in _BARE_CHANNEL.findall(bare) if name in names)


def _find_in_entity(inner: str) -> Iterator[Mention]:
    target = inner.partition("|")[0]
    if target[0] == "@":
        yield Mention("user", target[1:])
    elif target[0] == "#":
        yield Mention("channel", target[1:])
    elif target.startswith("!subteam^"):
        yield Mention("usergroup", target.removeprefix("!subteam^"))
    elif target.startswith("!date^"):
        yield from (Mention("link", url) for url in target.split("^")[3:])
    elif target[0] == "!":
        yield from [Mention("broadcast", target[1:])] if target[1:] in _BROADCASTS else []
    elif re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
        yield Mention("link", target)
