"""Single sentences: refusals, faults, confirmations."""

from collections.abc import Mapping
from typing import Any, Final

from flowbot.domain.ids import ChannelId, SlackId, UserId
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element, Message

_PARSED: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\N{WORD JOINER}{mark}\N{WORD JOINER}" for mark in "@#*_~`:./"}
)
FIELDS: Final[Mapping[str, str]] = {
    "website_id": "field.website",
    "name": "field.name",
    "title": "field.title",
    "description": "field.description",
    "wait": "field.wait",
    "url": "field.url",
    "ttl": "field.ttl",
    "is_silent": "field.silent",
    "is_auto_hide": "field.auto_hide",
    "button_1": "field.button",
    "button_2": "field.button",
    "image_url": "field.image",
    "is_enabled": "field.state",
}
"""What a person reads for each field that can differ (`domain.flow.flow_differences`)."""
NAMED: Final[Mapping[str, str]] = {
    "denied.no_policy": "denied.no_policy_in",
    "denied.not_listed": "denied.not_listed_in",
    "denied.not_open": "denied.not_open_in",
    "form.website_gone": "form.website_gone_in",
    "request.no_approvers": "request.no_approvers_in",
}
"""Sentences that speak of this channel, and what is said where they may be read elsewhere: the channel's name."""


def with_channel_name(channel: ChannelId, key: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A sentence for who may read it elsewhere, in a direct message: where it speaks of this channel, it names it."""
    return (NAMED[key], {**params, "channel": channel}) if key in NAMED else (key, params)


def sentence(t: Translator, key: str, params: Mapping[str, Any] | None = None) -> Message:
    """One sentence. Text among `params` may be anybody's: it is shown as it is, and never parsed.

    People and channels among them are shown by their names.
    """
    if any(isinstance(value, SlackId) for value in (params or {}).values()):
        return _with_names(t, key, params or {})
    params = {name: list_text(name, value, t) for name, value in (params or {}).items()}
    shown = {name: block_kit.isolated(value) if isinstance(value, str) else value for name, value in params.items()}
    inert = {name: value.translate(_PARSED) if isinstance(value, str) else value for name, value in params.items()}
    text = block_kit.clip(t(key, **inert), block_kit.NOTIFICATION_MAX)
    return Message(text, (block_kit.section(block_kit.plain(t(key, **shown))),))


def _with_names(t: Translator, key: str, params: Mapping[str, Any]) -> Message:
    """A sentence that names people or channels: Slack shows their names, and nobody is called."""
    marked = {name: f"\0{name}\0" if isinstance(value, SlackId) else value for name, value in params.items()}
    parts = t(key, **marked).split("\0")
    elements = [
        _element(part, params) if number % 2 else block_kit.text_element(part)
        for number, part in enumerate(parts)
        if part
    ]
    return Message(t("sentence.notification"), (block_kit.rich_text(block_kit.rich_line(*elements)),))


def _element(name: str, params: Mapping[str, Any]) -> Element:
    value = params[name]
    return block_kit.user_element(value) if isinstance(value, UserId) else block_kit.channel_element(value)


def fault_message(t: Translator, key: str, incident: str) -> Message:
    """Something broke: what that means for the person, and the incident id to quote."""
    message = sentence(t, key if t.has_message(key) else "fault.unexpected")
    return Message(message.text, (*message.blocks, block_kit.context(t("fault.incident", incident=incident))))


def list_text(name: str, value: Any, t: Translator) -> Any:
    """A parameter's value, a list as one in a sentence: under `fields` a list of fields that differ, else of texts."""
    if not isinstance(value, list):
        return value
    return t.format_list(
        [field_label(each, t) if name == "fields" else block_kit.isolated(str(each)) for each in value]
    )


def field_label(name: str, t: Translator) -> str:
    """What a person reads for a field that differs."""
    return t(FIELDS[name], number=2 if name == "button_2" else 1) if name in FIELDS else name
