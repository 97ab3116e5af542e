"""How a change ended, judged by what was read back from Enkapush."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Final

from flowbot.domain.change import STORED_OTHERWISE, ChangeState, Outcome
from flowbot.domain.effects import is_as_sent, is_explained, is_touched, shows_effect, stored_otherwise
from flowbot.domain.flow import (
    PUBLIC_FIELDS,
    FieldDifference,
    Flow,
    FlowButton,
    FlowContent,
    WaitTime,
    content_differences,
    fingerprint,
    flow_differences,
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
DISABLED_MEANWHILE: Final = "out_of_date.disabled"
"""The outcome's key of a request whose flow was disabled at once, by its parameter `person`."""
DISABLED_AS_PLANNED: Final = "out_of_date.disabled_as_planned"
"""The outcome's key of a request whose flow was disabled meanwhile, at a time that was set for it."""
LAPSED: Final = "request.lapsed"
LAPSED_PERSON: Final = "request.lapsed_person"
LAPSED_CHANNEL: Final = "request.lapsed_channel"
LAPSED_SCOPE: Final = "request.lapsed_scope"
LAPSED_TIME: Final = "request.lapsed_time"
LAPSED_REQUESTER: Final = "request.lapsed_requester"
LAPSED_KEYS: Final = frozenset({LAPSED, LAPSED_PERSON, LAPSED_CHANNEL, LAPSED_SCOPE, LAPSED_TIME, LAPSED_REQUESTER})
"""The outcomes' keys of changes that were approved and never sent, because the approval stopped to be valid."""
UNAPPROVED_TIME: Final = "expired.unapproved"
"""The outcome's key of a change that was not approved in time for its start or its end."""
LATE_TIME: Final = "expired.late"
"""The outcome's key of a change that was not sent within an hour after its start."""
OVER_TIME: Final = "expired.over"
"""The outcome's key of an enable that would start after its end."""
DISABLED_BEFORE: Final = "out_of_date.disabled_before"
"""The outcome's key of a timed disable whose flow was disabled or deleted before its time."""
END_MOVED: Final = "out_of_date.end_moved"
"""The outcome's key of a planned end in whose place another was planned."""
MISSED_KEYS: Final = frozenset({UNAPPROVED_TIME, LATE_TIME, OVER_TIME})
"""The outcomes' keys of changes that missed their time."""
UNCOUNTED_VOTERS: Final = "uncounted"
"""The parameter of such an outcome that lists those whose approvals do not count any more."""


SAID: Final = "said"
"""The parameter with what Enkapush, or the check before a write, said of what was refused."""
REFUSED_WORDLESSLY: Final = "not_done.wordless"
"""The outcome's key of what was refused, where its readers may not see why."""
HIDDEN: Final = "is_hidden"
"""Stands in a difference's plain data in place of its values, where its readers may not see them."""
TWIN: Final = "twin"
"""The parameter of an applied create that names a second flow of the same content."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """How a change ended.

    Attributes:
        outcome: For people.
        flow: As it was read back.
        details: For the audit trail.
        before: The flow as it was read before an applied write to it.
    """

    state: ChangeState
    outcome: Outcome
    flow: Flow | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    before: Flow | None = None


def is_created_by(operation: CreateOperation, flow: Flow, newest_before: FlowId | None) -> bool:
    """Check whether a create or restore made `flow`: it is new, on the website, with the name that was sent."""
    content = operation.wanted.content
    is_new = flow.id > (newest_before or 0)
    return is_new and flow.website_id == content.website_id and is_as_sent(content.name, flow.name)


def evaluate_create(operation: CreateOperation, flow: Flow) -> ChangeResult:
    """Evaluate a create or restore by the flow that it made, as read back."""
    params: dict[str, Any] = {"id": str(flow.id)}
    if flow.is_enabled:
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.enabled", params, flow.id), flow)
    stored = _list_stored_otherwise(operation, flow)
    # Keys: applied.create, applied.restore
    outcome = Outcome(f"applied.{operation.kind}", params | stored, flow.id)
    return ChangeResult(ChangeState.APPLIED, outcome, flow, _kept_differently(operation.wanted.content, flow))


def evaluate_edit(operation: EditOperation, flow: Flow | None) -> ChangeResult:
    """Evaluate an edit that Enkapush confirmed, by the flow as read back; None where that failed.

    What cannot be read back counts as done. Whatever else is there instead of what was before is how Enkapush stores
    what was sent.
    """
    if flow is None:
        return unknown_result(operation, None)
    is_new_image = operation.sends_image and flow.image_url is not None and was_modified(operation.before, flow)
    is_readable = bool(operation.sent) or operation.sends_image
    if is_touched(operation, flow) or is_new_image or not is_readable:
        return edit_applied_result(operation, flow)
    return unknown_result(operation, flow)


def edit_applied_result(operation: EditOperation, flow: Flow) -> ChangeResult:
    """Return the result of an edit that `flow` shows, with the fields that Enkapush stores otherwise than sent."""
    outcome = _outcome("applied", operation)
    outcome = replace(outcome, params={**outcome.params, **_list_stored_otherwise(operation, flow)})
    changed = [difference.field for difference in flow_differences(operation.before, flow)]
    changed += [name for name, value in asdict(operation.wanted.write_only).items() if value is not None]
    details = {"changed": changed, **_kept_differently(operation.wanted.content, flow)}
    return ChangeResult(ChangeState.APPLIED, outcome, flow, details, operation.before)


def evaluate_toggle_or_delete(
    operation: ToggleOperation | DeleteOperation, flow: Flow | None, *, was_confirmed: bool
) -> ChangeResult:
    """Evaluate an enable, disable or delete.

    Args:
        operation: the toggle or deletion.
        flow: the flow as read back; None where it is gone.
        was_confirmed: Enkapush confirmed the first write, so no other one was sent.
    """
    if isinstance(operation, DeleteOperation):
        return unknown_result(operation, flow) if flow else applied_result(operation, None)
    if flow is None or flow.is_enabled is not operation.enabled:
        return unknown_result(operation, flow)
    found = [plain_difference(each) for each in flow_differences(operation.before, flow) if each.field != "is_enabled"]
    if not found:
        return applied_result(operation, flow)
    if not was_confirmed:
        return unknown_result(operation, flow)
    outcome = _outcome("applied", operation)
    outcome = replace(outcome, params={**outcome.params, "differences": found})
    details = {"changed_besides": [each["field"] for each in found]}
    return ChangeResult(ChangeState.APPLIED, outcome, flow, details, operation.before)


def stored_content(wanted: FlowContent, outcome: Outcome) -> FlowContent:
    """Return what Enkapush stores of `wanted`, by the outcome of an applied create or edit."""
    types = {"button_1": FlowButton, "button_2": FlowButton, "wait": WaitTime}
    stored: dict[str, Any] = {}
    for found in outcome.params.get(STORED_OTHERWISE, ()):
        name, value = found["field"], found["after"]
        stored[name] = types[name](**value) if name in types else value
    return replace(wanted, **{name: value for name, value in stored.items() if name != "image_url"})


def may_be_stale(operation: FlowOperation, result: ChangeResult) -> bool:
    """Check whether the flow was read just as it was before: Enkapush may still serve an older state of it."""
    if result.state is ChangeState.APPLIED or result.flow is None:
        return False
    return fingerprint(result.flow) == fingerprint(operation.before)


def find_obstacle(
    operation: FlowOperation, current: Flow, *, was_sent: bool, others: Iterable[FlowOperation] = ()
) -> ChangeResult | None:
    """Return how the change ends unsent where the flow is not as it was; None where nothing stands against the write.

    The effect of an earlier attempt is no obstacle, nor is a late effect of flowbot's other writes.

    After a first attempt nothing is sent again where somebody has changed the flow since: the operation may have been
    done, and undone.

    Args:
        operation: the change's operation.
        current: the flow as it is now.
        was_sent: a first attempt was made.
        others: what flowbot sent to this flow besides, and may show itself since the change was requested.
    """
    is_the_same = fingerprint(current) == fingerprint(operation.before)
    if was_sent:
        is_as_before = is_the_same and not was_modified(operation.before, current)
        return None if is_as_before or shows_effect(operation, current) else unknown_result(operation, current)
    if is_the_same or is_explained(operation.before, current, others):
        return None
    found = [plain_difference(difference) for difference in flow_differences(operation.before, current)]
    params = {"id": str(current.id), "fields": [each["field"] for each in found], "differences": found}
    return ChangeResult(ChangeState.OUT_OF_DATE, Outcome("out_of_date.edit", params), current)


def evaluate_late(
    operation: FlowOperation, flow: Flow | None, others: Iterable[FlowOperation] = ()
) -> ChangeResult | None:
    """Evaluate a later look at an unknown change; None where it shows no effect of it.

    Args:
        operation: the change's operation.
        flow: the flow as it is now; None where it is gone.
        others: what flowbot sent to this flow besides, and may show itself since the change was requested.
    """
    if not shows_effect(operation, flow, others):
        return None
    if isinstance(operation, EditOperation) and flow is not None:
        # Of what was not sent, whatever is there now was explained by others.
        return edit_applied_result(replace(operation, wanted=operation.rebase(flow).wanted), flow)
    return applied_result(operation, flow)


def applied_result(operation: FlowOperation, flow: Flow | None) -> ChangeResult:
    """Return the result of an operation that was done."""
    return ChangeResult(ChangeState.APPLIED, _outcome("applied", operation), flow, before=operation.before)


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
    said = {name: value for name, value in result.outcome.params.items() if name != STORED_OTHERWISE}
    return replace(result, outcome=replace(result.outcome, params=said), flow=None, details={}, before=None)


def hide_outcome_content(outcome: Outcome | None) -> Outcome | None:
    """Return an outcome without values of the push, and without Enkapush's own words, which may quote it."""
    if outcome is None:
        return None
    params = {name: _hide_values(value) for name, value in outcome.params.items() if name != SAID}
    return replace(outcome, key=REFUSED_WORDLESSLY if SAID in outcome.params else outcome.key, params=params)


def _hide_values(value: Any) -> Any:
    """Hide the values of a list of differences in plain data; whatever else it is stays."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, Mapping) for each in value):
        return value
    return [
        each if str(each.get("field")) in PUBLIC_FIELDS else {"field": str(each.get("field")), HIDDEN: True}
        for each in value
    ]


def _outcome(how: str, operation: FlowOperation) -> Outcome:
    # Keys: applied.edit, applied.enable, applied.disable, applied.delete, and the same with unknown.
    return Outcome(f"{how}.{operation.kind}", {"id": str(operation.before.id)}, operation.before.id)


def _list_stored_otherwise(operation: CreateOperation | EditOperation, flow: Flow) -> dict[str, list[dict[str, Any]]]:
    """Return the outcome's parameter of what Enkapush stores otherwise than it was sent, if there is any."""
    found = [plain_difference(each) for each in stored_otherwise(operation.wanted.content, flow)]
    if operation.sends_image and flow.image_url is None:
        found.append(plain_difference(FieldDifference("image_url", None, None)))
    return {STORED_OTHERWISE: found} if found else {}


def _kept_differently(wanted: FlowContent, flow: Flow) -> dict[str, Any]:
    """Return the audit's detail on fields that Enkapush stores otherwise than they were sent."""
    listed = [each.field for each in content_differences(wanted, flow)]
    return {"kept_differently": listed} if listed else {}


def plain_difference(difference: FieldDifference) -> dict[str, Any]:
    """Turn a difference into plain data."""
    return {"field": difference.field, "before": _value(difference.before), "after": _value(difference.after)}


def _value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
