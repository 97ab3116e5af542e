"""The message of a finding: what was changed in a flow outside flowbot, and what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.findings import Finding, FindingEnd
from flowbot.domain.flow import Flow, hide_values
from flowbot.domain.ids import UserId
from flowbot.domain.report import Report
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit, push, request_blocks, sentences
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.message import Message
from flowbot.slack.views.report import ReportAudience
from flowbot.slack.views.sentences import sentence_elements

KEYS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.CREATE: "finding.created",
    ChangeKind.DELETE: "finding.deleted",
    ChangeKind.ENABLE: "finding.enabled",
    ChangeKind.DISABLE: "finding.disabled",
    ChangeKind.EDIT: "finding.edited",
}
"""What was done to the flow, as a headline."""
EMOJI: Final[Mapping[FindingEnd, str]] = {
    FindingEnd.ACCEPTED: "✅",
    FindingEnd.REVERTED: "↩",
    FindingEnd.DISABLED: "⚪",
    FindingEnd.GONE: "✅",
}


@dataclass(frozen=True, slots=True)
class FindingDetails:
    """A finding, and what is shown beside it."""

    report: Report
    finding: Finding

    @property
    def people(self) -> tuple[UserId, ...]:
        """Return the people that its message names."""
        closing = self.finding.closing
        return () if closing is None or closing.by is None else (closing.by,)


def finding_message(details: FindingDetails, audience: ReportAudience, t: Translator) -> Message | None:
    """Build the message of a finding for a channel.

    Returns:
        None where the channel is told nothing: it may not see the flow, the finding is told in a summary, or it ended
        before the channel heard of it.
    """
    finding = details.finding.seen_by(lambda website: any(each.covers_website(website) for each in audience.policies))
    flow = finding.flow
    if flow is None or finding.summary is not None or not (audience.is_told or details.report.is_open):
        return None
    subject = block_kit.text_element(request_blocks.format_flow_subject(flow, t))
    headline = sentence_elements(t, KEYS[finding.kind], {"flow": [subject]})
    website = sentences.format_website(flow.website_id, audience.website_names, t)
    blocks = [
        block_kit.rich_paragraph(*(each | {"style": {"bold": True}} for each in headline)),
        block_kit.context(*_format_state(finding, website, t)),
        *_closing_blocks(finding, audience, t),
        *_change_blocks(finding, flow, audience, t),
    ]
    more = None if finding.after is None else push.flow_details_button(FlowValue(flow=flow.id).dump(), t)
    return Message(tuple(blocks), more)


def _format_state(finding: Finding, website: str, t: Translator) -> list[str]:
    """Format the flow's website and state, and that nobody knows who changed it."""
    flow = finding.after
    state = [] if flow is None else [f"{push.state_dot(flow)} {sentences.format_enabled(flow.is_enabled, t)}"]
    return [website, *state, t("finding.unknown_person")]


def _closing_blocks(finding: Finding, audience: ReportAudience, t: Translator) -> list[Block]:
    """Build how the finding ended, and by whom; nothing while it is open."""
    closing = finding.closing
    if closing is None:
        return []
    people = [] if closing.by is None else [audience.people.element(closing.by)]
    # Keys: finding.closed_accepted, finding.closed_reverted, finding.closed_disabled, finding.closed_gone
    line = sentence_elements(t, f"finding.closed_{closing.how}", {"person": people})
    return [block_kit.rich_paragraph(block_kit.text_element(f"{EMOJI[closing.how]} "), *line)]


def _change_blocks(finding: Finding, flow: Flow, audience: ReportAudience, t: Translator) -> list[Block]:
    """Build what differs; of a flow that is new or gone, its push."""
    if finding.before is None or finding.after is None:
        if not audience.shows_content:
            return [block_kit.context(t("request.shown_privately"))] if finding.after is not None else []
        image = None if finding.after is None else flow.image_url
        return push.preview_blocks(flow, (), t, image_url=image)
    found = finding.differences if audience.shows_content else hide_values(finding.differences)
    return request_blocks.difference_blocks(found, audience.website_names, t, title=t("finding.changes"))
