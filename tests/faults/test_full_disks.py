"""The database's disk is full: people are told so, nothing is lost, and once there is room everything goes on."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from flowbot import errors
from flowbot.domain.change import Change, ChangeState
from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message
from flowbot.storage.migrations import upgrade
from flowbot.storage.unit_of_work import Database
from tests.conftest import Cluster, PostgresqlServer, new_cluster
from tests.faults.disks import Disk, small_disk
from tests.faults.fault_checks import (
    Scene,
    a_scene,
    after_the_storm,
    answer_to,
    decided,
    eventually,
    everything_comes_to_an_end,
    only,
)
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, field_errors, open_form
from tests.journeys.request_steps import request_change
from tests.journeys.world import APPROVALS, MARKETING

FULL: Final = "database is full"
FULL_IN_TURKISH: Final = "veritabanının diski dolu"
GOES_ON_IN_TURKISH: Final = "flowbot kendiliğinden devam eder"
NOT_KEPT: Final = "could not take this form in"
UNREACHABLE: Final = "cannot reach its database"
ASKED: Final = "Asked"
STARTED: Final = "What you did is kept"
REQUESTS: Final = 4
LOG_MEGABYTES: Final = 96
"""Six segments of the log."""
MOST_ASKED: Final = 100
LONG: Final = "Because there is much to say of it. " * 12


async def is_read_back(scene: Scene) -> bool:
    """Whether Enkapush was written to, and then asked for what came of it."""
    asked = [(record.method, record.path.rstrip("/")) for record in scene.world.enkapush.requests[scene.asked :]]
    written = next((number for number, (method, _) in enumerate(asked) if method == "POST"), len(asked))
    return ("GET", f"/flows/{(await only(scene)).request.flow}") in asked[written:]


async def is_applied_when_it_is_approved(scene: Scene, *requests: Message) -> None:
    """The requests that went through the storm are as good as any other."""
    for request in requests:
        await scene.world.burak.click(request, "Approve")
    await decided(scene)
    ended = await after_the_storm(scene, scene.world.emma)
    assert {change.state for change in ended.values()} == {ChangeState.APPLIED}


# --- SQLite ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk for one SQLite file."""
    with small_disk(megabytes=16) as disk:
        yield disk


@pytest.fixture
async def scene(disk: Disk, sqlite_template: Path) -> AsyncIterator[Scene]:
    """A bot whose SQLite file is on the disk."""
    file = shutil.copy(sqlite_template, disk.folder / "flowbot.db")
    async with a_scene(f"sqlite:///{file}", timeouts=Timeouts()) as scene:
        yield scene


@asynccontextmanager
async def full(disk: Disk) -> AsyncIterator[None]:
    """The disk is full, and SQLite's log has no room left from before either."""
    with closing(sqlite3.connect(disk.folder / "flowbot.db", isolation_level=None, timeout=0)) as connection:

        async def is_emptied() -> bool:
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not is_busy

        await eventually(is_emptied, "SQLite's log is empty")
        disk.fill()
    try:
        yield
    finally:
        disk.free()


async def test_on_a_full_disk_nothing_is_kept_and_said_so_and_it_works_later(scene: Scene, disk: Disk) -> None:
    emma, burak = scene.world.emma, scene.world.burak
    request = await request_change(scene.world)
    await open_form(emma, "/flows create")
    await everything_comes_to_an_end(scene)
    async with full(disk):
        submitted = await emma.submit(REQUIRED_FIELDS)
        assert FULL in str(field_errors(emma, submitted.errors))
        await answer_to(scene, emma, f"/flows enable {add_flow(scene.world)}", FULL)
        await burak.click(request, "Approve")
        await burak.wait_until(lambda: any(FULL_IN_TURKISH in text for text in scene.said_to(burak)))
        await answer_to(scene, emma, "/flows list", r"(?m)^\d+ flows?\b")
    await after_the_storm(scene, emma)
    assert [change.request.requester for change in await scene.changes()] == [emma.id]
    assert scene.writes == []
    await emma.submit()
    await emma.wait_for_message(MARKETING, "was created, disabled")
    await emma.close()
    await is_applied_when_it_is_approved(scene, request)
    assert len(scene.writes) == 2


async def test_what_was_written_just_before_the_disk_was_full_is_not_written_again(scene: Scene, disk: Disk) -> None:
    burak, request = scene.world.burak, await request_change(scene.world)
    change = await only(scene)
    scene.world.enkapush.faults.add(Fault.hang(method="GET", path=f"/flows/{change.request.flow}", skip=1))
    await burak.click(request, "Approve")
    await eventually(lambda: is_read_back(scene), "Enkapush was written to")
    async with full(disk):
        scene.world.enkapush.release()
        await burak.wait_until(lambda: any(GOES_ON_IN_TURKISH in text for text in scene.said_to(burak)))
    ended = await after_the_storm(scene, scene.world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]
    assert len(scene.writes) == 1


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def on_postgresql(cluster: Cluster, tablespace: str = "pg_default") -> AsyncIterator[Scene]:
    """A bot with a database in the tablespace."""
    server = PostgresqlServer(cluster.url)
    with server.new_database() as name:
        server.run("ALTER DATABASE {} SET TABLESPACE {}", name, tablespace)
        await asyncio.to_thread(upgrade, server.url_of(name))
        async with a_scene(server.url_of(name), timeouts=Timeouts()) as scene:
            yield scene


def owner_of_clusters() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


async def asks_until_it_is_full(scene: Scene) -> int:
    """Ask for one thing after the other until there is no room for it. How many were kept."""
    for kept in range(MOST_ASKED):
        flow = add_flow(scene.world)
        answer = await answer_to(scene, scene.world.emma, f"/flows enable {flow} {LONG}", f"{FULL}|{ASKED}|{STARTED}")
        if FULL in answer:
            return kept
    raise AssertionError("the disk never was full")


@pytest.mark.postgresql
async def test_what_finds_no_room_in_postgresql_is_said_and_what_found_room_is_kept() -> None:
    with small_disk(megabytes=32, owner=owner_of_clusters()) as disk, new_cluster() as cluster:
        server = PostgresqlServer(cluster.url)
        server.run(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        async with on_postgresql(cluster, "small") as scene:
            # Each table has a page by then, with room left in it.
            await is_applied_when_it_is_approved(scene, await request_change(scene.world))
            await scene.begins()
            disk.fill()
            kept = await asks_until_it_is_full(scene)
            disk.free()
            await after_the_storm(scene, scene.world.emma)
            waiting = await scene.changes_that_wait()
            assert len(waiting) == len(await scene.changes()) == kept > 0
            await is_applied_when_it_is_approved(scene, *messages_of(scene, waiting))
            assert len(scene.writes) == kept


def messages_of(scene: Scene, waiting: list[Change]) -> list[Message]:
    found = [scene.world.slack.workspace.find_message(APPROVALS, change.message_ts or "") for change in waiting]
    return [message for message in found if message is not None]


@pytest.mark.postgresql
async def test_a_postgresql_that_goes_down_for_want_of_room_loses_no_vote_and_applies_nothing_twice() -> None:
    with small_disk(megabytes=LOG_MEGABYTES, owner=owner_of_clusters()) as disk, new_cluster() as cluster:
        move_the_log(cluster, disk)
        async with on_postgresql(cluster) as scene:
            emma, burak = scene.world.emma, scene.world.burak
            requests = [await request_change(scene.world) for _ in range(REQUESTS)]
            await open_form(emma, "/flows create")
            disk.fill()
            going_down = asyncio.create_task(use_the_log_up(scene.database))
            for request in requests:
                await burak.click(request, "Approve")
            await going_down
            submitted = await emma.submit(REQUIRED_FIELDS)
            assert NOT_KEPT in str(field_errors(emma, submitted.errors))
            await answer_to(scene, emma, f"/flows enable {add_flow(scene.world)}", UNREACHABLE)
            await eventually(lambda: is_down(cluster), "PostgreSQL gives up")
            disk.free()
            await asyncio.to_thread(cluster.start)
            await after_the_storm(scene, emma)
            await emma.submit()
            await emma.wait_for_message(MARKETING, "was created, disabled")
            await emma.close()
            await is_applied_when_it_is_approved(scene, *messages_of(scene, await scene.changes_that_wait()))
            assert len(scene.writes) == len(await scene.changes()) == REQUESTS + 1


def move_the_log(cluster: Cluster, disk: Disk) -> None:
    """Give PostgreSQL's write-ahead log a disk for itself."""
    cluster.stop()
    log, moved = cluster.folder / "data" / "pg_wal", disk.folder / "pg_wal"
    shutil.copytree(log, moved)
    shutil.rmtree(log)
    log.symlink_to(moved)
    if cluster.owner is not None:
        for path in [moved, *moved.rglob("*")]:
            shutil.chown(path, cluster.owner, cluster.owner)
    cluster.start()


async def use_the_log_up(database: Database) -> None:
    """Write to PostgreSQL's log until there is no room for more: it does not survive that, nor knows what it wrote."""
    with pytest.raises(errors.DependencyError) as fault:
        await write_for_ever(database)
    assert fault.value.key in {"fault.database", "fault.database_unsure"}


async def write_for_ever(database: Database) -> None:
    """Begin one segment of the log after the other."""
    while True:
        async with database.write() as connection:
            await connection.execute(text("SELECT pg_logical_emit_message(true, '', 'used up'), pg_switch_wal()"))


async def is_down(cluster: Cluster) -> bool:
    """Whether PostgreSQL runs no more."""
    return not (cluster.folder / "data" / "postmaster.pid").exists()
