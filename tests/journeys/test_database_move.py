"""From SQLite to PostgreSQL by one command, in the midst of a team's work; and back from an old backup."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from flowbot.diagnostics.checks import find_problems
from flowbot.sandbox.slack import text_of
from flowbot.services.setup_findings import Finding
from tests.journeys.form_steps import PNG, open_form, wait_for_result
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_status,
)
from tests.journeys.test_cli import Environment, run, run_in_thread
from tests.journeys.test_cli import environment as environment  # noqa: PLC0414 - a fixture
from tests.journeys.world import APPROVALS, World


@asynccontextmanager
async def run_bot(world: World) -> AsyncIterator[None]:
    """Run a bot that is gone at the end."""
    async with AsyncExitStack() as stack:
        whole, world.stack = world.stack, stack
        try:
            await world.start_http()
            yield
        finally:
            world.stack = whole


def use_database(world: World, url: str) -> None:
    world.settings = world.settings.model_copy(update={"database_url": SecretStr(url)})


@pytest.mark.postgresql
async def test_a_team_goes_on_where_it_was_after_the_move(
    world: World, environment: Environment, tmp_path: Path, empty_postgresql_url: str
) -> None:
    await world.import_policy(approval_policy("quorum = 1"))
    async with run_bot(world):
        applied = await request_change(world, by=world.ayse)
        await world.burak.click(applied, "Onayla")
        await wait_for_status(world, applied, "Uygulandı")
        rejected = await request_change(world, "delete")
        await world.burak.click(rejected, "Reject")
        await submit_reason(world.burak, "Şimdi değil, ılık bir gün bekleyelim.")
        await wait_for_status(world, rejected, "Rejected")
        pending = await request_change(world, f"enable {_add_flow(world)} İndirim başladı")
        await open_form(world.emma, "/flows create")
        made = {"Title": "Görsel", "Description": "Şık", "Image": world.emma.upload("görsel.png", PNG)}
        await world.emma.submit({"Name": "Görselli", **made})
        await wait_for_result(world.emma, "was created")
        await open_form(world.ayse, "/flows create")
        assert world.ayse.view
        await world.ayse.choose(world.ayse.view, "Ad", "Çıkmamış taslak")
    before = await read_audit_trail(world)
    target = environment | {"DATABASE_URL": empty_postgresql_url}
    status, out, err = await run_in_thread(target, tmp_path, "copy", environment["DATABASE_URL"])
    assert (status, err) == (0, "")
    assert f"events: {len(before)}\n" in out
    use_database(world, empty_postgresql_url)
    assert await read_audit_trail(world) == before
    assert WAITING in text_of(pending)
    async with run_bot(world):
        await world.burak.click(pending, "Approve")
        await wait_for_status(world, pending, "Applied")
        await open_form(world.ayse, "/flows create")
        assert world.ayse.read_field("Ad") == "Çıkmamış taslak"
    numbers = [event["number"] for event in await read_audit_trail(world)]
    assert len(numbers) > len(before)
    assert numbers == sorted(set(numbers))


def _add_flow(world: World) -> int:
    return int(world.enkapush.store.add_flow(website_id=1, name="Yaz", title="Yaz geldi", description="Bak").id)


async def test_an_old_backup_sends_nothing_twice(world: World, tmp_path: Path) -> None:
    await world.import_policy(approval_policy())
    file = Path(world.settings.database_url.get_secret_value().removeprefix("sqlite:///"))
    async with run_bot(world):
        request = await request_change(world)
        with closing(sqlite3.connect(file)) as live:
            live.execute("VACUUM INTO ?", [str(tmp_path / "backup.db")])
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Applied")
    writes = _count_writes(world)
    use_database(world, f"sqlite:///{tmp_path / 'backup.db'}")
    async with run_bot(world):
        await world.burak.open_home()
        home = await world.burak.wait_for_home(lambda view: "Onayla" in world.burak.list_buttons(view))
        await world.burak.click(home, "Onayla")
        await world.deniz.wait_for_message(APPROVALS, "Out of date")
    assert _count_writes(world) == writes


def _count_writes(world: World) -> int:
    return len([record for record in world.enkapush.requests if record.method != "GET"])


@pytest.mark.long
async def test_other_programs_leave_the_file_of_a_running_flowbot_alone(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    looked = asyncio.Event()

    async def read_findings() -> list[Finding]:
        try:
            return await find_problems(world.settings)
        finally:
            looked.set()

    world.read_findings = read_findings
    await world.import_policy(approval_policy())
    async with run_bot(world):
        await request_change(world)
        await world.deniz.open_home()
        await asyncio.wait_for(looked.wait(), 10)
        assert (await run(environment, tmp_path, "policy", "export"))[0] == 0
        copied = environment | {"DATABASE_URL": f"sqlite:///{tmp_path}/copy.db"}
        assert "is in use" in (await run(copied, tmp_path, "copy", environment["DATABASE_URL"]))[2]
        await request_change(world, f"enable {_add_flow(world)}")
    assert [event["action"] for event in await read_audit_trail(world)].count("change.pending") == 2
