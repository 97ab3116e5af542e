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
"""The key of the outcome of a change whose flow is not there any more."""


LAPSED: Final = "request.lapsed"


LAPSED_PERSON: Final = "request.lapsed_person"


LAPSED_CHANNEL: Final = "request.lapsed_channel"


LAPSED_SCOPE: Final = "request.lapsed_scope"


LAPSED_TIME: Final = "request.lapsed_time"


LAPSED_KEYS: Final = frozenset({LAPSED, LAPSED_PERSON, LAPSED_CHANNEL, LAPSED_SCOPE, LAPSED_TIME})
"""The keys of the outcomes of changes that were decided for and not sent, since the decision did not hold any more."""


UNCOUNTED_VOTERS: Final = "uncounted"
"""The parameter of such an outcome that names those whose approvals do not count any more."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """How a change ended.

    Attributes:
        outcome: For people.
        flow: As it was read back.
        details: For the audit.
    """

    state: ChangeState
    outcome: Outcome
    flow: Flow | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def evaluate_create(task: CreateOperation, flow_id: FlowId, flow: Flow | None) -> ChangeResult:
    """What became of a flow to be made that Enkapush, or a search, names; None where it could not be read."""
    params = {"id": str(flow_id)}
    if flow is None:
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.not_read_back", params, flow_id))
    if flow.is_enabled:
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.enabled", params, flow_id), flow)
    outcome = Outcome(f"applied.{task.kind}", params, flow_id)
    return ChangeResult(ChangeState.APPLIED, outcome, flow, _kept_differently(_unlike(task.wanted.content, flow)))


def evaluate_edit(task: EditOperation, flow: Flow | None, *, was_answered: bool) -> ChangeResult:
    """What became of an edit that Enkapush said was done.

    Args:
        task: what was to be done.
        flow: as it is now; None where it could not be read.
        was_answered: whether nothing was sent before that Enkapush did not answer, and that may still come.
    """
    if flow is None:
        return unknown_result(task, None)
    unlike = _unlike(task.wanted.content, flow)
    if task.wanted.image is not None and not flow.image_url:
        unlike = [*unlike, "image_url"]
    if unlike and fingerprint(task.before) == fingerprint(flow):
        ignored = ChangeResult(ChangeState.FAILED, Outcome("not_done.ignored", {"fields": unlike}), flow)
        return ignored if was_answered else unknown_result(task, flow)
    if "image_url" in unlike or not is_equivalent(FlowContent.of(flow), task.wanted.content):
        params = {"id": str(task.before.id), "fields": unlike}
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.edit_partly", params, task.before.id), flow)
    return edit_applied_result(task, flow, unlike)


def edit_applied_result(task: EditOperation, flow: Flow, unlike: Iterable[str] = ()) -> ChangeResult:
    """An edit that is there. `unlike` are fields that Enkapush keeps otherwise than they were sent."""
    changed = [difference.field for difference in flow_differences(task.before, flow)]
    return ChangeResult(
        ChangeState.APPLIED, _outcome("applied", task), flow, {"changed": changed, **_kept_differently(unlike)}
    )


def evaluate_toggle(task: ToggleOperation | DeleteOperation, flow: Flow | None, *, was_answered: bool) -> ChangeResult:
    """What became of a flow to be enabled, disabled or deleted.

    Args:
        task: what was to be done.
        flow: as it is now; None where it is gone.
        was_answered: whether Enkapush said that it was done, to this process.
    """
    is_switched = isinstance(task, ToggleOperation) and task.matches_state(flow)
    if task.matches(flow):
        return applied_result(task, flow)
    if was_answered and is_switched and flow is not None:
        return _applied_with_more(task, flow)
    if was_answered and flow is not None and fingerprint(flow) == fingerprint(task.before):
        return ChangeResult(ChangeState.FAILED, Outcome("not_done.ignored_it", {"id": str(task.before.id)}), flow)
    return unknown_result(task, flow)


def may_be_stale(task: FlowOperation, verdict: ChangeResult) -> bool:
    """Whether the flow was seen just as it was before: Enkapush may still show an older state of it."""
    if verdict.state is ChangeState.APPLIED or verdict.flow is None:
        return False
    return fingerprint(verdict.flow) == fingerprint(task.before)


def find_conflict(task: FlowOperation, now: Flow, *, was_sent: bool) -> ChangeResult | None:
    """Whether the flow is no longer what was asked about; the effect of an earlier try does not count.

    What was sent is not sent again where somebody has touched the flow since: it may have been done, and undone.
    """
    is_the_same = fingerprint(now) == fingerprint(task.before)
    if was_sent:
        may_go_on = task.shows_effect(now) or (is_the_same and not was_modified(task.before, now))
        return None if may_go_on else unknown_result(task, now)
    if is_the_same:
        return None
    found = [_plain(difference) for difference in flow_differences(task.before, now)]
    params = {"id": str(now.id), "fields": [each["field"] for each in found], "differences": found}
    return ChangeResult(ChangeState.OUT_OF_DATE, Outcome("out_of_date.edit", params), now)


def evaluate_recheck(task: FlowOperation, flow: Flow | None, *, is_final: bool) -> ChangeResult:
    """What another look tells; `is_final` where what is not there now will not come any more."""
    if task.is_confirmed_by(flow):
        return applied_result(task, flow)
    return not_found_result(task.before.id, is_final=is_final and task.shows_no_trace(flow))


def not_found_result(flow_id: FlowId | None, *, is_final: bool) -> ChangeResult:
    """Another look did not find it: it was not done, or that is still not known."""
    outcome = Outcome("not_done.looked", {"id": str(flow_id or "")})
    return ChangeResult(ChangeState.FAILED if is_final else ChangeState.UNKNOWN, outcome)


def applied_result(task: FlowOperation, flow: Flow | None) -> ChangeResult:
    """It is there."""
    return ChangeResult(ChangeState.APPLIED, _outcome("applied", task), flow)


def _applied_with_more(task: ToggleOperation | DeleteOperation, flow: Flow) -> ChangeResult:
    """It is there, and the flow differs besides from the one that was approved: that is told with it."""
    found = [_plain(each) for each in flow_differences(task.before, flow) if each.field != "is_enabled"]
    outcome = _outcome("applied", task)
    told = replace(outcome, params={**outcome.params, "differences": found})
    return ChangeResult(ChangeState.APPLIED, told, flow, {"changed_besides": [each["field"] for each in found]})


def unknown_result(task: FlowOperation, flow: Flow | None) -> ChangeResult:
    """It cannot be told."""
    return ChangeResult(ChangeState.UNKNOWN, _outcome("unknown", task), flow)


def gone_result(before: Flow) -> ChangeResult:
    """The flow is not there any more, or not for those who asked."""
    return ChangeResult(ChangeState.OUT_OF_DATE, Outcome(FLOW_GONE, {"id": str(before.id)}))


def hide_flow(task: Operation | None, verdict: ChangeResult) -> ChangeResult:
    """The verdict for those who may not see the flow that was read: nothing of it is told, as if it were gone."""
    if verdict.flow is None:
        return verdict
    if verdict.state is ChangeState.OUT_OF_DATE:
        return gone_result(verdict.flow)
    tells_more = verdict.state is not ChangeState.FAILED and verdict.outcome.params.keys() > {"id"}
    if tells_more and task is not None and not isinstance(task, CreateOperation):
        return unknown_result(task, None)
    return replace(verdict, flow=None, details={})


def _outcome(how: str, task: FlowOperation) -> Outcome:
    return Outcome(f"{how}.{task.kind}", {"id": str(task.before.id)}, task.before.id)


def _unlike(wanted: FlowContent, flow: Flow) -> list[str]:
    return [difference.field for difference in content_differences(wanted, FlowContent.of(flow))]


def _kept_differently(fields: Iterable[str]) -> dict[str, Any]:
    """For the audit: fields that Enkapush keeps otherwise than they were sent."""
    listed = list(fields)
    return {"kept_differently": listed} if listed else {}


def _plain(difference: FieldDifference) -> dict[str, Any]:
    """A difference as plain data, for keeping."""
    return {"field": difference.field, "before": _value(difference.before), "after": _value(difference.after)}


def _value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
