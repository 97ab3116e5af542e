"""Reminders, alarms, lists of requests and their results."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit, form_status, sentences
from flowbot.slack.views import request_blocks as parts
from flowbot.slack.views.block_kit import Block, Element, Message
from flowbot.slack.views.request_message import EMOJI, format_state, outcome_blocks

LISTED_MAX: Final = 10
"""A list; three of them stay far below the 50 blocks that Slack allows."""


def approvals_message(
    waiting_for_me: Sequence[RequestDetails],
    asked_by_me: Sequence[RequestDetails],
    waiting_here: Sequence[RequestDetails],
    links: Mapping[ChangeId, str],
    t: Translator,
    now: datetime,
) -> Message:
    """What is waiting, for the one who asks.

    Args:
        waiting_for_me: requests that the reader may approve.
        asked_by_me: the reader's own that are open.
        waiting_here: the others that wait in this channel.
        links: where the messages of requests are, as far as that is known.
        t: the reader's words.
        now: the moment.
    """
    title = t("request.approvals")
    if not (waiting_for_me or asked_by_me or waiting_here):
        nothing = block_kit.section(block_kit.plain(t("request.nothing_waits")))
        return Message(title, (block_kit.header(title), nothing))
    lists = (
        ("request.waiting_for_me", waiting_for_me),
        ("request.asked_by_me", asked_by_me),
        ("request.waiting_here", waiting_here),
    )
    return Message(title, tuple(block for key, listed in lists for block in _list(t(key), listed, links, t, now)))


def _list(
    title: str, listed: Sequence[RequestDetails], links: Mapping[ChangeId, str], t: Translator, now: datetime
) -> list[Block]:
    blocks = [block_kit.header(title)]
    blocks += [_entry(shown, links.get(shown.change.id), t, now) for shown in listed[:LISTED_MAX]]
    if not listed:
        blocks.append(block_kit.context(t("request.none")))
    if len(listed) > LISTED_MAX:
        blocks.append(block_kit.context(t("help.more", n=len(listed) - LISTED_MAX)))
    return blocks


def _entry(shown: RequestDetails, link: str | None, t: Translator, now: datetime) -> Block:
    """One request in one block. What is `mrkdwn` in it holds ids and flowbot's own words alone."""
    change = shown.change
    text = f"{EMOJI[change.state]} {t(f'kind.{change.request.kind}')} {parts.format_subject(change, t)}"
    who = block_kit.mrkdwn(t("request.by", person=f"<@{change.request.requester}>"), block_kit.FIELD_MAX)
    how_far = block_kit.mrkdwn(_how_far(shown, t, now), block_kit.FIELD_MAX)
    return block_kit.section(block_kit.plain(text), _open(link, t) if link else None) | {"fields": [who, how_far]}


def _how_far(shown: RequestDetails, t: Translator, now: datetime) -> str:
    if shown.change.state is not ChangeState.PENDING:
        return format_state(shown, t)
    at = shown.expires_at
    told = parts.format_progress(shown, t)
    if at is None or at <= now:
        return told
    return f"{told}\n{t('request.expires', when=block_kit.mrkdwn_date(at, t.format_datetime(at)))}"


def _open(link: str, t: Translator) -> Element:
    return block_kit.link_button(t("button.open"), ActionId.CHANGE_OPEN, link)


def reminder_message(shown: RequestDetails, t: Translator, now: datetime) -> Message:
    """Under a request's message: it still waits. Mentions who may approve.

    Args:
        shown: the request.
        t: the words of those who read it.
        now: the moment.
    """
    change = shown.change
    ago = t.format_time_ago(change.created_at, now)
    still = sentences.sentence_elements(
        t, "request.still_waits", {"flow": [_flow(shown, t)]}, kind=_kind(shown, t), ago=ago
    )
    lines = [still, parts.progress_elements(shown, t), parts.expiry_elements(shown, t, now)]
    lines.append(_attention(parts.mention_elements(shown.approvers), t))
    text = t("request.reminder", what=parts.format_title(change, t), ago=ago)
    return Message(text, (block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines if line)),))


def skipped_approval_message(shown: RequestDetails, t: Translator) -> Message:
    """For all to see: somebody skipped the approval. Mentions those who would have been asked.

    Raises:
        ValueError: nobody did.
    """
    closing = shown.change.progress.closing
    if closing is None:
        raise ValueError("nobody ended the waiting of this change")
    who = {"person": [block_kit.user_element(closing.by)], "flow": [_flow(shown, t)]}
    told = [block_kit.text_element("🚨 "), *sentences.sentence_elements(t, "request.alarm", who, kind=_kind(shown, t))]
    attention = _attention(parts.mention_elements(shown.approvers), t)
    blocks = [block_kit.rich_text(block_kit.rich_line(*told)), *parts.reason_blocks(closing.reason, t)]
    blocks += [block_kit.rich_text(block_kit.rich_line(*attention))] if attention else []
    return Message(t("request.alarm_summary", what=parts.format_title(shown.change, t)), tuple(blocks))


def _attention(named: list[Element], t: Translator) -> list[Element]:
    return sentences.sentence_elements(t, "request.attention", {"people": named}) if named else []


def request_sent_message(shown: RequestDetails, link: str | None, t: Translator) -> Message:
    """For the requester: where the approvals are asked for.

    Args:
        shown: the request.
        link: its message, where that is known.
        t: the requester's words.
    """
    told = sentences.sentence_elements(
        t,
        "request.asked_in",
        {"flow": [_flow(shown, t)], "channel": [block_kit.channel_element(shown.change.posted_channel)]},
        kind=_kind(shown, t),
    )  # fmt: skip
    blocks = [block_kit.rich_text(block_kit.rich_line(*told))] + ([block_kit.actions(_open(link, t))] if link else [])
    return Message(t("request.asked_summary", what=parts.format_title(shown.change, t)), tuple(blocks))


def request_open_message(current: Change, link: str | None, t: Translator) -> Message:
    """For who asks for the same flow once more: a request is open already, or what was asked is being done.

    Args:
        current: the open change.
        link: its message, where that is known.
        t: the reader's words.
    """
    key = "request.open_already" if current.state is ChangeState.PENDING else "request.being_done"
    message = sentences.sentence_message(t, key, {"id": str(current.request.flow)})
    return Message(message.text, (*message.blocks, *([block_kit.actions(_open(link, t))] if link else [])))


def _flow(shown: RequestDetails, t: Translator) -> Element:
    return block_kit.text_element(parts.format_subject(shown.change, t), bold=True)


def _kind(shown: RequestDetails, t: Translator) -> str:
    return t(f"kind.{shown.change.request.kind}")


def request_ended_message(shown: RequestDetails, link: str | None, t: Translator) -> Message:
    """For the requester: how the request ended, by whom and why. What was typed for it can be opened again, if unsaved.

    Args:
        shown: the request.
        link: its message, where that is known.
        t: the requester's words.
    """
    text = t("request.summary", what=parts.format_title(shown.change, t), state=format_state(shown, t))
    buttons = [_open(link, t)] if link else []
    kept = shown.change.has_unsaved_form
    if kept:
        buttons.insert(0, form_status.open_form_button(shown.change.request.token, t))
    blocks = [block_kit.section(block_kit.plain(text)), *outcome_blocks(shown, t)]
    blocks += [block_kit.context(t("form.nothing_lost"))] if kept else []
    return Message(text, (*blocks, *([block_kit.actions(*buttons)] if buttons else [])))
