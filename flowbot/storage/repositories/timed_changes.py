"""What a settled change means for disables that wait for their time, in its transaction."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditAction, event_for_change, transition_event
from flowbot.domain.change import WAITING_STATES, Change, ChangeKind, ChangeState, with_lease
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.progress import Progress
from flowbot.domain.schedule import next_due, plan_end, void_disables
from flowbot.storage.inserts import insert_if_absent
from flowbot.storage.repositories import change_queries as queries
from flowbot.storage.repositories.change_rows import append_events, change_row
from flowbot.storage.repositories.change_writes import write_if_unchanged
from flowbot.storage.tables import changes, new_id

_TOGGLING: frozenset[ChangeKind] = frozenset({ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE})


async def settle_times(connection: AsyncConnection, seen: Change, settled: Change) -> None:
    """Plan the end of an enable that took effect or may have, and end the disables that have nothing left to do."""
    flow = settled.request.flow
    is_settled = settled.state in {ChangeState.APPLIED, ChangeState.UNKNOWN}
    if flow is None or not is_settled or settled.request.kind not in _TOGGLING:
        return
    if seen.state is ChangeState.UNKNOWN and settled.request.kind is ChangeKind.ENABLE:
        # Planned when it was found to be unknown; another enable may have planned a later end since.
        return
    await _insert_end(connection, settled)
    now = settled.changed_at
    for timed, step in void_disables(settled, await _lock_waiting(connection, flow)):
        ended = replace(timed, state=step.to, outcome=step.outcome, changed_at=now, due_at=None)
        await write_if_unchanged(connection, timed, with_lease(None, ended))
        await append_events(connection, [transition_event(timed, now, step)], change=timed.id)


async def _insert_end(connection: AsyncConnection, enable: Change) -> None:
    """Insert the planned end of an enable, once."""
    request, now = plan_end(enable), enable.changed_at
    if request is None or request.not_before is None:
        return
    due_at, progress = next_due(request.not_before, now), Progress(starts_at=request.not_before)
    while await queries.fetch_by_token(connection, request.token) is None:
        end = Change(ChangeId(new_id()), request, ChangeState.SCHEDULED, 1, now, now, due_at=due_at, progress=progress)
        if await insert_if_absent(connection, changes, change_row(end)):
            details = {"start": request.not_before.isoformat(), "ends": enable.id}
            event = event_for_change(end, now, AuditAction.SCHEDULED, request.requester, details)
            await append_events(connection, [event])


async def _lock_waiting(connection: AsyncConnection, flow: FlowId) -> tuple[Change, ...]:
    """Read the disables of a flow that wait for their time; nobody else moves them until the transaction ends."""
    is_waiting = queries.in_states(WAITING_STATES)
    waiting = select(changes).where(changes.c.flow_id == flow, is_waiting, queries.IS_TIMED_DISABLE)
    return await queries.fetch_many(connection, waiting.order_by(changes.c.id).with_for_update())
