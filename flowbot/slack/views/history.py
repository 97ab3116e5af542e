"""How the past looks."""

from collections.abc import Sequence

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import FlowId
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import NO_SUCH_FLOW_KEY
from flowbot.services.history import Deletion
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element, Message


def history_message(events: Sequence[AuditEvent], flow: FlowId | None, t: Translator) -> Message:
    """The latest events, newest first, a line each."""
    title = t("history.title") if flow is None else t("history.title_of", id=str(flow))
    if not events:
        nothing = t("history.nothing") if flow is None else t("history.nothing_of", id=str(flow))
        return Message(title, (block_kit.header(title), block_kit.section(block_kit.plain(nothing))))
    return Message(
        title, (block_kit.header(title), block_kit.rich_text(block_kit.bullets(_line(event, t) for event in events)))
    )


def deleted_message(deletion: Deletion, t: Translator) -> Message:
    """For who looks for a flow that is gone: that there is none, as for any other, and what became of it."""
    number = str(deletion.flow)
    gone = sentences.sentence_message(t, NO_SUCH_FLOW_KEY, {"id": number})
    told = {"when": t.format_datetime(deletion.at), "person": deletion.requester, "id": number}
    return Message(gone.text, (*gone.blocks, *sentences.sentence_message(t, "history.deleted", told).blocks))


def _line(event: AuditEvent, t: Translator) -> Element:
    who: Element = (
        block_kit.user_element(event.actor) if event.actor else block_kit.text_element("flowbot", italic=True)
    )
    is_loud = event.action == AuditAction.BREAK_GLASS
    parts = [
        block_kit.text_element(f"{t.format_datetime(event.at)} · "),
        who,
        block_kit.text_element(" · "),
        block_kit.text_element(_what(event, t), bold=is_loud),
    ]
    if event.flow is not None:
        parts.append(block_kit.text_element(f" #{event.flow}", bold=True))
    if old := event.details.get("restored_from"):
        parts.append(block_kit.text_element(f" – {t('history.restored_from', id=str(old))}"))
    if reason := event.details.get("reason"):
        parts.append(
            block_kit.text_element(f" – {block_kit.isolate(block_kit.clip(' '.join(str(reason).split()), 300))}")
        )
    return block_kit.rich_line(*parts)


def _what(event: AuditEvent, t: Translator) -> str:
    """`create: applied`, in words."""
    noun, _, verb = event.action.partition(".")
    said = t(f"event.{verb}") if t.has_message(f"event.{verb}") else event.action
    alarm = "🚨 " if event.action == AuditAction.BREAK_GLASS or "break_glass" in event.details else ""
    return alarm + (f"{t(f'kind.{event.kind}')}: {said}" if noun == "change" and event.kind else said)
