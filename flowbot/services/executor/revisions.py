"""Revisions of requests: what becomes of a waiting request in the transactions of its requester's own edit."""

from dataclasses import dataclass, replace

from flowbot.domain.approval import stricter_rule
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import WAITING_STATES, Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.deadlines import is_expired
from flowbot.domain.flow import Flow
from flowbot.domain.known_settings import SettingsWrite, settings_write
from flowbot.domain.outcomes import ChangeResult
from flowbot.domain.revisions import (
    REVISED,
    find_refusal,
    list_revised,
    mark_revised,
    release,
    replace_content,
    revision_event,
    take_over_flow,
)
from flowbot.services.authorization import REQUEST_CHANNEL_KEYS
from flowbot.services.executor.hindrances import Hindrance
from flowbot.services.executor.preconditions import Evaluation
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, Replacement, RequestRecord
from flowbot.services.requirements import ApprovalRequirements


@dataclass(frozen=True, slots=True)
class Revisions:
    """Finds what a revision makes of its request. The caller stores both in one transaction, or asks again.

    Every method raises DependencyError where the database did not answer.
    """

    store: ChangeStore
    requirements: ApprovalRequirements
    clock: Clock

    async def find_asked(self, child: Change) -> Change | None:
        """Find the edit as it would be in the channel where the request was asked that it revises; None where it is.

        The rights and rules of that channel count for the request, wherever its content was typed.
        """
        record = await self._load_parent(child)
        if record is None or (channel := record.change.request.channel) == child.request.channel:
            return None
        return replace(child, request=replace(child.request, channel=channel))

    async def begin(self, child: Change, evaluation: Evaluation) -> tuple[Transition, Replacement | None]:
        """Find how an edit that was just submitted goes on, and what its request becomes by that.

        What edits a waiting edit becomes its content at once. What edits the flow of a waiting enable is written next;
        until that has ended nobody decides on the enable.
        """
        record, now = await self._load_parent(child), self.clock()
        parent = record.change if record else None
        is_late = parent is not None and parent.state is ChangeState.PENDING and is_expired(parent, now)
        if refusal := find_refusal(parent, child, evaluation.rule, is_late=is_late):
            return Transition(ChangeState.FAILED, AuditAction.FAILED, outcome=refusal), None
        if record is None or parent is None:
            raise LookupError(f"change {child.id} revises none")
        if parent.request.kind is ChangeKind.ENABLE:
            step = Transition(ChangeState.APPLYING, AuditAction.APPLYING)
            return step, Replacement(parent, mark_revised(parent, child))
        revised = replace_content(parent, child, _find_rule(record, evaluation.rule), now)
        event = revision_event(parent, child, list_revised(parent, child), now)
        outcome = Outcome(REVISED, {"id": str(child.request.flow)})
        step = Transition(ChangeState.APPLIED, AuditAction.APPLIED, outcome=outcome, details={"revises": parent.id})
        return step, Replacement(parent, await self._assess(record, revised), (event,))

    async def end(self, child: Change, result: ChangeResult) -> Replacement | None:
        """Find what the edit's end makes of the waiting enable under which it was written; None where of nothing.

        The votes stay where nothing was changed. Where that is not known they begin anew, too: what may take effect yet
        was shown to nobody who voted.
        """
        record, now = await self._load_parent(child), self.clock()
        if record is None or record.change.progress.revised_by != child.id or record.change.state not in WAITING_STATES:
            return None
        parent = record.change
        if result.state not in {ChangeState.APPLIED, ChangeState.UNKNOWN}:
            return Replacement(parent, release(parent))
        is_known = result.state is ChangeState.APPLIED
        flow: Flow | None = result.flow if is_known else None
        revised = take_over_flow(parent, flow, _find_rule(record, None), now)
        event = revision_event(parent, child, list_revised(parent, child, flow), now, is_known=is_known)
        assessed = await self._assess(record, revised, settings_write(child, result))
        return Replacement(parent, assessed, (event,))

    async def _load_parent(self, child: Change) -> RequestRecord | None:
        return None if child.request.parent is None else await self.store.get_record(child.request.parent)

    async def _assess(self, record: RequestRecord, revised: Change, write: SettingsWrite | None = None) -> Change:
        """Return the request with the approvals that its new content needs: it may have another audience."""
        policy = record.scope.policy
        return revised if policy is None else await self.requirements.assess(revised, policy, write)


def move_refusal(evaluation: Evaluation) -> Evaluation:
    """Return what was found out in a request's channel, as it is told in another."""
    refusal = evaluation.refusal
    if refusal is None or (key := REQUEST_CHANNEL_KEYS.get(refusal.key)) is None:
        return evaluation
    return replace(evaluation, refusal=replace(refusal, key=key))


def refuse_waiting(child: Change, hindrance: Hindrance) -> ChangeResult:
    """Return how a revision ends that cannot be written now: it does not wait."""
    step = hindrance.step
    if step.to in WAITING_STATES or step.outcome is None:
        return ChangeResult(ChangeState.FAILED, Outcome("form.flow_asked", {"id": str(child.request.flow)}))
    return ChangeResult(step.to, step.outcome)


def _find_rule(record: RequestRecord, needed: ApprovalRule | None) -> ApprovalRule | None:
    """Return the rule of a request that is revised: as strict as it was, and as today's; `needed` where it had none."""
    rule, policy = record.change.rule, record.scope.policy
    return needed if rule is None else rule if policy is None else stricter_rule(rule, policy.approval)
