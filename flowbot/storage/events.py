"""The audit trail's rows: added in the transaction of what they tell, never changed, read by number."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import Event
from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, UserId, WebsiteId
from flowbot.services.ports.storage import EventFilter
from flowbot.storage.documents import plain
from flowbot.storage.tables import events


async def append(connection: AsyncConnection, told: Iterable[Event]) -> None:
    """Write events, in their order, in the transaction of `connection`."""
    for event in told:
        await connection.execute(insert(events).values(_row(event)))


def latest(scope: EventFilter, limit: int) -> Select[Any]:
    """The newest events of `scope`, newest first."""
    wanted = select(events).order_by(events.c.number.desc()).limit(limit)
    if scope.websites is not None:
        wanted = wanted.where(events.c.website_id.in_(sorted(scope.websites)))
    if scope.flow is not None:
        wanted = wanted.where(or_(events.c.flow_id == scope.flow, _on_its_way(scope.flow)))
    if scope.but:
        wanted = wanted.where(events.c.action.not_in(sorted(scope.but)))
    return wanted


def _on_its_way(flow: FlowId) -> ColumnElement[bool]:
    """Events of the change that made the flow, from when it had no id yet; and all of a restore: of it, or to it."""
    changes = select(events.c.change_id).where(events.c.flow_id == flow)
    is_elsewhere = or_(events.c.flow_id.is_(None), events.c.kind == ChangeKind.RESTORE.value)
    return and_(is_elsewhere, events.c.change_id.in_(changes))


def page_after(number: int, size: int) -> Select[Any]:
    """The first `size` events after `number`, oldest first."""
    return select(events).where(events.c.number > number).order_by(events.c.number).limit(size)


def read_event(row: Row[Any]) -> Event:
    """The event that a row holds."""
    return Event(
        at=row.at,
        action=row.action,
        actor=None if row.actor is None else UserId(row.actor),
        channel=None if row.channel_id is None else ChannelId(row.channel_id),
        change=None if row.change_id is None else ChangeId(row.change_id),
        kind=None if row.kind is None else ChangeKind(row.kind),
        flow=None if row.flow_id is None else FlowId(row.flow_id),
        website=None if row.website_id is None else WebsiteId(row.website_id),
        details=row.details,
        number=row.number,
    )


def _row(event: Event) -> dict[str, Any]:
    return {
        "at": event.at,
        "action": str(event.action),
        "actor": None if event.actor is None else str(event.actor),
        "channel_id": None if event.channel is None else str(event.channel),
        "change_id": event.change,
        "kind": None if event.kind is None else event.kind.value,
        "flow_id": event.flow,
        "website_id": event.website,
        "details": plain(event.details),
    }
