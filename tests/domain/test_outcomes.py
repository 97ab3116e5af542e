"""Comparing a flow with a change, and the result of the change."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowbot.domain.change import STORED_OTHERWISE, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.effects import is_as_sent, shows_effect
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, Totals, WaitTime, WriteOnlyFields
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
    evaluate_late,
    evaluate_toggle_or_delete,
    find_obstacle,
    gone_result,
    hide_flow,
    is_created_by,
    stored_content,
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


# --- whether it shows itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "stored", "expected"),
    [
        pytest.param("Title", "Title", True, id="the same"),
        pytest.param(" Title\n", "Title", True, id="trimmed"),
        pytest.param("Ti tle", "Title", False, id="blank space within a text counts"),
        pytest.param("Cafe\u0301", "Café", True, id="composed"),
        pytest.param("A & B", "A &amp; B", True, id="written with entities"),
        pytest.param("A &lt; B", "A < B", True, id="read as entities"),
        pytest.param("Twelve chars", "Twelve", True, id="cut to half"),
        pytest.param("Twelve chars", "Twelv", False, id="cut to less than half"),
        pytest.param("Twelve chars", "chars", False, id="an end of it"),
        pytest.param("Title", "", False, id="nothing of it"),
        pytest.param("", "", True, id="nothing of nothing"),
        pytest.param(5, 5, True, id="a number"),
        pytest.param(5, 6, False, id="another number"),
        pytest.param(
            FlowButton("Go ", "https://x.example"), FlowButton("Go", "https://x.example"), True, id="a button"
        ),
        pytest.param(FlowButton("Go", "https://x.example"), FlowButton("Go", ""), False, id="a button without address"),
    ],
)
def test_what_is_stored_is_what_was_sent_or_not(sent: Any, stored: Any, expected: bool) -> None:
    assert is_as_sent(sent, stored) is expected


UNPROVEN: Final = [
    replace(EDIT, picture=PICTURE),
    replace(EDIT, wanted=replace(WANTED, image="I1")),
    replace(EDIT, wanted=replace(WANTED, unread=WriteOnlyFields(segment="all"))),
]
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
        pytest.param(UNPROVEN[0], NEW_TITLE, True, id="a picture that is not there, with a title that is"),
        pytest.param(EDIT, replace(NEW_TITLE, name="Theirs"), False, id="an edit, and another by somebody else"),
        pytest.param(EDIT, replace(FLOW, title="Theirs"), False, id="an edit of that field by somebody else"),
        pytest.param(EDIT, None, False, id="an edit of a flow that is gone"),
        pytest.param(UNPROVEN[0], replace(WITH_PICTURE, title="New"), True, id="a picture and a title that are there"),
        pytest.param(UNREADABLE[0], replace(WITH_PICTURE, changed_at=TOUCHED.changed_at), True, id="a picture alone"),
        pytest.param(UNREADABLE[2], TOUCHED, False, id="a segment alone"),
        pytest.param(UNREADABLE[2], FLOW, False, id="a segment alone of a flow that nobody has touched"),
        pytest.param(ENABLE, ON, True, id="enabled"),
        pytest.param(ENABLE, FLOW, False, id="not enabled"),
        pytest.param(ENABLE, replace(ON, totals=Totals(sent=9)), True, id="enabled, and sent since"),
        pytest.param(ENABLE, replace(ON, title="Theirs"), False, id="enabled, and edited since"),
        pytest.param(ENABLE, replace(ON, image_url="https://x.example/a"), False, id="enabled, with another picture"),
        pytest.param(ENABLE, None, False, id="to be enabled, and gone"),
        pytest.param(DISABLE, FLOW, True, id="disabled"),
        pytest.param(DISABLE, ON, False, id="not disabled"),
        pytest.param(DELETE, None, True, id="deleted"),
        pytest.param(DELETE, FLOW, False, id="not deleted"),
    ],
)
def test_a_flow_shows_that_something_was_done_by_what_was_not_so_before(
    task: FlowOperation, flow: Flow | None, is_evident: bool
) -> None:
    assert shows_effect(task, flow) is is_evident


@pytest.mark.parametrize(
    ("task", "flow", "others"),
    [
        pytest.param(ENABLE, replace(ON, title="New"), [EDIT], id="enabled, and edited through flowbot"),
        pytest.param(EDIT, replace(NEW_TITLE, is_enabled=True), [ENABLE], id="edited, and enabled through flowbot"),
        pytest.param(ENABLE, replace(WITH_PICTURE, is_enabled=True), UNREADABLE[:1], id="enabled, with a new picture"),
    ],
)
def test_what_flowbot_sent_besides_hides_no_effect(
    task: FlowOperation, flow: Flow, others: list[FlowOperation]
) -> None:
    assert not shows_effect(task, flow)
    assert shows_effect(task, flow, others)


@pytest.mark.parametrize("task", UNREADABLE)
def test_what_leaves_no_trace_is_sent_again_only_where_nobody_touched_the_flow(task: EditOperation) -> None:
    assert find_obstacle(task, FLOW, was_sent=True) is None
    assert outcome_of(find_obstacle(task, TOUCHED, was_sent=True)) == (ChangeState.UNKNOWN, "unknown.edit")


# --- how it ended --------------------------------------------------------------------------------------------------


def outcome_of(result: ChangeResult | None) -> tuple[ChangeState, str] | None:
    return (result.state, result.outcome.key) if result else None


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (NEW_TITLE, (ChangeState.APPLIED, "applied.create")),
        (replace(NEW_TITLE, is_enabled=True), (ChangeState.UNKNOWN, "unknown.enabled")),
    ],
)
def test_a_flow_that_was_made_is_disabled_and_read_back(flow: Flow, expected: tuple[ChangeState, str]) -> None:
    result = evaluate_create(MAKE, flow)
    assert outcome_of(result) == expected
    assert (result.outcome.flow, result.flow, result.details) == (7, flow, {})


@pytest.mark.parametrize(
    ("flow", "newest", "expected"),
    [
        pytest.param(NEW_TITLE, 6, True, id="new"),
        pytest.param(NEW_TITLE, None, True, id="the first"),
        pytest.param(NEW_TITLE, 7, False, id="there before"),
        pytest.param(replace(NEW_TITLE, website_id=WebsiteId(9)), 6, False, id="of another website"),
        pytest.param(replace(NEW_TITLE, name="Theirs"), 6, False, id="by another name"),
        pytest.param(replace(FLOW, name=" Name "), 6, True, id="otherwise but for its name"),
    ],
)
def test_a_create_made_what_is_new_there_by_its_name(flow: Flow, newest: int | None, expected: bool) -> None:
    assert is_created_by(MAKE, flow, None if newest is None else FlowId(newest)) is expected


def test_what_is_kept_otherwise_than_it_was_sent_is_said() -> None:
    made = evaluate_create(MAKE, FLOW)
    assert made.details == {"kept_differently": ["title"]}
    assert made.outcome.params[STORED_OTHERWISE] == [{"field": "title", "before": "New", "after": "Title"}]
    result = evaluate_edit(EDIT, replace(NEW_TITLE, title="Ne"))
    assert outcome_of(result) == (ChangeState.APPLIED, "applied.edit")
    assert result.details == {"changed": ["title"], "kept_differently": ["title"]}
    assert result.outcome.params[STORED_OTHERWISE] == [{"field": "title", "before": "New", "after": "Ne"}]


def test_what_is_stored_is_known_from_the_outcome() -> None:
    stored = replace(NEW_TITLE, title="Ne", wait=WaitTime(2, "hours"), button_1=FlowButton("Go", ""))
    assert stored_content(WANTED.content, evaluate_create(MAKE, stored).outcome) == FlowContent.of(stored)
    assert stored_content(WANTED.content, evaluate_create(MAKE, NEW_TITLE).outcome) == WANTED.content


def test_blank_space_that_was_trimmed_is_on_record_and_not_said() -> None:
    result = evaluate_edit(EDIT, replace(NEW_TITLE, title="New "))
    assert result.details == {"changed": ["title"], "kept_differently": ["title"]}
    assert result.outcome.params == {"id": "7"}


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (NEW_TITLE, (ChangeState.APPLIED, "applied.edit")),
        (replace(FLOW, title="Otherwise"), (ChangeState.APPLIED, "applied.edit")),
        (FLOW, (ChangeState.UNKNOWN, "unknown.edit")),
        (replace(FLOW, name="Theirs"), (ChangeState.UNKNOWN, "unknown.edit")),
        (None, (ChangeState.UNKNOWN, "unknown.edit")),
    ],
)
def test_an_edit_ends_by_what_is_there(flow: Flow | None, expected: tuple[ChangeState, str]) -> None:
    assert outcome_of(evaluate_edit(EDIT, flow)) == expected


def test_a_picture_that_is_not_there_was_not_seen() -> None:
    only_picture = EditOperation(FLOW, DesiredFlow(FlowContent.of(FLOW), image="I1"))
    assert outcome_of(evaluate_edit(only_picture, FLOW)) == (ChangeState.UNKNOWN, "unknown.edit")
    assert outcome_of(evaluate_edit(only_picture, WITH_PICTURE)) == (ChangeState.APPLIED, "applied.edit")
    with_title = evaluate_edit(EditOperation(FLOW, replace(WANTED, image="I1")), NEW_TITLE)
    assert outcome_of(with_title) == (ChangeState.APPLIED, "applied.edit")
    assert with_title.outcome.params[STORED_OTHERWISE] == [{"field": "image_url", "before": None, "after": None}]


def test_another_picture_at_the_same_address_is_seen_by_the_time_of_change() -> None:
    task = EditOperation(WITH_PICTURE, DesiredFlow(FlowContent.of(FLOW), image="I1"))
    assert outcome_of(evaluate_edit(task, WITH_PICTURE)) == (ChangeState.UNKNOWN, "unknown.edit")
    touched = replace(WITH_PICTURE, changed_at=TOUCHED.changed_at)
    assert outcome_of(evaluate_edit(task, touched)) == (ChangeState.APPLIED, "applied.edit")


def test_an_edit_of_what_cannot_be_read_back_counts_by_the_answer() -> None:
    task = EditOperation(FLOW, DesiredFlow(FlowContent.of(FLOW), WriteOnlyFields(segment="all")))
    assert outcome_of(evaluate_edit(task, FLOW)) == (ChangeState.APPLIED, "applied.edit")


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
        (ENABLE, FLOW, (ChangeState.UNKNOWN, "unknown.enable"), (ChangeState.UNKNOWN, "unknown.enable")),
        (ENABLE, NEW_TITLE, (ChangeState.UNKNOWN, "unknown.enable"), (ChangeState.UNKNOWN, "unknown.enable")),
        (DISABLE, None, (ChangeState.UNKNOWN, "unknown.disable"), (ChangeState.UNKNOWN, "unknown.disable")),
        (DELETE, None, (ChangeState.APPLIED, "applied.delete"), (ChangeState.APPLIED, "applied.delete")),
        (DELETE, FLOW, (ChangeState.UNKNOWN, "unknown.delete"), (ChangeState.UNKNOWN, "unknown.delete")),
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
    assert evaluate_late(task, undone) is None


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
    ("task", "flow", "key"),
    [
        (EDIT, NEW_TITLE, "applied.edit"),
        (EDIT, FLOW, None),
        (EDIT, replace(FLOW, name="Theirs"), None),
        (UNPROVEN[0], NEW_TITLE, "applied.edit"),
        (ENABLE, ON, "applied.enable"),
        (ENABLE, FLOW, None),
        (ENABLE, replace(ON, title="Theirs"), None),
        (DELETE, None, "applied.delete"),
        (DELETE, FLOW, None),
    ],
)
def test_another_look_settles_what_it_shows(task: FlowOperation, flow: Flow | None, key: str | None) -> None:
    assert outcome_of(evaluate_late(task, flow)) == (None if key is None else (ChangeState.APPLIED, key))


def test_another_look_says_what_is_stored_otherwise_and_nothing_of_what_others_changed() -> None:
    found = evaluate_late(EDIT, replace(ON, title="Ne"), [ENABLE])
    assert found is not None
    assert found.outcome.params[STORED_OTHERWISE] == [{"field": "title", "before": "New", "after": "Ne"}]


def test_a_late_effect_of_flowbots_own_is_no_obstacle() -> None:
    assert find_obstacle(DELETE, ON, was_sent=False, others=[ENABLE]) is None
    both = replace(ON, name="Theirs")
    assert outcome_of(find_obstacle(DELETE, both, was_sent=False, others=[ENABLE])) is not None
    assert EDIT.rebase(replace(ON, name="Late")).sent == {"title": "New"}


def test_a_flow_that_is_gone_is_named() -> None:
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
            evaluate_edit(EDIT, HIDDEN),
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
            MAKE,
            evaluate_create(MAKE, replace(HIDDEN, title="New", is_enabled=False)),
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
