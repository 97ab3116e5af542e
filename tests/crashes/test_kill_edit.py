"""A form that edits a flow, and a kill at each step between its submit and its answer."""

from pathlib import Path
from typing import Any, Unpack

import pytest

from flowbot.sandbox.enkapush import Fault, FlowFields, Image
from flowbot.sandbox.slack import text_of
from flowbot.sandbox.slack.models import Message
from tests.crashes.bot_processes import (
    Arena,
    Held,
    NewDatabase,
    Order,
    Step,
    all_killed,
    arena,
    at_enkapush,
    at_slack,
    eventually,
    killed_where_it_is_held,
    nowhere,
    offers_what_was_typed,
    opens,
)
from tests.journeys.form_steps import PNG
from tests.journeys.world import MARKETING

FLOW, NAME, OLD = 2, "Renamed", "Flow 2"
CHANGED = "was changed"
READ = {"method": "GET", "path": f"/flows/{FLOW}"}
WRITE = {"method": "POST", "path": f"/flows/{FLOW}"}

hang = Fault.hang
STEPS = (
    Step("at once after the answer", nowhere, CHANGED),
    Step("before the flow is compared", at_enkapush(hang(method="GET", path="/flows/2")), CHANGED),
    Step("sent, and lost on the way", at_enkapush(hang(method="POST", path="/flows/2")), CHANGED),
    Step(
        "sent, and done after the kill",
        at_enkapush(hang(outlives_sender=True, method="POST", path="/flows/2")),
        CHANGED,
    ),
    Step("done, and not answered", at_enkapush(hang(after_effect=True, method="POST", path="/flows/2")), CHANGED),
    Step("done, and not read back", at_enkapush(hang(skip=1, method="GET", path="/flows/2")), CHANGED),
    Step("settled, and not told", at_slack("views.update"), CHANGED),
    Step(
        "killed again after it was done",
        at_enkapush(hang(after_effect=True, method="POST", path="/flows/2")),
        CHANGED,
        again=at_enkapush(hang(method="GET", path="/flows/2")),
    ),
)
ON_POSTGRESQL = {"done, and not answered", "settled, and not told"}


async def is_killed(here: Arena, step: Step) -> None:
    first = await here.starts()
    await opens(here.emma, f"/flows edit {FLOW}")
    held = step.hold(here)
    assert (await here.emma.submit({"Name": NAME, "UTM source": "slack"})).response_action == "update"
    last = await killed_where_it_is_held(here, step, held, first)
    await here.emma.wait_for_message(MARKETING, step.says, timeout=last.seconds_left)
    await here.all_told(2)
    flow = here.enkapush.store.flow(FLOW)
    assert (flow.name, flow.utm_source, flow.title, flow.is_enabled) == (NAME, "slack", "Title 2", False)
    assert len(here.enkapush.store.flows) == 3
    assert len(here.told(here.emma)) == 1


async def test_a_kill_at_any_step_leaves_the_flow_as_it_was_wanted(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await all_killed(STEPS, is_killed, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await all_killed([step for step in STEPS if step.name in ON_POSTGRESQL], is_killed, new_postgresql, tmp_path)


# --- somebody else edits the flow while nobody is there ------------------------------------------------------------


async def is_overtaken(here: Arena, hold: Order, ours: dict[str, Any], **theirs: Unpack[FlowFields]) -> Message:
    """Kill it where it is held with Emma's edit; somebody else edits the flow then. The one thing that she is told."""
    first = await here.starts()
    await opens(here.emma, f"/flows edit {FLOW}")
    held = hold(here)
    await here.emma.submit(ours)
    await eventually(held)
    await first.killed()
    here.heals()
    here.enkapush.store.update_flow(FLOW, **theirs)
    last = await here.starts()
    message = await here.emma.wait_for_message(MARKETING, "Open form", timeout=last.seconds_left)
    await here.all_told(2)
    assert here.told(here.emma) == [message]
    return message


def until_it_is_ours(here: Arena) -> Held:
    """Where Enkapush has made the edit, and does not answer."""
    at_enkapush(hang(after_effect=True, method="POST", path="/flows/2"))(here)
    return lambda: here.enkapush.store.flow(FLOW).utm_source == "ours"


async def test_what_somebody_else_did_after_the_kill_is_not_overwritten(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with arena(new_sqlite, tmp_path / "arena") as here:
        lost = at_enkapush(hang(method="POST", path="/flows/2"))
        message = await is_overtaken(here, lost, {"Name": NAME}, title="By somebody else")
        flow = here.enkapush.store.flow(FLOW)
        assert (flow.name, flow.title) == (OLD, "By somebody else")
        await offers_what_was_typed(here, here.emma, message, NAME)


async def test_what_somebody_set_after_the_kill_that_cannot_be_read_is_not_overwritten(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with arena(new_sqlite, tmp_path / "arena") as here:
        ours = {"Image": [here.emma.upload("ours.png", PNG)], "UTM source": "ours"}
        theirs = Image("theirs.png", "image/png", PNG)
        message = await is_overtaken(here, until_it_is_ours, ours, image=theirs, utm_source="theirs", segment="7")
        assert "did not say whether it changed flow 2" in text_of(message)
        flow = here.enkapush.store.flow(FLOW)
        assert (flow.image, flow.utm_source, flow.segment) == (theirs, "theirs", "7")
