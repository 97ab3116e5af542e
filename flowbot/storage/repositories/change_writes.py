"""Statements that write changes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import case, insert, or_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.change import Change, Lease, Progress
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.services.ports.storage import FlowBusyError, VersionConflictError
from flowbot.storage.repositories.change_queries import has_token, holds_lease, select_locked, select_one
from flowbot.storage.repositories.change_rows import change_row, progress_columns, read_change, transition_columns
from flowbot.storage.tables import changes, new_id

_SUBMIT_ATTEMPTS: Final = 5


async def insert_or_find(connection: AsyncConnection, change: Change) -> tuple[Change, bool]:
    """Insert the change, or find the one with its token; whether it is new.

    Whatever stood in the way may be gone when it is looked for: then there is another try, under another id.

    Raises:
        FlowTaken: another change holds its flow.
    """
    for _ in range(_SUBMIT_ATTEMPTS - 1):
        try:
            return await _insert(connection, change), True
        except IntegrityError:
            if known := await has_token(connection, change.request.token):
                return known, False
            if taken := await holds_lease(connection, change.request.flow):
                raise FlowBusyError(taken) from None
        change = replace(change, id=ChangeId(new_id()))
    return await _insert(connection, change), True


async def _insert(connection: AsyncConnection, change: Change) -> Change:
    async with connection.begin_nested():
        await connection.execute(insert(changes).values(change_row(change)))
    return change


async def next_version(connection: AsyncConnection, seen: Change, moved: Change) -> Change:
    """Put `moved` in the place of `seen`, if the kept one still has its version and the lease its owner.

    Raises:
        Conflict: somebody was faster.
        LookupError: there is no such change.
    """
    is_as_seen = (
        changes.c.id == seen.id,
        changes.c.version == seen.version,
        changes.c.lease_owner.is_not_distinct_from(seen.lease_owner),
    )
    replaced = update(changes).where(*is_as_seen).values(transition_columns(seen, moved)).returning(changes)
    row = (await connection.execute(replaced)).one_or_none()
    if row is not None:
        return read_change(row)
    current = await select_one(connection, changes.c.id == seen.id)
    if current is None:
        raise LookupError(f"there is no change {seen.id}")
    raise VersionConflictError(current)


async def append_note(connection: AsyncConnection, change: ChangeId, noting: Callable[[Progress], Progress]) -> None:
    """Put what `noting` makes of a change's progress in its place, in no new version; nothing else is taken back.

    Raises:
        LookupError: there is no such change.
    """
    kept = await select_locked(connection, change)
    noted = progress_columns(noting(kept.progress))
    await connection.execute(update(changes).where(changes.c.id == change).values(noted))


def lease_columns(lease: Lease) -> dict[str, Any]:
    """The columns, and likewise the fields, of who works on a change and until when."""
    return {"lease_owner": lease.owner, "lease_until": lease.until}


def mark_shown(version: int, channel: ChannelId | None, ts: str | None) -> dict[str, Any]:
    """The columns of a change of which `version` was shown, in a message where that is named.

    News of an older version than was shown already does not count; its message does if there is no other.
    """
    is_news = changes.c.shown_version <= version
    shown: dict[str, Any] = {"shown_version": case((is_news, version), else_=changes.c.shown_version)}
    if channel is None or ts is None:
        return shown
    takes = or_(is_news, changes.c.message_ts.is_(None))
    return shown | {
        "message_channel": case((takes, str(channel)), else_=changes.c.message_channel),
        "message_ts": case((takes, ts), else_=changes.c.message_ts),
    }
