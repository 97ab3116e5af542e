"""Slack's angle-bracket entities in mrkdwn: `<@U…>`, `<!here>`, `<https://…|label>`, `<!date^…|…>`."""

import re

ENTITY = re.compile(r"<([^<>]+)>")


def readable(mrkdwn: str) -> str:
    """Return the words that a person reads: labels of links, fallbacks of dates, real `&<>`."""
    return unescaped(ENTITY.sub(lambda found: _label(found[1]), mrkdwn))


def _label(inner: str) -> str:
    target, bar, label = inner.partition("|")
    if bar:
        return label
    return "@" + target[1:].removeprefix("subteam^") if target.startswith("!") else target


def unescaped(text: str) -> str:
    """Return text with the three entities that Slack knows as characters."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
