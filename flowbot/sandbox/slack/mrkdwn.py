"""Slack's mrkdwn: escaping of typed text, and reading of `<@U…>`, `<!here>` and `<https://…|label>`."""

import re

from flowbot.sandbox.slack.workspace import Workspace

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_URL = re.compile(r"(?<![\w<])(https?://[^\s<>|]+)")
_NAME = re.compile(r"(?<![\w@/])([@#])([\w.-]+)")
_BROADCASTS = frozenset({"here", "channel", "everyone"})


def escape_command_text(workspace: Workspace, text: str) -> str:
    """Return text with `&<>` as entities, and URLs, @people, @groups and #channels as Slack's links."""
    linked = _URL.sub(r"<\1>", text.translate(_ESCAPES))
    return _NAME.sub(lambda found: _find_reference(workspace, found[1], found[2]) or found[0], linked)


def _find_reference(workspace: Workspace, sigil: str, name: str) -> str | None:
    if sigil == "#":
        channel = next((c for c in workspace.channels.values() if c.name == name and not c.is_im), None)
        return f"<#{channel.id}|{channel.name}>" if channel else None
    if name in _BROADCASTS:
        return f"<!{name}>"
    person = next((p for p in [*workspace.people.values(), workspace.bot] if p.name == name), None)
    if person is not None:
        return f"<@{person.id}|{person.name}>"
    group = next((g for g in workspace.groups.values() if g.handle == name), None)
    return f"<!subteam^{group.id}|@{group.handle}>" if group else None


ENTITY = re.compile(r"<([^<>]+)>")


def to_plain_text(mrkdwn: str) -> str:
    """Return mrkdwn as a person reads it: labels of links, fallbacks of dates, real `&<>`."""
    return unescape(ENTITY.sub(lambda found: _label(found[1]), mrkdwn))


def _label(inner: str) -> str:
    target, bar, label = inner.partition("|")
    if bar:
        return label
    return "@" + target[1:].removeprefix("subteam^") if target.startswith("!") else target


def unescape(text: str) -> str:
    """Return text with `&lt;`, `&gt;` and `&amp;` as characters."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
