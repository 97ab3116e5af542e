"""Recorded moments of a workspace at work, as files: what the database, Slack and Enkapush hold."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from time import monotonic
from typing import Any, Final

from sqlalchemy import JSON, Connection, MetaData, Table, create_engine, make_url, null, text, update
from sqlalchemy.engine import Engine

from flowbot.sandbox.enkapush import Flow, Image, Segment
from flowbot.sandbox.slack import Message, View
from flowbot.storage.tables import changes, events, metadata
from tests.journeys.world import Time, World

FOLDER: Final = Path(__file__).parent / "first_version"
BEGUN: Final = datetime.now(UTC).replace(microsecond=0)
SLACK, ENKAPUSH = "http://slack.recorded", "http://enkapush.recorded"
"""Stand in a file for the addresses of the stand-ins, which are others at each run."""
VERSIONS: Final = "recorded_versions"
"""A table of the recorder's own: every change's row as each write left it."""

Json = dict[str, Any]
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d)?")


@dataclass(frozen=True)
class Control:
    """A button: where it is, who sees it there, and what a press of it sends.

    Attributes:
        holder: The message or view that it stands in.
        person: The one person who sees it; None where a channel does.
    """

    holder: Json
    block_id: str
    action_id: str
    value: str
    person: str | None

    @property
    def change(self) -> str | None:
        """Return the change that its value names."""
        return _read(self.value).get("c")

    @property
    def flow(self) -> int | None:
        """Return the flow that its value names."""
        return _read(self.value).get("f")


def _read(value: str) -> Json:
    read = json.loads(value) if value.startswith("{") else {}
    return read if isinstance(read, dict) else {}


@dataclass(frozen=True)
class Moment:
    """A recorded moment.

    Attributes:
        folder: Where its file is.
        age: How long before the tests began its times are; None for those of the recording.
    """

    name: str
    folder: Path = FOLDER
    age: timedelta | None = None

    @cached_property
    def data(self) -> Json:
        """Return all of it, with the recorder's own addresses of the stand-ins."""
        return self.read(SLACK, ENKAPUSH)

    def read(self, slack: str, enkapush: str) -> Json:
        """Return all of it, with these addresses of the stand-ins."""
        written = (self.folder / f"{self.name}.json").read_text().replace(SLACK, slack).replace(ENKAPUSH, enkapush)
        if self.age is not None:
            recorded_at = datetime.fromisoformat(json.loads(written)["recorded_at"]["$at"])
            since = BEGUN - self.age - recorded_at
            written = _TIME.sub(lambda found: (datetime.fromisoformat(found[0]) + since).isoformat(), written)
        read: Json = json.loads(written, object_hook=_decoded)
        return read

    def rows(self, table: str) -> list[Json]:
        """Return the rows of a table."""
        rows: list[Json] = self.data["tables"][table]
        return rows

    def row(self, change: str) -> Json:
        """Return the row of a change."""
        return next(row for row in self.rows("changes") if row["id"] == change)

    def controls(self) -> Iterator[Control]:
        """Yield every button that a person could press at that moment."""
        slack = self.data["slack"]
        direct = {channel: person for person, channel in slack["direct"].items()}
        for message in slack["messages"]:
            yield from _controls(message, message["ephemeral_to"] or direct.get(message["channel"]))
        for view in [*slack["homes"], *slack["modals"]]:
            yield from _controls(view, view["owner"])


def _controls(holder: Json, person: str | None) -> Iterator[Control]:
    for block in holder["blocks"] or []:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("type") == "button":
                value = element.get("value", "")
                yield Control(holder, block["block_id"], element["action_id"], value, person)


class PastTime(Time):
    """The bot's clocks at a moment of the past; they go on from there."""

    def __init__(self, at: datetime) -> None:
        super().__init__((at - datetime.now(UTC)).total_seconds())
        self._began = self.ahead

    def monotonic(self) -> float:
        return monotonic() + self.ahead - self._began


# --- taking it down ------------------------------------------------------------------------------------------------


def keep_versions(url: str) -> None:
    """Let the database keep every change's row as each write leaves it, from now on."""
    engine = create_engine(url)
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute(f"CREATE TABLE {VERSIONS} AS SELECT * FROM changes WHERE 0")
        for what in ("INSERT", "UPDATE"):
            connection.cursor().execute(
                f"CREATE TRIGGER {VERSIONS}_{what} AFTER {what} ON changes BEGIN "
                f"INSERT INTO {VERSIONS} SELECT * FROM changes WHERE id = NEW.id; END"
            )
        connection.commit()
    engine.dispose()


def record_moment(world: World, url: str, name: str, about: str) -> None:
    """Write down the rows, every version of the changes, messages, views and flows of this moment."""
    engine = create_engine(url)
    with engine.connect() as connection:
        versions = [
            _parse_documents(dict(row._mapping)) for row in connection.execute(text(f"SELECT * FROM {VERSIONS}"))
        ]
    engine.dispose()
    data = take_down(world, url, about) | {"versions": _last_of_each_version(versions)}
    written = json.dumps(data, default=_encoded, ensure_ascii=False, indent=1)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(_without_addresses(world, written) + "\n")


def record_rows(world: World, url: str, file: Path, about: str) -> None:
    """Write down the rows, messages and flows of this moment, each in a line, without what only one person saw."""
    data = take_down(world, url, about)
    messages = [each for each in data["slack"]["messages"] if each["ephemeral_to"] is None]
    data["slack"] |= {"messages": messages, "modals": [], "homes": []}
    parts = {name: _one_a_line(part) for name, part in data.items() if name not in {"about", "recorded_at"}}
    head = [f"{json.dumps(name)}: {_line(data[name])}" for name in ("about", "recorded_at")]
    written = ",\n".join([*head, *(f"{json.dumps(name)}: {part}" for name, part in parts.items())])
    file.parent.mkdir(exist_ok=True)
    file.write_text(_without_addresses(world, f"{{{written}}}\n"))


def take_down(world: World, url: str, about: str) -> Json:
    """Return the rows, messages, views and flows of this moment."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = {name: _rows(connection, table) for name, table in _tables(engine).items()}
    engine.dispose()
    return {
        "about": about,
        "recorded_at": world.time.now(),
        "tables": tables,
        "slack": _slack(world),
        "enkapush": {
            "flows": [asdict(flow) for flow in world.enkapush.store.flows.values()],
            "segments": [asdict(segment) for segment in world.enkapush.store.segments.values()],
        },
    }


def _one_a_line(part: Mapping[str, list[Json] | Json]) -> str:
    """Write the lists and mappings of a part so that each of their entries has a line."""
    written = []
    for name, entries in part.items():
        if isinstance(entries, list):
            lines = f"[{','.join(f'{chr(10)}{_line(each)}' for each in entries)}]"
        else:
            lines = f"{{{','.join(f'{chr(10)}{json.dumps(key)}: {_line(each)}' for key, each in entries.items())}}}"
        written.append(f"\n{json.dumps(name)}: {lines}")
    return f"{{{','.join(written)}}}"


def _line(value: Any) -> str:
    return json.dumps(value, default=_encoded, ensure_ascii=False)


def _without_addresses(world: World, written: str) -> str:
    enkapush = world.settings.enkapush_api_url.removesuffix("/api")
    return written.replace(world.slack.origin, SLACK).replace(enkapush, ENKAPUSH)


def _last_of_each_version(versions: list[Json]) -> list[Json]:
    """Return one row for each version of each change, as it was at the end of that version."""
    return list({(row["id"], row["version"]): row for row in versions}.values())


def _parse_documents(row: Json) -> Json:
    """Return the row with its documents as values: the recorder's own table knows of no JSON."""
    documents = {"asked", "rule", "progress", "outcome"}
    read = {name: json.loads(value) if name in documents and value else value for name, value in row.items()}
    return read | {name: _moment(value) for name, value in read.items() if name.endswith(("_at", "_until"))}


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _slack(world: World) -> Json:
    workspace = world.slack.workspace
    messages = [asdict(each) for channel in workspace.messages.values() for each in channel]
    return {
        "direct": {channel.members[0]: channel.id for channel in workspace.channels.values() if channel.is_im},
        "people": {id_: asdict(person) for id_, person in workspace.people.items()},
        "members": {id_: channel.members for id_, channel in workspace.channels.items() if not channel.is_im},
        "groups": {id_: group.users for id_, group in workspace.groups.items()},
        "messages": messages,
        "modals": [asdict(view) for stack in workspace.modals.values() for view in stack],
        "homes": [asdict(view) for view in workspace.homes.values()],
        "files": [asdict(file) for file in workspace.files.values()],
    }


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$at": value.isoformat()}
    if isinstance(value, date):
        return {"$day": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(type(value))


def _decoded(value: Json) -> Any:
    if value.keys() == {"$at"}:
        return datetime.fromisoformat(value["$at"])
    if value.keys() == {"$day"}:
        return date.fromisoformat(value["$day"])
    return base64.b64decode(value["$bytes"]) if value.keys() == {"$bytes"} else value


# --- putting it back -----------------------------------------------------------------------------------------------


def put_rows(url: str, moment: Moment) -> None:
    """Write the recorded rows into a database without any."""
    engine = create_engine(sync_url(url))
    tables = _tables(engine)
    with engine.begin() as connection:
        for table in sorted(tables.values(), key=lambda table: len(table.foreign_keys)):
            if rows := moment.data["tables"].get(table.name):
                connection.execute(table.insert(), [_as_stored(row, table, engine) for row in rows])
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SELECT setval(pg_get_serial_sequence('events', 'number'), max(number)) FROM events"
            )
    engine.dispose()


def put_sent_at(url: str, moments: Mapping[str, datetime]) -> None:
    """Put into the rows of changes, by id, when they were sent."""
    engine = create_engine(sync_url(url))
    with engine.begin() as connection:
        for id_, sent_at in moments.items():
            at = sent_at.replace(tzinfo=UTC)
            connection.execute(update(changes).where(changes.c.id == id_).values(sent_at=at))
    engine.dispose()


def put_addresses(url: str, moment: Moment, data: Json) -> None:
    """Put the addresses of this run's stand-ins, with which `data` was read, into the rows that name one.

    The audit trail stays as it is: nothing is fetched from what it names.
    """
    engine = create_engine(sync_url(url))
    with engine.begin() as connection:
        for name, table in metadata.tables.items() - {(events.name, events)}:
            for row, before in zip(data["tables"].get(name, []), moment.data["tables"].get(name, []), strict=True):
                if changed := {column: value for column, value in row.items() if value != before[column]}:
                    is_it = [column == row[column.name] for column in table.primary_key]
                    connection.execute(table.update().where(*is_it).values(changed))
    engine.dispose()


def restore_stand_ins(world: World, data: Json, *, later: float = 0) -> None:
    """Let Slack and Enkapush hold what they held, and the bot's clock show that moment, or some seconds `later`."""
    world.time = PastTime(data["recorded_at"])
    world.time.ahead += later
    _put_slack(world, data["slack"])
    store = world.enkapush.store
    for fields in data["enkapush"]["flows"]:
        image = fields["image"] and Image(**fields["image"])
        store._put(Flow(**fields | {"image": image}))
    store._last_id = max(store.flows, default=0)
    for fields in data["enkapush"]["segments"]:
        store.add_segment(Segment(**fields))


def _put_slack(world: World, data: Json) -> None:
    workspace = world.slack.workspace
    some_person = type(next(iter(workspace.people.values())))
    for id_, fields in data["people"].items():
        if id_ not in workspace.people:
            workspace.people[id_] = some_person(**fields | {"team": workspace.team})
    for id_, members in data["members"].items():
        workspace.channels[id_].members[:] = members
    for id_, users in data["groups"].items():
        workspace.groups[id_].users[:] = users
    for person, id_ in data["direct"].items():
        channel = workspace.open_direct_message(person)
        del workspace.channels[channel.id]
        channel.id = id_
        workspace.channels[id_] = channel
    for fields in data["messages"]:
        workspace.messages[fields["channel"]].append(Message(**fields))
    for fields in data["modals"]:
        workspace.modals[fields["owner"]].append(View(**fields))
    for fields in data["homes"]:
        workspace.homes[fields["owner"]] = View(**fields)
    for fields in data["files"]:
        file = world.slack.person(fields["owner"]).upload(fields["name"], fields["content"], fields["mimetype"])
        del workspace.files[file.id]
        file.id = fields["id"]
        workspace.files[file.id] = file


def _rows(connection: Connection, table: Table) -> list[Json]:
    order = table.primary_key.columns or table.columns[:1]
    return [dict(row._mapping) for row in connection.execute(table.select().order_by(*order))]


def _as_stored(row: Json, table: Table, engine: Engine) -> Json:
    """Return the row as its table takes it: SQLite keeps moments without their zone, which is UTC."""
    is_sqlite = engine.dialect.name == "sqlite"
    stored: Json = {}
    for name, value in row.items():
        if value is None and isinstance(table.c[name].type, JSON):
            stored[name] = null()
        elif isinstance(value, datetime):
            stored[name] = value.replace(tzinfo=None if is_sqlite else UTC)
        else:
            stored[name] = value
    return stored


def _tables(engine: Engine) -> dict[str, Table]:
    return _reflected(engine.url.render_as_string(hide_password=False), engine)


@cache
def _reflected(_url: str, engine: Engine) -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(engine, only=lambda name, _: name != VERSIONS)
    return {name: table for name, table in metadata.tables.items() if name not in {"alembic_version", VERSIONS}}


def sync_url(url: str) -> str:
    """Return the address for a synchronous driver."""
    address = make_url(url)
    driver = "postgresql+psycopg" if address.get_backend_name() == "postgresql" else "sqlite"
    return address.set(drivername=driver).render_as_string(hide_password=False)
