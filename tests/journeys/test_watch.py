"""Changes made outside flowbot: told once, and flowbot's own never."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, open_form
from tests.journeys.late_steps import request_edit
from tests.journeys.request_steps import (
    approval_policy,
    request_change,
    speed_up,
    wait_for_status,
)
from tests.journeys.watch_steps import Watch, list_findings, wait_for_finding, watch_flows
from tests.journeys.world import MARKETING, World, on_both_databases


async def prepare(world: World, patch: pytest.MonkeyPatch) -> None:
    """Add two flows, and a policy of their websites."""
    speed_up(world, patch)
    await world.import_policy(approval_policy())
    add_flow(world, name="Kept")
    add_flow(world, name="Winter sale")


@pytest.fixture
async def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    """Start bots that watch two flows: two bots where PostgreSQL is used."""
    await prepare(world, monkeypatch)
    is_shared = world.settings.database_url.get_secret_value().startswith("postgresql")
    async with watch_flows(world, monkeypatch, processes=2 if is_shared else 1) as watch:
        yield watch
    world.enkapush.release()


@on_both_databases
async def test_what_is_changed_outside_is_told_once(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    await watched.make_round()
    assert list_findings(world) == []
    store.update_flow(2, title="Theirs")
    await watched.make_round()
    await wait_for_finding(world, "#2 Winter sale was changed outside flowbot")
    store.update_flow(1, is_enabled=True)
    new = add_flow(world, name="Theirs alone")
    await watched.make_round(2)
    await wait_for_finding(world, "#1 Kept was enabled outside flowbot")
    await wait_for_finding(world, f"#{new} Theirs alone was created outside flowbot")
    store.delete_flow(2)
    await watched.make_round(2)
    await wait_for_finding(world, "#2 Winter sale was deleted outside flowbot")
    assert len(list_findings(world)) == 3


@on_both_databases
async def test_what_flowbot_does_is_not_told(watched: Watch) -> None:
    world = watched.world
    for what in ("enable 1", "delete 2"):
        request = await request_change(world, what)
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Applied")
    await watched.make_round()
    request = await request_edit(world)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    await open_form(world.emma, "/flows create")
    await world.emma.submit(REQUIRED_FIELDS)
    await world.emma.wait_until(lambda: 3 in world.enkapush.store.flows)
    await watched.make_round(2)
    assert list_findings(world) == []


async def test_what_is_undone_outside_right_after_flowbot_did_it_is_told(watched: Watch) -> None:
    world = watched.world
    request = await request_change(world, "enable 2")
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    world.enkapush.store.update_flow(2, is_enabled=False)
    await watched.make_round(2)
    await wait_for_finding(world, "#2 Winter sale was disabled outside flowbot")
    assert len(list_findings(world)) == 1


async def test_a_finding_is_brought_up_to_date_and_ends_by_itself(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    store.update_flow(2, title="Theirs")
    await watched.make_round()
    await wait_for_finding(world, "Old title → Theirs")
    store.update_flow(2, title="Theirs again", is_enabled=True)
    await watched.make_round()
    await wait_for_finding(world, "#2 Winter sale was enabled outside flowbot")
    assert "Old title → Theirs again" in list_findings(world)[0]
    await world.ayse.send(MARKETING, "/flows disable 2")
    await world.ayse.wait_until(lambda: not store.flow(2).is_enabled)
    await watched.make_round()
    await wait_for_finding(world, "#2 Winter sale was changed outside flowbot")
    store.update_flow(2, title="Old title")
    await watched.make_round()
    await wait_for_finding(world, "as it was before")
    assert len(list_findings(world)) == 1


async def test_an_open_request_is_out_of_date_as_soon_as_a_change_is_seen(watched: Watch) -> None:
    world = watched.world
    request = await request_change(world, "enable 2")
    world.enkapush.store.update_flow(2, title="Theirs")
    await watched.make_round()
    await wait_for_status(world, request, "Out of date")
    await wait_for_finding(world, "#2 Winter sale was changed outside flowbot")
    again = await request_change(world, "enable 2")
    await watched.make_round(2)
    await world.burak.click(again, "Approve")
    await wait_for_status(world, again, "Applied")


async def test_a_restart_tells_nothing_twice_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(world, monkeypatch)
    async with AsyncExitStack() as world.stack, watch_flows(world, monkeypatch) as watch:
        world.enkapush.store.update_flow(2, title="Theirs")
        await watch.make_round()
        await wait_for_finding(world, "#2 Winter sale")
    world.enkapush.store.update_flow(1, title="Theirs too")
    async with AsyncExitStack() as world.stack, watch_flows(world, monkeypatch) as watch:
        await watch.make_round()
        await wait_for_finding(world, "#1 Kept")
        await watch.make_round()
        assert len(list_findings(world)) == 2
