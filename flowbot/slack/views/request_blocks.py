"""Parts of a request's message: differences, votes, people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.approval_rule import Principal
from flowbot.domain.change import STORED_OTHERWISE, Change, ChangeKind
from flowbot.domain.fields import FIELDS, FieldKind
from flowbot.domain.flow import FieldDifference, Flow, FlowButton
from flowbot.domain.ids import GroupId, UserId, WebsiteId
from flowbot.domain.images import ImageInfo
from flowbot.domain.outcomes import HIDDEN
from flowbot.domain.progress import Closure, ClosureKind
from flowbot.domain.text import is_blank
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import block_kit, flow_settings, push, sentences
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.sentences import sentence_elements
from flowbot.slack.views.times import format_times

NAME_MAX: Final = 100
REASON_MAX: Final = 1000
VALUE_MAX: Final = 1000
"""Not limits that Slack states: enough to recognise a text; the push is shown whole beside it."""

CONFIRM_KEYS: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    ChangeKind.ENABLE: ("request.confirm_enable", "request.confirm_enable_text"),
    ChangeKind.DELETE: ("request.confirm_delete", "request.confirm_delete_text"),
}
"""Title and text of what an approver has to confirm, by kind."""
CLOSING_REASON_KEYS: Final[Mapping[ClosureKind, str]] = {
    ClosureKind.REJECTED: "request.reason_rejected",
    ClosureKind.WITHDRAWN: "request.reason",
    ClosureKind.BREAK_GLASS: "request.reason_skipped",
}
"""Labels of the reason with which a person closed a request."""
WITHOUT_PICTURE_KEYS: Final[Mapping[str, str]] = {"applied.delete": "applied.delete_without_picture"}
"""For outcomes of a flow whose picture is lost: the keys that say so."""


def format_subject(change: Change, t: Translator) -> str:
    """Format the flow's number and name as plain text."""
    number, name = change.flow_id, format_flow_name(change, t)
    return name if number is None else f"#{number} {name}"


def format_flow_subject(flow: Flow, t: Translator) -> str:
    """Format the number and name of a flow as plain text."""
    return f"#{flow.id} {sentences.format_name(flow.name, t, limit=NAME_MAX)}"


def format_flow_name(change: Change, t: Translator) -> str:
    """Return the flow's name on one line and shortened: foreign text, not escaped."""
    request = change.request
    name = request.before.name if request.before else request.wanted.content.name if request.wanted else ""
    return block_kit.single_line(name, NAME_MAX) or t("flow.unnamed")


def outcome_text(change: Change, t: Translator, *, otherwise: str = "request.outcome_unreadable") -> Text:
    """Return the outcome's sentence; that of the key `otherwise` where flowbot has none for it, or cannot fill it.

    The flow's name is among its parameters for sentences about a flow whose number is not known; outcomes of older
    versions do not hold it.
    """
    if change.outcome is None:
        return Text(otherwise)
    key = change.outcome.key
    key = WITHOUT_PICTURE_KEYS.get(key, key) if change.lacks_image else key
    text = Text(key, {"name": format_flow_name(change, t), **change.outcome.params})
    return text if t.has_message(text.key, text.params) else Text(otherwise)


def format_title(change: Change, t: Translator) -> str:
    """Format the change as `Enable #12`, in flowbot's own words alone."""
    number, kind = change.flow_id, sentences.format_kind(change.request.kind, t)
    return kind if number is None else f"{kind} #{number}"


def format_named_title(change: Change, t: Translator) -> str:
    """Format the change as `Enable #12 Sale`: the name is foreign text, not escaped."""
    return f"{format_title(change, t)} {format_flow_name(change, t)}"


def format_hint(label: str, change: Change, t: Translator) -> str:
    """Format a button's label with its request, for who hears it among others: `Open: Enable #12 Sale`.

    Disables to come, of which a flow may have several, are told apart by their time: `Open: 18:00 · Disable #12 Sale`.
    """
    stops_at = change.request.not_before if change.request.is_timed_disable else None
    when = "" if stops_at is None else f"{t.format_datetime(stops_at)} · "
    return f"{label}: {when}{format_named_title(change, t)}"


def format_request_website(details: RequestDetails, t: Translator) -> str:
    """Return the name of the flow's website, as of after the change."""
    return sentences.format_website(details.website, details.website_names, t)


def settings_block(details: RequestDetails, t: Translator) -> Block:
    """Build the push's website and settings, a line each."""
    content, sent, settings = details.content, details.sent, details.settings
    rows = [(t("field.website"), format_request_website(details, t))]
    if content is not None:
        segment = flow_settings.format_after("segment", sent, settings, t)
        rows += [*push.settings_rows(content, t, segment=segment), *flow_settings.utm_rows(settings, t, sent)]
    return block_kit.labelled_lines(rows)


def mention_elements(principals: Iterable[Principal]) -> list[Element]:
    """Build mentions of people and groups; "everyone" is left out."""
    elements: list[Element] = []
    for principal in principals:
        if isinstance(principal, UserId):
            elements += [block_kit.user_element(principal), block_kit.text_element(" ")]
        elif isinstance(principal, GroupId):
            elements += [block_kit.group_element(principal), block_kit.text_element(" ")]
    return elements


def closing_reason_blocks(closing: Closure, t: Translator) -> list[Block]:
    """Build the reason with which a person closed a request; nothing for a blank one."""
    return reason_blocks(closing.reason, t, CLOSING_REASON_KEYS[closing.how])


def reason_blocks(text: str, t: Translator, label_key: str = "request.reason") -> list[Block]:
    """Build a reason under its label, as a quote, as it was typed; nothing for a blank one."""
    if is_blank(text):
        return []
    label = block_kit.text_element(f"{t(label_key)}: ", bold=True)
    reason = block_kit.text_element(text.strip(), limit=REASON_MAX)
    return [block_kit.rich_text(block_kit.quote(label, reason))]


def progress_elements(details: RequestDetails, t: Translator, people: People = MENTIONED) -> list[Element]:
    """Build how many of the needed approvals were given, and by whom."""
    progress = block_kit.text_element(format_progress(details, t), bold=True)
    if not details.approvals:
        return [progress]
    return [progress, block_kit.text_element(": "), *people.deciders(details.approvals, t)]


def format_progress(details: RequestDetails, t: Translator) -> str:
    """Format the progress as `1/2 approvals`; of a request with stages, that of the one that waits."""
    progress = t("request.progress", given=len(details.approvals), n=details.quorum)
    if not details.has_stages or details.stage is None:
        return progress
    return t("stage.progress", n=details.stage + 1, of=len(details.quorums), progress=progress)


def image_fault_blocks(change: Change, t: Translator) -> list[Block]:
    """Build the warning that the picture of a flow to be deleted is not kept; nothing where it is."""
    fault = change.progress.image_fault
    # Keys: request.picture_late, request.picture_lost
    return [] if fault is None else [block_kit.paragraph(t(f"request.picture_{fault}"))]


def expiry_elements(details: RequestDetails, t: Translator, now: datetime) -> list[Element]:
    """Build when the request expires, in each reader's own zone; nothing once that is past."""
    at = details.expires_at
    if at is None or at <= now:
        return []
    return sentence_elements(t, "request.expires", {"when": [block_kit.date_element(at, t.format_datetime(at))]})


def approve_button(details: RequestDetails, t: Translator, *, hint: str | None = None) -> Element:
    """Build the Approve button, with a confirmation dialog for kinds that need one.

    Beside a push that its readers may not see it opens a form that shows it.
    """
    change = details.change
    value = ChangeValue(change=change.id, is_unseen=not details.shows_content, round=change.progress.round).dump()
    button = block_kit.button(t("button.approve"), ActionId.APPROVE, value, style="primary", hint=hint)
    keys, text = CONFIRM_KEYS.get(details.change.request.kind), confirmation_text(details, t)
    if keys is None or text is None:
        return button
    title = t(keys[0], id=str(change.flow_id))
    text = f"{format_times(change.request, t)}\n{text}".lstrip()
    return button | {"confirm": block_kit.confirm_dialog(title, text, yes=t("button.approve"), no=t("request.cancel"))}


def confirmation_text(details: RequestDetails, t: Translator) -> str | None:
    """Return what an approver has to confirm; None for kinds that need no confirmation, or without the push."""
    change, content = details.change, details.content
    keys = CONFIRM_KEYS.get(change.request.kind)
    if keys is None or content is None:
        return None
    wait, website = sentences.format_wait(content.wait, t), format_request_website(details, t)
    segment = flow_settings.format_after("segment", details.sent, details.settings, t)
    if change.request.kind is ChangeKind.ENABLE and segment:
        return t("request.confirm_enable_segment", website=website, wait=wait, segment=segment)
    if change.request.kind is ChangeKind.DELETE and details.settings.is_certain:
        return t("request.confirm_delete_known", website=website)
    return t(keys[1], website=website, wait=wait)


def request_details_button(change: Change, t: Translator) -> Element:
    """Build the button that shows the whole request, for a message that has it in short."""
    return block_kit.button(t("button.show"), ActionId.CHANGE_WHOLE, ChangeValue(change=change.id).dump())


def open_button(link: str, t: Translator, *, hint: str | None = None) -> Element:
    """Build the button that leads to the request's message."""
    return block_kit.link_button(t("button.open"), ActionId.CHANGE_OPEN, link, hint=hint)


def edit_blocks(
    details: RequestDetails,
    t: Translator,
    shorten: Callable[[Any], Any] = lambda value: value,
    title: str = "request.changes",
) -> list[Block]:
    """Build what an edit changes, a field a line; without the old value where that is not known.

    Where readers may not see the push, only the fields are named.

    Args:
        details: the request.
        t: the reader's words.
        shorten: makes a value as short as it has to be.
        title: the key of the title.
    """
    edits = [replace(each, before=shorten(each.before), after=shorten(each.after)) for each in details.edits]
    lines = [_difference_line(each, details.website_names, t) for each in edits]
    if details.change.request.kind is ChangeKind.EDIT:
        rows = _write_only_rows(details, t, shorten)
        lines += [_change_line(*row, t) if details.shows_content else _label_line(row[0]) for row in rows]
    return _titled_list(t(title), lines)


def shortener(limit: int) -> Callable[[Any], Any]:
    """Return what clips each text of a field's value to `limit`."""

    def shorten(value: Any) -> Any:
        match value:
            case str():
                return block_kit.clip(value, limit)
            case FlowButton():
                return FlowButton(block_kit.clip(value.title, limit), block_kit.clip(value.url, limit))
            case _:
                return value

    return shorten


def _write_only_rows(
    details: RequestDetails, t: Translator, shorten: Callable[[Any], Any]
) -> list[tuple[str, str | None, str]]:
    """Return labels, old values as far as they are known, and new values of the fields that Enkapush never shows."""
    request, rows = details.change.request, []
    for name, field in FIELDS.items():
        if field.is_write_only and (value := getattr(details.sent, name)) is not None:
            if field.kind is FieldKind.SEGMENT:
                text = flow_settings.format_setting(name, value, details.settings, t)
            else:
                text = block_kit.clip(shorten(value), VALUE_MAX)
            rows.append((t(field.label), flow_settings.format_known(name, details.settings, t), text))
    if request.image or request.picture:
        rows.append((t("field.image"), None, _format_new_image(details.new_image, t)))
    return rows


def _format_new_image(image: ImageInfo | None, t: Translator) -> str:
    if image is None:
        return t("request.new_picture")
    return t("request.new_picture_of", type=push.format_image_type(image), size=t.format_size(image.size))


def parse_differences(params: Mapping[str, Any], name: str = "differences") -> tuple[FieldDifference, ...]:
    """Read the differences among an outcome's parameters, which are plain data."""
    given = params.get(name)
    entries = given if isinstance(given, list | tuple) else ()
    return tuple(
        FieldDifference(str(entry["field"]), entry.get("before"), entry.get("after"), is_hidden=HIDDEN in entry)
        for entry in entries
        if isinstance(entry, Mapping) and "field" in entry
    )


def stored_otherwise_blocks(change: Change, names: Mapping[WebsiteId, str], t: Translator) -> list[Block]:
    """Build what Enkapush stores otherwise than it was sent, sent → stored; nothing where it stores all as sent."""
    if change.outcome is None or not change.is_stored_otherwise:
        return []
    found = parse_differences(change.outcome.params, STORED_OTHERWISE)
    readable = [each for each in found if each.field != "image_url"]
    image = [block_kit.paragraph(t("request.picture_not_stored"))] if len(readable) < len(found) else []
    return [*image, *difference_blocks(readable, names, t, title=t("request.stored_otherwise"))]


def unreadable_blocks(change: Change, t: Translator) -> list[Block]:
    """Build the remark on an edit whose segment or UTM values cannot be read back; nothing where it has none."""
    wanted = change.request.wanted
    if change.request.kind is not ChangeKind.EDIT or wanted is None or wanted.write_only.is_empty:
        return []
    return [block_kit.context(t("request.unreadable"))]


def difference_blocks(
    differences: Sequence[FieldDifference], names: Mapping[WebsiteId, str], t: Translator, *, title: str
) -> list[Block]:
    """Build old → new, a field a line, under a title; nothing where nothing differs."""
    return _titled_list(title, [_difference_line(each, names, t) for each in differences])


def _titled_list(title: str, lines: Sequence[Element]) -> list[Block]:
    heading = block_kit.rich_line(block_kit.text_element(title, bold=True))
    return [block_kit.rich_text(heading, block_kit.bullets(lines))] if lines else []


def _difference_line(difference: FieldDifference, names: Mapping[WebsiteId, str], t: Translator) -> Element:
    field = difference.field
    label = sentences.format_label(field, t)
    if difference.is_hidden:
        return _label_line(label)
    before, after = (_format_value(field, value, names, t) for value in (difference.before, difference.after))
    return _change_line(label, before, after, t)


def _label_line(label: str) -> Element:
    return block_kit.rich_line(block_kit.text_element(label, bold=True))


def _change_line(label: str, before: str | None, after: str, t: Translator) -> Element:
    """Build old → new; without the old value where it is empty or not known."""
    arrow = [block_kit.text_element("→ ", bold=True)]
    if before:
        arrow = [block_kit.text_element(before), block_kit.text_element(" → ", bold=True)]
    new = block_kit.text_element(after or t("request.removed"))
    return block_kit.rich_line(block_kit.text_element(f"{label}: ", bold=True), *arrow, new)


def _format_value(field: str, value: Any, names: Mapping[WebsiteId, str], t: Translator) -> str:
    text = sentences.format_value(field, value, names, t)
    return "" if is_blank(text) else block_kit.clip(text, VALUE_MAX)
