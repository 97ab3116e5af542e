"""Typed values of buttons and of entries in menus."""

from typing import Annotated, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowbot.domain.ids import MAX_ID, ChangeId, ChannelId, FlowId, FormToken, ReportId, WebsiteId
from flowbot.domain.search import FlowQuery, SortOrder
from flowbot.domain.versions import VersionRef
from flowbot.errors import UserError
from flowbot.services.flow_queries import ListRequest
from flowbot.slack.payloads.action_ids import ActionId

PAGES_MAX: Final = 1_000_000


class ButtonValue(BaseModel):
    """The value of a button or of an entry in a menu. Slack limits its length: names are letters, defaults left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    def dump(self) -> str:
        """Return the text that Slack keeps."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)


class ListValue(ButtonValue):
    """A list: its filter and order, and the page to turn to. Permissions are checked anew when it comes back."""

    words: tuple[str, ...] = Field((), alias="w")
    is_enabled: bool | None = Field(None, alias="e")
    website: WebsiteId | None = Field(None, alias="s")
    order: SortOrder = Field(SortOrder.NEW, alias="o")
    page: Annotated[int, Field(ge=1, alias="p")] = 1

    @classmethod
    def of(cls, query: FlowQuery, page: int = 1) -> Self:
        """Return the value for a page of the list of `query`."""
        return cls(words=query.words, is_enabled=query.is_enabled, website=query.website, order=query.order, page=page)

    @property
    def request(self) -> ListRequest:
        """The request for this page of the list."""
        website = None if self.website is None else str(self.website)
        return ListRequest(FlowQuery(self.words, self.is_enabled, order=self.order), website, page=self.page)


class FlowValue(ButtonValue):
    """The value of a button about one flow.

    Attributes:
        channel: The channel whose policy decides, if the button may be elsewhere; None for the button's own channel.
    """

    flow: Annotated[FlowId, Field(ge=1, le=MAX_ID, alias="f")]
    channel: ChannelId | None = Field(None, alias="h")


class HistoryValue(ButtonValue):
    """A page of a history to turn to: of one flow, or of the channel's websites where that is None."""

    flow: Annotated[FlowId | None, Field(ge=1, le=MAX_ID, alias="f")] = None
    page: Annotated[int, Field(ge=1, le=PAGES_MAX, alias="p")] = 1


class VersionValue(ButtonValue):
    """The value of a button about a content that a change carries, or the report of a finding: before it, or after."""

    change: Annotated[ChangeId | None, Field(min_length=1, max_length=150, alias="c")] = None
    report: Annotated[ReportId | None, Field(min_length=1, max_length=150, alias="r")] = None
    is_before: bool = Field(False, alias="b")

    @classmethod
    def of(cls, ref: VersionRef) -> Self:
        """Return the value for a version."""
        if ref.is_finding:
            return cls(report=ReportId(ref.origin), is_before=ref.is_before)
        return cls(change=ChangeId(ref.origin), is_before=ref.is_before)

    @property
    def ref(self) -> VersionRef:
        """The version."""
        return VersionRef(self.report or self.change or ChangeId(""), self.is_before, self.report is not None)


class CommandValue(ButtonValue):
    """A command to run, as Slack sends what a person types, so that ids in it stay ids."""

    sent: Annotated[str, Field(min_length=1, alias="t")]


class FlowEntryValue(ButtonValue):
    """The value of an entry in a flow's menu: the flow, and the button that the entry stands for."""

    action: ActionId = Field(alias="a")
    flow: Annotated[FlowId, Field(ge=1, le=MAX_ID, alias="f")]


class MessageValue(ButtonValue):
    """A form to make of a message.

    Attributes:
        token: The draft with the message's text.
        channel: The channel that was chosen for it; None as long as none was.
        is_cut: Whether the text was longer than the form takes.
        is_from_elsewhere: Whether somebody of another organisation wrote it.
    """

    token: Annotated[FormToken, Field(min_length=1, max_length=150, alias="t")]
    channel: ChannelId | None = Field(None, alias="h")
    is_cut: bool = Field(False, alias="c")
    is_from_elsewhere: bool = Field(False, alias="e")


class WindowValue(ButtonValue):
    """A page of the list's window, of the flows of a channel."""

    channel: ChannelId = Field(alias="h")
    page: Annotated[int, Field(ge=1, alias="p")] = 1


class ChannelValue(ButtonValue):
    """The value of a button about one channel."""

    channel: ChannelId = Field(alias="h")


class ChangeValue(ButtonValue):
    """The value of a button about one change.

    Attributes:
        is_unseen: Whether the button stands beside a message that does not show the push.
        round: The round of the request's votes that the button is for: its content may be another by now.
    """

    change: Annotated[ChangeId, Field(min_length=1, max_length=150, alias="c")]
    is_unseen: bool = Field(False, alias="u")
    round: Annotated[int, Field(ge=1, alias="n")] = 1


class ReportValue(ButtonValue):
    """The value of a button about a report.

    Attributes:
        version: The version that stands beside the button.
        channel: The channel whose policy decides, where the button stands elsewhere than in the report's message.
    """

    report: Annotated[ReportId, Field(min_length=1, max_length=150, alias="r")]
    version: Annotated[int, Field(ge=1, alias="v")]
    channel: ChannelId | None = Field(None, alias="h")


class StepValue(ButtonValue):
    """The value of a button that does what a workflow's step asks for."""

    report: Annotated[ReportId, Field(min_length=1, max_length=150, alias="r")]


V = TypeVar("V", bound=ButtonValue)


def parse_value(model: type[V], value: str) -> V:
    """Return the value of a button that was pressed.

    Raises:
        UserError: another version of flowbot wrote it.
    """
    try:
        return model.model_validate_json(value)
    except ValidationError:
        raise UserError("action.unknown") from None
