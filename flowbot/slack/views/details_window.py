"""The window of one request or one flow."""

from typing import Final

from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, View
from flowbot.slack.views.message import Message
from flowbot.slack.views.shortening import shorten_blocks

WINDOW_MAX: Final = 40_000
"""A view has 250 kB at most, and a character up to six bytes."""


def loading_window(t: Translator) -> View:
    """Build the window to show until its content is loaded."""
    return block_kit.modal(t("window.details"), [block_kit.paragraph(t("show.loading"))], close=t("form.close"))


def message_window(message: Message, t: Translator) -> View:
    """Build the window of a message, without its buttons, which stay with the message."""
    return block_kit.modal(t("window.details"), content_blocks(message), close=t("form.close"))


def content_blocks(message: Message) -> list[Block]:
    """Build a message's blocks without its buttons, within what a view takes."""
    return shorten_blocks(message.without_buttons().blocks, WINDOW_MAX)
