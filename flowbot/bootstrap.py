"""The composition root: opens, wires and closes. Nothing happens at import."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
import httpx
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.config import Settings
from flowbot.domain.ids import GroupId
from flowbot.enkapush.client import EnkapushClient, Timeouts, Timing
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
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import RequestAuthorizer
from flowbot.services.executor.context import ExecutionContext
from flowbot.services.executor.executor import ChangeExecutor, OperationRunner
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.executor.preconditions import Preconditions
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.forms import FormService
from flowbot.services.history import History
from flowbot.services.inbox import HomeOverviews, RequestQueue
from flowbot.services.policy_setup import PolicySetup
from flowbot.services.ports import Clock, Monotonic, Sleep, utc_now
from flowbot.services.request_details import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack import app as slack_app
from flowbot.slack.api import client
from flowbot.slack.api.files import SlackFiles
from flowbot.slack.api.messages import MessagePoster, Responder
from flowbot.slack.api.modals import Modals
from flowbot.slack.api.users import SlackUserDirectory, SlackUserGroupRoster
from flowbot.slack.forms.flow.editing import FormEditor
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.flow.submission import FlowFormSubmission
from flowbot.slack.forms.policy.submission import PolicyFormViews
from flowbot.slack.listeners.action_dispatcher import ActionDispatcher
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.commands.approvals import ApprovalsViewer
from flowbot.slack.listeners.commands.dispatcher import CommandDispatcher
from flowbot.slack.listeners.commands.show import FlowViewer
from flowbot.slack.listeners.flow_actions import FlowActions
from flowbot.slack.listeners.form_views import FormViews
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.reason_views import ReasonFormViews
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.notify.request_message import RequestMessage
from flowbot.slack.runner import Runner
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.change_queries import read_change_statistics
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.deliveries import DeliveryRepository
from flowbot.storage.repositories.drafts import DraftRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.unit_of_work import Database
from flowbot.worker.recovery import Recovery
from flowbot.worker.retention import Retention


@dataclass(frozen=True, slots=True)
class Resources:
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
class Adapters:
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
async def open_resources(
    settings: Settings, clock: Clock, monotonic: Monotonic, timeouts: Timeouts | None, sleep: Sleep
) -> AsyncIterator[Resources]:
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
    settings.require("slack_bot_token", "enkapush_api_key")
    metrics = Metrics()
    async with (
        open_migrated(settings.database_url.get_secret_value()) as database,
        create_enkapush_client(settings, metrics, timeouts, Timing(sleep=sleep)) as enkapush,
        create_image_client(settings.enkapush_api_url) as pictures,
        client.open_session() as session,
    ):
        slack = client.create_web_client(
            settings.slack_api_url, secret_value(settings.slack_bot_token), session, metrics
        )
        yield Resources(settings, database, enkapush, pictures, session, slack, metrics, clock, monotonic, sleep)


def build_adapters(outside: Resources) -> Adapters:
    """The ports of what is open."""
    settings, clock, monotonic = outside.settings, outside.clock, outside.monotonic
    source = EnkapushReader(outside.enkapush, settings.zone)
    policies = PolicyRepository(outside.database, clock)

    async def named() -> frozenset[GroupId]:
        return (await policies.get_book()).groups

    return Adapters(
        store=ChangeRepository(outside.database, clock),
        policies=policies,
        images=ImageRepository(outside.database),
        drafts=DraftRepository(outside.database),
        pictures=SlackFiles(outside.slack, outside.session, settings.slack_api_url),
        source=source,
        catalog=FlowCache(source, clock=clock, monotonic=monotonic),
        people=UserService(SlackUserDirectory(outside.slack, named), settings.flowbot_admins, monotonic=monotonic),
    )


def create_enkapush_client(
    settings: Settings, metrics: Metrics, timeouts: Timeouts | None = None, timing: Timing | None = None
) -> EnkapushClient:
    """A client for the account of the settings.

    Raises:
        ConfigurationError: the address or the key cannot be used.
    """
    try:
        return EnkapushClient(
            settings.enkapush_api_url,
            secret_value(settings.enkapush_api_key),
            timeouts=timeouts,
            on_request=metrics.count_enkapush_call,
            timing=timing,
        )
    except ValueError as error:
        raise ConfigurationError(f"ENKAPUSH_API_URL or ENKAPUSH_API_KEY: {error}") from None


def secret_value(value: SecretStr | None) -> str:
    """What a secret setting holds; nothing, where it is not set."""
    return value.get_secret_value() if value else ""


DRAIN_SECONDS: Final = 4.0
"""What is in hand has this long to end at a stop, of the ten seconds that a stop may take."""


STOP_SECONDS: Final = 1.0
"""A round of the recovery has this long to end at a stop; what it began counts as work in hand."""


@dataclass(frozen=True, slots=True)
class Flowbot:
    """A flowbot that is ready to listen."""

    settings: Settings
    bolt: AsyncApp
    slack: AsyncWebClient
    people: UserService
    health: HealthChecker
    metrics: Metrics
    scrape: PrometheusExporter
    tasks: TrackedTasks


@dataclass(frozen=True, slots=True)
class _Services:
    """The use cases."""

    reading: FlowQueries
    executor: ChangeExecutor
    submitter: RequestSubmitter
    decisions: DecisionService
    rechecker: Rechecker
    forms: FormService
    setup: PolicySetup


@asynccontextmanager
async def run_flowbot(
    settings: Settings,
    *,
    clock: Clock = utc_now,
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
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(open_resources(settings, clock, monotonic, timeouts, sleep))
        ports = build_adapters(outside)
        services = _build_services(outside, ports)
        for part in (services.setup, services.forms, ports.people, ports.catalog):
            stack.push_async_callback(part.close)
        tasks = TrackedTasks()
        runner = _build_runner(outside, ports, services, tasks)
        notifier, listeners = _build_slack(outside, ports, services, runner)
        stack.push_async_callback(listeners.home.close)
        recovery = Recovery(
            executor=services.executor,
            expiry=RequestExpiry(ports.store, clock),
            retention=Retention(ports.drafts, ports.images, runner.deliveries),
            store=ports.store,
            leases=services.executor.leases,
            notifier=notifier,
            start_task=tasks.start,
            metrics=outside.metrics,
            clock=clock,
        )
        # Undone from the last to the first: take no more work, then finish what is in hand.
        stack.push_async_callback(tasks.drain, drain_seconds)
        stop = asyncio.Event()
        stack.push_async_callback(_stop_task, asyncio.create_task(recovery.run(stop)), stop)
        signing_secret = secret_value(settings.slack_signing_secret)
        app = slack_app.build_app(
            outside.slack, signing_secret=signing_secret, listeners=listeners, metrics=outside.metrics
        )
        probes = {"database": outside.database.ping, "enkapush": ports.source.ping}
        health = HealthChecker(probes, monotonic=monotonic)
        stack.push_async_callback(health.close)
        scrape = PrometheusExporter(outside.metrics, partial(read_change_statistics, outside.database), outside.clock)
        stack.push_async_callback(scrape.close)
        yield Flowbot(settings, app, outside.slack, ports.people, health, outside.metrics, scrape, tasks)


def _build_services(outside: Resources, ports: Adapters) -> _Services:
    store, policies, source, clock = ports.store, ports.policies, ports.source, outside.clock
    executor = _build_executor(outside, ports)
    authorizer = RequestAuthorizer(store, policies, ports.people, clock, ports.people.find_current_members)
    return _Services(
        reading=FlowQueries(ports.policies, ports.catalog, ports.source),
        executor=executor,
        submitter=RequestSubmitter(store, source, authorizer, executor.leases, clock),
        decisions=DecisionService(store, authorizer, executor.leases, clock),
        rechecker=Rechecker(executor.runner, store, policies, authorizer, clock),
        forms=FormService(
            policies=ports.policies,
            changes=ports.store,
            catalog=ports.catalog,
            source=ports.source,
            segments=ports.source,
            drafts=ports.drafts,
            members=ports.people.find_members,
            clock=outside.clock,
            monotonic=outside.monotonic,
        ),
        setup=PolicySetup(
            policies=ports.policies,
            people=ports.people,
            roster=SlackUserGroupRoster(outside.slack),
            catalog=ports.catalog,
            clock=outside.clock,
            monotonic=outside.monotonic,
        ),
    )


def _build_executor(outside: Resources, ports: Adapters) -> ChangeExecutor:
    owner = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(4)}"
    holding = LeaseKeeper(ports.store, outside.clock, owner)
    tools = ExecutionContext(
        store=ports.store,
        images=ports.images,
        form_images=ports.pictures,
        flow_images=ImageFetcher(outside.pictures),
        source=ports.source,
        writer=EnkapushWriter(outside.enkapush),
        flow_cache=ports.catalog,
        clock=outside.clock,
        owner=owner,
        holds_lease=holding.holds_for_certain,
        sleep=outside.sleep,
    )
    return ChangeExecutor(
        store=ports.store,
        drafts=ports.drafts,
        policies=ports.policies,
        preconditions=Preconditions(ports.policies, ports.people, ports.store),
        runner=OperationRunner(tools),
        leases=holding,
        clock=outside.clock,
    )


def _build_runner(outside: Resources, ports: Adapters, services: _Services, tasks: TrackedTasks) -> Runner:
    settings = outside.settings
    return Runner(
        users=ports.people,
        flow_queries=services.reading,
        deliveries=DeliveryRepository(outside.database),
        responder=Responder(outside.slack, outside.session, settings.slack_api_url, outside.metrics),
        locales=Translators(fixed=settings.flowbot_language, zone=settings.zone),
        tasks=tasks,
        metrics=outside.metrics,
        clock=outside.clock,
    )


def _build_slack(
    outside: Resources, ports: Adapters, services: _Services, runner: Runner
) -> tuple[SlackNotifier, slack_app.Listeners]:
    """Return the notifier and the listeners."""
    modals, poster, clock = Modals(outside.slack), MessagePoster(outside.slack, runner.responder), outside.clock
    details = RequestDetailsLoader(ports.store, ports.policies, services.forms.known_hosts)
    message = RequestMessage(ports.store, details, poster, runner.locales, clock)
    opener, viewer = FormOpener(services.forms, modals, clock), FlowViewer(runner, History(ports.policies, ports.store))
    form_result = _build_form_result(ports, services, runner, opener, details, message)
    notifier = SlackNotifier(ports.store, details, message, form_result, poster, runner.locales, clock)
    queue = RequestQueue(ports.store, ports.policies, ports.people.find_members)
    overviews = HomeOverviews(queue, ports.store, ports.policies, ports.people.find_members)
    home = HomeTab(runner, outside.slack, overviews, details, message)
    channels = ChannelAuthorizer(services.reading, ports.people)
    requests = RequestActions(
        channels=channels,
        submitter=services.submitter,
        decisions=services.decisions,
        rechecker=services.rechecker,
        executor=services.executor,
        notifier=notifier,
        request_message=message,
        details=details,
        modals=modals,
    )
    setup = PolicyFormViews(runner, services.setup, modals)
    listed = ApprovalsViewer(queue, details, message, clock)
    return notifier, slack_app.Listeners(
        commands=CommandDispatcher(runner, opener, requests, viewer, listed, setup),
        actions=ActionDispatcher(runner, FlowActions(runner, channels, opener, viewer), requests, home),
        forms=FormViews(
            runner=runner,
            opener=opener,
            editor=FormEditor(services.forms, modals, ports.people, runner.locales, clock, runner.tasks),
            submission=_build_form_submission(ports, services, runner, form_result),
        ),
        reasons=ReasonFormViews(runner, services.decisions, services.executor, notifier, home),
        home=home,
        setup=setup,
    )


def _build_form_result(
    ports: Adapters,
    services: _Services,
    runner: Runner,
    opener: FormOpener,
    details: RequestDetailsLoader,
    message: RequestMessage,
) -> FormResult:
    return FormResult(
        forms=services.forms,
        opener=opener,
        modals=opener.modals,
        responder=runner.responder,
        users=ports.people,
        flow_queries=services.reading,
        images=ports.images,
        image_source=ports.pictures,
        details=details,
        request_message=message,
        locales=runner.locales,
        clock=runner.clock,
    )


def _build_form_submission(
    ports: Adapters, services: _Services, runner: Runner, form_result: FormResult
) -> FlowFormSubmission:
    return FlowFormSubmission(
        forms=services.forms,
        submitter=services.submitter,
        executor=services.executor,
        clock=runner.clock,
        images=ports.images,
        image_source=ports.pictures,
        users=ports.people,
        deliveries=runner.deliveries,
        locales=runner.locales,
        tasks=runner.tasks,
        metrics=runner.metrics,
        notifier_for=form_result.for_open_form,
    )


async def _stop_task(task: asyncio.Task[None], stop: asyncio.Event) -> None:
    """End a loop between two of its rounds; where a round hangs, in the middle of it."""
    stop.set()
    _, late = await asyncio.wait({task}, timeout=STOP_SECONDS)
    for each in late:
        each.cancel()
    await asyncio.wait({task}, timeout=STOP_SECONDS)
