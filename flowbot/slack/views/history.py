"""The history of a channel or a flow."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from flowbot.domain.change import WAITING_STATES, ChangeKind, ChangeState
from flowbot.domain.flow import FlowContent
from flowbot.domain.ids import ChangeId
from flowbot.domain.progress import ClosureKind
from flowbot.domain.versions import VersionRef
from flowbot.domain.votes import Decider, VoteChoice
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import NoSuchFlowError
from flowbot.services.history import Deletion, HistoryPage, SeenFinding
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import HistoryValue, VersionValue
from flowbot.slack.views import block_kit, headlines, request_blocks, sentences
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.finding import closing_elements
from flowbot.slack.views.message import Message
from flowbot.slack.views.paging import page_buttons
from flowbot.slack.views.people import MENTIONED
from flowbot.slack.views.remarks import remark_line
from flowbot.slack.views.request_message import EMOJI, format_state
from flowbot.slack.views.times import asked_times

TEXT_MAX: Final = 80
REASON_MAX: Final = 300
SKIPPED: Final = "🚨"

OUTSIDE_KEYS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.CREATE: "history.created_outside",
    ChangeKind.DELETE: "history.deleted_outside",
    ChangeKind.ENABLE: "history.enabled_outside",
    ChangeKind.DISABLE: "history.disabled_outside",
    ChangeKind.EDIT: "history.edited_outside",
}
CLOSURE_KEYS: Final[Mapping[ClosureKind, str]] = {
    ClosureKind.REJECTED: "history.rejected",
    ClosureKind.WITHDRAWN: "history.withdrawn",
    ClosureKind.BREAK_GLASS: "history.skipped",
}


def history_message(page: HistoryPage, links: Mapping[ChangeId, str], t: Translator) -> Message:
    """Build a page of a history: of a channel a line a change, of one flow what became of each.

    Args:
        page: the changes.
        links: links to their messages, as far as there are any.
        t: the reader's words.
    """
    if page.is_empty:
        return sentences.sentence_message(t, _nothing(page))
    if page.flow is None:
        title = t("history.title")
        blocks = [block_kit.rich_text(block_kit.bullets(_dated_line(each, links, t) for each in page.changes))]
    else:
        entries: list[RequestDetails | SeenFinding] = [*page.changes, *page.findings]
        entries.sort(key=_moment_of, reverse=True)
        title = t("history.title_of", id=str(page.flow), name=_name_of(entries[0], t))
        numbers = itertools.count(1)
        blocks = []
        for each in entries:
            if isinstance(each, SeenFinding):
                blocks += _finding_blocks(each, page, numbers, t)
            else:
                blocks += _change_blocks(each, page, links, numbers, t)
    before = HistoryValue(flow=page.flow, page=page.number - 1) if page.number > 1 else None
    after = HistoryValue(flow=page.flow, page=page.number + 1) if page.has_next else None
    buttons = page_buttons(t, (ActionId.HISTORY_PREVIOUS, before), (ActionId.HISTORY_NEXT, after))
    turning = [block_kit.actions(*buttons)] if buttons else []
    return Message((block_kit.header(title), *blocks, *turning))


def deleted_message(deletion: Deletion, t: Translator) -> Message:
    """Build the refusal for a deleted flow: the same as for an unknown one, who deleted it when, and what it is now."""
    number = str(deletion.flow)
    missing = sentences.sentence_message(t, NoSuchFlowError(deletion.flow).text)
    params = {"when": t.format_datetime(deletion.at), "person": deletion.requester, "id": number}
    deleted = sentences.sentence_message(t, Text("history.deleted", params))
    if deletion.restored_as is None:
        return Message((*missing.blocks, *deleted.blocks))
    restored = sentences.sentence_message(t, Text("history.restored", {"id": str(deletion.restored_as)}))
    return Message((*missing.blocks, *deleted.blocks, *restored.blocks))


def _nothing(page: HistoryPage) -> Text:
    return Text("history.nothing") if page.flow is None else Text("history.nothing_of", {"id": str(page.flow)})


def change_line(details: RequestDetails, when: str, links: Mapping[ChangeId, str], t: Translator) -> Element:
    """Build what happened, who asked and decided, and when, with a link to the message."""
    requester = block_kit.user_element(details.change.request.requester)
    line = [_emoji(details), *headlines.headline_elements(details, t, is_past=True)]
    if requester["user_id"] not in {element.get("user_id") for element in line}:
        asked = sentences.sentence_elements(t, "history.asked_by", {"person": [requester]})
        line += [block_kit.text_element(" · "), *asked]
    line.append(block_kit.text_element(f" · {when}"))
    return block_kit.rich_line(*line, *link_elements(details, links, t))


def _dated_line(details: RequestDetails, links: Mapping[ChangeId, str], t: Translator) -> Element:
    return change_line(details, t.format_datetime(details.change.changed_at), links, t)


def _change_blocks(
    details: RequestDetails, page: HistoryPage, links: Mapping[ChangeId, str], numbers: Iterator[int], t: Translator
) -> list[Block]:
    """Build a change of one flow: what came of it, who asked, decided and why, old → new, and its contents."""
    change = details.change
    heading = f"{sentences.format_kind(change.request.kind, t)} · {format_state(details, t)}"
    lines = [
        block_kit.rich_line(_emoji(details), block_kit.text_element(heading, bold=True)),
        block_kit.rich_line(*_step_elements(details, t), *link_elements(details, links, t)),
    ]
    if times := [t(key, when=t.format_datetime(at)) for key, at in asked_times(change.request)]:
        lines.append(block_kit.rich_line(block_kit.text_element(" · ".join(times))))
    if (cause := change.request.cause) is not None:
        # Keys: history.cause_stop, history.cause_breaker, history.cause_revert
        lines.append(block_kit.rich_line(block_kit.text_element(t(f"history.cause_{cause}"))))
    if change.request.kind is ChangeKind.RESTORE:
        lines.append(block_kit.rich_line(*headlines.headline_elements(details, t, is_past=True)))
    closing = change.progress.closing
    reasons = [("request.reason", change.request.reason)]
    if closing is not None:
        reasons.append((request_blocks.CLOSING_REASON_KEYS[closing.how], closing.reason))
    for key, reason in reasons:
        if reason.strip():
            quoted = block_kit.single_line(reason, REASON_MAX)
            lines.append(block_kit.rich_line(block_kit.text_element(f"{t(key)}: “{quoted}”", italic=True)))
    remarks = page.remarks.get(change.id, ())
    lines += [remark_line(each, t, block_kit.single_line(each.text, REASON_MAX)) for each in remarks]
    blocks = [
        block_kit.rich_text(*lines),
        *request_blocks.edit_blocks(details, t, request_blocks.shortener(TEXT_MAX), "history.changes"),
    ]
    if change.outcome and change.state is not ChangeState.APPLIED:
        blocks += sentences.sentence_message(t, request_blocks.outcome_text(change, t)).blocks
    versions = _version_blocks(VersionRef(change.id, is_before=False), page, numbers, change.changed_at, t)
    return [*blocks, *versions, block_kit.divider()]


def _finding_blocks(seen: SeenFinding, page: HistoryPage, numbers: Iterator[int], t: Translator) -> list[Block]:
    """Build a change that was made outside flowbot: when it was seen, how it ended, old → new, and its contents."""
    finding, when = seen.finding, t.format_datetime(seen.at)
    ended = [] if finding.closing is None else closing_elements(finding.closing, MENTIONED, t)
    closing = [block_kit.text_element(" · "), *ended] if ended else []
    lines = [
        block_kit.rich_line(block_kit.text_element(f"👀 {t(OUTSIDE_KEYS[finding.kind])}", bold=True)),
        block_kit.rich_line(block_kit.text_element(t("history.seen", when=when)), *closing),
    ]
    shorten = request_blocks.shortener(TEXT_MAX)
    found = [replace(each, before=shorten(each.before), after=shorten(each.after)) for each in finding.differences]
    listed = request_blocks.difference_blocks(found, page.website_names, t, title=t("history.changes"))
    blocks = [block_kit.rich_text(*lines), *listed]
    ref = VersionRef(seen.report, is_before=False, is_finding=True)
    return [*blocks, *_version_blocks(ref, page, numbers, seen.at, t), block_kit.divider()]


def _version_blocks(
    after: VersionRef, page: HistoryPage, numbers: Iterator[int], at: datetime, t: Translator
) -> list[Block]:
    """Build the contents after a change and before it that may be asked for again."""
    refs = (after, replace(after, is_before=True))
    found = ((ref, content) for ref in refs if (content := page.versions.get(ref)) is not None)
    return [_version_block(ref, content, next(numbers), at, t) for ref, content in found]


def _moment_of(entry: RequestDetails | SeenFinding) -> datetime:
    return entry.at if isinstance(entry, SeenFinding) else entry.change.changed_at


def _name_of(entry: RequestDetails | SeenFinding, t: Translator) -> str:
    if isinstance(entry, RequestDetails):
        return request_blocks.format_flow_name(entry.change, t)
    return sentences.format_name(entry.finding.flow.name if entry.finding.flow else "", t)


def _version_block(ref: VersionRef, content: FlowContent, number: int, at: datetime, t: Translator) -> Block:
    title = block_kit.single_line(content.title, TEXT_MAX) or t("flow.untitled")
    value, when = VersionValue.of(ref).dump(), t.format_datetime(at)
    said = t("history.version_before" if ref.is_before else "history.version_after", title=title, when=when)
    key = "hint.version_before" if ref.is_before else "hint.version"
    hint = t(key, number=number, when=when, title=title)
    button = block_kit.button(t("history.restore_version"), ActionId.RESTORE_VERSION, value, hint=hint)
    return block_kit.section(block_kit.plain(said), button)


def _step_elements(details: RequestDetails, t: Translator) -> list[Element]:
    """Build who asked, who decided, and when it ended."""
    change, closing = details.change, details.change.progress.closing
    steps = [("history.asked", Decider(change.request.requester), change.created_at)]
    approved = (vote for vote in details.votes if vote.choice is VoteChoice.APPROVE)
    steps += [("history.approved", vote.decider, vote.at) for vote in approved]
    elements: list[Element] = []
    for key, decider, at in steps:
        when = t.format_datetime(at)
        elements += sentences.sentence_elements(t, key, {"person": MENTIONED.decider(decider, t)}, when=when)
        elements.append(block_kit.text_element(" · "))
    if closing is not None:
        key = CLOSURE_KEYS[closing.how]
        elements += sentences.sentence_elements(t, key, {"person": MENTIONED.decider(closing.decider, t)})
        elements.append(block_kit.text_element(" · "))
    if change.state in WAITING_STATES:
        return elements[:-1]
    ended = t("history.ended", state=format_state(details, t), when=t.format_datetime(change.changed_at))
    return [*elements, block_kit.text_element(ended)]


def _emoji(details: RequestDetails) -> Element:
    change = details.change
    return block_kit.text_element(f"{EMOJI[change.state] if change.progress.skipped_by is None else SKIPPED} ")


def link_elements(details: RequestDetails, links: Mapping[ChangeId, str], t: Translator) -> Iterable[Element]:
    """Build the link to a request's message, where that is known."""
    link = links.get(details.change.id)
    return [block_kit.text_element(" · "), block_kit.link_element(t("button.open"), link)] if link else []
