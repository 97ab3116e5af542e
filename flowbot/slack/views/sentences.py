"""Sentences as messages, and values in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowbot.domain.flow import ALL_SUBSCRIBERS, FlowButton, WaitTime
from flowbot.domain.ids import ChannelId, SlackId, UserId, WebsiteId
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element, Message, single_line

_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\N{WORD JOINER}{mark}\N{WORD JOINER}" for mark in "@#*_~`:./"}
)


FIELD_KEYS: Final[Mapping[str, str]] = {
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


NAMED_CHANNEL_KEYS: Final[Mapping[str, str]] = {
    "denied.no_policy": "denied.no_policy_in",
    "denied.not_listed": "denied.not_listed_in",
    "denied.not_open": "denied.not_open_in",
    "form.website_gone": "form.website_gone_in",
    "request.no_approvers": "request.no_approvers_in",
}
"""Sentences that speak of this channel, and what is said where they may be read elsewhere: the channel's name."""


def with_channel_name(channel: ChannelId, key: str, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A sentence for who may read it elsewhere, in a direct message: where it speaks of this channel, it names it."""
    return (NAMED_CHANNEL_KEYS[key], {**params, "channel": channel}) if key in NAMED_CHANNEL_KEYS else (key, params)


def sentence_message(t: Translator, key: str, params: Mapping[str, Any] | None = None) -> Message:
    """One sentence. Text among `params` may be anybody's: it is shown as it is, and never parsed.

    People and channels among them are shown by their names.
    """
    if any(isinstance(value, SlackId) for value in (params or {}).values()):
        return _with_names(t, key, params or {})
    params = {name: format_list(name, value, t) for name, value in (params or {}).items()}
    shown = {name: block_kit.isolate(value) if isinstance(value, str) else value for name, value in params.items()}
    inert = {name: value.translate(_ESCAPES) if isinstance(value, str) else value for name, value in params.items()}
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
    message = sentence_message(t, key if t.has_message(key) else "fault.unexpected")
    return Message(message.text, (*message.blocks, block_kit.context(t("fault.incident", incident=incident))))


def format_list(name: str, value: Any, t: Translator) -> Any:
    """A parameter's value, a list as one in a sentence: under `fields` a list of fields that differ, else of texts."""
    if not isinstance(value, list):
        return value
    return t.format_list([field_label(each, t) if name == "fields" else block_kit.isolate(str(each)) for each in value])


def field_label(name: str, t: Translator) -> str:
    """What a person reads for a field that differs."""
    return t(FIELD_KEYS[name], number=2 if name == "button_2" else 1) if name in FIELD_KEYS else name


TEXT_MAX: Final = 1000
"""Not a limit that Slack states for a field's error: far more than any sentence of flowbot's."""


def format_text(t: Translator, key: str, params: Mapping[str, Any]) -> str:
    """A sentence as plain text; foreign text in it cannot turn its surroundings around."""
    return block_kit.clip(t(key, **{name: _shown(name, value, t) for name, value in params.items()}), TEXT_MAX)


def _shown(name: str, value: Any, t: Translator) -> Any:
    listed = format_list(name, value, t)
    return block_kit.isolate(listed) if isinstance(value, str) else listed


_MARK: Final = re.compile("\0([a-z_]+)\0")


def sentence_elements(t: Translator, key: str, elements: Mapping[str, Sequence[Element]], **own: Any) -> list[Element]:
    """A sentence for a rich text block.

    Args:
        t: the reader's words.
        key: the message.
        elements: what stands at its placeholders: people, foreign text.
        own: placeholders filled with flowbot's own words and numbers.
    """
    text = t(key, **{name: f"\0{name}\0" for name in elements}, **own)
    found: list[Element] = []
    for number, part in enumerate(_MARK.split(text)):
        if number % 2:
            found += elements[part]
        elif part:
            found.append(block_kit.text_element(part))
    return found


NAME_MAX: Final = 150


def format_segment(segment: str, name: str | None, t: Translator) -> str:
    """A segment as Enkapush is sent it, in words; by its number where its name is not known."""
    if segment == ALL_SUBSCRIBERS:
        return t("form.segment_all")
    shown = block_kit.clip(single_line(name or ""), NAME_MAX) or t("form.segment_number", id=segment)
    return block_kit.isolate(shown)


def format_wait(wait: WaitTime, t: Translator) -> str:
    """`3 days`; a unit that flowbot does not know is told as Enkapush has it."""
    units = {"minutes": "minute", "hours": "hour", "days": "day"}
    unit = units.get(wait.unit)
    return t.format_units(wait.amount, unit) if unit else f"{t.format_number(wait.amount)} {wait.unit}"


def format_website(website: WebsiteId, names: Mapping[WebsiteId, str], t: Translator) -> str:
    """The website's name, or its number where it has none."""
    name = names.get(website)
    return block_kit.isolate(name) if name else t("flow.website", id=str(website))


def format_button(button: FlowButton) -> str:
    """A push's button: its title and where it leads."""
    return " → ".join(part for part in (button.title, button.url) if part)


def format_ttl(seconds: int | None, t: Translator) -> str:
    """A time to live in words."""
    if seconds is None:
        return t("flow.none")
    return t.format_duration(seconds) if seconds else t("flow.ttl_zero")
