"""The repository of messages beside a request's own."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.ids import ChangeId, ChannelId, ReportId, UserId
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore, Place, SentMessage
from flowbot.storage.inserts import insert_if_absent
from flowbot.storage.tables import messages
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import MalformedCellError, find_readable, keep_readable, row_reader


class MessageRepository(MessageStore):
    """The messages in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(
        self, subject: ChangeId, role: MessageRole, recipients: Collection[UserId], *, seen: int = 0
    ) -> None:
        planned = select(func.count()).where(messages.c.subject == subject, messages.c.role == role)
        async with self._database.write(alone=f"messages.{subject}") as connection:
            if recipients and await connection.scalar(planned) == seen:
                for user in recipients:
                    row = _key_columns(MessageKey(subject, role, user)) | {"shown_version": 0}
                    await insert_if_absent(connection, messages, row)

    async def claim(self, key: MessageKey, version: int) -> bool:
        is_free = and_(_is(key), messages.c.shown_version == 0, messages.c.ts.is_(None))
        async with self._database.write() as connection:
            if await insert_if_absent(connection, messages, {**_key_columns(key), "shown_version": version}):
                return True
            claimed = await connection.execute(update(messages).where(is_free).values(shown_version=version))
            return bool(claimed.rowcount)

    async def release(self, key: MessageKey) -> None:
        async with self._database.write() as connection:
            is_claimed = and_(_is(key), messages.c.ts.is_(None))
            await connection.execute(update(messages).where(is_claimed).values(shown_version=0))

    async def record(self, key: MessageKey, place: Place, version: int) -> None:
        async with self._database.write() as connection:
            await record_message(connection, key, place, version)

    async def get(self, key: MessageKey) -> SentMessage | None:
        async with self._database.query() as connection:
            return await find_readable(connection, select(messages).where(_is(key)), read_message)

    async def list_of(self, subject: ChangeId | ReportId, role: MessageRole) -> tuple[SentMessage, ...]:
        wanted = select(messages).where(messages.c.subject == subject, messages.c.role == role)
        async with self._database.query() as connection:
            rows = await connection.execute(wanted.order_by(messages.c.recipient))
            return keep_readable(connection, rows, read_message)


async def record_message(connection: AsyncConnection, key: MessageKey, place: Place, version: int) -> None:
    """Record where a claimed message is and what it shows, in the transaction of `connection`."""
    channel, ts = place
    noted = update(messages).where(_is(key))
    await connection.execute(noted.values(channel_id=str(channel), ts=ts, shown_version=version))


def _key_columns(key: MessageKey) -> dict[str, Any]:
    return {"subject": key.subject, "role": str(key.role), "recipient": str(key.recipient or "")}


def _is(key: MessageKey) -> ColumnElement[bool]:
    return and_(*(messages.c[name] == value for name, value in _key_columns(key).items()))


@row_reader(messages)
def read_message(row: Row[Any]) -> SentMessage:
    """Read the message from its row."""
    if row.ts is not None and row.channel_id is None:
        raise MalformedCellError("channel_id holds nothing")
    recipient: UserId | ChannelId | None = None
    if row.recipient:
        recipient = ChannelId(row.recipient) if row.role == MessageRole.REPORT else UserId(row.recipient)
    place = None if row.ts is None else (ChannelId(row.channel_id), row.ts)
    return SentMessage(MessageKey(ChangeId(row.subject), row.role, recipient), place, row.shown_version)
