"""Sentences as messages, and values in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import FIELDS, LABEL_KEYS, PLAIN_FIELDS, FieldKind, FormField
from flowbot.domain.flow import ALL_SUBSCRIBERS, FlowButton, Totals, WaitTime
from flowbot.domain.ids import ChannelId, GroupId, SlackId, UserId, WebsiteId
from flowbot.domain.text import is_blank, isolate
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.message import Message

NAME_MAX: Final = 150
NAMED_MAX: Final = 10
"""People and groups that a sentence names."""
TEXT_MAX: Final = 1000
"""Not a limit that Slack states for a field's error: far more than any sentence of flowbot's."""

NAMED_CHANNEL_KEYS: Final[Mapping[str, str]] = {
    "denied.no_policy": "denied.no_policy_in",
    "denied.no_policy_yet": "denied.no_policy_in",
    "denied.not_listed": "denied.not_listed_in",
    "denied.only_edit": "denied.only_edit_in",
    "denied.only_share": "denied.only_share_in",
    "denied.only_view": "denied.only_view_in",
    "denied.not_open": "denied.not_open_in",
    "form.website_gone": "form.website_gone_in",
    "request.no_approvers": "request.no_approvers_in",
    "request.too_few_approvers": "request.too_few_approvers_in",
    "request.too_few_other_approvers": "request.too_few_other_approvers_in",
    "request.too_few_in_stage": "request.too_few_in_stage_in",
}
"""Sentences about "this channel", each with the one that names the channel."""

_PLACEHOLDER: Final = re.compile("\0([A-Za-z0-9_]+)\0")


def with_channel_name(text: Text, channel: ChannelId) -> Text:
    """Name the channel in a sentence about "this channel", for who reads it elsewhere."""
    if text.params.get("people") == [channel]:
        return Text("denied.only_members", {"channel": channel})
    key = NAMED_CHANNEL_KEYS.get(text.key)
    return text if key is None else Text(key, {**text.params, "channel": channel})


def format_kind(kind: ChangeKind, t: Translator) -> str:
    """Format what a change does: `Enable`."""
    # Keys: kind.create, kind.edit, kind.enable, kind.disable, kind.delete, kind.restore
    return t(f"kind.{kind}")


def sentence_message(t: Translator, text: Text) -> Message:
    """Build a message of one sentence.

    Strings among its parameters may be anybody's: they are shown as they are, and never parsed. People, groups and
    channels among them, one or a list, are shown by name; nobody is notified. A text among them is a part of it.
    """
    match _text_elements(text, t):
        case [{"type": "text", "text": str(plain)}]:
            return Message((block_kit.paragraph(plain),))
        case line:
            return Message((block_kit.rich_paragraph(*line),))


def _text_elements(text: Text, t: Translator) -> list[Element]:
    key, params = text.key, text.params
    names = {name: elements for name, value in params.items() if (elements := _name_elements(value, t))}
    if names:
        others = {name: value for name, value in params.items() if name not in names}
        return sentence_elements(t, key, names, **others)
    return [block_kit.text_element(_format_sentence(t, text))]


def _name_elements(value: object, t: Translator) -> list[Element]:
    """Build the name of an id of Slack's, the names of a list of them, or a text; nothing for any other value.

    In a list, a channel stands for the people in it.
    """
    match value:
        case Text():
            return _text_elements(value, t)
        case UserId():
            return [block_kit.user_element(value)]
        case GroupId():
            return [block_kit.group_element(value)]
        case ChannelId():
            return [block_kit.channel_element(value)]
        case [SlackId(), *_]:
            elements = {str(each): _name_elements(each, t) for each in value}
            for channel in (each for each in value if isinstance(each, ChannelId)):
                elements[channel] = sentence_elements(t, "denied.people_in", {"channel": elements[channel]})
            return list_elements(elements, t)
        case _:
            return []


def list_elements(named: Mapping[str, Sequence[Element]], t: Translator) -> list[Element]:
    """Build the first names of a list in a sentence, by their ids, and how many more there are."""
    first, more = list(named)[:NAMED_MAX], len(named) - NAMED_MAX
    others = [t("help.more", n=more)] if more > 0 else []
    return _fill(t.format_list([*(f"\0{each}\0" for each in first), *others]), named)


def sentence_elements(
    t: Translator, key: str, elements: Mapping[str, Sequence[Element]], /, **own: Any
) -> list[Element]:
    """Build a sentence for a rich text block.

    Args:
        t: the reader's words.
        key: the message.
        elements: what stands at its placeholders: people, foreign text.
        own: placeholders filled with flowbot's own words and numbers.
    """
    return _fill(t(key, **{name: f"\0{name}\0" for name in elements}, **own), elements)


def _fill(text: str, elements: Mapping[str, Sequence[Element]]) -> list[Element]:
    """Split a text with placeholders between zero bytes into elements."""
    found: list[Element] = []
    for number, part in enumerate(_PLACEHOLDER.split(text)):
        if number % 2:
            found += elements[part]
        elif part:
            found.append(block_kit.text_element(part))
    return found


def fault_message(t: Translator, text: Text, incident: str) -> Message:
    """Build the message about a fault, with the incident id to quote."""
    message = sentence_message(t, text if t.has_message(text.key, text.params) else Text("fault.unexpected"))
    return Message((*message.blocks, block_kit.context(t("fault.incident", incident=incident))))


def format_text(t: Translator, text: Text) -> str:
    """Format a sentence as plain text."""
    return block_kit.clip(_format_sentence(t, text), TEXT_MAX)


def _format_sentence(t: Translator, text: Text) -> str:
    """Format a sentence, and lists in it: of labels under the name `fields`, of texts otherwise."""
    lists = {name: value for name, value in text.params.items() if isinstance(value, list)}
    texts = {
        name: t.format_list([format_label(each, t) if name == "fields" else str(each) for each in value])
        for name, value in lists.items()
    }
    return t(text.key, **{**text.params, **texts})


def format_label(field: str, t: Translator) -> str:
    """Return the label of a field that differs; one without a label goes by its name."""
    return t(LABEL_KEYS[field], number=2 if field == "button_2" else 1) if field in LABEL_KEYS else field


def format_value(field: str, value: Any, names: Mapping[WebsiteId, str], t: Translator) -> str:
    """Format the value of a field that differs, which is the flow's own or plain data; an empty one as no text."""
    match value:
        case None:
            text = ""
        case bool():
            text = format_enabled(value, t) if field == "is_enabled" else format_yes_no(value, t)
        case WaitTime():
            text = format_wait(value, t)
        case {"amount": int(amount), "unit": str(unit)}:
            text = format_wait(WaitTime(amount, unit), t)
        case FlowButton():
            text = format_button(value)
        case {"title": str(title), "url": str(url)}:
            text = format_button(FlowButton(title, url))
        case _ if field in PLAIN_FIELDS:
            text = _format_plain(FIELDS[PLAIN_FIELDS[field]], value, names, t)
        case _:
            text = str(value)
    return text


def _format_plain(field: FormField, value: Any, names: Mapping[WebsiteId, str], t: Translator) -> str:
    if field.kind is FieldKind.WEBSITE and isinstance(value, int):
        return format_website(WebsiteId(value), names, t)
    if field.kind is FieldKind.TTL and isinstance(value, int):
        return format_ttl(value, t)
    key = field.choices.get(value) if isinstance(value, str) else None
    return t(key) if key else str(value)


def format_segment(segment: str, name: str | None, t: Translator) -> str:
    """Format a segment as it is sent to Enkapush; by its number where its name is not known."""
    if segment == ALL_SUBSCRIBERS:
        return t("form.segment_all")
    return block_kit.single_line(name or "", NAME_MAX) or t("form.segment_number", id=segment)


def format_name(name: str, t: Translator, *, limit: int = NAME_MAX) -> str:
    """Format a flow's name on one line, shortened to `limit` characters; what stands for one that has none."""
    return t("flow.unnamed") if is_blank(name) else block_kit.single_line(name, limit)


def format_wait(wait: WaitTime, t: Translator) -> str:
    """Format a wait: `3 days`; a unit that flowbot does not know is shown as Enkapush has it."""
    units = {"minutes": "minute", "hours": "hour", "days": "day"}
    unit = units.get(wait.unit)
    return t.format_units(wait.amount, unit) if unit else f"{t.format_number(wait.amount)} {wait.unit}"


def format_website(website: WebsiteId, names: Mapping[WebsiteId, str], t: Translator) -> str:
    """Return the website's name, or its number where it has none."""
    name = names.get(website)
    return isolate(name) if name else t("flow.website", id=str(website))


def format_button(button: FlowButton) -> str:
    """Format a push's button: its title and its URL."""
    return " → ".join(block_kit.clip(part, block_kit.SECTION_MAX) for part in (button.title, button.url) if part)


def format_ttl(seconds: int, t: Translator) -> str:
    """Format a time to live."""
    return t.format_duration(seconds) if seconds else t("flow.ttl_zero")


def format_sent(totals: Totals, t: Translator) -> str:
    """Format how often a push was sent: `2,240 sent`, `never sent`."""
    return t("flow.sent", n=totals.sent) if totals.sent else t("flow.never_sent")


def format_enabled(is_enabled: bool, t: Translator) -> str:
    """Format a flow's state: `Enabled`."""
    return t("flow.enabled" if is_enabled else "flow.disabled")


def format_yes_no(value: bool, t: Translator) -> str:
    """Format a setting: `Yes`."""
    return t("flow.yes" if value else "flow.no")


def format_long_list(items: Sequence[str], t: Translator, *, limit: int) -> str:
    """Format the first `limit` of foreign texts as a list in a sentence, and how many more; no text for none."""
    first, more = list(items[:limit]), len(items) - limit
    return t.format_list([*first, t("help.more", n=more)] if more > 0 else first)
