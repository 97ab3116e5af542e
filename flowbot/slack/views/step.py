"""The direct message to the person whom a workflow's step asks, and what the workflow is told of its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowbot.domain.change import Change, ChangeKind
from flowbot.domain.ids import ChannelId, ReportId
from flowbot.domain.step import Step, StepEnd, StepKind, has_ended
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import StepValue
from flowbot.slack.views import block_kit, headlines, request_blocks, sentences
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.message import Message
from flowbot.slack.views.sentences import sentence_elements


@dataclass(frozen=True, slots=True)
class StepDetails:
    """What a step's message shows.

    Attributes:
        report: The step's report, which its button names.
        channel: The channel whose policy counts.
        change: The request that was made by it.
        link: The link to that request's message, where there is one.
    """

    step: Step
    report: ReportId
    channel: ChannelId
    change: Change | None = None
    link: str | None = None


def step_message(details: StepDetails, t: Translator) -> Message:
    """Build the message: what is asked, or what became of it; its button is gone once a request was made."""
    step, change = details.step, details.change
    if change is None:
        return _asking_message(details, t) if step.end is None else sentences.sentence_message(t, _problem(step.end))
    below = [block_kit.actions(request_blocks.open_button(details.link, t))] if details.link else []
    if has_ended(change):
        return Message((headlines.own_headline(change, t), block_kit.context(t("workflow.goes_on")), *below))
    if change.request.kind is ChangeKind.CREATE:
        return sentences.sentence_message(t, Text("workflow.sent"))
    headline = _bold_sentence("workflow.requested", details, t)
    return Message((headline, block_kit.context(t("workflow.waits")), *below))


def _asking_message(details: StepDetails, t: Translator) -> Message:
    step, value = details.step, StepValue(report=details.report).dump()
    if step.kind is StepKind.CREATE:
        key, next_key = "workflow.asks_create", "workflow.next_create"
        button = block_kit.button(t("form.open"), ActionId.STEP_FORM, value, style="primary")
    else:
        key, next_key = "workflow.asks_enable", "workflow.next_enable"
        button = block_kit.button(t("button.request_approval"), ActionId.STEP_REQUEST, value, style="primary")
    return Message(
        (
            _bold_sentence(key, details, t),
            *request_blocks.reason_blocks(step.reason, t),
            block_kit.context(t(next_key)),
            block_kit.actions(button),
        )
    )


def _bold_sentence(key: str, details: StepDetails, t: Translator) -> block_kit.Block:
    step = details.step
    name = sentences.format_name(step.name, t, limit=request_blocks.NAME_MAX)
    places: dict[str, list[Element]] = {
        "channel": [block_kit.channel_element(details.channel)],
        "flow": [block_kit.text_element(f"#{step.flow} {name}")],
    }
    return block_kit.rich_paragraph(
        *(element | {"style": {"bold": True}} for element in sentence_elements(t, key, places))
    )


def list_outputs(end: StepEnd) -> Mapping[str, Any]:
    """List the outputs of a step that ended with its request, as the manifest names them."""
    outputs = {"outcome": end.outcome and str(end.outcome), "flow": end.flow, "decided_by": end.decided_by}
    return {name: str(value) if isinstance(value, str) else value for name, value in outputs.items() if value}


def format_problem(end: StepEnd, t: Translator) -> str:
    """Say why a step failed, for the people of its workflow."""
    return sentences.format_text(t, _problem(end))


def _problem(end: StepEnd) -> Text:
    return end.problem or Text("workflow.outputs_refused")
