"""Queries that run each second, or over a long history, find their rows by an index, on both databases."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from flowbot.domain.ids import ChangeId, FlowId, WebsiteId
from flowbot.services.ports.changes import EventFilter
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import NOON, SECOND, submit_change

SHOP = frozenset({WebsiteId(1)})
FIRST, LAST = date(2026, 9, 1), date(2026, 11, 30)


def figures_beside(store: ChangeRepository) -> FigureRepository:
    """Return the figures of the same database."""
    return FigureRepository(store._database)


QUERIES: dict[str, Callable[[ChangeRepository], Awaitable[Any]]] = {
    "waiting": lambda store: store.waiting(),
    "due": lambda store: store.due(NOON),
    "backlog": lambda store: store.find_backlog(NOON),
    "unshown": lambda store: store.unshown(),
    "several at once": lambda store: store.get_records([ChangeId("a"), ChangeId("b")]),
    "closed in the last week": lambda store: store.closed(websites=SHOP, since=NOON - 600 * SECOND, limit=15),
    "history": lambda store: store.list_history(SHOP, None, offset=0, limit=10),
    "history of a flow": lambda store: store.list_history(None, FlowId(7), offset=0, limit=10),
    "events of websites": lambda store: store.latest_events(EventFilter(websites=SHOP), limit=10),
    "sent lately": lambda store: store.late_since(NOON),
    "sent and not counted by the watch": lambda store: store.unobserved(),
    "sent to a flow": lambda store: store.sent_since(FlowId(7), NOON),
    "figures of a flow": lambda store: figures_beside(store).flow_days(FlowId(7), FIRST, LAST),
    "figures of websites": lambda store: figures_beside(store).website_days(SHOP, FIRST, LAST),
    "sums of flows": lambda store: figures_beside(store).flow_sums(SHOP, FIRST, LAST),
    "ranked flows": lambda store: figures_beside(store).rank_flows(SHOP, FIRST, LAST, min_sent=100),
    "whole days": lambda store: figures_beside(store).whole_days(FIRST, LAST),
    "creates under way": lambda store: store.creating(WebsiteId(1), except_change=ChangeId("a")),
}
WHOLE = re.compile(r"(?:^SCAN|Seq Scan on) (\w+)")
READ_WHOLE = {"channel_policies", "websites", "freezes", "CONSTANT", "chosen"}
"""Small tables; SQLite's word for a row that is no table's; and a query in a query."""


@pytest.mark.parametrize("name", QUERIES)
async def test_no_query_reads_a_whole_table(name: str, database: Database) -> None:
    store = ChangeRepository(database, lambda: NOON)
    await submit_change(store)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    engine = database._reader.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await QUERIES[name](store)
    event.remove(engine, "before_cursor_execute", note)
    assert asked
    async with database.read() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            # So few rows are read whole, unless there is no index for them.
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in asked:
            explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
            plan = [row[-1] for row in await connection.exec_driver_sql(explain + statement, parameters)]
            whole = {found[1] for line in plan if (found := WHOLE.search(line)) and " USING " not in line}
            assert whole <= READ_WHOLE, plan
