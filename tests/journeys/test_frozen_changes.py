"""What a freeze holds and what it does not: each kind of change, with an approval and without one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import select

from flowbot.sandbox.slack import Message
from flowbot.storage.tables import changes
from tests.journeys.form_steps import add_flow, list_writes, open_form
from tests.journeys.request_steps import (
    approval_policy,
    request_change,
    speed_up,
    submit_reason,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, first_on_both_databases

SATURDAY: Final = datetime(2027, 1, 30, 12, 0, tzinfo=UTC)
WEEKENDS: Final = '[[freezes]]\nname = "Weekends"\nweekly = ["sat", "sun"]\n'
GATED: Final = 'required_for = ["enable", "delete", "edit_enabled", "disable"]'
UNGATED: Final = 'required_for = ["enable", "delete"]'


async def start(world: World, policy: str, patch: pytest.MonkeyPatch) -> None:
    speed_up(world, patch)
    world.time.ahead = (SATURDAY - datetime.now(UTC)).total_seconds()
    await world.import_policy(policy)
    await world.start_http()


def pass_time(world: World, **units: float) -> None:
    world.time.ahead += timedelta(**units).total_seconds()


async def read_states(world: World) -> dict[int, str]:
    """Return the state of each flow's change."""
    async with world.open_database() as database, database.read() as connection:
        rows = await connection.execute(select(changes.c.flow_id, changes.c.state))
        return {row.flow_id: row.state for row in rows}


async def wait_for_states(world: World, wanted: dict[int, str]) -> None:
    async with asyncio.timeout(15):
        while await read_states(world) != wanted:  # noqa: ASYNC110 - nothing announces a row
            await asyncio.sleep(0.1)


async def approve_next(world: World, known: set[str]) -> None:
    """Approve the request that comes next."""

    def is_new(message: Message) -> bool:
        return message.ts not in known and "Approve" in world.burak.list_buttons(message)

    await world.burak.click(await world.burak.wait_for_message(APPROVALS, is_new), "Approve")


async def change_flow(world: World, what: str, flow: int, *, is_gated: bool) -> None:
    """Request a change of a flow as Emma, and approve it where that is needed."""
    known = {message.ts for message in await world.burak.list_messages(APPROVALS)}
    if what == "edit":
        await open_form(world.emma, f"/flows edit {flow}")
        world.emma.fill("Title", "Another title")
        assert not (await world.emma.submit()).errors
    else:
        await world.emma.send(MARKETING, f"/flows {what} {flow} Because")
    if is_gated:
        await approve_next(world, known)


@first_on_both_databases("rule,freezes", [(GATED, WEEKENDS), (UNGATED, WEEKENDS), (GATED, ""), (UNGATED, "")])
async def test_a_freeze_holds_what_would_go_live_or_delete_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch, rule: str, freezes: str
) -> None:
    await start(world, approval_policy(rule) + freezes, monkeypatch)
    rows = [
        # The change, whether the flow is live, whether an approval is needed, whether a freeze holds it.
        ("enable", False, True, True),
        ("delete", False, True, True),
        ("delete", True, True, True),
        ("edit", True, rule == GATED, True),
        ("edit", False, False, False),
        ("disable", True, rule == GATED, False),
    ]
    wanted = {}
    for what, is_live, is_gated, is_held in rows:
        flow = add_flow(world, is_enabled=is_live)
        await change_flow(world, what, flow, is_gated=is_gated)
        wanted[flow] = "scheduled" if is_held and freezes else "applied"
    await wait_for_states(world, wanted)
    held = [flow for flow, state in wanted.items() if state == "scheduled"]
    pass_time(world, hours=32)
    await wait_for_states(world, wanted)
    assert [write for write in list_writes(world) if any(f"/{flow}/" in f"{write.path}/" for flow in held)] == []
    pass_time(world, hours=1, minutes=15)
    await wait_for_states(world, dict.fromkeys(wanted, "applied"))


async def test_a_held_request_can_be_withdrawn_and_rejected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(world, approval_policy() + WEEKENDS, monkeypatch)
    first, second = [await request_change(world) for _ in range(2)]
    for request in (first, second):
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Scheduled")
    await world.emma.click(first, "Withdraw")
    await wait_for_status(world, first, "Withdrawn")
    await world.burak.click(second, "Reject")
    await submit_reason(world.burak, "Not this weekend")
    await wait_for_status(world, second, "Rejected")
    pass_time(world, hours=40)
    assert sorted((await read_states(world)).values()) == ["rejected", "withdrawn"]
    assert list_writes(world) == []
