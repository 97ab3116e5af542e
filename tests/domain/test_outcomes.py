"""Comparing a flow with a change, and the result of the change."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, Totals, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.images import ImageUpload
from flowbot.domain.operations import (
    CreateOperation,
    DeleteOperation,
    EditOperation,
    FlowOperation,
    Operation,
    ToggleOperation,
    build_operation,
)
from flowbot.domain.outcomes import (
    FLOW_GONE,
    ChangeResult,
    evaluate_create,
    evaluate_edit,
    evaluate_recheck,
    evaluate_toggle_or_delete,
    find_obstacle,
    gone_result,
    hide_flow,
    not_found_result,
)

FLOW: Final = Flow(WebsiteId(1), "Name", "Title", "Text", WaitTime(1, "days"), id=FlowId(7), is_enabled=False)
ON: Final = replace(FLOW, is_enabled=True)
NEW_TITLE: Final = replace(FLOW, title="New")
PICTURE: Final = ImageUpload("F1", "https://files.example/F1", "a.png")
WANTED: Final = DesiredFlow(FlowContent.of(NEW_TITLE))

EDIT: Final = EditOperation(FLOW, WANTED)
ENABLE: Final = ToggleOperation(FLOW, enabled=True)
DISABLE: Final = ToggleOperation(ON, enabled=False)
DELETE: Final = DeleteOperation(FLOW)
MAKE: Final = CreateOperation(ChangeKind.CREATE, WANTED)


def new_change(kind: ChangeKind, **other: Any) -> ChangeRequest:
    return ChangeRequest(FormToken("t"), kind, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1), **other)


# --- what is asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "task"),
    [
        (
            new_change(ChangeKind.CREATE, wanted=WANTED, picture=PICTURE),
            CreateOperation(ChangeKind.CREATE, WANTED, PICTURE),
        ),
        (new_change(ChangeKind.RESTORE, wanted=WANTED, before=FLOW), CreateOperation(ChangeKind.RESTORE, WANTED)),
        (
            new_change(ChangeKind.EDIT, flow=7, before=FLOW, wanted=WANTED, picture=PICTURE),
            EditOperation(FLOW, WANTED, PICTURE),
        ),
        (new_change(ChangeKind.ENABLE, flow=7, before=FLOW), ENABLE),
        (new_change(ChangeKind.DISABLE, flow=7, before=ON), DISABLE),
        (new_change(ChangeKind.DELETE, flow=7, before=FLOW), DELETE),
    ],
    ids=lambda value: str(value.kind),
)
def test_a_change_is_one_task_of_the_same_kind(change: ChangeRequest, task: Operation) -> None:
    assert build_operation(change) == task
    assert task.kind is change.kind


@pytest.mark.parametrize("kind", list(ChangeKind))
def test_a_change_that_says_too_little_is_no_task(kind: ChangeKind) -> None:
    assert build_operation(new_change(kind)) is None


def test_an_edit_needs_both_what_was_and_what_is_wanted() -> None:
    assert build_operation(new_change(ChangeKind.EDIT, before=FLOW)) is None
    assert build_operation(new_change(ChangeKind.EDIT, wanted=WANTED)) is None


# --- whether it is reached -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "flow", "is_reached"),
    [
        pytest.param(EDIT, NEW_TITLE, True, id="an edit that is there"),
        pytest.param(EDIT, replace(NEW_TITLE, title=" New ", name="Name\n"), True, id="an edit, but for blank space"),
        pytest.param(EDIT, replace(NEW_TITLE, title="N ew"), False, id="blank space within a text counts"),
        pytest.param(EDIT, FLOW, False, id="an edit that is not there"),
        pytest.param(EDIT, replace(NEW_TITLE, is_enabled=True), False, id="an edit, and enabled meanwhile"),
        pytest.param(EDIT, None, False, id="an edit of a flow that is gone"),
        pytest.param(ENABLE, ON, True, id="enabled"),
        pytest.param(ENABLE, replace(ON, totals=Totals(sent=9)), True, id="enabled, and sent since"),
        pytest.param(ENABLE, FLOW, False, id="not enabled"),
        pytest.param(ENABLE, replace(ON, title="Theirs"), False, id="enabled, and edited since"),
        pytest.param(ENABLE, replace(ON, image_url="https://x.example/a"), False, id="enabled, with another picture"),
        pytest.param(ENABLE, None, False, id="to be enabled, and gone"),
        pytest.param(DISABLE, FLOW, True, id="disabled"),
        pytest.param(DISABLE, ON, False, id="not disabled"),
        pytest.param(DELETE, None, True, id="deleted"),
        pytest.param(DELETE, FLOW, False, id="not deleted"),
    ],
)
def test_a_task_is_reached_or_not(task: FlowOperation, flow: Flow | None, is_reached: bool) -> None:
    assert task.matches(flow) is is_reached
    assert task.is_confirmed_by(flow) is is_reached


UNPROVEN: Final = [
    replace(EDIT, picture=PICTURE),
    replace(EDIT, wanted=replace(WANTED, image="I1")),
    replace(EDIT, wanted=replace(WANTED, unread=WriteOnlyFields(segment="all"))),
]


@pytest.mark.parametrize("task", UNPROVEN)
def test_an_edit_with_what_cannot_be_read_back_proves_nothing(task: EditOperation) -> None:
    assert task.matches(NEW_TITLE)
    assert not task.is_confirmed_by(NEW_TITLE)
    assert not task.shows_no_trace(FLOW)


TOUCHED: Final = replace(FLOW, changed_at=datetime(2026, 3, 1, tzinfo=UTC))
UNREADABLE: Final = [replace(task, wanted=replace(task.wanted, content=FlowContent.of(FLOW))) for task in UNPROVEN]
"""Edits of a picture alone, or of a segment alone."""
WITH_PICTURE: Final = replace(FLOW, image_url="https://cdn.example/1.png")


@pytest.mark.parametrize(
    ("task", "flow", "is_evident"),
    [
        pytest.param(EDIT, NEW_TITLE, True, id="an edit that is there"),
        pytest.param(EDIT, FLOW, False, id="an edit that is not there"),
        pytest.param(UNPROVEN[2], NEW_TITLE, True, id="a segment that was sent with a title that is there"),
        pytest.param(UNPROVEN[0], NEW_TITLE, False, id="a picture that is not there, with a title that is"),
        pytest.param(UNPROVEN[0], replace(WITH_PICTURE, title="New"), True, id="a picture and a title that are there"),
        pytest.param(UNREADABLE[0], replace(WITH_PICTURE, changed_at=TOUCHED.changed_at), False, id="a picture alone"),
        pytest.param(UNREADABLE[2], TOUCHED, False, id="a segment alone"),
        pytest.param(UNREADABLE[2], FLOW, False, id="a segment alone of a flow that nobody has touched"),
        pytest.param(ENABLE, ON, True, id="enabled"),
        pytest.param(ENABLE, FLOW, False, id="not enabled"),
        pytest.param(DELETE, FLOW, False, id="not deleted"),
    ],
)
def test_a_flow_shows_that_something_was_done_by_what_was_not_so_before(
    task: FlowOperation, flow: Flow, is_evident: bool
) -> None:
    assert task.shows_effect(flow) is is_evident


@pytest.mark.parametrize("task", UNREADABLE)
def test_what_leaves_no_trace_is_sent_again_only_where_nobody_touched_the_flow(task: EditOperation) -> None:
    assert find_obstacle(task, FLOW, was_sent=True) is None
    assert outcome_of(find_obstacle(task, TOUCHED, was_sent=True)) == (ChangeState.UNKNOWN, "unknown.edit")


@pytest.mark.parametrize(
    ("task", "flow", "is_untouched"),
    [
        (EDIT, FLOW, True),
        (EDIT, replace(FLOW, totals=Totals(sent=9)), True),
        (EDIT, replace(FLOW, changed_at=datetime(2026, 3, 1, tzinfo=UTC)), False),
        (EDIT, replace(FLOW, name="Half of it"), False),
        (EDIT, None, False),
        (ENABLE, FLOW, True),
        (ENABLE, replace(ON, title="Theirs"), False),
        (ENABLE, None, False),
        (DELETE, FLOW, True),
        (DELETE, ON, False),
    ],
)
def test_nothing_is_there_of_a_task_or_something_may_be(
    task: FlowOperation, flow: Flow | None, is_untouched: bool
) -> None:
    assert task.shows_no_trace(flow) is is_untouched


# --- how it ended --------------------------------------------------------------------------------------------------


def outcome_of(result: ChangeResult | None) -> tuple[ChangeState, str] | None:
    return (result.state, result.outcome.key) if result else None


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (NEW_TITLE, (ChangeState.APPLIED, "applied.create")),
        (replace(NEW_TITLE, is_enabled=True), (ChangeState.UNKNOWN, "unknown.enabled")),
        (None, (ChangeState.UNKNOWN, "unknown.not_read_back")),
    ],
)
def test_a_flow_that_was_made_is_disabled_and_read_back(flow: Flow | None, expected: tuple[ChangeState, str]) -> None:
    result = evaluate_create(MAKE, FlowId(7), flow)
    assert outcome_of(result) == expected
    assert (result.outcome.flow, result.flow, result.details) == (7, flow, {})


def test_what_is_kept_otherwise_than_it_was_sent_is_on_record() -> None:
    assert evaluate_create(MAKE, FlowId(7), FLOW).details == {"kept_differently": ["title"]}
    result = evaluate_edit(EDIT, replace(NEW_TITLE, title="New "), is_first_write=True)
    assert outcome_of(result) == (ChangeState.APPLIED, "applied.edit")
    assert result.details == {"changed": ["title"], "kept_differently": ["title"]}


@pytest.mark.parametrize(
    ("flow", "answered", "unanswered"),
    [
        (NEW_TITLE, (ChangeState.APPLIED, "applied.edit"), (ChangeState.APPLIED, "applied.edit")),
        (FLOW, (ChangeState.FAILED, "not_done.ignored"), (ChangeState.UNKNOWN, "unknown.edit")),
        (
            replace(FLOW, name="Theirs"),
            (ChangeState.UNKNOWN, "unknown.edit_partly"),
            (ChangeState.UNKNOWN, "unknown.edit_partly"),
        ),
        (None, (ChangeState.UNKNOWN, "unknown.edit"), (ChangeState.UNKNOWN, "unknown.edit")),
    ],
)
def test_an_edit_ends_by_what_is_there(
    flow: Flow | None, answered: tuple[ChangeState, str], unanswered: tuple[ChangeState, str]
) -> None:
    assert outcome_of(evaluate_edit(EDIT, flow, is_first_write=True)) == answered
    assert outcome_of(evaluate_edit(EDIT, flow, is_first_write=False)) == unanswered


def test_a_picture_that_is_not_there_was_not_taken() -> None:
    only_picture = EditOperation(FLOW, DesiredFlow(FlowContent.of(FLOW), image="I1"))
    assert outcome_of(evaluate_edit(only_picture, FLOW, is_first_write=True)) == (
        ChangeState.FAILED,
        "not_done.ignored",
    )
    assert outcome_of(evaluate_edit(only_picture, FLOW, is_first_write=False)) == (ChangeState.UNKNOWN, "unknown.edit")
    with_title = EditOperation(FLOW, replace(WANTED, image="I1"))
    assert outcome_of(evaluate_edit(with_title, NEW_TITLE, is_first_write=True)) == (
        ChangeState.UNKNOWN,
        "unknown.edit_partly",
    )
    there = replace(FLOW, image_url="https://cdn.example/1.png")
    assert outcome_of(evaluate_edit(only_picture, there, is_first_write=True)) == (ChangeState.APPLIED, "applied.edit")


def test_an_edit_of_what_cannot_be_read_back_leaves_the_rest_as_it_was() -> None:
    task = EditOperation(FLOW, DesiredFlow(FlowContent.of(FLOW), WriteOnlyFields(segment="all")))
    assert outcome_of(evaluate_edit(task, FLOW, is_first_write=True)) == (ChangeState.APPLIED, "applied.edit")


@pytest.mark.parametrize(
    ("task", "flow", "answered", "unanswered"),
    [
        (ENABLE, ON, (ChangeState.APPLIED, "applied.enable"), (ChangeState.APPLIED, "applied.enable")),
        (
            ENABLE,
            replace(ON, title="Theirs"),
            (ChangeState.APPLIED, "applied.enable"),
            (ChangeState.UNKNOWN, "unknown.enable"),
        ),
        (ENABLE, FLOW, (ChangeState.FAILED, "not_done.ignored_it"), (ChangeState.UNKNOWN, "unknown.enable")),
        (ENABLE, NEW_TITLE, (ChangeState.UNKNOWN, "unknown.enable"), (ChangeState.UNKNOWN, "unknown.enable")),
        (DISABLE, None, (ChangeState.UNKNOWN, "unknown.disable"), (ChangeState.UNKNOWN, "unknown.disable")),
        (DELETE, None, (ChangeState.APPLIED, "applied.delete"), (ChangeState.APPLIED, "applied.delete")),
        (DELETE, FLOW, (ChangeState.FAILED, "not_done.ignored_it"), (ChangeState.UNKNOWN, "unknown.delete")),
        (DELETE, NEW_TITLE, (ChangeState.UNKNOWN, "unknown.delete"), (ChangeState.UNKNOWN, "unknown.delete")),
    ],
)
def test_a_yes_counts_for_something_and_what_is_there_for_more(
    task: ToggleOperation | DeleteOperation,
    flow: Flow | None,
    answered: tuple[ChangeState, str],
    unanswered: tuple[ChangeState, str],
) -> None:
    assert outcome_of(evaluate_toggle_or_delete(task, flow, was_confirmed=True)) == answered
    assert outcome_of(evaluate_toggle_or_delete(task, flow, was_confirmed=False)) == unanswered


@pytest.mark.parametrize(
    ("task", "now", "unsent", "sent"),
    [
        (EDIT, replace(FLOW, totals=Totals(sent=9)), None, None),
        (EDIT, NEW_TITLE, (ChangeState.OUT_OF_DATE, "out_of_date.edit"), None),
        (EDIT, ON, (ChangeState.OUT_OF_DATE, "out_of_date.edit"), (ChangeState.UNKNOWN, "unknown.edit")),
        (ENABLE, ON, (ChangeState.OUT_OF_DATE, "out_of_date.edit"), None),
        (DELETE, ON, (ChangeState.OUT_OF_DATE, "out_of_date.edit"), (ChangeState.UNKNOWN, "unknown.delete")),
    ],
)
def test_a_flow_that_is_no_longer_what_was_asked_about_is_an_obstacle(
    task: FlowOperation, now: Flow, unsent: tuple[ChangeState, str] | None, sent: tuple[ChangeState, str] | None
) -> None:
    assert outcome_of(find_obstacle(task, now, was_sent=False)) == unsent
    assert outcome_of(find_obstacle(task, now, was_sent=True)) == sent


@pytest.mark.parametrize("task", [EDIT, ENABLE, DISABLE], ids=lambda task: str(task.kind))
def test_what_may_have_been_done_and_undone_is_neither_done_again_nor_called_failed(task: FlowOperation) -> None:
    undone = replace(task.before, changed_at=datetime(2026, 5, 1, tzinfo=UTC))
    assert find_obstacle(task, undone, was_sent=False) is None
    assert outcome_of(find_obstacle(task, undone, was_sent=True)) == (ChangeState.UNKNOWN, f"unknown.{task.kind}")
    assert evaluate_recheck(task, undone, is_final=True).state is ChangeState.UNKNOWN


def test_an_obstacle_names_each_difference_as_plain_data() -> None:
    found = find_obstacle(EDIT, replace(ON, wait=WaitTime(2, "hours")), was_sent=False)
    assert found is not None
    assert found.outcome.params == {
        "id": "7",
        "fields": ["wait", "is_enabled"],
        "differences": [
            {"field": "wait", "before": {"amount": 1, "unit": "days"}, "after": {"amount": 2, "unit": "hours"}},
            {"field": "is_enabled", "before": False, "after": True},
        ],
    }


@pytest.mark.parametrize(
    ("task", "flow", "later", "at_last"),
    [
        (EDIT, NEW_TITLE, ChangeState.APPLIED, ChangeState.APPLIED),
        (EDIT, FLOW, ChangeState.UNKNOWN, ChangeState.FAILED),
        (EDIT, replace(FLOW, name="Theirs"), ChangeState.UNKNOWN, ChangeState.UNKNOWN),
        (UNPROVEN[0], NEW_TITLE, ChangeState.UNKNOWN, ChangeState.UNKNOWN),
        (ENABLE, FLOW, ChangeState.UNKNOWN, ChangeState.FAILED),
        (ENABLE, replace(ON, title="Theirs"), ChangeState.UNKNOWN, ChangeState.UNKNOWN),
        (DELETE, None, ChangeState.APPLIED, ChangeState.APPLIED),
        (DELETE, FLOW, ChangeState.UNKNOWN, ChangeState.FAILED),
    ],
)
def test_another_look_tells_more_once_nothing_is_under_way(
    task: FlowOperation, flow: Flow | None, later: ChangeState, at_last: ChangeState
) -> None:
    assert evaluate_recheck(task, flow, is_final=False).state is later
    assert evaluate_recheck(task, flow, is_final=True).state is at_last


def test_what_was_not_found_names_its_flow_where_it_has_one() -> None:
    assert not_found_result(None, is_final=True) == ChangeResult(
        ChangeState.FAILED, Outcome("not_done.looked", {"id": ""})
    )
    assert evaluate_recheck(DELETE, FLOW, is_final=False).outcome.params == {"id": "7"}
    assert gone_result(FLOW).outcome == Outcome(FLOW_GONE, {"id": "7"})


HIDDEN: Final = replace(ON, website_id=WebsiteId(9), title="Theirs")
UNKNOWN_ENABLE: Final = ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.enable", {"id": "7"}, FlowId(7)))


@pytest.mark.parametrize(
    ("task", "result", "expected"),
    [
        pytest.param(
            ENABLE,
            evaluate_toggle_or_delete(ENABLE, HIDDEN, was_confirmed=True),
            UNKNOWN_ENABLE,
            id="enabled, and moved",
        ),
        pytest.param(
            ENABLE,
            evaluate_toggle_or_delete(ENABLE, None, was_confirmed=True),
            UNKNOWN_ENABLE,
            id="as one that is gone",
        ),
        pytest.param(
            EDIT,
            evaluate_edit(EDIT, HIDDEN, is_first_write=True),
            ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.edit", {"id": "7"}, FlowId(7))),
            id="edited in part, and moved",
        ),
        pytest.param(
            ENABLE,
            evaluate_toggle_or_delete(ENABLE, ON, was_confirmed=True),
            ChangeResult(ChangeState.APPLIED, Outcome("applied.enable", {"id": "7"}, FlowId(7))),
            id="as it was approved, on a website that was taken from the policy",
        ),
        pytest.param(
            EDIT,
            evaluate_edit(EDIT, FLOW, is_first_write=True),
            ChangeResult(ChangeState.FAILED, Outcome("not_done.ignored", {"fields": ["title"]})),
            id="left as it was, on a website that was taken from the policy",
        ),
        pytest.param(
            MAKE,
            evaluate_create(MAKE, FlowId(7), replace(HIDDEN, is_enabled=False)),
            ChangeResult(ChangeState.APPLIED, Outcome("applied.create", {"id": "7"}, FlowId(7))),
            id="made, and moved",
        ),
        pytest.param(ENABLE, find_obstacle(ENABLE, HIDDEN, was_sent=False), gone_result(FLOW), id="moved before"),
    ],
)
def test_nothing_is_told_of_a_flow_that_may_not_be_seen(
    task: Operation, result: ChangeResult, expected: ChangeResult
) -> None:
    assert hide_flow(task, result) == expected


def test_what_differs_besides_from_what_was_approved_is_told_with_the_outcome() -> None:
    result = evaluate_toggle_or_delete(
        ENABLE, replace(ON, title="Theirs", wait=WaitTime(2, "hours")), was_confirmed=True
    )
    assert outcome_of(result) == (ChangeState.APPLIED, "applied.enable")
    assert result.outcome.params == {
        "id": "7",
        "differences": [
            {"field": "title", "before": "Title", "after": "Theirs"},
            {
                "field": "wait",
                "before": {"amount": 1, "unit": "days"},
                "after": {"amount": 2, "unit": "hours"},
            },
        ],
    }
    assert result.details == {"changed_besides": ["title", "wait"]}
    assert evaluate_toggle_or_delete(ENABLE, ON, was_confirmed=True).outcome.params == {"id": "7"}
