"""The policy of a channel and the names of websites, as they are stored."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Row, bindparam, cast, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.services.ports.storage import ChannelScope
from flowbot.storage.tables import channel_policies, websites
from flowbot.storage.unreadable import MalformedCellError, fetch_readable, keep_readable, row_reader

_SCOPE: Final = union_all(
    select(
        channel_policies.c.channel_id,
        channel_policies.c.document,
        cast(null(), websites.c.website_id.type).label("website_id"),
        cast(null(), websites.c.name.type).label("name"),
        channel_policies.c.position,
    ).where(channel_policies.c.channel_id == bindparam("channel")),
    select(null(), null(), websites.c.website_id, websites.c.name, websites.c.position),
).order_by("position")
"""A channel's policy, in a row without a website, and all websites by name."""


async def fetch_scope(connection: AsyncConnection, channel: ChannelId) -> ChannelScope:
    """Read a channel's policy and the websites' names, by one query.

    Raises:
        UnreadableRowError: the policy cannot be read.
    """
    rows = (await connection.execute(_SCOPE, {"channel": channel})).all()
    policies = [read_policy(row) for row in rows if row.channel_id is not None]
    names = keep_readable(connection, (row for row in rows if row.channel_id is None), read_website)
    return ChannelScope(channel=channel, policy=next(iter(policies), None), website_names=dict(names))


async def fetch_scopes(
    connection: AsyncConnection, channels: Collection[ChannelId]
) -> Mapping[ChannelId, ChannelScope]:
    """Read the policies of several channels, and the websites' names. One that cannot be read counts as none."""
    wanted = select(channel_policies).where(channel_policies.c.channel_id.in_(channels))
    policies = {policy.id: policy for policy in await fetch_readable(connection, channel_policies, wanted, read_policy)}
    names = await fetch_website_names(connection)
    return {channel: ChannelScope(channel, policies.get(channel), names) for channel in channels}


async def fetch_website_names(connection: AsyncConnection) -> dict[WebsiteId, str]:
    """Read the names of websites, in their order."""
    ordered = select(websites).order_by(websites.c.position)
    return dict(await fetch_readable(connection, websites, ordered, read_website))


@row_reader(channel_policies)
def read_policy(row: Row[Any]) -> ChannelPolicy:
    """Read a policy from its row; a rule that cannot be read must not be guessed.

    Raises:
        UnreadableRowError: it cannot be read.
    """
    policy = ChannelPolicy.model_validate(row.document)
    if policy.id != row.channel_id:
        raise MalformedCellError("document is another channel's")
    return policy


@row_reader(websites)
def read_website(row: Row[Any]) -> tuple[WebsiteId, str]:
    """Read a website's id and name from its row."""
    (named,) = PolicyBook(websites={row.website_id: row.name}).websites.items()
    return named
