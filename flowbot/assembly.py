"""The assembly of the services on their adapters, and of the watcher on the services."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import httpx

from flowbot.config import Settings
from flowbot.domain.ids import GroupId
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.images import ImageFetcher
from flowbot.enkapush.reader import EnkapushReader
from flowbot.enkapush.writer import EnkapushWriter
from flowbot.observability.metrics import Metrics
from flowbot.services.absences import AbsenceService
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import RequestAuthorizer
from flowbot.services.breaker import Breaker, BreakerReports
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.digests import DigestComposer, WeeklyDigests
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
from flowbot.services.ports import Clock, Monotonic, Sleep, TaskStarter
from flowbot.services.quorum import QuorumChecker
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.requirements import ApprovalRequirements
from flowbot.services.segments import SegmentCache
from flowbot.services.setup_findings import FindingsReader, SetupFindings
from flowbot.services.steps import StepService
from flowbot.services.stop import StopService
from flowbot.services.users import UserService
from flowbot.services.watch.assembly import build_watch_rounds
from flowbot.slack.api import client
from flowbot.slack.api.channels import SlackChannelDirectory
from flowbot.slack.api.files import SlackFiles
from flowbot.slack.api.users import SlackUserDirectory
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.wiring import Services
from flowbot.storage.repositories.absences import AbsenceRepository
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
from flowbot.worker.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything outside that flowbot speaks to, open, and its clocks."""

    database: Database
    enkapush: EnkapushClient
    image_client: httpx.AsyncClient
    session: aiohttp.ClientSession
    slack: client.MeteredWebClient
    clock: Clock
    monotonic: Monotonic
    sleep: Sleep


def build_services(
    settings: Settings,
    outside: Outside,
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
    settings_loader = FlowSettingsLoader(KnownSettingsRepository(database), SegmentCache(reader, monotonic))
    requirements = ApprovalRequirements(settings_loader, reader, quorum, store, clock)
    owner = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(4)}"
    leases = LeaseKeeper(store, clock, monotonic, owner)
    image_slots = asyncio.Semaphore(IMAGES_AT_ONCE)
    preconditions = Preconditions(policies, users, quorum, requirements, store, clock, settings.zone)
    context = ExecutionContext(
        store=store,
        images=images,
        form_images=form_images,
        flow_images=ImageFetcher(outside.image_client),
        source=reader,
        writer=EnkapushWriter(outside.enkapush),
        flow_cache=flow_cache,
        clock=clock,
        monotonic=monotonic,
        owner=owner,
        holds_lease=leases.holds_for_certain,
        find_blocker=preconditions.find_blocker,
        image_slots=image_slots,
        sleep=outside.sleep,
    )
    executor = ChangeExecutor(
        store=store,
        preconditions=preconditions,
        writer=ChangeWriter(context),
        leases=leases,
        clock=clock,
    )
    authorizer = RequestAuthorizer(store, clock, users.find_current_members)
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
        decisions=DecisionService(store, authorizer, users, leases, requirements, clock),
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
            flow_cache=flow_cache,
            clock=clock,
        ),
        absences=AbsenceService(AbsenceRepository(database), policies, quorum, clock),
        breaker=BreakerReports(reports, ObservedFlowRepository(database, settings.zone), clock),
        stops=StopService(policies, policy_drafts, reports, store, flow_cache, submitter, executor, users, clock),
        steps=StepService(reports, policies, store, submitter, users, clock),
        zone=settings.zone,
        setup_findings=SetupFindings(read_findings, monotonic),
    )


def build_watcher(  # noqa: PLR0913 - what a watcher has of the process
    interval: float,
    outside: Outside,
    services: Services,
    notifier: SlackNotifier,
    *,
    start_task: TaskStarter,
    metrics: Metrics,
    may_work: Callable[[], Awaitable[bool]],
) -> Watcher:
    """Build the loop that looks for changes made outside, the breaker and the digests, which follow its rounds."""
    store, reports, policies = services.breaker.watch, services.reports, services.policies
    notify, show_report, zone = notifier.notify, notifier.show_report, services.zone
    composer = DigestComposer(services.store, reports, store, services.recent.store, services.flow_cache, zone)
    rounds = build_watch_rounds(
        store=store,
        reports=reports,
        policies=policies,
        flow_cache=services.flow_cache,
        late_effects=services.late_effects,
        notify=notify,
        show_report=show_report,
        start_task=start_task,
    )
    return Watcher(
        rounds=rounds,
        store=store,
        leases=LeaseKeeper(store, outside.clock, outside.monotonic, services.executor.leases.owner),
        observers=(
            Breaker(services.breaker, policies, services.submitter, services.executor, notify, show_report, start_task),
            WeeklyDigests(composer, policies, reports, rounds.show_reports, zone),
        ),
        interval=interval,
        metrics=metrics,
        clock=outside.clock,
        monotonic=outside.monotonic,
        may_work=may_work,
    )
