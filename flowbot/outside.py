"""What flowbot speaks to, opened and closed again: the database, Enkapush, Slack, pictures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import httpx
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import GroupId
from flowbot.enkapush.client import EnkapushClient, Timeouts, Timing
from flowbot.enkapush.images import create_image_client
from flowbot.enkapush.reader import EnkapushReader
from flowbot.errors import ConfigurationError
from flowbot.metrics import Metrics
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports import Clock, Monotonic, Sleep
from flowbot.services.users import UserService
from flowbot.settings import Settings
from flowbot.slack.api import client
from flowbot.slack.api.files import SlackFiles
from flowbot.slack.api.users import SlackUserDirectory
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.drafts import DraftRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.unit_of_work import Database


@dataclass(frozen=True, slots=True)
class Outside:
    """What flowbot speaks to, open."""

    settings: Settings
    database: Database
    enkapush: EnkapushClient
    pictures: httpx.AsyncClient
    session: aiohttp.ClientSession
    slack: AsyncWebClient
    metrics: Metrics
    clock: Clock
    monotonic: Monotonic
    sleep: Sleep


@dataclass(frozen=True, slots=True)
class Ports:
    """What the use cases speak to, and what is kept of it."""

    store: ChangeRepository
    policies: PolicyRepository
    images: ImageRepository
    drafts: DraftRepository
    pictures: SlackFiles
    source: EnkapushReader
    catalog: FlowCache
    people: UserService


@asynccontextmanager
async def opened(
    settings: Settings, clock: Clock, monotonic: Monotonic, timeouts: Timeouts | None, sleep: Sleep
) -> AsyncIterator[Outside]:
    """Everything that has to be opened and closed.

    Args:
        settings: what flowbot was started with.
        clock: tells the time.
        monotonic: seconds that only grow.
        timeouts: how long Enkapush may take; its client's own where nothing is said.
        sleep: waits some seconds before Enkapush is asked again.

    Raises:
        ConfigurationError: a setting is missing, or what it points to cannot be used.
    """
    settings.need("slack_bot_token", "enkapush_api_key")
    metrics = Metrics()
    async with (
        open_migrated(settings.database_url.get_secret_value()) as database,
        enkapush_client(settings, metrics, timeouts, Timing(sleep=sleep)) as enkapush,
        create_image_client(settings.enkapush_api_url) as pictures,
        client.open_session() as session,
    ):
        slack = client.create_web_client(settings.slack_api_url, secret(settings.slack_bot_token), session, metrics)
        yield Outside(settings, database, enkapush, pictures, session, slack, metrics, clock, monotonic, sleep)


def ports_of(outside: Outside) -> Ports:
    """The ports of what is open."""
    settings, clock, monotonic = outside.settings, outside.clock, outside.monotonic
    source = EnkapushReader(outside.enkapush, settings.zone)
    policies = PolicyRepository(outside.database, clock)

    async def named() -> frozenset[GroupId]:
        return (await policies.get_book()).groups

    return Ports(
        store=ChangeRepository(outside.database, clock),
        policies=policies,
        images=ImageRepository(outside.database),
        drafts=DraftRepository(outside.database),
        pictures=SlackFiles(outside.slack, outside.session, settings.slack_api_url),
        source=source,
        catalog=FlowCache(source, clock=clock, monotonic=monotonic),
        people=UserService(SlackUserDirectory(outside.slack, named), settings.flowbot_admins, monotonic=monotonic),
    )


def enkapush_client(
    settings: Settings, metrics: Metrics, timeouts: Timeouts | None = None, timing: Timing | None = None
) -> EnkapushClient:
    """A client for the account of the settings.

    Raises:
        ConfigurationError: the address or the key cannot be used.
    """
    try:
        return EnkapushClient(
            settings.enkapush_api_url,
            secret(settings.enkapush_api_key),
            timeouts=timeouts,
            on_request=metrics.enkapush_called,
            timing=timing,
        )
    except ValueError as error:
        raise ConfigurationError(f"ENKAPUSH_API_URL or ENKAPUSH_API_KEY: {error}") from None


def secret(value: SecretStr | None) -> str:
    """What a secret setting holds; nothing, where it is not set."""
    return value.get_secret_value() if value else ""
