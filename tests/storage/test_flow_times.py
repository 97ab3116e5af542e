"""When flows start and end, read with a channel's scope by one query."""

from datetime import timedelta

from sqlalchemy import update

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.progress import Progress
from flowbot.services.ports.policies import FlowTimes
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import C1, FLOW, NOON, move_through, submit_change

TOMORROW = NOON + timedelta(days=1)
LATER = NOON + timedelta(days=2)


async def test_a_scope_says_when_flows_start_and_end(store: ChangeRepository, database: Database) -> None:
    timed = [
        await submit_change(store, "start", not_before=TOMORROW, ends_at=LATER),
        await submit_change(store, "stop", flow=FlowId(13), kind=ChangeKind.DISABLE, not_before=LATER),
        await submit_change(store, "end", flow=FlowId(13), kind=ChangeKind.DISABLE, not_before=TOMORROW),
        await submit_change(store, "held", flow=FlowId(14), kind=ChangeKind.DELETE),
    ]
    await submit_change(store, "waits", flow=FlowId(15), not_before=TOMORROW)
    for change in timed:
        progress = Progress(starts_at=change.request.not_before or LATER)
        await move_through(store, change, ChangeState.SCHEDULED, progress=progress)
    scope = await PolicyRepository(database, lambda: NOON).get_scope(C1)
    assert scope.times == {
        FLOW: FlowTimes(TOMORROW, LATER),
        FlowId(13): FlowTimes(ends=TOMORROW),
        FlowId(14): FlowTimes(),
    }


async def test_times_that_cannot_be_read_are_left_out(store: ChangeRepository, database: Database) -> None:
    change = await submit_change(store, "start", not_before=TOMORROW, ends_at=LATER)
    await move_through(store, change, ChangeState.SCHEDULED, progress=Progress(starts_at=TOMORROW))
    async with database.write() as connection:
        odd = update(changes).where(changes.c.id == ChangeId(change.id)).values(asked={"timed": {"ends_at": "soon"}})
        await connection.execute(odd)
    assert (await PolicyRepository(database, lambda: NOON).get_scope(C1)).times == {FLOW: FlowTimes(TOMORROW)}
