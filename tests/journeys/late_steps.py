"""Steps around effects of writes that show themselves late, or not at all."""

from collections.abc import Collection
from typing import Any, Final

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, list_writes, open_form
from tests.journeys.request_steps import (
    WAITING,
    private_messages,
    request_change,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World

MINUTES: Final = 60.0
HOURS: Final = 60 * MINUTES
SEARCH: Final = 15 * MINUTES
"""So long flowbot looks by itself."""
NOT_KNOWN: Final = "not known"
ENABLE: Final = {"is_enabled": "1"}
DISABLE: Final = {"is_enabled": "0"}
MINE: Final = {"title": "Mine"}


def delay_effect(world: World, after: float | None, **how: Any) -> None:
    """Let the next write of flow 1 take effect later, by the clock; None: when the test says so."""
    world.enkapush.faults.add(Fault.write(after, **{"path": "/flows/1", **how}))


async def request_edit(world: World, title: str = MINE["title"]) -> Message:
    """Edit flow 1, and wait for the request for approval."""
    before = {message.ts for message in await world.deniz.list_messages(APPROVALS)}
    await open_form(world.emma, "/flows edit 1")
    await world.emma.submit({"Title": title})
    return await world.deniz.wait_for_message(
        APPROVALS, lambda message: message.ts not in before and WAITING in text_of(message)
    )


async def edit_without_approval(world: World, answer: str, title: str = MINE["title"]) -> Message:
    """Edit flow 1, and wait for the message to the author that says what came of it."""
    await open_form(world.emma, "/flows edit 1")
    await world.emma.submit({"Title": title})
    return await wait_for_private_message(world.emma, answer, MARKETING)


async def approve_with_late_effect(
    world: World, what: str = "enable", after: float | None = None, **how: Any
) -> Message:
    """Request a change of a flow made on the spot, approve it, and wait until its outcome is not known."""
    if what == "edit":
        add_flow(world, is_enabled=True)
        request = await request_edit(world)
    else:
        request = await request_change(world, what)
    delay_effect(world, after, method="DELETE" if what == "delete" else "POST", **how)
    await world.burak.click(request, "Approve")
    return await wait_for_status(world, request, NOT_KNOWN)


async def wait_for_look(world: World, seconds: float) -> None:
    """Move the clocks, and wait until flowbot has looked at flow 1 by itself."""
    looks = world.enkapush.request_count("GET", "/flows/1")
    world.time.ahead += seconds
    await wait_until(lambda: world.enkapush.request_count("GET", "/flows/1") > looks)


async def end_search(world: World, request: Message) -> None:
    """Move the clocks to the end of the search, and wait until the request says so."""
    world.time.ahead += SEARCH + 1
    await wait_for_status(world, request, "checked for 15 minutes")
    assert NOT_KNOWN in text_of(request)


async def read_flow(world: World, person: SandboxPerson, command: str = "show 1") -> str:
    """Send a command that reads flow 1, and return its private answer."""
    before = len(private_messages(world, person, MARKETING))
    await person.send(MARKETING, f"/flows {command}")
    await person.wait_until(lambda: len(private_messages(world, person, MARKETING)) > before)
    return private_messages(world, person, MARKETING)[-1]


async def disable_at_once(world: World) -> Message:
    """Disable flow 1, which needs no approval, and return the message to the channel when it is done."""
    before = {message.ts for message in await world.deniz.list_messages(MARKETING)}
    await world.emma.send(MARKETING, "/flows disable 1")
    return await wait_for_disable(world, before)


async def wait_for_disable(world: World, before: Collection[str]) -> Message:
    """Wait for the message to the channel that flow 1 was disabled, other than those `before`."""

    def is_it(message: Message) -> bool:
        is_new = message.ts not in before and not message.is_ephemeral
        return is_new and "is disabled" in text_of(message) and "Applied" in text_of(message)

    return await world.deniz.wait_for_message(MARKETING, is_it, 15)


def list_fields_sent(world: World) -> list[dict[str, str]]:
    """Return the text fields of every write that flow 1 got."""
    return [record.texts for record in list_writes(world) if record.path == "/flows/1"]
