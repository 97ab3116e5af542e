"""The window that shows what a message has in short."""

from typing import Final

from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import View
from flowbot.slack.views.message import Message
from flowbot.slack.views.shortening import shorten_blocks

WINDOW_MAX: Final = 40_000
"""A view has 250 kB at most, and a character up to six bytes."""


def loading_view(t: Translator) -> View:
    """Build the window to show until its content is loaded."""
    return block_kit.modal(t("show.whole"), [block_kit.paragraph(t("show.loading"))], close=t("form.close"))


def whole_view(message: Message, t: Translator) -> View:
    """Build the window of a message, without its buttons, which stay with the message."""
    blocks = [block for block in message.blocks if block["type"] != "actions"]
    return block_kit.modal(t("show.whole"), shorten_blocks(blocks, WINDOW_MAX), close=t("form.close"))
