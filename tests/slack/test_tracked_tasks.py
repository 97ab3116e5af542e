"""Work that goes on after Slack was answered, at a stop."""

import asyncio

import pytest

from flowbot.slack.tracked_tasks import TrackedTasks


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


async def test_what_takes_too_long_is_not_waited_for_even_where_it_takes_its_time_to_be_cancelled() -> None:
    tasks, may_end = TrackedTasks(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    with pytest.raises(TimeoutError):
        await tasks.run_within(0.01, stubborn(), name="stubborn")
    assert len(tasks) == 1
    may_end.set()
    await tasks.drain(5)
    assert not tasks


async def test_what_a_cancelled_one_begins_in_its_end_is_ended_too() -> None:
    tasks, ended = TrackedTasks(), list[str]()

    async def endless(name: str, then: str = "") -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)
            if then:
                tasks.start(endless(then), name=then)

    tasks.start(endless("first", then="second"), name="first")
    await tasks.drain(0.01)
    assert ended[0] == "first"
    assert not tasks
