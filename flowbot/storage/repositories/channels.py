"""The repository of everything that names a channel."""

from typing import Any

from sqlalchemy import Row, and_, case, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import OPEN_STATES
from flowbot.domain.ids import ChannelId
from flowbot.domain.report import ReportState
from flowbot.services.ports.channels import ChannelSharing, ChannelStore
from flowbot.services.ports.messages import MessageRole
from flowbot.storage.repositories.change_queries import in_states
from flowbot.storage.repositories.change_rows import append_events, is_open_and_shown, mark_unshown
from flowbot.storage.repositories.messages import read_message
from flowbot.storage.repositories.reports import is_report_message, mark_reports_unshown
from flowbot.storage.tables import changes, channel_policies, channels, drafts, freezes, messages, reports
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import fetch_readable, find_readable, keep_readable, keep_typed, row_reader


class ChannelRepository(ChannelStore):
    """The channels in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def move(self, old: ChannelId, new: ChannelId, event: AuditEvent) -> bool:
        async with self._database.write(alone="policies") as connection:
            moved = await _move_policies(connection, old, new) + await _move_changes(connection, old, new)
            moved += await _move_freezes(connection, old, new) + await _move_reports(connection, old, new)
            for table in (messages, drafts):
                named = update(table).where(table.c.channel_id == old)
                moved += (await connection.execute(named.values(channel_id=str(new)))).rowcount
            await connection.execute(delete(channels).where(channels.c.channel_id == old))
            if moved:
                await append_events(connection, [event])
        return bool(moved)

    async def get_sharing(self, channel: ChannelId) -> ChannelSharing | None:
        async with self._database.query() as connection:
            return await _fetch_sharing(connection, channel)

    async def note_sharing(
        self, channel: ChannelId, answer: ChannelSharing, seen: ChannelSharing | None = None
    ) -> ChannelSharing:
        row = {"is_shared": answer.is_shared, "told_at": answer.answered_at}
        async with self._database.write(alone="channels") as connection:
            known = await _fetch_sharing(connection, channel)
            if known is not None and known != seen and not answer.is_shared:
                return known
            if known is None:
                await connection.execute(insert(channels).values(channel_id=str(channel), **row))
            else:
                await connection.execute(update(channels).where(channels.c.channel_id == channel).values(row))
            if known is None or known.is_shared != answer.is_shared:
                await mark_unshown(connection, changes.c.message_channel == channel)
                await mark_reports_unshown(connection, channel)
        return answer

    async def list_open(self) -> tuple[ChannelId, ...]:
        is_posted = in_states(OPEN_STATES) & changes.c.message_channel.is_not(None)
        wanted = select(changes.c.id, changes.c.message_channel).where(is_posted)
        reported = select(messages).join(reports, reports.c.id == messages.c.subject)
        reported = reported.where(is_report_message(), reports.c.state == ReportState.OPEN.value)
        async with self._database.read() as connection:
            posted = await fetch_readable(connection, changes, wanted, _read_posted_channel)
            told = keep_readable(connection, await connection.execute(reported), read_message)
        return tuple(dict.fromkeys((*posted, *(message.place[0] for message in told if message.place is not None))))


async def _fetch_sharing(connection: AsyncConnection, channel: ChannelId) -> ChannelSharing | None:
    wanted = select(channels).where(channels.c.channel_id == channel)
    return await find_readable(connection, wanted, read_sharing)


@row_reader(changes)
def _read_posted_channel(row: Row[Any]) -> ChannelId:
    return ChannelId(row.message_channel)


@row_reader(channels)
def read_sharing(row: Row[Any]) -> ChannelSharing:
    """Read from its row what Slack said of a channel."""
    return ChannelSharing(row.is_shared, row.told_at)


async def _move_policies(connection: AsyncConnection, old: ChannelId, new: ChannelId) -> int:
    """Move the channel's policy, and the requests of others that are posted in it; return how many were touched."""
    wanted = select(channel_policies.c.channel_id, channel_policies.c.document)
    rows = keep_typed(connection, channel_policies, await connection.execute(wanted))
    known = {row.channel_id for row in rows}
    moved = 0
    for row in rows:
        channel, document = row.channel_id, row.document
        is_row = channel_policies.c.channel_id == channel
        if channel == old and new in known:
            await connection.execute(delete(channel_policies).where(is_row))
            moved += 1
            continue
        renamed = _rename(_rename(document, "id", old, new), "approval", old, new)
        if renamed != document:
            values = {"channel_id": str(new) if channel == old else channel, "document": renamed}
            await connection.execute(update(channel_policies).where(is_row).values(values))
            moved += 1
    return moved


async def _move_freezes(connection: AsyncConnection, old: ChannelId, new: ChannelId) -> int:
    """Move the channel's freezes; return how many name it."""
    rows = keep_typed(connection, freezes, await connection.execute(select(freezes)))
    moved = 0
    for row in rows:
        named = row.document.get("channels") if isinstance(row.document, dict) else None
        if isinstance(named, list) and old in named:
            renamed = list(dict.fromkeys(str(new) if channel == old else channel for channel in named))
            values = {"document": {**row.document, "channels": renamed}}
            await connection.execute(update(freezes).where(freezes.c.position == row.position).values(values))
            moved += 1
    return moved


async def _move_reports(connection: AsyncConnection, old: ChannelId, new: ChannelId) -> int:
    """Move the reports that go to the channel, and their messages in it; return how many are moved."""
    named = update(reports).where(reports.c.channel_id == old).values(channel_id=str(new))
    moved: int = (await connection.execute(named)).rowcount
    is_told = and_(messages.c.role == MessageRole.REPORT.value, messages.c.recipient == str(old))
    there = messages.alias()
    is_there = exists().where(
        there.c.subject == messages.c.subject, there.c.role == messages.c.role, there.c.recipient == str(new)
    )
    await connection.execute(delete(messages).where(is_told, is_there))
    moved += (await connection.execute(update(messages).where(is_told).values(recipient=str(new)))).rowcount
    await mark_reports_unshown(connection, new)
    return moved


async def _move_changes(connection: AsyncConnection, old: ChannelId, new: ChannelId) -> int:
    """Move the changes that were requested or posted in the channel, or are to be; return how many."""
    names_channel = or_(changes.c.channel_id == old, changes.c.message_channel == old, in_states(OPEN_STATES))
    wanted = select(changes.c.id, changes.c.channel_id, changes.c.message_channel, changes.c.asked, changes.c.rule)
    named = (await connection.execute(wanted.where(names_channel).with_for_update())).all()
    rows = keep_typed(connection, changes, named)
    moved = 0
    for row in rows:
        columns = {
            "channel_id": str(new) if row.channel_id == old else row.channel_id,
            "message_channel": str(new) if row.message_channel == old else row.message_channel,
            "asked": _rename_asked(row.asked, old, new),
            "rule": _rename(row.rule, "channel", old, new),
        }
        columns = {name: value for name, value in columns.items() if value != getattr(row, name)}
        if not columns:
            continue
        columns["shown_version"] = case((is_open_and_shown(), changes.c.version - 1), else_=changes.c.shown_version)
        await connection.execute(update(changes).where(changes.c.id == row.id).values(columns))
        moved += 1
    return moved


def _rename_asked(document: Any, old: ChannelId, new: ChannelId) -> Any:
    """Return what was asked for with `new` in the place of the channel `old`, also under the keys of `change_rows`."""
    match document:
        case {"timed": inner}:
            return {"timed": _rename_asked(inner, old, new)}
        case {"revision": inner}:
            return {"revision": _rename_asked(inner, old, new)}
        case _:
            return _rename(document, "channel", old, new)


def _rename(document: Any, key: str, old: ChannelId, new: ChannelId) -> Any:
    """Return the document with `new` where `key`, or the key `channel` in it, says `old`; what is none, as it is."""
    value = document.get(key) if isinstance(document, dict) else None
    if isinstance(value, dict):
        return {**document, key: _rename(value, "channel", old, new)}
    return {**document, key: str(new)} if value == old else document
