"""The composition root: opens, wires and closes. Nothing happens at import."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.assembly import Outside, build_services, build_watcher
from flowbot.config import Settings, secret_value
from flowbot.enkapush.client import EnkapushClient, Exchange, RequestHook, Timeouts, Timing
from flowbot.enkapush.images import create_image_client
from flowbot.enkapush.reader import EnkapushReader
from flowbot.errors import ConfigurationError
from flowbot.i18n.translator import Translators
from flowbot.observability.health import HealthChecker
from flowbot.observability.metrics import Metrics
from flowbot.observability.prometheus import PrometheusExporter
from flowbot.services.approvals.escalate import RequestEscalation
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.approvals.schedule import ScheduledChanges
from flowbot.services.clock import BelievedClock, parse_date
from flowbot.services.flow_cache import FlowCache
from flowbot.services.observed_source import ObservedSource
from flowbot.services.ports import Clock, Monotonic, Sleep, monotonic_seconds, utc_now
from flowbot.services.setup_findings import FindingsReader
from flowbot.services.users import UserService
from flowbot.slack.api import client
from flowbot.slack.api.message_sender import MessageSender
from flowbot.slack.api.messages import Responder
from flowbot.slack.api.token import TokenMonitor
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.wiring import build_slack
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.change_queries import read_change_statistics
from flowbot.worker.recovery import Recovery
from flowbot.worker.retention import Retention

DRAIN_SECONDS: Final = 4.0
"""How long work in hand may take to end at a stop, of the ten seconds that a stop may take."""
LOOP_STOP_SECONDS: Final = 1.0
"""How long a round of a loop may take to end at a stop; what it began counts as work in hand."""


@dataclass(frozen=True, slots=True)
class Flowbot:
    """A flowbot that is ready to listen."""

    settings: Settings
    bolt: AsyncApp
    slack: AsyncWebClient
    users: UserService
    health: HealthChecker
    metrics: Metrics
    exporter: PrometheusExporter
    tasks: TrackedTasks


@asynccontextmanager
async def run_flowbot(  # noqa: PLR0913 - what tests put in the place of the machine's
    settings: Settings,
    *,
    clock: Clock = utc_now,
    monotonic: Monotonic = monotonic_seconds,
    drain_seconds: float = DRAIN_SECONDS,
    timeouts: Timeouts | None = None,
    sleep: Sleep = asyncio.sleep,
    read_findings: FindingsReader | None = None,
) -> AsyncIterator[Flowbot]:
    """Open and join everything; at the end finish what is in hand, and take it apart again.

    Args:
        settings: what flowbot was started with.
        clock: tells the machine's time, whose jumps are not believed at once.
        monotonic: seconds that only grow.
        drain_seconds: how long work in hand may take to end.
        timeouts: how long Enkapush may take; its client's own by default.
        sleep: waits some seconds before Enkapush is asked again.
        read_findings: finds what is not right yet, after the start and for the Home tab; None finds nothing.

    Raises:
        ConfigurationError: a setting is missing, or what it points to cannot be used.
    """
    settings.require("slack_bot_token", "enkapush_api_key")
    metrics, tasks, believed = Metrics(), TrackedTasks(), BelievedClock(clock, monotonic)

    def note_date(header: str | None) -> None:
        believed.hear(parse_date(header))

    def note_exchange(path: str, exchange: Exchange, seconds: float) -> None:
        metrics.count_enkapush_call(path, exchange, seconds)
        note_date(exchange.date)

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(client.open_session())
        token = secret_value(settings.slack_bot_token)
        outside = Outside(
            database=await stack.enter_async_context(open_migrated(settings.database_url.get_secret_value())),
            enkapush=await stack.enter_async_context(
                create_enkapush_client(settings, note_exchange, timeouts, Timing(sleep=sleep))
            ),
            image_client=await stack.enter_async_context(create_image_client(settings.enkapush_api_url)),
            session=session,
            slack=client.create_web_client(settings.slack_api_url, token, session, metrics, note_date),
            clock=believed,
            monotonic=monotonic,
            sleep=sleep,
        )
        token_monitor = TokenMonitor(outside.slack, monotonic)
        reader = EnkapushReader(outside.enkapush, settings.zone)
        source = ObservedSource(reader, tasks.start)
        flow_cache = FlowCache(source, clock=believed, monotonic=monotonic)
        stack.push_async_callback(flow_cache.close)
        metrics.watch_unreadable(lambda: len(flow_cache.snapshot.unreadable) if flow_cache.snapshot else 0)
        services = build_services(settings, outside, reader, source, flow_cache, read_findings)
        services.setup_findings.start()
        for part in (
            services.setup_findings,
            services.settings.segments,
            services.users,
            services.privacy,
        ):
            stack.push_async_callback(part.close)
        sender = MessageSender(outside.slack, metrics)
        bolt, notifier = build_slack(
            outside.slack,
            services,
            sender,
            Responder(sender, session, settings.slack_api_url, metrics),
            Translators(fixed=settings.flowbot_language, zone=settings.zone),
            token=token_monitor,
            tasks=tasks,
            metrics=metrics,
            clock=believed,
            monotonic=monotonic,
        )
        source.observe_with(services.late_effects, notifier.notify)
        recovery = Recovery(
            executor=services.executor,
            expiry=RequestExpiry(services.store, services.executor.preconditions, believed),
            escalation=RequestEscalation(
                services.store, services.policies, services.executor.preconditions.quorum, believed
            ),
            late_effects=services.late_effects,
            scheduled=ScheduledChanges(services.executor),
            retention=Retention(
                services.drafts,
                services.images,
                services.deliveries,
                services.recent.store,
                services.absences.store,
            ),
            refresh_channels=services.privacy.refresh_open_channels,
            store=services.store,
            reports=services.reports,
            leases=services.executor.leases,
            notifier=notifier,
            show_report=notifier.show_report,
            start_task=tasks.start,
            metrics=metrics,
            clock=believed,
            monotonic=monotonic,
            read_database_clock=outside.database.clock,
            may_work=token_monitor.is_accepted,
            retry_unreadable=outside.database.unreadable.clear,
            resume_stops=partial(services.stops.resume, notifier.notify, notifier.show_report),
            tend_steps=services.steps.tend,
        )
        # Undone from the last to the first: take no more work, then finish what is in hand.
        stack.push_async_callback(tasks.drain, drain_seconds)
        stop = asyncio.Event()
        loops = [asyncio.create_task(recovery.run(stop))]
        if settings.flowbot_watch_seconds:
            watcher = build_watcher(
                settings.flowbot_watch_seconds,
                outside,
                services,
                notifier,
                start_task=tasks.start,
                metrics=metrics,
                may_work=token_monitor.is_accepted,
            )
            loops.append(asyncio.create_task(watcher.run(stop)))
        stack.push_async_callback(_stop_loops, loops, stop)
        probes = {"database": outside.database.ping, "enkapush": reader.ping, "slack_token": token_monitor.ping}
        health = HealthChecker(probes, monotonic=monotonic)
        stack.push_async_callback(health.close)
        exporter = PrometheusExporter(metrics, partial(read_change_statistics, outside.database), believed)
        stack.push_async_callback(exporter.close)
        yield Flowbot(settings, bolt, outside.slack, services.users, health, metrics, exporter, tasks)


def create_enkapush_client(
    settings: Settings, on_request: RequestHook, timeouts: Timeouts | None = None, timing: Timing | None = None
) -> EnkapushClient:
    """Create a client for the account of the settings.

    Raises:
        ConfigurationError: the address or the key cannot be used.
    """
    try:
        return EnkapushClient(
            settings.enkapush_api_url,
            secret_value(settings.enkapush_api_key),
            timeouts=timeouts,
            on_request=on_request,
            timing=timing,
        )
    except ValueError as error:
        raise ConfigurationError(f"ENKAPUSH_API_URL or ENKAPUSH_API_KEY: {error}") from None


async def _stop_loops(loops: Sequence[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """End loops between two of their rounds; where a round hangs, in the middle of it."""
    stop.set()
    _, late = await asyncio.wait(loops, timeout=LOOP_STOP_SECONDS)
    for each in late:
        each.cancel()
    await asyncio.wait(loops, timeout=LOOP_STOP_SECONDS)
