"""`data_visualization`: native charts."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import BlockKitModel, rule_error, string_length
from flowbot.sandbox.slack.blockkit.layout import Block

ChartLabel = Annotated[str, string_length(20)]
AxisLabel = Annotated[str, string_length(50)]


class PieSegment(BlockKitModel):
    """A slice of a pie; its weight is more than 0."""

    label: ChartLabel
    value: Annotated[float, Field(gt=0)]


class PieChart(BlockKitModel):
    """1 to 6 slices."""

    type: Literal["pie"]
    segments: Annotated[list[PieSegment], Field(min_length=1, max_length=6)]


class DataPoint(BlockKitModel):
    """A value at a category."""

    label: ChartLabel
    value: float


class Series(BlockKitModel):
    """A named row of values, one for each category."""

    name: ChartLabel
    data: Annotated[list[DataPoint], Field(min_length=1, max_length=20)]


class AxisConfig(BlockKitModel):
    """1 to 20 categories and the titles of both axes."""

    categories: Annotated[list[ChartLabel], Field(min_length=1, max_length=20)]
    x_label: AxisLabel | None = None
    y_label: AxisLabel | None = None


class SeriesChart(BlockKitModel):
    """Bars, lines or areas: 1 to 6 series over the same categories."""

    type: Literal["bar", "line", "area"]
    series: Annotated[list[Series], Field(min_length=1, max_length=6)]
    axis_config: AxisConfig

    @model_validator(mode="after")
    def _same_categories(self) -> "SeriesChart":
        for series in self.series:
            if [point.label for point in series.data] != self.axis_config.categories:
                raise rule_error("the labels of each series must be the categories of axis_config, in their order")
        return self


class DataVisualization(Block):
    """A chart with a title of at most 50 characters."""

    type: Literal["data_visualization"]
    title: Annotated[str, string_length(50)]
    chart: Annotated[PieChart | SeriesChart, Field(discriminator="type")]
