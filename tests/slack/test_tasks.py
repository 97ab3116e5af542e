"""Work that goes on after Slack was answered, at a stop."""

import asyncio

from flowbot.slack.tasks import TrackedTasks


async def test_what_work_begins_on_its_way_is_waited_for_too() -> None:
    tasks, done = TrackedTasks(), asyncio.Event()

    async def second() -> None:
        await asyncio.sleep(0)
        done.set()

    async def first() -> None:
        await asyncio.sleep(0)
        tasks.start(second(), name="second")

    tasks.start(first(), name="first")
    await tasks.drain(5)
    assert done.is_set()
    assert not tasks


async def test_what_does_not_end_in_time_is_cancelled() -> None:
    tasks, ended = TrackedTasks(), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    tasks.start(endless(), name="endless")
    await tasks.drain(0.01)
    assert ended.is_set()
    assert not tasks
