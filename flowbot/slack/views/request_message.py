"""A request's message, all its life."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from flowbot.domain.change import ChangeKind, ChangeState, ClosureKind
from flowbot.domain.outcomes import FLOW_GONE, LAPSED_KEYS
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import block_kit, push, sentences
from flowbot.slack.views import request_blocks as parts
from flowbot.slack.views.block_kit import Block, Element, Message

EMOJI: Final[Mapping[ChangeState, str]] = {
    ChangeState.DRAFT: "⏳",
    ChangeState.PENDING: "⏳",
    ChangeState.APPLYING: "⏳",
    ChangeState.APPLIED: "✅",
    ChangeState.FAILED: "❌",
    ChangeState.UNKNOWN: "❓",
    ChangeState.REJECTED: "⛔",
    ChangeState.WITHDRAWN: "↩",
    ChangeState.EXPIRED: "⌛",
    ChangeState.OUT_OF_DATE: "🔁",
}


_DECIDED: Final = frozenset(
    {ChangeState.APPLYING, ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.OUT_OF_DATE}
)


def request_message(shown: RequestDetails, t: Translator, now: datetime) -> Message:
    """The one message of a change, as it is now.

    Args:
        shown: the change and what is shown beside it.
        t: the words of those who read it.
        now: the moment; an expiry that is past is not announced any more.
    """
    state = format_state(shown, t)
    head = [
        block_kit.header(f"{EMOJI[shown.change.state]} {state}"),
        block_kit.rich_text(block_kit.rich_line(*_requester_line(shown, t))),
    ]
    blocks = [*head, *parts.reason_blocks(shown.change.request.reason, t)]
    blocks += _waiting(shown, t, now) if shown.change.state is ChangeState.PENDING else _ended(shown, t)
    if buttons := _buttons(shown, t):
        blocks.append(block_kit.actions(*buttons))
    text = t("request.summary", what=parts.format_title(shown.change, t), state=state)
    return Message(text, tuple(blocks))


def format_state(shown: RequestDetails, t: Translator) -> str:
    """How far it has come, in a word or two: `Waiting for approval`, `Applied`."""
    if shown.change.state is ChangeState.APPLYING and _is_approved(shown):
        return t("request.approved")
    return t(f"request.state_{shown.change.state}")


def _requester_line(shown: RequestDetails, t: Translator) -> list[Element]:
    change = shown.change
    if change.state is ChangeState.APPLIED and change.rule is None:
        return parts.deed(change, t, "request.did", "did")
    is_open = change.state in {ChangeState.DRAFT, ChangeState.PENDING}
    return parts.deed(change, t, "request.asks" if is_open else "request.asked", "to")


def _is_approved(shown: RequestDetails) -> bool:
    """Whether the approvals that were needed are there, and nobody skipped them."""
    enough = shown.change.rule is not None and len(shown.approvals) >= shown.quorum
    return enough and shown.change.state in _DECIDED and shown.change.progress.skipped_by is None


def _skip_note(shown: RequestDetails, t: Translator) -> list[Block]:
    """Who skipped the approval, and why, for all to see."""
    closing = shown.change.progress.closing
    if closing is None or shown.change.progress.skipped_by is None:
        return []
    told = sentences.sentence_elements(t, "request.glass_broken", {"person": [block_kit.user_element(closing.by)]})
    return [
        block_kit.rich_text(block_kit.rich_line(block_kit.text_element("🚨 "), *told)),
        *parts.reason_blocks(closing.reason, t),
    ]


# --- while it waits -----------------------------------------------------------------------------------------


def _waiting(shown: RequestDetails, t: Translator, now: datetime) -> list[Block]:
    votes = [parts.progress_elements(shown, t), parts.expiry_elements(shown, t, now)]
    since = shown.since_approved or ()
    return [
        *parts.edit_blocks(shown, t),
        *_push(shown, t, remarked=True),
        block_kit.divider(),
        parts.settings_block(shown, t),
        *parts.difference_blocks(since, shown.website_names, t, title=t("request.since_approval")),
        block_kit.rich_text(*(block_kit.rich_line(*line) for line in votes if line)),
    ]


def _push(shown: RequestDetails, t: Translator, *, remarked: bool) -> list[Block]:
    """The notification as subscribers would see it. A picture that comes with an edit cannot be shown yet."""
    if shown.content is None:
        return []
    asked, flow = shown.change.request, shown.flow
    is_new = asked.picture is not None or (asked.wanted is not None and asked.wanted.image is not None)
    picture = flow.image_url if flow and not is_new and not _is_deleted(shown) else None
    return push.preview_blocks(shown.content, shown.remarks if remarked else (), t, image_url=picture)


def _is_deleted(shown: RequestDetails) -> bool:
    """Whether Enkapush's copy, with its picture, is gone by now."""
    return shown.change.request.kind is ChangeKind.DELETE and shown.change.state is ChangeState.APPLIED


# --- when it is over ----------------------------------------------------------------------------------------


def outcome_blocks(shown: RequestDetails, t: Translator) -> list[Block]:
    """How a change that does not wait any more ended, or how far it is: by whom, why, and what came of it.

    Args:
        shown: the change and what is shown beside it.
        t: the words of those who read it.
    """
    return [*_skip_note(shown, t), *_approvals(shown, t), *_outcome(shown, t), *_side_notes(shown, t)]


def _ended(shown: RequestDetails, t: Translator) -> list[Block]:
    blocks = outcome_blocks(shown, t)
    if shown.change.rule is None:
        return blocks
    return [*blocks, *parts.edit_blocks(shown, t), *_push(shown, t, remarked=False)]


def _approvals(shown: RequestDetails, t: Translator) -> list[Block]:
    """Who approved it; or, where that was not enough, how far it had come, and whose approvals did not count."""
    if _is_approved(shown):
        told = sentences.sentence_elements(t, "request.approved_by", {"people": parts.people_elements(shown.approvals)})
        return [block_kit.rich_text(block_kit.rich_line(block_kit.text_element("✅ "), *told))]
    lines = [parts.progress_elements(shown, t)] if shown.approvals or shown.uncounted else []
    if shown.uncounted:
        lines.append(
            sentences.sentence_elements(t, "request.uncounted", {"people": parts.people_elements(shown.uncounted)})
        )
    return [block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines))] if lines else []


def _outcome(shown: RequestDetails, t: Translator) -> list[Block]:
    match shown.change.state:
        case ChangeState.REJECTED | ChangeState.WITHDRAWN:
            return _closed(shown, t)
        case ChangeState.OUT_OF_DATE:
            return _out_of_date(shown, t)
        case ChangeState.FAILED if (outcome := shown.change.outcome) and outcome.key in sentences.NAMED_CHANNEL_KEYS:
            return [
                block_kit.rich_text(
                    block_kit.rich_line(*_failed_in(shown, sentences.NAMED_CHANNEL_KEYS[outcome.key], t))
                )
            ]
        case _:
            return [block_kit.section(block_kit.plain(_sentence(shown, t)))]


def _sentence(shown: RequestDetails, t: Translator) -> str:
    """How it ended, in a sentence or two."""
    match shown.change.state:
        case ChangeState.EXPIRED:
            hours = shown.change.rule.expires_after_hours if shown.change.rule else 0
            return t("request.nobody_decided", time=t.format_duration(hours * 3600))
        case ChangeState.UNKNOWN:
            return f"{t('request.not_known')} {_outcome_text(shown, t)}"
        case ChangeState.FAILED:
            return t("request.failed", reason=_outcome_text(shown, t))
        case ChangeState.APPLIED:
            return _applied(shown, t)
        case _:
            return t("request.under_way")


def _failed_in(shown: RequestDetails, key: str, t: Translator) -> list[Element]:
    """That it failed for a reason of the channel where it was asked, which this one need not be."""
    why = sentences.sentence_elements(t, key, {"channel": [block_kit.channel_element(shown.change.request.channel)]})
    return sentences.sentence_elements(t, "request.failed", {"reason": why})


def _closed(shown: RequestDetails, t: Translator) -> list[Block]:
    """By whom, and why."""
    closing = shown.change.progress.closing
    if closing is None:
        return []
    key = "request.rejected_by" if closing.how is ClosureKind.REJECTED else "request.withdrawn_by"
    told = sentences.sentence_elements(t, key, {"person": [block_kit.user_element(closing.by)]})
    return [block_kit.rich_text(block_kit.rich_line(*told)), *parts.reason_blocks(closing.reason, t)]


def _out_of_date(shown: RequestDetails, t: Translator) -> list[Block]:
    outcome = shown.change.outcome
    if _is_gone(shown):
        return [block_kit.section(block_kit.plain(t("request.flow_gone")))]
    found = parts.parse_differences(outcome.params if outcome else {})
    listed = parts.difference_blocks(found, shown.website_names, t, title=t("request.since_asked"))
    return [block_kit.section(block_kit.plain(t("request.changed_since"))), *listed]


def _side_notes(shown: RequestDetails, t: Translator) -> list[Block]:
    """A warning where it is applied, and the flow differs besides from what was asked for."""
    outcome = shown.change.outcome
    if shown.change.state is not ChangeState.APPLIED or outcome is None:
        return []
    found = parts.parse_differences(outcome.params)
    return parts.difference_blocks(found, shown.website_names, t, title=t("request.besides"))


def _is_gone(shown: RequestDetails) -> bool:
    """Whether it is out of date because its flow is not there any more."""
    outcome = shown.change.outcome
    return outcome is not None and outcome.key == FLOW_GONE


def _outcome_text(shown: RequestDetails, t: Translator) -> str:
    """The outcome's sentence."""
    outcome = shown.change.outcome
    if outcome is None or not t.has_message(outcome.key):
        return t("fault.unexpected")
    return sentences.format_text(t, outcome.key, parts.outcome_params(shown.change, t))


def _applied(shown: RequestDetails, t: Translator) -> str:
    change, outcome = shown.change, shown.change.outcome
    if change.request.kind is ChangeKind.RESTORE and outcome and outcome.flow is not None:
        return t("request.restored", old=str(parts.find_flow_id(change)), new=str(outcome.flow))
    return _outcome_text(shown, t) if outcome and t.has_message(outcome.key) else t("request.done")


# --- what can be done ---------------------------------------------------------------------------------------


def _buttons(shown: RequestDetails, t: Translator) -> list[Element]:
    change, value = shown.change, ChangeValue(change=shown.change.id).dump()
    match change.state:
        case ChangeState.PENDING:
            return _decisions(shown, value, t)
        case ChangeState.UNKNOWN:
            return [block_kit.button(t("request.check_again"), ActionId.CHECK_AGAIN, value)]
        case ChangeState.OUT_OF_DATE if not _is_gone(shown):
            return [block_kit.button(t("request.ask_again"), ActionId.ASK_AGAIN, value)]
        case ChangeState.FAILED if change.outcome is not None and change.outcome.key in LAPSED_KEYS:
            return [block_kit.button(t("request.ask_again"), ActionId.ASK_AGAIN, value)]
        case ChangeState.APPLIED if change.request.kind is ChangeKind.DELETE:
            return [block_kit.button(t("button.restore"), ActionId.RESTORE, value)]
        case _:
            return []


def _decisions(shown: RequestDetails, value: str, t: Translator) -> list[Element]:
    approve = block_kit.button(t("button.approve"), ActionId.APPROVE, value, style="primary")
    found = [
        approve | parts.confirm_dialog(shown, t),
        block_kit.button(t("button.reject"), ActionId.REJECT, value, style="danger"),
        block_kit.button(t("button.withdraw"), ActionId.WITHDRAW, value),
    ]
    rule = shown.change.rule
    if rule is not None and rule.break_glass:
        found.append(block_kit.button(t("button.break_glass"), ActionId.BREAK_GLASS, value))
    return found
