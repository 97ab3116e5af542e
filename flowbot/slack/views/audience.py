"""The audience of a request: whom its push reaches, and why it needs more approvals."""

from flowbot.domain.audience import find_segment
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element


def audience_elements(details: RequestDetails, t: Translator) -> list[Element]:
    """Build whom a pending request's push reaches; nothing where that is not known and no rule asks for it."""
    change, rule = details.change, details.change.rule
    segment, size = find_segment(change.request, details.settings.known, details.flow), change.progress.audience
    today = details.policy.approval.quorum_over if details.policy else {}
    counts = bool(today) or (rule is not None and bool(rule.quorum_over))
    if segment is None and not counts:
        return []
    if segment is None or any(each.field in {"segment", "website_id"} for each in details.late_edits):
        # A number that was read before somebody else changed the flow counts no longer; an edit may take effect yet.
        return [block_kit.text_element(t("audience.unknown"))]
    label = block_kit.text_element(f"{t('audience.label')}: ", bold=True)
    if segment == ALL_SUBSCRIBERS:
        return [label, block_kit.text_element(t("form.segment_all"))]
    name = sentences.format_segment(segment, details.settings.segment_names.get(segment), t)
    if size is None:
        key = "audience.no_size_counts" if counts else "audience.no_size"
        return [label, block_kit.text_element(t(key, segment=name) if details.shows_content else t("audience.unknown"))]
    text = t("audience.size", n=size)
    return [label, block_kit.text_element(f"{name}, {text}" if details.shows_content else text)]


def raised_elements(details: RequestDetails, t: Translator) -> list[Element]:
    """Build why a pending request needs more approvals than others; nothing where its audience asks for none."""
    change = details.change
    if not change.progress.quorums or change.state is not ChangeState.PENDING:
        return []
    text = format_growth(change, details, t) if change.progress.has_grown else t("audience.raises")
    return [block_kit.text_element(text)]


def format_growth(change: Change, details: RequestDetails, t: Translator) -> str:
    """Say that the audience of an approved request has grown, and how many approvals are missing for it."""
    size, missing = change.progress.audience, max(1, details.missing_approvals)
    if size is None:
        return t("audience.grew_unknown", n=missing)
    return t("audience.grew", n=missing, count=size)
