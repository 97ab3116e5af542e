"""A request's message, all its life."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.approval import is_skippable
from flowbot.domain.change import CREATING_KINDS, WAITING_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.outcomes import (
    DISABLED_AS_PLANNED,
    DISABLED_BEFORE,
    DISABLED_MEANWHILE,
    END_MOVED,
    FLOW_GONE,
    LAPSED_KEYS,
    MISSED_KEYS,
)
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import block_kit, flow_settings, headlines, push, request_blocks, sentences
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.freezes import request_freeze_elements
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.remarks import remark_buttons, revision_blocks, wish_blocks
from flowbot.slack.views.request_blocks import outcome_text
from flowbot.slack.views.sentences import format_text, sentence_elements
from flowbot.slack.views.times import times_elements
from flowbot.slack.views.votes import votes_block

EMOJI: Final[Mapping[ChangeState, str]] = {
    ChangeState.DRAFT: "⏳",
    ChangeState.PENDING: "⏳",
    ChangeState.SCHEDULED: "🕒",
    ChangeState.APPLYING: "⏳",
    ChangeState.APPLIED: "✅",
    ChangeState.FAILED: "❌",
    ChangeState.UNKNOWN: "❓",
    ChangeState.REJECTED: "⛔",
    ChangeState.WITHDRAWN: "↩",
    ChangeState.EXPIRED: "⌛",
    ChangeState.OUT_OF_DATE: "🔁",
}
_APPROVED_AND: Final = frozenset({ChangeState.SCHEDULED, ChangeState.APPLIED, ChangeState.UNKNOWN})
"""States that say, too, that the request was approved: of the others nothing came."""
LATE_SAID: Final = timedelta(minutes=5)
"""A message says so where a change was applied this long after its start."""
TOLD_BY_HEADLINE: Final = frozenset({"applied.edit", "applied.enable", "applied.disable", "applied.delete"})
"""Outcomes that say no more than the headline does."""


def request_message(
    details: RequestDetails,
    t: Translator,
    now: datetime,
    *,
    people: People = MENTIONED,
    mentions: bool = False,
    is_copy: bool = False,
) -> Message:
    """Build the one message of a change, as it is now.

    Args:
        details: the change and what is shown beside it.
        t: the words of those who read it.
        now: the moment; an expiry that is past is not shown any more.
        people: how people are written: by their names where a message is new, since a mention there notifies them.
        mentions: whether the approvers are mentioned while it is pending.
        is_copy: whether it is a copy, whose buttons end with the request.
    """
    change = details.change
    blocks = [
        headlines.request_headline(details, t, people),
        block_kit.rich_paragraph(*_state_elements(details, t, people)),
        *request_blocks.reason_blocks(change.request.reason, t),
    ]
    if change.state in WAITING_STATES:
        blocks += wish_blocks(details, t, people)
    if frozen := request_freeze_elements(details, t, now):
        blocks.append(block_kit.rich_paragraph(*frozen))
    if change.state is ChangeState.PENDING:
        if times := times_elements(change.request, t, once_approved=True):
            blocks.append(block_kit.rich_paragraph(*times))
        blocks += _pending_blocks(details, t, now, people, is_copy=is_copy)
        if mentions and (mentioned := request_blocks.mention_elements(details.mentioned)):
            blocks.append(block_kit.rich_paragraph(*sentence_elements(t, "request.calls", {"people": mentioned})))
    else:
        blocks += outcome_blocks(details, t, people)
        if change.has_waited and change.request.ends is None:
            blocks += [*request_blocks.edit_blocks(details, t), *_push_blocks(details, t, has_remarks=False)]
    if details.hides_push:
        blocks.append(block_kit.context(t("request.shown_privately")))
    if (change.state in WAITING_STATES or not is_copy) and (buttons := _buttons(details, t)):
        blocks.append(block_kit.actions(*buttons))
    return Message(tuple(blocks), None if details.hides_push else request_blocks.request_details_button(change, t))


def format_state(details: RequestDetails, t: Translator) -> str:
    """Format the change's state: `Waiting for approval`, `Applied`."""
    if details.change.state is ChangeState.APPLYING and details.is_approved:
        return t("request.approved")
    # Keys: request.state_draft, request.state_pending, and so on for each ChangeState
    return t(f"request.state_{details.change.state}")


def _state_elements(details: RequestDetails, t: Translator, people: People) -> list[Element]:
    """Build the state, and who asked where the headline does not say it."""
    change, state = details.change, format_state(details, t)
    if details.is_approved and change.state in _APPROVED_AND:
        state = t("request.approved_and", state=state)
    elements = [block_kit.text_element(f"{EMOJI[change.state]} {state}", bold=True)]
    if change.state is ChangeState.PENDING or change.rule is None:
        return elements
    person = {"person": [people.element(change.request.requester)]}
    return [*elements, block_kit.text_element(" · "), *sentence_elements(t, "request.by", person)]


def _pending_blocks(
    details: RequestDetails, t: Translator, now: datetime, people: People, *, is_copy: bool
) -> list[Block]:
    since = details.since_approved or ()
    # A group that is named in a channel's new message would be notified.
    names_groups = is_copy or people is MENTIONED
    return [
        *request_blocks.edit_blocks(details, t),
        *revision_blocks(details, t),
        *_late_blocks(details, t),
        *_push_blocks(details, t, has_remarks=True),
        block_kit.divider(),
        request_blocks.settings_block(details, t),
        *push.week_blocks(details.week, t),
        *request_blocks.difference_blocks(since, details.website_names, t, title=t("request.since_approval")),
        votes_block(details, t, now, people, names_groups=names_groups),
        *request_blocks.image_fault_blocks(details.change, t),
    ]


def _late_blocks(details: RequestDetails, t: Translator) -> list[Block]:
    """Build what earlier writes may still do to the flow, which is decided along with the request."""
    names = details.website_names
    late = request_blocks.difference_blocks(details.late_edits, names, t, title=t("request.late_edits"))
    return [*([block_kit.paragraph(t("request.may_go_live"))] if details.may_go_live else ()), *late]


def _push_blocks(details: RequestDetails, t: Translator, *, has_remarks: bool) -> list[Block]:
    """Build the push as subscribers would see it, with its new image where Slack can show that, or the present one."""
    if details.content is None:
        return []
    change, request = details.change, details.change.request
    has_new_image = request.picture is not None or request.image is not None
    # Enkapush's copy of the image goes with the flow.
    is_deleted = request.kind is ChangeKind.DELETE and change.state is ChangeState.APPLIED
    image_url = details.flow.image_url if details.flow and not has_new_image and not is_deleted else None
    is_shown = details.new_image is not None and details.new_image.content_type in push.SHOWN_BY_SLACK
    slack_file = request.picture.file if request.picture is not None and is_shown else None
    remarks = details.remarks if has_remarks else ()
    return push.preview_blocks(details.content, remarks, t, image_url=image_url, slack_file=slack_file)


def outcome_blocks(details: RequestDetails, t: Translator, people: People = MENTIONED) -> list[Block]:
    """Build how a change that is not pending any more ended, or how far it is: why, and with what result.

    Args:
        details: the change and what is shown beside it.
        t: the words of those who read it.
        people: how people are written.
    """
    progress, outcome, blocks = details.change.progress, details.change.outcome, []
    if progress.closing is not None and progress.skipped_by is not None:
        line = sentence_elements(t, "request.glass_broken", {"person": [people.element(progress.closing.by)]})
        blocks.append(block_kit.rich_paragraph(block_kit.text_element("🚨 "), *line))
    if progress.closing is not None:
        blocks += request_blocks.closing_reason_blocks(progress.closing, t)
    # The headline says when it starts.
    ends = replace(details.change.request, not_before=None)
    if details.change.state is ChangeState.SCHEDULED and (times := times_elements(ends, t)):
        blocks.append(block_kit.rich_paragraph(*times))
    blocks += [
        *_vote_blocks(details, t, people),
        *request_blocks.stored_otherwise_blocks(details.change, details.website_names, t),
        *_result_blocks(details, t, people),
    ]
    if (late := _find_lateness(details.change)) is not None:
        blocks.append(block_kit.paragraph(t("request.done_late", time=t.format_duration(late))))
    if details.change.state is ChangeState.APPLIED and outcome is not None:
        blocks += request_blocks.unreadable_blocks(details.change, t)
        blocks += flow_settings.restore_remark_blocks(details.change, t)
        others = request_blocks.parse_differences(outcome.params)
        blocks += request_blocks.difference_blocks(others, details.website_names, t, title=t("request.besides"))
    return blocks


def _find_lateness(change: Change) -> int | None:
    """Return how many seconds after its start an applied change was sent, rounded; None where that was in time."""
    start, sent = change.progress.starts_at, change.sent_at
    if change.state is not ChangeState.APPLIED or start is None or sent is None or sent - start < LATE_SAID:
        return None
    seconds = int((sent - start).total_seconds())
    return seconds - seconds % (60 if seconds < 2 * 3600 else 3600)


def _vote_blocks(details: RequestDetails, t: Translator, people: People) -> list[Block]:
    """Build the progress where the approvals came to nothing, and whose did not count."""
    lines = []
    came_to_nothing = details.change.state is ChangeState.OUT_OF_DATE or not details.is_approved
    if came_to_nothing and (details.approvals or details.uncounted):
        lines.append(request_blocks.progress_elements(details, t, people))
    if details.uncounted:
        lines.append(sentence_elements(t, "request.uncounted", {"people": people.deciders(details.uncounted, t)}))
    return [block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines))] if lines else []


def _result_blocks(details: RequestDetails, t: Translator, people: People) -> list[Block]:
    change = details.change
    outcome, named = change.outcome, sentences.NAMED_CHANNEL_KEYS
    match change.state:
        case ChangeState.SCHEDULED | ChangeState.REJECTED | ChangeState.WITHDRAWN:
            return []
        case ChangeState.APPLIED if _is_told_by_headline(change):
            return []
        case ChangeState.OUT_OF_DATE:
            return _out_of_date_blocks(details, t, people)
        case ChangeState.FAILED if outcome and outcome.key in named:
            # The message may stand in another channel than the one the sentence is about.
            channel = [block_kit.channel_element(change.request.channel)]
            reason = sentence_elements(t, named[outcome.key], {"channel": channel}, **outcome.params)
            return [block_kit.rich_paragraph(*reason)]
        case ChangeState.UNKNOWN:
            search = t("request.searching" if change.due_at is not None else "request.searched")
            return [block_kit.paragraph(_format_result(details, t)), block_kit.context(search)]
        case _:
            return [block_kit.paragraph(_format_result(details, t))]


def _is_told_by_headline(change: Change) -> bool:
    """Check whether the outcome says no more than the headline does."""
    is_plain = change.outcome is not None and change.outcome.key in TOLD_BY_HEADLINE
    return is_plain and change.request.repeats is None and not change.lacks_image


def _out_of_date_blocks(details: RequestDetails, t: Translator, people: People) -> list[Block]:
    """Build what has become of the flow since the request."""
    outcome = details.change.outcome
    if is_flow_gone(details):
        return [block_kit.paragraph(t("request.flow_gone"))]
    if outcome is not None and (is_void_disable(details.change) or outcome.key == DISABLED_AS_PLANNED):
        return [block_kit.paragraph(t(outcome.key))]
    if outcome is not None and outcome.key == DISABLED_MEANWHILE:
        person = [people.element(user) for user in details.disabled_by]
        return [block_kit.rich_paragraph(*sentence_elements(t, DISABLED_MEANWHILE, {"person": person}))]
    found = request_blocks.parse_differences(outcome.params if outcome else {})
    title = t("request.since_asked")
    listed = request_blocks.difference_blocks(found, details.website_names, t, title=title)
    return [block_kit.paragraph(t("request.changed_since")), *listed]


def _format_result(details: RequestDetails, t: Translator) -> str:
    change, outcome = details.change, details.change.outcome
    match change.state:
        case ChangeState.EXPIRED if outcome is not None and outcome.key in MISSED_KEYS:
            text = t(outcome.key)
        case ChangeState.EXPIRED:
            hours = change.rule.expires_after_hours if change.rule else 0
            text = t("request.nobody_decided", time=t.format_duration(hours * 3600))
        case ChangeState.UNKNOWN:
            text = format_text(t, outcome_text(change, t))
        case ChangeState.FAILED:
            text = format_text(t, outcome_text(change, t))
        case ChangeState.APPLIED if change.request.repeats is not None:
            text = t("request.disabled_again", id=str(change.flow_id))
        case ChangeState.APPLIED:
            if change.request.kind is ChangeKind.RESTORE and outcome and outcome.flow is not None:
                text = t("request.restored", old=str(change.flow_id), new=str(outcome.flow))
            else:
                text = format_text(t, outcome_text(change, t, otherwise="request.done"))
        case _:
            text = t("request.under_way" if change.follows is None else "request.follows")
    return text


def is_flow_gone(details: RequestDetails) -> bool:
    """Check whether the request is out of date because its flow does not exist any more."""
    outcome = details.change.outcome
    return outcome is not None and outcome.key == FLOW_GONE


def is_void_disable(change: Change) -> bool:
    """Check whether it is a disable that ended since it had nothing left to do at its time."""
    return change.outcome is not None and change.outcome.key in {DISABLED_BEFORE, END_MOVED}


def _buttons(details: RequestDetails, t: Translator) -> list[Element]:
    """Build the buttons; beside a push that is shown privately, also the one that shows it."""
    buttons, change = _state_buttons(details, t), details.change
    if details.hides_push:
        buttons.append(request_blocks.request_details_button(change, t))
    return buttons


def _state_buttons(details: RequestDetails, t: Translator) -> list[Element]:
    change, value = details.change, ChangeValue(change=details.change.id).dump()
    if change.state in WAITING_STATES:
        return _decision_buttons(details, t)
    again = [block_kit.button(t("request.ask_again"), ActionId.ASK_AGAIN, value)]
    if change.state is ChangeState.UNKNOWN:
        is_repeatable = change.due_at is None and change.request.kind not in CREATING_KINDS
        check = block_kit.button(t("request.check_again"), ActionId.CHECK_AGAIN, value)
        return [check, *again] if is_repeatable else [check]
    if _may_be_asked_again(details):
        return again
    is_delete = change.state is ChangeState.APPLIED and change.request.kind is ChangeKind.DELETE
    if is_delete and details.restore is None:
        return [block_kit.button(t("button.restore"), ActionId.RESTORE, value)]
    return []


def _decision_buttons(details: RequestDetails, t: Translator) -> list[Element]:
    """Build the buttons of a request that waits; of a planned end, which nobody decides on, the one that cancels it."""
    change, value = details.change, ChangeValue(change=details.change.id).dump()
    withdraw = block_kit.button(t("button.withdraw"), ActionId.WITHDRAW, value)
    if change.request.ends is not None:
        return [withdraw]
    reject = block_kit.button(t("button.reject"), ActionId.REJECT, value, style="danger")
    buttons = [reject, *remark_buttons(change, t), withdraw]
    if change.state is ChangeState.PENDING:
        buttons.insert(0, request_blocks.approve_button(details, t))
    rule = details.policy.approval if details.policy else change.rule
    if rule is not None and rule.break_glass and is_skippable(change) and change.progress.skipped_by is None:
        seen = ChangeValue(change=change.id, round=change.progress.round).dump()
        buttons.append(block_kit.button(t("button.break_glass"), ActionId.BREAK_GLASS, seen))
    return buttons


def _may_be_asked_again(details: RequestDetails) -> bool:
    """Check whether a request ended for a reason that another one may not meet."""
    change, outcome = details.change, details.change.outcome
    match change.state:
        case ChangeState.EXPIRED:
            return outcome is not None and outcome.key in MISSED_KEYS
        case ChangeState.OUT_OF_DATE:
            return not is_flow_gone(details) and not is_void_disable(change)
        case ChangeState.FAILED:
            return outcome is not None and outcome.key in LAPSED_KEYS
        case _:
            return False
