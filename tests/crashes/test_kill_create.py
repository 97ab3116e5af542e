"""A form for a new flow, and a kill at each step between its submit and its answer."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import ClientError, SandboxPerson, text_of
from flowbot.sandbox.slack.delivery import payloads
from flowbot.sandbox.slack.delivery.envelope import Envelope
from tests.crashes.bot_processes import (
    Deployment,
    NewDatabase,
    Step,
    check_reopened_form,
    eventually,
    flow_fields,
    hold_at_enkapush,
    hold_at_slack,
    hold_nowhere,
    kill_when_held,
    new_deployment,
    open_form,
    run_all,
    run_steps,
)
from tests.journeys.world import MARKETING

NAME = "Spring sale"
CREATED = "was created"
UNKNOWN = "doesn't show in Enkapush yet"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)  # fmt: skip

hang = Fault.hang
STEPS = (
    Step("at once after the answer", hold_nowhere, CREATED),
    Step("before the newest flow is known", hold_at_enkapush(hang(method="GET", path="/flows")), CREATED),
    Step("sent, and lost on the way", hold_at_enkapush(hang(method="POST", path="/flows")), UNKNOWN, is_done=False),
    Step(
        "sent, and made after the kill",
        hold_at_enkapush(hang(outlives_sender=True, method="POST", path="/flows")),
        CREATED,
    ),
    Step("made, and not answered", hold_at_enkapush(hang(after_effect=True, method="POST", path="/flows")), CREATED),
    Step("made, and not read back", hold_at_enkapush(hang(method="GET", path="/flows/*")), CREATED),
    Step("settled, and not shown in the form", hold_at_slack("views.update"), CREATED),
    Step("settled, and not told", hold_at_slack("chat.postEphemeral"), CREATED),
    Step(
        "killed again while it looks for what was made",
        hold_at_enkapush(hang(after_effect=True, method="POST", path="/flows")),
        CREATED,
        again=hold_at_enkapush(hang(method="GET", path="/flows")),
    ),
    Step(
        "killed again before it is told",
        hold_at_slack("views.update"),
        CREATED,
        again=hold_at_slack("chat.postEphemeral"),
    ),
)
ON_POSTGRESQL = {"at once after the answer", "sent, and lost on the way", "settled, and not told"}
"""The steps are the same; what may differ is how leases and the latch are kept."""


async def check_kill(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    await open_form(deployment.emma, "/flows create")
    held = step.hold(deployment)
    assert (await deployment.emma.submit(flow_fields(NAME))).response_action == "update"
    last = await kill_when_held(deployment, step, held, first)
    message = await deployment.emma.wait_for_message(MARKETING, step.says, timeout=last.seconds_left)
    await deployment.wait_until_shown()
    assert len(deployment.list_flows(NAME)) == step.is_done
    assert len(deployment.private_messages(deployment.emma)) == 1
    if step.is_done:
        await check_no_draft(deployment)
    else:
        assert f"“{NAME}”" in text_of(message)
        await check_reopened_form(deployment, deployment.emma, message, NAME)


async def check_no_draft(deployment: Deployment) -> None:
    """Check that what was saved is not brought back into the next form."""
    await deployment.emma.close(everything=True)
    await open_form(deployment.emma, "/flows create")
    assert deployment.emma.read_field("Name") in {None, ""}


async def test_a_kill_at_any_step_makes_one_flow_or_tells_what_is_not_known(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    steps = [step for step in STEPS if step.name in ON_POSTGRESQL]
    await run_steps(steps, check_kill, new_postgresql, tmp_path)


# --- before it is kept ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def lock_database(deployment: Deployment) -> AsyncIterator[None]:
    """Lock the database by another program, so that nobody can write a change."""
    if deployment.is_postgresql:
        async with await psycopg.AsyncConnection.connect(deployment.database) as locker:
            await locker.execute("LOCK TABLE changes IN EXCLUSIVE MODE")
            yield
            await locker.rollback()
        return
    locking = sqlite3.connect(deployment.database.removeprefix("sqlite:///"), isolation_level=None)
    try:
        locking.execute("BEGIN IMMEDIATE")
        yield
        locking.execute("ROLLBACK")
    finally:
        locking.close()


async def test_a_form_that_was_not_acknowledged_stays_open_and_can_be_sent_again(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    async with new_deployment(new_database, tmp_path / "deployment") as deployment:
        first = await deployment.start()
        await open_form(deployment.emma, "/flows create")
        async with lock_database(deployment):
            submitting = asyncio.create_task(deployment.emma.submit(flow_fields(NAME)))
            await asyncio.wait({submitting}, timeout=0.3)
            await first.kill()
            with pytest.raises(ClientError, match="dispatch_failed"):
                await submitting
        await deployment.start()
        assert deployment.emma.read_field("Name") == NAME
        assert (await deployment.emma.submit()).response_action == "update"
        await deployment.emma.wait_for_message(MARKETING, CREATED)
        await deployment.wait_until_shown()
        assert len(deployment.list_flows(NAME)) == 1
        assert len(deployment.private_messages(deployment.emma)) == 1


# --- several forms -------------------------------------------------------------------------------------------------


async def test_a_picture_that_was_not_fetched_yet_is_fetched_by_the_next_process(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with new_deployment(new_sqlite, tmp_path / "deployment") as deployment:
        first = await deployment.start()
        view = await open_form(deployment.emma, "/flows create")
        for label, value in flow_fields(NAME).items():
            deployment.emma.fill(label, value)
        deployment.emma.fill("Image", deployment.emma.upload("sale.png", PNG))
        payload = payloads.build_view_submission(deployment.slack.context, deployment.emma.person, view)
        for entries in payload["view"]["state"]["values"].values():
            for entry in entries.values():
                for file in entry.get("files") or ():
                    file.pop("url_private_download")
                    file.pop("url_private", None)
        fault = deployment.slack.faults.add("files.info", hang=True, times=2)
        delivery = await deployment.slack.dispatcher.deliver(Envelope("interactive", "view_submission", payload))
        assert delivery.json()["response_action"] == "update"
        await eventually(lambda: fault.times == 0)
        await first.kill()
        deployment.heal()
        last = await deployment.start()
        await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=last.seconds_left)
        (flow,) = deployment.list_flows(NAME)
        assert flow.image is not None


async def test_what_cannot_be_carried_out_yet_does_not_hold_up_what_can(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with new_deployment(new_sqlite, tmp_path / "deployment") as deployment:
        first = await deployment.start()
        for person in (deployment.emma, deployment.world.burak):
            await open_form(person, "/flows create")
        held = hold_at_enkapush(hang(method="POST", path="/flows"))(deployment)
        await deployment.world.burak.submit(flow_fields("Slow"))
        await eventually(held)
        held = hold_at_slack("chat.postEphemeral")(deployment)
        await deployment.emma.submit(flow_fields(NAME))
        await eventually(held)
        await first.kill()
        deployment.heal()
        deployment.enkapush.faults.add(hang(times=None))
        last = await deployment.start()
        await deployment.emma.wait_for_message(MARKETING, CREATED, timeout=last.seconds_left)


async def test_of_two_alike_flows_one_that_was_made_is_not_told_to_both(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with new_deployment(new_sqlite, tmp_path / "deployment") as deployment:
        first = await deployment.start()
        people = (deployment.emma, deployment.world.burak)
        for person in people:
            await open_form(person, "/flows create")
        deployment.enkapush.faults.add(
            hang(after_effect=True, method="POST", path="/flows"), hang(method="POST", path="/flows")
        )
        await asyncio.gather(*(person.submit(flow_fields(NAME)) for person in people))
        await eventually(lambda: not deployment.enkapush.faults.pending)
        await first.kill()
        deployment.heal()
        last = await deployment.start()
        await deployment.wait_until_shown(last.seconds_left)
        assert len(deployment.list_flows(NAME)) == 1
        # None of the two is told so while the other's may be the one that is there.
        await eventually(lambda: sum(len(deployment.private_messages(person, "#4")) for person in people) == 1)


async def kill_at_random(deployment: Deployment, rounds: int, seed: int) -> None:
    """Let everybody send a form at the same moment, and kill the process within the next 60 ms."""
    chance = random.Random(seed)
    people = [deployment.slack.person(user) for user in ("U0EMMA", "U0DENIZ", "U0AYSE", "U0BURAK")]
    process = await deployment.start()
    for number in range(rounds):
        await asyncio.gather(*(open_form(person, "/flows create") for person in people))
        told_before = {person.id: len(deployment.private_messages(person)) for person in people}
        names = {person.id: f"Sale {number} of {person.id}" for person in people}
        submitting = [asyncio.create_task(submit_form(person, names[person.id])) for person in people]
        await asyncio.wait(submitting, timeout=chance.uniform(0, 0.06))
        await process.kill()
        answered = dict(zip(names, [await each for each in submitting], strict=True))
        process = await deployment.start()
        await deployment.wait_until_shown(process.seconds_left)
        for person in people:
            told = len(deployment.private_messages(person)) - told_before[person.id]
            made = len(deployment.list_flows(names[person.id]))
            assert made <= told <= 1
            assert told or not answered[person.id]
            await person.close(everything=True)


async def submit_form(person: SandboxPerson, name: str) -> bool:
    """Submit the form, and return whether it was acknowledged."""
    try:
        return (await person.submit(flow_fields(name))).response_action == "update"
    except ClientError:
        return False


async def test_a_kill_at_any_instant_makes_no_second_flow_and_leaves_nobody_untold(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    async def run(seed: int) -> None:
        async with new_deployment(new_database, tmp_path / str(seed)) as deployment:
            await kill_at_random(deployment, 3, seed)

    await run_all({f"seed {seed}": run(seed) for seed in range(2)})
