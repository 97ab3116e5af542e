"""The inputs of a workflow's step, as the step that they make."""

from typing import Any

from flowbot.domain.fields import FIELDS, FieldKind
from flowbot.domain.ids import ChannelId, FlowId, UserId, parse_id
from flowbot.domain.step import PREFILLED, Step, StepKind
from flowbot.domain.text import cut_utf16, strip_invisible
from flowbot.slack.payloads.events import StepExecuted
from flowbot.slack.payloads.message_text import clean_text


def read_step(executed: StepExecuted) -> tuple[Step, ChannelId] | None:
    """Return the step that is to run, and the channel whose policy counts; None where an input that it needs is none.

    A text that is longer than its field is cut: the person sees it before they send it.
    """
    run = executed.event
    inputs = run.inputs
    try:
        kind, person = StepKind(run.function.callback_id), UserId(inputs["person"])
        channel = ChannelId(inputs["channel"])
    except (LookupError, TypeError, ValueError):
        return None
    flow = None if kind is StepKind.CREATE else _read_flow(inputs.get("flow"))
    if kind is StepKind.ENABLE and flow is None:
        return None
    typed = {name: text for name in PREFILLED if (text := _read_text(inputs.get(name), name))}
    step = Step(
        kind,
        run.function_execution_id,
        person,
        flow,
        reason=_read_text(inputs.get("reason"), "description") if flow else "",
        typed=typed if kind is StepKind.CREATE else {},
    )
    return step, channel


def _read_flow(value: Any) -> FlowId | None:
    """Return a flow's number, as a number or as a text such as `#12`."""
    match value:
        case bool():
            return None
        case int() | float():
            number = parse_id(str(int(value))) if value == value // 1 else None
        case str():
            number = parse_id(value.strip().removeprefix("#"))
        case _:
            return None
    return None if number is None else FlowId(number)


def _read_text(value: Any, field: str) -> str:
    """Return a text for a field of the form; no text for what is none."""
    if not isinstance(value, str):
        return ""
    text = strip_invisible(clean_text(value))
    if FIELDS[field].kind is not FieldKind.LONG_TEXT:
        text = " ".join(text.split())
    return cut_utf16(text, FIELDS[field].max_utf16)
