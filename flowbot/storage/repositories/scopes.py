"""The policy of a channel and the names of websites, as they are stored."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import DatabaseFaultError
from flowbot.services.ports.storage import ChannelScope
from flowbot.storage.tables import channel_policies, websites


async def fetch_scope(connection: AsyncConnection, channel: ChannelId) -> ChannelScope:
    """Read a channel's policy and the websites' names.

    Raises:
        DependencyError: the policy cannot be read.
    """
    wanted = select(channel_policies.c.document).where(channel_policies.c.channel_id == channel)
    document = await connection.scalar(wanted)
    policy = None if document is None else read_policy(document)
    return ChannelScope(channel=channel, policy=policy, website_names=await fetch_website_names(connection))


async def fetch_website_names(connection: AsyncConnection) -> dict[WebsiteId, str]:
    """Read the names of websites, in their order."""
    rows = await connection.execute(select(websites.c.website_id, websites.c.name).order_by(websites.c.position))
    return {WebsiteId(website): name for website, name in rows}


def read_policy(document: Mapping[str, Any]) -> ChannelPolicy:
    """Read a policy from its row.

    Raises:
        DependencyError: it cannot be read.
    """
    try:
        return ChannelPolicy.model_validate(document)
    except ValidationError as error:
        # Written by a newer flowbot, perhaps: a rule that cannot be read must not be guessed.
        raise DatabaseFaultError from error
