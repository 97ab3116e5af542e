"""Notices about requests: reminders, alarms and results."""

from datetime import datetime

from flowbot.domain.change import Change, ChangeState
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, form_status, request_blocks, sentences
from flowbot.slack.views.block_kit import Element, Message
from flowbot.slack.views.request_message import format_state, outcome_blocks
from flowbot.slack.views.sentences import sentence_elements


def reminder_message(details: RequestDetails, t: Translator, now: datetime) -> Message:
    """Build the reminder under a request's message; it mentions the approvers.

    Args:
        details: the request.
        t: the words of those who read it.
        now: the moment.
    """
    change = details.change
    ago = t.format_time_ago(change.created_at, now)
    flow = {"flow": [_subject_element(change, t)]}
    lines = [
        sentence_elements(t, "request.still_waits", flow, kind=sentences.format_kind(change.request.kind, t), ago=ago),
        request_blocks.progress_elements(details, t),
        request_blocks.expiry_elements(details, t, now),
        _attention_elements(details, t),
    ]
    text = t("request.reminder", what=request_blocks.format_title(change, t), ago=ago)
    return Message(text, (block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines if line)),))


def skipped_approval_message(details: RequestDetails, t: Translator) -> Message:
    """Build the alarm that somebody skipped the approval; it mentions the approvers.

    Raises:
        ValueError: nobody skipped it.
    """
    closing = details.change.progress.closing
    if closing is None:
        raise ValueError("nobody skipped this change's approval")
    elements = {"person": [block_kit.user_element(closing.by)], "flow": [_subject_element(details.change, t)]}
    line = sentence_elements(t, "request.alarm", elements, kind=sentences.format_kind(details.change.request.kind, t))
    blocks = [
        block_kit.rich_paragraph(block_kit.text_element("🚨 "), *line),
        *request_blocks.reason_blocks(closing.reason, t),
    ]
    if attention := _attention_elements(details, t):
        blocks.append(block_kit.rich_paragraph(*attention))
    return Message(t("request.alarm_summary", what=request_blocks.format_title(details.change, t)), tuple(blocks))


def _attention_elements(details: RequestDetails, t: Translator) -> list[Element]:
    approvers = request_blocks.mention_elements(details.approvers)
    return sentence_elements(t, "request.attention", {"people": approvers}) if approvers else []


def request_sent_message(change: Change, link: str | None, t: Translator) -> Message:
    """Build the requester's message about where the approval was requested.

    Args:
        change: the request.
        link: a link to its message, where that is known.
        t: the requester's words.
    """
    elements = {
        "flow": [_subject_element(change, t)],
        "channel": [block_kit.channel_element(change.posted_channel)],
    }
    line = sentence_elements(t, "request.asked_in", elements, kind=sentences.format_kind(change.request.kind, t))
    blocks = [block_kit.rich_paragraph(*line)]
    if link:
        blocks.append(block_kit.actions(request_blocks.open_button(link, t)))
    return Message(t("request.asked_summary", what=request_blocks.format_title(change, t)), tuple(blocks))


def request_open_message(current: Change, link: str | None, t: Translator) -> Message:
    """Build the refusal of a second request for a flow: one is open already, or under way.

    Args:
        current: the open change.
        link: a link to its message, where that is known.
        t: the reader's words.
    """
    key = "request.open_already" if current.state is ChangeState.PENDING else "request.being_done"
    message = sentences.sentence_message(t, Text(key, {"id": str(current.request.flow)}))
    below = [block_kit.actions(request_blocks.open_button(link, t))] if link else []
    return Message(message.text, (*message.blocks, *below))


def _subject_element(change: Change, t: Translator) -> Element:
    return block_kit.text_element(request_blocks.format_subject(change, t), bold=True)


def request_ended_message(details: RequestDetails, link: str | None, t: Translator) -> Message:
    """Build the requester's message about how the request ended, by whom and why; unsaved forms can be opened again.

    Args:
        details: the request.
        link: a link to its message, where that is known.
        t: the requester's words.
    """
    change = details.change
    text = t("request.summary", what=request_blocks.format_title(change, t), state=format_state(details, t))
    blocks, buttons = [block_kit.paragraph(text), *outcome_blocks(details, t)], []
    if change.has_unsaved_form:
        blocks.append(block_kit.context(t("form.nothing_lost")))
        buttons.append(form_status.open_form_button(change.request.token, t))
    if link:
        buttons.append(request_blocks.open_button(link, t))
    if buttons:
        blocks.append(block_kit.actions(*buttons))
    return Message(text, tuple(blocks))
