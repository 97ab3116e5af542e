"""The unit of work on both databases, and the sentences about an address that does not work."""

import asyncio
import gc
import socket
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from itertools import count
from pathlib import Path
from types import coroutine
from typing import Any

import pytest
from sqlalchemy import insert, make_url, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from flowbot.errors import ConfigurationError, DependencyError
from flowbot.storage.engine import DatabaseUrlError, open_database
from flowbot.storage.migrations import read_revision_state, upgrade
from flowbot.storage.tables import websites
from flowbot.storage.unit_of_work import Database
from tests.conftest import new_cluster

SHOP = {"website_id": 1, "position": 0, "name": "Shop"}
PASSWORD = "hunter2"


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[Database]:
    """Open the same database as another process does."""
    opened = open_database(database_url)
    yield opened
    await opened.close()


async def list_names(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(select(websites.c.name).order_by(websites.c.website_id)))


# --- transactions --------------------------------------------------------------------------------------------------


async def test_what_a_block_wrote_is_there_after_it(database: Database, elsewhere: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(websites), [SHOP])
    assert await list_names(elsewhere) == ["Shop"]


async def test_what_a_failed_block_wrote_is_not_there(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(insert(websites), [SHOP])
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await list_names(database) == []


async def test_a_cancelled_block_leaves_nothing_behind_and_blocks_nobody(database: Database) -> None:
    written = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.write() as connection:
            await connection.execute(insert(websites), [SHOP])
            written.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(write_and_wait())
    await written.wait()
    writer.cancel()
    await asyncio.wait([writer])
    async with database.write() as connection:
        await connection.execute(insert(websites), [SHOP | {"name": "Blog"}])
    assert await list_names(database) == ["Blog"]


@coroutine
def cancel_at(wait: int, work: Coroutine[Any, Any, object]) -> Generator[Any, Any, None]:
    """Do the work, and cancel the task at this one of its waits; it may have fewer."""
    go_on: Callable[[Any], Any] = work.send
    value: Any = None
    for number in count():
        try:
            waiting = go_on(value)
        except StopIteration:
            return
        if number == wait and (task := asyncio.current_task()):
            task.cancel()
        try:
            go_on, value = work.send, (yield waiting)
        except BaseException as error:  # noqa: BLE001 - it is the work's to see
            go_on, value = work.throw, error


@pytest.mark.parametrize("look", [Database.ping, pytest.param(read_revision_state, marks=pytest.mark.long)])
async def test_who_breaks_off_at_any_moment_leaves_no_connection_open(
    database_url: str, look: Callable[[Database], Coroutine[Any, Any, object]]
) -> None:
    for wait in count():
        database = open_database(database_url)
        looking = asyncio.create_task(cancel_at(wait, look(database)))
        await asyncio.wait({looking})
        await database.close()
        if not looking.cancelled():
            break
    gc.collect()
    assert wait > 3


async def test_closing_waits_for_what_is_under_way_and_lets_nothing_begin(database_url: str) -> None:
    database = open_database(database_url)
    reads, done = asyncio.Event(), []

    async def look() -> None:
        async with database.read() as connection:
            await connection.execute(text("SELECT 1"))
            reads.set()
            await connection.execute(text("SELECT 2"))
        done.append("read")

    looking = asyncio.create_task(look())
    await reads.wait()
    await database.close()
    assert done == ["read"]
    with pytest.raises(DependencyError):
        await database.ping()
    await looking
    gc.collect()


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DependencyError):
        async with database.read() as connection:
            await connection.execute(insert(websites), [SHOP])
    assert await list_names(database) == []


async def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(database: Database, elsewhere: Database) -> None:
    count = text("SELECT count(*) FROM websites")
    async with database.read() as connection:
        assert await connection.scalar(count) == 0
        async with elsewhere.write() as writing:
            await writing.execute(insert(websites), [SHOP])
        assert await connection.scalar(count) == 0
    assert await list_names(database) == ["Shop"]


async def test_counting_up_alone_loses_no_step(database: Database, elsewhere: Database) -> None:
    """A read, a decision and a write in one transaction: the classic that goes wrong without a lock."""
    async with database.write() as connection:
        await connection.execute(insert(websites), [SHOP])

    async def step(opened: Database) -> None:
        async with opened.write(alone="counter") as connection:
            position = await connection.scalar(select(websites.c.position))
            await connection.execute(update(websites).values(position=(position or 0) + 1))

    await asyncio.gather(*(step(opened) for opened in (database, elsewhere) for _ in range(10)))
    async with database.read() as connection:
        assert await connection.scalar(select(websites.c.position)) == 20


async def test_of_many_who_change_the_same_version_one_succeeds(database: Database, elsewhere: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(websites), [SHOP])

    async def claim(opened: Database) -> int:
        async with opened.write() as connection:
            claimed = update(websites).where(websites.c.website_id == 1, websites.c.position == 0).values(position=1)
            return (await connection.execute(claimed)).rowcount

    assert sorted(await asyncio.gather(*(claim(opened) for opened in (database, elsewhere) * 5))) == [0] * 9 + [1]


async def test_an_expected_conflict_can_be_caught_and_the_block_goes_on(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(websites), [SHOP])
        with pytest.raises(IntegrityError):
            async with connection.begin_nested():
                await connection.execute(insert(websites), [SHOP])
        await connection.execute(insert(websites), [SHOP | {"website_id": 2, "name": "Blog"}])
    assert await list_names(database) == ["Shop", "Blog"]


async def test_a_database_error_leaves_as_a_fault_that_shows_no_values(database: Database) -> None:
    with pytest.raises(DependencyError) as fault:
        async with database.write() as connection:
            await connection.execute(insert(websites), [SHOP | {"name": PASSWORD}, SHOP | {"name": PASSWORD}])
    assert fault.value.text.key == "fault.database"
    assert isinstance(fault.value.__cause__, IntegrityError)
    assert PASSWORD not in "".join(traceback.format_exception(fault.value))


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_is_lost_on_the_way_to_a_commit_is_not_said_to_be_unwritten(
    database: Database, elsewhere: Database
) -> None:
    async def cut_off() -> None:
        async with database.write() as connection:
            await connection.execute(insert(websites), [SHOP])
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with elsewhere.read() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    with pytest.raises(DependencyError) as fault:
        await cut_off()
    assert fault.value.text.key == "fault.database_unsure"
    assert isinstance(fault.value.__cause__, OperationalError)


async def test_a_number_too_large_for_the_database_is_a_fault_and_nothing_was_written(database: Database) -> None:
    with pytest.raises(DependencyError) as fault:
        async with database.write() as connection:
            await connection.execute(insert(websites), [SHOP, SHOP | {"website_id": 2**63}])
    assert fault.value.text.key == "fault.database"
    assert await list_names(database) == []


async def test_a_living_database_answers_a_ping(database: Database) -> None:
    await database.ping()


async def test_a_closed_database_may_be_closed_again(database: Database) -> None:
    await database.close()
    await database.close()


# --- addresses -----------------------------------------------------------------------------------------------------

REFUSED = [
    (
        "another kind of database",
        f"mysql://flowbot:{PASSWORD}@host/name",
        "must begin with sqlite:/// or postgresql://",
    ),
    ("a driver of one's own choice", f"postgresql+asyncpg://u:{PASSWORD}@host/name", "must begin with"),
    ("no address at all", PASSWORD, "must begin with"),
    ("nothing", "", "must begin with"),
    ("a password with an @ that is not encoded", f"postgresql://u:p@{PASSWORD}@host/name", "written as %40"),
    ("a port that is no number", f"postgres://u:p@host:{PASSWORD}/name", "not an address such as"),
    ("no database's name", f"postgresql://flowbot:{PASSWORD}@host", "names no database"),
    ("SQLite in memory", "sqlite:///:memory:", "comes the path of a file"),
    ("SQLite without a path", "sqlite:///", "comes the path of a file"),
    ("SQLite with options", "sqlite:///flowbot.db?mode=ro", "comes the path of a file"),
    ("SQLite in a folder that is not there", "sqlite:////nowhere/at/all.db", "the folder '/nowhere/at' does not exist"),
    ("a parameter that is not known", f"postgresql://u:{PASSWORD}@host/name?bogus=1", "bogus"),
    ("a parameter's wrong value", f"postgresql://u:{PASSWORD}@host/name?connect_timeout=abc", "connect_timeout"),
    ("SQLite in place of a device", "sqlite:////dev/null", "is a device or pipe"),
    ("SQLite in place of a folder", "sqlite:////tmp", "'/tmp' is a folder, not a file"),
]


@pytest.mark.parametrize(("url", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_address_is_refused_in_one_line_without_its_password(url: str, said: str) -> None:
    with pytest.raises(DatabaseUrlError) as refusal:
        open_database(url)
    message = str(refusal.value)
    assert said in message
    assert message.startswith("DATABASE_URL: ")
    assert len(message.splitlines()) == 1
    assert PASSWORD not in "".join(traceback.format_exception(refusal.value)).replace(f"{url!r}", "")


def test_a_refusal_is_both_a_value_error_and_for_the_one_who_deploys() -> None:
    assert issubclass(DatabaseUrlError, ValueError)
    assert issubclass(DatabaseUrlError, ConfigurationError)


def list_files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_relative_path_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = open_database("sqlite:///flowbot.db")
    monkeypatch.chdir("/")
    async with database.read() as connection:
        await connection.execute(text("SELECT 1 FROM sqlite_master"))
    await database.close()
    assert list_files(tmp_path) == ["flowbot.db"]


async def test_a_path_may_hold_spaces_percents_and_any_script(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/akış 100%.db"
    await asyncio.to_thread(upgrade, url)
    database = open_database(url)
    assert (await read_revision_state(database)).is_current
    await database.close()


async def test_nobody_at_the_address_is_a_fault_without_the_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://flowbot:{PASSWORD}@127.0.0.1:{free.getsockname()[1]}/flowbot"
        database = open_database(url)
        with pytest.raises(DependencyError) as asking:
            await database.ping()
        with pytest.raises(DependencyError) as upgrading:
            await asyncio.to_thread(upgrade, url)
        await database.close()
    for fault in (asking, upgrading):
        assert PASSWORD not in "".join(traceback.format_exception(fault.value))


@pytest.mark.postgresql
async def test_a_wrong_password_is_a_fault_that_does_not_repeat_it() -> None:
    with new_cluster("scram-sha-256") as cluster:
        wrong = make_url(cluster.url).set(password=PASSWORD).render_as_string(hide_password=False)
        database = open_database(wrong)
        with pytest.raises(DependencyError) as fault:
            await database.ping()
        await database.close()
    assert "password authentication failed" in str(fault.value.__cause__)
    assert PASSWORD not in "".join(traceback.format_exception(fault.value))


@pytest.mark.postgresql
async def test_a_connection_that_the_server_cut_is_replaced(postgresql_url: str) -> None:
    database, administrator = open_database(postgresql_url), open_database(postgresql_url)
    await database.ping()
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
    async with administrator.write() as connection:
        assert await connection.scalar(text(f"{cut} AND pid <> pg_backend_pid()")) == 1
    await database.ping()
    await database.close()
    await administrator.close()


@pytest.mark.postgresql
async def test_heroku_style_addresses_work(postgresql_url: str) -> None:
    database = open_database(postgresql_url.replace("postgresql://", "postgres://"))
    await database.ping()
    await database.close()
