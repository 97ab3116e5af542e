"""The stop of all live flows of a website or a channel: the question, the disables, and the report of them."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from flowbot.domain.approval_rule import Gate
from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import OPEN_STATES, Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.disables import DecidedDisable
from flowbot.domain.draft import PolicyDraft
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ReportId, ReportToken, WebsiteId
from flowbot.domain.late_effects import LATE_EFFECTS, may_take_effect
from flowbot.domain.outcomes import FLOW_GONE
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.domain.search import match_website
from flowbot.domain.stop import Stop, disable_token, find_report, stop_flows
from flowbot.errors import DependencyError, UserError
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import require_permission
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.preconditions import may_go_live
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_queries import visible_flows, visible_website_names
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.enkapush import UnreadableFlowError
from flowbot.services.ports.form_storage import PolicyDraftStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.reports import ReportNotifier, ReportStore
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.report_updates import update_report
from flowbot.services.users import CurrentUser, UserService

DISABLES_AT_ONCE: Final = 3
"""So few flows are disabled at a time, of all stops of this process: others ask Enkapush, too."""

SHOWN_SECONDS: Final = 10.0
"""So often a stop under way is shown anew, within Slack's limit for edits."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StopQuestion:
    """What a stop would disable, before it is decided.

    Attributes:
        token: By it the stop is decided, for a day.
        flows: The live flows, newest first.
        website: None for all of the channel.
        skips_approval: Whether disabling needs approval there, which this person may skip.
    """

    token: FormToken
    flows: tuple[Flow, ...]
    website: WebsiteId | None
    website_names: Mapping[WebsiteId, str]
    reason: str = ""
    skips_approval: bool = False


@dataclass(frozen=True, slots=True)
class StopService:
    """Asks about a stop, and carries it out: each flow once, whichever processes run."""

    policies: PolicyStore
    questions: PolicyDraftStore
    reports: ReportStore
    store: ChangeStore
    flow_cache: FlowCache
    submitter: RequestSubmitter
    executor: ChangeExecutor
    users: UserService
    clock: Clock
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DISABLES_AT_ONCE))
    _running: set[ReportId] = field(default_factory=set)
    _seen: dict[ReportId, int] = field(default_factory=dict)

    async def find_website(
        self, user: CurrentUser, channel: ChannelId, typed: str, words: Sequence[str]
    ) -> tuple[WebsiteId, int]:
        """Find the website that was named, and how many of the words after it belong to its name.

        Raises:
            UserError: not allowed, or the channel has no such website.
            DependencyError: Enkapush or the database did not answer.
        """
        scope = await self.policies.get_scope(channel)
        policy = require_permission(scope.policy, user, Permission.VIEW)
        names = dict(scope.website_names)
        if policy.websites == "all":
            snapshot = await self.flow_cache.get_latest()
            names = {website: str(website) for website in snapshot.websites} | names
        known = visible_website_names(policy, names)
        if (found := match_website(typed, words, known)) is None:
            raise UserError("list.no_such_website", website=typed, known=sorted(known.values()))
        return found

    async def ask(self, user: CurrentUser, channel: ChannelId, website: WebsiteId | None, reason: str) -> StopQuestion:
        """Find the flows that a stop would disable, and keep them, so that these alone are disabled.

        Raises:
            UserError: not allowed, a reason is needed, or nothing is live.
            DependencyError: Enkapush or the database did not answer.
        """
        user = await self.users.reload_user(user)
        scope = await self.policies.get_scope(channel)
        policy = _require_stop(scope.policy, user, reason)
        flows = await self._list_live(policy, website)
        if not flows:
            raise UserError("stop_all.nothing_live")
        token = FormToken(secrets.token_urlsafe(16))
        named = {"website": website, "reason": reason, "flows": [flow.id for flow in flows]}
        await self.questions.save(PolicyDraft(token, user.id, channel, named, self.clock()))
        return StopQuestion(token, flows, website, scope.website_names, reason, _is_gated(policy))

    async def start(self, user: CurrentUser, token: FormToken) -> Report:
        """Decide the stop that was asked about: of the flows that were named, those that are still live.

        Raises:
            UserError: not allowed, decided already, the question is too old, or nothing is live any more.
            DependencyError: Enkapush or the database did not answer.
        """
        question = await self.questions.get(token)
        if question is None or question.user != user.id:
            raise UserError("stop_all.too_old")
        user, channel = await self.users.reload_user(user), question.channel
        website, reason, named = question.typed["website"], question.typed["reason"], set(question.typed["flows"])
        policy = _require_stop((await self.policies.get_scope(channel)).policy, user, reason)
        flows = [flow for flow in await self._list_live(policy, website) if flow.id in named]
        if not flows:
            raise UserError("stop_all.nothing_live")
        stop = Stop(user.id, channel, website, stop_flows(flows), reason, _is_gated(policy))
        target = policy.approval.channel or channel
        new = NewReport(ReportToken(f"stop.{token}"), ReportKind.STOP, stop, website=website, channel=target)
        report, is_new = await self.reports.submit(new, self._describe(stop))
        if not is_new:
            raise UserError("request.done_already")
        log.info("stop.started", report=report.id, flows=len(flows))
        return report

    def _describe(self, stop: Stop) -> AuditEvent:
        skipped = {"break_glass": str(stop.person)} if stop.skips_approval else {}
        details = {"flows": [each.flow for each in stop.flows], "reason": stop.reason, **skipped}
        return AuditEvent(
            at=self.clock(),
            action=AuditAction.STOPPED,
            actor=stop.person,
            channel=stop.channel,
            kind=ChangeKind.DISABLE,
            website=stop.website,
            details=details,
        )

    async def carry_out(self, report: Report, notify: NotifyCallback, show: ReportNotifier) -> None:
        """Disable the flows of a stop that are left, and show meanwhile how far it is.

        What fails for now is left to the recovery.
        """
        work = asyncio.ensure_future(self._proceed(report, notify))
        try:
            while True:
                with suppress(DependencyError):
                    await show(report.id)
                if work.done():
                    break
                await asyncio.wait({work}, timeout=SHOWN_SECONDS)
            await work
        except DependencyError as error:
            log.warning("stop.later", report=report.id, error=str(error))
        finally:
            work.cancel()

    async def resume(self, notify: NotifyCallback, show: ReportNotifier) -> None:
        """Carry out the stops that somebody left: nothing has become of them since the last call.

        Raises:
            DependencyError: the database did not answer.
        """
        seen, found = dict(self._seen), await self.reports.list_open(ReportKind.STOP)
        self._seen.clear()
        self._seen.update({report.id: report.version for report in found})
        for report in found:
            if seen.get(report.id) == report.version and report.id not in self._running:
                log.info("stop.resumed", report=report.id)
                await self.carry_out(report, notify, show)

    async def _proceed(self, report: Report, notify: NotifyCallback) -> None:
        """Disable the flows of a stop that are left. Any process may, and several at once: each flow is disabled once.

        Raises:
            DependencyError: Enkapush or the database did not answer.
        """
        stop = report.told.content_as(Stop)
        if report.id in self._running or not stop.left:
            return
        self._running.add(report.id)
        try:
            snapshot = await self.flow_cache.get_latest()
            wanted = frozenset(stop.left)
            found = {entry.flow.id: entry.flow for entry in snapshot.flows if entry.flow.id in wanted}
            await asyncio.gather(*(self._disable(report.id, stop, each, found.get(each), notify) for each in stop.left))
        finally:
            self._running.discard(report.id)

    async def _disable(
        self, report: ReportId, stop: Stop, flow_id: FlowId, flow: Flow | None, notify: NotifyCallback
    ) -> None:
        async with self._slots:
            try:
                flow = flow or await self.submitter.source.get_flow(flow_id)
                if flow is None:
                    gone = Outcome(FLOW_GONE, {"id": str(flow_id)})
                    await self._note(report, lambda now: now.with_end(flow_id, ChangeState.OUT_OF_DATE, gone))
                    return
                token = disable_token(report, flow_id)
                decided = DecidedDisable(DisableCause.STOP, flow, token, stop.channel, stop.person, stop.reason)
                change, is_new = await self.submitter.disable_now(decided)
                await (self.executor.execute(change, notify) if is_new else self.record(change))
            except UnreadableFlowError as error:
                unread = Outcome.of(error.text)
                await self._note(report, lambda now: now.with_end(flow_id, ChangeState.FAILED, unread))
            except DependencyError as error:
                log.warning("stop.disable_later", report=report, flow=flow_id, error=str(error))

    async def record(self, change: Change) -> None:
        """Note in the report of a stop how the disable of one of its flows ended.

        Raises:
            DependencyError: the database did not answer.
        """
        report, flow = find_report(change), change.request.flow
        if report is not None and flow is not None and change.state not in OPEN_STATES:
            await self._note(report, lambda stop: stop.with_end(flow, change.state, change.outcome))

    async def _note(self, report_id: ReportId, update: Callable[[Stop], Stop]) -> None:
        """Write what has become of a stop; its report is closed where nothing is left to do."""

        def move(told: NewReport) -> NewReport:
            stop = update(told.content_as(Stop))
            return replace(told, content=stop, state=ReportState.OPEN if stop.left else ReportState.CLOSED)

        report = await self.reports.get(report_id)
        if report is not None:
            await update_report(self.reports, report, move)

    async def _list_live(self, policy: ChannelPolicy, website: WebsiteId | None) -> tuple[Flow, ...]:
        """List the live flows of the channel, newest first, also those that an enable may make live yet."""
        # Before the flows are read: an enable that shows itself in between is seen in neither otherwise.
        late = await self._find_possibly_live()
        snapshot = await self.flow_cache.get_latest()
        flows = (entry.flow for entry in visible_flows(snapshot, policy))
        return tuple(
            flow for flow in flows if website in {None, flow.website_id} and (flow.is_enabled or flow.id in late)
        )

    async def _find_possibly_live(self) -> frozenset[FlowId]:
        """Find the flows that an enable may make live yet: it is being applied, or is not known."""
        now = self.clock()
        late = (change for change in await self.store.late_since(now - LATE_EFFECTS) if may_take_effect(change, now))
        found = {change.request.flow for change in late if change.request.kind is ChangeKind.ENABLE}
        possible = {flow for flow in found if flow is not None and await may_go_live(self.store, flow, now)}
        in_progress = (await self.store.find_backlog(now)).in_progress
        for record in await self.store.get_records([each.id for each in in_progress]):
            request = record.change.request
            if request.kind is ChangeKind.ENABLE and record.change.state is ChangeState.APPLYING and request.flow:
                possible.add(request.flow)
        return frozenset(possible)


def _is_gated(policy: ChannelPolicy) -> bool:
    return Gate.DISABLE in policy.approval.required_for


def _require_stop(policy: ChannelPolicy | None, user: CurrentUser, reason: str) -> ChannelPolicy:
    """Return the policy, where a person may stop flows by it: an editor, or who may skip the approval that it asks for.

    Raises:
        UserError: not allowed, or a reason is needed.
    """
    is_gated = policy is not None and _is_gated(policy)
    policy = require_permission(policy, user, Permission.BREAK_GLASS if is_gated else Permission.EDIT)
    if is_gated and not reason.strip():
        raise UserError("stop_all.needs_reason")
    return policy
