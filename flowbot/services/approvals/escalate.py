"""Escalation of requests that have waited for long."""

from dataclasses import dataclass, replace

import structlog

from flowbot.domain.approval import is_in_scope
from flowbot.domain.approval_rule import EVERYONE
from flowbot.domain.audit import AuditAction, event_for_change
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.deadlines import is_due_to_escalate, is_reminder_due, next_reminder
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import DependencyError
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, VersionConflictError
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.quorum import Fitness, QuorumChecker, load_people
from flowbot.services.users import DECIDING_SECONDS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestEscalation:
    """Lets others decide on a request, too, once it has waited for long."""

    store: ChangeStore
    policies: PolicyStore
    quorum: QuorumChecker
    clock: Clock

    async def escalate(self, change: Change) -> Change | None:
        """Escalate a request that is due for it, to those whom today's policy names.

        A reminder that is due as well stays so.

        Returns:
            The escalated request; None where there is nobody to escalate it to, or somebody was faster.

        Raises:
            DependencyError: the database did not answer.
        """
        policy = (await self.policies.get_scope(change.request.channel)).policy
        if policy is None or not is_in_scope(change.request, policy) or not await self._has_people(change, policy):
            return None
        now = self.clock()
        escalated = replace(change, changed_at=now, progress=replace(change.progress, escalated_at=now))
        if change.rule is not None and not is_reminder_due(change, now):
            escalated = replace(escalated, due_at=next_reminder(escalated, change.rule, now))
        details = {"to": [str(entry) for entry in policy.approval.escalate_to]}
        event = event_for_change(change, now, AuditAction.ESCALATED, None, details)
        try:
            stored = await self.store.replace_if_unchanged(change, escalated, event)
        except VersionConflictError as conflict:
            # A vote that was not enough came in between: the time is over all the same.
            current = conflict.current
            is_due = current.state is ChangeState.PENDING and is_due_to_escalate(current, now)
            return await self.escalate(current) if is_due else None
        log.info("change.escalated", change=change.id)
        return stored

    async def _has_people(self, change: Change, policy: ChannelPolicy) -> bool:
        """Check whether the escalation would call anybody; where Slack does not answer, it would.

        No right depends on this: each vote is authorised afresh.
        """
        entries = policy.approval.escalate_to
        if EVERYONE in entries:
            return True
        try:
            people = await load_people(self.quorum.users, entries, within=DECIDING_SECONDS)
        except DependencyError as error:
            log.warning("recovery.groups_unknown", change=change.id, error=str(error))
            return True
        others = [person for person in people if person != change.request.requester]
        found = await self.quorum.find_fitness(others, 1, within=DECIDING_SECONDS)
        return not {Fitness.FIT, Fitness.UNKNOWN}.isdisjoint(found.values())
