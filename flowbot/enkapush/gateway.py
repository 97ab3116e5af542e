"""Enkapush's flows and segments as flowbot's: the adapter behind the ports that read."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from flowbot.domain.flow import Flow, FlowButton, Totals, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.enkapush import models
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.errors import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
)
from flowbot.enkapush.pages import Listing
from flowbot.enkapush.retry import RetryPolicy
from flowbot.errors import Fault
from flowbot.services.ports.flows import AllFlows, Segment

_KEYS: Final[tuple[tuple[type[EnkapushError], str], ...]] = (
    (AuthError, "fault.enkapush_key"),
    (RateLimitedError, "fault.enkapush_busy"),
    (RequestTimeoutError, "fault.enkapush_slow"),
    (ConnectError, "fault.enkapush_down"),
    (ConnectionLostError, "fault.enkapush_down"),
    (EnkapushError, "fault.enkapush_broken"),
)
SIGN_OF_LIFE: Final = RetryPolicy(budget=2.5)
"""Ended before those who ask for a sign of life give up (`health.PATIENCE_SECONDS`): they learn what is wrong."""


class EnkapushFlows:
    """Reads flows and segments.

    Args:
        client: the account.
        zone: the zone of Enkapush's naive timestamps.
    """

    def __init__(self, client: EnkapushClient, zone: ZoneInfo) -> None:
        self._client = client
        self._zone = zone
        self._known: dict[FlowId, Flow] = {}

    async def all_flows(self) -> AllFlows:
        """Every flow of the account, at 1000 a page.

        A flow that has not changed since it was read last is the same object: a large account that is read again while
        the earlier reading is still in use takes the room of one.

        Raises:
            Fault: Enkapush did not answer, or not with flows, or none of them could be read.
        """
        with _faults():
            listing = await self._client.flows.all_as(self._kept)
        _require_some(listing)
        self._known = {flow.id: flow for flow in listing.items}
        places = (None if website is None else WebsiteId(website) for website in listing.unread)
        return AllFlows(listing.items, tuple(places))

    async def flow(self, flow_id: FlowId) -> Flow | None:
        """One flow as it is now, or None where there is no such flow.

        Raises:
            Fault: Enkapush did not answer, or not with a flow.
        """
        with _faults():
            try:
                return flow_of(await self._client.flows.get(flow_id), self._zone)
            except NotFoundError:
                return None

    def _kept(self, wire: models.Flow) -> Flow:
        flow = flow_of(wire, self._zone)
        known = self._known.get(flow.id)
        return known if known == flow else flow

    async def all_segments(self) -> Sequence[Segment]:
        """Every segment of the account.

        Raises:
            Fault: Enkapush did not answer, or not with segments, or none of them could be read.
        """
        with _faults():
            listing = await self._client.segments.all()
        _require_some(listing)
        return [
            Segment(segment.id, WebsiteId(segment.website_id), segment.name, segment.total_subscribers)
            for segment in listing.items
        ]

    async def ping(self) -> None:
        """Make sure that Enkapush answers.

        Raises:
            Fault: it does not.
        """
        with _faults():
            await self._client.flows.list(results_per_page=10, retry=SIGN_OF_LIFE)


@contextmanager
def _faults() -> Iterator[None]:
    """Enkapush's errors become faults that can be said to a person; the details stay with the cause."""
    try:
        yield
    except EnkapushError as error:
        key = next(key for kind, key in _KEYS if isinstance(error, kind))
        raise Fault(key) from error


def _require_some(listing: Listing[Any]) -> None:
    """An account of which nothing can be read is not an empty one."""
    if listing.unread and not listing.items:
        raise Fault("fault.enkapush_broken")


def flow_of(wire: models.Flow, zone: ZoneInfo) -> Flow:
    """A flow from the wire, its naive times put into `zone`."""
    settings = wire.settings
    return Flow(
        id=FlowId(wire.id),
        website_id=WebsiteId(wire.website_id),
        name=wire.name,
        title=wire.title,
        description=wire.description,
        wait=_wait(wire.wait_time, wire.wait_time_type),
        is_enabled=wire.is_enabled,
        url=wire.url,
        image_url=wire.image_url or None,
        ttl=settings.ttl,
        is_silent=settings.is_silent,
        is_auto_hide=settings.is_auto_hide,
        buttons=_buttons(
            settings.button_title_1, settings.button_url_1, settings.button_title_2, settings.button_url_2
        ),
        totals=_totals(wire),
        last_sent_at=_in_zone(wire.last_sent_at, zone),
        changed_at=_in_zone(wire.changed_at, zone),
        created_at=_in_zone(wire.created_at, zone),
    )


# Most flows have no buttons, and many wait equally long: they share these.


@lru_cache(maxsize=1024)
def _wait(amount: int, unit: str) -> WaitTime:
    return WaitTime(amount, unit)


@lru_cache(maxsize=1024)
def _buttons(title_1: str, url_1: str, title_2: str, url_2: str) -> tuple[FlowButton, FlowButton]:
    return FlowButton(title_1, url_1), FlowButton(title_2, url_2)


def _totals(wire: models.Flow) -> Totals:
    return Totals(
        sent=wire.total_sent_push_notifications,
        displayed=wire.total_displayed_push_notifications,
        clicked=wire.total_clicked_push_notifications,
        closed=wire.total_closed_push_notifications,
    )


def _in_zone(moment: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    return moment.replace(tzinfo=zone) if moment is not None and moment.tzinfo is None else moment
