"""The clock is put forward or back by an hour: nothing is applied twice, nothing is stuck, and expiry is honest."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from flowbot.domain.change import ChangeState
from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage import engine
from tests.faults.fault_checks import (
    Scene,
    check_recovery,
    eventually,
    lock_sqlite,
    new_scene,
    only_change,
    type_and_read,
)
from tests.journeys.form_steps import open_form
from tests.journeys.request_steps import list_replies, request_change, request_change_and_wait, wait_for_status

HOUR: Final = 3600.0
BUSY_MS: Final = 1000
both_ways: Final = pytest.mark.parametrize("moved", [HOUR, -HOUR], ids=["forward", "back"])


@pytest.fixture
async def scene(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Run a bot of this test's own."""
    monkeypatch.setattr(engine, "_SQLITE_BUSY_MS", BUSY_MS)
    async with new_scene(sqlite_url, timeouts=Timeouts()) as scene:
        yield scene


async def check_applied_once(scene: Scene) -> None:
    """Check that the one change is applied, once."""
    ended = await check_recovery(scene, scene.world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]
    assert len(scene.writes) == 1


async def has_writes(scene: Scene) -> bool:
    """Check whether Enkapush was written to."""
    return bool(scene.writes)


@both_ways
async def test_what_is_under_way_is_done_once(scene: Scene, moved: float) -> None:
    request = await request_change(scene.world)
    flow = (await only_change(scene)).request.flow
    scene.world.enkapush.faults.add(Fault.delay(0.15, method="POST", path=f"/flows/{flow}"))
    await scene.world.burak.click(request, "Approve")
    await eventually(lambda: has_writes(scene), "Enkapush is written to")
    scene.world.time.jumped += moved
    await wait_for_status(scene.world, request, "Applied")
    await check_applied_once(scene)


@both_ways
async def test_what_a_fault_left_behind_is_taken_up_again(scene: Scene, moved: float) -> None:
    request = await request_change(scene.world)
    flow = (await only_change(scene)).request.flow
    scene.world.enkapush.faults.add(Fault.hang(method="POST", path=f"/flows/{flow}"))
    await scene.world.burak.click(request, "Approve")
    await eventually(lambda: has_writes(scene), "Enkapush is written to")
    async with lock_sqlite(scene.url):
        scene.world.enkapush.release()
        await scene.world.burak.wait_until(lambda: scene.texts_for(scene.world.burak))
        scene.world.time.jumped += moved
    await check_applied_once(scene)


@both_ways
async def test_what_could_not_be_told_is_told_when_slack_is_back(scene: Scene, moved: float) -> None:
    request = await request_change(scene.world)
    scene.world.slack.faults.add("chat.update", status=503, times=None)
    await scene.world.burak.click(request, "Approve")
    await scene.world.burak.wait_until(lambda: scene.texts_for(scene.world.burak))
    scene.world.time.jumped += moved
    await check_applied_once(scene)


@both_ways
async def test_a_request_that_waits_goes_on_waiting_and_can_be_approved(scene: Scene, moved: float) -> None:
    request = await request_change(scene.world)
    scene.world.time.jumped += moved
    await scene.world.burak.click(request, "Approve")
    await wait_for_status(scene.world, request, "Applied")
    await check_applied_once(scene)


async def test_what_has_expired_stays_so_when_the_clock_is_put_back(scene: Scene) -> None:
    request = await request_change(scene.world)
    scene.world.time.ahead += 72 * HOUR
    over = await wait_for_status(scene.world, request, "Expired")
    scene.world.time.jumped -= HOUR
    assert scene.world.deniz.list_buttons(over) == []
    ended = await check_recovery(scene, scene.world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.EXPIRED]
    assert scene.writes == []


async def test_an_hour_too_early_nothing_expires_and_nobody_is_reminded_twice(scene: Scene) -> None:
    request = await request_change_and_wait(scene.world)

    def reminders() -> list[Message]:
        return list_replies(scene.world, request)

    scene.world.time.ahead += 18 * HOUR + 1
    await scene.world.deniz.wait_until(reminders)
    for moved in (-HOUR, HOUR, -HOUR):
        scene.world.time.jumped += moved
        await type_and_read(scene, scene.world.emma, "/flows approvals", "Needs your approval|waiting|Waiting")
    assert len(reminders()) == 1
    assert "Waiting for approval" in text_of(request)
    scene.world.time.ahead += 54 * HOUR
    await scene.world.burak.click(request, "Approve")
    await wait_for_status(scene.world, request, "Applied")
    await check_applied_once(scene)


@both_ways
async def test_what_was_typed_is_brought_back(scene: Scene, moved: float) -> None:
    emma = scene.world.emma
    await open_form(emma, "/flows create")
    view = emma.view
    assert view is not None
    emma.fill("Name", "Typed before")
    await emma.close()
    scene.world.time.jumped += moved
    await check_recovery(scene)
    await open_form(emma, "/flows create")
    assert emma.read_field("Name") == "Typed before"
    await emma.close()
