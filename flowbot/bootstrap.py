"""The composition root: opens, wires and closes. Nothing happens at import."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
import httpx
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.config import Settings, secret_value
from flowbot.domain.ids import GroupId
from flowbot.enkapush.client import EnkapushClient, Exchange, RequestHook, Timeouts, Timing
from flowbot.enkapush.images import ImageFetcher, create_image_client
from flowbot.enkapush.reader import EnkapushReader
from flowbot.enkapush.writer import EnkapushWriter
from flowbot.errors import ConfigurationError
from flowbot.i18n.translator import Translators
from flowbot.observability.health import HealthChecker
from flowbot.observability.metrics import Metrics
from flowbot.observability.prometheus import PrometheusExporter
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.schedule import ScheduledChanges
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import RequestAuthorizer
from flowbot.services.breaker import BreakerReports
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.clock import BelievedClock, parse_date
from flowbot.services.executor.context import IMAGES_AT_ONCE, ExecutionContext
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.executor.preconditions import Preconditions
from flowbot.services.executor.writer import ChangeWriter
from flowbot.services.findings import FindingService
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.flow_statistics import StatisticsService
from flowbot.services.forms import FormService
from flowbot.services.history import History
from flowbot.services.observed_source import ObservedSource
from flowbot.services.policy_setup import PolicySetup
from flowbot.services.ports import Clock, Monotonic, Sleep, monotonic_seconds, utc_now
from flowbot.services.quorum import QuorumChecker
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.segments import SegmentCache
from flowbot.services.setup_findings import FindingsReader, SetupFindings
from flowbot.services.stop import StopService
from flowbot.services.users import UserService
from flowbot.services.watch.assembly import build_round_observers, build_watch_rounds
from flowbot.slack.api import client
from flowbot.slack.api.channels import SlackChannelDirectory
from flowbot.slack.api.files import SlackFiles
from flowbot.slack.api.message_sender import MessageSender
from flowbot.slack.api.messages import Responder
from flowbot.slack.api.token import TokenMonitor
from flowbot.slack.api.users import SlackUserDirectory, SlackUserGroupRoster
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.wiring import Services, build_slack
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.change_queries import read_change_statistics
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.storage.repositories.deliveries import DeliveryRepository
from flowbot.storage.repositories.drafts import DraftRepository, PolicyDraftRepository
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.repositories.known_settings import KnownSettingsRepository
from flowbot.storage.repositories.messages import MessageRepository
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from flowbot.worker.recovery import Recovery
from flowbot.worker.retention import Retention
from flowbot.worker.watcher import Watcher

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


@dataclass(frozen=True, slots=True)
class _Outside:
    """Everything outside that flowbot speaks to, open, and its clocks."""

    database: Database
    enkapush: EnkapushClient
    image_client: httpx.AsyncClient
    session: aiohttp.ClientSession
    slack: client.MeteredWebClient
    clock: Clock
    monotonic: Monotonic
    sleep: Sleep


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
        outside = _Outside(
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
        services = _build_services(settings, outside, reader, source, flow_cache, read_findings)
        services.setup_findings.start()
        for part in (
            services.setup_findings,
            services.setup,
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
            late_effects=services.late_effects,
            scheduled=ScheduledChanges(services.executor),
            retention=Retention(services.drafts, services.images, services.deliveries, services.recent.store),
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
        )
        # Undone from the last to the first: take no more work, then finish what is in hand.
        stack.push_async_callback(tasks.drain, drain_seconds)
        stop = asyncio.Event()
        loops = [asyncio.create_task(recovery.run(stop))]
        if settings.flowbot_watch_seconds:
            watcher = _build_watcher(settings.flowbot_watch_seconds, outside.database, services, recovery)
            loops.append(asyncio.create_task(watcher.run(stop)))
        stack.push_async_callback(_stop_loops, loops, stop)
        probes = {"database": outside.database.ping, "enkapush": reader.ping, "slack_token": token_monitor.ping}
        health = HealthChecker(probes, monotonic=monotonic)
        stack.push_async_callback(health.close)
        exporter = PrometheusExporter(metrics, partial(read_change_statistics, outside.database), believed)
        stack.push_async_callback(exporter.close)
        yield Flowbot(settings, bolt, outside.slack, services.users, health, metrics, exporter, tasks)


def _build_services(
    settings: Settings,
    outside: _Outside,
    reader: EnkapushReader,
    source: ObservedSource,
    flow_cache: FlowCache,
    read_findings: FindingsReader | None,
) -> Services:
    """Build the use cases on the adapters to what is open. What `reader` reads for writes is not observed."""
    database, clock, monotonic = outside.database, outside.clock, outside.monotonic
    store, policies = ChangeRepository(database, clock), PolicyRepository(database, clock)
    figures = FigureRepository(database)
    recent = RecentFigures(figures, clock, settings.zone)
    images, drafts, channels = ImageRepository(database), DraftRepository(database), ChannelRepository(database)
    form_images = SlackFiles(outside.slack, outside.session, settings.slack_api_url)

    async def groups_in_policies() -> frozenset[GroupId]:
        return (await policies.get_book()).groups

    directory = SlackUserDirectory(outside.slack, groups_in_policies)
    users = UserService(directory, settings.flowbot_admins, monotonic=monotonic)
    quorum = QuorumChecker(users)
    owner = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(4)}"
    leases = LeaseKeeper(store, clock, monotonic, owner)
    image_slots = asyncio.Semaphore(IMAGES_AT_ONCE)
    context = ExecutionContext(
        store=store,
        images=images,
        form_images=form_images,
        flow_images=ImageFetcher(outside.image_client),
        source=reader,
        writer=EnkapushWriter(outside.enkapush),
        flow_cache=flow_cache,
        clock=clock,
        owner=owner,
        holds_lease=leases.holds_for_certain,
        image_slots=image_slots,
        sleep=outside.sleep,
    )
    executor = ChangeExecutor(
        store=store,
        preconditions=Preconditions(policies, users, quorum, store, clock, settings.zone),
        writer=ChangeWriter(context),
        leases=leases,
        clock=clock,
    )
    authorizer = RequestAuthorizer(store, clock, users.find_current_members)
    settings_loader = FlowSettingsLoader(KnownSettingsRepository(database), SegmentCache(reader, monotonic))
    reports = ReportRepository(database, clock)
    submitter = RequestSubmitter(store, settings_loader, policies, source, authorizer, users, quorum, leases, clock)
    reports, policy_drafts = ReportRepository(database, clock), PolicyDraftRepository(database)
    flow_queries = FlowQueries(policies, flow_cache, source, settings_loader, recent)
    return Services(
        store=store,
        reports=reports,
        messages=MessageRepository(database),
        channels=channels,
        privacy=ChannelPrivacy(channels, SlackChannelDirectory(outside.slack), clock),
        policies=policies,
        drafts=drafts,
        images=images,
        deliveries=DeliveryRepository(database),
        form_images=form_images,
        image_slots=image_slots,
        users=users,
        flow_cache=flow_cache,
        history=History(policies, store, reports, source, settings_loader.segments, clock),
        flow_queries=flow_queries,
        statistics=StatisticsService(
            flow_queries, figures, is_watching=settings.flowbot_watch_seconds > 0, clock=clock, zone=settings.zone
        ),
        executor=executor,
        submitter=submitter,
        findings=FindingService(reports, policies, submitter, clock),
        decisions=DecisionService(store, authorizer, users, leases, clock),
        late_effects=LateEffects(
            rechecker=Rechecker(executor.writer, store, policies, clock),
            submitter=submitter,
            executor=executor,
            store=store,
            source=reader,
            authorizer=authorizer,
            clock=clock,
            sleep=outside.sleep,
        ),
        forms=FormService(
            policies=policies,
            store=store,
            flow_cache=flow_cache,
            source=source,
            settings=settings_loader,
            drafts=drafts,
            find_members=users.find_members,
            clock=clock,
        ),
        settings=settings_loader,
        recent=recent,
        setup=PolicySetup(
            policies=policies,
            drafts=policy_drafts,
            users=users,
            roster=SlackUserGroupRoster(outside.slack),
            flow_cache=flow_cache,
            clock=clock,
            monotonic=monotonic,
        ),
        breaker=BreakerReports(reports, ObservedFlowRepository(database, settings.zone), clock),
        stops=StopService(policies, policy_drafts, reports, store, flow_cache, submitter, executor, users, clock),
        zone=settings.zone,
        setup_findings=SetupFindings(read_findings, monotonic),
    )


def _build_watcher(interval: float, database: Database, services: Services, recovery: Recovery) -> Watcher:
    """Build the loop that looks for changes made outside, with what the recovery has of the process, too."""
    store, notify = services.breaker.watch, recovery.notifier.notify
    return Watcher(
        rounds=build_watch_rounds(
            store=store,
            reports=services.reports,
            policies=services.policies,
            flow_cache=services.flow_cache,
            late_effects=services.late_effects,
            notify=notify,
            show_report=recovery.show_report,
            start_task=recovery.start_task,
        ),
        store=store,
        leases=LeaseKeeper(store, recovery.clock, recovery.monotonic, recovery.leases.owner),
        observers=build_round_observers(
            breaker=services.breaker,
            figures=FigureRepository(database),
            policies=services.policies,
            flow_cache=services.flow_cache,
            submitter=services.submitter,
            executor=services.executor,
            notify=notify,
            show_report=recovery.show_report,
            start_task=recovery.start_task,
            zone=services.zone,
        ),
        interval=interval,
        metrics=recovery.metrics,
        clock=recovery.clock,
        monotonic=recovery.monotonic,
        may_work=recovery.may_work,
    )


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
