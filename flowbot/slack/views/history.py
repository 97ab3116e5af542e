"""How the past looks."""

from collections.abc import Sequence

from flowbot.domain.audit import AuditAction, Event
from flowbot.domain.ids import FlowId
from flowbot.locales import Translator
from flowbot.services.authorization import NO_SUCH_FLOW_KEY
from flowbot.services.history import Deletion
from flowbot.slack.views import kit, sentences
from flowbot.slack.views.kit import Element, Message


def history(events: Sequence[Event], flow: FlowId | None, t: Translator) -> Message:
    """The latest events, newest first, a line each."""
    title = t("history.title") if flow is None else t("history.title_of", id=str(flow))
    if not events:
        nothing = t("history.nothing") if flow is None else t("history.nothing_of", id=str(flow))
        return Message(title, (kit.header(title), kit.section(kit.plain(nothing))))
    return Message(title, (kit.header(title), kit.rich(kit.bullets(_line(event, t) for event in events))))


def deleted(deletion: Deletion, t: Translator) -> Message:
    """For who looks for a flow that is gone: that there is none, as for any other, and what became of it."""
    number = str(deletion.flow)
    gone = sentences.sentence(t, NO_SUCH_FLOW_KEY, {"id": number})
    told = {"when": t.moment(deletion.at), "person": deletion.requester, "id": number}
    return Message(gone.text, (*gone.blocks, *sentences.sentence(t, "history.deleted", told).blocks))


def _line(event: Event, t: Translator) -> Element:
    who: Element = kit.person(event.actor) if event.actor else kit.words("flowbot", italic=True)
    is_loud = event.action == AuditAction.BREAK_GLASS
    parts = [kit.words(f"{t.moment(event.at)} · "), who, kit.words(" · "), kit.words(_what(event, t), bold=is_loud)]
    if event.flow is not None:
        parts.append(kit.words(f" #{event.flow}", bold=True))
    if old := event.details.get("restored_from"):
        parts.append(kit.words(f" – {t('history.restored_from', id=str(old))}"))
    if reason := event.details.get("reason"):
        parts.append(kit.words(f" – {kit.isolated(kit.clip(' '.join(str(reason).split()), 300))}"))
    return kit.line(*parts)


def _what(event: Event, t: Translator) -> str:
    """`create: applied`, in words."""
    noun, _, verb = event.action.partition(".")
    said = t(f"event.{verb}") if t.has(f"event.{verb}") else event.action
    alarm = "🚨 " if event.action == AuditAction.BREAK_GLASS or "break_glass" in event.details else ""
    return alarm + (f"{t(f'kind.{event.kind}')}: {said}" if noun == "change" and event.kind else said)
