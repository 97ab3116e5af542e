"""The small form that asks for a reason."""

from dataclasses import dataclass
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
from flowbot.slack.views.block_kit import TITLE_MAX, View

_BLOCK: Final = "reason"


class ReasonPurpose(StrEnum):
    """What the reason is for."""

    REJECT = "reject"
    BREAK_GLASS = "break_glass"


class ReasonMetadata(PrivateMetadata):
    """The form's identity.

    Attributes:
        change: The change that it is about.
        channel: The channel of the button, where the answer goes. None on the Home tab.
        locale: The locale of the person who pressed it.
    """

    purpose: ReasonPurpose
    change: Annotated[ChangeId, Field(min_length=1, max_length=150)]
    channel: ChannelId | None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class SubmittedReason:
    """The form as it was sent; `reason` has no blank space around it."""

    metadata: ReasonMetadata
    reason: str


class ReasonForm:
    """The form that asks for the reason of a rejection, or of skipping the approval."""

    CALLBACK: Final = "changes.reason"

    @classmethod
    def build(cls, metadata: ReasonMetadata, change: Change, t: Translator) -> View:
        """Return the form as a modal, for `change`."""
        if metadata.purpose is ReasonPurpose.REJECT:
            title, submit, about = t("request.title_reject"), t("button.reject"), t("request.about_reject")
        else:
            title, submit = t("request.title_break_glass"), t("button.break_glass")
            about = t("request.about_break_glass")
        subject = f"{sentences.format_kind(change.request.kind, t)} {request_blocks.format_subject(change, t)}"
        field = {
            "type": "input",
            "block_id": _BLOCK,
            "label": block_kit.plain(t("request.reason")),
            "optional": False,
            "element": {
                "type": "plain_text_input",
                "action_id": ActionId.CHANGE_REASON,
                "multiline": True,
                "min_length": 1,
                "max_length": request_blocks.REASON_MAX,
            },
        }
        return {
            "type": "modal",
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "title": block_kit.plain(title, TITLE_MAX),
            "submit": block_kit.plain(submit, TITLE_MAX),
            "close": block_kit.plain(t("request.cancel"), TITLE_MAX),
            "blocks": [block_kit.section(block_kit.plain(subject)), block_kit.context(about), field],
        }

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedReason | None:
        """Return the form as it was sent; None where another version made it."""
        metadata = parse_metadata(view, ReasonMetadata)
        if metadata is None:
            return None
        entry = view.state.values.get(_BLOCK, {}).get(ActionId.CHANGE_REASON, FieldValue())
        return SubmittedReason(metadata, entry.text.strip()[: request_blocks.REASON_MAX])

    @classmethod
    def field_errors(cls, submitted: SubmittedReason, t: Translator) -> dict[str, str]:
        """Return the sentence for a reason that is missing, by its block; empty where there is one."""
        return cls.field_error(Text("form.problem_required"), t) if is_blank(submitted.reason) else {}

    @classmethod
    def field_error(cls, problem: Text, t: Translator) -> dict[str, str]:
        """Return a problem as a sentence, by the field's block, so that what was typed there stays."""
        return {_BLOCK: sentences.format_text(t, problem)}
