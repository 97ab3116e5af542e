"""The small form that asks for a reason, or for a remark."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from flowbot.domain.change import Change
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.text import is_blank
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FieldValue, PrivateMetadata, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit, request_blocks, sentences
from flowbot.slack.views.block_kit import TITLE_MAX, Block, View

UNNAMED_KEYS: Final = {
    "denied.only_approve": "denied.not_listed_there",
    "denied.only_edit": "denied.not_listed",
    "denied.only_break_glass": "denied.not_listed_there",
    "form.website_gone_in": "form.website_gone",
    "request.late_by_rejected": "request.late_rejected",
    "request.late_by_withdrawn": "request.late_withdrawn",
    "request.late_by_break_glass": "request.late_break_glass",
    "request.own_others": "request.own",
}
"""Refusals that name somebody, and the same without a name."""
_BLOCK: Final = "reason"


class ReasonPurpose(StrEnum):
    """What the text is for."""

    REJECT = "reject"
    BREAK_GLASS = "break_glass"
    COMMENT = "comment"
    REQUEST_CHANGES = "request_changes"


LABEL_KEYS: Final[Mapping[ReasonPurpose, str]] = {
    ReasonPurpose.COMMENT: "remark.label_comment",
    ReasonPurpose.REQUEST_CHANGES: "remark.label_changes",
}
"""The labels of what is typed, where that is no reason."""


class ReasonMetadata(PrivateMetadata):
    """The form's identity.

    Attributes:
        change: The change that it is about.
        channel: The channel of the button, where the answer goes. None on the Home tab.
        locale: The locale of the person who pressed it.
        round: The round of the request's votes as the form was opened.
    """

    purpose: ReasonPurpose
    change: Annotated[ChangeId, Field(min_length=1, max_length=150)]
    channel: ChannelId | None
    locale: str | None = None
    round: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True, slots=True)
class SubmittedReason:
    """The form as it was sent; `reason` has no blank space around it."""

    metadata: ReasonMetadata
    reason: str


class ReasonForm:
    """The form that asks for the reason of a rejection or of skipping the approval, or for a remark."""

    CALLBACK: Final = "changes.reason"

    @classmethod
    def build(cls, metadata: ReasonMetadata, change: Change, t: Translator) -> View:
        """Return the form as a modal, for `change`."""
        # Keys: request.title_reject, request.title_break_glass, request.title_comment, request.title_request_changes
        title = t(f"request.title_{metadata.purpose}")
        # Keys: button.reject, button.break_glass, button.comment, button.request_changes
        submit = t(f"button.{metadata.purpose}")
        # Keys: request.about_reject, request.about_break_glass, request.about_comment, request.about_request_changes
        about = t(f"request.about_{metadata.purpose}")
        subject = f"{sentences.format_kind(change.request.kind, t)} {request_blocks.format_subject(change, t)}"
        field = reason_input(t, optional=False, label=LABEL_KEYS.get(metadata.purpose, "request.reason"))
        return {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": block_kit.plain(submit, TITLE_MAX),
            **block_kit.modal(
                title, [block_kit.paragraph(subject), block_kit.context(about), field], close=t("request.cancel")
            ),
        }

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedReason | None:
        """Return the form as it was sent; None where another version made it."""
        metadata = parse_metadata(view, ReasonMetadata)
        if metadata is None:
            return None
        return SubmittedReason(metadata, parse_reason(view))

    @classmethod
    def field_errors(cls, submitted: SubmittedReason, t: Translator) -> dict[str, str]:
        """Return the sentence for a reason that is missing, by its block; empty where there is one."""
        return reason_error(Text("form.problem_required"), t) if is_blank(submitted.reason) else {}


def reason_input(
    t: Translator, *, optional: bool, value: str = "", turn: int = 0, label: str = "request.reason"
) -> Block:
    """Build the field for a reason; another `turn` gives it a new id, so that Slack shows `value`."""
    shown = {"initial_value": value} if value else {}
    return {
        "type": "input",
        "block_id": _block_id(turn),
        "label": block_kit.plain(t(label)),
        "optional": optional,
        "element": {
            "type": "plain_text_input",
            "action_id": ActionId.CHANGE_REASON,
            "multiline": True,
            "min_length": 0 if optional else 1,
            "max_length": request_blocks.REASON_MAX,
            **shown,
        },
    }


def _block_id(turn: int) -> str:
    return f"{_BLOCK}.{turn}" if turn else _BLOCK


def parse_reason(view: ViewPayload, turn: int = 0) -> str:
    """Return the reason that was typed, without blank space around it."""
    entry = view.state.values.get(_block_id(turn), {}).get(ActionId.CHANGE_REASON, FieldValue())
    return entry.text.strip()[: request_blocks.REASON_MAX]


def reason_error(problem: Text, t: Translator) -> dict[str, str]:
    """Return a problem as a sentence, by the field's block, so that what was typed there stays.

    Slack shows no names at a field.
    """
    return {_BLOCK: sentences.format_text(t, replace(problem, key=UNNAMED_KEYS.get(problem.key, problem.key)))}
