"""Block Kit builders within Slack's limits."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from flowbot.domain.text import utf16_length

Block = dict[str, Any]


Element = dict[str, Any]


View = dict[str, Any]


Style = Literal["primary", "danger"]


HEADER_MAX: Final = 150


TITLE_MAX: Final = 24


SECTION_MAX: Final = 3000


FIELD_MAX: Final = 2000


LABEL_MAX: Final = 75


ALT_MAX: Final = 2000


URL_MAX: Final = 3000


RICH_MAX: Final = 12_000
"""Not a limit that Slack states: enough for any push, and far below what it refuses."""


NOTIFICATION_MAX: Final = 4000


CONFIRM_TITLE_MAX: Final = 100


CONFIRM_TEXT_MAX: Final = 300


CONFIRM_LABEL_MAX: Final = 30


DATE_FORMAT: Final = "{date_short_pretty} {time}"
"""Slack writes it in the reader's language and zone (https://docs.slack.dev/messaging/formatting-message-text)."""


_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"})


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: the blocks, and the text for notifications, which holds flowbot's own words alone."""

    text: str
    blocks: tuple[Block, ...]

    def without_pictures(self) -> "Message":
        """The same for a workspace that refuses a picture (Slack answers `invalid_blocks` if it cannot fetch one)."""
        kept = (block for block in self.blocks if block["type"] != "image")
        return Message(self.text, tuple(_without_picture(block) for block in kept))


def _without_picture(block: Block) -> Block:
    if block.get("accessory", {}).get("type") == "image":
        return {key: value for key, value in block.items() if key != "accessory"}
    return block


def clip(text: str, limit: int) -> str:
    """The text, or as much of its beginning as `limit` allows, ending in an ellipsis."""
    if utf16_length(text) <= limit:
        return text
    kept, room = [], limit - 1
    for character in text:
        room -= 2 if character > "\uffff" else 1
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def isolate(text: str) -> str:
    """Text of either direction that cannot turn its surroundings around (Unicode's bidirectional isolates)."""
    if not text.isascii() and any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text


def plain(text: str, limit: int = SECTION_MAX) -> Element:
    """Text that stays as it is. Slack refuses an empty one, so a space stands for it."""
    return {"type": "plain_text", "text": clip(text, limit) or " ", "emoji": False}


def mrkdwn(text: str, limit: int = SECTION_MAX) -> Element:
    """Flowbot's own words with Slack's formatting. Never for foreign text."""
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def header(text: str) -> Block:
    """A heading."""
    return {"type": "header", "text": plain(" ".join(text.split()), HEADER_MAX)}


def section(text: Element, accessory: Element | None = None) -> Block:
    """A paragraph, with something at its right."""
    return {"type": "section", "text": text} | ({"accessory": accessory} if accessory else {})


def fields(texts: Sequence[Element]) -> Block:
    """Up to ten texts in two columns."""
    return {"type": "section", "fields": list(texts[:10])}


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [plain(text, FIELD_MAX) for text in texts[:10]]}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def image(url: str, alt: str) -> Block:
    """A picture from the web."""
    return {"type": "image", "image_url": url, "alt_text": clip(alt, ALT_MAX) or " "}


def actions(*elements: Element) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: Style | None = None,
    hint: str | None = None,
) -> Element:
    """A button; `hint` is what a screen reader says in the place of a label that needs its surroundings."""
    element = {"type": "button", "text": plain(label, LABEL_MAX), "action_id": action_id, "value": value}
    extra = {"style": style, "accessibility_label": clip(hint, LABEL_MAX) if hint else None}
    return element | {key: value for key, value in extra.items() if value}


def text_element(
    text: str, *, bold: bool = False, italic: bool = False, code: bool = False, limit: int = RICH_MAX
) -> Element:
    """Text for a rich text block: never parsed for links, mentions, emoji codes or formatting."""
    styles = {name: True for name, on in (("bold", bold), ("italic", italic), ("code", code)) if on}
    return {"type": "text", "text": clip(text, limit) or " "} | ({"style": styles} if styles else {})


def user_element(user: str) -> Element:
    """A person's name, for a rich text block."""
    return {"type": "user", "user_id": user}


def rich_line(*elements: Element) -> Element:
    """A paragraph of a rich text block."""
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(*elements: Element) -> Element:
    """An indented paragraph of a rich text block."""
    return {"type": "rich_text_quote", "elements": list(elements)}


def bullets(lines: Iterable[Element]) -> Element:
    """A list of paragraphs of a rich text block."""
    return {"type": "rich_text_list", "style": "bullet", "elements": list(lines)}


def rich_text(*parts: Element) -> Block:
    """A rich text block."""
    return {"type": "rich_text", "elements": list(parts)}


def group_element(group: str) -> Element:
    """A mention of a user group, for a rich text block."""
    return {"type": "usergroup", "usergroup_id": group}


def channel_element(channel: str) -> Element:
    """A channel's name, for a rich text block."""
    return {"type": "channel", "channel_id": channel}


def date_element(at: datetime, fallback: str) -> Element:
    """A moment as each reader's own clock tells it, for a rich text block."""
    return {"type": "date", "timestamp": int(at.timestamp()), "format": DATE_FORMAT, "fallback": fallback}


def mrkdwn_date(at: datetime, fallback: str) -> str:
    """The same for `mrkdwn`. The fallback must be flowbot's own."""
    return f"<!date^{int(at.timestamp())}^{DATE_FORMAT}|{fallback}>"


def link_button(label: str, action_id: str, url: str) -> Element:
    """A button that opens a page."""
    return {"type": "button", "text": plain(label, LABEL_MAX), "action_id": action_id, "url": url}


def confirm_dialog(title: str, text: str, *, yes: str, no: str) -> Element:
    """What asks again before a button is taken at its word."""
    return {
        "title": plain(title, CONFIRM_TITLE_MAX),
        "text": plain(text, CONFIRM_TEXT_MAX),
        "confirm": plain(yes, CONFIRM_LABEL_MAX),
        "deny": plain(no, CONFIRM_LABEL_MAX),
    }


def labelled_lines(labelled: Iterable[tuple[str, str]]) -> Block:
    """Label and value, a line each."""
    return rich_text(
        *(rich_line(text_element(f"{label}: ", bold=True), text_element(value)) for label, value in labelled)
    )


def single_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())
