"""The wiring of what answers Slack."""

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.disable_cause import DisableCause
from flowbot.i18n.translator import Translators
from flowbot.observability.metrics import Metrics
from flowbot.services.absences import AbsenceService
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.remarks import RemarkService
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.breaker import BreakerReports
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.digests import LastDigests
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.findings import FindingService
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.flow_statistics import StatisticsService
from flowbot.services.forms import FormService
from flowbot.services.history import History
from flowbot.services.inbox import HomeOverviews, RequestQueue
from flowbot.services.policy_setup import PolicySetup
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.channels import ChannelStore
from flowbot.services.ports.deliveries import DeliveryStore
from flowbot.services.ports.form_storage import DraftStore, ImageStore
from flowbot.services.ports.messages import MessageStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.reports import ReportStore
from flowbot.services.ports.slack import ImageSource
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.setup_findings import SetupFindings
from flowbot.services.steps import StepService
from flowbot.services.stop import StopService
from flowbot.services.users import UserService
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.message_sender import MessageSender
from flowbot.slack.api.messages import MessagePoster, Responder
from flowbot.slack.api.modals import Modals
from flowbot.slack.api.references import ReferenceNames
from flowbot.slack.api.step_runs import StepRuns
from flowbot.slack.api.token import TokenMonitor
from flowbot.slack.app import Handlers, build_app
from flowbot.slack.forms.flow.editing import FormEditor
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.flow.submission import FlowFormSubmission
from flowbot.slack.listeners.absence_actions import AbsenceActions
from flowbot.slack.listeners.approval_channel import ApprovalChannelGuide
from flowbot.slack.listeners.approval_form import ApprovalFormHandler
from flowbot.slack.listeners.change_form import ChangeFormHandler
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.commands.catalog import build_commands
from flowbot.slack.listeners.commands.dispatcher import CommandDispatcher
from flowbot.slack.listeners.details_window import DetailsWindow
from flowbot.slack.listeners.finding_actions import FindingActions
from flowbot.slack.listeners.flow_actions import FlowActions
from flowbot.slack.listeners.flow_viewer import FlowViewer
from flowbot.slack.listeners.history_actions import HistoryActions
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.policy_form import PolicyFormHandler
from flowbot.slack.listeners.reason_form import ReasonFormHandler
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.shortcuts import FlowWindow, MessageShortcutHandler
from flowbot.slack.listeners.step_actions import StepActions
from flowbot.slack.listeners.stop_actions import StopActions
from flowbot.slack.listeners.workspace_events import WorkspaceEvents
from flowbot.slack.notify.absence_notices import AbsenceNotices
from flowbot.slack.notify.approver_calls import ApproverCalls
from flowbot.slack.notify.direct_copies import DirectCopies
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.notify.message_sync import RequestMessageSync
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.notify.outcome_notices import OutcomeNotices
from flowbot.slack.notify.policy_notifier import PolicyNotifier
from flowbot.slack.notify.remark_notices import RemarkNotices
from flowbot.slack.notify.report_sync import ReportMessageSync
from flowbot.slack.notify.report_views import ReportViews
from flowbot.slack.notify.step_sync import StepSync
from flowbot.slack.notify.team_notifier import TeamNotifier
from flowbot.slack.runner import Runner
from flowbot.slack.tracked_tasks import TrackedTasks


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that listeners and forms call, and the stores that they read."""

    store: ChangeStore
    reports: ReportStore
    messages: MessageStore
    channels: ChannelStore
    privacy: ChannelPrivacy
    policies: PolicyStore
    drafts: DraftStore
    images: ImageStore
    deliveries: DeliveryStore
    form_images: ImageSource
    image_slots: asyncio.Semaphore
    users: UserService
    flow_cache: FlowCache
    flow_queries: FlowQueries
    statistics: StatisticsService
    history: History
    settings: FlowSettingsLoader
    recent: RecentFigures
    executor: ChangeExecutor
    submitter: RequestSubmitter
    decisions: DecisionService
    late_effects: LateEffects
    findings: FindingService
    forms: FormService
    setup: PolicySetup
    stops: StopService
    steps: StepService
    absences: AbsenceService
    breaker: BreakerReports
    setup_findings: SetupFindings
    zone: ZoneInfo


def build_slack(  # noqa: PLR0913 - everything of Slack's is joined here, once
    client: AsyncWebClient,
    services: Services,
    sender: MessageSender,
    responder: Responder,
    locales: Translators,
    *,
    token: TokenMonitor,
    tasks: TrackedTasks,
    metrics: Metrics,
    clock: Clock,
    monotonic: Monotonic,
) -> tuple[AsyncApp, SlackNotifier]:
    """Join the listeners, forms and messages. Return the app and the notifier."""
    users, forms, flow_queries = services.users, services.forms, services.flow_queries
    privacy = services.privacy
    runner = Runner(users, services.deliveries, responder, locales, tasks, metrics, clock)
    modals, poster, links = Modals(client), MessagePoster(sender), ArchiveLinks(client)
    details = RequestDetailsLoader(
        services.store, services.images, services.flow_cache, services.settings, services.recent, clock, services.zone
    )
    messages, once = services.messages, OnceSender(services.messages, poster, monotonic)
    message_sync = RequestMessageSync(
        store=services.store,
        messages=messages,
        details=details,
        users=users,
        find_group_names=services.setup.find_group_names,
        sender=once,
        poster=poster,
        responder=responder,
        locales=locales,
        privacy=privacy,
        clock=clock,
    )
    outcomes = OutcomeNotices(messages, details, users, once, responder, links, locales, privacy, clock)
    copies = DirectCopies(messages, details, users, once, poster, locales, clock)
    team = TeamNotifier(
        store=services.store,
        details=details,
        users=users,
        message_sync=message_sync,
        copies=copies,
        outcomes=outcomes,
        remarks=RemarkNotices(services.store, outcomes, poster),
        calls=ApproverCalls(details, copies, users, once, locales, clock),
        sender=once,
        poster=poster,
        clock=clock,
    )
    opener = FormOpener(forms, modals, clock)
    form_result = FormResult(
        store=services.store,
        details=details,
        forms=forms,
        opener=opener,
        modals=modals,
        responder=responder,
        links=links,
        users=users,
        policies=services.policies,
        team=team,
        locales=locales,
        clock=clock,
    )
    report_views, step_runs = ReportViews(services.reports, services.store, links), StepRuns(client)
    step_sync = StepSync(
        steps=services.steps,
        store=services.store,
        messages=messages,
        policies=services.policies,
        users=users,
        sender=once,
        poster=poster,
        runs=step_runs,
        links=links,
        locales=locales,
    )
    report_sync = ReportMessageSync(
        store=services.reports,
        messages=messages,
        policies=services.policies,
        absences=services.absences.store,
        users=users,
        sender=once,
        poster=poster,
        locales=locales,
        privacy=privacy,
        metrics=metrics,
        clock=clock,
        show_step=step_sync.show,
        views=report_views.build(),
    )
    reported = {DisableCause.STOP: services.stops.record, DisableCause.BREAKER: services.breaker.record}
    notifier = SlackNotifier(services.store, team, form_result, report_sync, reported)
    queue = RequestQueue(services.store, services.policies, services.absences.store, users, clock)
    overviews = HomeOverviews(
        queue=queue,
        store=services.store,
        policies=services.policies,
        setup=services.setup,
        digests=LastDigests(services.reports, services.messages, clock, services.zone),
        absences=services.absences,
        find_membership=users.find_membership,
        clock=clock,
        zone=services.zone,
    )
    home = HomeTab(runner, client, overviews, services.setup_findings, details, links)
    absences = AbsenceActions(runner, services.absences, AbsenceNotices(users, poster, locales), modals, home)
    stops = StopActions(services.stops, notifier, tasks)
    history_actions = HistoryActions(services.history, links, opener)
    viewer = FlowViewer(flow_queries, services.history, services.findings, report_views, clock)
    channels = ChannelAuthorizer(services.policies, users)
    remarks = RemarkService(services.decisions)
    requests = RequestActions(
        submitter=services.submitter,
        decisions=services.decisions,
        remarks=remarks,
        late_effects=services.late_effects,
        executor=services.executor,
        notifier=notifier,
        message_sync=message_sync,
        details=details,
        links=links,
        modals=modals,
        clock=clock,
    )
    submission = FlowFormSubmission(
        forms=forms,
        submitter=services.submitter,
        executor=services.executor,
        clock=clock,
        images=services.images,
        image_source=services.form_images,
        image_slots=services.image_slots,
        users=users,
        deliveries=services.deliveries,
        locales=locales,
        tasks=tasks,
        metrics=metrics,
        notifier_for_form=notifier.notifier_for_form,
    )
    editor = FormEditor(forms, modals, users, locales, clock, tasks)
    setup = PolicyFormHandler(runner, services.setup, modals, PolicyNotifier(services.setup, responder, locales))
    guide = ApprovalChannelGuide(queue, details, links, viewer, channels, clock)
    commands = build_commands(
        flow_queries=flow_queries,
        statistics=services.statistics,
        policies=services.policies,
        guide=guide,
        viewer=viewer,
        history=history_actions,
        opener=opener,
        requests=requests,
        stops=stops,
        absences=absences,
        queue=queue,
        details=details,
        links=links,
        names=ReferenceNames(client, users),
        policy_form=setup,
        clock=clock,
        zone=services.zone,
    )
    change_form = ChangeFormHandler(runner, channels, services.submitter, requests, services.drafts, modals)
    handlers = Handlers(
        commands=CommandDispatcher(runner, commands, guide),
        flows=FlowActions(flow_queries, channels, opener, viewer, responder, privacy, locales, clock),
        history=history_actions,
        requests=requests,
        stops=stops,
        steps=StepActions(
            services.steps, channels, requests, opener, change_form, step_runs, notifier.show_report, locales, tasks
        ),
        absences=absences,
        findings=FindingActions(services.findings, requests, report_sync.sync, locales),
        approval_form=ApprovalFormHandler(runner, services.decisions, details, requests, modals),
        change_form=change_form,
        opener=opener,
        editor=editor,
        submission=submission,
        reason_form=ReasonFormHandler(runner, services.decisions, remarks, requests, home),
        policy_form=setup,
        message_shortcut=MessageShortcutHandler(runner, services.policies, users, channels, forms, opener, modals),
        window=FlowWindow(runner, services.policies, users, channels, flow_queries, modals),
        home=home,
        workspace=WorkspaceEvents(services.channels, privacy, token, clock),
        details=DetailsWindow(services.decisions, details, channels, flow_queries, modals, clock),
    )
    return build_app(client, handlers, runner), notifier
