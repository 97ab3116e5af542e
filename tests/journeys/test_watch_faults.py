"""The watch where Enkapush answers late, partly or not at all, and where writes take effect late."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import Hang
from flowbot.sandbox.enkapush.responses import serialize_flow
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, open_form
from tests.journeys.late_steps import HOURS, MINUTES, NOT_KNOWN, delay_effect
from tests.journeys.request_steps import (
    approval_policy,
    request_change,
    speed_up,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.watch_steps import Watch, list_findings, wait_for_finding, watch_flows
from tests.journeys.world import MARKETING, World, on_both_databases

PAGE: Final = 1000
"""Flows of one answer."""


@pytest.fixture
async def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    """Start a bot that watches three flows."""
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    for name in ("Kept", "Winter sale", "Spring"):
        add_flow(world, name=name)
    async with watch_flows(world, monkeypatch) as watch:
        yield watch
    world.enkapush.release()


async def change_after(watched: Watch, after: float | None, what: str = "enable 1") -> Message:
    """Request a change of flow 1 and approve it; its effect comes later than flowbot looks for it."""
    world = watched.world
    request = await request_change(world, what)
    delay_effect(world, after)
    await world.burak.click(request, "Approve")
    return await wait_for_status(world, request, NOT_KNOWN)


def answer_list(world: World, *rows: Any, total: int | None = None, times: int | None = 1) -> None:
    """Let Enkapush answer these rows to whoever asks for its list."""
    meta = {"page": 1, "results_per_page": PAGE, "total": len(rows) if total is None else total, "total_pages": 1}
    body = json.dumps({"data": rows, "meta": meta})
    world.enkapush.faults.add(Fault.status(200, body, method="GET", path="/flows", times=times))


# --- late effects --------------------------------------------------------------------------------------------------


@on_both_databases
async def test_a_late_enable_of_flowbots_own_is_not_told(watched: Watch) -> None:
    world, after = watched.world, 20 * MINUTES
    request = await change_after(watched, after)
    await watched.make_round()
    world.time.ahead += after
    await watched.make_round()
    await wait_for_status(world, request, "Applied")
    await watched.make_round()
    assert list_findings(world) == []


async def test_what_differs_in_one_field_more_than_a_late_enable_is_told(watched: Watch) -> None:
    world = watched.world
    request = await change_after(watched, 20 * MINUTES)
    await watched.make_round()
    world.time.ahead += 20 * MINUTES
    world.enkapush.store.update_flow(1, title="Theirs")
    await watched.make_round()
    told = await wait_for_finding(world, "#1 Kept was enabled outside flowbot")
    assert "Old title → Theirs" in text_of(told)
    assert NOT_KNOWN in text_of(await wait_for_status(world, request, NOT_KNOWN))


async def test_an_enable_that_comes_after_a_day_was_made_outside(watched: Watch) -> None:
    world = watched.world
    request = await change_after(watched, None)
    world.time.ahead += 24 * HOURS
    await watched.make_round()
    world.enkapush.store.land_writes()
    await watched.make_round()
    await wait_for_finding(world, "#1 Kept was enabled outside flowbot")
    await wait_for_status(world, request, NOT_KNOWN)


async def test_a_write_that_is_under_way_while_flows_are_read_waits_for_the_next_reading(watched: Watch) -> None:
    world = watched.world
    request = await request_change(world, "enable 1")
    world.timeouts = None
    world.enkapush.faults.add(Fault.hang(method="GET", path="/flows/1", skip=1))
    await world.burak.click(request, "Approve")
    await wait_until(lambda: world.enkapush.store.flow(1).is_enabled)
    await watched.make_round()
    world.enkapush.release()
    await wait_for_status(world, request, "Applied")
    await watched.make_round(2)
    assert list_findings(world) == []


async def test_a_create_whose_end_is_not_known_is_not_told(watched: Watch) -> None:
    world = watched.world
    await open_form(world.emma, "/flows create")
    world.enkapush.faults.add(Fault.write(20 * MINUTES, path="/flows", answer=Hang()))
    await world.emma.submit(REQUIRED_FIELDS)
    await wait_for_private_message(world.emma, REQUIRED_FIELDS["Name"], MARKETING)
    await watched.make_round()
    world.time.ahead += 20 * MINUTES
    await watched.make_round()
    await wait_for_private_message(world.emma, "#4", MARKETING)
    other = add_flow(world, name="Somebody's")
    await watched.make_round(2)
    await wait_for_finding(world, f"#{other} Somebody's was created outside flowbot")
    assert len(list_findings(world)) == 1


# --- readings ------------------------------------------------------------------------------------------------------


async def test_a_flow_that_a_reading_lacks_or_shows_as_it_was_is_not_told(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    rows = [serialize_flow(store.flow(number), "") for number in (1, 2, 3)]
    broken = {**rows[1], "wait_time": "soon"}
    answer_list(world, rows[0], broken, rows[2])
    world.enkapush.faults.add(Fault.status(200, json.dumps({"data": broken}), method="GET", path="/flows/2"))
    await watched.make_round()
    assert not world.enkapush.faults.pending
    # It slips from a page that is read to one that was: twice, since such a list is read again.
    answer_list(world, rows[0], rows[2], total=3, times=2)
    await watched.make_round()
    assert not world.enkapush.faults.pending
    answer_list(world, {**rows[0], "title": "Stale"}, *rows[1:])
    await watched.make_round(2)
    store.update_flow(2, title="Theirs")
    world.enkapush.faults.add(Fault.status(500, "", method="GET", path="/flows/2", times=None))
    await watched.make_round()
    assert list_findings(world) == []
    world.enkapush.faults.clear()
    await watched.make_round()
    await wait_for_finding(world, "#2 Winter sale was changed outside flowbot")
    assert len(list_findings(world)) == 1
