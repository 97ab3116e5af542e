"""Read a row and write it again with flowbot's own code, as its repositories do.

Only this file names flowbot's readers and writers of rows: update it when they are moved or renamed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

from sqlalchemy import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditAction
from flowbot.domain.ids import FormToken
from flowbot.services.ports import utc_now
from flowbot.storage.repositories.change_rows import append_events, change_row, read_change, read_event
from flowbot.storage.repositories.drafts import DraftRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.tables import metadata
from flowbot.storage.unit_of_work import Database

Json = dict[str, Any]


class _Result(list[Any]):
    """The answer to a query of one draft; as a list it is empty, as of a policy's website names."""

    def __init__(self, row: Any) -> None:
        super().__init__()
        self._row = row

    def one_or_none(self) -> Any:
        return self._row


class _OneRow:
    """A database with one row: it answers every query with it, and notes what is inserted."""

    def __init__(self, row: Any) -> None:
        self._row = row
        self.inserted: Json = {}

    @asynccontextmanager
    async def read(self) -> AsyncIterator["_OneRow"]:
        yield self

    @asynccontextmanager
    async def write(self, **_: Any) -> AsyncIterator["_OneRow"]:
        yield self

    async def execute(self, statement: Any, rows: list[Json] | None = None) -> Any:
        if isinstance(statement, Insert):
            self.inserted = rows[0] if rows else dict(statement.compile().params)
        return _Result(self._row)

    async def scalar(self, _: Any) -> Any:
        return None

    async def scalars(self, _: Any) -> Any:
        return SimpleNamespace(all=lambda: [self._row.document])

    def as_database(self) -> Database:
        return cast("Database", self)


async def _change(row: Any) -> Json:
    return change_row(read_change(row))


async def _event(row: Any) -> Json:
    database = _OneRow(row)
    await append_events(cast("AsyncConnection", database), [read_event(row)])
    return database.inserted | {"number": row.number}


async def _draft(row: Any) -> Json:
    database = _OneRow(row)
    repository = DraftRepository(database.as_database())
    draft = await repository.get(FormToken(row.token))
    assert draft is not None
    await repository.save(draft)
    return database.inserted


async def _policy(row: Any) -> Json:
    database = _OneRow(row)
    repository = PolicyRepository(database.as_database(), utc_now)
    await repository.replace_all(await repository.get_book())
    return dict(row._mapping) | {"document": database.inserted["document"]}


REWRITERS: Final[Mapping[str, Callable[[Any], Awaitable[Json]]]] = {
    "changes": _change,
    "events": _event,
    "drafts": _draft,
    "channel_policies": _policy,
}
"""By table: reads a row and writes it again."""


def rewrite_row(table: str, row: Json) -> Json:
    """Read a row, and return what flowbot writes for it."""
    aware = {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in row.items()}
    aware = dict.fromkeys(metadata.tables[table].columns.keys()) | aware  # a column that came later is empty

    async def write() -> Json:
        return await REWRITERS[table](SimpleNamespace(**aware, _mapping=aware))

    return asyncio.run(write())


def audit_words() -> set[str]:
    """Return the words that flowbot writes into the audit trail."""
    return {str(action) for action in AuditAction}
