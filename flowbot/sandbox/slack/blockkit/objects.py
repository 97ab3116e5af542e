"""Composition objects: texts, options, confirmations, URLs."""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, rule_error, string_format, string_length, text_length

_HTTP_URL = re.compile(r"https?://[^\s/?#]+[^\s]*$", re.IGNORECASE)
_ANY_URL = re.compile(r"[a-z][a-z0-9+.-]*:[^\s]+$", re.IGNORECASE)

Id = Annotated[str, string_length(255)]
ImageUrl = Annotated[str, string_length(3000), string_format(_HTTP_URL.match, "invalid image URL")]
Url = Annotated[str, string_length(3000), string_format(_ANY_URL.match, "invalid URL")]
AltText = Annotated[str, string_length(2000)]


class PlainText(BlockKitModel):
    """A `plain_text` object."""

    type: Literal["plain_text"]
    text: str
    emoji: bool | None = None


class Mrkdwn(BlockKitModel):
    """A `mrkdwn` object."""

    type: Literal["mrkdwn"]
    text: str
    verbatim: bool | None = None


Text = Annotated[PlainText | Mrkdwn, Field(discriminator="type")]
Placeholder = Annotated[PlainText, text_length(150)]


class Confirm(BlockKitModel):
    """A confirmation dialog: title 100, text 300, buttons 30 characters."""

    title: Annotated[PlainText, text_length(100)]
    text: Annotated[Text, text_length(300)]
    confirm: Annotated[PlainText, text_length(30)]
    deny: Annotated[PlainText, text_length(30)]
    style: Literal["primary", "danger"] | None = None


class Option(BlockKitModel):
    """An option of a select menu: plain text only."""

    text: Annotated[PlainText, text_length(75)]
    value: Annotated[str, string_length(150)]
    description: Annotated[PlainText, text_length(75)] | None = None


class RichOption(BlockKitModel):
    """An option of radio buttons or checkboxes: mrkdwn is allowed."""

    text: Annotated[Text, text_length(75)]
    value: Annotated[str, string_length(150)]
    description: Annotated[Text, text_length(75)] | None = None


class OverflowOption(Option):
    """An option of an overflow menu: may be a link."""

    url: Url | None = None


class OptionGroup(BlockKitModel):
    """A labelled group of options."""

    label: Annotated[PlainText, text_length(75)]
    options: Annotated[list[Option], Field(min_length=1, max_length=100)]


class DispatchConfig(BlockKitModel):
    """The moments at which a text field dispatches its action."""

    trigger_actions_on: Annotated[
        list[Literal["on_enter_pressed", "on_character_entered"]], Field(min_length=1, max_length=2)
    ]


class SlackFile(BlockKitModel):
    """An image that lives in Slack: by id or by URL."""

    id: str | None = None
    url: Url | None = None

    @model_validator(mode="after")
    def _one(self) -> "SlackFile":
        if (self.id is None) == (self.url is None):
            raise rule_error("must provide exactly one of id, url")
        return self


class ConversationFilter(BlockKitModel):
    """The conversations that a menu offers."""

    include: Annotated[list[Literal["im", "mpim", "private", "public"]], Field(min_length=1)] | None = None
    exclude_external_shared_channels: bool | None = None
    exclude_bot_users: bool | None = None
