"""Creates that Enkapush answers with the id of another flow, makes late, twice or never."""

from collections.abc import Mapping
from itertools import product
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import Hang, Reply, Reset
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, is_form, list_writes, open_form
from tests.journeys.late_steps import HOURS, MINUTES, NOT_KNOWN, SEARCH, read_flow
from tests.journeys.request_steps import (
    approval_policy,
    private_messages,
    request_change,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import MARKETING, World, first_on_both_databases, on_both_databases

CREATED: Final = "#3 was created"
OURS, THEIRS = 1, 2
"""Flows that are there before: one of this website, and one of a website that the channel may not see."""
NEW: Final = 3
ANSWERS: Final[Mapping[str, dict[str, Any]]] = {
    "its own id": {},
    "another's id": {"answered_id": OURS},
    "the id of another website's flow": {"answered_id": THEIRS},
    "cut": {"answer": Reset()},
    "silence": {"answer": Hang()},
    "503": {"answer": Reply(503)},
}


@pytest.fixture
def flows(bots: World) -> World:
    """Add the flows that are there before."""
    add_flow(bots)
    add_flow(bots, website_id=3, name="Secret", title="Secret")
    return bots


async def create(world: World, after: float | None = 0, **how: Any) -> None:
    """Send a form for a new flow, whose write takes effect later."""
    await open_form(world.emma, "/flows create")
    world.enkapush.faults.add(Fault.write(after, path="/flows", **how))
    await world.emma.submit(REQUIRED_FIELDS)


async def wait_for_unknown_create(world: World) -> Message:
    """Wait for the message that it is not known whether the flow was created."""
    told = await wait_for_private_message(world.emma, REQUIRED_FIELDS["Name"], MARKETING)
    assert set(world.emma.list_buttons(told)) == {"Open form", "Check again"}
    return told


def check_one_create(world: World) -> None:
    """Check that one write was sent, and that nobody saw anything of the other website's flow."""
    assert [(record.method, record.path) for record in list_writes(world)] == [("POST", "/flows")]
    assert not any("Secret" in text for text in private_messages(world, world.emma, MARKETING))


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_flow_that_is_there_is_found_whatever_the_answer_was(flows: World, answer: str) -> None:
    await create(flows, **ANSWERS[answer])
    told = await wait_for_private_message(flows.emma, CREATED, MARKETING)
    assert f"#{NEW}" in text_of(told)
    check_one_create(flows)


@first_on_both_databases("answer,after", product(["its own id", "another's id", "cut"], [20, 10 * MINUTES]))
async def test_a_flow_that_comes_within_fifteen_minutes_is_found_by_itself(
    flows: World, answer: str, after: float
) -> None:
    await create(flows, after, **ANSWERS[answer])
    await wait_for_unknown_create(flows)
    flows.time.ahead += after
    told = await wait_for_private_message(flows.emma, CREATED, MARKETING)
    assert f"#{NEW}" in text_of(told)
    check_one_create(flows)


@pytest.mark.parametrize("how", ["list", f"show {NEW}", "Check again"])
@pytest.mark.parametrize("answer", ["its own id", "the id of another website's flow"])
async def test_a_flow_that_comes_after_hours_is_settled_by_a_reading(flows: World, answer: str, how: str) -> None:
    await create(flows, 3 * HOURS, **ANSWERS[answer])
    told = await wait_for_unknown_create(flows)
    flows.time.ahead += SEARCH
    flows.time.ahead += 3 * HOURS
    if how == "Check again":
        await flows.emma.click(told, how)
    else:
        await read_flow(flows, flows.emma, how)
    await wait_for_private_message(flows.emma, CREATED, MARKETING)
    check_one_create(flows)


async def test_a_flow_that_comes_after_a_day_was_made_by_others(flows: World) -> None:
    await create(flows, 30 * HOURS)
    await wait_for_unknown_create(flows)
    flows.time.ahead += 30 * HOURS
    await read_flow(flows, flows.emma, "list")
    assert NEW in flows.enkapush.store.flows
    assert not any(CREATED in text for text in private_messages(flows, flows.emma, MARKETING))


@on_both_databases
async def test_what_was_typed_is_sent_again_as_a_new_create_that_waits_for_nothing(flows: World) -> None:
    await create(flows, copies=0, answered_id=OURS)
    told = await wait_for_unknown_create(flows)
    await flows.emma.close(everything=True)
    await flows.emma.click(told, "Open form")
    await flows.emma.wait_for_view(is_form)
    assert {label: flows.emma.read_field(label) for label in REQUIRED_FIELDS} == REQUIRED_FIELDS
    await flows.emma.submit()
    await wait_for_private_message(flows.emma, f"#{NEW + 1} was created", MARKETING)
    assert len(list_writes(flows)) == 2


@pytest.mark.parametrize("theirs", [{"website_id": 2}, {"name": "Theirs"}])
async def test_a_new_flow_of_somebody_else_is_not_taken_for_it(flows: World, theirs: dict[str, Any]) -> None:
    await create(flows, copies=0)
    fields: dict[str, Any] = {
        "website_id": 1,
        "name": "Spring",
        "title": "Spring is here",
        "description": "Look at what is new.",
    }
    await wait_for_unknown_create(flows)
    flows.enkapush.store.add_flow(**(fields | theirs))
    flows.time.ahead += 20
    await read_flow(flows, flows.emma, "list")
    assert not any(CREATED in text for text in private_messages(flows, flows.emma, MARKETING))


@pytest.mark.parametrize("after", [0, 10 * MINUTES])
async def test_a_second_flow_that_one_create_made_is_named(flows: World, after: float) -> None:
    await create(flows, after, copies=2)
    if after:
        await wait_for_unknown_create(flows)
        flows.time.ahead += after
    await wait_for_private_message(flows.emma, CREATED, MARKETING)
    await read_flow(flows, flows.emma, "list")
    told = await wait_for_private_message(flows.emma, f"#{NEW + 1}", MARKETING)
    assert f"#{NEW}" in text_of(told)
    check_one_create(flows)


@first_on_both_databases("after", [0, 20, 3 * HOURS])
async def test_a_restore_is_found_as_a_create_is(bots: World, after: float) -> None:
    await bots.import_policy(approval_policy())
    request = await request_change(bots, "delete")
    add_flow(bots, name="Other")
    await bots.burak.click(request, "Approve")
    deleted = await wait_for_status(bots, request, "Applied")
    bots.enkapush.faults.add(Fault.write(after, path="/flows", answered_id=2))
    await bots.emma.click(deleted, "Restore")
    if after:
        await bots.deniz.wait_for_message(MARKETING, NOT_KNOWN)
        bots.time.ahead += after
        if after > 15 * MINUTES:
            await read_flow(bots, bots.emma, "list")
    restored = await bots.deniz.wait_for_message(MARKETING, "Applied", 15)
    assert "#3" in text_of(restored)
    assert not bots.enkapush.store.flow(3).is_enabled
    assert len([record for record in list_writes(bots) if record.path == "/flows"]) == 1
