"""The messages of findings: what was changed in flows outside flowbot, and what became of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.flow import hide_values
from flowbot.domain.ids import ChannelId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, WatchTell
from flowbot.domain.report import Report
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue, ReportValue
from flowbot.slack.views import block_kit, push, request_blocks, sentences
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.report import ReportAudience
from flowbot.slack.views.sentences import sentence_elements

HEADLINE_KEYS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.CREATE: "outside.created",
    ChangeKind.DELETE: "outside.deleted",
    ChangeKind.ENABLE: "outside.enabled",
    ChangeKind.DISABLE: "outside.disabled",
    ChangeKind.EDIT: "outside.edited",
}
EMOJI: Final[Mapping[FindingEnd, str]] = {
    FindingEnd.ACCEPTED: "✅",
    FindingEnd.REVERTED: "↩",
    FindingEnd.DISABLED: "⚪",
    FindingEnd.GONE: "✅",
}
NAMED_MAX: Final = 10
"""Flows that a summary names."""


@dataclass(frozen=True, slots=True)
class FindingDetails:
    """A finding, and what is shown beside it.

    Attributes:
        link: The link to the message of the change that answers it, where there is one.
    """

    report: Report
    finding: Finding
    link: str | None = None

    @property
    def people(self) -> tuple[UserId, ...]:
        """Return the people that its message names."""
        ends = (self.finding.closing, self.finding.answer)
        return tuple(end.by for end in ends if end is not None and end.by is not None)


@dataclass(frozen=True, slots=True)
class SummaryDetails:
    """A summary, and its findings: those first that it names."""

    report: Report
    findings: Sequence[Finding]

    @property
    def people(self) -> tuple[UserId, ...]:
        """Return the people who closed findings of it."""
        ends = (each.closing.by for each in self.findings if each.closing is not None)
        return tuple(dict.fromkeys(by for by in ends if by is not None))


def finding_message(details: FindingDetails, audience: ReportAudience, t: Translator) -> Message | None:
    """Build the message of a finding for a channel.

    Returns:
        None where the channel is told nothing: it may not see the flow or wants to hear of none such, the finding is
        told in a summary, or it ended before the channel heard of it.
    """
    is_news = details.report.is_open and details.finding.summary is None
    if not audience.is_told and not (is_news and _wants_any(details.finding, audience.policies)):
        return None
    finding = see_finding(details.finding, audience.policies)
    shown = replace(details, finding=finding)
    if (flow := finding.flow) is None:
        return None
    blocks = finding_blocks(shown, audience.website_names, audience.people, t, shows_content=audience.shows_content)
    buttons = finding_buttons(shown, t)
    more = None if finding.after is None else push.flow_details_button(FlowValue(flow=flow.id).dump(), t)
    if not audience.shows_content and more is not None:
        blocks.append(block_kit.context(t("request.shown_privately")))
        buttons, more = [*buttons, more], None
    return Message((*blocks, *([block_kit.actions(*buttons)] if buttons else [])), more)


def see_finding(finding: Finding, policies: Sequence[ChannelPolicy]) -> Finding:
    """Return what policies together let be seen of a finding."""
    return finding.seen_by(lambda website: any(each.covers_website(website) for each in policies))


def finding_blocks(
    details: FindingDetails,
    names: Mapping[WebsiteId, str],
    people: People,
    t: Translator,
    *,
    shows_content: bool = True,
    shows_push: bool = True,
) -> list[Block]:
    """Build what was changed, and what became of it.

    Args:
        details: the finding, of which something may be seen.
        names: names of websites.
        people: how people are written.
        t: the words of those who read it.
        shows_content: whether they may see the push.
        shows_push: whether the push of a new flow is shown, and its website and state.
    """
    finding, flow = details.finding, details.finding.flow
    if flow is None:
        return []
    subject = [block_kit.text_element(request_blocks.format_flow_subject(flow, t))]
    headline = sentence_elements(t, HEADLINE_KEYS[finding.kind], {"flow": subject})
    blocks = [block_kit.rich_paragraph(*(each | {"style": {"bold": True}} for each in headline))]
    about = [sentences.format_website(flow.website_id, names, t)] if shows_push else []
    # How it ended may say another state.
    if shows_push and finding.after is not None and finding.closing is None:
        about.append(f"{push.state_dot(flow)} {sentences.format_enabled(flow.is_enabled, t)}")
    blocks.append(block_kit.context(*about, t("outside.unknown_person")))
    if finding.closing is not None:
        closing = finding.closing
        # To revert an enabling disables the flow, and leaves what else was changed.
        if closing.how is FindingEnd.REVERTED and finding.kind is ChangeKind.ENABLE and len(finding.differences) > 1:
            closing = replace(closing, how=FindingEnd.DISABLED)
        emoji = block_kit.text_element(f"{EMOJI[closing.how]} ")
        blocks.append(block_kit.rich_paragraph(emoji, *closing_elements(closing, people, t)))
    if finding.answer is not None and finding.answer.by is not None:
        person = {"person": [people.element(finding.answer.by)]}
        # Keys: outside.answer_reverted, outside.answer_disabled
        line = sentence_elements(t, f"outside.answer_{finding.answer.how}", person)
        blocks.append(block_kit.rich_paragraph(block_kit.text_element("⏳ "), *line))
    if finding.before is not None and finding.after is not None:
        found = finding.differences if shows_content else hide_values(finding.differences)
        blocks += request_blocks.difference_blocks(found, names, t, title=t("outside.changes"))
    elif shows_content and shows_push:
        image = None if finding.after is None else flow.image_url
        blocks += push.preview_blocks(flow, (), t, image_url=image)
    return blocks


def closing_elements(closing: FindingClosing, people: People, t: Translator) -> list[Element]:
    """Build how a finding ended, and by whom."""
    person = [] if closing.by is None else [people.element(closing.by)]
    # Keys: outside.closed_accepted, outside.closed_reverted, outside.closed_disabled, outside.closed_gone
    return sentence_elements(t, f"outside.closed_{closing.how}", {"person": person})


def finding_buttons(
    details: FindingDetails, t: Translator, *, channel: ChannelId | None = None, can_disable: bool = True
) -> list[Element]:
    """Build the buttons of an open finding.

    While somebody reverts it, that request is a link away, and a live flow can still be disabled.

    Args:
        details: the finding.
        t: the words of those who read it.
        channel: the channel whose policy decides, where the buttons stand elsewhere than in the finding's message.
        can_disable: whether a live flow gets its button here.
    """
    report, finding = details.report, details.finding
    if not report.is_open:
        return []
    value = ReportValue(report=report.id, version=report.version, channel=channel).dump()
    buttons = []
    if finding.answer is None:
        buttons += [
            block_kit.button(t("button.accept"), ActionId.FINDING_ACCEPT, value, style="primary"),
            block_kit.button(t("button.revert"), ActionId.FINDING_REVERT, value),
        ]
    elif details.link is not None:
        buttons.append(request_blocks.open_button(details.link, t))
    is_being_disabled = finding.answer is not None and finding.answer.how is FindingEnd.DISABLED
    if can_disable and finding.is_live and not is_being_disabled:
        buttons.append(block_kit.button(t("button.disable"), ActionId.FINDING_DISABLE, value, style="danger"))
    return buttons


def summary_message(details: SummaryDetails, audience: ReportAudience, t: Translator) -> Message | None:
    """Build the message of findings that are told together, as far as a channel wants and may see them."""
    wanted = [each for each in details.findings if _wants_any(each, audience.policies)]
    findings = [see_finding(each, audience.policies) for each in wanted]
    if not findings:
        return None
    headline = block_kit.text_element(t("outside.summary", n=len(findings)), bold=True)
    named, more = findings[:NAMED_MAX], len(findings) - NAMED_MAX
    lines = [block_kit.rich_line(*_summary_line(each, audience.website_names, t)) for each in named]
    if more > 0:
        lines.append(block_kit.rich_line(block_kit.text_element(t("help.more", n=more))))
    blocks = [
        block_kit.rich_paragraph(headline),
        block_kit.context(t("outside.unknown_person"), t("outside.see_each")),
        block_kit.rich_text(block_kit.bullets(lines)),
    ]
    # What has changed again since is told by itself.
    left = sum(each.closing is None and each.summary == details.report.id for each in findings)
    accepted = [each.closing for each in findings if each.closing and each.closing.how is FindingEnd.ACCEPTED]
    if by := list(dict.fromkeys(closing.by for closing in accepted if closing.by is not None)):
        people = sentence_elements(t, "outside.closed_accepted", {"person": audience.people.elements(by)})
        blocks.append(block_kit.rich_paragraph(block_kit.text_element("✅ "), *people))
    if left < len(findings):
        blocks.append(block_kit.paragraph(t("outside.left", n=left) if left else t("outside.none_left")))
    if left:
        value = ReportValue(report=details.report.id, version=details.report.version).dump()
        accept = block_kit.button(t("button.accept"), ActionId.FINDING_ACCEPT, value, style="primary")
        blocks.append(block_kit.actions(accept))
    return Message(tuple(blocks))


def _summary_line(finding: Finding, names: Mapping[WebsiteId, str], t: Translator) -> list[Element]:
    """Build a flow of a summary: its number and name, what was done, and its website."""
    flow = finding.flow
    if flow is None:
        return []
    subject = block_kit.text_element(request_blocks.format_flow_subject(flow, t))
    # Keys: outside.was_create, outside.was_edit, outside.was_enable, outside.was_disable, outside.was_delete
    done = t(f"outside.was_{finding.kind}")
    return [subject, block_kit.text_element(f" · {done} · {sentences.format_website(flow.website_id, names, t)}")]


def _wants_any(finding: Finding, policies: Sequence[ChannelPolicy]) -> bool:
    """Check whether a policy that may see a finding wants to be told of it."""

    def is_wanted(policy: ChannelPolicy) -> bool:
        seen = finding.seen_by(policy.covers_website)
        match policy.watch.tell:
            case WatchTell.ALL:
                return seen.flow is not None
            case WatchTell.LIVE:
                return seen.concerns_live
            case _:
                return False

    return any(map(is_wanted, policies))
