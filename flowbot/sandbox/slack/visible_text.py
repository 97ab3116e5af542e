"""Texts of blocks in reading order, for people (`text_of`) and for finding mentions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from flowbot.sandbox.slack.models import Json, Message, View
from flowbot.sandbox.slack.mrkdwn import to_plain_text

_TEXT_KEYS = (
    "title", "subtitle", "caption", "label", "text", "body", "fields", "rows", "hint", "element", "elements",
    "accessory", "placeholder", "options", "option_groups", "description", "child_blocks", "rich_text_title",
    "chart", "segments", "series", "axis_config", "categories", "x_label", "y_label", "data", "name",
    "actions", "confirm", "deny", "hero_image", "icon", "alt_text",
)  # fmt: skip
_HIDDEN = frozenset({"confirm", "deny", "placeholder"})


@dataclass(frozen=True)
class TextFragment:
    """A piece of text, and the way Slack reads it.

    Attributes:
        kind: `mrkdwn`, `markdown`, `plain` or `rich` (an element of rich text, in `element`).
        text: The text as sent.
        verbatim: True if an mrkdwn object forbids automatic links and mentions.
        hidden: True if it shows only later (a confirmation, a placeholder).
    """

    kind: Literal["mrkdwn", "markdown", "plain", "rich"]
    text: str
    verbatim: bool = False
    hidden: bool = False
    element: Json | None = None


def iter_fragments(value: Any, *, hidden: bool = False) -> Iterator[TextFragment]:
    """Yield all texts of blocks, or of any part of them."""
    if isinstance(value, list):
        for entry in value:
            yield from iter_fragments(entry, hidden=hidden)
    elif isinstance(value, str):
        yield TextFragment("plain", value, hidden=hidden)
    elif isinstance(value, dict):
        yield from _iter_object_fragments(value, hidden)


def _iter_object_fragments(value: Json, hidden: bool) -> Iterator[TextFragment]:
    kind, text = value.get("type"), value.get("text")
    if kind == "mrkdwn":
        yield TextFragment("mrkdwn", str(text), verbatim=bool(value.get("verbatim")), hidden=hidden)
    elif kind == "markdown":
        yield TextFragment("markdown", str(text), hidden=hidden)
    elif kind == "rich_text_section" or str(kind).startswith(("rich_text_quote", "rich_text_preformatted")):
        for element in value["elements"]:
            yield TextFragment("rich", _read_rich_element(element), hidden=hidden, element=element)
        yield TextFragment("plain", "\n", hidden=hidden)
    elif kind == "raw_number":
        yield TextFragment("plain", str(text or value["value"]), hidden=hidden)
    else:
        for key in _TEXT_KEYS:
            if key in value:
                yield from iter_fragments(value[key], hidden=hidden or key in _HIDDEN)


def _read_rich_element(element: Json) -> str:
    kind = element["type"]
    if kind == "emoji":
        return f":{element['name']}:"
    if kind == "link":
        return str(element.get("text") or element["url"])
    if kind == "date":
        return str(element.get("fallback") or element["timestamp"])
    keys = ("text", "user_id", "usergroup_id", "channel_id", "range", "value")
    return next((str(element[key]) for key in keys if key in element), "")


def text_of(thing: Message | View | list[Json] | Json) -> str:
    """Return the text that a person sees in a message, view or blocks, one piece a line.

    The top-level `text` of a message counts only if there are no blocks: with blocks it is the
    notification. Confirmations, placeholders and values typed into a view do not count.
    """
    if isinstance(thing, Message) and not thing.blocks:
        return to_plain_text(thing.text)
    if isinstance(thing, View):
        frame = [f for f in (thing.title, thing.submit, thing.close) if f]
        return _join_texts([*frame[:1], *thing.blocks, *frame[1:]])
    return _join_texts(thing.blocks if isinstance(thing, Message) else thing)


def _join_texts(blocks: Any) -> str:
    lines, line = [], ""
    for fragment in iter_fragments(blocks):
        if fragment.hidden:
            continue
        line += to_plain_text(fragment.text) if fragment.kind in {"mrkdwn", "markdown"} else fragment.text
        if fragment.kind != "rich":
            lines.append(line.strip("\n"))
            line = ""
    return "\n".join(piece for piece in [*lines, line] if piece)
