"""A form's loading, saving, saved and failed views, and its preview."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow, FlowContent, WaitTime
from flowbot.domain.ids import ChannelId, FlowId, FormToken
from flowbot.domain.urls import is_web_url
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit, push, sentences
from flowbot.slack.views.block_kit import Block, Element, Message, View

TITLE_MAX: Final = 24


TOLD_MAX: Final = 1000
"""Not a limit that Slack states for a field's error: far more than any sentence of flowbot's."""


TITLES: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.title_create",
    FormKind.EDIT: "form.title_edit",
    FormKind.DUPLICATE: "form.title_duplicate",
}


SAVED: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.created",
    FormKind.EDIT: "form.changed",
    FormKind.DUPLICATE: "form.created",
}


def modal(kind: FormKind, t: Translator, blocks: Sequence[Block]) -> View:
    """A view under the form's title, with nothing to submit."""
    return {
        "type": "modal",
        "title": block_kit.plain(t(TITLES[kind]), TITLE_MAX),
        "close": block_kit.plain(t("form.close"), TITLE_MAX),
        "blocks": list(blocks),
    }


def loading(kind: FormKind, t: Translator) -> View:
    """What stands there until the form is filled."""
    return modal(kind, t, [block_kit.section(block_kit.plain(t("form.loading")))])


def saving(kind: FormKind, t: Translator) -> View:
    """What stands there until it is known what became of the form."""
    return modal(kind, t, [block_kit.section(block_kit.plain(t("form.saving")))])


def sentence_view(kind: FormKind, t: Translator, key: str, params: Mapping[str, Any] | None = None) -> View:
    """One sentence in the form's place: a refusal, a fault, a confirmation."""
    return modal(kind, t, sentences.sentence(t, key, params).blocks)


def result_view(kind: FormKind, t: Translator, message: Message) -> View:
    """A message in the form's place, without its buttons, which stay with the message."""
    return modal(kind, t, [block for block in message.blocks if block["type"] != "actions"])


def saved_view(
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
    what = t(SAVED[kind], id=str(flow.id), state=state)
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


def reach_blocks(website: str, after: WaitTime | None, segment: str | None, t: Translator) -> Block:
    """Whose subscribers get the push, when, and which of them."""
    return push.field_rows([(t("field.website"), website), *push.reach_text(after, segment, t)])


def result_only(t: Translator, key: str, params: Mapping[str, Any] | None = None) -> Message:
    """For the author: what became of the form, in one sentence."""
    return sentences.sentence(t, key, params)


def failed_message(token: FormToken, t: Translator, key: str, params: Mapping[str, Any] | None = None) -> Message:
    """For the author: why the form was not carried out, with a button that opens it again as it was typed."""
    message = sentences.sentence(t, key, params)
    return Message(
        message.text,
        (*message.blocks, block_kit.context(t("form.nothing_lost")), block_kit.actions(open_form(token, t))),
    )


def open_form(token: FormToken, t: Translator) -> Element:
    """The button that opens a form again as it was typed."""
    return block_kit.button(t("form.open"), ActionId.FORM_OPEN, token, style="primary")


def preview(content: FlowContent, remarked: Sequence[Text], t: Translator, *, image_url: str | None) -> list[Block]:
    """The push as a subscriber would see it, and what is worth another look.

    Args:
        content: what it says.
        remarked: what `lint` finds.
        t: the reader's words.
        image_url: the flow's present picture, if it has one.
    """
    picture = image_url if image_url and is_web_url(image_url) else None
    return [*push.push_blocks(draft_as_flow(content, picture), t), *remarks(remarked, t)]


def preview_view(
    content: FlowContent,
    remarked: Sequence[Text],
    t: Translator,
    *,
    reached: Block,
    adds_picture: bool,
    image_url: str | None = None,
) -> View:
    """A view to push onto the form: its preview, and whom it `reached`.

    A picture that was just added cannot be shown, which it says.
    """
    later = [block_kit.context(t("form.picture_later"))] if adds_picture else []
    shown = preview(content, remarked, t, image_url=None if adds_picture else image_url)
    return {
        "type": "modal",
        "title": block_kit.plain(t("form.preview"), TITLE_MAX),
        "close": block_kit.plain(t("form.back"), TITLE_MAX),
        "blocks": [*shown, *later, block_kit.divider(), reached],
    }


def under_refusals(view: View, problems: Sequence[tuple[str, str]], t: Translator) -> View:
    """A preview of what could not be saved like this, under why; as it is where nothing is wrong.

    Args:
        view: the preview.
        problems: labels of fields, each with what is wrong there.
        t: the reader's words.
    """
    return {**view, "blocks": [*_wrong("form.preview_unsaved", problems, t), *view["blocks"]]} if problems else view


def preview_refused(problems: Sequence[tuple[str, str]], t: Translator) -> View:
    """In the preview's place: what has to be put right first.

    Args:
        problems: labels of fields, each with what is wrong there.
        t: the reader's words.
    """
    return {
        "type": "modal",
        "title": block_kit.plain(t("form.preview"), TITLE_MAX),
        "close": block_kit.plain(t("form.back"), TITLE_MAX),
        "blocks": _wrong("form.preview_refused", problems, t),
    }


def _wrong(key: str, problems: Sequence[tuple[str, str]], t: Translator) -> list[Block]:
    """A sentence, and under it what is wrong, a field a line."""
    return [
        block_kit.section(block_kit.plain(text)) for text in (t(key), *(f"{label}: {told}" for label, told in problems))
    ]


def remarks(remarked: Sequence[Text], t: Translator) -> list[Block]:
    """What is worth another look, a line each."""
    return [block_kit.context(f"⚠ {format_text(remark.key, remark.params, t)}") for remark in remarked]


def format_text(key: str, params: Mapping[str, Any], t: Translator) -> str:
    """A sentence as plain text; foreign text in it cannot turn its surroundings around."""
    return block_kit.clip(t(key, **{name: _shown(name, value, t) for name, value in params.items()}), TOLD_MAX)


def _shown(name: str, value: Any, t: Translator) -> Any:
    listed = sentences.list_text(name, value, t)
    return block_kit.isolated(listed) if isinstance(value, str) else listed


def draft_as_flow(content: FlowContent, image_url: str | None) -> Flow:
    """The content under a flow's names, for what draws flows; it has no id yet."""
    return Flow(
        id=FlowId(0),
        website_id=content.website_id,
        name=content.name,
        title=content.title,
        description=content.description,
        wait=content.wait,
        is_enabled=False,
        url=content.url,
        image_url=image_url,
        ttl=content.ttl,
        is_silent=content.is_silent,
        is_auto_hide=content.is_auto_hide,
        buttons=(content.button_1, content.button_2),
    )
