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
    Arena,
    NewDatabase,
    Step,
    all_killed,
    all_of,
    arena,
    at_enkapush,
    at_slack,
    eventually,
    killed_where_it_is_held,
    nowhere,
    offers_what_was_typed,
    opens,
    wanted,
)
from tests.journeys.world import MARKETING

NAME = "Spring sale"
CREATED = "was created"
UNKNOWN = "did not say whether it made the flow"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)  # fmt: skip

hang = Fault.hang
STEPS = (
    Step("at once after the answer", nowhere, CREATED),
    Step("before the newest flow is known", at_enkapush(hang(method="GET", path="/flows")), CREATED),
    Step("sent, and lost on the way", at_enkapush(hang(method="POST", path="/flows")), UNKNOWN, is_done=False),
    Step(
        "sent, and made after the kill",
        at_enkapush(hang(outlives_sender=True, method="POST", path="/flows")),
        CREATED,
    ),
    Step("made, and not answered", at_enkapush(hang(after_effect=True, method="POST", path="/flows")), CREATED),
    Step("made, and not read back", at_enkapush(hang(method="GET", path="/flows/*")), CREATED),
    Step("settled, and not shown in the form", at_slack("views.update"), CREATED),
    Step("settled, and not told", at_slack("chat.postEphemeral"), CREATED),
    Step(
        "killed again while it looks for what was made",
        at_enkapush(hang(after_effect=True, method="POST", path="/flows")),
        CREATED,
        again=at_enkapush(hang(method="GET", path="/flows")),
    ),
    Step("killed again before it is told", at_slack("views.update"), CREATED, again=at_slack("chat.postEphemeral")),
)
ON_POSTGRESQL = {"at once after the answer", "sent, and lost on the way", "settled, and not told"}
"""The steps are the same; what may differ is how leases and the latch are kept."""


async def is_killed(arena: Arena, step: Step) -> None:
    first = await arena.starts()
    await opens(arena.emma, "/flows create")
    held = step.hold(arena)
    assert (await arena.emma.submit(wanted(NAME))).response_action == "update"
    last = await killed_where_it_is_held(arena, step, held, first)
    message = await arena.emma.wait_for_message(MARKETING, step.says, timeout=last.seconds_left)
    await arena.all_told(2)
    assert len(arena.named(NAME)) == step.is_done
    assert len(arena.told(arena.emma)) == 1
    if step.is_done:
        await forgot_what_was_typed(arena)
    else:
        assert f"“{NAME}”" in text_of(message)
        await offers_what_was_typed(arena, arena.emma, message, NAME)


async def forgot_what_was_typed(arena: Arena) -> None:
    """What was saved is not brought back into the next form."""
    await arena.emma.close(everything=True)
    await opens(arena.emma, "/flows create")
    assert arena.emma.read_field("Name") in {None, ""}


async def test_a_kill_at_any_step_makes_one_flow_or_tells_what_is_not_known(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    await all_killed(STEPS, is_killed, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    steps = [step for step in STEPS if step.name in ON_POSTGRESQL]
    await all_killed(steps, is_killed, new_postgresql, tmp_path)


# --- before it is kept ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def nothing_can_be_kept(arena: Arena) -> AsyncIterator[None]:
    """Another program holds the database, so that nobody can write a change."""
    if arena.is_postgresql:
        async with await psycopg.AsyncConnection.connect(arena.database) as locker:
            await locker.execute("LOCK TABLE changes IN EXCLUSIVE MODE")
            yield
            await locker.rollback()
        return
    locking = sqlite3.connect(arena.database.removeprefix("sqlite:///"), isolation_level=None)
    try:
        locking.execute("BEGIN IMMEDIATE")
        yield
        locking.execute("ROLLBACK")
    finally:
        locking.close()


async def test_a_form_that_was_not_acknowledged_stays_open_and_can_be_sent_again(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    async with arena(new_database, tmp_path / "arena") as here:
        first = await here.starts()
        await opens(here.emma, "/flows create")
        async with nothing_can_be_kept(here):
            submitting = asyncio.create_task(here.emma.submit(wanted(NAME)))
            await asyncio.wait({submitting}, timeout=0.3)
            await first.killed()
            with pytest.raises(ClientError, match="dispatch_failed"):
                await submitting
        await here.starts()
        assert here.emma.read_field("Name") == NAME
        assert (await here.emma.submit()).response_action == "update"
        await here.emma.wait_for_message(MARKETING, CREATED)
        await here.all_told(2)
        assert len(here.named(NAME)) == 1
        assert len(here.told(here.emma)) == 1


# --- several forms -------------------------------------------------------------------------------------------------


async def test_a_picture_that_was_not_fetched_yet_is_fetched_by_the_next_process(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with arena(new_sqlite, tmp_path / "arena") as here:
        first = await here.starts()
        view = await opens(here.emma, "/flows create")
        for label, value in wanted(NAME).items():
            here.emma.fill(label, value)
        here.emma.fill("Image", here.emma.upload("sale.png", PNG))
        payload = payloads.build_view_submission(here.slack.context, here.emma.person, view)
        for entries in payload["view"]["state"]["values"].values():
            for entry in entries.values():
                for file in entry.get("files") or ():
                    file.pop("url_private_download")
                    file.pop("url_private", None)
        fault = here.slack.faults.add("files.info", hang=True, times=2)
        delivery = await here.slack.dispatcher.deliver(Envelope("interactive", "view_submission", payload))
        assert delivery.json()["response_action"] == "update"
        await eventually(lambda: fault.times == 0)
        await first.killed()
        here.heals()
        last = await here.starts()
        await here.emma.wait_for_message(MARKETING, CREATED, timeout=last.seconds_left)
        (flow,) = here.named(NAME)
        assert flow.image is not None


async def test_what_cannot_be_carried_out_yet_does_not_hold_up_what_can(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with arena(new_sqlite, tmp_path / "arena") as here:
        first = await here.starts()
        for person in (here.emma, here.world.burak):
            await opens(person, "/flows create")
        held = at_enkapush(hang(method="POST", path="/flows"))(here)
        await here.world.burak.submit(wanted("Slow"))
        await eventually(held)
        held = at_slack("chat.postEphemeral")(here)
        await here.emma.submit(wanted(NAME))
        await eventually(held)
        await first.killed()
        here.heals()
        here.enkapush.faults.add(hang(times=None))
        last = await here.starts()
        await here.emma.wait_for_message(MARKETING, CREATED, timeout=last.seconds_left)


async def test_of_two_alike_flows_one_that_was_made_is_not_told_to_both(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with arena(new_sqlite, tmp_path / "arena") as here:
        first = await here.starts()
        people = (here.emma, here.world.burak)
        for person in people:
            await opens(person, "/flows create")
        here.enkapush.faults.add(
            hang(after_effect=True, method="POST", path="/flows"), hang(method="POST", path="/flows")
        )
        await asyncio.gather(*(person.submit(wanted(NAME)) for person in people))
        await eventually(lambda: not here.enkapush.faults.pending)
        await first.killed()
        here.heals()
        last = await here.starts()
        await here.all_told(last.seconds_left)
        assert len(here.named(NAME)) == 1
        assert sum(len(here.told(person, "#4")) for person in people) == 1
        assert [len(here.told(person)) for person in people] == [1, 1]


async def killed_at_random(arena: Arena, rounds: int, seed: int) -> None:
    """Everybody sends a form at the same moment, and the process dies within the next 60 ms."""
    chance = random.Random(seed)
    people = [arena.slack.person(user) for user in ("U0EMMA", "U0DENIZ", "U0AYSE", "U0BURAK")]
    process = await arena.starts()
    for number in range(rounds):
        await asyncio.gather(*(opens(person, "/flows create") for person in people))
        told_before = {person.id: len(arena.told(person)) for person in people}
        names = {person.id: f"Sale {number} of {person.id}" for person in people}
        submitting = [asyncio.create_task(answer(person, names[person.id])) for person in people]
        await asyncio.wait(submitting, timeout=chance.uniform(0, 0.06))
        await process.killed()
        answered = dict(zip(names, [await each for each in submitting], strict=True))
        process = await arena.starts()
        await arena.all_told(process.seconds_left)
        for person in people:
            told = len(arena.told(person)) - told_before[person.id]
            made = len(arena.named(names[person.id]))
            assert made <= told <= 1
            assert told or not answered[person.id]
            await person.close(everything=True)


async def answer(person: SandboxPerson, name: str) -> bool:
    """Whether the form was acknowledged."""
    try:
        return (await person.submit(wanted(name))).response_action == "update"
    except ClientError:
        return False


async def test_a_kill_at_any_instant_makes_no_second_flow_and_leaves_nobody_untold(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    async def run(seed: int) -> None:
        async with arena(new_database, tmp_path / str(seed)) as here:
            await killed_at_random(here, 3, seed)

    await all_of({f"seed {seed}": run(seed) for seed in range(2)})
