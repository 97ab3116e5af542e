"""The answer to an unknown command: what was probably meant, as a button."""

from typing import Final

from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import CommandValue
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.message import Message
from flowbot.slack.views.paging import fits_button

TYPED_MAX: Final = 40
NEAR_MAX: Final = 100


def suggestion_message(typed: str, near: str, value: CommandValue, t: Translator, *, is_help: bool) -> Message:
    """Build the answer to an unknown command.

    Args:
        typed: the unknown word.
        near: the command that was probably meant, as people see it.
        value: the same for the button. There is no button where it is longer than Slack takes.
        t: the reader's words.
        is_help: whether nothing was near, and the help is offered.
    """
    key = "command.unknown" if is_help else "command.did_you_mean"
    params = {"word": block_kit.clip(typed, TYPED_MAX), "near": block_kit.single_line(near, NEAR_MAX)}
    message = sentences.sentence_message(t, Text(key, params))
    if not fits_button(value):
        return message
    button = block_kit.button(block_kit.single_line(near, block_kit.LABEL_MAX), ActionId.COMMAND, value.dump())
    return Message((*message.blocks, block_kit.actions(button)))
