"""Approval: the need for it, the rule that counts, who may approve, and what a vote does."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.absences import Absence, replace_absent
from flowbot.domain.approval_rule import ApprovalRule, Gate, Principal
from flowbot.domain.approval_terms import ApprovalTerms
from flowbot.domain.audit import AuditAction, AuditEvent, Transition, event_for_change, transition_event
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease, with_lease
from flowbot.domain.deadlines import next_reminder
from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.progress import Progress
from flowbot.domain.schedule import is_held_by_freezes, next_due
from flowbot.domain.text import is_blank
from flowbot.domain.votes import Vote, approved_by, find_stage, list_deciders

PEOPLE_CALLED_MAX: Final = 10
"""So many people are mentioned, or get a direct message, at most."""
GATE_BY_KIND: Final[Mapping[ChangeKind, Gate]] = {
    ChangeKind.ENABLE: Gate.ENABLE,
    ChangeKind.DISABLE: Gate.DISABLE,
    ChangeKind.DELETE: Gate.DELETE,
    ChangeKind.EDIT: Gate.EDIT_ENABLED,
}
"""The gate of each kind of change. A flow that is created or restored is disabled, so it needs none."""


def lacks_approvals(change: Change, renewed: Change, votes: Collection[Vote]) -> bool:
    """Check whether a change that was approved, or needed no approval, needs more approvals than were given.

    Args:
        change: the change as it was approved.
        renewed: the same under the rule, and with the audience and quorums, of now; in another round no vote counts.
        votes: the votes on it.
    """
    was_approved = change.rule is None or change.state is ChangeState.SCHEDULED or has_quorum(change, votes)
    counted = votes if renewed.progress.round == change.progress.round else ()
    return renewed.rule is not None and was_approved and not has_quorum(renewed, counted)


def wait_again(change: Change, rule: ApprovalRule, now: datetime) -> Change:
    """Return an approved change as it waits for more approvals under a rule that became stricter.

    Its votes count, unless the rule has other stages.
    """
    starts_at = change.progress.starts_at if change.request.not_before is not None else None
    renewed = renew_rule(change, rule)
    progress = replace(
        renewed.progress, waits_since=now, reminders=0, starts_at=starts_at, put_off_version=change.version + 1
    )
    again = replace(renewed, progress=progress)
    return replace(again, due_at=next_reminder(again, rule, now))


def renew_rule(change: Change, rule: ApprovalRule) -> Change:
    """Return a change under another rule; where that has other stages, its votes begin anew."""
    is_other = change.rule is not None and change.rule.stages != rule.stages
    renewed = replace(change, rule=rule)
    if not is_other:
        return renewed
    # Its people are told.
    progress = replace(change.progress, put_off_version=change.version + 1)
    return begin_round(replace(renewed, progress=progress))


def begin_round(change: Change) -> Change:
    """Return a change whose votes begin anew: none that was given before counts."""
    return replace(change, progress=replace(change.progress, round=change.progress.round + 1, has_grown=False))


def list_requesting(request: ChangeRequest) -> tuple[Permission, ...]:
    """List the permissions of which one is needed to request a change: what answers a finding approvers may, too."""
    return (Permission.EDIT,) if request.answers is None else (Permission.EDIT, Permission.APPROVE)


def may_decide(person: UserId, requester: UserId, rule: ApprovalRule | None) -> bool:
    """Check whether a person may decide on a request, by its rule alone: on their own only where that lets them."""
    return person != requester or (rule is not None and rule.self_approval)


def is_skippable(change: Change) -> bool:
    """Check whether a waiting change has an approval, or may meet a freeze, that somebody may skip."""
    return change.rule is not None or is_held_by_freezes(change.request, may_go_live=True)


def mentioned_approvers(
    approvers: Collection[Principal],
    requester: UserId | None,
    absences: Collection[Absence] = (),
    groups: Mapping[GroupId, Collection[UserId]] | None = None,
    *,
    has_stand_ins: bool = True,
) -> tuple[Principal, ...]:
    """Return whom to mention of a request's approvers: user groups, and ten people at most but for who asked.

    Args:
        approvers: the approvers, as a policy names them.
        requester: who asked; None for nobody.
        absences: those that are on: in place of who is away their stand-in is mentioned.
        groups: the members of user groups, as far as they are known: beside a group the stand-ins of its members.
        has_stand_ins: whether stand-ins count; else who is away is just not mentioned.
    """
    mentioned = [entry for entry in approvers if isinstance(entry, GroupId)]
    named = [entry for entry in approvers if isinstance(entry, UserId)]
    members = {person for group in mentioned for person in (groups or {}).get(group, ())}
    absent = [absence.person for absence in absences if absence.person in members]
    people = replace_absent([*named, *absent], absences, requester, has_stand_ins=has_stand_ins)
    return (*mentioned, *[each for each in people if each in named or each not in members][:PEOPLE_CALLED_MAX])


def stricter_rule(rule: ApprovalRule, today: ApprovalRule) -> ApprovalRule:
    """Return the rule of a request, with today's stages, and as strict as today's rule where that asks for more."""
    thresholds = sorted({*rule.quorum_over, *today.quorum_over})
    wanted = {
        "quorum": max(rule.quorum, today.quorum),
        "self_approval": rule.self_approval and today.self_approval,
        "stand_ins": rule.stand_ins and today.stand_ins,
        "stages": today.stages,
        "quorum_over": {size: max(rule.quorum_for(size), today.quorum_for(size)) for size in thresholds},
    }
    changed = {name: value for name, value in wanted.items() if value != getattr(rule, name)}
    return rule.model_copy(update=changed) if changed else rule


def approval_terms(change: Change, policy: ChannelPolicy | None) -> ApprovalTerms:
    """Return the terms on which a request is decided under its channel's policy; nobody approves without one."""
    today = policy.approval if policy else None
    rule = stricter_rule(change.rule, today) if change.rule and today else change.rule or ApprovalRule()
    return ApprovalTerms(
        approvers=tuple(sorted(set(policy.all_approvers))) if policy else (),
        skippers=tuple(sorted(set(today.break_glass))) if today else (),
        quorum=rule.quorum,
        self_approval=rule.self_approval,
        covers_website=policy is not None and is_in_scope(change.request, policy),
        stages=today.stages if today else (),
        stand_ins=rule.stand_ins,
        quorum_over=tuple(sorted(rule.quorum_over.items())),
    )


def stage_policy(policy: ChannelPolicy, stage: int | None, *, is_escalated: bool) -> ChannelPolicy:
    """Return the policy with those alone as approvers who may approve in a stage of a request.

    Args:
        policy: the policy.
        stage: the stage, from 0; None for any.
        is_escalated: whether the request was escalated, so that others may approve, too.
    """
    rule = policy.approval
    if not rule.stages and not is_escalated:
        return policy
    entries = policy.all_approvers if stage is None else next(iter(policy.stages[stage : stage + 1]), ())
    joined = rule.escalate_to if is_escalated else ()
    update = {"approvers": tuple(dict.fromkeys((*entries, *joined)))}
    return policy.model_copy(update={**update, "approval": rule.model_copy(update={"stages": ()})})


def escalation_policy(policy: ChannelPolicy) -> ChannelPolicy:
    """Return the policy with those alone as approvers to whom requests are escalated."""
    rule = policy.approval.model_copy(update={"stages": ()})
    return policy.model_copy(update={"approvers": rule.escalate_to, "approval": rule})


def update_terms(
    change: Change, before: ChannelPolicy | None, after: ChannelPolicy | None, at: datetime, actor: UserId | None
) -> tuple[Change, AuditEvent] | None:
    """Return the pending change with the terms of its first policy, and the event of what a new policy changes for it.

    Args:
        change: the change.
        before: the policy of its channel until now; None where it had none.
        after: the new one.
        at: the moment.
        actor: who changed the policy; None where that is nobody in Slack.

    Returns:
        None where its terms stay as they are.
    """
    old, new = approval_terms(change, before), approval_terms(change, after)
    if old == new:
        return None
    earlier = asdict(old)
    details = {
        name: {"before": earlier[name], "after": value} for name, value in asdict(new).items() if earlier[name] != value
    }
    first = change.progress.first_terms or old
    needs_skip = change.progress.needs_skip and set(new.approvers) <= set(old.approvers)
    progress = replace(change.progress, first_terms=None if first == new else first, needs_skip=needs_skip)
    event = event_for_change(change, at, AuditAction.RULES_CHANGED, actor, details)
    changed = replace(change, progress=progress)
    if change.rule is not None and after is not None and change.rule.stages != after.approval.stages:
        changed = renew_rule(changed, stricter_rule(change.rule, after.approval))
    return changed, event


def requires_approval(request: ChangeRequest, rule: ApprovalRule, *, may_go_live: bool = False) -> bool:
    """Check whether the rule asks for an approval.

    An edit needs one only where the flow is enabled, or `may_go_live` by an enable whose effect was not seen yet. The
    repetition of a disable was approved with that, and a planned end with its enable. What has a cause was decided.
    """
    is_live = may_go_live or (request.before is not None and request.before.is_enabled)
    is_decided = any(each is not None for each in (request.repeats, request.ends, request.cause))
    if is_decided or (request.kind is ChangeKind.EDIT and not is_live):
        return False
    return GATE_BY_KIND.get(request.kind) in rule.required_for


def lacks_reason(request: ChangeRequest, rule: ApprovalRule, *, may_go_live: bool = False) -> bool:
    """Check whether a request says not why, though it needs an approval and the rule wants its reason."""
    return (
        rule.reason_required and is_blank(request.reason) and requires_approval(request, rule, may_go_live=may_go_live)
    )


def is_in_scope(request: ChangeRequest, policy: ChannelPolicy) -> bool:
    """Check whether the policy covers the flow's website, and the one it is moved to."""
    websites = {request.website} | ({request.wanted.content.website_id} if request.wanted else set())
    return all(policy.covers_website(website) for website in websites)


def required_quorums(rule: ApprovalRule | None, progress: Progress) -> tuple[int, ...]:
    """Return how many approvals each stage of a request needs; nothing for a change that needs none."""
    if rule is None:
        return ()
    raised = progress.quorums
    return tuple(
        max(rule.quorum, raised[stage] if stage < len(raised) else 0) for stage in range(len(rule.stages) or 1)
    )


def waiting_stage(change: Change, votes: Collection[Vote]) -> int | None:
    """Return the stage whose approvals a request waits for, from 0; None where none is missing."""
    return find_stage(required_quorums(change.rule, change.progress), votes)


def has_quorum(change: Change, votes: Collection[Vote]) -> bool:
    """Check whether each stage has as many approvals as its quorum; without a rule none ever has."""
    return change.rule is not None and waiting_stage(change, votes) is None


def apply_vote(
    change: Change, votes: Collection[Vote], vote: Vote, lease: Lease
) -> tuple[Change, tuple[AuditEvent, ...]]:
    """Return the pending change as a vote leaves it, and the event of its approval if that is the last one needed.

    Args:
        change: the change as it was before the vote.
        votes: all votes on it, with this one.
        vote: the vote that was given.
        lease: the lease under which an approved change is applied, if it has no time to wait for.
    """
    voted = replace(change, changed_at=vote.at)
    if not has_quorum(change, votes):
        return voted, ()
    names: dict[str, Any] = {"approvers": [str(person) for person in approved_by(votes)]}
    if rights := {str(each.person): str(each.right_of) for each in list_deciders(votes) if each.right_of is not None}:
        names["in_place_of"] = rights
    event = event_for_change(change, vote.at, AuditAction.APPROVED, vote.person, names)
    if (start := change.request.not_before) is not None and (start > vote.at or change.request.is_timed_disable):
        step, waiting = schedule_change(voted, change.progress.starts_at or start, vote.at)
        # Looked at once: a freeze may have been added or lifted since it was requested.
        scheduled = replace(waiting, state=step.to, due_at=vote.at)
        return scheduled, (event, transition_event(waiting, vote.at, step))
    return with_lease(lease, replace(voted, state=ChangeState.APPLYING, due_at=None)), (event,)


def schedule_change(change: Change, start: datetime, now: datetime) -> tuple[Transition, Change]:
    """Return the step by which a change waits for its start, and the change with what else that changes."""
    step = Transition(ChangeState.SCHEDULED, AuditAction.SCHEDULED, details={"start": start.isoformat()})
    put_off = change.progress.put_off_version if change.state is ChangeState.SCHEDULED else 0
    if change.state is ChangeState.SCHEDULED and change.progress.starts_at not in {None, start}:
        put_off = change.version + 1
    progress = replace(change.progress, starts_at=start, put_off_version=put_off)
    return step, replace(change, due_at=next_due(start, now), progress=progress)
