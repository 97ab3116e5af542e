"""Several processes on one database: killed, frozen, stopped, and asked the same thing at the same moment."""

import asyncio
import time
from pathlib import Path

import pytest

from flowbot.sandbox.enkapush import Fault
from tests.crashes.bot_processes import (
    RECOVERY_SECONDS,
    Deployment,
    NewDatabase,
    Process,
    eventually,
    flow_fields,
    hold_at_enkapush,
    hold_at_slack,
    new_deployment,
    open_form,
    redeliver_to_all,
    run_all,
)
from tests.journeys.world import MARKETING

NAME = "Autumn sale"
CREATED = "was created"
SECONDS_TO_STOP = 10

HOLD_AT_LIST = hold_at_enkapush(Fault.hang(method="GET", path="/flows"))


def check_one_flow_told_once(deployment: Deployment) -> None:
    assert len(deployment.list_flows(NAME)) == 1
    assert len(deployment.private_messages(deployment.emma)) == 1
    assert deployment.private_messages(deployment.emma, CREATED)


async def start_two(deployment: Deployment) -> tuple[Process, Process]:
    """Start two processes; Slack delivers to the second."""
    other = await deployment.start()
    return await deployment.start(), other


async def kill_while_the_other_lives(deployment: Deployment) -> None:
    first, _ = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    held = HOLD_AT_LIST(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    await first.kill()
    deployment.heal()
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


async def freeze_while_it_reads(deployment: Deployment) -> None:
    """Check that the other one takes over, and that the frozen one does not send when it wakes."""
    first, _ = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    held = HOLD_AT_LIST(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    first.freeze()
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)
    deployment.heal()
    first.thaw()
    await first.finish()


async def freeze_while_it_sends(deployment: Deployment) -> None:
    """Check that the other one finds what the frozen one has sent."""
    first, _ = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    held = hold_at_enkapush(Fault.hang(after_effect=True, method="POST", path="/flows"))(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    first.freeze()
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)
    deployment.heal()
    first.thaw()
    await first.finish()


async def lose_lease_while_enkapush_is_slow(deployment: Deployment) -> None:
    first, _ = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    held = HOLD_AT_LIST(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    # Long enough for the first one to notice; were it free at once, the first one might take it again itself.
    await deployment.execute("UPDATE changes SET lease_owner = 'nobody', lease_until = now() + interval '1.5 seconds'")
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)
    deployment.heal()
    await first.finish()


async def redeliver_to_both(deployment: Deployment) -> None:
    processes = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    deployment.enkapush.faults.add(Fault.delay(0.3, method="POST", path="/flows"))
    await deployment.emma.submit(flow_fields(NAME))
    await redeliver_to_all(deployment, processes * 3)
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


async def tell_by_one_of_two(deployment: Deployment) -> None:
    """Let two processes see that a killed one left somebody without a message."""
    first = await deployment.start()
    await open_form(deployment.emma, "/flows create")
    held = hold_at_slack("views.update")(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    await first.kill()
    deployment.heal()
    deployment.slack.faults.add("chat.postEphemeral", delay=1.0, times=None)
    await asyncio.gather(deployment.start(), deployment.start())
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


async def stop_in_the_middle(deployment: Deployment) -> None:
    """Check that what is in hand is finished first."""
    first, _ = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    deployment.enkapush.faults.add(Fault.delay(1, method="POST", path="/flows"))
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(lambda: not deployment.enkapush.faults.pending)
    since = first.ask_to_stop()
    assert await first.wait_for_exit() == 0
    assert time.monotonic() - since < SECONDS_TO_STOP
    assert deployment.private_messages(deployment.emma, CREATED)


async def stop_while_enkapush_hangs(deployment: Deployment) -> None:
    """Check that what cannot be finished in time is handed over."""
    first, _ = await start_two(deployment)
    await open_form(deployment.emma, "/flows create")
    held = hold_at_enkapush(Fault.hang(after_effect=True, method="POST", path="/flows"))(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await eventually(held)
    since = first.ask_to_stop()
    assert await first.wait_for_exit() == 0
    assert time.monotonic() - since < SECONDS_TO_STOP
    deployment.heal()
    await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=RECOVERY_SECONDS)


SCENES = (
    kill_while_the_other_lives,
    freeze_while_it_reads,
    freeze_while_it_sends,
    lose_lease_while_enkapush_is_slow,
    redeliver_to_both,
    tell_by_one_of_two,
    stop_in_the_middle,
    stop_while_enkapush_hangs,
)


@pytest.mark.postgresql
async def test_whatever_becomes_of_one_process_there_is_one_flow_and_its_author_is_told_once(
    new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    async def run(number: int) -> None:
        async with new_deployment(new_postgresql, tmp_path / str(number)) as deployment:
            await SCENES[number](deployment)
            await deployment.wait_until_shown()
            check_one_flow_told_once(deployment)

    await run_all({scene.__name__: run(number) for number, scene in enumerate(SCENES)})


async def test_a_process_that_was_frozen_alone_goes_on_with_what_it_has_in_hand(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async def frozen(number: int) -> None:
        async with new_deployment(new_sqlite, tmp_path / str(number)) as deployment:
            process = await deployment.start()
            await open_form(deployment.emma, "/flows create")
            held = HOLD_AT_LIST(deployment)
            await deployment.emma.submit(flow_fields(NAME))
            await eventually(held)
            process.freeze()
            await deployment.wait_for_lease(is_over=True)
            process.thaw()
            await deployment.wait_for_lease(is_over=False)
            deployment.heal()
            await deployment.emma.wait_for_message(MARKETING, CREATED)
            await deployment.wait_until_shown()
            check_one_flow_told_once(deployment)

    await run_all({f"frozen {number}": frozen(number) for number in range(3)})
