"""Odd rows: copies of rows that flowbot stored, each with one thing in it that flowbot never writes."""

import copy
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import JSON, Column, Table, create_engine, insert
from sqlalchemy import types as sql

from flowbot.storage import tables
from tests.compatibility.moments import Moment

Row = dict[str, Any]

MOMENTS: Final = ("waiting", "settled", "troubled", "forms")
KINDS: Final = ("kind", "state", "action", "website_id", "channel_id")
"""Rows that differ in one of these are of different kinds."""
_LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
_COUNTS: Final = {"sent": 5, "displayed": 4, "clicked": 3, "closed": 2}
OTHERS: Final[Mapping[str, tuple[Row, ...]]] = {
    "channels": ({"channel_id": "C1", "is_shared": False, "told_at": _LONG_AGO},),
    "absences": (
        {"person": "U1", "document": {"until": _LONG_AGO.isoformat(), "stand_in": "U2"}},
        {"person": "U3", "document": {"until": _LONG_AGO.isoformat(), "stand_in": None}},
    ),
    "messages": (
        {"subject": "abc", "role": "direct", "recipient": "U1", "channel_id": "D1", "ts": "1.2", "shown_version": 1},
    ),
    "freezes": (
        {"position": 0, "document": {"name": "Bayram", "holidays": "TR", "half_day_from": "13:00"}},
        {"position": 1, "document": {"name": "Year's end", "from": "2026-12-30", "to": "2027-01-02"}},
        {"position": 2, "document": {"name": "Weekends", "channels": ["C1"], "weekly": ["fri 17:00-24:00", "sat"]}},
    ),
    "known_settings": (
        {"flow_id": 1, "document": {"segment": {"value": "7", "set_at": _LONG_AGO.isoformat(), "change": "abc"}}},
    ),
    "watch": (
        {
            "id": "watch",
            "version": 3,
            "lease_owner": "one",
            "lease_until": _LONG_AGO,
            "read_at": _LONG_AGO,
            "has_baseline": True,
        },
    ),
    "observed_flows": (
        {
            "flow_id": 1,
            "website_id": 1,
            "content_key": "abc",
            "document": {
                "website_id": 1,
                "name": "A",
                "title": "B",
                "description": "C",
                "wait": {"amount": 1, "unit": "days"},
                "id": 1,
                "is_enabled": True,
            },
            **dict.fromkeys(("sent", "displayed", "clicked", "closed"), 9),
            **dict.fromkeys(("base_sent", "base_displayed", "base_clicked", "base_closed"), 5),
            "seen_at": _LONG_AGO,
            "live_since": _LONG_AGO,
            "tripped_at": None,
        },
    ),
    "reports": (
        {
            "id": "abc",
            "token": "summary.1",
            "kind": "summary",
            "state": "open",
            "version": 1,
            "shown_version": 0,
            "flow_id": None,
            "website_id": 1,
            "channel_id": "C1",
            "document": {"findings": ["def"]},
            "created_at": _LONG_AGO,
            "changed_at": _LONG_AGO,
        },
    ),
    "flow_figures": ({"day": _LONG_AGO.date(), "flow_id": 1, "website_id": 1, **_COUNTS, "has_shrunk": False},),
    "website_figures": ({"day": _LONG_AGO.date(), "website_id": 1, **_COUNTS, "has_shrunk": False},),
    "figure_days": ({"day": _LONG_AGO.date(), "read_at": _LONG_AGO, "is_whole": True},),
}
"""Rows of tables that the recorded version did not have."""
ODD_DOCUMENTS: Final = (
    "not json", "", "null", "5", "1e999", "NaN", '"text"', "[]", "{}", '{"\\ud800": "\\udfff"}', "[" * 100_000,
    b"\x80", 7,
)  # fmt: skip
ODD_VALUES: Final[tuple[Any, ...]] = (
    None, [], {}, "", "\ud800", "x" * 5000, 10**30, float("inf"), float("nan"), -1, True, "0001-01-01T00:00:00+01:56",
    "9999-12-31T23:59:59-10:00", "soon",
)  # fmt: skip
"""What stands in the place of one value in a document."""
NO_TEXT: Final = b"\xed\xa0\x80"
"""Half a surrogate pair, as a hand can leave it in a text of SQLite's."""
ODD_CELLS: Final[Mapping[type, tuple[Any, ...]]] = {
    sql.DateTime: (
        "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1911-01-01 00:00:00", "soon", "", 5, b"\x00", NO_TEXT,
    ),
    sql.Integer: (2**63 - 1, 2**31 - 1, -1, "soon", 1.5, b"\x00"),
    sql.Boolean: (7, -1, "soon"),
    sql.Date: ("soon", "2026-02-30", "", 5, b"\x00", NO_TEXT),
    sql.LargeBinary: ("text", 5),
    sql.String: ("", "archived", "x" * 5000, "a\x00b", b"\x00\x80", NO_TEXT),
}  # fmt: skip
"""What stands in the place of a column's value, by its type."""


def odd_cells(column: Column[Any]) -> Iterator[Any]:
    """Yield what does not belong into a column."""
    if column.nullable:
        yield None
    if isinstance(column.type, JSON):
        yield from ODD_DOCUMENTS
        return
    kind = getattr(column.type, "impl", column.type)
    yield from next(cells for each, cells in ODD_CELLS.items() if isinstance(kind, each))


def odd_documents(document: Any, first: int) -> Iterator[str]:
    """Yield copies of a document, each without one value, or with two odd ones in its place, beginning at `first`."""
    for number, path in enumerate(_paths(document)):
        without = copy.deepcopy(document)
        parent = _follow(without, path[:-1])
        del parent[path[-1]]
        yield json.dumps(without)
        for odd in (ODD_VALUES[(first + 2 * number + each) % len(ODD_VALUES)] for each in range(2)):
            parent = _follow(without, path[:-1])
            if isinstance(parent, list):
                parent.insert(path[-1], odd)
                yield json.dumps(without)
                del parent[path[-1]]
            else:
                yield json.dumps(without | {path[0]: odd} if len(path) == 1 else _with(without, path, odd))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    _follow(changed, path[:-1])[path[-1]] = value
    return changed


def _follow(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _paths(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(entries):
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from _paths(value, (*above, key))


def odd_rows(table: Table, bases: list[Row], step: int) -> Iterator[Row]:
    """Yield copies of rows, each with one odd cell; of every `step`th one with each odd document."""
    for base in bases[:1]:
        for column in table.columns:
            for cell in odd_cells(column):
                yield {**base, column.name: cell}
    for number, base in enumerate(bases[::step]):
        for column in table.columns:
            if isinstance(column.type, JSON) and base[column.name] is not None:
                document = json.loads(base[column.name])
                if isinstance(document, dict):
                    yield from ({**base, column.name: text} for text in odd_documents(document, number))


def recorded_rows() -> dict[str, list[Row]]:
    """Return rows as SQLite holds them, of each kind one, by table: what a version of flowbot once stored."""
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX uq_changes_open_flow")
        for table in tables.metadata.sorted_tables:
            found = [row for name in MOMENTS for row in Moment(name).data["tables"].get(table.name, ())]
            kinds = {tuple(str(row.get(name)) for name in KINDS): row for row in found}
            if table is tables.changes:
                kinds = {kind: {**row, "shown_version": row["version"]} for kind, row in kinds.items()}
            if rows := [*map(_with_zone, kinds.values()), *OTHERS.get(table.name, ())]:
                connection.execute(insert(table).prefix_with("OR IGNORE"), rows)
        return {
            table.name: [dict(row._mapping) for row in connection.exec_driver_sql(f"SELECT * FROM {table.name}")]
            for table in tables.metadata.sorted_tables
        }


def _with_zone(row: Row) -> Row:
    return {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in row.items()}


def insert_odd_rows(file: Path, *, step: int = 4) -> None:
    """Insert odd rows into the tables of a SQLite file."""
    bases = recorded_rows()
    connection = sqlite3.connect(file)
    connection.execute("DROP INDEX IF EXISTS uq_changes_open_flow")
    for table in tables.metadata.sorted_tables:
        for number, row in enumerate(odd_rows(table, bases[table.name], step)):
            _insert(connection, table, row, number)
    connection.commit()
    connection.close()


def _insert(connection: sqlite3.Connection, table: Table, row: Row, number: int) -> None:
    """Insert one row, with a key of its own unless the key is what is odd."""
    *_, key = table.primary_key.columns
    if isinstance(key.type, sql.Integer):
        row = {**row, key.name: 800_000 + number}
    elif not isinstance(row[key.name], bytes):
        row = {**row, key.name: f"C0ODD{number}"}
    if table is tables.changes:
        row = {**row, "token": f"odd{number}"}
        if isinstance(row["asked"], str):
            # Their buttons have to be told apart.
            row["asked"] = row["asked"].replace('"name": "', f'"name": "{number} ')
    if table is tables.channel_policies and isinstance(row["document"], str):
        row = {**row, "document": row["document"].replace('"id": "C0MARKETING"', f'"id": "{row["channel_id"]}"')}
    names = list(row)
    cells = [f"CAST(:{name} AS TEXT)" if row[name] == NO_TEXT else f":{name}" for name in names]
    statement = f"INSERT OR IGNORE INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(cells)})"
    connection.execute(statement, row)
