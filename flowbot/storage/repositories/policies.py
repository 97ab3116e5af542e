"""The repository of policies."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.approval import update_terms
from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import WAITING_STATES, ChangeState
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.policy import ChannelPolicy, PolicyBook, WebsiteRename
from flowbot.services.ports import Clock
from flowbot.services.ports.policies import ChannelScope, FreezeReplacement, PolicyStore
from flowbot.storage.repositories.change_queries import NEEDED_APPROVAL, fetch_many, in_states
from flowbot.storage.repositories.change_rows import append_events, mark_unshown
from flowbot.storage.repositories.change_writes import write_if_unchanged
from flowbot.storage.repositories.scopes import (
    fetch_freezes,
    fetch_scope,
    fetch_website_names,
    read_policy,
)
from flowbot.storage.tables import changes, channel_policies, websites
from flowbot.storage.tables import freezes as freeze_table
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import MAX_INTEGER, fetch_readable, keep_readable


class PolicyRepository(PolicyStore):
    """The policies in the database.

    Args:
        database: migrated and open.
        clock: tells when a policy was replaced.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get_scope(self, channel: ChannelId) -> ChannelScope:
        async with self._database.query() as connection:
            return await fetch_scope(connection, channel)

    async def get_book(self) -> PolicyBook:
        ordered = select(channel_policies).order_by(channel_policies.c.position)
        async with self._database.read() as connection:
            names = await fetch_website_names(connection)
            policies = await fetch_readable(connection, channel_policies, ordered, read_policy)
            freezes = [freeze for _, freeze in await fetch_freezes(connection)]
        sections = {"websites": names, "channels": policies, "freezes": freezes}
        # A key without content was never written, so it stays unset.
        return PolicyBook.model_validate({section: content for section, content in sections.items() if content})

    async def replace_all(self, book: PolicyBook, *events: AuditEvent) -> None:
        now = self._clock()
        policy_rows = [_policy_row(policy, now) | {"position": n} for n, policy in enumerate(book.channels)]
        website_rows = [
            {"website_id": website, "position": n, "name": name}
            for n, (website, name) in enumerate(book.websites.items())
        ]
        async with self._database.write(alone="policies") as connection:
            known = (await connection.execute(select(channel_policies))).all()
            before = {str(policy.id): policy for policy in keep_readable(connection, known, read_policy)}
            # What nobody could read decided nothing: requests follow no change from it, and are shown anew.
            after = {str(policy.id): policy for policy in book.channels}
            unreadable = {row.channel_id for row in known} & after.keys() - before.keys()
            await mark_unshown(connection, changes.c.channel_id.in_(unreadable))
            followed = {channel: policy for channel, policy in after.items() if channel not in unreadable}
            await _update_pending_requests(connection, before, followed, now, actor=None)
            replaced = [freeze for _, freeze in await fetch_freezes(connection)]
            await connection.execute(delete(freeze_table))
            await _add_freezes(connection, book.freezes)
            await _update_frozen_requests(connection, {*replaced} ^ {*book.freezes}, now)
            await connection.execute(delete(channel_policies))
            await connection.execute(delete(websites))
            if policy_rows:
                await connection.execute(insert(channel_policies), policy_rows)
            if website_rows:
                await connection.execute(insert(websites), website_rows)
            await append_events(connection, events)

    async def replace_if_unchanged(
        self,
        seen: ChannelPolicy | None,
        policy: ChannelPolicy,
        *events: AuditEvent,
        renames: Collection[WebsiteRename] = (),
        freezes: FreezeReplacement | None = None,
    ) -> bool:
        is_same_channel = channel_policies.c.channel_id == str(policy.id)
        now = self._clock()
        row = _policy_row(policy, now)
        async with self._database.write(alone="policies") as connection:
            stored = (await connection.execute(select(channel_policies).where(is_same_channel))).one_or_none()
            current = None if stored is None else read_policy(stored)
            if (current and _document(current)) != (seen and _document(seen)):
                return False
            names = await fetch_website_names(connection) if renames else {}
            if any(names.get(rename.website) != rename.before for rename in renames):
                return False
            if freezes is not None:
                found = await fetch_freezes(connection)
                own = {position: freeze for position, freeze in found if freeze.is_own_of(policy.id)}
                if tuple(own.values()) != freezes.before:
                    return False
                await connection.execute(delete(freeze_table).where(freeze_table.c.position.in_(own)))
                await _add_freezes(connection, freezes.after)
                await _update_frozen_requests(connection, {*freezes.before} ^ {*freezes.after}, now)
            await _write_names(connection, renames)
            before = {} if current is None else {str(policy.id): current}
            actor = events[0].actor if events else None
            await _update_pending_requests(connection, before, {str(policy.id): policy}, now, actor)
            if current is None:
                position = await _next_position(connection, channel_policies)
                await connection.execute(insert(channel_policies).values(row | {"position": position}))
            else:
                await connection.execute(update(channel_policies).where(is_same_channel).values(row))
            await append_events(connection, events)
        return True


async def _add_freezes(connection: AsyncConnection, freezes: Collection[Freeze]) -> None:
    if freezes:
        first = await _next_position(connection, freeze_table)
        rows = [{"position": first + n, "document": freeze.document()} for n, freeze in enumerate(freezes)]
        await connection.execute(insert(freeze_table), rows)


async def _update_frozen_requests(connection: AsyncConnection, changed: Collection[Freeze], now: datetime) -> None:
    """Let the open requests of the channels that these freezes cover be shown anew, and scheduled ones be due."""
    if not changed:
        return
    named = {str(channel) for freeze in changed for channel in freeze.channels or ()}
    is_covered = true() if any(freeze.channels is None for freeze in changed) else changes.c.channel_id.in_(named)
    await mark_unshown(connection, is_covered)
    await _make_scheduled_due(connection, is_covered, now)


async def _make_scheduled_due(connection: AsyncConnection, condition: ColumnElement[bool], now: datetime) -> None:
    """Let the scheduled changes that fulfil the condition be looked at: they may start otherwise now, or not at all."""
    scheduled = update(changes).where(changes.c.state == ChangeState.SCHEDULED.value, condition)
    await connection.execute(scheduled.values(due_at=now))


async def _write_names(connection: AsyncConnection, renames: Collection[WebsiteRename]) -> None:
    for rename in renames:
        is_same_website = websites.c.website_id == rename.website
        if rename.after is None:
            await connection.execute(delete(websites).where(is_same_website))
        elif rename.before is None:
            position = await _next_position(connection, websites)
            row = {"website_id": rename.website, "position": position, "name": rename.after}
            await connection.execute(insert(websites).values(row))
        else:
            await connection.execute(update(websites).where(is_same_website).values(name=rename.after))


async def _next_position(connection: AsyncConnection, table: Table) -> int:
    """Return the position after the last one, as far as that can be counted on from."""
    position = table.c.position
    last = await connection.scalar(select(func.max(position)).where(position.between(0, MAX_INTEGER)))
    return 0 if last is None else int(last) + 1


async def _update_pending_requests(
    connection: AsyncConnection,
    before: Mapping[str, ChannelPolicy],
    after: Mapping[str, ChannelPolicy],
    at: datetime,
    actor: UserId | None,
) -> None:
    """Let open requests follow new policies, in the transaction that stores those.

    Waiting ones whose terms change get a new version, which says so; scheduled ones are due. All are shown anew where
    their messages change: in their language, or in what people of other organisations may read.
    """
    for channel in sorted({*before, *after}):
        old, new = before.get(channel), after.get(channel)
        if old == new:
            continue
        is_here = changes.c.channel_id == channel
        if _message_rules(old) != _message_rules(new):
            await mark_unshown(connection, is_here)
        await _make_scheduled_due(connection, is_here, at)
        is_waiting = in_states(WAITING_STATES) & NEEDED_APPROVAL & is_here
        waiting = select(changes).where(is_waiting).order_by(changes.c.id).with_for_update()
        for change in await fetch_many(connection, waiting):
            if followed := update_terms(change, old, new, at, actor):
                moved, event = followed
                await write_if_unchanged(connection, change, moved)
                await append_events(connection, [event])


def _message_rules(policy: ChannelPolicy | None) -> tuple[bool, str | None]:
    """Return what a policy says of messages: whether other organisations may read them, and their language."""
    return (False, None) if policy is None else (policy.approval.outsiders_may_read, policy.language)


def _policy_row(policy: ChannelPolicy, now: datetime) -> dict[str, Any]:
    """Build a policy's columns but its position."""
    return {"channel_id": str(policy.id), "document": _document(policy), "updated_at": now}


def _document(policy: ChannelPolicy) -> dict[str, Any]:
    """Return a policy as it is stored, with just the keys that somebody wrote."""
    return policy.model_dump(mode="json", exclude_unset=True)
