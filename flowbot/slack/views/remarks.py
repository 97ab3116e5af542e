"""Remarks on requests: their buttons, what an approver wants changed, replies in the thread, and the list of them."""

from collections.abc import Iterable, Mapping
from typing import Final

from flowbot.domain.audit import AuditAction
from flowbot.domain.change import Change
from flowbot.domain.flow import FieldDifference, hide_values
from flowbot.domain.remarks import Remark
from flowbot.domain.revisions import is_revisable
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import block_kit, headlines, request_blocks
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.form_status import open_form_button
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.sentences import sentence_elements

HEADLINE_KEYS: Final[Mapping[str, str]] = {
    AuditAction.COMMENTED: "remark.commented",
    AuditAction.CHANGES_REQUESTED: "remark.changes_requested",
    AuditAction.REVISED: "remark.revised",
}
LINE_KEYS: Final[Mapping[str, str]] = {
    AuditAction.COMMENTED: "remark.line_commented",
    AuditAction.CHANGES_REQUESTED: "remark.line_changes_requested",
    AuditAction.REVISED: "remark.line_revised",
}


def remark_buttons(change: Change, t: Translator) -> list[Element]:
    """Build the buttons by which people say something about a request that somebody approves."""
    value, buttons = ChangeValue(change=change.id).dump(), []
    if change.rule is not None and is_revisable(change.request):
        buttons.append(block_kit.button(t("button.request_changes"), ActionId.REQUEST_CHANGES, value))
    if change.rule is not None:
        buttons.append(block_kit.button(t("button.comment"), ActionId.COMMENT, value))
    return buttons


def wish_elements(details: RequestDetails, t: Translator, people: People = MENTIONED) -> list[Element]:
    """Build who wants changes before they approve; nothing where nobody does."""
    wish = details.change.progress.wish
    return [] if wish is None else sentence_elements(t, "remark.wish", {"person": [people.element(wish.by)]})


def wish_blocks(details: RequestDetails, t: Translator, people: People) -> list[Block]:
    """Build what an approver wants changed before they approve; without the text where readers may not see it."""
    wish = details.change.progress.wish
    if wish is None:
        return []
    bold = [element | {"style": {"bold": True}} for element in wish_elements(details, t, people)]
    if not details.shows_content:
        return [block_kit.rich_paragraph(*bold)]
    return [block_kit.rich_text(block_kit.quote(*bold, block_kit.text_element(": ", bold=True), _text_of(wish.text)))]


def remark_reply(
    details: RequestDetails, remark: Remark, t: Translator, people: People, *, mentions: bool = False
) -> Message:
    """Build the reply in a request's thread: who says or changes what; without that where readers may not see it.

    Args:
        details: the request.
        remark: the remark.
        t: the words of those who read it.
        people: how people are written.
        mentions: whether it mentions the requester, or the approvers where the approval begins anew.
    """
    requester = details.change.request.requester
    blocks = _remark_blocks(details, remark, t, people)
    if mentions and remark.is_revision:
        if mentioned := request_blocks.mention_elements(details.mentioned):
            blocks.append(block_kit.rich_paragraph(*sentence_elements(t, "request.calls", {"people": mentioned})))
    elif mentions and remark.by != requester:
        told = [block_kit.user_element(requester)]
        if not remark.asks_for_changes:
            told = sentence_elements(t, "request.attention", {"people": told})
        blocks.append(block_kit.rich_paragraph(*told))
    if not details.shows_content:
        blocks.append(block_kit.actions(request_blocks.request_details_button(details.change, t)))
    return Message(tuple(blocks))


def remark_notice(
    details: RequestDetails, remark: Remark, t: Translator, people: People, link: str | None = None
) -> Message:
    """Build the requester's own message: what was said and, where somebody asks for changes, the form to make them.

    Args:
        details: the request.
        remark: the remark.
        t: the requester's words.
        people: how people are written.
        link: a link to the request's message, where that is known.
    """
    change, buttons = details.change, []
    blocks = _remark_blocks(details, remark, t, people)
    if remark.asks_for_changes:
        blocks.append(block_kit.paragraph(t("remark.how_to_change")))
        # An edit's own form as it was typed; for an enable that of its flow.
        buttons.append(open_form_button(change.request.token, t))
    if link:
        buttons.append(request_blocks.open_button(link, t))
    return Message((*blocks, *([block_kit.actions(*buttons)] if buttons else [])))


def remark_list(remarks: Iterable[Remark], t: Translator) -> list[Block]:
    """Build all remarks on a request, oldest first; nothing where there is none."""
    lines = [remark_line(each, t, block_kit.clip(each.text.strip(), request_blocks.REASON_MAX)) for each in remarks]
    if not lines:
        return []
    heading = block_kit.rich_line(block_kit.text_element(t("remark.title"), bold=True))
    return [block_kit.rich_text(heading, block_kit.bullets(lines))]


def remark_line(remark: Remark, t: Translator, text: str) -> Element:
    """Build a remark as a line: who said what, when; `text` is what is shown of its own."""
    person, when = [block_kit.user_element(remark.by)], t.format_datetime(remark.at)
    is_unknown = remark.is_revision and not remark.is_known_revision
    key = "remark.line_revised_unknown" if is_unknown else LINE_KEYS[remark.action]
    line = sentence_elements(t, key, {"person": person}, when=when)
    said = [block_kit.text_element(f": “{text}”", italic=True)] if text else []
    return block_kit.rich_line(*line, *said)


def _remark_blocks(details: RequestDetails, remark: Remark, t: Translator, people: People) -> list[Block]:
    person = {"person": [remark.by]}
    is_unknown = remark.is_revision and not remark.is_known_revision
    key = "remark.revised_unknown" if is_unknown else HEADLINE_KEYS[remark.action]
    blocks = [headlines.build_headline(details, t, key, person, people)]
    if remark.is_revision:
        return [*blocks, *_difference_blocks(list_differences(remark, details), details, t)]
    if not details.shows_content:
        return [*blocks, block_kit.context(t("remark.hidden"))]
    return [*blocks, block_kit.rich_text(block_kit.quote(_text_of(remark.text)))]


def list_differences(remark: Remark, details: RequestDetails) -> tuple[FieldDifference, ...]:
    """List what a revision changed, as far as readers may see it."""
    changed = request_blocks.parse_differences(remark.told)
    return changed if details.shows_content else hide_values(changed)


def revision_blocks(details: RequestDetails, t: Translator) -> list[Block]:
    """Build what the last revision changed, old → new; nothing where there was none."""
    if details.revision is None:
        return []
    return _difference_blocks(list_differences(details.revision, details), details, t)


def _difference_blocks(changed: tuple[FieldDifference, ...], details: RequestDetails, t: Translator) -> list[Block]:
    return request_blocks.difference_blocks(changed, details.website_names, t, title=t("remark.revised_title"))


def _text_of(text: str) -> Element:
    return block_kit.text_element(text.strip(), limit=request_blocks.REASON_MAX)
