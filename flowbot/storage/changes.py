"""Keeps changes and their events: the port `ChangeStore` on a database.

What may collide is decided by the database and nowhere else: one token is one change and one flow has one open change
(unique indexes), one mover of a version wins (`UPDATE … WHERE version = ?`), and a lease has one owner.
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.changes import (
    IN_HAND,
    OPEN,
    Change,
    ChangeId,
    Event,
    FormToken,
    Kind,
    NewChange,
    State,
    may_move,
)
from flowbot.domain.types import ChannelId, FlowId
from flowbot.services.ports import Clock, Conflict, FlowTaken, Lease, Scope
from flowbot.storage.change_rows import moved_columns, new_change, new_row, read_change
from flowbot.storage.database import Database
from flowbot.storage.documents import new_id
from flowbot.storage.events import append, latest, page_after, read_event
from flowbot.storage.tables import changes, events

_SUBMIT_ATTEMPTS: Final = 5
_AUDIT_PAGE: Final = 500


class StoredChanges:
    """The changes in the database. Every method is one transaction and raises Fault where the database fails.

    Args:
        database: migrated and open.
        clock: tells when a change was submitted.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def submit(self, new: NewChange, lease: Lease, event: Event) -> tuple[Change, bool]:
        """Keep a new change as `draft` in version 1, leased and due at once, or find the one with the same token.

        Returns:
            The change, and whether it is new. `event` is written, with its id, only if it is.

        Raises:
            FlowTaken: the flow has an open change; this one was not kept.
            Fault: the database did not answer; this one was not kept.
        """
        async with self._database.write() as connection:
            if known := await _with_token(connection, new.token):
                return known, False
            change = new_change(new, lease, self._clock())
            change, is_new = await _insert_or_find(connection, change)
            if is_new:
                await append(connection, [replace(event, change=change.id)])
        return change, is_new

    async def get(self, change: ChangeId) -> Change | None:
        """One change, as it was committed last."""
        async with self._database.read() as connection:
            return await _one(connection, changes.c.id == change)

    async def move(self, seen: Change, moved: Change, *events: Event) -> Change:
        """Put `moved` in the place of `seen`, in the next version, and write `events` with the change's id.

        It happens only if the kept one still has the version of `seen` and the lease its owner: who lost the lease must
        not settle what another is working on. Kept of `moved` is everything but id, asked, created_at, version and what
        was shown; `sent_at` and `newest_before`, once set, stay.

        Returns:
            The change as it is kept now.

        Raises:
            Conflict: somebody was faster; nothing was written.
            ValueError: no change goes from that state to this.
        """
        if moved.state is not seen.state and not may_move(seen.state, moved.state):
            raise ValueError(f"no change goes from {seen.state} to {moved.state}")
        async with self._database.write() as connection:
            kept = await _replace(connection, seen, moved)
            await append(connection, [replace(event, change=seen.id) for event in events])
        return kept

    async def claim(self, now: datetime, lease: Lease, *, limit: int = 20) -> tuple[Change, ...]:
        """Take over changes in hand whose lease ran out before `now` or was given up, oldest first.

        Several callers in the same instant get different ones: a row that another is about to claim is passed by.
        """
        ours = select(changes.c.id).where(_in(IN_HAND), _is_free(now)).order_by(*_OLDEST).limit(limit)
        async with self._database.write() as connection:
            ids = (await connection.scalars(ours.with_for_update(skip_locked=True))).all()
            claimed = update(changes).where(changes.c.id.in_(ids)).values(_leased(lease)).returning(changes)
            kept = [read_change(row) for row in await connection.execute(claimed)]
        return tuple(sorted(kept, key=lambda change: (change.created_at, change.id)))

    async def renew(self, change: ChangeId, lease: Lease) -> bool:
        """Prolong a lease that is still its owner's; false where it was lost."""
        return await self._touch(_is_held(change, lease.owner), lease_until=lease.until)

    async def release(self, change: ChangeId, owner: str) -> None:
        """Give up a lease, so that anybody may take the change over at once; nothing where it was lost already."""
        await self._touch(_is_held(change, owner), lease_owner=None, lease_until=None)

    async def latch(self, change: ChangeId, owner: str, at: datetime, newest_before: FlowId | None) -> bool:
        """Note, once and for ever, that the write is about to be sent.

        Returns:
            Whether the caller may send: the change is `applying`, nobody was given leave before, the lease is theirs.
        """
        unsent = and_(_is_held(change, owner), changes.c.state == State.APPLYING.value, changes.c.sent_at.is_(None))
        return await self._touch(unsent, sent_at=at, newest_before=newest_before)

    async def made(self, flows: Collection[FlowId]) -> frozenset[FlowId]:
        """Those of `flows` that some change has made."""
        making = and_(events.c.kind.in_([Kind.CREATE, Kind.RESTORE]), events.c.flow_id.in_(flows))
        async with self._database.read() as connection:
            rows = await connection.execute(select(events.c.flow_id).where(making))
            return frozenset(FlowId(row.flow_id) for row in rows)

    async def untold(self, now: datetime, *, limit: int = 20) -> tuple[Change, ...]:
        """Settled changes of which the newest version was not shown yet and whose lease has ended, oldest first."""
        untold = and_(~_in(OPEN), changes.c.shown_version < changes.c.version, _is_free(now))
        oldest = select(changes).where(untold).order_by(changes.c.changed_at, changes.c.id).limit(limit)
        async with self._database.read() as connection:
            return tuple(read_change(row) for row in await connection.execute(oldest))

    async def shown(
        self, change: ChangeId, version: int, *, channel: ChannelId | None = None, ts: str | None = None
    ) -> None:
        """Note that people were told about `version`, and where the message is, if there is one.

        News of an older version than was shown already does not count; its message does if there is no other.
        """
        is_news = changes.c.shown_version <= version
        values: dict[str, Any] = {"shown_version": case((is_news, version), else_=changes.c.shown_version)}
        if channel is not None and ts is not None:
            takes = or_(is_news, changes.c.message_ts.is_(None))
            values["message_channel"] = case((takes, str(channel)), else_=changes.c.message_channel)
            values["message_ts"] = case((takes, ts), else_=changes.c.message_ts)
        await self._touch(changes.c.id == change, **values)

    async def history(self, scope: Scope, *, limit: int) -> tuple[Event, ...]:
        """The latest events of `scope`, newest first. Events of no website are seen by who may see all."""
        async with self._database.read() as connection:
            return tuple(read_event(row) for row in await connection.execute(latest(scope, limit)))

    async def audit(self) -> AsyncIterator[Event]:
        """All events, oldest first, a page at a time: no transaction stays open between two of them.

        What is being written at that very moment may be missing; the next call has it.
        """
        number = 0
        while True:
            async with self._database.read() as connection:
                page = [read_event(row) for row in await connection.execute(page_after(number, _AUDIT_PAGE))]
            for event in page:
                yield event
            if len(page) < _AUDIT_PAGE:
                return
            number = page[-1].number or number

    async def record(self, event: Event) -> None:
        """Write an event by itself, such as one that belongs to no change."""
        async with self._database.write() as connection:
            await append(connection, [event])

    async def _touch(self, condition: ColumnElement[bool], **values: Any) -> bool:
        """Write to the change that fulfils the condition, in no new version. Whether there was one."""
        async with self._database.write() as connection:
            return (await connection.execute(update(changes).where(condition).values(**values))).rowcount == 1


_OLDEST: Final = (changes.c.created_at, changes.c.id)


async def _one(connection: AsyncConnection, condition: ColumnElement[bool]) -> Change | None:
    row = (await connection.execute(select(changes).where(condition))).one_or_none()
    return None if row is None else read_change(row)


async def _with_token(connection: AsyncConnection, token: FormToken) -> Change | None:
    return await _one(connection, changes.c.token == token)


async def _holder(connection: AsyncConnection, flow: FlowId | None) -> Change | None:
    """The open change of a flow; a flow to be made is held by none."""
    if flow is None:
        return None
    return await _one(connection, and_(changes.c.flow_id == flow, _in(OPEN)))


async def _insert_or_find(connection: AsyncConnection, change: Change) -> tuple[Change, bool]:
    """Insert the change, or find the one with its token; raises FlowTaken for the one that holds its flow.

    Whatever stood in the way may be gone when it is looked for: then there is another try, under another id.
    """
    for _ in range(_SUBMIT_ATTEMPTS - 1):
        try:
            return await _insert(connection, change), True
        except IntegrityError:
            if known := await _with_token(connection, change.asked.token):
                return known, False
            if holder := await _holder(connection, change.asked.flow):
                raise FlowTaken(holder) from None
        change = replace(change, id=ChangeId(new_id()))
    return await _insert(connection, change), True


async def _insert(connection: AsyncConnection, change: Change) -> Change:
    async with connection.begin_nested():
        await connection.execute(insert(changes).values(new_row(change)))
    return change


async def _replace(connection: AsyncConnection, seen: Change, moved: Change) -> Change:
    is_as_seen = and_(
        changes.c.id == seen.id,
        changes.c.version == seen.version,
        changes.c.lease_owner.is_not_distinct_from(seen.lease_owner),
    )
    replaced = update(changes).where(is_as_seen).values(moved_columns(seen, moved)).returning(changes)
    row = (await connection.execute(replaced)).one_or_none()
    if row is not None:
        return read_change(row)
    current = await _one(connection, changes.c.id == seen.id)
    if current is None:
        raise LookupError(f"there is no change {seen.id}")
    raise Conflict(current)


def _in(states: frozenset[State]) -> ColumnElement[bool]:
    return changes.c.state.in_(sorted(state.value for state in states))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(changes.c.lease_until.is_(None), changes.c.lease_until < now)


def _is_held(change: ChangeId, owner: str) -> ColumnElement[bool]:
    return and_(changes.c.id == change, changes.c.lease_owner == owner)


def _leased(lease: Lease) -> dict[str, Any]:
    return {"lease_owner": lease.owner, "lease_until": lease.until}
