"""The blocks that every workspace knows."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, rule_error, string_length, text_length
from flowbot.sandbox.slack.blockkit.elements import Button, Choice, DateTimePicker, Image, Overflow
from flowbot.sandbox.slack.blockkit.inputs import (
    EmailInput,
    FileInput,
    NumberInput,
    PlainTextInput,
    RichTextInput,
    UrlInput,
)
from flowbot.sandbox.slack.blockkit.objects import Id, Mrkdwn, PlainText, Text


class Block(BlockKitModel):
    """A block: its id is at most 255 characters."""

    block_id: Id | None = None


class Section(Block):
    """Text (3000), fields (10 × 2000) and one accessory."""

    type: Literal["section"]
    text: Annotated[Text, text_length(3000)] | None = None
    fields: Annotated[list[Annotated[Text, text_length(2000)]], Field(min_length=1, max_length=10)] | None = None
    accessory: Annotated[Button | Image | Overflow | Choice, Field(discriminator="type")] | None = None
    expand: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> "Section":
        if self.text is None and self.fields is None:
            raise rule_error("missing required field: text or fields")
        return self


class Divider(Block):
    """A line."""

    type: Literal["divider"]


class Header(Block):
    """A headline: plain text, 150 characters."""

    type: Literal["header"]
    text: Annotated[PlainText, text_length(150)]


class ImageBlock(Image):
    """A large image."""

    title: Annotated[PlainText, text_length(2000)] | None = None
    block_id: Id | None = None


class Context(Block):
    """1 to 10 small texts and images."""

    type: Literal["context"]
    elements: Annotated[
        list[Annotated[PlainText | Mrkdwn | Image, Field(discriminator="type")]],
        Field(min_length=1, max_length=10),
    ]


class Actions(Block):
    """1 to 25 interactive elements."""

    type: Literal["actions"]
    elements: Annotated[
        list[Annotated[Button | Overflow | Choice | DateTimePicker | RichTextInput, Field(discriminator="type")]],
        Field(min_length=1, max_length=25),
    ]


class Input(Block):
    """A labelled field of a form."""

    type: Literal["input"]
    label: Annotated[PlainText, text_length(2000)]
    element: Annotated[
        Choice | DateTimePicker | PlainTextInput | UrlInput | EmailInput | NumberInput | RichTextInput | FileInput,
        Field(discriminator="type"),
    ]
    hint: Annotated[PlainText, text_length(2000)] | None = None
    optional: bool | None = None
    dispatch_action: bool | None = None


class Markdown(Block):
    """Standard Markdown: 12,000 characters in all such blocks of a payload together."""

    type: Literal["markdown"]
    text: Annotated[str, string_length(12_000)]
