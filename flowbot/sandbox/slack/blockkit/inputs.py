"""Elements that stand in input blocks only."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, rule_error, string_format, string_length
from flowbot.sandbox.slack.blockkit.elements import FieldElement
from flowbot.sandbox.slack.blockkit.objects import DispatchConfig, Id, Placeholder

_NUMBER = re.compile(r"-?\d+(\.\d+)?$")
Number = Annotated[str, string_format(_NUMBER.match, "must be a number in a string")]


class TextInput(BlockKitModel):
    """A field to type into."""

    action_id: Id | None = None
    placeholder: Placeholder | None = None
    focus_on_load: bool | None = None
    dispatch_action_config: DispatchConfig | None = None


class PlainTextInput(TextInput):
    """A text field of at most 3000 characters."""

    type: Literal["plain_text_input"]
    initial_value: Annotated[str, string_length(3000, 0)] | None = None
    multiline: bool | None = None
    min_length: Annotated[int, Field(ge=0, le=3000)] | None = None
    max_length: Annotated[int, Field(ge=1, le=3000)] | None = None

    @model_validator(mode="after")
    def _range(self) -> "PlainTextInput":
        if self.min_length is not None and self.max_length is not None and self.min_length > self.max_length:
            raise rule_error("min_length must not be more than max_length")
        return self


class UrlInput(TextInput):
    """A field for a URL."""

    type: Literal["url_text_input"]
    initial_value: Annotated[str, string_length(3000)] | None = None


class EmailInput(TextInput):
    """A field for an e-mail address."""

    type: Literal["email_text_input"]
    initial_value: Annotated[str, string_length(3000)] | None = None


class NumberInput(TextInput):
    """A field for a number; its limits are numbers in strings."""

    type: Literal["number_input"]
    is_decimal_allowed: bool
    initial_value: Number | None = None
    min_value: Number | None = None
    max_value: Number | None = None

    @model_validator(mode="after")
    def _range(self) -> "NumberInput":
        if self.min_value and self.max_value and float(self.min_value) > float(self.max_value):
            raise rule_error("min_value must not be more than max_value")
        return self


class RichTextInput(TextInput):
    """A field for formatted text."""

    type: Literal["rich_text_input"]
    initial_value: dict[str, Any] | None = None


class FileInput(FieldElement):
    """A field for 1 to 10 files."""

    type: Literal["file_input"]
    filetypes: Annotated[list[str], Field(min_length=1)] | None = None
    max_files: Annotated[int, Field(ge=1, le=10)] | None = None
