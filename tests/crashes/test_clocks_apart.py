"""Processes on one database whose clocks differ: healthy work is left alone, abandoned work is taken over."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from tests.crashes.bot_processes import (
    RECOVERY_SECONDS,
    Deployment,
    NewDatabase,
    eventually,
    flow_fields,
    hold_at_enkapush,
    new_deployment,
    open_form,
    run_all,
)
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import wait_for_status
from tests.journeys.world import MARKETING

APART: Final = 30.0
FAR: Final = 80 * 3600.0
SLOW: Final = 8.0
"""Seconds that Enkapush takes for a write: far more than a lease lasts."""
SLOW_POST: Final = 1.0
"""Seconds that Slack takes for the message, in which another process may see that it is missing."""
TAKEN_OVER: Final = "recovery.taken_over"
NAME: Final = "Autumn sale"


def list_deletes(deployment: Deployment) -> list[str]:
    """List the paths of the deletions that Enkapush got."""
    return [record.path for record in deployment.enkapush.requests if record.method == "DELETE"]


async def delete_slowly(deployment: Deployment, *, worker_ahead: float, observer_ahead: float) -> None:
    """Let one process delete a flow, slowly, while another with another clock looks for abandoned work."""
    observer = await deployment.start(ahead=observer_ahead)
    worker = await deployment.start(ahead=worker_ahead)
    flow = add_flow(deployment.world)
    deployment.slack.faults.add("chat.postMessage", delay=SLOW_POST)
    await deployment.emma.send(MARKETING, f"/flows delete {flow}")
    request = await deployment.world.burak.wait_for_message(MARKETING, "Approve")
    deployment.enkapush.faults.add(Fault.delay(SLOW, method="DELETE"))
    await deployment.world.burak.click(request, "Approve")
    await eventually(lambda: list_deletes(deployment))
    await asyncio.sleep(SLOW)
    await wait_for_status(deployment.world, request, "Applied")
    assert len(list_deletes(deployment)) == 1
    seen = await deployment.emma.list_messages(MARKETING)
    assert [message.ts for message in seen if not message.is_ephemeral] == [request.ts]
    assert TAKEN_OVER not in observer.log + worker.log


async def take_over_from_a_killed_one(deployment: Deployment, *, worker_ahead: float, next_ahead: float) -> None:
    """Kill a process while it creates a flow, and start one with another clock."""
    first = await deployment.start(ahead=worker_ahead)
    await open_form(deployment.emma, "/flows create")
    held = hold_at_enkapush(Fault.hang(method="GET", path="/flows"))(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    await first.kill()
    deployment.heal()
    second = await deployment.start(ahead=next_ahead)
    await deployment.emma.wait_for_message(MARKETING, "was created", timeout=second.seconds_left)
    assert len(deployment.list_flows(NAME)) == 1
    assert RECOVERY_SECONDS > second.seconds_left > 0


@pytest.mark.postgresql
async def test_processes_whose_clocks_differ_take_no_healthy_work_from_each_other(
    new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    async def run(name: str, worker: float, observer: float) -> None:
        async with new_deployment(new_postgresql, tmp_path / name) as deployment:
            await delete_slowly(deployment, worker_ahead=worker, observer_ahead=observer)

    await run_all({"worker ahead": run("a", APART, 0.0), "observer ahead": run("b", 0.0, APART)})


async def test_what_a_killed_process_left_is_taken_over_whatever_its_clock_was(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    async def run(name: str, worker: float, following: float) -> None:
        async with new_deployment(new_database, tmp_path / name) as deployment:
            await take_over_from_a_killed_one(deployment, worker_ahead=worker, next_ahead=following)

    await run_all({"ahead": run("a", FAR, 0.0), "behind": run("b", 0.0, FAR)})
