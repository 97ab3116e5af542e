"""What teams add to approvals, in each condition that a request meets: a table, each cell of which is run."""

from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.services.approvals import schedule
from tests.journeys.request_steps import add_people, approval_policy, speed_up
from tests.journeys.team_cell import Cell, Condition, Feature
from tests.journeys.team_conditions import Frozen, Moved, Opened, Scheduled, Shared, Skipped
from tests.journeys.team_features import (
    Audience,
    Comments,
    Escalation,
    OwnEdit,
    ReasonRequired,
    RevisedEdit,
    Stages,
    StandIn,
    WorkflowStep,
)
from tests.journeys.world import World

CONDITIONS: Final = (Scheduled, Frozen, Skipped, Shared, Moved, Opened)
FEATURES: Final = (Stages, StandIn, Escalation, Audience, Comments, RevisedEdit, OwnEdit, WorkflowStep, ReasonRequired)

IMPOSSIBLE: Final = {(RevisedEdit, Scheduled)}
"""Nobody asks for a time of an edit."""


def table() -> list[Any]:
    """Return each feature under each condition; `make test` runs a diagonal."""
    cells = []
    for row, feature in enumerate(FEATURES):
        for column, condition in enumerate(CONDITIONS):
            if (feature, condition) in IMPOSSIBLE:
                continue
            marks = [] if column == row % len(CONDITIONS) else [pytest.mark.long]
            name = f"{feature.__name__}-{condition.__name__}"
            cells.append(pytest.param(feature, condition, id=name, marks=marks))
    return cells


@pytest.mark.parametrize(("feature", "condition"), table())
async def test_each_feature_holds_in_each_condition(
    world: World, feature: type[Feature], condition: type[Condition], monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    monkeypatch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
    cell = Cell(world, feature(), condition())
    cell.condition.set_up(world)
    add_people(world, 2)
    for person in (world.ayse, world.burak):
        person.person.locale = "en-GB"
    rule = (*cell.feature.rule, *cell.condition.rule)
    await world.import_policy(approval_policy(*rule, approvers=cell.feature.approvers) + cell.condition.freezes)
    await world.start_http()
    await cell.run()
