"""Buttons that turn the pages of a list."""

from flowbot.domain.text import utf16_length
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ButtonValue
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element

PageTurn = tuple[ActionId, ButtonValue | None]
"""A button's action, and the page as its value; None where there is no such page."""


def page_buttons(t: Translator, before: PageTurn, after: PageTurn) -> list[Element]:
    """Build the buttons to the pages before and after this one, where there are any and Slack takes their values."""
    turns = (("button.previous", *before), ("button.next", *after))
    return [
        block_kit.button(t(key), action, value.dump())
        for key, action, value in turns
        if value is not None and fits_button(value)
    ]


def fits_button(value: ButtonValue) -> bool:
    """Check whether a button can carry a value."""
    return utf16_length(value.dump()) <= block_kit.VALUE_MAX
