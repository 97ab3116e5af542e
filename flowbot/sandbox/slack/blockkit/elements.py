"""Buttons, images and menus."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, rule_error, string_format, string_length, text_length
from flowbot.sandbox.slack.blockkit.objects import (
    AltText,
    Confirm,
    ConversationFilter,
    Id,
    ImageUrl,
    Option,
    OptionGroup,
    OverflowOption,
    Placeholder,
    PlainText,
    RichOption,
    SlackFile,
    Url,
)

Options = Annotated[list[Option], Field(min_length=1, max_length=100)]
OptionGroups = Annotated[list[OptionGroup], Field(min_length=1, max_length=100)]
RichOptions = Annotated[list[RichOption], Field(min_length=1, max_length=10)]
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d$")


class InteractiveElement(BlockKitModel):
    """An element that people act on."""

    action_id: Id | None = None
    confirm: Confirm | None = None


class FieldElement(InteractiveElement):
    """An element that holds a value."""

    focus_on_load: bool | None = None


class SelectMenu(FieldElement):
    """An element with a placeholder."""

    placeholder: Placeholder | None = None


class MultiSelectMenu(SelectMenu):
    """A menu for several choices."""

    max_selected_items: Annotated[int, Field(ge=1)] | None = None


class Button(InteractiveElement):
    """A button: text 75, value 2000, url 3000."""

    type: Literal["button"]
    text: Annotated[PlainText, text_length(75)]
    url: Url | None = None
    value: Annotated[str, string_length(2000)] | None = None
    style: Literal["primary", "danger"] | None = None
    accessibility_label: Annotated[str, string_length(75)] | None = None


class Image(BlockKitModel):
    """An image by URL or Slack file."""

    type: Literal["image"]
    alt_text: AltText
    image_url: ImageUrl | None = None
    slack_file: SlackFile | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Image":
        if (self.image_url is None) == (self.slack_file is None):
            raise rule_error("must provide exactly one of image_url, slack_file")
        return self


class Overflow(InteractiveElement):
    """An overflow menu of 1 to 5 options."""

    type: Literal["overflow"]
    options: Annotated[list[OverflowOption], Field(min_length=1, max_length=5)]


def _require_offered(
    chosen: list[Any], options: list[Any] | None, groups: list[OptionGroup] | None, field: str
) -> None:
    offered = list(options or []) + [o for g in groups or [] for o in g.options]
    if any(choice not in offered for choice in chosen):
        raise rule_error(f"{field} must exactly match one of the provided options")


def _require_one_list(options: object, groups: object) -> None:
    if (options is None) == (groups is None):
        raise rule_error("must provide exactly one of options, option_groups")


class StaticSelect(SelectMenu):
    """A menu of fixed options: 1 to 100."""

    type: Literal["static_select"]
    options: Options | None = None
    option_groups: OptionGroups | None = None
    initial_option: Option | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "StaticSelect":
        _require_one_list(self.options, self.option_groups)
        chosen = [self.initial_option] if self.initial_option else []
        _require_offered(chosen, self.options, self.option_groups, "initial_option")
        return self


class MultiStaticSelect(MultiSelectMenu):
    """A menu of fixed options for several choices."""

    type: Literal["multi_static_select"]
    options: Options | None = None
    option_groups: OptionGroups | None = None
    initial_options: Options | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "MultiStaticSelect":
        _require_one_list(self.options, self.option_groups)
        _require_offered(self.initial_options or [], self.options, self.option_groups, "initial_options")
        return self


class ExternalSelect(SelectMenu):
    """A menu whose options the bot delivers."""

    type: Literal["external_select"]
    initial_option: Option | None = None
    min_query_length: Annotated[int, Field(ge=0)] | None = None


class MultiExternalSelect(MultiSelectMenu):
    """A menu whose options the bot delivers, for several choices."""

    type: Literal["multi_external_select"]
    initial_options: Options | None = None
    min_query_length: Annotated[int, Field(ge=0)] | None = None


class UsersSelect(SelectMenu):
    """A menu of people."""

    type: Literal["users_select"]
    initial_user: str | None = None


class MultiUsersSelect(MultiSelectMenu):
    """A menu of people for several choices."""

    type: Literal["multi_users_select"]
    initial_users: list[str] | None = None


class ChannelsSelect(SelectMenu):
    """A menu of public channels."""

    type: Literal["channels_select"]
    initial_channel: str | None = None
    response_url_enabled: bool | None = None


class MultiChannelsSelect(MultiSelectMenu):
    """A menu of public channels for several choices."""

    type: Literal["multi_channels_select"]
    initial_channels: list[str] | None = None


class ConversationsSelect(SelectMenu):
    """A menu of conversations."""

    type: Literal["conversations_select"]
    initial_conversation: str | None = None
    default_to_current_conversation: bool | None = None
    response_url_enabled: bool | None = None
    filter: ConversationFilter | None = None


class MultiConversationsSelect(MultiSelectMenu):
    """A menu of conversations for several choices."""

    type: Literal["multi_conversations_select"]
    initial_conversations: list[str] | None = None
    default_to_current_conversation: bool | None = None
    filter: ConversationFilter | None = None


class Checkboxes(FieldElement):
    """1 to 10 checkboxes."""

    type: Literal["checkboxes"]
    options: RichOptions
    initial_options: RichOptions | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Checkboxes":
        _require_offered(self.initial_options or [], self.options, None, "initial_options")
        return self


class RadioButtons(FieldElement):
    """1 to 10 radio buttons."""

    type: Literal["radio_buttons"]
    options: RichOptions
    initial_option: RichOption | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "RadioButtons":
        _require_offered([self.initial_option] if self.initial_option else [], self.options, None, "initial_option")
        return self


class DatePicker(SelectMenu):
    """A date, `YYYY-MM-DD`."""

    type: Literal["datepicker"]
    initial_date: Annotated[str, string_format(_DATE.match, "must be a date YYYY-MM-DD")] | None = None


class TimePicker(SelectMenu):
    """A time of day, `HH:mm`."""

    type: Literal["timepicker"]
    initial_time: Annotated[str, string_format(_TIME.match, "must be a time HH:mm")] | None = None
    timezone: str | None = None


class DateTimePicker(FieldElement):
    """A moment, as seconds since the epoch with ten digits."""

    type: Literal["datetimepicker"]
    initial_date_time: Annotated[int, Field(ge=10**9, lt=10**10)] | None = None


Select = StaticSelect | ExternalSelect | UsersSelect | ChannelsSelect | ConversationsSelect
MultiSelect = (
    MultiStaticSelect | MultiExternalSelect | MultiUsersSelect | MultiChannelsSelect | MultiConversationsSelect
)
Choice = Select | MultiSelect | Checkboxes | RadioButtons | DatePicker | TimePicker
