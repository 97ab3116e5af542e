"""A reason given to reject or to break the glass, and a kill after it was acknowledged."""

from pathlib import Path

import pytest

from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    POLICY,
    Arena,
    NewDatabase,
    Step,
    all_killed,
    at_slack,
    killed_where_it_is_held,
    nowhere,
)
from tests.journeys.request_steps import submit_reason
from tests.journeys.world import MARKETING

BREAKABLE = f'{POLICY}\n[channels.approval]\nbreak_glass = ["U0BURAK"]\n'
REASON = "Not before the sale"
STEPS = (
    Step("Reject, at once after the answer", nowhere, "Rejected", is_done=False),
    Step("Reject, and not told", at_slack("chat.update"), "Rejected", is_done=False),
    Step("Break glass, at once after the answer", nowhere, "Applied"),
    Step("Break glass, and not told", at_slack("chat.update"), "Applied"),
)


async def is_killed(here: Arena, step: Step) -> None:
    await here.world.import_policy(BREAKABLE)
    first = await here.starts()
    await here.emma.send(MARKETING, "/flows enable 1")
    request = await here.emma.wait_for_message(MARKETING, lambda message: "Reject" in here.emma.list_buttons(message))
    held = step.hold(here)
    await here.world.burak.click(request, step.name.partition(",")[0])
    assert await submit_reason(here.world.burak, REASON) == []
    last = await killed_where_it_is_held(here, step, held, first)
    await here.emma.wait_until(lambda: step.says in text_of(request), timeout=last.seconds_left)
    assert REASON in text_of(request)
    await here.all_told(2)
    assert here.enkapush.store.flow(1).is_enabled is step.is_done


async def test_a_decision_whose_reason_was_acknowledged_outlives_a_kill(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    await all_killed(STEPS, is_killed, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await all_killed(STEPS[::2], is_killed, new_postgresql, tmp_path)
