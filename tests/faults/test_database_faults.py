"""The database is locked, restarted, full or busy: nothing that was kept is lost, and nothing is done twice."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from flowbot.domain.change import ChangeState
from flowbot.domain.policy import ChannelPolicy
from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import ClientError, Message, SandboxPerson, text_of
from flowbot.services.policy_setup import PolicySetup
from flowbot.slack import runner
from flowbot.slack.forms.flow import submission
from flowbot.slack.listeners import policy_form
from flowbot.storage import engine
from flowbot.storage.migrations import upgrade
from flowbot.storage.unit_of_work import Database
from flowbot.worker import recovery
from tests.conftest import PostgresqlServer, new_cluster
from tests.faults.fault_checks import (
    Scene,
    check_recovery,
    eventually,
    lock_sqlite,
    new_scene,
    only_change,
    read_database_state,
    type_and_read,
    wait_until_closed,
)
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, field_errors, open_form
from tests.journeys.request_steps import request_change
from tests.journeys.setup_steps import fill_steps, open_setup
from tests.journeys.world import APPROVALS, MARKETING

REQUESTS: Final = 6
NOT_NOW: Final = "veritabanına ulaşamıyor"
GOES_ON: Final = "Düzelince tamamlayacağız"
NOT_KEPT: Final = "what you typed is still here"
FULL: Final = "disk is full"
BUSY_MS: Final = 500
ENOUGH_SECONDS: Final = 30
UNLIMITED_PAGES: Final = 1073741823
LONG: Final = "More than a page of the file holds. " * 80


@pytest.fixture(autouse=True)
def max_pages() -> Iterator[dict[str, int]]:
    """Limit the pages of SQLite's file, set at every BEGIN. The listener stays while transactions are under way."""
    limit = {"pages": UNLIMITED_PAGES}

    def set_limit(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA max_page_count = {limit['pages']}")

    event.listen(Engine, "begin", set_limit)
    yield limit
    event.remove(Engine, "begin", set_limit)


@pytest.fixture
async def scene(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Run a bot of this test's own on SQLite, with short waits."""
    monkeypatch.setattr(engine, "_SQLITE_BUSY_MS", BUSY_MS)
    monkeypatch.setattr(engine, "_POOL_WAIT_S", BUSY_MS / 1000)
    for room in (runner, submission, policy_form):
        # Where nothing is slow on purpose, a busy machine is no fault.
        monkeypatch.setattr(room, "ACK_SECONDS", ENOUGH_SECONDS)
    async with new_scene(sqlite_url, timeouts=Timeouts()) as scene:
        yield scene


async def check_request_can_be_approved(scene: Scene) -> None:
    """Check that the request that went through the fault is as good as any other."""
    message = scene.world.slack.workspace.find_message(APPROVALS, (await only_change(scene)).message_ts or "")
    assert message is not None
    await scene.world.burak.click(message, "Approve")
    await wait_until_closed(scene)
    ended = await check_recovery(scene, scene.world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]


@asynccontextmanager
async def take_all_connections(database: Database) -> AsyncIterator[None]:
    """Take every connection of this process's pool."""
    async with AsyncExitStack() as stack:
        for _ in range(engine._SQLITE_READERS):
            await stack.enter_async_context(database._reader.connect())
        await stack.enter_async_context(database._writer.connect())
        yield


async def check_requests_fail(scene: Scene, request: Message) -> None:
    """Check that whoever requests or decides is told that it was not stored."""
    burak = scene.world.burak
    flow = add_flow(scene.world)
    await type_and_read(scene, scene.world.emma, f"/flows enable {flow}", "can't reach its database")
    await burak.click(request, "Approve")
    await burak.wait_until(lambda: any(NOT_NOW in text for text in scene.texts_for(burak)))


async def check_form_fails(scene: Scene, said: str = NOT_KEPT) -> None:
    """Check that whoever saves is told that it was not stored, with the form still open."""
    emma = scene.world.emma
    submitted = await emma.submit(REQUIRED_FIELDS | {"Title": LONG, "Description": LONG})
    assert said in str(field_errors(emma, submitted.errors))
    assert scene.writes == []


@asynccontextmanager
async def break_database(scene: Scene, how: str, max_pages: dict[str, int]) -> AsyncIterator[None]:
    """Break the database for the block."""
    async with AsyncExitStack() as stack:
        if how == "locked":
            await stack.enter_async_context(lock_sqlite(scene.url))
        elif how == "full":
            max_pages["pages"] = 1
            stack.callback(max_pages.update, pages=UNLIMITED_PAGES)
        else:
            await stack.enter_async_context(take_all_connections(scene.bots_database))
        yield


@pytest.mark.parametrize("how", ["locked", "full", "busy"])
async def test_what_cannot_be_kept_is_said_at_once_and_works_later_without_a_restart(
    scene: Scene, how: str, max_pages: dict[str, int]
) -> None:
    emma, burak = scene.world.emma, scene.world.burak
    request = await request_change(scene.world)
    await open_form(emma, "/flows create")
    async with break_database(scene, how, max_pages):
        await check_form_fails(scene, FULL if how == "full" else NOT_KEPT)
        if how != "full":
            # A vote is small enough to find a place in a full file.
            await check_requests_fail(scene, request)
    await check_recovery(scene, emma)
    await emma.submit()
    await emma.wait_for_message(MARKETING, "was created")
    await emma.close()
    await burak.click(request, "Approve")
    await wait_until_closed(scene)
    ended = await check_recovery(scene, emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED, ChangeState.APPLIED]
    assert len(scene.writes) == 2


async def test_a_file_that_was_moved_away_is_said_and_the_rounds_come_more_rarely(scene: Scene) -> None:
    file = Path(scene.url.removeprefix("sqlite:///"))
    request = await request_change(scene.world)
    with capture_logs() as logs:
        moved = shutil.move(file, file.with_name("moved.db"))
        assert await read_database_state(scene) == "unusable"
        await type_and_read(scene, scene.world.emma, "/flows list", "can't use its database,")
        await asyncio.sleep(20 * recovery.ROUND_SECONDS)
        shutil.move(moved, file)
    rounds = [line for line in logs if line["event"] == "recovery.fault" and line["step"] == "round"]
    assert 1 <= len(rounds) <= 6
    assert str(file) in rounds[0]["cause"]
    await check_recovery(scene, scene.world.emma)
    await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)


def lose_answer(connection: Connection) -> None:
    """Lose the answer to a commit, unless the transaction is read-only."""
    if connection.dialect.name == "sqlite":
        is_read_only = connection.exec_driver_sql("PRAGMA query_only").scalar()
    else:
        is_read_only = connection.get_execution_options().get("postgresql_readonly")
    if not is_read_only:
        raise OperationalError("COMMIT", {}, Exception("gone"))


@asynccontextmanager
async def break_commits(scene: Scene, how: str, room: ModuleType) -> AsyncIterator[None]:
    """Let nothing be stored that a form of this room submits, or lose the answer to its commit."""
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        if how == "without an answer":
            event.listen(Engine, "commit", lose_answer)
            stack.callback(event.remove, Engine, "commit", lose_answer)
        elif how == "a slip of flowbot's":
            # Captured, since to render the traceback takes longer than Slack waits while the machine is busy.
            stack.enter_context(capture_logs())
            patch.setattr(PolicySetup, "require_workable", fail)
        else:
            await stack.enter_async_context(lock_sqlite(scene.url))
        if how == "slow":
            patch.setattr(room, "ACK_SECONDS", BUSY_MS / 5000)
        yield


@pytest.mark.parametrize("how", ["slow", "without an answer"])
async def test_a_form_of_which_it_is_not_certain_that_it_is_kept_is_done_once_when_it_is_sent_again(
    scene: Scene, how: str
) -> None:
    emma = scene.world.emma
    await open_form(emma, "/flows create")
    async with break_commits(scene, how, submission):
        submitted = await emma.submit(REQUIRED_FIELDS)
    assert "This form may or may not have been saved" in str(field_errors(emma, submitted.errors))
    await emma.submit()
    await emma.wait_for_message(MARKETING, "was created")
    await emma.close()
    ended = await check_recovery(scene, emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]


@pytest.mark.parametrize("how", ["locked", "slow", "without an answer"])
async def test_a_reason_that_is_not_kept_for_certain_stays_in_its_form_and_counts_once(scene: Scene, how: str) -> None:
    burak = scene.world.burak
    request = await request_change(scene.world)
    await burak.click(request, "Reject")
    await burak.wait_for_view(lambda view: view.callback_id == "changes.reason")
    (label,) = burak.list_fields()
    async with break_commits(scene, how, runner):
        (said,) = (await burak.submit({label: "Not before the sale"})).errors.values()
    assert ("yazdıklarınız burada duruyor" if how == "locked" else "kaydedilmiş de olabilir") in said
    assert (await burak.submit()).errors == {}
    await wait_until_closed(scene)
    ended = await check_recovery(scene)
    assert [change.state for change in ended.values()] == [ChangeState.REJECTED]


UNSAVED: Final = {
    "locked": "Nothing was saved",
    "slow": "This form may or may not have been saved",
    "without an answer": "This form may or may not have been saved",
    "a slip of flowbot's": "Something went wrong inside flowbot",
}


@pytest.mark.parametrize("how", UNSAVED)
async def test_a_policy_that_is_not_saved_for_certain_stays_in_its_form_and_is_saved_later(
    scene: Scene, how: str
) -> None:
    deniz = scene.world.deniz
    await open_setup(deniz, MARKETING)
    assert await fill_steps(deniz, {"Expiry in hours": "48"}) is None
    async with break_commits(scene, how, policy_form):
        (said,) = (await deniz.submit()).errors.values()
    assert UNSAVED[how] in said
    assert (await deniz.submit()).errors == {}
    assert deniz.view is not None
    assert "Saved" in text_of(deniz.view)
    await check_recovery(scene)


async def fail(_setup: PolicySetup, _wanted: ChannelPolicy) -> None:
    raise RuntimeError("nobody thought of this")


async def test_a_message_that_was_posted_but_could_not_be_noted_is_not_posted_twice(scene: Scene) -> None:
    flow = add_flow(scene.world)
    scene.world.slack.faults.add("chat.postMessage", delay=0.3)
    answer = asyncio.create_task(type_and_read(scene, scene.world.emma, f"/flows enable {flow}", "^Saved"))
    await eventually(scene.pending_changes, "the request waits")
    async with lock_sqlite(scene.url):
        await answer
    await check_recovery(scene, scene.world.emma)
    await check_request_can_be_approved(scene)


async def test_what_was_written_while_its_outcome_could_not_be_kept_is_not_written_again(scene: Scene) -> None:
    request = await request_change(scene.world)
    change = await only_change(scene)
    scene.world.enkapush.faults.add(Fault.hang(method="GET", path=f"/flows/{change.request.flow}", skip=1))
    await scene.world.burak.click(request, "Approve")
    await eventually(lambda: _written(scene), "Enkapush was written to")
    async with lock_sqlite(scene.url):
        scene.world.enkapush.release()
        burak = scene.world.burak
        await burak.wait_until(lambda: any(GOES_ON in text for text in scene.texts_for(burak)))
    await check_recovery(scene, scene.world.emma)
    assert len(scene.writes) == 1


async def _written(scene: Scene) -> object:
    return scene.writes


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


async def press(person: SandboxPerson, request: Message) -> None:
    """Press a button, whatever comes of it."""
    try:
        await person.click(request, "Approve")
    except ClientError:
        pytest.fail("a click was not acknowledged")


@pytest.mark.long
@pytest.mark.postgresql
async def test_a_postgresql_that_is_restarted_under_load_loses_no_vote_and_applies_nothing_twice() -> None:
    with new_cluster("scram-sha-256") as cluster, PostgresqlServer(cluster.url).new_database() as name:
        url = PostgresqlServer(cluster.url).url_of(name)
        await asyncio.to_thread(upgrade, url)
        async with new_scene(url, timeouts=Timeouts()) as scene:
            requests = [await request_change(scene.world) for _ in range(REQUESTS)]
            restart = asyncio.create_task(asyncio.to_thread(_restart, cluster))
            for request in requests:
                await press(scene.world.burak, request)
                await asyncio.sleep(0.05)
            await restart
            await check_recovery(scene)
            for change in await scene.changes():
                if change.state is ChangeState.PENDING:
                    message = scene.world.slack.workspace.find_message(APPROVALS, change.message_ts or "")
                    assert message is not None
                    await press(scene.world.burak, message)
            await wait_until_closed(scene)
            ended = await check_recovery(scene, scene.world.emma)
            assert [change.state for change in ended.values()] == [ChangeState.APPLIED] * REQUESTS


def _restart(cluster: Any) -> None:
    cluster.stop()
    cluster.start()
