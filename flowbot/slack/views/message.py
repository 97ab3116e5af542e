"""Messages, and the headlines in their notifications."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from flowbot.domain.text import utf16_length
from flowbot.slack.payloads.mrkdwn import escape_entities
from flowbot.slack.views.block_kit import Block, Element, actions, clip, remove_images, replace_cards, replace_charts
from flowbot.slack.views.cached_block import count_characters
from flowbot.slack.views.shortening import HEADLINE_MAX, shorten_blocks

_MARKS: Final = re.compile(r"[*_~`>＞]|@|#(?!\d+(?![\w-]))|:(?=\S)|(?<=\S)\.(?=\S)")
"""What Slack reads as formatting, a mention, an emoji or an address where no space follows. `#12` stays: a flow."""


MESSAGE_MAX: Final = 10_000
"""Slack refused 11,300 characters in one message, and states no limit (https://github.com/slackapi/bolt-js/issues/2867)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        blocks: The first one begins with the headline.
        more: The button to add where the message is shortened: it shows the whole.
    """

    blocks: tuple[Block, ...]
    more: Element | None = None

    @property
    def text(self) -> str:
        """The headline again: desktops show the first block in a notification, phones this text."""
        return format_headline(self.blocks[0])

    def without_buttons(self) -> "Message":
        """Return the message without its rows of buttons and menus."""
        return replace(self, blocks=tuple(block for block in self.blocks if block["type"] != "actions"))

    def without_charts(self) -> "Message":
        """Return the message with a text table for each chart; a workspace that knows none answers `invalid_blocks`."""
        return replace(self, blocks=tuple(replace_charts(self.blocks)))

    def without_cards(self) -> "Message":
        """Return the message in classic blocks; a workspace that knows no cards answers `invalid_blocks`."""
        return replace(self, blocks=tuple(replace_cards(self.blocks)))

    def without_images(self) -> "Message":
        """Return the message without its images; Slack answers `invalid_blocks` where it cannot fetch one."""
        return replace(self, blocks=tuple(remove_images(self.blocks)))

    def fitted(self) -> "Message":
        """Return the message itself, or shortened to what Slack is known to take."""
        return self if count_characters(self.blocks) <= MESSAGE_MAX else self.shortened(MESSAGE_MAX)

    def shortened(self, limit: int) -> "Message":
        """Return the message with its texts shortened to `limit` characters together, and the button for the whole."""
        blocks = shorten_blocks(self.blocks, limit - count_characters(self.more))
        if self.more is not None and blocks[-1]["type"] == "actions":
            blocks[-1] = actions(*blocks[-1]["elements"], self.more)
        elif self.more is not None:
            blocks.append(actions(self.more))
        return Message(tuple(blocks))


def format_headline(block: Block) -> str:
    """Format a block's first paragraph as `text`; plain text in it, foreign or not, stays as it is shown.

    Escaped, it stays below the 4,000 characters that Slack takes.
    """
    parts, room = [], HEADLINE_MAX
    for element in _list_elements(block):
        if room <= 0:
            break
        text = element.get("text", "")
        shown = clip(text, room)
        parts.append(_format_element(element, shown))
        # After an ellipsis comes nothing, though there may be room for half a character.
        room = room - utf16_length(shown) if len(shown) >= len(text) else 0
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
        case {"type": "date", "timestamp": timestamp, "format": form, "fallback": fallback}:
            return f"<!date^{timestamp}^{form}|{fallback}>"
        case _:
            return escape(text)


def escape(text: str) -> str:
    """Escape text for `text`, so that it becomes no mention, link, emoji or formatting there.

    Slack has no escape for most marks. A word joiner at both sides, which nobody sees, takes a mark its effect; a
    zero-width space would not, since formatting may begin after one.
    """
    return escape_entities(_MARKS.sub("\N{WORD JOINER}\\g<0>\N{WORD JOINER}", text))
