"""Messages, and the headlines in their notifications."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flowbot.domain.text import utf16_length
from flowbot.slack.views.block_kit import Block, Element, clip

HEADLINE_MAX: Final = 700
"""Far more than a notification shows; escaped, it stays below the 4,000 characters that Slack takes."""
_MARKS: Final = re.compile(r"[*_~`>＞]|@|#(?!\d+(?![\w-]))|:(?=\S)|(?<=\S)\.(?=\S)")
"""What Slack reads as formatting, a mention, an emoji or an address where no space follows. `#12` stays: a flow."""
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Message:
    """A message. Its first block begins with the headline."""

    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """The headline again: desktops show the first block in a notification, phones this text."""
        return format_headline(self.blocks[0])

    def without_images(self) -> "Message":
        """Return the message without its images; Slack answers `invalid_blocks` where it cannot fetch one."""
        return Message(
            tuple(
                {key: value for key, value in block.items() if key != "accessory" or value["type"] != "image"}
                for block in self.blocks
                if block["type"] != "image"
            )
        )


def format_headline(block: Block) -> str:
    """Format a block's first paragraph as `text`; plain text in it, foreign or not, stays as it is shown."""
    parts, room = [], HEADLINE_MAX
    for element in _list_elements(block):
        if room <= 0:
            break
        shown = clip(element.get("text", ""), room)
        parts.append(_format_element(element, shown))
        room -= utf16_length(shown)
    return "".join(parts)


def _list_elements(block: Block) -> Iterable[Element]:
    match block:
        case {"type": "rich_text", "elements": [first, *_]}:
            elements: Iterable[Element] = first["elements"]
            return elements
        case {"text": text}:
            return [text]
        case _:
            return []


def _format_element(element: Element, text: str) -> str:
    match element:
        case {"type": "user", "user_id": user}:
            return f"<@{user}>"
        case {"type": "usergroup", "usergroup_id": group}:
            return f"<!subteam^{group}>"
        case {"type": "channel", "channel_id": channel}:
            return f"<#{channel}>"
        case _:
            return escape(text)


def escape(text: str) -> str:
    """Escape text for `text`, so that it becomes no mention, link, emoji or formatting there.

    Slack has no escape for most marks. A word joiner at both sides, which nobody sees, takes a mark its effect; a
    zero-width space would not, since formatting may begin after one.
    """
    return _MARKS.sub("\N{WORD JOINER}\\g<0>\N{WORD JOINER}", text).translate(_ENTITIES)
