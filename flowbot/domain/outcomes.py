"""How a change ended, judged by what was read back from Enkapush."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Final

from flowbot.domain.change import ChangeState, Outcome
from flowbot.domain.flow import (
    FieldDifference,
    Flow,
    FlowContent,
    content_differences,
    fingerprint,
    flow_differences,
    is_equivalent,
)
from flowbot.domain.ids import FlowId
from flowbot.domain.operations import (
    CreateOperation,
    DeleteOperation,
    EditOperation,
    FlowOperation,
    Operation,
    ToggleOperation,
    was_modified,
)

FLOW_GONE: Final = "out_of_date.gone"
"""The outcome's key of a change whose flow does not exist any more."""
LAPSED: Final = "request.lapsed"
LAPSED_PERSON: Final = "request.lapsed_person"
LAPSED_CHANNEL: Final = "request.lapsed_channel"
LAPSED_SCOPE: Final = "request.lapsed_scope"
LAPSED_TIME: Final = "request.lapsed_time"
LAPSED_KEYS: Final = frozenset({LAPSED, LAPSED_PERSON, LAPSED_CHANNEL, LAPSED_SCOPE, LAPSED_TIME})
"""The outcomes' keys of changes that were approved and never sent, because the approval stopped to be valid."""
UNCOUNTED_VOTERS: Final = "uncounted"
"""The parameter of such an outcome that lists those whose approvals do not count any more."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """How a change ended.

    Attributes:
        outcome: For people.
        flow: As it was read back.
        details: For the audit trail.
    """

    state: ChangeState
    outcome: Outcome
    flow: Flow | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def evaluate_create(operation: CreateOperation, flow_id: FlowId, flow: Flow | None) -> ChangeResult:
    """Evaluate a create or restore that got `flow_id`, by the flow as read back; None where that failed."""
    params = {"id": str(flow_id)}
    if flow is None:
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.not_read_back", params, flow_id))
    if flow.is_enabled:
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.enabled", params, flow_id), flow)
    # Keys: applied.create, applied.restore
    outcome = Outcome(f"applied.{operation.kind}", params, flow_id)
    details = _kept_differently(_names_of_differences(operation.wanted.content, flow))
    return ChangeResult(ChangeState.APPLIED, outcome, flow, details)


def evaluate_edit(operation: EditOperation, flow: Flow | None, *, is_first_write: bool) -> ChangeResult:
    """Evaluate an edit that Enkapush accepted.

    Args:
        operation: the edit.
        flow: the flow as read back; None where that failed.
        is_first_write: no earlier write of this edit was sent, so none may still arrive.
    """
    if flow is None:
        return unknown_result(operation, None)
    unlike = _names_of_differences(operation.wanted.content, flow)
    if operation.wanted.image is not None and not flow.image_url:
        unlike = [*unlike, "image_url"]
    if unlike and fingerprint(operation.before) == fingerprint(flow):
        ignored = ChangeResult(ChangeState.FAILED, Outcome("not_done.ignored", {"fields": unlike}), flow)
        return ignored if is_first_write else unknown_result(operation, flow)
    if "image_url" in unlike or not is_equivalent(flow, operation.wanted.content):
        params = {"id": str(operation.before.id), "fields": unlike}
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.edit_partly", params, operation.before.id), flow)
    return edit_applied_result(operation, flow, unlike)


def edit_applied_result(operation: EditOperation, flow: Flow, unlike: Iterable[str] = ()) -> ChangeResult:
    """Return the result of an edit that `flow` shows. `unlike` are fields that Enkapush stores otherwise than sent."""
    changed = [difference.field for difference in flow_differences(operation.before, flow)]
    details = {"changed": changed, **_kept_differently(unlike)}
    return ChangeResult(ChangeState.APPLIED, _outcome("applied", operation), flow, details)


def evaluate_toggle_or_delete(
    operation: ToggleOperation | DeleteOperation, flow: Flow | None, *, was_confirmed: bool
) -> ChangeResult:
    """Evaluate an enable, disable or delete.

    Args:
        operation: the toggle or deletion.
        flow: the flow as read back; None where it is gone.
        was_confirmed: Enkapush confirmed the first write, so no other one was sent.
    """
    if operation.matches(flow):
        return applied_result(operation, flow)
    if flow is None or not was_confirmed:
        return unknown_result(operation, flow)
    if isinstance(operation, ToggleOperation) and operation.matches_state(flow):
        found = [_plain(each) for each in flow_differences(operation.before, flow) if each.field != "is_enabled"]
        outcome = _outcome("applied", operation)
        outcome = replace(outcome, params={**outcome.params, "differences": found})
        return ChangeResult(ChangeState.APPLIED, outcome, flow, {"changed_besides": [each["field"] for each in found]})
    if fingerprint(flow) == fingerprint(operation.before):
        return ChangeResult(ChangeState.FAILED, Outcome("not_done.ignored_it", {"id": str(operation.before.id)}), flow)
    return unknown_result(operation, flow)


def may_be_stale(operation: FlowOperation, result: ChangeResult) -> bool:
    """Check whether the flow was read just as it was before: Enkapush may still serve an older state of it."""
    if result.state is ChangeState.APPLIED or result.flow is None:
        return False
    return fingerprint(result.flow) == fingerprint(operation.before)


def find_obstacle(operation: FlowOperation, current: Flow, *, was_sent: bool) -> ChangeResult | None:
    """Return how the change ends unsent where the flow is not as it was; None where nothing stands against the write.

    The effect of an earlier attempt is no obstacle.

    After a first attempt nothing is sent again where somebody has changed the flow since: the operation may have been
    done, and undone.
    """
    is_the_same = fingerprint(current) == fingerprint(operation.before)
    if was_sent:
        may_go_on = operation.shows_effect(current) or (is_the_same and not was_modified(operation.before, current))
        return None if may_go_on else unknown_result(operation, current)
    if is_the_same:
        return None
    found = [_plain(difference) for difference in flow_differences(operation.before, current)]
    params = {"id": str(current.id), "fields": [each["field"] for each in found], "differences": found}
    return ChangeResult(ChangeState.OUT_OF_DATE, Outcome("out_of_date.edit", params), current)


def evaluate_recheck(operation: FlowOperation, flow: Flow | None, *, is_final: bool) -> ChangeResult:
    """Evaluate a later look at an unknown change.

    Args:
        operation: the change's operation.
        flow: the flow as it is now; None where it is gone.
        is_final: no request may still be in flight.
    """
    if operation.is_confirmed_by(flow):
        return applied_result(operation, flow)
    return not_found_result(operation.before.id, is_final=is_final and operation.shows_no_trace(flow))


def not_found_result(flow_id: FlowId | None, *, is_final: bool) -> ChangeResult:
    """Return the result of a recheck that found nothing: failed where that is final, else still unknown."""
    outcome = Outcome("not_done.looked", {"id": str(flow_id or "")})
    return ChangeResult(ChangeState.FAILED if is_final else ChangeState.UNKNOWN, outcome)


def applied_result(operation: FlowOperation, flow: Flow | None) -> ChangeResult:
    """Return the result of an operation that was done."""
    return ChangeResult(ChangeState.APPLIED, _outcome("applied", operation), flow)


def unknown_result(operation: FlowOperation, flow: Flow | None) -> ChangeResult:
    """Return the result of an operation that may or may not have been done."""
    return ChangeResult(ChangeState.UNKNOWN, _outcome("unknown", operation), flow)


def gone_result(before: Flow) -> ChangeResult:
    """Return the result for a flow that does not exist any more, or not for the requester."""
    return ChangeResult(ChangeState.OUT_OF_DATE, Outcome(FLOW_GONE, {"id": str(before.id)}))


def hide_flow(operation: Operation | None, result: ChangeResult) -> ChangeResult:
    """Remove all that the result tells about a flow which its readers may not see, as if the flow were gone."""
    if result.flow is None:
        return result
    if result.state is ChangeState.OUT_OF_DATE:
        return gone_result(result.flow)
    tells_more = result.state is not ChangeState.FAILED and result.outcome.params.keys() > {"id"}
    if tells_more and operation is not None and not isinstance(operation, CreateOperation):
        return unknown_result(operation, None)
    return replace(result, flow=None, details={})


def _outcome(how: str, operation: FlowOperation) -> Outcome:
    # Keys: applied.edit, applied.enable, applied.disable, applied.delete, and the same with unknown.
    return Outcome(f"{how}.{operation.kind}", {"id": str(operation.before.id)}, operation.before.id)


def _names_of_differences(wanted: FlowContent, flow: Flow) -> list[str]:
    return [difference.field for difference in content_differences(wanted, flow)]


def _kept_differently(fields: Iterable[str]) -> dict[str, Any]:
    """Return the audit's detail on fields that Enkapush stores otherwise than they were sent."""
    listed = list(fields)
    return {"kept_differently": listed} if listed else {}


def _plain(difference: FieldDifference) -> dict[str, Any]:
    """Turn a difference into plain data."""
    return {"field": difference.field, "before": _value(difference.before), "after": _value(difference.after)}


def _value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
