"""Socket Mode's line is cut, falls silent, or is to be refreshed, while somebody asks, decides and waits."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

import pytest

from flowbot.domain.change import ChangeState
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack.delivery.socket import SocketModeServer
from tests.faults.fault_checks import Scene, check_recovery, eventually, new_scene
from tests.journeys.request_steps import request_change_and_wait, wait_for_status


async def close(line: SocketModeServer) -> None:
    await line.close()


async def cut(line: SocketModeServer) -> None:
    line.drop_all()


async def silence(line: SocketModeServer) -> None:
    line.go_silent()


TROUBLE: Final[Mapping[str, Callable[[SocketModeServer], Awaitable[None]]]] = {
    "closed": close,
    "cut": cut,
    "silent": silence,
    "to be refreshed": SocketModeServer.refresh,
    "warned of": SocketModeServer.send_disconnect,
}


@pytest.fixture
async def scene(sqlite_url: str) -> AsyncIterator[Scene]:
    """Run a bot of this test's own, in Socket Mode."""
    async with new_scene(sqlite_url, in_socket_mode=True) as scene:
        yield scene


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_what_was_under_way_ends_once_and_the_next_press_arrives(scene: Scene, trouble: str) -> None:
    world, line = scene.world, scene.world.slack.sockets
    first, second = await request_change_and_wait(world), await request_change_and_wait(world)
    before = list(line._connections)
    change = next(change for change in await scene.changes() if change.message_ts == first.ts)
    world.enkapush.faults.add(Fault.delay(0.1, method="POST", path=f"/flows/{change.request.flow}"))
    await world.burak.click(first, "Approve")
    await TROUBLE[trouble](line)
    await wait_for_status(world, first, "Applied")

    async def is_well() -> bool:
        alive = [each for each in line._connections if not each.socket.closed and not each.silent]
        return bool(alive) and len(alive) == len(line._connections) and (trouble == "warned of" or alive != before)

    await eventually(is_well, "there is a line again, and none but good ones")
    await world.burak.click(second, "Approve")
    await wait_for_status(world, second, "Applied")
    ended = await check_recovery(scene, world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED, ChangeState.APPLIED]
