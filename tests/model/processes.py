"""Processes of flowbot on one database that may die at any of their calls."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.change import Change
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.domain.outcomes import ChangeResult
from flowbot.errors import DependencyError, UserError
from flowbot.observability.metrics import Metrics
from flowbot.services.absences import AbsenceService
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.escalate import RequestEscalation
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.remarks import RemarkService
from flowbot.services.approvals.revise import EditSubmitter
from flowbot.services.approvals.schedule import ScheduledChanges
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import RequestAuthorizer
from flowbot.services.clock import BelievedClock
from flowbot.services.executor.context import IMAGES_AT_ONCE, ExecutionContext
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.executor.preconditions import Preconditions
from flowbot.services.executor.writer import ChangeWriter
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.observed_source import ObservedSource
from flowbot.services.ports import Clock, Sleep
from flowbot.services.ports.slack import UserDirectory
from flowbot.services.quorum import QuorumChecker
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.requirements import ApprovalRequirements
from flowbot.services.segments import SegmentCache
from flowbot.services.steps import StepService
from flowbot.services.users import UserService
from flowbot.storage.repositories.absences import AbsenceRepository
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.deliveries import DeliveryRepository
from flowbot.storage.repositories.drafts import DraftRepository
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.repositories.known_settings import KnownSettingsRepository
from flowbot.storage.repositories.messages import MessageRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.unit_of_work import Database
from flowbot.worker.recovery import STOP_ROUNDS, Recovery
from flowbot.worker.retention import Retention
from tests.model.fake_enkapush import CURRENT_CHANGE, CURRENT_CLOCK, FakeEnkapush
from tests.model.fake_slack import FakeSlack, SlackClient
from tests.model.machine_clock import MachineClock
from tests.model.message_ports import ChangeStorePort, MessageStorePort
from tests.model.notifier import TrackedNotifier, build_team
from tests.model.process_faults import FaultyPort, ProcessFaults, ProcessKilled
from tests.model.watching import build_watching

FREEZE_ZONE: Final = ZoneInfo("Europe/Istanbul")


@dataclass(frozen=True, slots=True)
class TrackedWriter(ChangeWriter):
    """Applies changes, and tells the fake Enkapush which, and which of them broke off."""

    enkapush: FakeEnkapush
    machine: MachineClock

    async def apply(self, change: Change) -> ChangeResult:
        self.enkapush.begin_attempts(change.id)
        token, timed = CURRENT_CHANGE.set(change.id), CURRENT_CLOCK.set(self.machine.believable)
        try:
            return await ChangeWriter.apply(self, change)
        except (ProcessKilled, DependencyError):
            self.enkapush.ambiguous.add(change.id)
            raise
        finally:
            CURRENT_CHANGE.reset(token)
            CURRENT_CLOCK.reset(timed)


class NoImages:
    """An image source that has no images."""

    async def fetch(self, upload: ImageUpload) -> ImageFile:
        raise UserError("form.not_a_picture")


@dataclass
class Environment:
    """Everything that all processes share."""

    database: Database
    enkapush: FakeEnkapush
    slack: FakeSlack
    directory: UserDirectory
    clock: Clock
    sleep: Sleep

    def monotonic(self) -> float:
        return self.clock().timestamp()


class Process:
    """The object graph of one process."""

    def __init__(self, name: str, around: Environment) -> None:
        self.name = name
        self._begun: set[asyncio.Task[None]] = set()
        self.life = ProcessFaults()
        self.machine = MachineClock(around.clock)
        clock = self.clock = BelievedClock(self.machine, around.monotonic)
        store = cast(
            "ChangeRepository",
            ChangeStorePort(self._database_port(ChangeRepository(around.database, clock)), around.slack, self.life),
        )
        policies = cast("PolicyRepository", self._database_port(PolicyRepository(around.database, clock)))
        images = cast("ImageRepository", self._database_port(ImageRepository(around.database)))
        drafts = cast("DraftRepository", self._database_port(DraftRepository(around.database)))
        enkapush = cast("FakeEnkapush", FaultyPort(around.enkapush, self.life))
        observed = ObservedSource(enkapush, self._begin)
        people = UserService(around.directory, frozenset(), monotonic=around.monotonic)
        leases = LeaseKeeper(store, clock, around.monotonic, name)
        known = cast("KnownSettingsRepository", self._database_port(KnownSettingsRepository(around.database)))
        segments = SegmentCache(enkapush, monotonic=around.monotonic)
        known_settings, quorum = FlowSettingsLoader(known, segments), QuorumChecker(people)
        requirements = ApprovalRequirements(known_settings, enkapush, quorum, store, clock)
        preconditions = Preconditions(policies, people, quorum, requirements, store, clock, FREEZE_ZONE)
        context = ExecutionContext(
            store=store,
            images=images,
            form_images=NoImages(),
            flow_images=enkapush,
            source=enkapush,
            writer=enkapush,
            flow_cache=FlowCache(observed, clock=clock, monotonic=around.monotonic),
            clock=clock,
            monotonic=around.monotonic,
            owner=name,
            holds_lease=leases.holds_for_certain,
            find_blocker=preconditions.find_blocker,
            image_slots=asyncio.Semaphore(IMAGES_AT_ONCE),
            sleep=around.sleep,
        )
        self.executor = ChangeExecutor(
            store=store,
            preconditions=preconditions,
            writer=TrackedWriter(context, around.enkapush, self.machine),
            leases=leases,
            clock=clock,
        )
        self.people = people
        authorizer = RequestAuthorizer(store, clock, people.find_current_members)
        self.submitter = RequestSubmitter(
            store, known_settings, policies, enkapush, authorizer, people, quorum, leases, clock
        )
        self.edits = EditSubmitter(self.submitter)
        self.decisions = DecisionService(store, authorizer, people, leases, requirements, clock)
        self.remarks = RemarkService(self.decisions)
        away = cast("AbsenceRepository", self._database_port(AbsenceRepository(around.database)))
        self.absences = AbsenceService(away, policies, quorum, clock)
        self.rechecker = Rechecker(self.executor.writer, store, policies, clock)
        messages = MessageStorePort(self._database_port(MessageRepository(around.database)), around.slack, self.life)
        zone = ZoneInfo("UTC")
        recent = RecentFigures(FigureRepository(around.database), clock, zone)
        details = RequestDetailsLoader(store, images, context.flow_cache, known_settings, recent, clock, zone)
        client = cast("AsyncWebClient", SlackClient(around.slack, self.life))
        team = build_team(store, messages, details, people, client, clock, around.monotonic)
        self.notifier = TrackedNotifier(around.slack, store, team, self.life)
        self.source = enkapush
        self.late_effects = LateEffects(
            rechecker=self.rechecker,
            submitter=self.submitter,
            executor=self.executor,
            store=store,
            source=enkapush,
            authorizer=authorizer,
            clock=clock,
        )
        observed.observe_with(self.late_effects, self.notifier.notify)
        self.watching = build_watching(
            around.database,
            self.life,
            self.late_effects,
            policies,
            context.flow_cache,
            people,
            self.notifier,
            clock,
            around.monotonic,
            self._begin,
        )
        self.notifier.record = self.watching.record
        self.recovery = Recovery(
            executor=self.executor,
            expiry=RequestExpiry(store, self.executor.preconditions, clock),
            escalation=RequestEscalation(store, policies, quorum, clock),
            late_effects=self.late_effects,
            scheduled=ScheduledChanges(self.executor),
            retention=Retention(
                drafts,
                images,
                DeliveryRepository(around.database),
                recent.store,
                AbsenceRepository(around.database),
            ),
            refresh_channels=self._refresh_channels,
            store=store,
            reports=self.watching.reports,
            leases=leases,
            notifier=self.notifier,
            show_report=self.watching.show,
            start_task=self._begin,
            metrics=Metrics(),
            clock=clock,
            monotonic=around.monotonic,
            read_database_clock=around.database.clock,
            may_work=self._may_work,
            retry_unreadable=around.database.unreadable.clear,
            resume_stops=self.watching.resume_stops,
            tend_steps=StepService(self.watching.reports, policies, store, self.submitter, people, clock).tend,
        )
        self._store = store

    async def _refresh_channels(self) -> None:
        """Do nothing: the fake Slack's channels are never shared."""

    async def _may_work(self) -> bool:
        """Work always: rounds are run one by one here."""
        return True

    async def observe(self) -> None:
        """See what others work on and tell of, as rounds of recovery do all the time."""
        self.recovery._in_progress.find_free((await self._store.find_backlog(self.clock())).in_progress)
        self.recovery._unshown.find_free(await self._store.unshown())
        await self.watching.observe()

    async def read(self) -> None:
        """Read all flows, as for somebody's list."""
        await self.late_effects.observe_all(await self.source.list_flows(), self.notifier.notify)

    async def recover(self) -> None:
        """Run one round of recovery, in which stops are resumed, and all tasks that it starts."""
        await self.recovery.run_round(STOP_ROUNDS)
        await self.finish_tasks()

    async def watch(self) -> None:
        """Make a round of the watch, if it is this process's turn, and do all that follows from it."""
        try:
            await self.watching.watcher.look()
        finally:
            await self.finish_tasks()

    async def finish_tasks(self) -> None:
        """Run all tasks that were started, and those that they start."""
        while self._begun:
            begun, self._begun = self._begun, set()
            ended = await asyncio.gather(*begun, return_exceptions=True)
            if errors := [each for each in ended if isinstance(each, BaseException)]:
                raise errors[0]

    def _begin(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        self._begun.add(asyncio.create_task(work, name=name))

    def _database_port(self, port: object) -> FaultyPort:
        return FaultyPort(port, self.life, is_database=True)
