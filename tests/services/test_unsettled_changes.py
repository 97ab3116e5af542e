"""Changes that wait for others whose outcome is unknown."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeKind, ChangeState, Outcome
from flowbot.domain.flow import DesiredFlow, Flow
from flowbot.domain.ids import FlowId
from flowbot.services.executor.preconditions import IN_FLIGHT_AT_MOST, find_unsettled_blocker
from flowbot.storage.unit_of_work import Database
from tests.services.executor_harness import CONTENT, NOON, Harness, flow_of

OFF: Final = flow_of(CONTENT, 7)
WAITS: Final = Outcome("not_done.under_way", {"id": "7"})


@pytest.fixture
def harness(database: Database) -> Harness:
    return Harness(database)


async def is_blocked(
    harness: Harness,
    asked: ChangeKind,
    *,
    behind: ChangeKind,
    state: ChangeState = ChangeState.UNKNOWN,
    flow: Flow = OFF,
    age: int = 1,
) -> bool:
    """Check whether a change of `flow` waits behind one of flow 7 that came into `state` so many seconds ago."""
    first = await harness.submit(behind, DesiredFlow(CONTENT), flow=OFF.id, before=OFF)
    await harness.store.replace_if_unchanged(
        first, replace(first, state=state, changed_at=NOON - timedelta(seconds=age))
    )
    second = await harness.submit(asked, DesiredFlow(CONTENT), flow=flow.id, before=flow, number=2)
    outcome = await find_unsettled_blocker(harness.store, second.request, NOON)
    assert outcome is None or outcome == WAITS
    return outcome is not None


@pytest.mark.parametrize("asked", list(ChangeKind))
@pytest.mark.parametrize("behind", list(ChangeKind))
async def test_enabling_waits_for_edits_and_edits_wait_for_enabling(
    harness: Harness, asked: ChangeKind, behind: ChangeKind
) -> None:
    assert await is_blocked(harness, asked, behind=behind) is ({asked, behind} == {ChangeKind.ENABLE, ChangeKind.EDIT})


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"state": ChangeState.APPLIED}, id="done"),
        pytest.param({"state": ChangeState.FAILED}, id="not done"),
        pytest.param({"age": IN_FLIGHT_AT_MOST.seconds}, id="a minute old"),
        pytest.param({"age": -3600}, id="by a clock that was put back since"),
        pytest.param({"flow": replace(OFF, id=FlowId(8))}, id="of another flow"),
    ],
)
async def test_nothing_waits_for_what_will_not_come_any_more(harness: Harness, known: dict[str, Any]) -> None:
    assert not await is_blocked(harness, ChangeKind.ENABLE, behind=ChangeKind.EDIT, **known)


async def test_an_edit_of_what_runs_does_not_wait_it_needs_an_approval_anyway(harness: Harness) -> None:
    assert not await is_blocked(harness, ChangeKind.EDIT, behind=ChangeKind.ENABLE, flow=replace(OFF, is_enabled=True))


async def test_a_flow_that_is_made_waits_for_nothing(harness: Harness) -> None:
    assert (
        await find_unsettled_blocker(
            harness.store, (await harness.submit(ChangeKind.CREATE, DesiredFlow(CONTENT))).request, NOON
        )
        is None
    )
