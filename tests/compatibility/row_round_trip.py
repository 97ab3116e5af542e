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
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditAction
from flowbot.domain.draft import Draft
from flowbot.domain.policy import PolicyBook
from flowbot.services.ports import utc_now
from flowbot.storage.repositories.change_rows import append_events, change_row, read_change, read_event
from flowbot.storage.repositories.drafts import DraftRepository, PolicyDraftRepository, read_any_draft
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.scopes import read_policy
from flowbot.storage.tables import metadata
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import EXECUTION_OPTION, UnreadableRows

Json = dict[str, Any]


class _Rows(list[Any]):
    """The answer to a query: no rows."""

    def all(self) -> list[Any]:
        return self


class _EmptyDatabase:
    """A database without rows, which notes what is inserted."""

    def __init__(self) -> None:
        self.inserted: Json = {}
        self.dialect = SimpleNamespace(name="postgresql")
        options = {EXECUTION_OPTION: UnreadableRows()}
        self.sync_engine = SimpleNamespace(get_execution_options=lambda: options)

    @asynccontextmanager
    async def write(self, **_: Any) -> AsyncIterator["_EmptyDatabase"]:
        yield self

    async def execute(self, statement: Any, rows: list[Json] | None = None) -> _Rows:
        if isinstance(statement, Insert):
            self.inserted = rows[0] if rows else dict(statement.compile().params)
        return _Rows()

    async def scalar(self, _: Any) -> Any:
        return None

    def as_database(self) -> Database:
        return cast("Database", self)


async def _change(row: Any) -> Json:
    return change_row(read_change(row))


async def _event(row: Any) -> Json:
    database = _EmptyDatabase()
    await append_events(cast("AsyncConnection", database), [read_event(row)])
    return database.inserted | {"number": row.number}


async def _draft(row: Any) -> Json:
    database, draft = _EmptyDatabase(), read_any_draft(row)
    if isinstance(draft, Draft):
        await DraftRepository(database.as_database()).save(draft)
    else:
        await PolicyDraftRepository(database.as_database()).save(draft)
    return dict.fromkeys(metadata.tables["drafts"].columns.keys()) | database.inserted


async def _policy(row: Any) -> Json:
    database = _EmptyDatabase()
    await PolicyRepository(database.as_database(), utc_now).replace_all(PolicyBook(channels=(read_policy(row),)))
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

    stored: IteratorResult[Any] = IteratorResult(SimpleResultMetaData(list(aware)), iter([tuple(aware.values())]))

    async def write() -> Json:
        return await REWRITERS[table](stored.one())

    return asyncio.run(write())


def audit_words() -> set[str]:
    """Return the words that flowbot writes into the audit trail."""
    return {str(action) for action in AuditAction}
