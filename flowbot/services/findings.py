"""Findings: what people do with what was changed outside flowbot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flowbot.domain.change import ChangeKind, ChangeRequest
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.fields import form_values
from flowbot.domain.finding_answers import REVERTED_BY, close_finding, closing_event, find_strictest, list_accepting
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd, Summary
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, rebase_content
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ReportId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.report import Report
from flowbot.errors import UserError
from flowbot.services.approvals.submit import RequestSubmitter, new_request
from flowbot.services.authorization import (
    REQUEST_CHANNEL_KEYS,
    effective_policy,
    load_visible_flow,
    require_permission,
)
from flowbot.services.batches import batched
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.reports import ReportConflictError, ReportStore
from flowbot.services.users import CurrentUser

ANSWERING: Final = (Permission.EDIT, Permission.APPROVE)
"""Any of these lets a person revert a finding, or disable its flow."""
AT_ONCE: Final = 200
"""So many findings are read, or accepted, at a time: between them others have their turn."""


@dataclass(frozen=True, slots=True)
class FindingPress:
    """A press of a button of a finding or summary.

    Attributes:
        report: The finding or summary.
        version: The version that the person saw.
        channel: The channel of the press; None for none.
        policy: The channel whose policy decides, where the button stands elsewhere than in the report's message.
    """

    report: ReportId
    version: int
    channel: ChannelId | None
    policy: ChannelId | None = None


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """An open finding as a policy lets it be seen: the strictest of those behind a channel."""

    report: Report
    finding: Finding
    policy: ChannelPolicy


@dataclass(frozen=True, slots=True)
class FindingService:
    """Accepts and reverts findings, and disables their flows, by the rights of now.

    Every method raises UserError where the finding has ended or the person may not, and DependencyError where the
    database, Slack or Enkapush did not answer.
    """

    reports: ReportStore
    policies: PolicyStore
    submitter: RequestSubmitter
    clock: Clock

    async def find_open(self, user: CurrentUser, channel: ChannelId, flow: FlowId) -> tuple[OpenFinding, bool] | None:
        """Find a flow's open finding as a channel may see it, and whether the person may answer it there."""
        report = await self.reports.open_finding(flow)
        policy = None if report is None else (await self.policies.get_scope(channel)).policy
        found = None if report is None or policy is None else _see(report, [policy])
        if found is None:
            return None
        return found, any(decide(found.policy, user.actor, permission).allowed for permission in ANSWERING)

    async def accept(self, user: CurrentUser, press: FindingPress) -> frozenset[ReportId]:
        """Accept a finding, or all of a summary that the channel may see. Return the reports that are to be shown."""
        report, policies = await self._load(press.report), await self._list_policies(press)
        if isinstance(report.told.content, Summary):
            found = []
            for page in batched(report.told.content.findings, AT_ONCE):
                known = [each for each in await self.reports.get_many(page) if each.is_open]
                seen = [each for each in (_see(each, policies) for each in known) if each is not None]
                # What has changed again since is told by itself; what is being answered ends by that.
                found += [each for each in seen if each.finding.summary == report.id and not each.finding.answer]
        else:
            found = [_require_unmoved(_see(report, policies), press)]
        if not found:
            raise UserError("outside.nothing_left")
        needed = {(each.policy.id, list_accepting(each.finding)): each.policy for each in found}
        for (_, permissions), policy in needed.items():
            await self._require(policy, user, press, *permissions)
        closing, now = FindingClosing(FindingEnd.ACCEPTED, user.id), self.clock()
        try:
            for some in batched(found, AT_ONCE):
                moves = [(each.report, close_finding(each.report, closing)) for each in some]
                await self.reports.replace_all_if_unchanged(moves, *(closing_event(*move, now) for move in moves))
        except ReportConflictError as conflict:
            raise late_error(conflict.current) from conflict
        summaries = {each.finding.summary for each in found if each.finding.summary is not None}
        return frozenset({press.report, *summaries})

    async def revert(
        self, user: CurrentUser, press: FindingPress, explain: Callable[[OpenFinding], str]
    ) -> RequestRecord:
        """Submit what reverts a finding: an enable is disabled at once, all else needs what its kind needs.

        Args:
            user: the person.
            press: what they pressed.
            explain: returns the request's reason.

        Returns:
            The change with its scope, to be executed next.
        """
        found = _require_unmoved(_see(await self._load(press.report), await self._list_policies(press)), press)
        user = await self._require(found.policy, user, press, *ANSWERING)
        kind = REVERTED_BY[found.finding.kind]
        is_at_once = kind is ChangeKind.DISABLE
        request = await self._build_request(found, kind, user, "" if is_at_once else explain(found))
        if is_at_once:
            request = replace(request, cause=DisableCause.REVERT)
        return await self._submit(request, press, found.policy)

    async def disable(self, user: CurrentUser, press: FindingPress) -> RequestRecord:
        """Disable the flow of a finding, or ask for that where the policy gates it. Return the change to execute."""
        kind = ChangeKind.DISABLE
        found = _see(await self._load(press.report), await self._list_policies(press), kind)
        if found is None:
            raise UserError("form.website_gone")
        user = await self._require(found.policy, user, press, *ANSWERING)
        request = await self._build_request(found, kind, user, "")
        return await self._submit(request, press, found.policy)

    async def _load(self, report_id: ReportId) -> Report:
        report = await self.reports.get(report_id)
        if report is None or not isinstance(report.told.content, Finding | Summary):
            raise UserError("outside.unknown")
        if not report.is_open:
            raise late_error(report)
        return report

    async def _list_policies(self, press: FindingPress) -> Sequence[ChannelPolicy]:
        """List the policies behind the channel of a press, or the one that the button names."""
        book = await self.policies.get_book()
        if press.policy is not None:
            return [each for each in book.channels if each.id == press.policy]
        return [each for each in book.channels if each.approval_channel == press.channel]

    async def _require(
        self, policy: ChannelPolicy, user: CurrentUser, press: FindingPress, *permissions: Permission
    ) -> CurrentUser:
        """Make sure that the policy grants one of the permissions; return the person as they are now."""
        user = await self.submitter.users.reload_user(user)
        find_members = self.submitter.authorizer.find_members
        counting = await effective_policy(policy, user, press.channel, find_members)
        try:
            require_permission(counting, user, *permissions, whole=policy)
        except UserError as error:
            key = error.text.key
            raise UserError(replace(error.text, key=REQUEST_CHANNEL_KEYS.get(key, key))) from error
        return user

    async def _load_flow(self, found: OpenFinding, kind: ChangeKind) -> Flow:
        """Load the flow of a finding as it is now, where a change of this kind has something to do."""
        number = found.report.told.flow
        if number is None:
            raise UserError("outside.unknown")
        flow = await load_visible_flow(self.submitter.source, number, found.policy)
        if kind is ChangeKind.ENABLE and flow.is_enabled:
            raise UserError("request.already_enabled", id=str(number))
        if kind is ChangeKind.DISABLE and not flow.is_enabled:
            raise UserError("request.already_disabled", id=str(number))
        return flow

    async def _build_request(
        self, found: OpenFinding, kind: ChangeKind, user: CurrentUser, reason: str
    ) -> ChangeRequest:
        """Build the request that undoes what was done, on the flow as it is now."""
        finding, channel = found.finding, found.policy.id
        if kind is ChangeKind.RESTORE and finding.before is not None:
            known = await self.submitter.settings.load_restorable(finding.before)
            wanted = DesiredFlow(FlowContent.of(finding.before), known.values)
            restored = new_request(user, channel, kind, finding.before, reason)
            return replace(restored, flow=None, wanted=wanted, doubtful=known.doubtful(finding.before.changed_at))
        flow = await self._load_flow(found, kind)
        request = new_request(user, channel, kind, flow, reason)
        if kind is not ChangeKind.EDIT or finding.before is None or finding.after is None:
            return request
        current = FlowContent.of(flow)
        content = rebase_content(finding.before, finding.after, current)
        if content == current:
            raise UserError("outside.nothing_to_revert", id=str(flow.id))
        return replace(request, wanted=DesiredFlow(content), typed=form_values(content))

    async def _submit(self, request: ChangeRequest, press: FindingPress, policy: ChannelPolicy) -> RequestRecord:
        """Submit an answer: the same button pressed twice is one change."""
        token = FormToken(f"finding.{press.report}.{press.version}.{request.kind}")
        try:
            return await self.submitter.submit_answer(replace(request, token=token, answers=press.report), policy)
        except ReportConflictError as conflict:
            raise late_error(conflict.current) from conflict


def late_error(report: Report) -> UserError:
    """Build the refusal for somebody who was too late: it says what has become of the finding, and by whom."""
    content = report.told.content
    closing = content.closing if isinstance(content, Finding) else None
    if closing is None:
        return UserError("outside.moved" if report.is_open else "outside.nothing_left")
    people = {} if closing.by is None else {"person": closing.by}
    # Keys: outside.late_accepted, outside.late_reverted, outside.late_disabled, outside.late_gone
    return UserError(f"outside.late_{closing.how}", **people)


def _see(report: Report, policies: Sequence[ChannelPolicy], kind: ChangeKind | None = None) -> OpenFinding | None:
    """Return a finding as the strictest of the policies for a change of that kind, or for its revert, lets it be seen.

    None where none of them covers the flow's website.
    """
    content = report.told.content
    if not isinstance(content, Finding):
        return None
    seen = content.seen_by(lambda website: any(each.covers_website(website) for each in policies))
    if seen.flow is None:
        return None
    covering = [each for each in policies if each.covers_website(seen.flow.website_id)]
    policy = find_strictest(covering, kind or REVERTED_BY[seen.kind])
    return None if policy is None else OpenFinding(report, content.seen_by(policy.covers_website), policy)


def _require_unmoved(found: OpenFinding | None, press: FindingPress) -> OpenFinding:
    """Make sure that a finding is as the person saw it, and that no change is under way that answers it."""
    if found is None:
        raise UserError("form.website_gone")
    if (answer := found.finding.answer) is not None and answer.by is not None:
        # Keys: outside.answer_reverted, outside.answer_disabled
        raise UserError(f"outside.answer_{answer.how}", person=answer.by)
    if found.report.version != press.version:
        raise UserError("outside.moved")
    return found
