"""The small form that asks to enable, disable or delete a flow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import ChannelId, FormToken
from flowbot.domain.when import ROLES, TimeRole, Times, find_problem
from flowbot.i18n.translator import Translator
from flowbot.services.approvals.wish import ChangePreview
from flowbot.slack.forms.reason import parse_reason, reason_input
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FieldValue, PrivateMetadata, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import TITLE_MAX, Block, View
from flowbot.slack.views.message import Message

TITLE_KEYS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.ENABLE: "request.title_enable",
    ChangeKind.DISABLE: "request.title_disable",
    ChangeKind.DELETE: "request.title_delete",
}
SUBMIT_KEYS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.ENABLE: "button.enable",
    ChangeKind.DISABLE: "button.disable",
    ChangeKind.DELETE: "button.delete",
}
"""The submit where no approval is needed."""


TIME_ACTIONS: Final[Mapping[TimeRole, ActionId]] = {
    TimeRole.AT: ActionId.CHANGE_WHEN,
    TimeRole.UNTIL: ActionId.CHANGE_UNTIL,
}
FIELD_PROBLEM_KEYS: Final = {
    "when.past": "when.field_past",
    "when.too_far": "when.field_too_far",
    "when.ends_before_start": "when.field_ends_before_start",
}
"""Problems that quote a typed time, and the same at its field."""


class ChangeFormMetadata(PrivateMetadata):
    """The form's identity.

    Attributes:
        token: The form's own. Its draft holds what is asked for, and the flow that the form showed.
        origin, thread: The channel and thread of the button, where the answer goes. None where there is none.
        locale, timezone: Those of the person who pressed it.
    """

    token: Annotated[FormToken, Field(min_length=1, max_length=150)]
    origin: ChannelId | None = None
    thread: str | None = None
    locale: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class SubmittedChange:
    """The form as it was sent."""

    metadata: ChangeFormMetadata
    reason: str
    times: Times


class ChangeForm:
    """The form that asks to enable, disable or delete a flow, and says what will happen."""

    CALLBACK: Final = "flows.change"

    @classmethod
    def build(cls, metadata: ChangeFormMetadata, preview: ChangePreview, t: Translator) -> View:
        """Return the form as a modal."""
        kind, flow = preview.request.kind, preview.flow
        name = sentences.format_name(flow.name, t)
        website = sentences.format_website(flow.website_id, preview.website_names, t)
        subject = block_kit.rich_paragraph(
            block_kit.text_element(f"#{flow.id} {name}", bold=True), block_kit.text_element(f" · {website}")
        )
        chosen = {TimeRole.AT: preview.request.not_before, TimeRole.UNTIL: preview.request.ends_at}
        times = [
            time_input(role, chosen[role], t, needs_approval=preview.needs_approval)
            for role in TimeRole
            if role in ROLES[kind]
        ]
        submit = t("button.request_approval" if preview.needs_approval else SUBMIT_KEYS[kind])
        reason = reason_input(t, optional=not preview.needs_reason, value=preview.request.reason)
        effects = [block_kit.paragraph(format_effect(preview, t))]
        if preview.displaces_request:
            effects.append(block_kit.paragraph(t("request.effect_displaces")))
        return {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": block_kit.plain(submit, TITLE_MAX),
            **block_kit.modal(t(TITLE_KEYS[kind]), [subject, *effects, *times, reason], close=t("request.cancel")),
        }

    @classmethod
    def build_loading(cls, kind: ChangeKind, t: Translator) -> View:
        """Return the view to show until the form is filled."""
        blocks = [block_kit.paragraph(t("form.loading"))]
        return block_kit.modal(t(TITLE_KEYS[kind]), blocks, close=t("request.cancel"))

    @classmethod
    def build_refusal(cls, kind: ChangeKind, message: Message, t: Translator) -> View:
        """Return the view of why there is no form, in its place."""
        return block_kit.modal(t(TITLE_KEYS[kind]), message.blocks, close=t("form.close"))

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedChange | None:
        """Return the form as it was sent; None where another version made it."""
        metadata = parse_metadata(view, ChangeFormMetadata)
        if metadata is None:
            return None
        return SubmittedChange(metadata, parse_reason(view), Times(*(_parse_time(view, role) for role in TimeRole)))

    @classmethod
    def field_errors(cls, submitted: SubmittedChange, now: datetime, t: Translator) -> dict[str, str]:
        """Return the sentence for a time that is not possible, by its block; empty where both are."""
        if (problem := find_problem(submitted.times, now)) is None:
            return {}
        role, key = problem
        return {role: t(FIELD_PROBLEM_KEYS[key])}


def time_input(role: TimeRole, chosen: datetime | None, t: Translator, *, needs_approval: bool) -> Block:
    """Build the field for the start of a change, or for its end; it may stay empty."""
    if role is TimeRole.AT:
        label, hint = t("request.when"), t("request.when_hint" if needs_approval else "request.when_hint_now")
    else:
        label, hint = t("request.until"), t("request.until_hint")
    shown = {} if chosen is None else {"initial_date_time": int(chosen.timestamp())}
    return {
        "type": "input",
        "block_id": role.value,
        "label": block_kit.plain(label),
        "hint": block_kit.plain(hint),
        "optional": True,
        "element": {"type": "datetimepicker", "action_id": TIME_ACTIONS[role], **shown},
    }


def _parse_time(view: ViewPayload, role: TimeRole) -> datetime | None:
    return view.state.values.get(role, {}).get(TIME_ACTIONS[role], FieldValue()).moment


def format_effect(preview: ChangePreview, t: Translator) -> str:
    """Format what will happen to the flow once the form is sent, or approved."""
    flow = preview.flow
    website = sentences.format_website(flow.website_id, preview.website_names, t)
    wait = sentences.format_wait(flow.wait, t)
    match preview.request.kind:
        case ChangeKind.ENABLE:
            key = "request.effect_enable"
        case ChangeKind.DISABLE:
            key = "request.effect_disable_approved" if preview.needs_approval else "request.effect_disable"
        case _:
            key = "request.effect_delete_live" if flow.is_enabled else "request.effect_delete"
    return t(key, website=website, wait=wait)
