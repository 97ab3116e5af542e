"""The small form that asks for a reason."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from flowbot.domain.change import Change
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.text import is_blank
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads import view_state
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import PrivateMetadata
from flowbot.slack.views import block_kit
from flowbot.slack.views import request_blocks as parts
from flowbot.slack.views.block_kit import View
from flowbot.slack.views.form_status import TITLE_MAX

REASON_MAX: Final = parts.REASON_MAX


_BLOCK: Final = "reason"


class ReasonPurpose(StrEnum):
    """What the reason is for."""

    REJECT = "reject"
    BREAK_GLASS = "break_glass"


class ReasonMetadata(PrivateMetadata):
    """What the form carries unseen.

    Attributes:
        change: The change that it is about.
        channel: Where the button was pressed: where its answer goes. None on the Home tab.
        locale: How the one who pressed it reads.
    """

    purpose: ReasonPurpose
    change: Annotated[ChangeId, Field(min_length=1, max_length=150)]
    channel: ChannelId | None
    locale: str | None = None

    def dump(self) -> str:
        """As text."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class SubmittedReason:
    """The form as it was sent; `reason` has no blank space around it."""

    metadata: ReasonMetadata
    reason: str


class ReasonForm:
    """The form's ids, how it is built and how it is read."""

    CALLBACK: Final = "changes.reason"

    @classmethod
    def build(cls, metadata: ReasonMetadata, change: Change, t: Translator) -> View:
        """The form as a modal, for `change`."""
        title, submit, about = _words(metadata.purpose, t)
        return {
            "type": "modal",
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "title": block_kit.plain(title, TITLE_MAX),
            "submit": block_kit.plain(submit, TITLE_MAX),
            "close": block_kit.plain(t("request.cancel"), TITLE_MAX),
            "blocks": [
                block_kit.section(
                    block_kit.plain(f"{t(f'kind.{change.request.kind}')} {parts.flow_subject(change, t)}")
                ),
                block_kit.context(about),
                _field(t),
            ],
        }

    @classmethod
    def parse(cls, view: Any) -> SubmittedReason | None:
        """The form from the `view` of Slack's payload; None where it is not such a form."""
        read = view_state.parse_view_state(view)
        metadata = ReasonMetadata.parse(read[0]) if read else None
        if read is None or metadata is None:
            return None
        entry = read[1].get(_BLOCK, {}).get(ActionId.CHANGE_REASON, view_state.FieldValue())
        return SubmittedReason(metadata, entry.text.strip()[:REASON_MAX])

    @classmethod
    def field_errors(cls, submitted: SubmittedReason, t: Translator) -> dict[str, str]:
        """What is wrong, by the block that Slack shall show it at; empty where all is well."""
        return cls.field_error(t("form.problem_required")) if is_blank(submitted.reason) else {}

    @classmethod
    def field_error(cls, sentence: str) -> dict[str, str]:
        """A sentence at the field, so that what was typed there stays."""
        return {_BLOCK: sentence}


def _words(purpose: ReasonPurpose, t: Translator) -> tuple[str, str, str]:
    """Title, submit, and what it means."""
    if purpose is ReasonPurpose.REJECT:
        return t("request.title_reject"), t("button.reject"), t("request.about_reject")
    return t("request.title_break_glass"), t("button.break_glass"), t("request.about_break_glass")


def _field(t: Translator) -> View:
    return {
        "type": "input",
        "block_id": _BLOCK,
        "label": block_kit.plain(t("request.reason")),
        "optional": False,
        "element": {
            "type": "plain_text_input",
            "action_id": ActionId.CHANGE_REASON,
            "multiline": True,
            "min_length": 1,
            "max_length": REASON_MAX,
        },
    }
