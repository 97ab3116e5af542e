"""Revisions: the requester's own edit of what their waiting request is about, after which its votes begin anew."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.approval import begin_round
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditAction, AuditEvent, event_for_change
from flowbot.domain.change import (
    WAITING_STATES,
    Change,
    ChangeKind,
    ChangeRequest,
    ChangeState,
    Outcome,
    with_lease,
)
from flowbot.domain.deadlines import next_reminder
from flowbot.domain.flow import FieldDifference, Flow, WriteOnlyFields, content_differences
from flowbot.domain.outcomes import HIDDEN, plain_difference
from flowbot.domain.remarks import UNKNOWN

REVISED: Final = "request.revised"
"""The outcome's key of an edit that became the content of another that waits, and was not written itself."""


def may_revise(parent: Change, kind: ChangeKind, editor: str) -> bool:
    """Check whether somebody's edit of a flow goes into its open request: their own edit, or enable of a disabled flow.

    Args:
        parent: the flow's open request.
        kind: the kind of their change.
        editor: who edits.
    """
    is_own = kind is ChangeKind.EDIT and editor == parent.request.requester and parent.state in WAITING_STATES
    return is_own and is_revisable(parent.request)


def is_revisable(request: ChangeRequest) -> bool:
    """Check whether a request can be revised: an edit, but for one that undoes a finding, or the enable of a flow."""
    is_disabled = request.before is not None and not request.before.is_enabled
    is_free_edit = request.kind is ChangeKind.EDIT and request.answers is None
    return is_free_edit or (request.kind is ChangeKind.ENABLE and is_disabled)


def find_refusal(parent: Change | None, child: Change, rule: ApprovalRule | None, *, is_late: bool) -> Outcome | None:
    """Find why an edit cannot revise a request; None where it can.

    Args:
        parent: the request as it is now.
        child: the edit.
        rule: the rule that the edit would need an approval by, as an edit of a live flow; None where it needs none.
        is_late: whether the request's time is over.
    """
    request, params = child.request, {"id": str(child.request.flow)}
    if parent is None or is_late or not may_revise(parent, request.kind, request.requester):
        return Outcome("remark.request_over", params)
    if parent.progress.revised_by not in {None, child.id}:
        return Outcome("form.flow_taken")
    if parent.request.kind is ChangeKind.EDIT:
        return None
    is_live = rule is not None or request.before is None or request.before.is_enabled
    moves = request.wanted is None or request.wanted.content.website_id != request.website
    return Outcome("form.flow_asked", params) if is_live or moves else None


def mark_revised(parent: Change, child: Change) -> Change:
    """Return a waiting enable while its flow is edited by its requester: nobody decides on it until that has ended."""
    return replace(parent, progress=replace(parent.progress, revised_by=child.id))


def replace_content(parent: Change, child: Change, rule: ApprovalRule | None, now: datetime) -> Change:
    """Return a waiting edit with the content of its revision; its votes begin anew.

    Args:
        parent: the edit that waits.
        child: the edit whose content it gets.
        rule: the rule to be approved by; None for an edit that waits for its time alone.
        now: the moment.
    """
    request, new = parent.request, child.request
    revised = replace(
        request,
        before=new.before,
        wanted=new.wanted,
        typed=new.typed,
        picture=new.picture,
        reason=new.reason or request.reason,
    )
    return wait_anew(replace(parent, request=revised), rule, now, snapshot_at=child.created_at)


def take_over_flow(parent: Change, flow: Flow | None, rule: ApprovalRule | None, now: datetime) -> Change:
    """Return a waiting enable as its flow is after the edit, or may be where it was not read back."""
    if flow is None:
        return wait_anew(parent, rule, now, snapshot_at=parent.progress.snapshot_at)
    return wait_anew(replace(parent, request=replace(parent.request, before=flow)), rule, now, snapshot_at=now)


def release(parent: Change) -> Change:
    """Return a waiting enable after an edit of its flow that changed nothing: its votes stay."""
    return replace(parent, progress=replace(parent.progress, revised_by=None))


def wait_anew(change: Change, rule: ApprovalRule | None, now: datetime, *, snapshot_at: datetime | None) -> Change:
    """Return a waiting change whose approval begins anew, as that of a new request; a skip of it is void."""
    anew = begin_round(change).progress
    progress = replace(
        anew,
        closing=None,
        is_alarmed=False,
        reminders=0,
        needs_skip=anew.needs_skip and rule is not None,
        first_terms=None,
        waits_since=now,
        put_off_version=0,
        escalated_at=None,
        remarks=anew.remarks + 1,
        wish=None,
        revised_by=None,
        snapshot_at=snapshot_at,
    )
    if rule is None:
        # Looked at once: whether a freeze holds it depends on its content.
        return replace(change, progress=progress, changed_at=now, due_at=now)
    waiting = with_lease(None, replace(change, state=ChangeState.PENDING, rule=rule, changed_at=now))
    if change.request.not_before is None:
        progress = replace(progress, starts_at=None)
    waiting = replace(waiting, progress=progress)
    return replace(waiting, due_at=next_reminder(waiting, rule, now))


def list_revised(parent: Change, child: Change, flow: Flow | None = None) -> tuple[FieldDifference, ...]:
    """List what a revision changes, old → new; the write-only fields, too.

    Args:
        parent: the request as it was before.
        child: the edit.
        flow: the flow as it was read back after the edit.
    """
    old, new = parent.request, child.request
    if new.wanted is None or old.before is None:
        return ()
    is_edit = old.wanted is not None
    before = old.wanted.content if old.wanted is not None else old.before
    after = flow if flow is not None and not is_edit else new.wanted.content
    unreadable = old.wanted.write_only if old.wanted is not None else WriteOnlyFields()
    changed = [*content_differences(before, after), *unreadable_differences(unreadable, new.wanted.write_only)]
    if new.image is not None and not (is_edit and new.image == old.image):
        changed.append(FieldDifference("image_url", None, None, is_hidden=True))
    return tuple(changed)


def revision_event(
    parent: Change, child: Change, changed: tuple[FieldDifference, ...], now: datetime, *, is_known: bool = True
) -> AuditEvent:
    """Build the event of a revision; `is_known` says whether the edit took effect for certain."""
    told = [{"field": each.field, HIDDEN: True} if each.is_hidden else plain_difference(each) for each in changed]
    details: dict[str, Any] = {"revision": child.id, "differences": told} | ({} if is_known else {UNKNOWN: True})
    return event_for_change(parent, now, AuditAction.REVISED, child.request.requester, details)


def unreadable_differences(before: WriteOnlyFields, after: WriteOnlyFields) -> list[FieldDifference]:
    """List what changes of what cannot be read back; a segment by its name alone, since its number tells nobody."""
    pairs = ((each.name, getattr(before, each.name), getattr(after, each.name)) for each in fields(WriteOnlyFields))
    changed = ((name, old, new) for name, old, new in pairs if new is not None and new != old)
    return [FieldDifference(name, old, new, is_hidden=name == "segment") for name, old, new in changed]
