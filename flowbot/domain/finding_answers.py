"""Answers to findings: how one ends by a person, at once or by a change."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final

from flowbot.domain.approval import GATE_BY_KIND
from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import UNSUCCESSFUL, Change, ChangeKind, ChangeState
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.ids import ReportId
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.report import NewReport, Report, ReportState

ACTIONS: Final = {
    FindingEnd.ACCEPTED: AuditAction.OUTSIDE_ACCEPTED,
    FindingEnd.REVERTED: AuditAction.OUTSIDE_REVERTED,
    FindingEnd.DISABLED: AuditAction.OUTSIDE_DISABLED,
    FindingEnd.GONE: AuditAction.OUTSIDE_GONE,
}
REVERTED_BY: Final = {
    ChangeKind.CREATE: ChangeKind.DELETE,
    ChangeKind.DELETE: ChangeKind.RESTORE,
    ChangeKind.ENABLE: ChangeKind.DISABLE,
    ChangeKind.DISABLE: ChangeKind.ENABLE,
    ChangeKind.EDIT: ChangeKind.EDIT,
}
"""What reverts what was done outside flowbot."""


def find_strictest(policies: Collection[ChannelPolicy], kind: ChangeKind) -> ChannelPolicy | None:
    """Find the policy that asks for most before a change of this kind; None of none.

    Of those that gate the kind the one with most approvals in all its stages counts, then the one with most of them for
    the largest audience, and so on; and the first of several.
    """
    gate = GATE_BY_KIND.get(kind)

    def strictness(policy: ChannelPolicy) -> tuple[int, ...]:
        rule, stages = policy.approval, len(policy.stages)
        return (
            gate in rule.required_for,
            rule.quorum * stages,
            rule.quorum_for(None) * stages,
            stages,
            len(set(rule.required_for)),
            not rule.self_approval,
            not rule.stand_ins,
            rule.reason_required,
        )

    return max(policies, key=strictness, default=None)


def list_accepting(finding: Finding) -> tuple[Permission, ...]:
    """List the permissions of which one is needed to accept a finding: what is live takes an approver."""
    return (Permission.APPROVE,) if finding.is_live else (Permission.EDIT, Permission.APPROVE)


def close_finding(report: Report, closing: FindingClosing) -> NewReport:
    """Return the report of a finding that ends."""
    ended = replace(_content(report), closing=closing, answer=None)
    return replace(report.told, content=ended, state=ReportState.CLOSED)


def begin_answer(report: Report, change: Change) -> NewReport:
    """Return the report of a finding that a change, once applied, ends."""
    return replace(report.told, content=replace(_content(report), answer=_end_by(change)))


def settle_answer(report: Report, change: Change) -> NewReport | None:
    """Return the report of a finding whose change came to an end; None where it stays as it is.

    While it is not known whether the change was done, the finding may be answered otherwise; once it is, it ends.
    """
    answer = _content(report).answer
    if not report.is_open:
        return None
    if change.state is ChangeState.APPLIED:
        return close_finding(report, _end_by(change))
    is_in_hand = change.state is not ChangeState.UNKNOWN and change.state not in UNSUCCESSFUL
    if is_in_hand or answer is None or answer.change != change.id:
        return None
    return replace(report.told, content=replace(_content(report), answer=None))


def _end_by(change: Change) -> FindingClosing:
    request = change.request
    is_plain_disable = request.kind is ChangeKind.DISABLE and request.cause is None
    how = FindingEnd.DISABLED if is_plain_disable else FindingEnd.REVERTED
    return FindingClosing(how, request.requester, change.id)


def found_event(report: ReportId, told: NewReport, at: datetime) -> AuditEvent:
    """Build the event of a finding that is new. Who changed the flow cannot be known."""
    return _event(report, told, at, AuditAction.OUTSIDE_FOUND)


def closing_event(report: Report, told: NewReport, at: datetime) -> AuditEvent:
    """Build the event of a finding that ends as `told`: by whom, and by which change.

    Raises:
        ValueError: it has not.
    """
    closing = told.content.closing if isinstance(told.content, Finding) else None
    if closing is None:
        raise ValueError(f"finding {report.id} has not ended")
    event = _event(report.id, told, at, ACTIONS[closing.how])
    change = {"change": closing.change} if closing.change else {}
    return replace(event, actor=closing.by, details={**event.details, **change})


def _event(report: ReportId, told: NewReport, at: datetime, action: AuditAction) -> AuditEvent:
    finding = told.content if isinstance(told.content, Finding) else None
    return AuditEvent(
        at=at,
        action=action,
        actor=None,
        kind=finding.kind if finding else None,
        flow=told.flow,
        website=told.website,
        details={"finding": report, "changed": [each.field for each in finding.differences] if finding else []},
    )


def _content(report: Report) -> Finding:
    if not isinstance(report.told.content, Finding):
        raise TypeError(f"report {report.id} is no finding")
    return report.told.content
