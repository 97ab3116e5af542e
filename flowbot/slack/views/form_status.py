"""A form's loading, saving, saved and failed views."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FormToken
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit, push, sentences
from flowbot.slack.views.block_kit import TITLE_MAX, Block, Element, Message, View

TITLE_KEYS: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.title_create",
    FormKind.EDIT: "form.title_edit",
    FormKind.DUPLICATE: "form.title_duplicate",
}


SAVED_KEYS: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.created",
    FormKind.EDIT: "form.changed",
    FormKind.DUPLICATE: "form.created",
}


def modal_view(kind: FormKind, t: Translator, blocks: Sequence[Block]) -> View:
    """A view under the form's title, with nothing to submit."""
    return {
        "type": "modal",
        "title": block_kit.plain(t(TITLE_KEYS[kind]), TITLE_MAX),
        "close": block_kit.plain(t("form.close"), TITLE_MAX),
        "blocks": list(blocks),
    }


def loading_view(kind: FormKind, t: Translator) -> View:
    """What stands there until the form is filled."""
    return modal_view(kind, t, [block_kit.section(block_kit.plain(t("form.loading")))])


def saving_view(kind: FormKind, t: Translator) -> View:
    """What stands there until it is known what became of the form."""
    return modal_view(kind, t, [block_kit.section(block_kit.plain(t("form.saving")))])


def sentence_view(kind: FormKind, t: Translator, key: str, params: Mapping[str, Any] | None = None) -> View:
    """One sentence in the form's place: a refusal, a fault, a confirmation."""
    return modal_view(kind, t, sentences.sentence_message(t, key, params).blocks)


def result_view(kind: FormKind, t: Translator, message: Message) -> View:
    """A message in the form's place, without its buttons, which stay with the message."""
    return modal_view(kind, t, [block for block in message.blocks if block["type"] != "actions"])


def saved_message(
    kind: FormKind,
    flow: Flow,
    below: Sequence[Block],
    t: Translator,
    *,
    may_share: bool,
    channel: ChannelId | None = None,
) -> Message:
    """For the author: what happened, the push as it is now, what stands `below` it, and what can be done next.

    `channel` is the one whose policy decides on the buttons: the message may come as a direct one.
    """
    state = t("form.state_enabled" if flow.is_enabled else "form.state_disabled")
    what = t(SAVED_KEYS[kind], id=str(flow.id), state=state)
    value = FlowValue(flow=flow.id, channel=channel).dump()
    buttons = (
        []
        if kind is FormKind.EDIT or flow.is_enabled
        else [push.toggle_button(flow, t, style="primary", channel=channel)]
    )
    buttons += [
        block_kit.button(t("button.edit"), ActionId.FLOW_EDIT, value),
        block_kit.button(t("button.duplicate"), ActionId.FLOW_DUPLICATE, value),
    ]
    if may_share:
        buttons.append(block_kit.button(t("button.share"), ActionId.SHOW_SHARE, value))
    return Message(
        what,
        (block_kit.section(block_kit.plain(what)), *push.push_blocks(flow, t), *below, block_kit.actions(*buttons)),
    )


def failed_message(token: FormToken, t: Translator, key: str, params: Mapping[str, Any] | None = None) -> Message:
    """For the author: why the form was not carried out, with a button that opens it again as it was typed."""
    message = sentences.sentence_message(t, key, params)
    return Message(
        message.text,
        (*message.blocks, block_kit.context(t("form.nothing_lost")), block_kit.actions(open_form_button(token, t))),
    )


def open_form_button(token: FormToken, t: Translator) -> Element:
    """The button that opens a form again as it was typed."""
    return block_kit.button(t("form.open"), ActionId.FORM_OPEN, token, style="primary")
