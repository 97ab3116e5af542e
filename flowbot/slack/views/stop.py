"""A stop: the question before it, and its report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.domain.outcomes import hide_outcome_content
from flowbot.domain.report import Report
from flowbot.domain.stop import Stop, StoppedFlow
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.stop import StopQuestion
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit, request_blocks, sentences
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.message import Message
from flowbot.slack.views.report import ReportAudience
from flowbot.slack.views.request_message import EMOJI

NAMED_MAX: Final = 10
"""Flows that the question names."""
LINES_MAX: Final = 40
"""Flows that a report tells of in a line each; of more, those that are disabled stand by number alone."""
NUMBERS_A_LINE: Final = 20
NAME_MAX: Final = 60


def question_message(question: StopQuestion, channel: ChannelId, t: Translator) -> Message:
    """Build the question whether to disable the live flows of a website or of `channel`, the first of them by name."""
    flows, names = question.flows, question.website_names
    where = {"where": _place(question.website, channel, names, t)}
    asked = sentences.sentence_elements(t, "stop_all.ask", where, n=len(flows))
    lines = []
    for flow in flows[:NAMED_MAX]:
        website = "" if question.website else f" · {sentences.format_website(flow.website_id, names, t)}"
        lines.append(f"{_format_flow(flow.id, flow.name, t)}{website}")
    if len(flows) > NAMED_MAX:
        lines.append(t("stop_all.more", n=len(flows) - NAMED_MAX))
    named = block_kit.bullets(block_kit.rich_line(block_kit.text_element(line)) for line in lines)
    blocks = [
        block_kit.rich_text(block_kit.rich_line(*_bold(asked)), named),
        *request_blocks.reason_blocks(question.reason, t),
    ]
    if question.skips_approval:
        blocks.append(block_kit.paragraph(f"🚨 {t('stop_all.will_skip')}"))
    button = block_kit.button(t("button.stop_all"), ActionId.STOP_ALL, question.token, style="danger")
    return Message((*blocks, block_kit.actions(button)))


def started_message(report: Report, t: Translator) -> Message:
    """Build the answer to who decided: how many flows, and where the outcomes are shown."""
    count = len(report.told.content_as(Stop).flows)
    return sentences.sentence_message(t, Text("stop_all.started", {"n": count, "channel": report.told.channel}))


async def load_stop(report: Report) -> Stop:
    """Return the stop that a report tells of."""
    return report.told.content_as(Stop)


def stop_message(stop: Stop, audience: ReportAudience, t: Translator) -> Message:
    """Build the report of a stop: who stopped how many flows, and what became of each."""
    done = [each for each in stop.flows if each.state is ChangeState.APPLIED]
    others = [each for each in stop.flows if each.state not in {None, ChangeState.APPLIED}]
    left = [each for each in stop.flows if each.state is None]
    key = "stop_all.running" if left else "stop_all.ended_partly" if others else "stop_all.ended"
    places = {
        "person": audience.people.elements([stop.person]),
        "where": _place(stop.website, stop.channel, audience.website_names, t),
    }
    emoji = block_kit.text_element("⏳ " if left else "🛑 ")
    headline = sentences.sentence_elements(t, key, places, n=len(stop.flows), done=len(done))
    blocks = [block_kit.rich_paragraph(emoji, *_bold(headline)), *request_blocks.reason_blocks(stop.reason, t)]
    if stop.skips_approval:
        blocks.append(block_kit.paragraph(f"🚨 {t('stop_all.skipped')}"))
    if others:
        outcomes = [_format_outcome(each, audience, t) for each in others]
        blocks.append(_list_block(t("stop_all.not_done", n=len(others)), outcomes, t))
    for key, flows in (("stop_all.left", left), ("stop_all.done", done)):
        if flows:
            is_long = len(flows) > LINES_MAX
            names = [_format_flow(each.flow, each.name, t) for each in flows]
            blocks.append(_list_block(t(key, n=len(flows)), _list_numbers(flows) if is_long else names, t))
    return Message(tuple(blocks))


def _place(
    website: WebsiteId | None, channel: ChannelId, names: Mapping[WebsiteId, str], t: Translator
) -> list[Element]:
    """Build where the flows are: on a website, or on all of a channel."""
    if website is None:
        return sentences.sentence_elements(t, "stop_all.in_channel", {"channel": [block_kit.channel_element(channel)]})
    return [block_kit.text_element(t("stop_all.on_website", website=sentences.format_website(website, names, t)))]


def _list_block(title: str, lines: Sequence[str], t: Translator) -> Block:
    """Build a title and the first lines below it."""
    more = [t("stop_all.more", n=len(lines) - LINES_MAX)] if len(lines) > LINES_MAX else []
    listed = block_kit.bullets(
        block_kit.rich_line(block_kit.text_element(line)) for line in (*lines[:LINES_MAX], *more)
    )
    return block_kit.rich_text(block_kit.rich_line(block_kit.text_element(title, bold=True)), listed)


def _list_numbers(flows: Sequence[StoppedFlow]) -> list[str]:
    """List the numbers of many flows, some a line."""
    numbers = [f"#{each.flow}" for each in flows]
    return [", ".join(numbers[start : start + NUMBERS_A_LINE]) for start in range(0, len(numbers), NUMBERS_A_LINE)]


def _format_flow(number: FlowId, name: str, t: Translator) -> str:
    return f"#{number} {sentences.format_name(name, t, limit=NAME_MAX)}"


def _format_outcome(each: StoppedFlow, audience: ReportAudience, t: Translator) -> str:
    """Format a flow whose disable ended otherwise than it was meant, and how."""
    outcome = each.outcome if audience.shows_content else hide_outcome_content(each.outcome)
    is_known = outcome is not None and t.has_message(outcome.key, outcome.params)
    said = outcome if outcome is not None and is_known else Text("request.outcome_unreadable")
    emoji = "" if each.state is None else f"{EMOJI[each.state]} "
    return f"{emoji}{_format_flow(each.flow, each.name, t)}: {sentences.format_text(t, said)}"


def _bold(elements: Iterable[Element]) -> list[Element]:
    return [element | {"style": {"bold": True}} for element in elements]
