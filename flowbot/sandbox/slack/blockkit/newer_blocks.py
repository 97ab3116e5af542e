"""Blocks that are newer than most examples: tables, cards, containers, alerts."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, rule_error, string_length, text_length
from flowbot.sandbox.slack.blockkit.elements import Button, Image
from flowbot.sandbox.slack.blockkit.layout import (
    Actions,
    Block,
    Context,
    Divider,
    Header,
    ImageBlock,
    Markdown,
    Section,
)
from flowbot.sandbox.slack.blockkit.objects import PlainText, Text
from flowbot.sandbox.slack.blockkit.rich_text import RichText


class RawText(BlockKitModel):
    """A cell of text."""

    type: Literal["raw_text"]
    text: Annotated[str, string_length(3000)]


class RawNumber(BlockKitModel):
    """A cell with a number that sorts as a number."""

    type: Literal["raw_number"]
    value: float | int
    text: str | None = None


class ColumnSettings(BlockKitModel):
    """The alignment and wrapping of a column."""

    align: Literal["left", "center", "right"] | None = None
    is_wrapped: bool | None = None


Cell = Annotated[RawText | RawNumber | RichText, Field(discriminator="type")]
Row = Annotated[list[Cell], Field(min_length=1, max_length=20)]


def _require_same_width(rows: list[list[Any]]) -> None:
    if len({len(row) for row in rows}) > 1:
        raise rule_error("all rows must have the same number of cells")


class Table(Block):
    """1 to 100 rows of 1 to 20 cells."""

    type: Literal["table"]
    rows: Annotated[list[Row], Field(min_length=1, max_length=100)]
    column_settings: Annotated[list[ColumnSettings | None], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _rectangle(self) -> "Table":
        _require_same_width(self.rows)
        return self


class DataTable(Block):
    """A table with paging and sorting: a header row and 1 to 100 rows; the caption is required."""

    type: Literal["data_table"]
    caption: Annotated[str, string_length(3000)]
    rows: Annotated[list[Row], Field(min_length=2, max_length=101)]
    page_size: Annotated[int, Field(ge=1, le=100)] | None = None
    row_header_column_index: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _rectangle(self) -> "DataTable":
        _require_same_width(self.rows)
        if any(isinstance(cell, RichText) for cell in self.rows[0]):
            raise rule_error("header cells must not be rich_text")
        if (self.row_header_column_index or 0) >= len(self.rows[0]):
            raise rule_error("row_header_column_index is not a column")
        return self


class Card(Block):
    """A card: title 150, body 200, a hero image, up to 3 buttons."""

    type: Literal["card"]
    hero_image: Image | None = None
    icon: Image | None = None
    title: Annotated[Text, text_length(150)] | None = None
    subtitle: Annotated[Text, text_length(150)] | None = None
    body: Annotated[Text, text_length(200)] | None = None
    actions: Annotated[list[Button], Field(min_length=1, max_length=3)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "Card":
        if not (self.hero_image or self.title or self.body or self.actions):
            raise rule_error("must provide at least one of hero_image, title, actions, body")
        return self


class Carousel(Block):
    """1 to 10 cards."""

    type: Literal["carousel"]
    elements: Annotated[list[Card], Field(min_length=1, max_length=10)]


class Alert(Block):
    """A notice in a modal."""

    type: Literal["alert"]
    text: Annotated[Text, text_length(3000)]
    level: Literal["default", "info", "warning", "error", "success"] | None = None


class Container(Block):
    """1 to 10 blocks under a title, perhaps collapsible."""

    type: Literal["container"]
    child_blocks: Annotated[
        list[
            Annotated[
                Section | Divider | Header | ImageBlock | Context | Actions | Markdown | RichText | Table,
                Field(discriminator="type"),
            ]
        ],
        Field(min_length=1, max_length=10),
    ]
    title: Annotated[PlainText, text_length(150)] | None = None
    rich_text_title: RichText | None = None
    subtitle: Annotated[Text, text_length(150)] | None = None
    width: Literal["narrow", "standard", "wide", "full"] | None = None
    icon: Image | None = None
    is_collapsible: bool | None = None
    default_collapsed: bool | None = None
    has_header_divider: bool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Container":
        if self.title is None and self.rich_text_title is None:
            raise rule_error("missing required field: title or rich_text_title")
        if self.default_collapsed and not self.is_collapsible:
            raise rule_error("default_collapsed requires is_collapsible")
        return self
