"""The repository of drafts."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.change import ChangeKind, Draft
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId
from flowbot.storage.tables import Document, drafts, to_plain
from flowbot.storage.unit_of_work import Database

_FLOW: Final = Document(Flow)


class DraftRepository:
    """The drafts in the database. Every method is one transaction and raises DependencyError where the database fails.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, draft: Draft, *, replaces: FormToken | None = None) -> None:
        """Keep it in the place of an older one of the same form: what was typed last counts, whatever arrives last.

        Where it takes over what was typed into another form, `replaces` names that. It may be open still, in another
        window: what it is checked against stays.
        """
        own = drafts.c.token == draft.token
        async with self._database.write(alone=f"draft.{draft.token}") as connection:
            await connection.execute(delete(drafts).where(own, drafts.c.changed_at <= draft.changed_at))
            if await _one(connection, own) is None:
                await connection.execute(insert(drafts).values(_row(draft)))
            if replaces is not None:
                await connection.execute(update(drafts).where(drafts.c.token == replaces).values(typed={}))

    async def get(self, token: FormToken) -> Draft | None:
        """The draft of one form."""
        async with self._database.read() as connection:
            return await _one(connection, drafts.c.token == token)

    async def find_latest(
        self, user: UserId, channel: ChannelId, kind: ChangeKind, flow: FlowId | None, since: datetime
    ) -> Draft | None:
        """What this person typed there last and did not save, if it is not older than `since`."""
        async with self._database.read() as connection:
            return await _typed(connection, and_(_place(user, channel, kind, flow), drafts.c.changed_at >= since))

    async def delete(self, token: FormToken) -> None:
        """Forget it; nothing where there is none."""
        async with self._database.write() as connection:
            await connection.execute(delete(drafts).where(drafts.c.token == token))

    async def delete_older_than(self, before: datetime) -> int:
        """Forget all that are older than `before`; how many."""
        async with self._database.write() as connection:
            return (await connection.execute(delete(drafts).where(drafts.c.changed_at < before))).rowcount


def _place(user: UserId, channel: ChannelId, kind: ChangeKind, flow: FlowId | None) -> ColumnElement[bool]:
    return and_(
        drafts.c.person == str(user),
        drafts.c.channel_id == str(channel),
        drafts.c.kind == kind.value,
        drafts.c.flow_id.is_not_distinct_from(flow),
    )


async def _one(connection: AsyncConnection, condition: ColumnElement[bool]) -> Draft | None:
    row = (await connection.execute(select(drafts).where(condition).limit(1))).one_or_none()
    return None if row is None else _draft(row)


async def _typed(connection: AsyncConnection, condition: ColumnElement[bool]) -> Draft | None:
    """The newest of those that hold something."""
    rows = await connection.execute(select(drafts).where(condition).order_by(drafts.c.changed_at.desc()))
    return next((_draft(row) for row in rows if row.typed), None)


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        token=FormToken(row.token),
        user=UserId(row.person),
        channel=ChannelId(row.channel_id),
        kind=ChangeKind(row.kind),
        flow=None if row.flow_id is None else FlowId(row.flow_id),
        before=None if row.before is None else _FLOW.read(row.before),
        typed=row.typed,
        changed_at=row.changed_at,
    )


def _row(draft: Draft) -> dict[str, Any]:
    return {
        "token": draft.token,
        "person": str(draft.user),
        "channel_id": str(draft.channel),
        "kind": draft.kind.value,
        "flow_id": draft.flow,
        "before": None if draft.before is None else _FLOW.write(draft.before),
        "typed": to_plain(draft.typed),
        "changed_at": draft.changed_at,
    }
