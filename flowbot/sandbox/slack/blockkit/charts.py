"""`data_visualization`: native charts."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from flowbot.sandbox.slack.blockkit.base import Strict, chars, wrong
from flowbot.sandbox.slack.blockkit.layout import Block

Label = Annotated[str, chars(20)]
AxisLabel = Annotated[str, chars(50)]


class Segment(Strict):
    """A slice of a pie; its weight is more than 0."""

    label: Label
    value: Annotated[float, Field(gt=0)]


class Pie(Strict):
    """1 to 6 slices."""

    type: Literal["pie"]
    segments: Annotated[list[Segment], Field(min_length=1, max_length=6)]


class Point(Strict):
    """A value at a category."""

    label: Label
    value: float


class Series(Strict):
    """A named row of values, one for each category."""

    name: Label
    data: Annotated[list[Point], Field(min_length=1, max_length=20)]


class Axes(Strict):
    """1 to 20 categories and the titles of both axes."""

    categories: Annotated[list[Label], Field(min_length=1, max_length=20)]
    x_label: AxisLabel | None = None
    y_label: AxisLabel | None = None


class Plot(Strict):
    """Bars, lines or areas: 1 to 6 series over the same categories."""

    type: Literal["bar", "line", "area"]
    series: Annotated[list[Series], Field(min_length=1, max_length=6)]
    axis_config: Axes

    @model_validator(mode="after")
    def _same_categories(self) -> "Plot":
        for series in self.series:
            if sorted(point.label for point in series.data) != sorted(self.axis_config.categories):
                raise wrong("the labels of each series must be the categories of axis_config")
        return self


class DataVisualization(Block):
    """A chart with a title of at most 50 characters."""

    type: Literal["data_visualization"]
    title: Annotated[str, chars(50)]
    chart: Annotated[Pie | Plot, Field(discriminator="type")]
