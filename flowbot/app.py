"""The composition root: the one place where the objects meet. Nothing happens at import."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.gateway import EnkapushFlows
from flowbot.errors import ConfigurationError
from flowbot.health import Health
from flowbot.locales import Locales
from flowbot.metrics import Metrics
from flowbot.services.catalog import Catalog
from flowbot.services.kept import Monotonic
from flowbot.services.people import People
from flowbot.services.ports import Clock
from flowbot.services.reading import Reading
from flowbot.settings import Settings
from flowbot.slack import bolt, client
from flowbot.slack.actions import Actions
from flowbot.slack.commands import Commands
from flowbot.slack.desk import Desk
from flowbot.slack.directory import SlackDirectory
from flowbot.slack.replies import Replies
from flowbot.slack.tasks import TrackedTasks
from flowbot.storage import migrations
from flowbot.storage.database import Database
from flowbot.storage.engine import open_database
from flowbot.storage.policies import StoredPolicies

DRAIN_SECONDS: Final = 7.0
"""What is in hand has this long to end at a stop, of the ten seconds that a stop may take."""


@dataclass(frozen=True, slots=True)
class Flowbot:
    """A flowbot that is ready to listen."""

    settings: Settings
    bolt: AsyncApp
    slack: AsyncWebClient
    people: People
    health: Health
    metrics: Metrics
    tasks: TrackedTasks


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened_database(settings: Settings) -> AsyncIterator[Database]:
    """The database, as this flowbot expects it: SQLite is created or upgraded on the way, PostgreSQL must be already.

    Raises:
        ConfigurationError: the database is not there, or `flowbot migrate` has not been run on it.
    """
    url = settings.database_url.get_secret_value()
    if url.startswith("sqlite:"):
        await asyncio.to_thread(migrations.upgrade, url)
    database = open_database(url)
    try:
        state = await database.revision_state()
        if not state.is_current:
            raise ConfigurationError(
                f"DATABASE_URL: the database has revision {state.current}, not {state.head}; run flowbot migrate"
            )
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def flowbot(
    settings: Settings,
    *,
    clock: Clock = now,
    monotonic: Monotonic = time.monotonic,
    drain_seconds: float = DRAIN_SECONDS,
) -> AsyncIterator[Flowbot]:
    """Everything joined, and taken apart again at the end: work in hand is finished first.

    Args:
        settings: what flowbot was started with.
        clock: tells the time.
        monotonic: seconds that only grow, for the age of what is kept.
        drain_seconds: how long work in hand may take to end.

    Raises:
        ConfigurationError: a setting is missing, or what it points to cannot be used.
    """
    settings.need("slack_bot_token", "enkapush_api_key")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings))
        metrics, tasks = Metrics(), TrackedTasks()
        enkapush = await stack.enter_async_context(_enkapush(settings, metrics))
        session = await stack.enter_async_context(client.open_session())
        slack = client.web_client(settings.slack_api_url, _secret(settings.slack_bot_token), session)

        source = EnkapushFlows(enkapush, settings.zone)
        catalog = Catalog(source, clock=clock, monotonic=monotonic)
        stack.push_async_callback(catalog.close)
        people = People(SlackDirectory(slack), settings.flowbot_admins, monotonic=monotonic)
        stack.push_async_callback(people.close)
        desk = Desk(
            people=people,
            reading=Reading(StoredPolicies(database, clock), catalog, source),
            replies=Replies(slack, session, settings.slack_api_url),
            locales=Locales(fixed=settings.flowbot_language, zone=settings.zone),
            tasks=tasks,
            metrics=metrics,
            clock=clock,
        )
        stack.push_async_callback(tasks.drain, drain_seconds)
        app = bolt.build(
            slack,
            signing_secret=_secret(settings.slack_signing_secret),
            commands=Commands(desk),
            actions=Actions(desk),
            metrics=metrics,
        )
        health = Health({"database": database.ping, "enkapush": source.ping})
        stack.push_async_callback(health.close)
        yield Flowbot(settings, app, slack, people, health, metrics, tasks)


def _enkapush(settings: Settings, metrics: Metrics) -> EnkapushClient:
    try:
        return EnkapushClient(
            settings.enkapush_api_url, _secret(settings.enkapush_api_key), on_request=metrics.enkapush_called
        )
    except ValueError as error:
        raise ConfigurationError(f"ENKAPUSH_API_URL or ENKAPUSH_API_KEY: {error}") from None


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
