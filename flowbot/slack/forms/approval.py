"""The form behind Approve beside a push that a channel's messages do not show."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.view_state import PrivateMetadata, ShortText, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import TITLE_MAX, View
from flowbot.slack.views.details_window import content_blocks
from flowbot.slack.views.message import Message
from flowbot.slack.views.request_blocks import confirmation_text
from flowbot.slack.views.request_message import request_message


class ApprovalFormMetadata(PrivateMetadata):
    """The form's identity.

    Attributes:
        change: The request.
        channel, thread: Where the button was pressed, and the answer goes.
        locale, timezone: Those of the person who pressed it.
        round: The round of the request's votes that the form shows.
    """

    change: Annotated[ChangeId, Field(min_length=1, max_length=150)]
    channel: ChannelId | None = None
    thread: ShortText | None = None
    locale: ShortText | None = None
    timezone: ShortText | None = None
    round: Annotated[int, Field(ge=1)] = 1


class ApprovalForm:
    """The form that shows a request to one approver, whose submit approves it."""

    CALLBACK: Final = "changes.approval"

    @classmethod
    def build(cls, metadata: ApprovalFormMetadata, details: RequestDetails, t: Translator, now: datetime) -> View:
        """Return the form as a modal."""
        blocks = content_blocks(request_message(details, t, now))
        if (text := confirmation_text(details, t)) is not None:
            blocks += [block_kit.divider(), block_kit.paragraph(text)]
        return {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": block_kit.plain(t("button.approve"), TITLE_MAX),
            **block_kit.modal(t("request.title_approve"), blocks, close=t("request.cancel")),
        }

    @classmethod
    def build_loading(cls, t: Translator) -> View:
        """Return the view to show until the form is filled."""
        blocks = [block_kit.paragraph(t("form.loading"))]
        return block_kit.modal(t("request.title_approve"), blocks, close=t("request.cancel"))

    @classmethod
    def build_refusal(cls, message: Message, t: Translator) -> View:
        """Return the view of why it is not approved, in the form's place."""
        return block_kit.modal(t("request.title_approve"), message.blocks, close=t("form.close"))

    @classmethod
    def parse(cls, view: ViewPayload) -> ApprovalFormMetadata | None:
        """Return the identity of the form that was sent; None where another version made it."""
        return parse_metadata(view, ApprovalFormMetadata)
