"""The answers to commands that are not clear: what was probably meant, as buttons."""

from collections.abc import Mapping
from typing import Final

from flowbot.domain.ids import FlowId
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import CommandValue, FlowValue
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element
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
    return Message((*message.blocks, block_kit.actions(_command_button(near, value))))


def _command_button(shown: str, value: CommandValue) -> Element:
    return block_kit.button(block_kit.single_line(shown, block_kit.LABEL_MAX), ActionId.COMMAND, value.dump())


def question_message(
    question: Text, commands: Mapping[str, CommandValue], form: ActionId, flow: FlowId, t: Translator
) -> Message:
    """Build a question about a command: a time that is not clear, or what is missing.

    Args:
        question: what is not clear, or missing.
        commands: the commands that may be meant, by how people see them.
        form: the button that opens the form in which times are chosen and the reason is typed.
        flow: the flow of the command.
        t: the reader's words.
    """
    buttons = [_command_button(shown, value) for shown, value in commands.items() if fits_button(value)]
    buttons.append(block_kit.button(t("form.open"), form, FlowValue(flow=flow).dump()))
    # A row each: Slack refuses two buttons of one action in a row.
    rows = (block_kit.actions(button) for button in buttons)
    return Message((*sentences.sentence_message(t, question).blocks, *rows))
