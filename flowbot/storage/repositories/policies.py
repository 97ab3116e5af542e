"""The repository of policies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.errors import DependencyError
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChannelScope
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.tables import channel_policies, websites
from flowbot.storage.unit_of_work import Database


class PolicyRepository:
    """The policies in the database. Every call asks it; the process keeps nothing.

    Args:
        database: migrated and open.
        clock: tells when a policy was replaced.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get_scope(self, channel: ChannelId) -> ChannelScope:
        """The channel's policy and the websites' names, as they were at one moment.

        Raises:
            DependencyError: the database did not answer, or holds a policy that this flowbot cannot read.
        """
        wanted = select(channel_policies.c.document).where(channel_policies.c.channel_id == channel)
        async with self._database.read() as connection:
            document = await connection.scalar(wanted)
            names = await _website_names(connection)
        policy = None if document is None else _policy(document)
        return ChannelScope(channel=channel, policy=policy, website_names=names)

    async def get_book(self) -> PolicyBook:
        """All policies and names, in the order in which they were written.

        Raises:
            DependencyError: as `scope`.
        """
        ordered = select(channel_policies.c.document).order_by(channel_policies.c.position)
        async with self._database.read() as connection:
            names = await _website_names(connection)
            documents = (await connection.scalars(ordered)).all()
        return _book(names, tuple(_policy(document) for document in documents))

    async def replace_all(self, book: PolicyBook, *events: AuditEvent) -> None:
        """Put `book` in the place of all that was there; readers see the old book or the new one, whole.

        Args:
            book: the new one.
            events: what is written to the audit trail with it: neither is kept without the other.

        Raises:
            DependencyError: the database did not answer; the old book stands.
        """
        policy_rows, website_rows = self._policy_rows(book), _website_rows(book)
        async with self._database.write(alone="policies") as connection:
            await connection.execute(delete(channel_policies))
            await connection.execute(delete(websites))
            if policy_rows:
                await connection.execute(insert(channel_policies), policy_rows)
            if website_rows:
                await connection.execute(insert(websites), website_rows)
            await append_events(connection, events)

    async def replace_if_unchanged(
        self, seen: ChannelPolicy | None, policy: ChannelPolicy, *events: AuditEvent
    ) -> bool:
        """Put one channel's policy in the place of the one it had, or add it; the others stay as they are.

        Only if it still is the one that was seen, whoever else writes, in all processes.

        Args:
            seen: as `scope` gave it; None where there was none.
            policy: the new one.
            events: what is written to the audit trail with it: neither is kept without the other.

        Returns:
            Whether it was done; if not, nothing was written.

        Raises:
            DependencyError: the database did not answer; the policy that was there stands.
        """
        kept = select(channel_policies.c.document).where(channel_policies.c.channel_id == str(policy.id))
        async with self._database.write(alone="policies") as connection:
            if await connection.scalar(kept) != (None if seen is None else _document(seen)):
                return False
            await self._put(connection, policy)
            await append_events(connection, events)
        return True

    async def _put(self, connection: AsyncConnection, policy: ChannelPolicy) -> None:
        of_channel = update(channel_policies).where(channel_policies.c.channel_id == str(policy.id))
        written = _written(policy, self._clock())
        if (await connection.execute(of_channel.values(written))).rowcount:
            return
        last = await connection.scalar(select(func.max(channel_policies.c.position)))
        position = 0 if last is None else last + 1
        await connection.execute(insert(channel_policies).values(written | {"position": position}))

    def _policy_rows(self, book: PolicyBook) -> list[dict[str, Any]]:
        now = self._clock()
        return [_written(policy, now) | {"position": position} for position, policy in enumerate(book.channels)]


def _written(policy: ChannelPolicy, now: datetime) -> dict[str, Any]:
    """A policy's columns but its position."""
    return {"channel_id": str(policy.id), "document": _document(policy), "updated_at": now}


def _document(policy: ChannelPolicy) -> dict[str, Any]:
    """A policy as it is kept, with just the keys that somebody wrote."""
    return policy.model_dump(mode="json", exclude_unset=True)


def _website_rows(book: PolicyBook) -> list[dict[str, Any]]:
    return [
        {"website_id": website, "position": position, "name": name}
        for position, (website, name) in enumerate(book.websites.items())
    ]


async def _website_names(connection: AsyncConnection) -> dict[WebsiteId, str]:
    rows = await connection.execute(select(websites.c.website_id, websites.c.name).order_by(websites.c.position))
    return {WebsiteId(website): name for website, name in rows}


def _policy(document: Mapping[str, Any]) -> ChannelPolicy:
    try:
        return ChannelPolicy.model_validate(document)
    except ValidationError as error:
        # Written by a newer flowbot, perhaps: a rule that cannot be read must not be guessed.
        raise DependencyError("fault.database") from error


def _book(names: dict[WebsiteId, str], policies: tuple[ChannelPolicy, ...]) -> PolicyBook:
    """The book with the keys that hold something: an empty one was never written."""
    sections = {"websites": names, "channels": policies}
    return PolicyBook.model_validate({section: content for section, content in sections.items() if content})
