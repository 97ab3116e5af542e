"""Several processes on one database: killed, frozen, stopped, and asked the same thing at the same moment."""

import asyncio
import time
from pathlib import Path

import pytest

from flowbot.sandbox.enkapush import Fault
from tests.crashes.bot_processes import (
    RECOVERY_SECONDS,
    Arena,
    NewDatabase,
    Process,
    all_of,
    arena,
    at_enkapush,
    at_slack,
    eventually,
    opens,
    sends_to_all,
    wanted,
)
from tests.journeys.world import MARKETING

NAME = "Autumn sale"
CREATED = "was created"
SECONDS_TO_STOP = 10

CATALOG = at_enkapush(Fault.hang(method="GET", path="/flows"))


def one_flow_told_once(here: Arena) -> None:
    assert len(here.named(NAME)) == 1
    assert len(here.told(here.emma)) == 1
    assert here.told(here.emma, CREATED)


async def two(here: Arena) -> tuple[Process, Process]:
    """Two processes; Slack delivers to the second."""
    other = await here.starts()
    return await here.starts(), other


async def killed_while_the_other_lives(here: Arena) -> None:
    first, _ = await two(here)
    await opens(here.emma, "/flows create")
    held = CATALOG(here)
    await here.emma.submit(wanted(NAME))
    await eventually(held)
    await first.killed()
    here.heals()
    await here.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


async def frozen_while_it_asks(here: Arena) -> None:
    """The other one takes over; the frozen one must not send when it wakes."""
    first, _ = await two(here)
    await opens(here.emma, "/flows create")
    held = CATALOG(here)
    await here.emma.submit(wanted(NAME))
    await eventually(held)
    first.freezes()
    await here.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)
    here.heals()
    first.thaws()
    await first.finishes()


async def frozen_while_it_sends(here: Arena) -> None:
    """What the frozen one has sent is found by the other one."""
    first, _ = await two(here)
    await opens(here.emma, "/flows create")
    held = at_enkapush(Fault.hang(after_effect=True, method="POST", path="/flows"))(here)
    await here.emma.submit(wanted(NAME))
    await eventually(held)
    first.freezes()
    await here.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)
    here.heals()
    first.thaws()
    await first.finishes()


async def lease_lost_while_enkapush_is_slow(here: Arena) -> None:
    first, _ = await two(here)
    await opens(here.emma, "/flows create")
    held = CATALOG(here)
    await here.emma.submit(wanted(NAME))
    await eventually(held)
    # Long enough for the first one to notice; were it free at once, the first one might take it again itself.
    await here.executes("UPDATE changes SET lease_owner = 'nobody', lease_until = now() + interval '1.5 seconds'")
    await here.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)
    here.heals()
    await first.finishes()


async def sent_twice_to_both(here: Arena) -> None:
    processes = await two(here)
    await opens(here.emma, "/flows create")
    here.enkapush.faults.add(Fault.delay(0.3, method="POST", path="/flows"))
    await here.emma.submit(wanted(NAME))
    await sends_to_all(here, processes * 3)
    await here.emma.wait_for_message(MARKETING, CREATED)


async def told_by_one_of_two(here: Arena) -> None:
    """Both see that a killed one left somebody untold."""
    first = await here.starts()
    await opens(here.emma, "/flows create")
    held = at_slack("views.update")(here)
    await here.emma.submit(wanted(NAME))
    await eventually(held)
    await first.killed()
    here.heals()
    here.slack.faults.add("chat.postEphemeral", delay=1.0, times=None)
    await asyncio.gather(here.starts(), here.starts())
    await here.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


async def asked_to_stop_in_the_middle(here: Arena) -> None:
    """What is in hand is finished first."""
    first, _ = await two(here)
    await opens(here.emma, "/flows create")
    here.enkapush.faults.add(Fault.delay(1, method="POST", path="/flows"))
    await here.emma.submit(wanted(NAME))
    await eventually(lambda: not here.enkapush.faults.pending)
    since = first.asked_to_stop()
    assert await first.ended() == 0
    assert time.monotonic() - since < SECONDS_TO_STOP
    assert here.told(here.emma, CREATED)


async def asked_to_stop_while_enkapush_hangs(here: Arena) -> None:
    """What cannot be finished in time is handed over."""
    first, _ = await two(here)
    await opens(here.emma, "/flows create")
    held = at_enkapush(Fault.hang(after_effect=True, method="POST", path="/flows"))(here)
    await here.emma.submit(wanted(NAME))
    await eventually(held)
    since = first.asked_to_stop()
    assert await first.ended() == 0
    assert time.monotonic() - since < SECONDS_TO_STOP
    here.heals()
    await here.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


SCENES = (
    killed_while_the_other_lives,
    frozen_while_it_asks,
    frozen_while_it_sends,
    lease_lost_while_enkapush_is_slow,
    sent_twice_to_both,
    told_by_one_of_two,
    asked_to_stop_in_the_middle,
    asked_to_stop_while_enkapush_hangs,
)


@pytest.mark.postgresql
async def test_whatever_becomes_of_one_process_there_is_one_flow_and_its_author_is_told_once(
    new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    async def run(number: int) -> None:
        async with arena(new_postgresql, tmp_path / str(number)) as here:
            await SCENES[number](here)
            await here.all_told(5)
            one_flow_told_once(here)

    await all_of({scene.__name__: run(number) for number, scene in enumerate(SCENES)})


async def test_a_process_that_was_frozen_alone_goes_on_with_what_it_has_in_hand(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async def frozen(number: int) -> None:
        async with arena(new_sqlite, tmp_path / str(number)) as here:
            process = await here.starts()
            await opens(here.emma, "/flows create")
            held = CATALOG(here)
            await here.emma.submit(wanted(NAME))
            await eventually(held)
            process.freezes()
            await here.the_lease(is_over=True)
            process.thaws()
            await here.the_lease(is_over=False)
            here.heals()
            await here.emma.wait_for_message(MARKETING, CREATED)
            await here.all_told(5)
            one_flow_told_once(here)

    await all_of({f"frozen {number}": frozen(number) for number in range(3)})
