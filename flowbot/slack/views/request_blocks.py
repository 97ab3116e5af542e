"""Parts of a request's message: differences, votes, people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.change import Change, ChangeKind
from flowbot.domain.flow import FieldDifference, FlowButton, WaitTime, WriteOnlyFields
from flowbot.domain.ids import FlowId, GroupId, UserId, WebsiteId
from flowbot.domain.policy import Principal
from flowbot.domain.text import is_blank
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, push, sentences
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.sentences import sentence_elements

NAME_MAX: Final = 100


REASON_MAX: Final = 1000


VALUE_MAX: Final = 1000
"""Not limits that Slack states: enough to recognise a text; the push is shown whole beside it."""


_FIELD_KEYS: Final[Mapping[str, str]] = {
    **sentences.FIELD_KEYS,
    "is_enabled": "request.field_state",
    "utm_source": "field.utm_source",
    "utm_medium": "field.utm_medium",
    "utm_campaign": "field.utm_campaign",
}


CONFIRM_KEYS: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    ChangeKind.ENABLE: ("request.confirm_enable", "request.confirm_enable_text"),
    ChangeKind.DELETE: ("request.confirm_delete", "request.confirm_delete_text"),
}
"""What is asked once more before it is approved."""


def find_flow_id(change: Change) -> FlowId | None:
    """The flow that a change is about: for a restored one, the flow that was deleted."""
    if change.request.flow is not None:
        return change.request.flow
    if change.request.before is not None:
        return change.request.before.id
    return change.outcome.flow if change.outcome else None


def format_subject(change: Change, t: Translator) -> str:
    """The flow's number and name, as plain text."""
    number, shown = find_flow_id(change), block_kit.isolate(format_flow_name(change, t))
    return shown if number is None else f"#{number} {shown}"


def format_flow_name(change: Change, t: Translator) -> str:
    """The flow's name as it was typed, on one line and not too long; foreign text that nothing was done to yet."""
    asked = change.request
    given = asked.before.name if asked.before else asked.wanted.content.name if asked.wanted else ""
    return block_kit.clip(block_kit.single_line(given), NAME_MAX) or t("flow.unnamed")


def outcome_params(change: Change, t: Translator) -> Mapping[str, Any]:
    """What the placeholders of the outcome's sentence stand for: a flow of which no number is known goes by its name.

    The name is the change's own, so that an outcome that was kept by an older flowbot is named too.
    """
    return {"name": format_flow_name(change, t)} | dict(change.outcome.params if change.outcome else {})


def format_title(change: Change, t: Translator) -> str:
    """`Enable #12`, in flowbot's own words alone."""
    number, kind = find_flow_id(change), t(f"kind.{change.request.kind}")
    return kind if number is None else f"{kind} #{number}"


def deed(change: Change, t: Translator, key: str, verb: str) -> list[Element]:
    """`Emma asks to enable flow #12`."""
    elements = {
        "person": [block_kit.user_element(change.request.requester)],
        "flow": [block_kit.text_element(format_subject(change, t), bold=True)],
    }
    return sentence_elements(t, key, elements, deed=t(f"request.{verb}_{change.request.kind}"))


def people_elements(persons: Iterable[UserId]) -> list[Element]:
    """Names, separated by commas."""
    found: list[Element] = []
    for user in persons:
        found += (
            [block_kit.text_element(", "), block_kit.user_element(user)] if found else [block_kit.user_element(user)]
        )
    return found


def mention_elements(principals: Iterable[Principal]) -> list[Element]:
    """Those whom a policy names, mentioned. Everyone is nobody in particular."""
    found: list[Element] = []
    for principal in principals:
        if isinstance(principal, UserId):
            found += [block_kit.user_element(principal), block_kit.text_element(" ")]
        elif isinstance(principal, GroupId):
            found += [block_kit.group_element(principal), block_kit.text_element(" ")]
    return found


def reason_blocks(text: str, t: Translator) -> list[Block]:
    """Why, as it was typed."""
    if is_blank(text):
        return []
    told = block_kit.isolate(block_kit.clip(text.strip(), REASON_MAX))
    return [
        block_kit.rich_text(
            block_kit.quote(block_kit.text_element(f"{t('request.reason')}: ", bold=True), block_kit.text_element(told))
        )
    ]


def progress_elements(shown: RequestDetails, t: Translator) -> list[Element]:
    """How many approvals there are of how many, and whose."""
    told = block_kit.text_element(format_progress(shown, t), bold=True)
    return [told, block_kit.text_element(": "), *people_elements(shown.approvals)] if shown.approvals else [told]


def format_progress(shown: RequestDetails, t: Translator) -> str:
    """`1 of 2 approvals`."""
    return t("request.progress", given=len(shown.approvals), n=shown.quorum)


def expiry_elements(shown: RequestDetails, t: Translator, now: datetime) -> list[Element]:
    """When it expires, on each reader's own clock; nothing once that is past."""
    at = shown.expires_at
    if at is None or at <= now:
        return []
    return sentence_elements(t, "request.expires", {"when": [block_kit.date_element(at, t.format_datetime(at))]})


def settings_block(shown: RequestDetails, t: Translator) -> Block:
    """Where the push goes, when, and how it behaves."""
    content = shown.content
    wanted = shown.change.request.wanted
    segment = wanted.unread.segment if wanted else None
    named = None if segment is None else sentences.format_segment(segment, None, t)
    rows = [] if content is None else push.settings_rows(push.draft_as_flow(content, None), t, segment=named)
    return block_kit.labelled_lines([(t("field.website"), format_request_website(shown, t)), *rows])


def format_request_website(shown: RequestDetails, t: Translator) -> str:
    """The name of the website that the flow is for, once the change is applied."""
    content = shown.content
    return sentences.format_website(
        content.website_id if content else shown.change.request.website, shown.website_names, t
    )


def confirm_dialog(shown: RequestDetails, t: Translator) -> Element:
    """The confirmation dialog of the Approve button, for kinds that need one."""
    keys, content = CONFIRM_KEYS.get(shown.change.request.kind), shown.content
    if keys is None or content is None:
        return {}
    title = t(keys[0], id=str(find_flow_id(shown.change)))
    text = t(keys[1], website=format_request_website(shown, t), wait=sentences.format_wait(content.wait, t))
    return {"confirm": block_kit.confirm_dialog(title, text, yes=t("button.approve"), no=t("request.cancel"))}


def edit_blocks(shown: RequestDetails, t: Translator, short: Callable[[Any], Any] = lambda value: value) -> list[Block]:
    """What an edit changes, a field a line; without the old value where Enkapush never tells it.

    Args:
        shown: the request.
        t: the reader's words.
        short: makes a value as short as it has to be.
    """
    found = [replace(each, before=short(each.before), after=short(each.after)) for each in shown.edits]
    lines = [_difference(each, shown.website_names, t) for each in found]
    lines += [_new_value(label, short(value)) for label, value in _unread_of(shown, t)]
    return _titled(t("request.changes"), lines)


def _unread_of(shown: RequestDetails, t: Translator) -> list[tuple[str, str]]:
    asked = shown.change.request
    if asked.wanted is None or asked.kind is not ChangeKind.EDIT:
        return []
    picture = [(t("field.image"), t("request.new_picture"))] if asked.wanted.image or asked.picture else []
    return [*_unread(asked.wanted.unread, t), *picture]


def _unread(given: WriteOnlyFields, t: Translator) -> list[tuple[str, str]]:
    names = ("utm_source", "utm_medium", "utm_campaign")
    values = [(t(_FIELD_KEYS[name]), getattr(given, name)) for name in names]
    segment = (
        [(t("field.segment"), sentences.format_segment(given.segment, None, t))] if given.segment is not None else []
    )
    return [*segment, *((label, value or t("flow.none")) for label, value in values if value is not None)]


def parse_differences(params: Mapping[str, Any]) -> tuple[FieldDifference, ...]:
    """The differences that an outcome names, as plain data."""
    given = params.get("differences")
    entries = given if isinstance(given, list | tuple) else ()
    return tuple(
        FieldDifference(str(entry["field"]), entry.get("before"), entry.get("after"))
        for entry in entries
        if isinstance(entry, Mapping) and "field" in entry
    )


def difference_blocks(
    found: Sequence[FieldDifference], names: Mapping[WebsiteId, str], t: Translator, *, title: str
) -> list[Block]:
    """Old → new, a field a line, under a title; nothing where nothing differs."""
    return _titled(title, [_difference(each, names, t) for each in found])


def _titled(title: str, lines: Sequence[Element]) -> list[Block]:
    return (
        [block_kit.rich_text(block_kit.rich_line(block_kit.text_element(title, bold=True)), block_kit.bullets(lines))]
        if lines
        else []
    )


def _new_value(label: str, value: str) -> Element:
    told = block_kit.isolate(block_kit.clip(value, VALUE_MAX))
    return block_kit.rich_line(
        block_kit.text_element(f"{label}: ", bold=True),
        block_kit.text_element("→ ", bold=True),
        block_kit.text_element(told),
    )


def _difference(difference: FieldDifference, names: Mapping[WebsiteId, str], t: Translator) -> Element:
    before, after = (_value(difference.field, value, names, t) for value in (difference.before, difference.after))
    label = block_kit.text_element(f"{format_label(difference.field, t)}: ", bold=True)
    return block_kit.rich_line(
        label, block_kit.text_element(before), block_kit.text_element(" → ", bold=True), block_kit.text_element(after)
    )


def format_label(field: str, t: Translator) -> str:
    """The field's name for people; a field that flowbot does not know goes by its own."""
    return t(_FIELD_KEYS[field], number=2 if field == "button_2" else 1) if field in _FIELD_KEYS else field


def _value(field: str, value: Any, names: Mapping[WebsiteId, str], t: Translator) -> str:
    told = _format_difference_value(field, value, names, t)
    return block_kit.isolate(block_kit.clip(told, VALUE_MAX)) if not is_blank(told) else t("flow.none")


def _format_difference_value(field: str, value: Any, names: Mapping[WebsiteId, str], t: Translator) -> str:  # noqa: PLR0911 - one a kind
    """A value in words, whether it comes from the flow itself or as plain data."""
    match value:
        case None:
            return ""
        case bool() if field == "is_enabled":
            return t("flow.enabled" if value else "flow.disabled")
        case bool():
            return t("flow.yes" if value else "flow.no")
        case WaitTime():
            return sentences.format_wait(value, t)
        case {"amount": int(amount), "unit": str(unit)}:
            return sentences.format_wait(WaitTime(amount, unit), t)
        case FlowButton():
            return sentences.format_button(value)
        case {"title": str(title), "url": str(url)}:
            return sentences.format_button(FlowButton(title, url))
        case int() if field == "website_id":
            return sentences.format_website(WebsiteId(value), names, t)
        case int() if field == "ttl":
            return sentences.format_ttl(value, t)
        case _:
            return str(value)
