"""Steps of workflows: which request is theirs, how it ends them, and when they have waited too long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, ReportId, UserId, WebsiteId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.domain.step import STEP_LIFETIME, Step, StepEnd, StepKind, build_step_token, parse_step_token
from flowbot.domain.votes import Vote, VoteChoice

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMMA, BURAK, DENIZ = UserId("U0EMMA"), UserId("U0BURAK"), UserId("U0DENIZ")
STEP = Step(StepKind.ENABLE, "Fx1", EMMA, FlowId(7))
REQUEST = ChangeRequest(
    build_step_token(ReportId("r")), ChangeKind.ENABLE, EMMA, ChannelId("C1"), WebsiteId(1), flow=FlowId(7)
)
CHANGE = Change(ChangeId("c"), REQUEST, ChangeState.APPLIED, 3, NOON, NOON, rule=ApprovalRule())
VOTES = tuple(
    Vote(person, VoteChoice.APPROVE, NOON + timedelta(minutes=number)) for number, person in enumerate([DENIZ, BURAK])
)


def test_a_request_names_the_step_that_it_is_made_by() -> None:
    assert parse_step_token(build_step_token(ReportId("r"))) == "r"
    assert [parse_step_token(FormToken(other)) for other in ("step.", "stop.r.7", "Zx_step-r")] == [None, None, None]


def test_a_step_takes_only_what_it_asks_for() -> None:
    others = [
        replace(REQUEST, requester=BURAK),
        replace(REQUEST, kind=ChangeKind.DELETE),
        replace(REQUEST, flow=FlowId(8)),
    ]
    assert STEP.is_requested_by(CHANGE)
    assert not any(STEP.is_requested_by(replace(CHANGE, request=other)) for other in others)


@pytest.mark.parametrize(
    ("change", "end"),
    [
        (CHANGE, StepEnd(ChangeState.APPLIED, FlowId(7), BURAK)),
        (replace(CHANGE, state=ChangeState.UNKNOWN), StepEnd(ChangeState.UNKNOWN, FlowId(7), BURAK)),
        (replace(CHANGE, state=ChangeState.EXPIRED), StepEnd(ChangeState.EXPIRED, FlowId(7))),
        (replace(CHANGE, state=ChangeState.OUT_OF_DATE), StepEnd(ChangeState.OUT_OF_DATE, FlowId(7))),
        (
            replace(CHANGE, state=ChangeState.REJECTED, progress=Progress(Closure(DENIZ, ClosureKind.REJECTED))),
            StepEnd(ChangeState.REJECTED, FlowId(7), DENIZ),
        ),
        (
            replace(CHANGE, progress=Progress(Closure(DENIZ, ClosureKind.BREAK_GLASS, "Now"))),
            StepEnd(ChangeState.APPLIED, FlowId(7), DENIZ),
        ),
    ],
    ids=["applied", "unknown", "expired", "out of date", "rejected", "skipped"],
)
def test_a_step_ends_as_its_request_and_names_who_decided(change: Change, end: StepEnd) -> None:
    assert STEP.ended_by(change, VOTES).end == end


def test_what_needed_no_approval_was_decided_by_who_made_it_and_names_the_new_flow() -> None:
    request = replace(REQUEST, kind=ChangeKind.CREATE, flow=None)
    created = replace(CHANGE, request=request, rule=None, outcome=Outcome("applied.create", {}, flow=FlowId(9)))
    assert STEP.ended_by(created, ()).end == StepEnd(ChangeState.APPLIED, FlowId(9), EMMA)
    failed = replace(created, state=ChangeState.FAILED, outcome=None)
    assert STEP.ended_by(failed, ()).end == StepEnd(ChangeState.FAILED, None, EMMA)


def test_a_step_waits_thirty_days_for_a_request_and_as_long_as_it_takes_for_its_end() -> None:
    late = NOON + STEP_LIFETIME
    assert not STEP.is_over(NOON, late - timedelta(seconds=1))
    assert STEP.is_over(NOON, late)
    assert not STEP.begun_by(CHANGE).is_over(NOON, late)
