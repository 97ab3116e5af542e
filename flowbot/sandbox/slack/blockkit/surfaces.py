"""The blocks that each surface allows, and how many of them."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from flowbot.sandbox.slack.blockkit.charts import DataVisualization
from flowbot.sandbox.slack.blockkit.layout import (
    Actions,
    Context,
    Divider,
    Header,
    ImageBlock,
    Input,
    Markdown,
    Section,
)
from flowbot.sandbox.slack.blockkit.newer_blocks import Alert, Card, Carousel, Container, DataTable, Table
from flowbot.sandbox.slack.blockkit.rich_text import RichText

Surface = Literal["message", "modal", "home"]

_CommonBlock = Section | Divider | Header | ImageBlock | Context | Actions | RichText
_MessageBlock = _CommonBlock | Markdown | Table | Card | Carousel | Container | DataTable | DataVisualization

MessageBlocks = Annotated[
    list[Annotated[_MessageBlock, Field(discriminator="type")]], Field(min_length=1, max_length=50)
]
ModalBlocks = Annotated[
    list[Annotated[_CommonBlock | Input | Alert, Field(discriminator="type")]], Field(max_length=100)
]
HomeBlocks = Annotated[
    list[Annotated[_CommonBlock | Card | Carousel, Field(discriminator="type")]], Field(max_length=100)
]

ADAPTERS: dict[Surface, TypeAdapter[Any]] = {
    "message": TypeAdapter(MessageBlocks),
    "modal": TypeAdapter(ModalBlocks),
    "home": TypeAdapter(HomeBlocks),
}
NEWER_BLOCK_TYPES = frozenset({"card", "carousel", "container", "alert", "data_table", "data_visualization", "table"})
