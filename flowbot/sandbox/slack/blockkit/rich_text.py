"""Rich text: sections, lists, quotes and preformatted text."""

from typing import Annotated, Literal

from pydantic import Field

from flowbot.sandbox.slack.blockkit.base import Strict, chars
from flowbot.sandbox.slack.blockkit.objects import Id, Url


class Style(Strict):
    """How a piece of text looks."""

    bold: bool | None = None
    italic: bool | None = None
    strike: bool | None = None
    code: bool | None = None
    underline: bool | None = None
    highlight: bool | None = None
    client_highlight: bool | None = None
    unlink: bool | None = None


class Piece(Strict):
    """A part of a line."""

    style: Style | None = None


class RichTextText(Piece):
    """Words."""

    type: Literal["text"]
    text: Annotated[str, chars(12_000)]


class RichEmoji(Piece):
    """An emoji by name."""

    type: Literal["emoji"]
    name: Annotated[str, chars(255)]
    unicode: str | None = None


class RichLink(Piece):
    """A link."""

    type: Literal["link"]
    url: Url
    text: str | None = None
    unsafe: bool | None = None


class RichUser(Piece):
    """A mention of a person."""

    type: Literal["user"]
    user_id: Annotated[str, chars(255)]


class RichGroup(Piece):
    """A mention of a user group."""

    type: Literal["usergroup"]
    usergroup_id: Annotated[str, chars(255)]


class RichChannel(Piece):
    """A mention of a channel."""

    type: Literal["channel"]
    channel_id: Annotated[str, chars(255)]


class RichBroadcast(Piece):
    """`@here`, `@channel` or `@everyone`."""

    type: Literal["broadcast"]
    range: Literal["here", "channel", "everyone"]


class RichDate(Piece):
    """A moment in the reader's own zone."""

    type: Literal["date"]
    timestamp: int
    format: Annotated[str, chars(255)]
    url: Url | None = None
    fallback: str | None = None


class RichColor(Piece):
    """A colour swatch."""

    type: Literal["color"]
    value: Annotated[str, chars(32)]


Pieces = Annotated[
    list[
        Annotated[
            RichTextText
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
PlainPieces = list[Annotated[RichTextText | RichLink, Field(discriminator="type")]]


class RichSection(Strict):
    """A paragraph."""

    type: Literal["rich_text_section"]
    elements: Pieces


class RichList(Strict):
    """A list of paragraphs."""

    type: Literal["rich_text_list"]
    style: Literal["bullet", "ordered"]
    elements: list[RichSection]
    indent: Annotated[int, Field(ge=0, le=8)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None
    border: Literal[0, 1] | None = None


class RichQuote(Strict):
    """A quotation."""

    type: Literal["rich_text_quote"]
    elements: Pieces
    border: Literal[0, 1] | None = None


class RichPreformatted(Strict):
    """Text as it is."""

    type: Literal["rich_text_preformatted"]
    elements: PlainPieces
    border: Literal[0, 1] | None = None
    language: str | None = None


class RichText(Strict):
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
