"""Rich text: sections, lists, quotes and preformatted text."""

from typing import Annotated, Literal

from pydantic import Field

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, string_length
from flowbot.sandbox.slack.blockkit.objects import Id, Url


class TextStyle(BlockKitModel):
    """The style of a piece of text."""

    bold: bool | None = None
    italic: bool | None = None
    strike: bool | None = None
    code: bool | None = None
    underline: bool | None = None
    highlight: bool | None = None
    client_highlight: bool | None = None
    unlink: bool | None = None


class RichElement(BlockKitModel):
    """A part of a line."""

    style: TextStyle | None = None


class RichTextRun(RichElement):
    """A run of text."""

    type: Literal["text"]
    text: Annotated[str, string_length(12_000)]


class RichEmoji(RichElement):
    """An emoji by name."""

    type: Literal["emoji"]
    name: Annotated[str, string_length(255)]
    unicode: str | None = None


class RichLink(RichElement):
    """A link."""

    type: Literal["link"]
    url: Url
    text: str | None = None
    unsafe: bool | None = None


class RichUser(RichElement):
    """A mention of a person."""

    type: Literal["user"]
    user_id: Annotated[str, string_length(255)]


class RichGroup(RichElement):
    """A mention of a user group."""

    type: Literal["usergroup"]
    usergroup_id: Annotated[str, string_length(255)]


class RichChannel(RichElement):
    """A mention of a channel."""

    type: Literal["channel"]
    channel_id: Annotated[str, string_length(255)]


class RichBroadcast(RichElement):
    """`@here`, `@channel` or `@everyone`."""

    type: Literal["broadcast"]
    range: Literal["here", "channel", "everyone"]


class RichDate(RichElement):
    """A moment in the reader's own zone."""

    type: Literal["date"]
    timestamp: int
    format: Annotated[str, string_length(255)]
    url: Url | None = None
    fallback: str | None = None


class RichColor(RichElement):
    """A colour swatch."""

    type: Literal["color"]
    value: Annotated[str, string_length(32)]


RichElements = Annotated[
    list[
        Annotated[
            RichTextRun
            | RichEmoji
            | RichLink
            | RichUser
            | RichGroup
            | RichChannel
            | RichBroadcast
            | RichDate
            | RichColor,
            Field(discriminator="type"),
        ]
    ],
    Field(max_length=1000),
]
PreformattedElements = list[Annotated[RichTextRun | RichLink, Field(discriminator="type")]]


class RichSection(BlockKitModel):
    """A paragraph."""

    type: Literal["rich_text_section"]
    elements: RichElements


class RichList(BlockKitModel):
    """A list of paragraphs."""

    type: Literal["rich_text_list"]
    style: Literal["bullet", "ordered"]
    elements: list[RichSection]
    indent: Annotated[int, Field(ge=0, le=8)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None
    border: Literal[0, 1] | None = None


class RichQuote(BlockKitModel):
    """A quotation."""

    type: Literal["rich_text_quote"]
    elements: RichElements
    border: Literal[0, 1] | None = None


class RichPreformatted(BlockKitModel):
    """Preformatted text."""

    type: Literal["rich_text_preformatted"]
    elements: PreformattedElements
    border: Literal[0, 1] | None = None
    language: str | None = None


class RichText(BlockKitModel):
    """A block of rich text."""

    type: Literal["rich_text"]
    elements: Annotated[
        list[
            Annotated[
                RichSection | RichList | RichQuote | RichPreformatted,
                Field(discriminator="type"),
            ]
        ],
        Field(min_length=1),
    ]
    block_id: Id | None = None
