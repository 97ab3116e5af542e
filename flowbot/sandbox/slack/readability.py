"""Faults in how a message or a view reads: for who listens to it, and for who reads it once, on a phone."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.visible_text import text_of

SENTENCE_WORDS_MAX: Final = 20
SENTENCES_MAX: Final = 2
"""In one paragraph."""
MENUS: Final = frozenset(
    {"static_select", "external_select", "users_select", "channels_select", "conversations_select"}
)
NO_ALTERNATIVES: Final = frozenset({"", "image", "picture", "photo", "icon", "görsel", "resim", "fotoğraf", "simge"})
"""Alternative texts that say nothing of what an image shows."""
NO_VALUES: Final = frozenset({"", "–", "—", "-", "no", "none", "nothing", "hayır", "yok"})
"""What says no more than that a setting is empty or as it always is."""
_EMOJI_CODE: Final = re.compile(r":[\w+'-]+:")
_LABEL: Final = re.compile(r"^([^:\n→]{1,40}):[ ]+(\S{1,9})$", re.MULTILINE)
_QUOTED: Final = re.compile(r"“[^”]*”")
_SENTENCE_ENDS: Final = re.compile(r"(?!(?<=\d)\.\s[a-zçğıöşü])[.!?…]\s+(?=[\w#“])")
"""In Turkish `2. aşama` is an ordinal."""
_PARTS: Final = re.compile(r"(?<=[.!?…])\s+|\n| · |: | → ")
"""Between sentences. What stands behind a colon or an arrow is a value: a name, a reason, what somebody else wrote."""


def find_reading_faults(blocks: Sequence[Json]) -> Iterator[str]:
    """Find what is wrong with the blocks of one message or view.

    Yields:
        Buttons and menus that sound the same, images without a description, blocks without a word, headings over
        nothing, settings that say nothing, and sentences that are too long.
    """
    objects = list(_iter_objects(blocks))
    yield from _find_twins(objects)
    for image in objects:
        if "alt_text" in image and image["alt_text"].strip().casefold() in NO_ALTERNATIVES:
            yield f"an image is described as {image['alt_text']!r}"
    for block, following in zip_longest(blocks, blocks[1:]):
        yield from _find_block_faults(block, following)
    for text in _iter_texts(objects):
        yield from _find_long_sentences(text)


def _find_twins(objects: Iterable[Json]) -> Iterator[str]:
    """Find buttons with the same text, and menus, that a screen reader calls the same."""
    spoken: dict[str, list[str]] = defaultdict(list)
    for element in objects:
        match element:
            case {"type": "button" | "workflow_button" | "icon_button", "text": {"text": text}}:
                spoken[text].append(element.get("accessibility_label") or text)
            case {"type": "overflow"}:
                # Slack takes no label for this menu: its first entry says what it is about.
                spoken["overflow"].append(element["options"][0].get("description", {}).get("text", ""))
            case {"type": kind, "placeholder": {"text": text}} if kind in MENUS:
                spoken["menu"].append(text)
    for text, labels in spoken.items():
        if twins := [label for label, count in Counter(labels).items() if count > 1]:
            yield f"several of {text!r} are called {twins}"


def _find_block_faults(block: Json, following: Json | None) -> Iterator[str]:
    is_end = following is None or following["type"] in {"header", "divider"}
    for part in _iter_parts(block):
        shown = _EMOJI_CODE.sub("", text_of([part]))
        if not any(map(str.isalnum, shown)) or shown.strip().casefold() in NO_VALUES:
            yield f"nothing is said by {shown!r}"
        # In a quote stands what somebody typed.
        labels = [] if part.get("type") == "rich_text_quote" else _LABEL.findall(shown)
        for label, value in labels:
            if value.casefold() in NO_VALUES:
                yield f"{label!r} says only {value!r}"
        if is_end and shown.rstrip().endswith(":"):
            yield f"nothing below {shown!r}"
    if block["type"] == "header" and is_end and not block["text"]["text"].endswith((".", "!", "…")):
        yield f"nothing below the heading {block['text']['text']!r}"


def _iter_parts(block: Json) -> Iterator[Json]:
    """Yield the texts of a block, each of which has to say something."""
    match block:
        case {"type": "rich_text"}:
            for part in block["elements"]:
                yield from part["elements"] if part["type"] == "rich_text_list" else [part]
        case {"type": "section" | "header" | "context"}:
            texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
            yield from (text for text in texts if text and "text" in text)


def _iter_objects(value: Any) -> Iterator[Json]:
    """Yield every object within blocks, outermost first."""
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            yield entry
            waiting.extend(reversed(entry.values()))
        elif isinstance(entry, list | tuple):
            waiting.extend(reversed(entry))


def _iter_texts(objects: Iterable[Json]) -> Iterator[str]:
    """Yield texts as they are read; without quotes and without values behind a label, which are somebody else's."""
    for each in objects:
        match each:
            case {"type": "rich_text_section", "elements": [{"text": str(label), "style": {"bold": True}}, *_]} if (
                label.endswith(": ")
            ):
                yield label
            case {"type": "plain_text" | "mrkdwn" | "rich_text_section"}:
                yield text_of([each])


def _find_long_sentences(text: str) -> Iterator[str]:
    own = _QUOTED.sub("X", text)
    for line in own.splitlines():
        if len(_SENTENCE_ENDS.findall(line.rstrip())) >= SENTENCES_MAX:
            yield f"more than {SENTENCES_MAX} sentences in {line!r}"
    for sentence in _PARTS.split(own):
        words = [word for word in sentence.split() if any(map(str.isalnum, word))]
        if len(words) > SENTENCE_WORDS_MAX:
            yield f"{len(words)} words in {sentence!r}"
