"""Which changes wait for which of which it is not known what became."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.domain.changes import Kind, Outcome, State
from flowbot.domain.content import Wanted
from flowbot.domain.flows import Flow
from flowbot.domain.types import FlowId
from flowbot.services.under_way import SETTLES_AFTER, reason_to_wait
from flowbot.storage.database import Database
from tests.services.benches import CONTENT, NOON, Bench, flow_of

OFF: Final = flow_of(CONTENT, 7)
WAITS: Final = Outcome("not_done.under_way", {"id": "7"})


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def waits(
    bench: Bench, asked: Kind, *, behind: Kind, state: State = State.UNKNOWN, flow: Flow = OFF, age: int = 1
) -> bool:
    """Whether a change of `flow` waits behind one of flow 7 that came into `state` so many seconds ago."""
    first = await bench.asks(behind, Wanted(CONTENT), flow=OFF.id, before=OFF)
    await bench.store.move(first, replace(first, state=state, changed_at=NOON - timedelta(seconds=age)))
    second = await bench.asks(asked, Wanted(CONTENT), flow=flow.id, before=flow, number=2)
    outcome = await reason_to_wait(bench.store, second.asked, NOON)
    assert outcome is None or outcome == WAITS
    return outcome is not None


@pytest.mark.parametrize("asked", list(Kind))
@pytest.mark.parametrize("behind", list(Kind))
async def test_enabling_waits_for_edits_and_edits_wait_for_enabling(bench: Bench, asked: Kind, behind: Kind) -> None:
    assert await waits(bench, asked, behind=behind) is ({asked, behind} == {Kind.ENABLE, Kind.EDIT})


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"state": State.APPLIED}, id="done"),
        pytest.param({"state": State.FAILED}, id="not done"),
        pytest.param({"age": SETTLES_AFTER.seconds}, id="a minute old"),
        pytest.param({"age": -3600}, id="by a clock that was put back since"),
        pytest.param({"flow": replace(OFF, id=FlowId(8))}, id="of another flow"),
    ],
)
async def test_nothing_waits_for_what_will_not_come_any_more(bench: Bench, known: dict[str, Any]) -> None:
    assert not await waits(bench, Kind.ENABLE, behind=Kind.EDIT, **known)


async def test_an_edit_of_what_runs_does_not_wait_it_needs_an_approval_anyway(bench: Bench) -> None:
    assert not await waits(bench, Kind.EDIT, behind=Kind.ENABLE, flow=replace(OFF, is_enabled=True))


async def test_a_flow_that_is_made_waits_for_nothing(bench: Bench) -> None:
    assert await reason_to_wait(bench.store, (await bench.asks(Kind.CREATE, Wanted(CONTENT))).asked, NOON) is None
