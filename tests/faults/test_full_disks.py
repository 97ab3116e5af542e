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
    check_recovery,
    eventually,
    new_scene,
    only_change,
    read_database_state,
    type_and_read,
    wait_until_closed,
    wait_until_settled,
)
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, field_errors, open_form
from tests.journeys.request_steps import request_change
from tests.journeys.world import APPROVALS, MARKETING

FULL: Final = "disk is full"
FULL_IN_TURKISH: Final = "diski dolu"
GOES_ON_IN_TURKISH: Final = "Düzelince tamamlayacağız"
NOT_KEPT: Final = "what you typed is still here"
UNREACHABLE: Final = "can't reach its database"
ASKED: Final = "Approval requested"
STARTED: Final = "Saved, but"
REQUESTS: Final = 4
LOG_MEGABYTES: Final = 96
"""Six segments of the log."""
MOST_ASKED: Final = 100
LONG: Final = "Because there is much to say of it. " * 12


async def is_read_back(scene: Scene) -> bool:
    """Check whether Enkapush was written to, and the flow read again after that."""
    asked = [
        (record.method, record.path.rstrip("/")) for record in scene.world.enkapush.requests[scene.requests_before :]
    ]
    written = next((number for number, (method, _) in enumerate(asked) if method == "POST"), len(asked))
    return ("GET", f"/flows/{(await only_change(scene)).request.flow}") in asked[written:]


async def check_requests_can_be_approved(scene: Scene, *requests: Message) -> None:
    """Check that the requests that went through the fault are as good as any other."""
    for request in requests:
        await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)
    ended = await check_recovery(scene, scene.world.emma)
    assert {change.state for change in ended.values()} == {ChangeState.APPLIED}


# --- SQLite ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Mount a disk for one SQLite file."""
    with small_disk(megabytes=16) as disk:
        yield disk


@pytest.fixture
async def scene(disk: Disk, sqlite_template: Path) -> AsyncIterator[Scene]:
    """Run a bot whose SQLite file is on the disk."""
    file = shutil.copy(sqlite_template, disk.folder / "flowbot.db")
    async with new_scene(f"sqlite:///{file}", timeouts=Timeouts()) as scene:
        yield scene


@asynccontextmanager
async def fill_disk(disk: Disk) -> AsyncIterator[None]:
    """Fill the disk, with no room left in SQLite's log either."""
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
    await wait_until_settled(scene)
    async with fill_disk(disk):
        submitted = await emma.submit(REQUIRED_FIELDS)
        assert FULL in str(field_errors(emma, submitted.errors))
        await type_and_read(scene, emma, f"/flows enable {add_flow(scene.world)}", FULL)
        await burak.click(request, "Approve")
        await burak.wait_until(lambda: any(FULL_IN_TURKISH in text for text in scene.texts_for(burak)))
        await type_and_read(scene, emma, "/flows list", r"(?m)^\d+ flows?\b")
        assert await read_database_state(scene) == "full"
    await check_recovery(scene, emma)
    assert [change.request.requester for change in await scene.changes()] == [emma.id]
    assert scene.writes == []
    await emma.submit()
    await emma.wait_for_message(MARKETING, "was created")
    await emma.close()
    await check_requests_can_be_approved(scene, request)
    assert len(scene.writes) == 2


async def test_what_was_written_just_before_the_disk_was_full_is_not_written_again(scene: Scene, disk: Disk) -> None:
    burak, request = scene.world.burak, await request_change(scene.world)
    change = await only_change(scene)
    scene.world.enkapush.faults.add(Fault.hang(method="GET", path=f"/flows/{change.request.flow}", skip=1))
    await burak.click(request, "Approve")
    await eventually(lambda: is_read_back(scene), "Enkapush was written to")
    async with fill_disk(disk):
        scene.world.enkapush.release()
        await burak.wait_until(lambda: any(GOES_ON_IN_TURKISH in text for text in scene.texts_for(burak)))
    ended = await check_recovery(scene, scene.world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]
    assert len(scene.writes) == 1


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def run_on_postgresql(cluster: Cluster, tablespace: str = "pg_default") -> AsyncIterator[Scene]:
    """Run a bot with a database in the tablespace."""
    server = PostgresqlServer(cluster.url)
    with server.new_database() as name:
        server.run("ALTER DATABASE {} SET TABLESPACE {}", name, tablespace)
        await asyncio.to_thread(upgrade, server.url_of(name))
        async with new_scene(server.url_of(name), timeouts=Timeouts()) as scene:
            yield scene


def cluster_owner() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


async def request_until_full(scene: Scene) -> int:
    """Request one change after the other until there is no room; return how many were stored."""
    for kept in range(MOST_ASKED):
        flow = add_flow(scene.world)
        answer = await type_and_read(
            scene, scene.world.emma, f"/flows enable {flow} {LONG}", f"{FULL}|{ASKED}|{STARTED}"
        )
        if FULL in answer:
            return kept
    raise AssertionError("the disk never was full")


@pytest.mark.long
@pytest.mark.postgresql
async def test_what_finds_no_room_in_postgresql_is_said_and_what_found_room_is_kept() -> None:
    with small_disk(megabytes=32, owner=cluster_owner()) as disk, new_cluster() as cluster:
        server = PostgresqlServer(cluster.url)
        server.run(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        async with run_on_postgresql(cluster, "small") as scene:
            # Each table has a page by then, with room left in it.
            await check_requests_can_be_approved(scene, await request_change(scene.world))
            await scene.begin()
            disk.fill()
            kept = await request_until_full(scene)
            disk.free()
            await check_recovery(scene, scene.world.emma)
            waiting = await scene.pending_changes()
            assert len(waiting) == len(await scene.changes()) == kept > 0
            await check_requests_can_be_approved(scene, *list_request_messages(scene, waiting))
            assert len(scene.writes) == kept


def list_request_messages(scene: Scene, waiting: list[Change]) -> list[Message]:
    found = [scene.world.slack.workspace.find_message(APPROVALS, change.message_ts or "") for change in waiting]
    return [message for message in found if message is not None]


@pytest.mark.long
@pytest.mark.postgresql
async def test_a_postgresql_that_goes_down_for_want_of_room_loses_no_vote_and_applies_nothing_twice() -> None:
    with small_disk(megabytes=LOG_MEGABYTES, owner=cluster_owner()) as disk, new_cluster() as cluster:
        move_log(cluster, disk)
        async with run_on_postgresql(cluster) as scene:
            emma, burak = scene.world.emma, scene.world.burak
            requests = [await request_change(scene.world) for _ in range(REQUESTS)]
            await open_form(emma, "/flows create")
            disk.fill()
            going_down = asyncio.create_task(fill_log(scene.database))
            for request in requests:
                await burak.click(request, "Approve")
            await going_down
            submitted = await emma.submit(REQUIRED_FIELDS)
            assert NOT_KEPT in str(field_errors(emma, submitted.errors))
            await type_and_read(scene, emma, f"/flows enable {add_flow(scene.world)}", UNREACHABLE)
            await eventually(lambda: is_down(cluster), "PostgreSQL gives up")
            disk.free()
            await asyncio.to_thread(cluster.start)
            await check_recovery(scene, emma)
            await emma.submit()
            await emma.wait_for_message(MARKETING, "was created")
            await emma.close()
            await check_requests_can_be_approved(scene, *list_request_messages(scene, await scene.pending_changes()))
            assert len(scene.writes) == len(await scene.changes()) == REQUESTS + 1


def move_log(cluster: Cluster, disk: Disk) -> None:
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


async def fill_log(database: Database) -> None:
    """Write to PostgreSQL's log until there is no room for more: it does not survive that, nor knows what it wrote."""
    with pytest.raises(errors.DependencyError) as fault:
        await write_forever(database)
    assert fault.value.text.key in {"fault.database", "fault.database_unsure"}


async def write_forever(database: Database) -> None:
    """Begin one segment of the log after the other."""
    while True:
        async with database.write() as connection:
            await connection.execute(text("SELECT pg_logical_emit_message(true, '', 'used up'), pg_switch_wal()"))


async def is_down(cluster: Cluster) -> bool:
    """Check whether PostgreSQL has stopped."""
    return not (cluster.folder / "data" / "postmaster.pid").exists()
