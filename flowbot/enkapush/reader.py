"""Enkapush's flows and segments as flowbot's: the adapter behind the ports FlowSource and SegmentSource."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from flowbot.domain.fields import FIELDS, PLAIN_FIELDS
from flowbot.domain.flow import Flow, FlowButton, Totals, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.enkapush.client import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushClient,
    EnkapushError,
    Listing,
    MalformedResponseError,
    NotFoundError,
    PageCache,
    RateLimitedError,
    RequestTimeoutError,
    RetryPolicy,
    UnreadableRecordError,
    models,
)
from flowbot.errors import EnkapushFaultError, EnkapushStatus
from flowbot.services.ports.enkapush import AccountSource, AllFlows, Segment, SegmentSource, UnreadableFlowError

_STATUSES: Final[tuple[tuple[type[EnkapushError], EnkapushStatus], ...]] = (
    (AuthError, "key"),
    (RateLimitedError, "busy"),
    (RequestTimeoutError, "slow"),
    (ConnectError, "down"),
    (ConnectionLostError, "down"),
    (EnkapushError, "broken"),
)
_WIRE_NAMES: Final = [FIELDS[name].wire_name for name in PLAIN_FIELDS.values()]
_read_plain: Final = attrgetter(
    *(name if name in models.Flow.model_fields else f"settings.{name}" for name in _WIRE_NAMES)
)
"""Reads the plain fields of Enkapush's flow, in the order of `PLAIN_FIELDS`."""
NAME_CHARS: Final = 1000
"""The part of a segment's name that is kept, for menus; megabytes would take seconds."""
PING_RETRY: Final = RetryPolicy(budget=2.5)
"""Ends before a health probe gives up (`health.PROBE_TIMEOUT_SECONDS`), so that the probe learns what is wrong."""


class EnkapushReader(AccountSource, SegmentSource):
    """Reads flows and segments.

    A flow that has not changed since all were read last is the same object: a large account that is read again while
    the earlier reading is still in use takes the room of one.

    Args:
        client: The account.
        zone: The zone of Enkapush's naive timestamps.
    """

    def __init__(self, client: EnkapushClient, zone: ZoneInfo) -> None:
        self._client = client
        self._zone = zone
        self._known: Mapping[int, Flow] = {}
        self._pages: PageCache[Flow] = {}

    async def list_flows(self) -> AllFlows:
        with _translate_errors():
            listing = await self._client.flows.all_as(self._reuse_unchanged, self._pages)
        _require_readable(listing)
        self._known = listing.by_id
        websites = (None if website is None else WebsiteId(website) for website in listing.unreadable)
        return AllFlows(listing.items, tuple(websites), listing.is_stable)

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        with _translate_errors():
            try:
                return to_flow(await self._client.flows.get(flow_id), self._zone)
            except NotFoundError:
                return None
            except MalformedResponseError as error:
                website = self._find_website(flow_id, error)
                if website is None and not isinstance(error, UnreadableRecordError):
                    raise
                raise UnreadableFlowError(website) from error

    def _find_website(self, flow_id: FlowId, error: MalformedResponseError) -> WebsiteId | None:
        """Find the website of a flow whose answer cannot be read: from that, or as the flow was in the last list."""
        if isinstance(error, UnreadableRecordError) and error.website_id is not None:
            return WebsiteId(error.website_id)
        known = self._known.get(flow_id)
        return None if known is None else known.website_id

    async def find_newest(self) -> FlowId | None:
        with _translate_errors(), suppress(NotFoundError):
            pages = [await self._client.flows.list(results_per_page=10)]
            if pages[0].total_pages > 1:
                pages.append(await self._client.flows.list(pages[0].total_pages, results_per_page=10))
            ids = [FlowId(flow.id) for page in pages for flow in page.items]
            is_by_id = ids in (sorted(ids), sorted(ids, reverse=True))
            has_certain_end = pages[0].total is not None and not any(page.is_empty for page in pages[1:])
            if is_by_id and has_certain_end and not any(page.unreadable for page in pages):
                return max(ids, default=None)
        # The list's order is not documented: where it is not by id, or its end is elsewhere, only the whole list tells.
        return max((flow.id for flow in (await self.list_flows()).flows), default=None)

    def _reuse_unchanged(self, record: models.Flow) -> Flow:
        flow = to_flow(record, self._zone)
        known = self._known.get(flow.id)
        return known if known == flow else flow

    async def list_segments(self) -> Sequence[Segment]:
        with _translate_errors():
            listing = await self._client.segments.all()
        _require_readable(listing)
        return [to_segment(record) for record in listing.items]

    async def get_segment(self, segment: int) -> Segment | None:
        with _translate_errors(), suppress(NotFoundError, UnreadableRecordError):
            return to_segment(await self._client.segments.get(segment))
        return None

    async def ping(self) -> None:
        """Check that Enkapush answers.

        Raises:
            DependencyError: Enkapush does not answer.
        """
        with _translate_errors():
            await self._client.flows.list(results_per_page=10, retry=PING_RETRY)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn Enkapush's errors into faults that can be shown to a person; the details stay with the cause."""
    try:
        yield
    except EnkapushError as error:
        raise EnkapushFaultError(next(status for kind, status in _STATUSES if isinstance(error, kind))) from error


def _require_readable(listing: Listing[Any]) -> None:
    """Raise a fault where nothing could be read: such an account is not an empty one."""
    if listing.unreadable and not listing.by_id:
        raise EnkapushFaultError("broken")


def to_flow(record: models.Flow, zone: ZoneInfo) -> Flow:
    """Convert Enkapush's flow into flowbot's, its naive times put into `zone`."""
    settings = record.settings
    plain: dict[str, Any] = dict(zip(PLAIN_FIELDS, _read_plain(record), strict=True))
    return Flow(
        **plain,
        id=FlowId(record.id),
        wait=_wait(record.wait_time, record.wait_time_type),
        is_enabled=record.is_enabled,
        image_url=record.image_url or None,
        button_1=_button(settings.button_title_1, settings.button_url_1),
        button_2=_button(settings.button_title_2, settings.button_url_2),
        totals=Totals(
            sent=record.total_sent_push_notifications,
            displayed=record.total_displayed_push_notifications,
            clicked=record.total_clicked_push_notifications,
            closed=record.total_closed_push_notifications,
        ),
        last_sent_at=_in_zone(record.last_sent_at, zone),
        changed_at=_in_zone(record.changed_at, zone),
        created_at=_in_zone(record.created_at, zone),
    )


def to_segment(record: models.Segment) -> Segment:
    """Convert Enkapush's segment into flowbot's."""
    return Segment(record.id, WebsiteId(record.website_id), record.name[:NAME_CHARS], record.total_subscribers)


# Most flows have no buttons, and many wait equally long: they share these.


@lru_cache(maxsize=1024)
def _wait(amount: int, unit: str) -> WaitTime:
    return WaitTime(amount, unit)


@lru_cache(maxsize=1024)
def _button(title: str, url: str) -> FlowButton:
    return FlowButton(title, url)


def _in_zone(moment: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    # Takes a fifth of the time of `replace`, which counts where 100,000 flows are read.
    return dt.datetime.combine(moment, moment.time(), zone)
