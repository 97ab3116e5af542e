"""A step: what a workflow of Slack's asks a person to do, and what the workflow is told when their request ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from flowbot.domain.change import OPEN_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId, FlowId, FormToken, ReportId, ReportToken, UserId
from flowbot.domain.votes import Vote, approved_by
from flowbot.errors import Text

STEP_LIFETIME: Final = timedelta(days=30)
"""A step in which nobody makes a request ends after this long."""
PREFILLED: Final = ("name", "title", "description", "url")
"""The fields of a new flow's form that a step may fill."""
DECIDED: Final = frozenset({ChangeState.APPLIED, ChangeState.UNKNOWN, ChangeState.FAILED})
"""The ends of a request that had all its approvals, or needed none."""
_PREFIX: Final = "step"


class StepKind(StrEnum):
    """The steps that a workflow may have, by the ids that the manifest gives them."""

    CREATE = "create_flow"
    ENABLE = "enable_flow"

    @property
    def change_kind(self) -> ChangeKind:
        """Return the kind of the request that is made by such a step."""
        return ChangeKind.CREATE if self is StepKind.CREATE else ChangeKind.ENABLE


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ended.

    Attributes:
        outcome: How its request ended; None where none was made, for `problem`.
        flow: The flow of the request: the new one, where one was created.
        decided_by: The last to decide on it, or who made it where nobody had to.
        problem: Why the step failed, in a sentence with nothing but plain text in it.
    """

    outcome: ChangeState | None = None
    flow: FlowId | None = None
    decided_by: UserId | None = None
    problem: Text | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a workflow that runs. It decides nothing: the person makes the request, or does not.

    Attributes:
        execution: Slack's id of this run of the step.
        person: Who is asked.
        flow: The flow to enable.
        name: That flow's name, once it is known that the person may request this.
        reason: Why it is to be enabled.
        typed: What the form of a new flow is filled with, by field.
        is_admitted: Whether the person was found to be able to make the request, so that they are asked.
        change: The request that they made.
    """

    kind: StepKind
    execution: str
    person: UserId
    flow: FlowId | None = None
    name: str = ""
    reason: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    is_admitted: bool = False
    change: ChangeId | None = None
    end: StepEnd | None = None

    @property
    def report_token(self) -> ReportToken:
        """Return the token of its report: the same for every event that Slack sends of it."""
        return ReportToken(f"{_PREFIX}.{self.execution}")

    def is_over(self, created_at: datetime, now: datetime) -> bool:
        """Check whether it has waited too long for somebody to make a request."""
        return self.change is None and self.end is None and now - created_at >= STEP_LIFETIME

    def is_requested_by(self, change: Change) -> bool:
        """Check whether a change is the request that the step asks its person for."""
        request = change.request
        asked = (self.person, self.kind.change_kind, self.flow)
        return (request.requester, request.kind, request.flow) == asked

    def begun_by(self, change: Change) -> Self:
        """Return the step with the request that its person made."""
        return replace(self, change=change.id)

    def ended_by(self, change: Change, votes: Sequence[Vote]) -> Self:
        """Return the step as it ends with its request.

        Args:
            change: the request, which has ended.
            votes: the votes on it, oldest first.
        """
        made = change.outcome.flow if change.outcome else None
        return replace(self, end=StepEnd(change.state, made or change.flow_id, _last_to_decide(change, votes)))


def build_step_token(report: ReportId) -> FormToken:
    """Build the token of the one request that a step's person can make, from the step's report."""
    return FormToken(f"{_PREFIX}.{report}")


def parse_step_token(token: FormToken) -> ReportId | None:
    """Return the report of the step that a request's token names; None where it names none."""
    kind, _, report = token.partition(".")
    return ReportId(report) if kind == _PREFIX and report else None


def has_ended(change: Change) -> bool:
    """Check whether a change has come to an end, for what waits for that; what is not known is an end, too."""
    return change.state not in OPEN_STATES


def _last_to_decide(change: Change, votes: Sequence[Vote]) -> UserId | None:
    if (closing := change.progress.closing) is not None:
        return closing.by
    if change.state not in DECIDED:
        return None
    return next(reversed(approved_by(votes)), change.request.requester if change.rule is None else None)
