"""The segment cache: all segments of the account, read once for all who ask."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog

from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.domain.ids import WebsiteId
from flowbot.errors import DependencyError
from flowbot.services.ports import Monotonic
from flowbot.services.ports.enkapush import Segment, SegmentSource
from flowbot.services.ttl_cache import TtlCache

FRESH_SECONDS: Final = 60.0
FORM_SECONDS: Final = 3.0
"""A form waits this long for the segments; then it opens without them."""
NAME_SECONDS: Final = 1.0
"""A message waits this long for a segment's name; then it shows the last one that is known, or the number."""

log = structlog.get_logger(__name__)


class SegmentCache:
    """The segments of the account.

    Args:
        source: reads them.
        monotonic: seconds that only grow.
    """

    def __init__(self, source: SegmentSource, monotonic: Monotonic = time.monotonic) -> None:
        self._source = source
        self._segments: TtlCache[str, Sequence[Segment]] = TtlCache(FRESH_SECONDS, monotonic=monotonic)

    async def get_all(self) -> Sequence[Segment] | None:
        """Return the segments of all websites; None where Enkapush does not say."""
        return await self._get_within(FORM_SECONDS)

    async def find_names(self, *segments: str | None) -> dict[str, str]:
        """Return the names of those of `segments` that have one, by id."""
        wanted = {each for each in segments if each and each != ALL_SUBSCRIBERS}
        if not wanted:
            return {}
        found = await self._get_within(NAME_SECONDS) or self._segments.peek("all") or ()
        return {str(each.id): each.name for each in found if str(each.id) in wanted}

    async def find_size(self, segment: str, website: WebsiteId) -> int | None:
        """Return how many of a website's subscribers are in one of its segments; None where that is not known soon."""
        found = await self.get_all() or ()
        return next((_count(each, website) for each in found if str(each.id) == segment), None)

    async def read_size(self, segment: str, website: WebsiteId) -> int | None:
        """Return the same as it is at this moment.

        Raises:
            DependencyError: Enkapush did not answer.
        """
        found = await self._source.get_segment(int(segment)) if segment.isdecimal() else None
        return None if found is None else _count(found, website)

    async def is_gone(self, segment: str) -> bool:
        """Check whether Enkapush lists the segments, and this one is not among them any more."""
        found = None if segment == ALL_SUBSCRIBERS else await self._get_within(NAME_SECONDS)
        return found is not None and segment not in {str(each.id) for each in found}

    async def close(self) -> None:
        """End running look-ups."""
        await self._segments.close()

    async def _get_within(self, seconds: float) -> Sequence[Segment] | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._segments.get("all", self._source.list_segments)
        except (DependencyError, TimeoutError) as error:
            log.warning("forms.no_segments", error=str(error) or "slow")
            return None


def _count(segment: Segment, website: WebsiteId) -> int | None:
    """Return how many are in a segment of a website; of another website's nothing is known."""
    return segment.subscribers if segment.website_id == website else None
