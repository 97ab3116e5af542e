"""Single sentences: refusals, faults, confirmations."""

from collections.abc import Mapping
from typing import Any, Final

from flowbot.locales import Translator
from flowbot.slack.views import kit
from flowbot.slack.views.kit import Message

_PARSED: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\N{WORD JOINER}{mark}\N{WORD JOINER}" for mark in "@#*_~`:./"}
)


def sentence(t: Translator, key: str, params: Mapping[str, Any] | None = None) -> Message:
    """One sentence. Text among `params` may be anybody's: it is shown as it is, and never parsed."""
    params = {name: _listed(value, t) for name, value in (params or {}).items()}
    shown = {name: kit.isolated(value) if isinstance(value, str) else value for name, value in params.items()}
    inert = {name: value.translate(_PARSED) if isinstance(value, str) else value for name, value in params.items()}
    text = kit.clip(t(key, **inert), kit.NOTIFICATION_MAX)
    return Message(text, (kit.section(kit.plain(t(key, **shown))),))


def fault(t: Translator, key: str, incident: str) -> Message:
    """Something broke: what that means for the person, and the incident id to quote."""
    message = sentence(t, key if t.has(key) else "fault.unexpected")
    return Message(message.text, (*message.blocks, kit.context(t("fault.incident", incident=incident))))


def _listed(value: Any, t: Translator) -> Any:
    return t.listed(value) if isinstance(value, list) else value
