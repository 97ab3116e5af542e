"""When a change needs an approval, by which rule, and how long a request waits."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.change import Change, ChangeKind, ChangeRequest
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, Gate

REMINDER_FRACTIONS: Final = (0.25, 0.5, 0.75)
"""Reminders go out at these fractions of a request's lifetime."""


def expires_at(change: Change) -> datetime | None:
    """When a change expires if nobody decides."""
    if change.rule is None:
        return None
    return change.created_at + timedelta(hours=change.rule.expires_after_hours)


def due_times(asked_at: datetime, rule: ApprovalRule) -> list[datetime]:
    """The moments at which something is due while a request waits: the reminders, and its expiry at last."""
    lifetime = timedelta(hours=rule.expires_after_hours)
    return [*(asked_at + lifetime * fraction for fraction in REMINDER_FRACTIONS), asked_at + lifetime]


GATE_BY_KIND: Final[Mapping[ChangeKind, Gate]] = {
    ChangeKind.ENABLE: Gate.ENABLE,
    ChangeKind.DISABLE: Gate.DISABLE,
    ChangeKind.DELETE: Gate.DELETE,
    ChangeKind.EDIT: Gate.EDIT_ENABLED,
}
"""What each kind may have to pass. A flow that is made or restored is disabled, so nothing stands before it."""


def stricter_rule(rule: ApprovalRule, today: ApprovalRule) -> ApprovalRule:
    """The rule that a request was made under, where today's asks for more: never for less than either."""
    quorum, own = max(rule.quorum, today.quorum), rule.self_approval and today.self_approval
    if (quorum, own) == (rule.quorum, rule.self_approval):
        return rule
    return rule.model_copy(update={"quorum": quorum, "self_approval": own})


def requires_approval(asked: ChangeRequest, rule: ApprovalRule) -> bool:
    """Whether the rule asks for an approval of it. Editing counts where the flow is enabled."""
    gate = GATE_BY_KIND.get(asked.kind)
    if asked.kind is ChangeKind.EDIT and not (asked.before and asked.before.is_enabled):
        return False
    return gate is not None and gate in rule.required_for


def is_in_scope(asked: ChangeRequest, policy: ChannelPolicy) -> bool:
    """Whether the channel works with the flow's website, and with the one it is moved to."""
    websites = {asked.website} | ({asked.wanted.content.website_id} if asked.wanted else set())
    return all(policy.covers_website(website) for website in websites)
