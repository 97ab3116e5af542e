"""The names of segments, for messages: looked up once, and never waited for long."""

from collections.abc import Sequence

import pytest

from flowbot.domain.ids import WebsiteId
from flowbot.errors import EnkapushFaultError
from flowbot.services.ports.enkapush import Segment, SegmentSource
from flowbot.services.segments import SegmentCache


class FakeSegments(SegmentSource):
    """A source of one segment, which may fail."""

    def __init__(self) -> None:
        self.calls = 0
        self.name = "VIP"
        self.size: int | None = 5
        self.fails = False
        self.seconds = 0.0

    async def list_segments(self) -> Sequence[Segment]:
        self.calls += 1
        if self.fails:
            raise EnkapushFaultError("down")
        return [Segment(7, WebsiteId(1), self.name, self.size)]

    async def get_segment(self, segment: int) -> Segment | None:
        self.calls += 1
        if self.fails:
            raise EnkapushFaultError("down")
        return Segment(7, WebsiteId(1), self.name, self.size) if segment == 7 else None


@pytest.fixture
def source() -> FakeSegments:
    """Return a source that works."""
    return FakeSegments()


@pytest.fixture
def segments(source: FakeSegments) -> SegmentCache:
    """Return a cache of what it says."""
    return SegmentCache(source, lambda: source.seconds)


async def test_names_are_looked_up_once_a_minute(source: FakeSegments, segments: SegmentCache) -> None:
    assert await segments.find_names("7", None, "8", "all") == {"7": "VIP"}
    source.name = "Gold"
    assert await segments.find_names("7") == {"7": "VIP"}
    source.seconds = 60.0
    assert (await segments.find_names("7"), source.calls) == ({"7": "Gold"}, 2)


async def test_all_subscribers_and_no_segment_need_no_look_up(source: FakeSegments, segments: SegmentCache) -> None:
    assert (await segments.find_names("all", None), source.calls) == ({}, 0)


async def test_the_last_known_name_stands_where_enkapush_fails(source: FakeSegments, segments: SegmentCache) -> None:
    source.fails = True
    assert await segments.find_names("7") == {}
    source.fails = False
    await segments.get_all()
    source.fails, source.seconds = True, 61.0
    assert (await segments.get_all(), await segments.find_names("7")) == (None, {"7": "VIP"})


async def test_a_size_of_the_last_minute_counts_until_it_is_read_anew(
    source: FakeSegments, segments: SegmentCache
) -> None:
    website = WebsiteId(1)
    assert await segments.find_size("7", website) == 5
    source.size = 9
    assert (await segments.find_size("7", website), await segments.read_size("7", website)) == (5, 9)
    source.fails, source.seconds = True, 61.0
    assert await segments.find_size("7", website) is None
    with pytest.raises(EnkapushFaultError):
        await segments.read_size("7", website)


@pytest.mark.parametrize(
    ("segment", "website", "size"),
    [("7", 2, 5), ("8", 1, 5), ("7", 1, None), ("seven", 1, 5), ("", 1, 5)],
    ids=["of another website", "gone", "of no known size", "no number", "empty"],
)
async def test_the_size_of_an_odd_segment_is_not_known(
    source: FakeSegments, segments: SegmentCache, segment: str, website: int, size: int | None
) -> None:
    source.size = size
    assert await segments.find_size(segment, WebsiteId(website)) is None
    assert await segments.read_size(segment, WebsiteId(website)) is None
