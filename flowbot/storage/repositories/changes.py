"""The repository of changes: each method is one transaction."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, select, update

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import (
    LEASED_STATES,
    OPEN_STATES,
    Change,
    ChangeKind,
    ChangeRequest,
    ChangeState,
    Lease,
    Progress,
    Vote,
    can_transition,
)
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import EventFilter, FlowClaimedError, VoteResult
from flowbot.storage.repositories.change_queries import (
    IS_PENDING,
    LATEST,
    MAKING,
    NEEDED_APPROVAL,
    NEWEST,
    OLDEST,
    flow_creators,
    has_token,
    holds_lease,
    in_states,
    is_a_while_ago,
    is_free,
    is_held,
    is_unshown,
    is_younger,
    select_approved_before,
    select_many,
    select_one,
    select_unsettled,
)
from flowbot.storage.repositories.change_rows import (
    append_events,
    change_from_request,
    events_after,
    latest_events,
    progress_columns,
    read_change,
    read_event,
)
from flowbot.storage.repositories.change_writes import (
    append_note,
    insert_or_find,
    lease_columns,
    mark_shown,
    next_version,
)
from flowbot.storage.repositories.votes import count_vote, read_votes
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database

NOTIFYING_SECONDS: Final = timedelta(seconds=2)
"""Whoever moved a change has this long to tell of it before others do: a message is not posted twice by two at once."""


_AUDIT_PAGE: Final = 500


class ChangeRepository:
    """The changes in the database. Every method is one transaction and raises DependencyError where the database fails.

    Args:
        database: migrated and open.
        clock: tells when a change was submitted.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def submit(self, new: ChangeRequest, lease: Lease, event: AuditEvent) -> tuple[Change, bool]:
        """Keep a new change as `draft` in version 1, leased and due at once, or find the one with the same token.

        Returns:
            The change, and whether it is new. `event` is written, with its id, only if it is.

        Raises:
            FlowTaken: the flow has an open change; this one was not kept.
            DependencyError: the database did not answer; this one was not kept.
        """
        async with self._database.write() as connection:
            if known := await has_token(connection, new.token):
                return known, False
            change, is_new = await insert_or_find(connection, change_from_request(new, lease, self._clock()))
            if is_new:
                await append_events(connection, [replace(event, change=change.id)])
        return change, is_new

    async def get(self, change: ChangeId) -> Change | None:
        """One change, as it was committed last."""
        async with self._database.read() as connection:
            return await select_one(connection, changes.c.id == change)

    async def open_change_of(self, flow: FlowId) -> Change | None:
        """The open change of a flow."""
        async with self._database.read() as connection:
            return await holds_lease(connection, flow)

    async def has_unsettled(self, flow: FlowId, kind: ChangeKind, now: datetime, *, within: timedelta) -> bool:
        """Whether a change of this kind of a flow became unknown less than `within` ago, and is so still."""
        return bool(await self._find(select_unsettled(flow, kind, now, within).limit(1)))

    async def transition(self, seen: Change, moved: Change, *events: AuditEvent) -> Change:
        """Put `moved` in the place of `seen`, in the next version, and write `events` with the change's id.

        It happens only if the kept one still has the version of `seen` and the lease its owner: who lost the lease must
        not settle what another is working on. Kept of `moved` is everything but id, asked, created_at, version and what
        was shown; `sent_at` and `newest_before`, once set, stay, and so do the lease, `due_at` and the progress where
        `moved` has them as `seen` has.

        Returns:
            The change as it is kept now.

        Raises:
            Conflict: somebody was faster; nothing was written.
            FlowMade: another change has made the flow that this one is said to have made; nothing was written.
            ValueError: no change goes from that state to this.
        """
        if moved.state is not seen.state and not can_transition(seen.state, moved.state):
            raise ValueError(f"no change goes from {seen.state} to {moved.state}")
        made = moved.outcome.flow if moved.outcome and moved.request.kind in MAKING else None
        async with self._database.write(alone=None if made is None else f"made.{made}") as connection:
            kept = await next_version(connection, seen, moved)
            if made is not None and await connection.scalar(flow_creators([made], except_change=seen.id)):
                raise FlowClaimedError
            await append_events(connection, [replace(event, change=seen.id) for event in events])
        return kept

    async def record_vote(self, change: ChangeId, vote: Vote, lease: Lease, *events: AuditEvent) -> VoteResult:
        """Count a vote in the place of this person's earlier one, with all that follows from it.

        The version grows, and `events` are written with the change's id. With as many approvals as the rule's quorum
        asks for the change moves to `applying` under `lease`, due no more, and an event `change.approved` comes after
        them, which names all who approved. A vote that is the person's already changes and writes nothing.

        Raises:
            Conflict: the change is not pending any more; nothing was written.
            LookupError: there is no such change.
        """
        async with self._database.write() as connection:
            return await count_vote(connection, change, vote, lease, *events)

    async def votes(self, change: ChangeId) -> tuple[Vote, ...]:
        """The votes on a change, oldest first."""
        async with self._database.read() as connection:
            return await read_votes(connection, change)

    async def get_by_token(self, token: FormToken) -> Change | None:
        """The change that a form became."""
        async with self._database.read() as connection:
            return await has_token(connection, token)

    async def last_approved_before(self, change: Change) -> Change | None:
        """The latest change of the same flow that was approved and applied before this one; to enable or to edit it."""
        if change.request.flow is None:
            return None
        return next(iter(await self._find(select_approved_before(change).limit(1))), None)

    async def due(self, now: datetime, *, limit: int = 50) -> tuple[Change, ...]:
        """Pending changes whose `due_at` has come, the longest overdue first."""
        overdue = select(changes).where(IS_PENDING, changes.c.due_at <= now)
        return await self._find(overdue.order_by(changes.c.due_at, changes.c.id).limit(limit))

    async def postpone(self, seen: Change, due_at: datetime | None, progress: Progress) -> bool:
        """Set when a pending change is due next, and its progress; the version stays.

        Returns:
            Whether it was done: it is still pending, and its `due_at` that of `seen`. Of two who saw the same and
            postpone to another moment, one gets true.
        """
        as_seen = and_(changes.c.id == seen.id, IS_PENDING, changes.c.due_at.is_not_distinct_from(seen.due_at))
        return await self._touch(as_seen, due_at=due_at, **progress_columns(progress))

    async def mark_skip_announced(self, change: ChangeId) -> None:
        """Note that the alarm of a broken glass has rung, whatever became of the change since; the version stays.

        Raises:
            LookupError: there is no such change.
        """
        async with self._database.write() as connection:
            await append_note(connection, change, lambda progress: replace(progress, is_alarmed=True))

    async def mark_requester_notified(self, change: ChangeId, version: int) -> None:
        """Note that the one who asked was told of `version` apart, if of no newer one; the change's own version stays.

        Raises:
            LookupError: there is no such change.
        """
        async with self._database.write() as connection:
            await append_note(
                connection, change, lambda progress: replace(progress, told_apart=max(progress.told_apart, version))
            )

    async def pending(self, *, after: Change | None = None, limit: int = 200) -> tuple[Change, ...]:
        """The pending changes that were submitted `after` another one (None: all), oldest first, `limit` at most."""
        waiting = select(changes).where(IS_PENDING).order_by(*OLDEST).limit(limit)
        return await self._find(waiting if after is None else waiting.where(is_younger(after)))

    async def requested_by(self, person: UserId, *, limit: int = 20) -> tuple[Change, ...]:
        """The latest changes that a person asked for and that needed an approval, newest first."""
        theirs = select(changes).where(changes.c.requester == str(person), NEEDED_APPROVAL)
        return await self._find(theirs.order_by(*NEWEST).limit(limit))

    async def closed(
        self, *, websites: frozenset[WebsiteId] | None = None, except_requester: UserId | None = None, limit: int = 50
    ) -> tuple[Change, ...]:
        """The changes that needed an approval and are not open any more, the latest moved first.

        Only those of `websites` (None: of all), and none that `except_requester` asked for.
        """
        closed = select(changes).where(NEEDED_APPROVAL, ~in_states(OPEN_STATES))
        if websites is not None:
            closed = closed.where(changes.c.website_id.in_(sorted(websites)))
        if except_requester is not None:
            closed = closed.where(changes.c.requester != str(except_requester))
        return await self._find(closed.order_by(*LATEST).limit(limit))

    async def claim_lapsed(self, now: datetime, lease: Lease, *, limit: int = 20) -> tuple[Change, ...]:
        """Take over changes in hand whose lease ran out before `now` or was given up, oldest first.

        Several callers in the same instant get different ones: a row that another is about to claim is passed by.
        """
        ours = select(changes.c.id).where(in_states(LEASED_STATES), is_free(now)).order_by(*OLDEST).limit(limit)
        async with self._database.write() as connection:
            ids = (await connection.scalars(ours.with_for_update(skip_locked=True))).all()
            claimed = update(changes).where(changes.c.id.in_(ids)).values(lease_columns(lease)).returning(changes)
            kept = [read_change(row) for row in await connection.execute(claimed)]
        return tuple(sorted(kept, key=lambda change: (change.created_at, change.id)))

    async def try_acquire_lease(self, change: ChangeId, now: datetime, lease: Lease) -> bool:
        """Take a lease that nobody holds at `now`; false where somebody does."""
        return await self._touch(and_(changes.c.id == change, is_free(now)), **lease_columns(lease))

    async def renew_lease(self, change: ChangeId, lease: Lease) -> bool:
        """Prolong a lease that is still its owner's; false where it was lost."""
        return await self._touch(is_held(change, lease.owner), lease_until=lease.until)

    async def release_lease(self, change: ChangeId, owner: str) -> None:
        """Give up a lease, so that anybody may take the change over at once; nothing where it was lost already."""
        await self._touch(is_held(change, owner), lease_owner=None, lease_until=None)

    async def mark_sent_once(self, change: ChangeId, owner: str, at: datetime, newest_before: FlowId | None) -> bool:
        """Note, once and for ever, that the write is about to be sent.

        Returns:
            Whether the caller may send: the change is `applying`, nobody was given leave before, the lease is theirs.
        """
        unsent = and_(
            is_held(change, owner), changes.c.state == ChangeState.APPLYING.value, changes.c.sent_at.is_(None)
        )
        return await self._touch(unsent, sent_at=at, newest_before=newest_before)

    async def flows_created_by_others(self, flows: Collection[FlowId], *, except_change: ChangeId) -> frozenset[FlowId]:
        """Those of `flows` that some other change than `except_change` has made."""
        async with self._database.read() as connection:
            return frozenset(
                FlowId(row.flow_id)
                for row in await connection.execute(flow_creators(flows, except_change=except_change))
            )

    async def unshown(self, now: datetime, *, limit: int = 20) -> tuple[Change, ...]:
        """Changes that nobody works on and of which the newest version was not shown for a while, oldest first."""
        untold = and_(is_unshown(), is_a_while_ago(changes.c.changed_at, now, NOTIFYING_SECONDS), is_free(now))
        oldest = select(changes).where(untold).order_by(changes.c.changed_at, changes.c.id).limit(limit)
        return await self._find(oldest)

    async def mark_shown(
        self, change: ChangeId, version: int, *, channel: ChannelId | None = None, ts: str | None = None
    ) -> Change:
        """Note that people were told about `version`, and where the message is, if there is one.

        News of an older version than was shown already does not count; its message does if there is no other.

        Returns:
            The change as it is now. Where its `shown_version` is newer than `version`, a newer state was told of before
            this note came, and the older may have been drawn over it.

        Raises:
            LookupError: there is no such change.
        """
        noted = (
            update(changes).where(changes.c.id == change).values(mark_shown(version, channel, ts)).returning(changes)
        )
        async with self._database.write() as connection:
            row = (await connection.execute(noted)).one_or_none()
        if row is None:
            raise LookupError(f"there is no change {change}")
        return read_change(row)

    async def latest_events(self, scope: EventFilter, *, limit: int) -> tuple[AuditEvent, ...]:
        """The latest events of `scope`, newest first. Events of no website are seen by who may see all."""
        async with self._database.read() as connection:
            return tuple(read_event(row) for row in await connection.execute(latest_events(scope, limit)))

    async def all_events(self) -> AsyncIterator[AuditEvent]:
        """All events, oldest first, a page at a time: no transaction stays open between two of them.

        What is being written at that very moment may be missing; the next call has it.
        """
        number = 0
        while True:
            async with self._database.read() as connection:
                page = [read_event(row) for row in await connection.execute(events_after(number, _AUDIT_PAGE))]
            for event in page:
                yield event
            if len(page) < _AUDIT_PAGE:
                return
            number = page[-1].number or number

    async def _find(self, wanted: Select[Any]) -> tuple[Change, ...]:
        async with self._database.read() as connection:
            return await select_many(connection, wanted)

    async def _touch(self, condition: ColumnElement[bool], **values: Any) -> bool:
        """Write to the change that fulfils the condition, in no new version. Whether there was one."""
        async with self._database.write() as connection:
            return (await connection.execute(update(changes).where(condition).values(**values))).rowcount == 1
