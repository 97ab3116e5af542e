"""The repository of policies."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook, WebsiteRename
from flowbot.errors import DatabaseFaultError
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChannelScope, PolicyStore
from flowbot.storage.repositories.change_rows import append_events, mark_unshown
from flowbot.storage.tables import changes, channel_policies, websites
from flowbot.storage.unit_of_work import Database


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
        async with self._database.read() as connection:
            return await fetch_scope(connection, channel)

    async def get_book(self) -> PolicyBook:
        ordered = select(channel_policies.c.document).order_by(channel_policies.c.position)
        async with self._database.read() as connection:
            names = await _fetch_website_names(connection)
            documents = (await connection.scalars(ordered)).all()
        policies = tuple(_read_policy(document) for document in documents)
        # A key without content was never written, so it stays unset.
        sections = {"websites": names, "channels": policies}
        return PolicyBook.model_validate({section: content for section, content in sections.items() if content})

    async def replace_all(self, book: PolicyBook, *events: AuditEvent) -> None:
        now = self._clock()
        policy_rows = [_policy_row(policy, now) | {"position": n} for n, policy in enumerate(book.channels)]
        website_rows = [
            {"website_id": website, "position": n, "name": name}
            for n, (website, name) in enumerate(book.websites.items())
        ]
        async with self._database.write(alone="policies") as connection:
            known = select(channel_policies.c.channel_id, channel_policies.c.document)
            before = {row.channel_id: row.document for row in await connection.execute(known)}
            await _mark_unshown(connection, before, {row["channel_id"]: row["document"] for row in policy_rows})
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
    ) -> bool:
        is_same_channel = channel_policies.c.channel_id == str(policy.id)
        row = _policy_row(policy, self._clock())
        async with self._database.write(alone="policies") as connection:
            current = await connection.scalar(select(channel_policies.c.document).where(is_same_channel))
            if current != (None if seen is None else _document(seen)):
                return False
            names = await _fetch_website_names(connection) if renames else {}
            if any(names.get(rename.website) != rename.before for rename in renames):
                return False
            await _write_names(connection, renames)
            await _mark_unshown(connection, {row["channel_id"]: current or {}}, {row["channel_id"]: row["document"]})
            if current is None:
                last = await connection.scalar(select(func.max(channel_policies.c.position)))
                position = 0 if last is None else last + 1
                await connection.execute(insert(channel_policies).values(row | {"position": position}))
            else:
                await connection.execute(update(channel_policies).where(is_same_channel).values(row))
            await append_events(connection, events)
        return True


async def fetch_scope(connection: AsyncConnection, channel: ChannelId) -> ChannelScope:
    """Read a channel's policy and the websites' names.

    Raises:
        DependencyError: the policy cannot be read.
    """
    wanted = select(channel_policies.c.document).where(channel_policies.c.channel_id == channel)
    document = await connection.scalar(wanted)
    policy = None if document is None else _read_policy(document)
    return ChannelScope(channel=channel, policy=policy, website_names=await _fetch_website_names(connection))


async def _write_names(connection: AsyncConnection, renames: Collection[WebsiteRename]) -> None:
    for rename in renames:
        is_same_website = websites.c.website_id == rename.website
        if rename.after is None:
            await connection.execute(delete(websites).where(is_same_website))
        elif rename.before is None:
            last = await connection.scalar(select(func.max(websites.c.position)))
            row = {"website_id": rename.website, "position": 0 if last is None else last + 1, "name": rename.after}
            await connection.execute(insert(websites).values(row))
        else:
            await connection.execute(update(websites).where(is_same_website).values(name=rename.after))


async def _mark_unshown(
    connection: AsyncConnection, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> None:
    """Let open requests be shown anew where another policy decides whether people of other organisations read them."""
    changed = [
        channel
        for channel in {*before, *after}
        if _lets_outsiders_read(before.get(channel, {})) != _lets_outsiders_read(after.get(channel, {}))
    ]
    if changed:
        await mark_unshown(connection, changes.c.channel_id.in_(changed))


def _lets_outsiders_read(document: Mapping[str, Any]) -> bool:
    return bool(document.get("approval", {}).get("outsiders_may_read", False))


def _policy_row(policy: ChannelPolicy, now: datetime) -> dict[str, Any]:
    """Build a policy's columns but its position."""
    return {"channel_id": str(policy.id), "document": _document(policy), "updated_at": now}


def _document(policy: ChannelPolicy) -> dict[str, Any]:
    """Return a policy as it is stored, with just the keys that somebody wrote."""
    return policy.model_dump(mode="json", exclude_unset=True)


def _read_policy(document: Mapping[str, Any]) -> ChannelPolicy:
    try:
        return ChannelPolicy.model_validate(document)
    except ValidationError as error:
        # Written by a newer flowbot, perhaps: a rule that cannot be read must not be guessed.
        raise DatabaseFaultError from error


async def _fetch_website_names(connection: AsyncConnection) -> dict[WebsiteId, str]:
    rows = await connection.execute(select(websites.c.website_id, websites.c.name).order_by(websites.c.position))
    return {WebsiteId(website): name for website, name in rows}
