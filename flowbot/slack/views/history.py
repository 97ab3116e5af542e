"""The history of a channel or a flow."""

from collections.abc import Sequence
from typing import Final

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import FlowId
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import NoSuchFlowError
from flowbot.services.history import Deletion
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.message import Message

REASON_MAX: Final = 300


def history_message(events: Sequence[AuditEvent], flow: FlowId | None, t: Translator) -> Message:
    """Build the latest events, newest first, a line each."""
    title = t("history.title") if flow is None else t("history.title_of", id=str(flow))
    if events:
        body = block_kit.rich_text(block_kit.bullets(_event_line(event, t) for event in events))
    else:
        nothing = t("history.nothing") if flow is None else t("history.nothing_of", id=str(flow))
        body = block_kit.paragraph(nothing)
    return Message((block_kit.header(title), body))


def deleted_message(deletion: Deletion, t: Translator) -> Message:
    """Build the refusal for a deleted flow: the same as for an unknown one, and who deleted it when."""
    number = str(deletion.flow)
    missing = sentences.sentence_message(t, NoSuchFlowError(deletion.flow).text)
    params = {"when": t.format_datetime(deletion.at), "person": deletion.requester, "id": number}
    deleted = sentences.sentence_message(t, Text("history.deleted", params))
    return Message((*missing.blocks, *deleted.blocks))


def _event_line(event: AuditEvent, t: Translator) -> Element:
    noun, _, verb = event.action.partition(".")
    # Keys: event.submitted, event.approved, and so on for each AuditAction of a change
    action = t(f"event.{verb}") if t.has_message(f"event.{verb}") else event.action
    if noun == "change" and event.kind:
        action = f"{sentences.format_kind(event.kind, t)}: {action}"
    is_skip = event.action == AuditAction.BREAK_GLASS
    if is_skip or "break_glass" in event.details:
        action = f"🚨 {action}"
    line = [
        block_kit.text_element(f"{t.format_datetime(event.at)} · "),
        block_kit.user_element(event.actor) if event.actor else block_kit.text_element("flowbot", italic=True),
        block_kit.text_element(" · "),
        block_kit.text_element(action, bold=is_skip),
    ]
    if event.flow is not None:
        line.append(block_kit.text_element(f" #{event.flow}", bold=True))
    if old := event.details.get("restored_from"):
        line.append(block_kit.text_element(f" – {t('history.restored_from', id=str(old))}"))
    if reason := event.details.get("reason"):
        quoted = block_kit.isolate(block_kit.single_line(str(reason), REASON_MAX))
        line.append(block_kit.text_element(f" – {quoted}"))
    return block_kit.rich_line(*line)
