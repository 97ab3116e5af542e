"""The message of a workflow's step: it fits Slack in both languages, whatever the flow's name, and its outputs fit."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, ReportId, UserId, WebsiteId
from flowbot.domain.step import Step, StepEnd, StepKind, build_step_token
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.manifest import build_manifest
from flowbot.slack.views.step import StepDetails, list_outputs, step_message
from tests.services.test_flow_cache import new_flow
from tests.slack.test_home_view import EN, LONG, TR, WIDE
from tests.slack.test_stop_view import draw

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HERE, EMMA = ChannelId("C0MARKETING"), UserId("U0EMMA")
ENABLING = Step(StepKind.ENABLE, "Fx1", EMMA, FlowId(7), "Winter sale", "*Now* <!here>", is_admitted=True)
ASKED = StepDetails(ENABLING, ReportId("r"), HERE)


def request(kind: ChangeKind, state: ChangeState, name: str = "Winter sale") -> Change:
    before, flow = (None, None) if kind is ChangeKind.CREATE else (replace(new_flow(7), name=name), FlowId(7))
    asked = ChangeRequest(build_step_token(ReportId("r")), kind, EMMA, HERE, WebsiteId(1), flow=flow, before=before)
    return Change(ChangeId("c"), asked, state, 2, NOW, NOW, outcome=Outcome("applied.create", {}, flow=FlowId(9)))


@pytest.mark.parametrize("t", [EN, TR])
@pytest.mark.parametrize("name", [WIDE, LONG, ""])
def test_what_is_asked_fits_and_stays_text(t: Translator, name: str) -> None:
    for step in (replace(ENABLING, name=name, reason=name), replace(ENABLING, kind=StepKind.CREATE, flow=None)):
        drawn = draw(step_message(replace(ASKED, step=step), t))
        assert drawn.count('"type": "button"') == 1


@pytest.mark.parametrize("t", [EN, TR])
@pytest.mark.parametrize("state", ChangeState)
@pytest.mark.parametrize("kind", [ChangeKind.CREATE, ChangeKind.ENABLE])
def test_every_state_of_the_request_is_shown_without_the_button(
    t: Translator, state: ChangeState, kind: ChangeKind
) -> None:
    step = replace(ENABLING, change=ChangeId("c"))
    details = replace(ASKED, step=step, change=request(kind, state, LONG), link="https://a.example/p1")
    drawn = draw(step_message(details, t))
    assert "steps." not in drawn


def test_a_step_that_failed_says_why() -> None:
    ended = replace(ENABLING, end=StepEnd(problem=Text("show.no_such_flow", {"id": "7"})))
    (block,) = json.loads(draw(step_message(replace(ASKED, step=ended), EN)))
    assert "There is no flow #7 here." in json.dumps(block)


@pytest.mark.parametrize(
    "end",
    [StepEnd(ChangeState.APPLIED, FlowId(7), EMMA), StepEnd(ChangeState.OUT_OF_DATE), StepEnd(ChangeState.FAILED)],
)
def test_outputs_are_those_of_the_manifest(end: StepEnd) -> None:
    outputs = list_outputs(end)
    for function in build_manifest(None, with_steps=True)["functions"].values():
        known = function["output_parameters"]
        required = {name for name, parameter in known.items() if parameter["is_required"]}
        assert required <= outputs.keys() <= known.keys()
    assert json.loads(json.dumps(outputs)) == outputs
    assert all(type(value) in {str, int} for value in outputs.values())
