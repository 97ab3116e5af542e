"""Effects that come late, and a kill at each step between the write and what is said of it in the end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from flowbot.sandbox.slack.models import Message
from tests.crashes.bot_processes import (
    LOOK_SECONDS,
    Deployment,
    Hold,
    IsHeld,
    NewDatabase,
    Step,
    eventually,
    flow_fields,
    hold_at_enkapush,
    hold_at_slack,
    kill_when_held,
    new_deployment,
    open_form,
    run_all,
)
from tests.journeys.world import MARKETING

FLOW: Final = 2
NAME: Final = "Spring sale"
WRITE: Final = f"/flows/{FLOW}"
SECONDS: Final = 20.0
"""Far more than a step takes: three seconds of reading back, and a lease that runs out."""
pytestmark = pytest.mark.timeout(600)

hang = Fault.hang


def at_read(skip: int = 0) -> Hold:
    """Hold the process where it reads the flow."""
    return hold_at_enkapush(hang(method="GET", path=WRITE, skip=skip))


LOST: Final = hold_at_enkapush(hang(method="POST", path=WRITE))
DONE: Final = hold_at_enkapush(hang(method="POST", path=WRITE, after_effect=True))
UPDATE: Final = hold_at_slack("chat.update")


def hold_at_second_update(deployment: Deployment) -> IsHeld:
    """Hold the process where it updates a message for the second time: the first says that it is being applied."""
    deployment.slack.faults.add("chat.update", delay=0)
    return UPDATE(deployment)


async def wait_for_text(deployment: Deployment, *words: str) -> Message:
    """Wait for a message to the channel with all of these words."""

    def is_it(message: Message) -> bool:
        return not message.is_ephemeral and all(word in text_of(message) for word in words)

    return await deployment.world.deniz.wait_for_message(MARKETING, is_it, SECONDS)


async def request(deployment: Deployment, command: str) -> Message:
    """Send a command that asks for an approval, and return the request."""
    await deployment.emma.send(MARKETING, f"/flows {command} {FLOW}")
    return await deployment.world.burak.wait_for_message(
        MARKETING, lambda message: "Approve" in deployment.world.burak.list_buttons(message)
    )


async def approve_late_enable(deployment: Deployment) -> Message:
    """Approve an enable that Enkapush confirms and does not carry out yet."""
    enable = await request(deployment, "enable")
    deployment.enkapush.faults.add(Fault.write(None, path=WRITE))
    await deployment.world.burak.click(enable, "Approve")
    return enable


async def wait_for(message: Message, word: str) -> None:
    """Wait until the message says the word."""
    await eventually(lambda: word in text_of(message), SECONDS)


async def make_looks_due(deployment: Deployment) -> None:
    """Bring the next look at whatever is not known forward to now."""
    await deployment.execute("UPDATE changes SET due_at = changed_at WHERE state = 'unknown'")


async def disable(deployment: Deployment) -> None:
    """Disable the flow, which needs no approval."""
    await deployment.emma.send(MARKETING, f"/flows disable {FLOW}")


async def list_changes(deployment: Deployment) -> list[tuple[str, str]]:
    """List kind and state of all changes, the oldest first."""
    rows = await deployment.query("SELECT kind, state FROM changes ORDER BY created_at")
    return [(str(kind), str(state)) for kind, state in rows]


def writes(deployment: Deployment) -> list[str]:
    """List what the writes of the flow set `is_enabled` to, in their order."""
    return [each.texts["is_enabled"] for each in deployment.enkapush.requests if each.method == "POST" and each.fields]


# --- an enable that comes late -------------------------------------------------------------------------------------

TOLD: Final = (
    Step("confirmed, and not read back", at_read(skip=1), "Applied"),
    Step("not known, and not told", hold_at_second_update, "not known"),
)
SEEN: Final = (
    Step("looked at, and not settled", at_read(), "Applied"),
    Step("settled, and not told", UPDATE, "Applied"),
)


async def check_told(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    enable = await request(deployment, "enable")
    deployment.enkapush.faults.add(Fault.write(None, path=WRITE))
    held = step.hold(deployment)
    await deployment.world.burak.click(enable, "Approve")
    await kill_when_held(deployment, step, held, first)
    await wait_for(enable, step.says)
    await deployment.wait_until_shown(SECONDS)
    assert "Failed" not in text_of(enable)
    deployment.enkapush.store.land_writes()
    await make_looks_due(deployment)
    await wait_for(enable, "Applied")


async def check_seen(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    enable = await approve_late_enable(deployment)
    await wait_for(enable, "not known")
    await deployment.wait_until_shown(SECONDS)
    deployment.enkapush.store.land_writes()
    held = step.hold(deployment)
    await make_looks_due(deployment)
    await kill_when_held(deployment, step, held, first)
    await wait_for(enable, step.says)
    await deployment.wait_until_shown(SECONDS)
    assert writes(deployment) == ["1"]


# --- a disable after it --------------------------------------------------------------------------------------------

REPEATED: Final = (
    Step("the enable seen, and nothing done", at_read(), "Applied"),
    Step("to be repeated, and not compared", at_read(skip=1), "Applied"),
    Step("repeated, and lost on the way", LOST, "Applied"),
    Step("repeated, and not answered", DONE, "Applied"),
    Step("repeated, and the enable not told", UPDATE, "Applied"),
    Step("lost on the way, and lost again", LOST, "Applied", again=at_read()),
)


async def check_repeated(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    enable = await approve_late_enable(deployment)
    await wait_for(enable, "not known")
    await disable(deployment)
    told = await wait_for_text(deployment, "is disabled", "Applied")
    await deployment.wait_until_shown(SECONDS)
    deployment.enkapush.store.land_writes()
    assert deployment.enkapush.store.flow(FLOW).is_enabled
    held = step.hold(deployment)
    await make_looks_due(deployment)
    await kill_when_held(deployment, step, held, first)
    await deployment.world.deniz.wait_for_message(
        MARKETING,
        lambda message: (
            message.ts != told.ts
            and not message.is_ephemeral
            and "flowbot disabled it again." in text_of(message)
            and step.says in text_of(message)
        ),
        SECONDS,
    )
    await deployment.wait_until_shown(SECONDS)
    assert not deployment.enkapush.store.flow(FLOW).is_enabled
    await make_looks_due(deployment)
    await wait_for(enable, "Applied")
    assert await list_changes(deployment) == [("enable", "applied"), ("disable", "applied"), ("disable", "applied")]


DISPLACED: Final = (
    Step("kept, and the waiting one not told", UPDATE, "Applied"),
    Step("not compared", at_read(skip=1), "Applied"),
    Step("lost on the way", LOST, "Applied"),
    Step("done, and not answered", DONE, "Applied"),
)


async def check_displaced(deployment: Deployment, step: Step) -> None:
    deployment.enkapush.store.update_flow(FLOW, is_enabled=True)
    first = await deployment.start()
    delete = await request(deployment, "delete")
    await deployment.wait_until_shown(SECONDS)
    held = step.hold(deployment)
    await disable(deployment)
    await kill_when_held(deployment, step, held, first)
    await wait_for(delete, "Out of date")
    await wait_for_text(deployment, "is disabled", step.says)
    await deployment.wait_until_shown(SECONDS)
    assert await list_changes(deployment) == [("delete", "out_of_date"), ("disable", "applied")]
    assert not deployment.enkapush.store.flow(FLOW).is_enabled
    assert FLOW in deployment.enkapush.store.flows


FOLLOWED: Final = (
    Step("the enable lost on the way", LOST, "Applied"),
    Step("the enable done, and not answered", DONE, "Applied"),
    Step("killed again before the enable is read back", DONE, "Applied", again=at_read()),
)


async def check_followed(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    enable = await request(deployment, "enable")
    held = step.hold(deployment)
    await deployment.world.burak.click(enable, "Approve")
    await eventually(held)
    await disable(deployment)
    await eventually_kept(deployment, 2)
    await kill_when_held(deployment, step, held, first)
    await wait_for(enable, step.says)
    await wait_for_text(deployment, "is disabled", "Applied")
    await deployment.wait_until_shown(SECONDS)
    assert await list_changes(deployment) == [("enable", "applied"), ("disable", "applied")]
    assert not deployment.enkapush.store.flow(FLOW).is_enabled
    assert writes(deployment)[-1] == "0"


async def eventually_kept(deployment: Deployment, count: int) -> None:
    """Wait until so many changes are kept."""
    async with asyncio.timeout(SECONDS):
        while len(await list_changes(deployment)) < count:  # noqa: ASYNC110 - another process writes there
            await asyncio.sleep(LOOK_SECONDS)


# --- a create that is answered with another id ---------------------------------------------------------------------

CREATED: Final = (
    Step(
        "answered, and not looked for",
        hold_at_enkapush(hang(method="GET", path="/flows", skip=1)),
        "Flow #4 was created",
    ),
    Step("not known, and not told", hold_at_slack("chat.postEphemeral"), "Flow #4 was created"),
)
FOUND: Final = (
    Step("looked for, and not found yet", hold_at_enkapush(hang(method="GET", path="/flows")), "Flow #4 was created"),
    Step("found, and not told", hold_at_slack("chat.postEphemeral"), "Flow #4 was created"),
)


async def check_created(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    await open_form(deployment.emma, "/flows create")
    deployment.enkapush.faults.add(Fault.write(None, path="/flows", answered_id=1))
    held = step.hold(deployment)
    await deployment.emma.submit(flow_fields(NAME))
    await kill_when_held(deployment, step, held, first)
    await deployment.wait_until_shown(SECONDS)
    await check_found_once(deployment, step)


async def check_found(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    await open_form(deployment.emma, "/flows create")
    deployment.enkapush.faults.add(Fault.write(None, path="/flows", answered_id=1))
    await deployment.emma.submit(flow_fields(NAME))
    await deployment.emma.wait_for_message(MARKETING, NAME, timeout=SECONDS)
    await deployment.wait_until_shown(SECONDS)
    deployment.enkapush.store.land_writes()
    held = step.hold(deployment)
    await make_looks_due(deployment)
    await kill_when_held(deployment, step, held, first)
    await check_found_once(deployment, step)


async def check_found_once(deployment: Deployment, step: Step) -> None:
    """Check that the flow is found and told once it is there, and that it was sent once."""
    deployment.enkapush.store.land_writes()
    await make_looks_due(deployment)
    await deployment.emma.wait_for_message(MARKETING, step.says, timeout=SECONDS)
    await deployment.wait_until_shown(SECONDS)
    assert len(deployment.list_flows(NAME)) == 1
    assert len(deployment.private_messages(deployment.emma, step.says)) == 1
    assert deployment.enkapush.request_count("POST", "/flows") == 1


Check = Callable[[Deployment, Step], Awaitable[None]]
PATHS: Final[dict[str, tuple[tuple[Step, ...], Check]]] = {
    "told": (TOLD, check_told),
    "seen": (SEEN, check_seen),
    "repeated": (REPEATED, check_repeated),
    "displaced": (DISPLACED, check_displaced),
    "followed": (FOLLOWED, check_followed),
    "created": (CREATED, check_created),
    "found": (FOUND, check_found),
}


async def run_paths(
    new_database: NewDatabase, folder: Path, choose: Callable[[tuple[Step, ...]], Iterable[Step]]
) -> None:
    """Run the chosen steps of each path, each in a deployment of its own."""

    async def run(path: str, step: Step) -> None:
        async with new_deployment(new_database, folder / path / step.name) as deployment:
            await PATHS[path][1](deployment, step)

    chosen = [(path, step) for path, (steps, _) in PATHS.items() for step in choose(steps)]
    await run_all({f"{path}: {step.name}": run(path, step) for path, step in chosen})


async def test_a_kill_ends_as_it_would_have_without(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_paths(new_sqlite, tmp_path, lambda steps: steps[:1])


async def test_so_it_does_at_every_other_step(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_paths(new_sqlite, tmp_path, lambda steps: steps[1:])


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_paths(new_postgresql, tmp_path, lambda steps: steps[-1:])
