"""The composition root: the one place where the objects meet. Nothing happens at import."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.enkapush import Pace, Timeouts
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.gateway import EnkapushFlows
from flowbot.enkapush.writer import EnkapushWriter
from flowbot.errors import ConfigurationError
from flowbot.health import Health
from flowbot.locales import Locales
from flowbot.metrics import Metrics
from flowbot.services.apply import Applying, Sleep
from flowbot.services.catalog import Catalog
from flowbot.services.changes import Changes
from flowbot.services.forms import Forms
from flowbot.services.history import History
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
from flowbot.slack.files import Files
from flowbot.slack.forms.desk import FormDesk
from flowbot.slack.forms.live import FormLive
from flowbot.slack.forms.opening import FormOpening
from flowbot.slack.forms.submission import FormSubmission
from flowbot.slack.forms.telling import FormTelling
from flowbot.slack.modals import Modals
from flowbot.slack.replies import Replies
from flowbot.slack.tasks import TrackedTasks
from flowbot.storage import migrations
from flowbot.storage.changes import StoredChanges
from flowbot.storage.database import Database
from flowbot.storage.drafts import StoredDrafts
from flowbot.storage.engine import open_database
from flowbot.storage.images import StoredImages
from flowbot.storage.policies import StoredPolicies
from flowbot.worker.recovery import Recovery

DRAIN_SECONDS: Final = 6.0
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
    timeouts: Timeouts | None = None,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[Flowbot]:
    """Everything joined, and taken apart again at the end: work in hand is finished first.

    Args:
        settings: what flowbot was started with.
        clock: tells the time.
        monotonic: seconds that only grow, for the age of what is kept.
        drain_seconds: how long work in hand may take to end.
        timeouts: how long Enkapush may take; its client's own where nothing is said.
        sleep: waits some seconds before Enkapush is asked again.

    Raises:
        ConfigurationError: a setting is missing, or what it points to cannot be used.
    """
    settings.need("slack_bot_token", "enkapush_api_key")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings))
        metrics, tasks = Metrics(), TrackedTasks()
        enkapush = await stack.enter_async_context(_enkapush(settings, metrics, timeouts, Pace(sleep=sleep)))
        session = await stack.enter_async_context(client.open_session())
        slack = client.web_client(settings.slack_api_url, _secret(settings.slack_bot_token), session)

        source = EnkapushFlows(enkapush, settings.zone)
        catalog = Catalog(source, clock=clock, monotonic=monotonic)
        stack.push_async_callback(catalog.close)
        people = People(SlackDirectory(slack), settings.flowbot_admins, monotonic=monotonic)
        stack.push_async_callback(people.close)
        policies, drafts, images = StoredPolicies(database, clock), StoredDrafts(database), StoredImages(database)
        store, pictures = StoredChanges(database, clock), Files(slack, session, settings.slack_api_url)
        owner = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(4)}"
        changes = Changes(
            store=store,
            drafts=drafts,
            policies=policies,
            people=people,
            applying=Applying(
                store=store,
                images=images,
                pictures=pictures,
                source=source,
                writer=EnkapushWriter(enkapush),
                catalog=catalog,
                clock=clock,
                owner=owner,
                sleep=sleep,
            ),
            clock=clock,
            owner=owner,
        )
        forms = Forms(
            policies=policies,
            catalog=catalog,
            source=source,
            segments=source,
            drafts=drafts,
            clock=clock,
            monotonic=monotonic,
        )
        stack.push_async_callback(forms.close)
        desk = Desk(
            people=people,
            reading=Reading(policies, catalog, source),
            replies=Replies(slack, session, settings.slack_api_url),
            locales=Locales(fixed=settings.flowbot_language, zone=settings.zone),
            tasks=tasks,
            metrics=metrics,
            clock=clock,
        )
        modals = Modals(slack)
        opening = FormOpening(forms, modals, clock)
        telling = FormTelling(
            forms=forms,
            opening=opening,
            modals=modals,
            replies=desk.replies,
            people=people,
            reading=desk.reading,
            images=images,
            pictures=pictures,
            locales=desk.locales,
            clock=clock,
        )
        form_desk = FormDesk(
            desk=desk,
            opening=opening,
            live=FormLive(forms, modals, people, desk.locales, clock),
            submission=FormSubmission(
                forms=forms,
                changes=changes,
                images=images,
                pictures=pictures,
                people=people,
                locales=desk.locales,
                tasks=tasks,
                telling=telling,
            ),
        )
        recovery = asyncio.create_task(Recovery(changes, images, telling.by_message).run())
        stack.push_async_callback(_ended, recovery)
        stack.push_async_callback(tasks.drain, drain_seconds)
        app = bolt.build(
            slack,
            signing_secret=_secret(settings.slack_signing_secret),
            commands=Commands(desk, opening, History(policies, store)),
            actions=Actions(desk, opening),
            forms=form_desk,
            metrics=metrics,
        )
        health = Health({"database": database.ping, "enkapush": source.ping})
        stack.push_async_callback(health.close)
        yield Flowbot(settings, app, slack, people, health, metrics, tasks)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _enkapush(settings: Settings, metrics: Metrics, timeouts: Timeouts | None, pace: Pace) -> EnkapushClient:
    try:
        return EnkapushClient(
            settings.enkapush_api_url,
            _secret(settings.enkapush_api_key),
            timeouts=timeouts,
            on_request=metrics.enkapush_called,
            pace=pace,
        )
    except ValueError as error:
        raise ConfigurationError(f"ENKAPUSH_API_URL or ENKAPUSH_API_KEY: {error}") from None


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
