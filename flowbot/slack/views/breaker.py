"""The message of a flow that the breaker disables: its figures, the limits that it breaks, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from flowbot.domain.approval import mentioned_approvers
from flowbot.domain.approval_rule import Principal
from flowbot.domain.breaker import Breach, Trip, TripEnd
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.outcomes import hide_outcome_content
from flowbot.domain.report import Report
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit, push, request_blocks, sentences
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.message import Message
from flowbot.slack.views.report import ReportAudience
from flowbot.slack.views.sentences import sentence_elements

_HEADLINE_KEYS: Final[Mapping[TripEnd | None, str]] = {
    None: "breaker.disabling",
    TripEnd.DISABLED: "breaker.disabled",
    TripEnd.OFF: "breaker.off",
    TripEnd.FAILED: "breaker.failed",
}


@dataclass(frozen=True, slots=True)
class TripDetails:
    """A trip of the breaker, with its flow."""

    trip: Trip
    flow: FlowId
    website: WebsiteId


async def load_trip(report: Report) -> TripDetails:
    """Return what the message of a breaker's report shows."""
    if report.told.flow is None or report.told.website is None:
        raise TypeError(f"report {report.id} is of no flow")
    return TripDetails(report.told.content_as(Trip), report.told.flow, report.told.website)


def breaker_message(details: TripDetails, audience: ReportAudience, t: Translator) -> Message:
    """Build the message of a trip for a channel; the first one mentions those who may approve there."""
    trip, counted = details.trip, details.trip.counted
    name = sentences.format_name(trip.name, t, limit=request_blocks.NAME_MAX)
    subject = [block_kit.text_element(f"#{details.flow} {name}")]
    headline = sentence_elements(t, _HEADLINE_KEYS[trip.end], {"flow": subject})
    figures = {each: getattr(counted, each) for each in ("sent", "displayed", "clicked", "closed")}
    lines = [*(_format_breach(breach, t) for breach in trip.breaches), t("breaker.figures", **figures)]
    if trip.end is TripEnd.DISABLED:
        lines.append(t("breaker.next"))
    blocks = [
        block_kit.rich_paragraph(
            block_kit.text_element("🚨 "), *(each | {"style": {"bold": True}} for each in headline)
        ),
        block_kit.context(sentences.format_website(details.website, audience.website_names, t)),
        block_kit.rich_text(
            block_kit.bullets(block_kit.rich_line(block_kit.text_element(line)) for line in lines),
        ),
        *_problem_blocks(trip, audience, t),
    ]
    if audience.mentions and (people := request_blocks.mention_elements(_list_called(audience))):
        blocks.append(block_kit.rich_paragraph(*sentence_elements(t, "request.attention", {"people": people})))
    return Message(tuple(blocks), push.flow_details_button(FlowValue(flow=details.flow).dump(), t))


def _list_called(audience: ReportAudience) -> tuple[Principal, ...]:
    """List whom to mention: those who may approve by any policy, or stand in for who is away."""
    called = [
        mentioned_approvers(policy.all_approvers, None, audience.absences, has_stand_ins=policy.approval.stand_ins)
        for policy in audience.policies
    ]
    return mentioned_approvers(dict.fromkeys(chain(*called)), None)


def _format_breach(breach: Breach, t: Translator) -> str:
    rate, bound = (t.format_percent(each, is_exact=True) for each in (breach.rate, breach.bound))
    # Keys: breaker.click_rate, breaker.close_rate
    return t(f"breaker.{breach.limit}", rate=rate, bound=bound)


def _problem_blocks(trip: Trip, audience: ReportAudience, t: Translator) -> list[Block]:
    """Build why the flow is not disabled yet, and that it will be tried again; nothing where all went well."""
    outcome = trip.problem if audience.shows_content else hide_outcome_content(trip.problem)
    if outcome is None or trip.end not in {None, TripEnd.FAILED}:
        return []
    is_known = t.has_message(outcome.key, outcome.params)
    said = sentences.format_text(t, outcome if is_known else Text("request.outcome_unreadable"))
    again = [] if trip.end else [t("breaker.again")]
    return [block_kit.context(said, *again)]
