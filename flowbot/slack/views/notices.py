"""Notices about requests: reminders, alarms and results."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import WAITING_STATES, Change, ChangeState
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, form_status, headlines, request_blocks, sentences
from flowbot.slack.views.audience import format_growth
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.freezes import request_freeze_elements
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.request_message import is_flow_gone, is_void_disable, outcome_blocks
from flowbot.slack.views.sentences import sentence_elements
from flowbot.slack.views.times import times_elements

_STAYS_LIVE: Final = frozenset({ChangeState.WITHDRAWN, ChangeState.FAILED})
"""The states of a planned end that leave its flow live."""


def reminder_message(details: RequestDetails, t: Translator, now: datetime, people: People = MENTIONED) -> Message:
    """Build the reminder under a request's message; it mentions the approvers, unless the policy says nobody.

    Args:
        details: the request.
        t: the words of those who read it.
        now: the moment.
        people: how those who approved already are written.
    """
    change = details.change
    own = {"deed": headlines.format_deed(change, t), "ago": t.format_time_ago(change.created_at, now)}
    headline = headlines.build_headline(details, t, "headline.reminder", {}, people, **own)
    lines = [
        request_blocks.progress_elements(details, t, people),
        request_blocks.expiry_elements(details, t, now),
        [] if change.notify_mode is NotifyMode.NONE else _attention_elements(details, t),
    ]
    below = block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines if line))
    return Message((headline, below))


def stage_message(details: RequestDetails, t: Translator, people: People, *, mentions: bool) -> Message:
    """Build the call of the approvers of a later stage, under the request's message.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how those who approved already are written.
        mentions: whether the approvers are mentioned.
    """
    headline = headlines.build_headline(
        details, t, "headline.stage", {}, people, deed=headlines.format_deed(details.change, t)
    )
    lines = [request_blocks.progress_elements(details, t, people)]
    if mentions and (called := request_blocks.mention_elements(details.mentioned)):
        lines.append(sentence_elements(t, "request.calls", {"people": called}))
    return Message((headline, block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines))))


def skipped_approval_message(
    details: RequestDetails, t: Translator, people: People = MENTIONED, *, mentions: bool = True
) -> Message:
    """Build the alarm that somebody skipped the approval; it mentions the approvers.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how the one who skipped it is written.
        mentions: whether the approvers are mentioned.

    Raises:
        ValueError: nobody skipped it.
    """
    closing = details.change.progress.closing
    if closing is None:
        raise ValueError("nobody skipped this change's approval")
    own = {"deed": headlines.format_deed(details.change, t)}
    headline = headlines.build_headline(details, t, "headline.alarm", {"person": [closing.by]}, people, **own)
    blocks = [headline, *request_blocks.closing_reason_blocks(closing, t)]
    if mentions and (attention := _attention_elements(details, t)):
        blocks.append(block_kit.rich_paragraph(*attention))
    return Message(tuple(blocks))


def _attention_elements(details: RequestDetails, t: Translator) -> list[Element]:
    approvers = request_blocks.mention_elements(details.mentioned)
    return sentence_elements(t, "request.attention", {"people": approvers}) if approvers else []


def request_sent_message(details: RequestDetails, link: str | None, t: Translator, now: datetime) -> Message:
    """Build the requester's message about where the approval was requested, or that the change is scheduled.

    Args:
        details: the request.
        link: a link to its message, where that is known.
        t: the requester's words.
        now: the moment.
    """
    change, request = details.change, details.change.request
    if change.state is ChangeState.PENDING:
        elements = {
            "flow": [_subject_element(change, t)],
            "channel": [block_kit.channel_element(change.posted_channel)],
        }
        line = sentence_elements(t, "request.asked_in", elements, kind=sentences.format_kind(request.kind, t))
        times = times_elements(request, t, once_approved=True)
        blocks = [block_kit.rich_paragraph(*each) for each in (line, times) if each]
    else:
        # Its headline says from when.
        times = times_elements(replace(request, not_before=None), t)
        blocks = [headlines.own_headline(change, t), *([block_kit.rich_paragraph(*times)] if times else [])]
    if frozen := request_freeze_elements(details, t, now):
        blocks.append(block_kit.rich_paragraph(*frozen))
    if change.progress.needs_skip and change.rule is not None:
        skippers = Text("request.needs_skip", {"people": list(change.rule.break_glass)})
        blocks += sentences.sentence_message(t, skippers).blocks
    if link:
        blocks.append(block_kit.actions(request_blocks.open_button(link, t)))
    return Message(tuple(blocks))


def request_open_message(current: Change, link: str | None, t: Translator) -> Message:
    """Build the refusal of a second request for a flow: one is open already, or under way.

    Args:
        current: the open change.
        link: a link to its message, where that is known.
        t: the reader's words.
    """
    key = "request.open_already" if current.state in WAITING_STATES else "request.being_done"
    message = sentences.sentence_message(t, Text(key, {"id": str(current.request.flow)}))
    below = [block_kit.actions(request_blocks.open_button(link, t))] if link else []
    return Message((*message.blocks, *below))


def _subject_element(change: Change, t: Translator) -> Element:
    return block_kit.text_element(request_blocks.format_subject(change, t), bold=True)


def request_ended_message(
    details: RequestDetails,
    t: Translator,
    people: People,
    *,
    link: str | None = None,
    mentions: bool = False,
    refusal: Text | None = None,
) -> Message:
    """Build the requester's notice of how the request ended, and what comes next; unsaved forms can be opened again.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how those who decided are written.
        link: a link to the request's message, where the notice stands elsewhere.
        mentions: whether the requester is mentioned.
        refusal: what keeps the request's message from showing this, where something does.
    """
    change, next_step = details.change, _format_next_step(details, t)
    mention = [block_kit.user_element(change.request.requester), block_kit.text_element(" ")] if mentions else []
    blocks, buttons = [headlines.request_headline(details, t, people)], []
    blocks += outcome_blocks(details, t, people)
    blocks.append(block_kit.rich_paragraph(*mention, block_kit.text_element(next_step)))
    blocks += _refusal_blocks(refusal, t)
    if change.has_unsaved_form:
        blocks.append(block_kit.context(t("form.nothing_lost")))
        buttons.append(form_status.open_form_button(change.request.token, t))
    if link:
        buttons.append(request_blocks.open_button(link, t))
    if buttons:
        blocks.append(block_kit.actions(*buttons))
    return Message(tuple(blocks), request_blocks.request_details_button(change, t))


def put_off_message(
    details: RequestDetails,
    t: Translator,
    people: People,
    *,
    link: str | None = None,
    mentions: bool = False,
    refusal: Text | None = None,
) -> Message:
    """Build the notice that an approved request waits for approvals again, or starts at another time.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how those who approved already are written.
        link: a link to the request's message, where the notice stands elsewhere.
        mentions: whether the requester is mentioned, and the approvers where it waits for them.
        refusal: what keeps the request's message from showing this, where something does.
    """
    change, is_scheduled, now = details.change, details.change.state is ChangeState.SCHEDULED, details.change.changed_at
    if is_scheduled:
        headline = headlines.request_headline(details, t, people)
        lines = [request_freeze_elements(details, t, now)]
    else:
        deed = headlines.format_deed(change, t)
        headline = headlines.build_headline(details, t, "headline.put_off", {}, people, deed=deed)
        lines = [request_blocks.progress_elements(details, t, people), request_blocks.expiry_elements(details, t, now)]
    mention = [block_kit.user_element(change.request.requester), block_kit.text_element(" ")] if mentions else []
    if is_scheduled:
        next_step = t("next.moved")
    elif change.progress.has_grown:
        next_step = format_growth(change, details, t)
    else:
        next_step = t("stage.anew" if change.progress.round > 1 and not details.votes else "next.more_approvals")
    lines.append([*mention, block_kit.text_element(next_step)])
    if mentions and not is_scheduled and change.notify_mode is not NotifyMode.NONE:
        lines.append(_attention_elements(details, t))
    blocks = [headline, block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines if line))]
    blocks += _refusal_blocks(refusal, t)
    if link:
        blocks.append(block_kit.actions(request_blocks.open_button(link, t)))
    return Message(tuple(blocks), request_blocks.request_details_button(change, t))


def _refusal_blocks(refusal: Text | None, t: Translator) -> list[Block]:
    if refusal is None:
        return []
    return list(sentences.sentence_message(t, Text("notice.not_updated", {"why": refusal})).blocks)


def _format_next_step(details: RequestDetails, t: Translator) -> str:
    """Say what comes after the end of a request."""
    change = details.change
    if change.request.ends is not None and change.state in _STAYS_LIVE:
        return t("next.stays_live")
    match change.state:
        case ChangeState.APPLIED:
            wait = sentences.format_wait(details.wait, t) if details.wait else ""
            # Keys: next.applied_create, next.applied_edit, and so on for each ChangeKind
            return t(f"next.applied_{change.request.kind}", when=t("flow.after", wait=wait))
        case ChangeState.OUT_OF_DATE if is_flow_gone(details) or is_void_disable(change):
            return t("next.gone")
        case _:
            # Keys: next.failed, next.unknown, next.rejected, next.withdrawn, next.expired, next.out_of_date
            return t(f"next.{change.state}")
