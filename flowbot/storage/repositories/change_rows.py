"""Rows to and from changes and events."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease, Outcome, Progress
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, UserId, WebsiteId
from flowbot.domain.policy import ApprovalRule
from flowbot.services.ports.storage import EventFilter
from flowbot.storage.tables import Document, changes, events, new_id, to_plain

_ASKED: Final = Document(ChangeRequest)


_RULE: Final = Document(ApprovalRule)


_OUTCOME: Final = Document(Outcome)


_PROGRESS: Final = Document(Progress)


_NOTHING_YET: Final = Progress()


def change_from_request(new: ChangeRequest, lease: Lease, now: datetime) -> Change:
    """The first version of a change, under a fresh id, in the hands of who submitted it."""
    return Change(
        id=ChangeId(new_id()),
        request=new,
        state=ChangeState.DRAFT,
        version=1,
        created_at=now,
        changed_at=now,
        due_at=now,
        lease_owner=lease.owner,
        lease_until=lease.until,
    )


def change_row(change: Change) -> dict[str, Any]:
    """Every column of a change that was not kept before."""
    return _identity(change) | _position(change) | {
        "sent_at": change.sent_at,
        "newest_before": change.newest_before,
        "shown_version": change.shown_version,
        "message_channel": change.message_channel,
        "message_ts": change.message_ts,
    }  # fmt: skip


def transition_columns(seen: Change, moved: Change) -> dict[str, Any]:
    """What a move writes: how far it has come, in the version after the one that was seen.

    What was shown is left to `shown`. What the mover leaves as they saw it stays as it is: a longer lease, a
    postponement or a note of progress makes no new version. For the same reason the latch never opens.
    """
    before, after = _position(seen), _position(replace(moved, version=seen.version + 1))
    position = {name: value for name, value in after.items() if value != before[name]}
    return position | {
        "sent_at": func.coalesce(changes.c.sent_at, literal(moved.sent_at, changes.c.sent_at.type)),
        "newest_before": func.coalesce(changes.c.newest_before, moved.newest_before),
    }


def progress_columns(progress: Progress) -> dict[str, Any]:
    """What is remembered of a change on its way, and the picture in it by itself, to be searched by.

    PostgreSQL cannot look into a document of the type `json` in which foreign text holds a NUL.
    """
    document = None if progress == _NOTHING_YET else _PROGRESS.write(progress)
    return {"progress": document, "kept_image_id": progress.image}


def read_change(row: Row[Any]) -> Change:
    """The change that a whole row holds.

    Raises:
        DependencyError: the row cannot be read.
    """
    kept = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by its columns
    return Change(
        id=ChangeId(kept["id"]),
        request=_ASKED.read(kept["asked"]),
        state=ChangeState(kept["state"]),
        version=kept["version"],
        created_at=kept["created_at"],
        changed_at=kept["changed_at"],
        rule=None if kept["rule"] is None else _RULE.read(kept["rule"]),
        progress=_NOTHING_YET if kept["progress"] is None else _PROGRESS.read(kept["progress"]),
        outcome=None if kept["outcome"] is None else _OUTCOME.read(kept["outcome"]),
        **_plain(kept),
    )


def _plain(kept: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields that stand in the row as they are."""
    same = ("sent_at", "newest_before", "due_at", "lease_owner", "lease_until", "shown_version", "message_ts")
    channel = kept["message_channel"]
    return {name: kept[name] for name in same} | {"message_channel": None if channel is None else ChannelId(channel)}


def _identity(change: Change) -> dict[str, Any]:
    asked = change.request
    return {
        "id": change.id,
        "token": asked.token,
        "kind": asked.kind.value,
        "flow_id": asked.flow,
        "website_id": asked.website,
        "requester": str(asked.requester),
        "channel_id": str(asked.channel),
        "image_id": None if asked.wanted is None else asked.wanted.image,
        "asked": _ASKED.write(asked),
        "created_at": change.created_at,
    }


def _position(change: Change) -> dict[str, Any]:
    return {
        "state": change.state.value,
        "version": change.version,
        "rule": None if change.rule is None else _RULE.write(change.rule),
        "outcome": None if change.outcome is None else _OUTCOME.write(change.outcome),
        "due_at": change.due_at,
        "lease_owner": change.lease_owner,
        "lease_until": change.lease_until,
        "changed_at": change.changed_at,
    } | progress_columns(change.progress)  # fmt: skip


async def append_events(connection: AsyncConnection, told: Iterable[AuditEvent]) -> None:
    """Write events, in their order, in the transaction of `connection`."""
    for event in told:
        await connection.execute(insert(events).values(_row(event)))


def latest_events(scope: EventFilter, limit: int) -> Select[Any]:
    """The newest events of `scope`, newest first."""
    wanted = select(events).order_by(events.c.number.desc()).limit(limit)
    if scope.websites is not None:
        wanted = wanted.where(events.c.website_id.in_(sorted(scope.websites)))
    if scope.flow is not None:
        wanted = wanted.where(or_(events.c.flow_id == scope.flow, _on_its_way(scope.flow)))
    if scope.except_actions:
        wanted = wanted.where(events.c.action.not_in(sorted(scope.except_actions)))
    return wanted


def _on_its_way(flow: FlowId) -> ColumnElement[bool]:
    """Events of the change that made the flow, from when it had no id yet; and all of a restore: of it, or to it."""
    changes = select(events.c.change_id).where(events.c.flow_id == flow)
    is_elsewhere = or_(events.c.flow_id.is_(None), events.c.kind == ChangeKind.RESTORE.value)
    return and_(is_elsewhere, events.c.change_id.in_(changes))


def events_after(number: int, size: int) -> Select[Any]:
    """The first `size` events after `number`, oldest first."""
    return select(events).where(events.c.number > number).order_by(events.c.number).limit(size)


def read_event(row: Row[Any]) -> AuditEvent:
    """The event that a row holds."""
    return AuditEvent(
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


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "action": str(event.action),
        "actor": None if event.actor is None else str(event.actor),
        "channel_id": None if event.channel is None else str(event.channel),
        "change_id": event.change,
        "kind": None if event.kind is None else event.kind.value,
        "flow_id": event.flow,
        "website_id": event.website,
        "details": to_plain(event.details),
    }
