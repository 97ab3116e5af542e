"""A form's loading, saving, saved and failed views."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, WebsiteId
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue, FlowValue
from flowbot.slack.views import block_kit, headlines, push, request_blocks, sentences
from flowbot.slack.views.block_kit import Block, Element, View
from flowbot.slack.views.message import Message

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
WINDOW_BUTTONS: Final = frozenset(
    {ActionId.CHANGE_WHOLE, ActionId.FLOW_WHOLE, ActionId.WINDOW_OPEN, ActionId.WINDOW_SHOW}
)
"""Buttons of windows in which nothing is filled in."""


def modal_view(kind: FormKind, t: Translator, blocks: Sequence[Block]) -> View:
    """Build a modal under the form's title, with nothing to submit."""
    return block_kit.modal(t(TITLE_KEYS[kind]), blocks, close=t("form.close"))


def loading_view(kind: FormKind, t: Translator) -> View:
    """Build the view to show until the form is filled."""
    return modal_view(kind, t, [block_kit.paragraph(t("form.loading"))])


def saving_view(kind: FormKind, t: Translator) -> View:
    """Build the view to show until the form's result is known."""
    return modal_view(kind, t, [block_kit.paragraph(t("form.saving"))])


def sentence_view(kind: FormKind, t: Translator, text: Text) -> View:
    """Build a view of one sentence in the form's place: a refusal, a fault, a confirmation."""
    return modal_view(kind, t, sentences.sentence_message(t, text).blocks)


def result_view(kind: FormKind, t: Translator, message: Message) -> View:
    """Build a view of a message in the form's place, without its buttons, which stay with the message."""
    return modal_view(kind, t, message.without_buttons().blocks)


def saved_message(
    kind: FormKind,
    flow: Flow,
    below: Sequence[Block],
    t: Translator,
    *,
    may_share: bool,
    channel: ChannelId | None = None,
) -> Message:
    """Build the author's message about a saved flow.

    Args:
        kind: the form's.
        flow: the flow as it is now.
        below: what to show below the push.
        t: the author's words.
        may_share: whether the author may share the flow.
        channel: the channel whose policy decides on the buttons; the message may be a direct one.
    """
    state = t("form.state_enabled" if flow.is_enabled else "form.state_disabled")
    text = t(SAVED_KEYS[kind], id=str(flow.id), name=sentences.format_name(flow.name, t), state=state)
    value = FlowValue(flow=flow.id, channel=channel).dump()
    buttons = [
        block_kit.button(t("button.edit"), ActionId.FLOW_EDIT, value),
        block_kit.button(t("button.duplicate"), ActionId.FLOW_DUPLICATE, value),
    ]
    if kind is not FormKind.EDIT and not flow.is_enabled:
        buttons.insert(0, push.toggle_button(flow, t, style="primary", channel=channel))
    if may_share:
        buttons.append(block_kit.button(t("button.share"), ActionId.SHOW_SHARE, value))
    shown = push.push_blocks(flow, t, image_url=flow.image_url)
    blocks = (block_kit.paragraph(text), *shown, *below, block_kit.actions(*buttons))
    return Message(blocks, push.flow_details_button(value, t))


def with_remarks(message: Message, change: Change, names: Mapping[WebsiteId, str], t: Translator) -> Message:
    """Add to a message about an applied form what Enkapush stores otherwise, first, and what cannot be read back."""
    first = request_blocks.stored_otherwise_blocks(change, names, t)
    again = [block_kit.actions(open_form_button(change.request.token, t))] if first else []
    below = request_blocks.unreadable_blocks(change, t)
    return replace(message, blocks=(*first, *again, *message.blocks, *below))


def failed_message(change: Change, t: Translator, text: Text) -> Message:
    """Build the author's message about a failed form: what became of which flow, why, and buttons.

    One opens the form again as it was typed. Another looks for an effect that may show itself yet.
    """
    buttons = [open_form_button(change.request.token, t)]
    if change.state is ChangeState.UNKNOWN:
        buttons.append(
            block_kit.button(t("request.check_again"), ActionId.CHECK_AGAIN, ChangeValue(change=change.id).dump())
        )
    below = (block_kit.context(t("form.nothing_lost")), block_kit.actions(*buttons))
    return Message((headlines.own_headline(change, t), *sentences.sentence_message(t, text).blocks, *below))


def form_offer_message(kind: FormKind, flow: FlowId | None, t: Translator) -> Message:
    """Build the message with the button that opens the form of a new flow, or of a flow for an edit or a duplicate."""
    if flow is None:
        return offer_message(ActionId.FLOW_CREATE, "", t)
    action = ActionId.FLOW_EDIT if kind is FormKind.EDIT else ActionId.FLOW_DUPLICATE
    return offer_message(action, FlowValue(flow=flow).dump(), t)


def offer_message(action: ActionId, value: str, t: Translator) -> Message:
    """Build the message with the button that opens a form or a window, where nothing but a press can."""
    key, label = ("window.not_opened", "button.show") if action in WINDOW_BUTTONS else ("form.press", "form.open")
    message = sentences.sentence_message(t, Text(key))
    button = block_kit.button(t(label), action, value or action, style="primary")
    return Message((*message.blocks, block_kit.actions(button)))


def open_form_button(token: FormToken, t: Translator) -> Element:
    """Build the button that opens a form again as it was typed."""
    return block_kit.button(t("form.open"), ActionId.FORM_OPEN, token, style="primary")
