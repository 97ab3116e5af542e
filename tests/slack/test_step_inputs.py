"""The inputs of workflows' steps: what makes a step, what is cleaned, and what is refused."""

from typing import Any

import pytest

from flowbot.domain.step import Step, StepKind
from flowbot.slack.payloads.events import StepExecuted
from flowbot.slack.payloads.parser import parse_incoming
from flowbot.slack.payloads.step_inputs import read_step

WHO = {"person": "U0EMMA", "channel": "C0MARKETING"}


def new_event(step: str, inputs: Any) -> StepExecuted | None:
    event = {
        "type": "function_executed",
        "function": {"callback_id": step},
        "function_execution_id": "Fx1",
        "inputs": inputs,
        "bot_access_token": "xwfp-1",
    }
    parsed = parse_incoming({"type": "event_callback", "event": event})
    return parsed if isinstance(parsed, StepExecuted) else None


def read(step: str, **inputs: Any) -> Step | None:
    event = new_event(step, {**WHO, **inputs})
    assert event is not None
    assert "xwfp" not in repr(event)
    found = read_step(event)
    return None if found is None else found[0]


@pytest.mark.parametrize("flow", [12, 12.0, "12", " #12 "])
def test_a_flow_is_named_by_its_number_however_it_is_written(flow: object) -> None:
    step = read("enable_flow", flow=flow, reason="Now")
    assert step is not None
    assert (step.kind, step.flow, step.reason, step.person) == (StepKind.ENABLE, 12, "Now", "U0EMMA")


@pytest.mark.parametrize(
    "flow", [None, True, 0, -3, 1.5, float("inf"), float("nan"), 1e300, "", "twelve", "1 2", [12], {"id": 12}]
)
def test_what_is_no_flow_is_refused(flow: object) -> None:
    assert read("enable_flow", flow=flow) is None


@pytest.mark.parametrize("who", [{"person": None}, {"person": 7}, {"person": "C0X"}, {"channel": "#marketing"}])
def test_a_step_needs_a_person_and_a_channel(who: dict[str, object]) -> None:
    assert read("create_flow", **who) is None


def test_an_unknown_step_is_none() -> None:
    assert read("delete_flow", flow=12) is None


@pytest.mark.parametrize("inputs", [None, "text", []])
def test_inputs_that_are_none_ask_for_nothing(inputs: object) -> None:
    event = new_event("create_flow", inputs)
    assert event is None or read_step(event) is None


def test_texts_are_cleaned_and_cut_to_their_fields() -> None:
    step = read("create_flow", name=" A\n\x00 b ", title="x" * 4000, description="a\r\nb\ud800", url=7, reason="No")
    assert step is not None
    assert step.typed == {"name": "A b", "title": "x" * 3000, "description": "a\nb?"}
    assert step.reason == ""
