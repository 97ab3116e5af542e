"""The repository of changes, with their votes and events, and the statements that write them."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, false, func, null, or_, select, update

from flowbot.domain.audit import AuditEvent, Transition
from flowbot.domain.change import (
    CREATING_KINDS,
    FORM_KINDS,
    LEASED_STATES,
    OPEN_STATES,
    SAVED_STATES,
    Change,
    ChangeKind,
    ChangeRequest,
    ChangeState,
    Lease,
    with_lease,
)
from flowbot.domain.draft import Draft
from flowbot.domain.ids import ChangeId, FlowId, FormToken, WebsiteId
from flowbot.domain.progress import Progress
from flowbot.domain.remarks import Remark
from flowbot.domain.transitions import can_transition
from flowbot.domain.votes import Vote
from flowbot.services.batches import batched
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import (
    ChangeStore,
    EventFilter,
    FlowClaimedError,
    Replacement,
    RequestRecord,
    SettingsOf,
    VersionConflictError,
    VotedChange,
    VoteResult,
    WaitingRequest,
)
from flowbot.services.ports.leases import Backlog, Leasable
from flowbot.services.ports.messages import MessageKey, MessageRole, Place
from flowbot.storage.repositories import change_queries as queries
from flowbot.storage.repositories.change_queries import NEEDED_APPROVAL, NEWEST, OLDEST, in_states
from flowbot.storage.repositories.change_rows import (
    append_events,
    progress_columns,
    read_change,
    read_event,
)
from flowbot.storage.repositories.change_writes import count_vote, displace_open, insert_or_find, write_if_unchanged
from flowbot.storage.repositories.drafts import delete_draft, write_draft
from flowbot.storage.repositories.finding_answers import note_answer
from flowbot.storage.repositories.known_settings import record_settings
from flowbot.storage.repositories.messages import record_message
from flowbot.storage.repositories.reports import redraw_reports
from flowbot.storage.repositories.scopes import fetch_scope
from flowbot.storage.repositories.step_requests import note_request
from flowbot.storage.repositories.timed_changes import settle_times
from flowbot.storage.tables import changes, channels, events
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import fetch_readable

SENT_STATES: Final = frozenset({ChangeState.APPLYING, ChangeState.APPLIED, ChangeState.UNKNOWN})
"""The states of a change whose write was taken by Enkapush, or may have been."""
WATCHED_KINDS: Final = frozenset({ChangeKind.ENABLE, *CREATING_KINDS})
"""Kinds that are watched after they were applied: a second flow, or a disable that came before, may show itself."""
_EVENT_PAGE: Final = 500
_UNOBSERVED_PAGE: Final = 100
"""Changes that are read in one go: between two pages others have their turn."""
_IS_SHARED: Final = (
    select(channels.c.is_shared)
    .where(channels.c.channel_id == changes.c.message_channel)
    .correlate(changes)
    .scalar_subquery()
    .label("is_shared")
)
"""Whether the channel of a change's message is shared, as Slack said last; null where it was not asked."""


class ChangeRepository(ChangeStore):
    """The changes in the database.

    Args:
        database: migrated and open.
        clock: tells when a change was submitted.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def submit(
        self,
        new: ChangeRequest,
        lease: Lease,
        event: AuditEvent,
        *,
        displacing: Transition | None = None,
        draft: Draft | None = None,
    ) -> tuple[RequestRecord, bool]:
        async with self._database.write() as connection:
            change, is_new = await insert_or_find(connection, new, lease, self._clock(), displacing)
            if not is_new:
                return await queries.fetch_record(connection, change.id), False
            await append_events(connection, [event], change=change.id)
            await note_answer(connection, change)
            await note_request(connection, change)
            if draft is not None:
                await write_draft(connection, draft)
            return RequestRecord(change, (), await fetch_scope(connection, new.channel)), True

    async def get(self, change: ChangeId) -> Change | None:
        async with self._database.query() as connection:
            return await queries.fetch_one(connection, changes.c.id == change)

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        return self._database.snapshot()

    async def get_record(self, change: ChangeId) -> RequestRecord:
        async with self._database.read() as connection:
            return await queries.fetch_record(connection, change)

    async def get_records(self, wanted: Sequence[ChangeId]) -> tuple[RequestRecord, ...]:
        async with self._database.read() as connection:
            return await queries.fetch_records(connection, wanted)

    async def get_by_token(self, token: FormToken) -> Change | None:
        async with self._database.query() as connection:
            return await queries.fetch_by_token(connection, token)

    async def open_change_of(self, flow: FlowId) -> Change | None:
        async with self._database.query() as connection:
            return await queries.fetch_open(connection, flow)

    async def last_approved_before(self, change: Change) -> Change | None:
        if change.request.flow is None:
            return None
        approved = select(changes).where(
            changes.c.flow_id == change.request.flow,
            changes.c.id != change.id,
            changes.c.state == ChangeState.APPLIED,
            changes.c.kind.in_([ChangeKind.ENABLE, ChangeKind.EDIT]),
            changes.c.created_at < change.created_at,
            NEEDED_APPROVAL,
        )
        return next(iter(await self._fetch(approved.order_by(*NEWEST).limit(1))), None)

    async def sent_since(self, flow: FlowId, since: datetime) -> tuple[Change, ...]:
        sent = select(changes).where(changes.c.flow_id == flow, changes.c.sent_at > since, in_states(SENT_STATES))
        # By the database's count, since the clocks of two processes may differ.
        submitted = select(func.min(events.c.number)).where(
            events.c.flow_id == flow, events.c.change_id == changes.c.id
        )
        return await self._fetch(sent.order_by(submitted.scalar_subquery(), changes.c.id))

    async def unobserved(self) -> tuple[Change, ...]:
        order = (changes.c.changed_at, changes.c.id)
        async with self._database.query() as connection:
            found = await connection.scalars(select(changes.c.id).where(queries.IS_UNOBSERVED).order_by(*order))
            ids = found.all()
        read: list[Change] = []
        for page in batched(ids, _UNOBSERVED_PAGE):
            read += await self._fetch(select(changes).where(changes.c.id.in_(page)).order_by(*order))
        return tuple(read)

    async def scheduled_disables(self, flow: FlowId | None = None) -> tuple[Change, ...]:
        is_scheduled = changes.c.state == ChangeState.SCHEDULED.value
        wanted = select(changes).where(is_scheduled, queries.IS_TIMED_DISABLE).order_by(changes.c.due_at, changes.c.id)
        return await self._fetch(wanted if flow is None else wanted.where(changes.c.flow_id == flow))

    async def creating(self, website: WebsiteId, *, except_change: ChangeId) -> tuple[Change, ...]:
        is_sent = and_(changes.c.state == ChangeState.APPLYING.value, changes.c.sent_at.is_not(None))
        is_here = and_(changes.c.website_id == website, changes.c.kind.in_(sorted(CREATING_KINDS)))
        return await self._fetch(select(changes).where(is_sent, is_here, changes.c.id != except_change))

    async def late_since(self, since: datetime) -> tuple[Change, ...]:
        is_unknown = changes.c.state == ChangeState.UNKNOWN.value
        is_watched = and_(changes.c.state == ChangeState.APPLIED.value, changes.c.kind.in_(sorted(WATCHED_KINDS)))
        late = select(changes).where(changes.c.sent_at > since, or_(is_unknown, is_watched))
        return await self._fetch(late.order_by(changes.c.sent_at, changes.c.id))

    async def flows_created_by_others(self, flows: Collection[FlowId], *, except_change: ChangeId) -> frozenset[FlowId]:
        created = queries.select_created_flows(flows, except_change=except_change)
        async with self._database.query() as connection:
            return frozenset(FlowId(row.flow_id) for row in await connection.execute(created))

    async def replace_if_unchanged(
        self,
        seen: Change,
        moved: Change,
        *new_events: AuditEvent,
        settings: SettingsOf | None = None,
        displacing: Transition | None = None,
        along: Replacement | None = None,
    ) -> Change:
        _require_transition(seen, moved)
        if along is not None:
            _require_transition(along.seen, along.moved)
        is_creating = moved.request.kind in CREATING_KINDS
        created = moved.outcome.flow if moved.outcome and is_creating else None
        # The lock keeps its name: an older process beside this one takes the same.
        async with self._database.write(alone=None if created is None else f"made.{created}") as connection:
            if displacing is not None:
                await displace_open(connection, moved, displacing)
            if along is not None:
                await write_if_unchanged(connection, along.seen, along.moved)
                await append_events(connection, along.events, change=along.seen.id)
            change = await write_if_unchanged(connection, seen, moved)
            if created is not None:
                claims = queries.select_created_flows([created], except_change=seen.id)
                if await connection.scalar(claims):
                    raise FlowClaimedError
            if settings is not None and (known := settings(change)) is not None:
                await record_settings(connection, known)
            await append_events(connection, new_events, change=seen.id)
            if moved.state is not seen.state:
                await settle_times(connection, seen, change)
                if moved.request.kind in FORM_KINDS and moved.state in SAVED_STATES:
                    await delete_draft(connection, moved.request.token)
        return change

    async def record_vote(
        self, change: ChangeId, vote: Vote, lease: Lease, *new_events: AuditEvent, seen: RequestRecord | None = None
    ) -> VoteResult:
        async with self._database.write() as connection:
            if seen is not None:
                with suppress(VersionConflictError):
                    return await count_vote(connection, seen.change, seen.votes, vote, lease, *new_events)
            current = await queries.fetch_for_update(connection, change)
            if seen is not None and current.progress.round != seen.change.progress.round:
                # It has other content now than whoever votes saw.
                raise VersionConflictError(current)
            given = await queries.fetch_votes(connection, change)
            return await count_vote(connection, current, given, vote, lease, *new_events)

    async def find_backlog(self, now: datetime) -> Backlog:
        async with self._database.read() as connection:
            return await queries.fetch_backlog(connection, now)

    async def due(self, now: datetime, *, limit: int = 50) -> tuple[Change, ...]:
        due = select(changes).where(queries.is_due(now))
        return await self._fetch(due.order_by(changes.c.due_at, changes.c.id).limit(limit))

    async def postpone(self, seen: Change, due_at: datetime | None, progress: Progress | None = None) -> bool:
        is_due = in_states(queries.DUE_STATES)
        is_unchanged = and_(changes.c.version == seen.version, changes.c.due_at.is_not_distinct_from(seen.due_at))
        is_as_seen = and_(changes.c.id == seen.id, is_due, is_unchanged)
        return await self._update(is_as_seen, due_at=due_at, **({} if progress is None else progress_columns(progress)))

    async def waiting(self) -> tuple[WaitingRequest, ...]:
        async with self._database.read() as connection:
            return await queries.fetch_waiting(connection)

    async def closed(
        self, *, websites: frozenset[WebsiteId] | None = None, since: datetime | None = None, limit: int = 50
    ) -> tuple[Change, ...]:
        is_done = in_states(frozenset({ChangeState.APPLIED, ChangeState.UNKNOWN}))
        closed = select(changes).where(or_(NEEDED_APPROVAL, is_done), ~in_states(OPEN_STATES))
        closed = closed.where(~queries.IS_UNWRITTEN_REVISION)
        if websites is not None:
            closed = closed.where(changes.c.website_id.in_(sorted(websites)))
        if since is not None:
            closed = closed.where(changes.c.changed_at > since)
        return await self._fetch(closed.order_by(changes.c.changed_at.desc(), changes.c.id.desc()).limit(limit))

    async def list_history(
        self, websites: frozenset[WebsiteId] | None, flow: FlowId | None, *, offset: int, limit: int
    ) -> tuple[VotedChange, ...]:
        wanted = queries.select_history(websites, flow).offset(offset).limit(limit)
        async with self._database.read() as connection:
            found = await queries.fetch_many(connection, wanted)
            given = await queries.fetch_votes_by_change(connection, [change.id for change in found])
        return tuple(VotedChange(change, given[change.id]) for change in found)

    async def claim_lapsed(self, lapsed: Sequence[Leasable], lease: Lease, *, limit: int = 20) -> tuple[Change, ...]:
        is_as_seen = or_(false(), *map(queries.has_lease_of, lapsed[:limit]))
        unchanged = select(changes).where(in_states(LEASED_STATES), is_as_seen).order_by(*OLDEST)
        async with self._database.write() as connection:
            claimed = await queries.fetch_many(connection, unchanged.with_for_update(skip_locked=True))
            claim = update(changes).where(changes.c.id.in_([change.id for change in claimed]))
            await connection.execute(claim.values(lease_owner=lease.owner, lease_until=lease.until))
        return tuple(with_lease(lease, change) for change in claimed)

    async def try_acquire_lease(self, seen: Leasable, lease: Lease) -> bool:
        return await self._update(queries.has_lease_of(seen), lease_owner=lease.owner, lease_until=lease.until)

    async def renew_lease(self, change: ChangeId, lease: Lease) -> bool:
        return await self._update(queries.is_leased_by(lease.owner, change), lease_until=lease.until)

    async def release_lease(self, change: ChangeId, owner: str) -> None:
        await self._update(queries.is_leased_by(owner, change), lease_owner=None, lease_until=None)

    async def mark_sent_once(self, change: ChangeId, owner: str, at: datetime, newest_before: FlowId | None) -> bool:
        is_applying = changes.c.state == ChangeState.APPLYING.value
        is_unsent = and_(queries.is_leased_by(owner, change), is_applying, changes.c.sent_at.is_(None))
        return await self._update(is_unsent, sent_at=at, newest_before=newest_before)

    async def unmark_sent(self, change: ChangeId, owner: str) -> bool:
        is_applying = changes.c.state == ChangeState.APPLYING.value
        return await self._update(and_(queries.is_leased_by(owner, change), is_applying), sent_at=None)

    async def unshown(self, *, limit: int = 20) -> tuple[Change, ...]:
        unshown = select(changes).where(queries.is_unshown())
        return await self._fetch(unshown.order_by(changes.c.changed_at, changes.c.id).limit(limit))

    async def mark_shown(self, change: ChangeId, version: int, *, owner: str | None = None) -> Change:
        shown: dict[str, Any] = {"shown_version": _newest_shown(version)}
        if owner is not None:
            is_over = and_(changes.c.version == version, ~in_states(LEASED_STATES), changes.c.lease_owner == owner)
            for column in (changes.c.lease_owner, changes.c.lease_until):
                shown[column.name] = case((is_over, null()), else_=column)
        async with self._database.write() as connection:
            return read_change(await queries.update_one(connection, change, shown))

    async def mark_posted(
        self, change: ChangeId, version: int, place: Place, *, is_first: bool = False
    ) -> tuple[Change, bool | None]:
        is_noted = or_(changes.c.shown_version <= version, changes.c.message_ts.is_(None))
        columns = zip((changes.c.message_channel, changes.c.message_ts), map(str, place), strict=True)
        noted = {column.name: case((is_noted, value), else_=column) for column, value in columns}
        shown = {"shown_version": _newest_shown(version), **noted}
        # Whoever notes that the channel is shared comes wholly before this, or finds the message.
        async with self._database.write(alone="channels") as connection:
            row = await queries.update_one(connection, change, shown, _IS_SHARED)
            posted = read_change(row)
            if is_first:
                await record_message(connection, MessageKey(change, MessageRole.REQUEST), place, version)
            if is_first and posted.request.answers is not None:
                # The finding links to it.
                await redraw_reports(connection, [posted.request.answers])
        return posted, row.is_shared

    async def mark_resent(self, change: ChangeId) -> None:
        await self._update_progress(change, lambda progress: replace(progress, is_resent=True))

    async def mark_skip_announced(self, change: ChangeId) -> None:
        await self._update_progress(change, lambda progress: replace(progress, is_alarmed=True))

    async def mark_requester_notified(self, change: ChangeId, version: int) -> None:
        await self._update_progress(
            change, lambda progress: replace(progress, told_apart=max(progress.told_apart, version))
        )

    async def latest_events(self, scope: EventFilter, *, limit: int) -> tuple[AuditEvent, ...]:
        async with self._database.query() as connection:
            return await fetch_readable(connection, events, queries.select_events(scope).limit(limit), read_event)

    async def list_remarks(self, remarked: Collection[Change]) -> Mapping[ChangeId, Sequence[Remark]]:
        wanted = queries.select_remarks(remarked).order_by(events.c.number)
        async with self._database.query() as connection:
            stored = await fetch_readable(connection, events, wanted, read_event)
        return {change.id: [Remark.of(event) for event in stored if event.change == change.id] for change in remarked}

    async def all_events(self) -> AsyncIterator[AuditEvent]:
        number = 0
        while True:
            wanted = select(events).where(events.c.number > number).order_by(events.c.number).limit(_EVENT_PAGE)
            async with self._database.query() as connection:
                page = await fetch_readable(connection, events, wanted, read_event)
            for event in page:
                yield event
            if len(page) < _EVENT_PAGE:
                return
            number = page[-1].number or number

    async def _fetch(self, wanted: Select[Any]) -> tuple[Change, ...]:
        async with self._database.query() as connection:
            return await queries.fetch_many(connection, wanted)

    async def _update(self, condition: ColumnElement[bool], **values: Any) -> bool:
        """Write to the change that fulfils the condition, in no new version; return whether there was one."""
        async with self._database.write() as connection:
            return (await connection.execute(update(changes).where(condition).values(**values))).rowcount == 1

    async def _update_progress(self, change: ChangeId, revise: Callable[[Progress], Progress]) -> None:
        """Put the revised progress in the place of the one there is, in no new version."""
        async with self._database.write() as connection:
            current = await queries.fetch_for_update(connection, change)
            revised = progress_columns(revise(current.progress))
            await connection.execute(update(changes).where(changes.c.id == change).values(revised))


def _require_transition(seen: Change, moved: Change) -> None:
    """Refuse a transition that is not allowed: only a revision is applied without being written."""
    is_unwritten = seen.state is ChangeState.DRAFT and moved.state is ChangeState.APPLIED
    is_step = can_transition(seen.state, moved.state) and not (is_unwritten and seen.request.parent is None)
    if moved.state is not seen.state and not is_step:
        raise ValueError(f"no change goes from {seen.state} to {moved.state}")


def _newest_shown(version: int) -> ColumnElement[int]:
    return case((changes.c.shown_version <= version, version), else_=changes.c.shown_version)
