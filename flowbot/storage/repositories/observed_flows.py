"""The repository of what the watch knows: the flows as they were read last, and the watch's own row."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Executable, Float, Row, and_, bindparam, delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.change import CREATING_KINDS, ChangeState, Lease
from flowbot.domain.finding_answers import closing_event
from flowbot.domain.flow import Flow, Totals
from flowbot.domain.ids import ChangeId, FlowId, WebsiteId
from flowbot.domain.policy import BreakerRule
from flowbot.domain.report import Report
from flowbot.domain.watch import COMPARED_FIELDS, content_key
from flowbot.services.batches import batched
from flowbot.services.ports.leases import Leasable
from flowbot.services.ports.readings import (
    WATCH,
    FlowsMovedError,
    KnownFlow,
    LiveFlow,
    Observation,
    RoundRecord,
    WatchLostError,
    WatchRound,
    WatchState,
    WatchStore,
)
from flowbot.services.ports.reports import ReportConflictError
from flowbot.storage.documents import Document
from flowbot.storage.inserts import insert_if_absent, insert_into
from flowbot.storage.repositories.change_queries import IS_UNOBSERVED
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.repositories.figures import record_reading
from flowbot.storage.repositories.reports import insert_findings, insert_summary, redraw_summaries, replace_report
from flowbot.storage.tables import changes, observed_flows, watch
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import MalformedCellError, keep_readable, row_reader

PAGE: Final = 1000
"""Rows that are read by one statement."""
WRITTEN_PAGE: Final = 200
"""Rows that are written by one statement: between two of them others have their turn."""
_FLOW: Final = Document(Flow, has_mappings=False)
_KNOWN: Final = (
    observed_flows.c.flow_id,
    observed_flows.c.website_id,
    observed_flows.c.content_key,
    observed_flows.c.sent,
    observed_flows.c.displayed,
    observed_flows.c.clicked,
    observed_flows.c.closed,
)
_IS_WATCH: Final = watch.c.id == WATCH
_TOTALS: Final = ("sent", "displayed", "clicked", "closed")
_OF_ROW: Final = update(observed_flows).where(observed_flows.c.flow_id == bindparam("flow"))
_SET_TOTALS: Final = _OF_ROW.values({name: bindparam(f"new_{name}") for name in (*_TOTALS, "seen_at")})
_SET_BASE: Final = _OF_ROW.values({f"base_{name}": bindparam(f"new_{name}") for name in _TOTALS})


class ObservedFlowRepository(WatchStore):
    """What the watch knows, in the database.

    Args:
        database: migrated and open.
        zone: whose midnight ends a day of figures.
    """

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def get_state(self) -> WatchState:
        async with self._database.query() as connection:
            row = (await connection.execute(select(watch).where(_IS_WATCH))).one_or_none()
        if row is not None:
            return read_state(row)
        async with self._database.write() as connection:
            await insert_if_absent(connection, watch, {"id": WATCH, "version": 0, "has_baseline": False})
        return WatchState()

    async def list_known(self) -> AsyncIterator[Mapping[FlowId, KnownFlow]]:
        last, is_full = 0, True
        while is_full:
            wanted = select(*_KNOWN).where(observed_flows.c.flow_id > last).order_by(observed_flows.c.flow_id)
            async with self._database.query() as connection:
                rows = (await connection.execute(wanted.limit(PAGE))).all()
                page = dict(keep_readable(connection, rows, _read_known))
            yield page
            last, is_full = rows[-1].flow_id if rows else 0, len(rows) == PAGE

    async def get_flows(self, flows: Collection[FlowId]) -> Mapping[FlowId, Flow]:
        found: dict[FlowId, Flow] = {}
        for page in batched(flows, PAGE):
            wanted = select(observed_flows).where(observed_flows.c.flow_id.in_(page))
            async with self._database.query() as connection:
                rows = (await connection.execute(wanted)).all()
                read = keep_readable(connection, rows, read_flow)
            documents = {row.flow_id: row.document for row in rows}
            # An older flowbot did not read a field that is compared now.
            found |= {flow.id: flow for flow in read if set(COMPARED_FIELDS) <= documents[flow.id].keys()}
        return found

    async def count_settled(self, at: datetime) -> None:
        is_settled = changes.c.state.not_in([ChangeState.APPLYING.value, ChangeState.UNKNOWN.value])
        async with self._database.write() as connection:
            await connection.execute(update(changes).where(IS_UNOBSERVED, is_settled).values(observed_at=at))

    async def store_baseline(self, flows: Sequence[Flow], read_at: datetime) -> None:
        first = [Observation(flow, counts_anew=True, is_enabled_anew=True) for flow in flows]
        async with self._database.write() as connection:
            await _write_observations(connection, first, read_at)

    async def store_round(self, record: RoundRecord) -> WatchRound:
        state, at = record.state, record.read_at
        is_own = and_(_IS_WATCH, watch.c.version == state.version, watch.c.lease_owner == record.owner)
        noted = update(watch).where(is_own).values(version=state.version + 1, read_at=at, has_baseline=True)
        async with self._database.write() as connection:
            if not (await connection.execute(noted)).rowcount:
                raise WatchLostError
            await _require_unmoved(connection, record)
            await _write_observations(connection, record.observed, at)
            for page in batched(record.gone, PAGE):
                await connection.execute(delete(observed_flows).where(observed_flows.c.flow_id.in_(page)))
            for counted in batched(record.counted, PAGE):
                await connection.execute(update(changes).where(changes.c.id.in_(counted)).values(observed_at=at))
            await record_reading(connection, at, record.moves, self._zone)
            reports = await _write_reports(connection, record)
        return WatchRound(state.version + 1, at, state.read_at, reports)

    async def list_live(
        self, websites: frozenset[WebsiteId] | None = None, *, beyond: BreakerRule | None = None
    ) -> Sequence[LiveFlow]:
        columns = observed_flows.c
        live = select(observed_flows).where(columns.live_since.is_not(None), columns.tripped_at.is_(None))
        if beyond is not None:
            live = live.where(_is_beyond(beyond))
        if websites is not None:
            live = live.where(columns.website_id.in_(sorted(websites)))
        async with self._database.query() as connection:
            return keep_readable(connection, await connection.execute(live.order_by(columns.flow_id)), read_live)

    async def list_live_since(self, websites: frozenset[WebsiteId] | None, since: datetime) -> frozenset[FlowId]:
        live = select(observed_flows.c.flow_id).where(observed_flows.c.live_since <= since)
        if websites is not None:
            live = live.where(observed_flows.c.website_id.in_(sorted(websites)))
        async with self._database.query() as connection:
            return frozenset(map(FlowId, (await connection.execute(live)).scalars()))

    async def mark_tripped(self, flow: FlowId, live_since: datetime, at: datetime) -> bool:
        columns = observed_flows.c
        is_live = and_(columns.flow_id == flow, columns.live_since == live_since, columns.tripped_at.is_(None))
        async with self._database.write() as connection:
            return bool(
                (await connection.execute(update(observed_flows).where(is_live).values(tripped_at=at))).rowcount
            )

    async def try_acquire_lease(self, seen: Leasable, lease: Lease) -> bool:
        owner, until, before = watch.c.lease_owner, watch.c.lease_until, seen.lease
        is_free = or_(owner.is_(None), until.is_(None))
        is_as_seen = is_free if before is None else and_(owner == before.owner, until == before.until)
        return await self._lease(seen.id, and_(watch.c.version == seen.version, is_as_seen), lease)

    async def renew_lease(self, change: ChangeId, lease: Lease) -> bool:
        return await self._lease(change, watch.c.lease_owner == lease.owner, lease)

    async def release_lease(self, change: ChangeId, owner: str) -> None:
        await self._lease(change, watch.c.lease_owner == owner, None)

    async def _lease(self, leased: ChangeId, condition: ColumnElement[bool], lease: Lease | None) -> bool:
        """Write a lease, or none, where the condition is fulfilled; return whether it was."""
        owner, until = (lease.owner, lease.until) if lease else (None, None)
        written = update(watch).where(watch.c.id == leased, condition).values(lease_owner=owner, lease_until=until)
        async with self._database.write() as connection:
            return bool((await connection.execute(written)).rowcount)


def _is_beyond(rule: BreakerRule) -> ColumnElement[bool]:
    """Return the condition that a flow's figures are beyond the limits, which `find_breaches` judges to the digit."""
    sent, displayed, clicked, closed = (observed_flows.c[name] - observed_flows.c[f"base_{name}"] for name in _TOTALS)
    broken = []
    if rule.min_click_rate is not None:
        broken.append(clicked < displayed * literal(rule.min_click_rate, Float))
    if rule.max_close_rate is not None:
        broken.append(closed > displayed * literal(rule.max_close_rate, Float))
    return and_(sent >= rule.min_sent, displayed > 0, or_(*broken))


async def _require_unmoved(connection: AsyncConnection, record: RoundRecord) -> None:
    """Make sure that flowbot has sent nothing to the flows of findings since they were read.

    A create that was sent may have made any flow that was not known before.
    """
    told = record.told
    moved: set[FlowId] = set()
    for page in batched(told, PAGE):
        is_concerned = or_(changes.c.flow_id.in_(page), changes.c.kind.in_(sorted(CREATING_KINDS)))
        sent = select(changes.c.id, changes.c.state, changes.c.flow_id, changes.c.kind)
        for row in await connection.execute(sent.where(IS_UNOBSERVED, is_concerned)):
            if record.sent.get(ChangeId(row.id)) == row.state:
                continue
            is_create = row.kind in CREATING_KINDS
            moved |= {flow for flow in page if flow == row.flow_id or (is_create and told[flow].before is None)}
    if moved:
        raise FlowsMovedError(moved)


async def _write_observations(connection: AsyncConnection, observed: Sequence[Observation], at: datetime) -> None:
    """Write what was read of flows: whole where their content is new, else their totals."""
    columns = observed_flows.c
    for page in batched(observed, WRITTEN_PAGE):
        if whole := [_whole_row(each.flow, at) for each in page if each.has_new_content]:
            await connection.execute(_upsert(connection), whole)
        if moved := [_totals_row(each.flow, at) for each in page if not each.has_new_content]:
            await connection.execute(_SET_TOTALS, moved)
        if anew := [_totals_row(each.flow, at) for each in page if each.counts_anew]:
            await connection.execute(_SET_BASE, anew)
        if enabled := [each.flow.id for each in page if each.is_enabled_anew and each.flow.is_enabled]:
            begun = update(observed_flows).where(columns.flow_id.in_(enabled))
            await connection.execute(begun.values(live_since=at, tripped_at=None))
        if off := [each.flow.id for each in page if each.has_new_content and not each.flow.is_enabled]:
            ended = update(observed_flows).where(columns.flow_id.in_(off))
            await connection.execute(ended.values(live_since=None, tripped_at=None))


def _upsert(connection: AsyncConnection) -> Executable:
    """Return a statement that writes whole rows; since when a flow is live, and its base, stay where it is known."""
    insert = insert_into(connection, observed_flows)
    renewed = {name: insert.excluded[name] for name in ("website_id", "content_key", "document", "seen_at", *_TOTALS)}
    return insert.on_conflict_do_update(index_elements=[observed_flows.c.flow_id], set_=renewed)


def _totals_row(flow: Flow, at: datetime) -> dict[str, Any]:
    return {"flow": flow.id, "new_seen_at": at} | {f"new_{name}": getattr(flow.totals, name) for name in _TOTALS}


def _whole_row(flow: Flow, at: datetime) -> dict[str, Any]:
    totals = {name: getattr(flow.totals, name) for name in _TOTALS}
    return {
        "flow_id": flow.id,
        "website_id": flow.website_id,
        "content_key": content_key(flow),
        "document": _FLOW.write(flow),
        "seen_at": at,
        **totals,
        **{f"base_{name}": value for name, value in totals.items()},
    }


async def _write_reports(connection: AsyncConnection, record: RoundRecord) -> tuple[Report, ...]:
    """Write the findings of a round, and the summary before those that it tells.

    Raises:
        FlowsMovedError: somebody has dealt with an open one.
    """
    at, summary, reports = record.read_at, record.summary, list[Report]()
    try:
        if summary is not None:
            reports.append(await insert_summary(connection, summary, at))
        reports += [await replace_report(connection, seen, new, at) for seen, new in record.updates]
    except ReportConflictError as conflict:
        raise FlowsMovedError([flow for flow in (conflict.current.told.flow,) if flow is not None]) from conflict
    await redraw_summaries(connection, [*(seen for seen, _ in record.updates), *reports])
    await append_events(connection, [closing_event(each, each.told, at) for each in reports if not each.is_open])
    return (*reports, *await insert_findings(connection, record.findings, at))


@row_reader(watch)
def read_state(row: Row[Any]) -> WatchState:
    """Read the watch's own row."""
    return WatchState(row.version, Lease.of(row.lease_owner, row.lease_until), row.read_at, row.has_baseline)


@row_reader(observed_flows)
def _read_known(row: Row[Any]) -> tuple[FlowId, KnownFlow]:
    return FlowId(row.flow_id), KnownFlow(WebsiteId(row.website_id), row.content_key, Totals(**_totals_of(row)))


@row_reader(observed_flows)
def read_flow(row: Row[Any]) -> Flow:
    """Read the flow from its row, with its newest totals."""
    if not isinstance(row.document, Mapping):
        raise MalformedCellError("document is no flow")
    return _FLOW.read({**row.document, "id": row.flow_id, "totals": _totals_of(row)})


@row_reader(observed_flows)
def read_live(row: Row[Any]) -> LiveFlow:
    """Read a live flow from its row."""
    totals = _totals_of(row)
    counted = Totals(**{name: value - getattr(row, f"base_{name}") for name, value in totals.items()})
    return LiveFlow(FlowId(row.flow_id), WebsiteId(row.website_id), row.live_since, counted, row.tripped_at)


def _totals_of(row: Row[Any]) -> dict[str, int]:
    return {name: getattr(row, name) for name in _TOTALS}
