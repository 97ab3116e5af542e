"""The text of a message in Slack, as plain text for a push."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flowbot.domain.fields import FIELDS
from flowbot.domain.text import cut_utf16, normalize_newlines, strip_invisible
from flowbot.slack.payloads.mrkdwn import REFERENCE, unescape_entities

_OPENING: Final = re.compile(r"(?<!\w)[*_~`](?=\S)")
_CLOSING: Final = re.compile(r"(?<=\S)[*_~`](?!\w)")
_MARK_OR_LINE_END: Final = re.compile(r"[*_~`\n]")
_MARKS: Final = "*_~`"
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EMOJI: Final = re.compile(r"[0-9a-f]{1,6}(?:-[0-9a-f]{1,6})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class PushText:
    """The text of a push: a message's first line, and the rest. `is_cut` where not all of it fits the form."""

    title: str
    description: str
    is_cut: bool


def read_push_text(message: Mapping[str, Any]) -> PushText | None:
    """Return the text of a message for a push; None where it has none.

    Formatting is dropped, and so is who is mentioned: a push has neither.
    """
    blocks = message.get("blocks")
    lines = [line for block in blocks for line in _read_rich_text(block)] if isinstance(blocks, list) else []
    text = "\n".join(lines) if lines else _read_mrkdwn(message.get("text"))
    title, _, description = strip_invisible(re.sub(r"[ \t]{2,}", " ", clean_text(text))).partition("\n")
    if not title:
        return None
    parts = {"title": title.strip(), "description": strip_invisible(description)}
    cut = {name: cut_utf16(part, FIELDS[name].max_utf16) for name, part in parts.items()}
    return PushText(cut["title"], cut["description"], cut != parts)


def clean_text(text: str) -> str:
    """Return the text with line feeds, and without half a character and most controls: those cannot be stored."""
    return _CONTROLS.sub("", normalize_newlines(text).encode(errors="replace").decode())


def _read_mrkdwn(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    plain = REFERENCE.sub(_read_reference, text)
    # Each kind of mark may stand within another.
    for _ in _MARKS:
        plain = _remove_marks(plain)
    return unescape_entities(plain)


def _remove_marks(text: str) -> str:
    """Remove marks around the words of a line, in one pass: an expression for a pair takes a long text minutes."""
    opened: dict[str, int] = {}
    marks: set[int] = set()
    for found in _MARK_OR_LINE_END.finditer(text):
        mark, at = found[0], found.start()
        if mark == "\n":
            opened.clear()
        elif mark in opened and opened[mark] < at - 1 and _CLOSING.match(text, at):
            marks |= {opened.pop(mark), at}
        elif _OPENING.match(text, at):
            opened.setdefault(mark, at)
    return "".join(character for at, character in enumerate(text) if at not in marks)


def _read_reference(found: re.Match[str]) -> str:
    """Return a link as its label or address, a channel as its name, and a mention as nothing."""
    target, label = found[1], found[2] or ""
    if target.startswith("#"):
        return f"#{label}" if label else ""
    if target.startswith(("@", "!")):
        return label if target.startswith("!date^") else ""
    return label or target


def _read_rich_text(block: Any) -> Iterator[str]:
    """Yield the lines of a rich text block; nothing of any other."""
    match block:
        case {"type": "rich_text", "elements": list(parts)}:
            for part in parts:
                yield from _read_part(part)


def _read_part(part: Any) -> Iterable[str]:
    match part:
        case {"type": "rich_text_list", "elements": list(items)}:
            return [f"• {line}" for item in items for line in _read_part(item)]
        case {"elements": list(elements)}:
            return ["".join(map(_read_element, elements))]
        case _:
            return []


def _read_element(element: Any) -> str:
    match element:
        case {"type": "text" | "link", "text": str(text)} if text:
            return text
        case {"type": "link", "url": str(url)}:
            return url
        case {"type": "emoji", "unicode": str(codes)} if _EMOJI.fullmatch(codes):
            points = [int(code, 16) for code in codes.split("-")]
            return "".join(map(chr, points)) if max(points) <= sys.maxunicode else ""
        case {"type": "date", "fallback": str(fallback)}:
            return fallback
        case _:
            return ""
