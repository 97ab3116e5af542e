"""The Home tab."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flowbot.domain.ids import ChangeId
from flowbot.domain.policy import Permission
from flowbot.i18n.translator import Translator
from flowbot.services.inbox import HomeOverview
from flowbot.services.request_details import RequestDetails
from flowbot.services.setup_findings import Finding
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import block_kit, headlines, request_blocks, sentences
from flowbot.slack.views.absences import absence_blocks
from flowbot.slack.views.approver_rights import right_elements
from flowbot.slack.views.block_kit import Block, Element, View
from flowbot.slack.views.digest import digest_elements
from flowbot.slack.views.freezes import frozen_elements, request_freeze_elements
from flowbot.slack.views.history import change_line, link_elements
from flowbot.slack.views.message import Message
from flowbot.slack.views.remarks import wish_elements
from flowbot.slack.views.request_message import EMOJI, format_state
from flowbot.slack.views.times import list_times, moment_elements

WAITING_MAX: Final = 10
CHANNELS_MAX: Final = 20
DIGESTS_MAX: Final = 3
WEBSITES_MAX: Final = 10
FREEZES_MAX: Final = 10
FREEZE_CHANNELS_MAX: Final = 5
TEXT_MAX: Final = 150
REASON_MAX: Final = 300
"""Enough to recognise a text: the message, one press away, has it whole. A view has 250 kB and 100 blocks at most."""

FINDING_KEYS: Final = {
    "database": "finding.database",
    "database rows": "finding.database_rows",
    "SLACK_SIGNING_SECRET": "finding.signing_secret",
    "slack token": "finding.slack_token",
    "slack scopes": "finding.slack_scopes",
    "slack clock": "finding.slack_clock",
    "slack user groups": "finding.slack_user_groups",
    "slack socket mode": "finding.slack_socket_mode",
    "enkapush": "finding.enkapush",
    "enkapush clock": "finding.enkapush_clock",
}
"""Checks by their names. Of channels and their approvers the tab has sentences of its own."""


@dataclass(frozen=True, slots=True)
class HomeContent:
    """The content of a person's Home tab.

    Attributes:
        for_me: Requests that need this person's approval, as many as are shown.
        by_me: The person's own requests, as many as are shown.
        scheduled: Requests that wait for their time alone, as many as are shown.
        recent: Requests that ended lately.
        overview: All that is on it.
        links: Links to the requests' messages, as far as they are known.
        findings: For an admin: what is not right yet with the set-up.
    """

    for_me: Sequence[RequestDetails]
    by_me: Sequence[RequestDetails]
    recent: Sequence[RequestDetails]
    overview: HomeOverview
    links: Mapping[ChangeId, str]
    findings: Sequence[Finding] = ()
    scheduled: Sequence[RequestDetails] = ()


def loading_view(t: Translator) -> View:
    """Build the tab to show until its content is loaded."""
    return _tab_view([block_kit.paragraph(t("home.loading"))])


def notice_view(message: Message) -> View:
    """Build a tab of one message, in place of all else."""
    return _tab_view(message.blocks)


def home_view(content: HomeContent, t: Translator, now: datetime) -> View:
    """Build the whole tab.

    Args:
        content: what is on it.
        t: the reader's words.
        now: the moment.
    """
    overview = content.overview
    may_approve = any(Permission.APPROVE in each.permissions for each in overview.channels)
    parts = [
        _approval_blocks(content, t, now),
        _own_request_blocks(content, t, now),
        _scheduled_blocks(content, t),
        _recent_blocks(content, t, now),
        _digest_blocks(overview, t),
        _setup_blocks(content, t),
        _channel_blocks(overview, t),
        _freeze_blocks(overview, t),
        absence_blocks(overview.absences, t, may_approve=may_approve),
    ]
    if not content.for_me and not content.by_me:
        parts.insert(0, [block_kit.header(t("home.caught_up"))])
    blocks = [block for part in parts if part for block in (*part, block_kit.divider())]
    if not overview.is_certain:
        blocks.append(block_kit.context(t("home.uncertain")))
    return _tab_view([*blocks, block_kit.context(t("home.as_of", when=t.format_datetime(now)))])


def _tab_view(blocks: Iterable[Block]) -> View:
    return {"type": "home", "blocks": block_kit.replace_cards(blocks)}


def _approval_blocks(content: HomeContent, t: Translator, now: datetime) -> list[Block]:
    """Build the requests that need the reader's approval: by whom, what changes, why, and the buttons to decide."""
    if not content.for_me:
        return []
    blocks = [block_kit.header(t("request.waiting_for_me"))]
    for each in content.for_me:
        person = [block_kit.user_element(each.change.request.requester)]
        frozen = request_freeze_elements(each, t, now)
        heading = block_kit.rich_paragraph(
            *_subject_elements(each, t),
            block_kit.text_element("\n"),
            *sentences.sentence_elements(t, "request.by", {"person": person}),
            block_kit.text_element(f" · {request_blocks.format_progress(each, t)}"),
            *_expiry_elements(each, t, now),
            *_time_elements(each, t),
            *([block_kit.text_element("\n"), *frozen] if frozen else ()),
            *_right_elements(each, content.overview, t),
        )
        hint = request_blocks.format_hint(t("button.approve"), each.change, t)
        buttons = (
            request_blocks.approve_button(each, t, hint=hint),
            _button(each, ActionId.REJECT, t("button.reject"), t, "danger"),
            *_open_buttons(each, content, t),
        )
        warning = request_blocks.image_fault_blocks(each.change, t)
        blocks += [heading, *_push_blocks(each, t), *warning, block_kit.actions(*buttons)]
    return [*blocks, *_more_blocks(len(content.overview.for_me) - len(content.for_me), t)]


def _right_elements(details: RequestDetails, overview: HomeOverview, t: Translator) -> list[Element]:
    """Build the line on why the reader is asked."""
    right = overview.rights.get(details.change.id)
    if right is None:
        return []
    return [block_kit.text_element("\n"), *right_elements(right, details.change.request.channel, t)]


def _time_elements(details: RequestDetails, t: Translator) -> list[Element]:
    """Build the line of the start and end that are asked for; nothing where it is at once and for good."""
    elements: list[Element] = []
    for key, moment in list_times(details.change):
        elements.append(block_kit.text_element(" · " if elements else "\n"))
        elements += sentences.sentence_elements(t, key, {"when": moment_elements(moment, t)})
    return elements


def _more_blocks(more: int, t: Translator) -> list[Block]:
    return [block_kit.context(t("help.more", n=more))] if more > 0 else []


def _push_blocks(details: RequestDetails, t: Translator) -> list[Block]:
    """Build the push in short, what an edit changes, and the reason."""
    blocks: list[Block] = []
    if (content := details.content) is not None:
        title, text = (block_kit.single_line(part, TEXT_MAX) for part in (content.title, content.description))
        website = request_blocks.format_request_website(details, t)
        wait = t("flow.after", wait=sentences.format_wait(content.wait, t))
        rest = block_kit.text_element(f"\n{text}\n{website} · {wait}")
        blocks.append(block_kit.rich_text(block_kit.quote(block_kit.text_element(title, bold=True), rest)))
    reason = block_kit.clip(details.change.request.reason.strip(), REASON_MAX)
    return [
        *blocks,
        *request_blocks.edit_blocks(details, t, request_blocks.shortener(TEXT_MAX)),
        *request_blocks.reason_blocks(reason, t),
    ]


def _own_request_blocks(content: HomeContent, t: Translator, now: datetime) -> list[Block]:
    """Build the reader's own requests that wait for others, with buttons."""
    if not content.by_me:
        return []
    blocks = [block_kit.header(t("request.asked_by_me"))]
    for each in content.by_me:
        status = f"\n{format_state(each, t)} · {request_blocks.format_progress(each, t)}"
        line = (
            *_subject_elements(each, t),
            block_kit.text_element(status),
            *_expiry_elements(each, t, now),
            *_time_elements(each, t),
            *([block_kit.text_element("\n"), *wished] if (wished := wish_elements(each, t)) else ()),
        )
        withdraw = _button(each, ActionId.WITHDRAW, t("button.withdraw"), t)
        blocks += [
            block_kit.rich_paragraph(*line),
            block_kit.actions(withdraw, *_open_buttons(each, content, t)),
        ]
    return [*blocks, *_more_blocks(len(content.overview.by_me) - len(content.by_me), t)]


def _scheduled_blocks(content: HomeContent, t: Translator) -> list[Block]:
    """Build the requests that wait for their time alone, a line each, which leads to the message."""
    if not content.scheduled:
        return []
    lines = []
    for each in content.scheduled:
        line = [block_kit.text_element(f"{EMOJI[each.change.state]} "), *headlines.headline_elements(each, t)]
        if (end := each.change.request.ends_at) is not None:
            ends = sentences.sentence_elements(t, "request.ends", {"when": moment_elements(end, t)})
            line += [block_kit.text_element(" · "), *ends]
        lines.append(block_kit.rich_line(*line, *link_elements(each, content.links, t)))
    listed = block_kit.rich_text(block_kit.bullets(lines))
    more = _more_blocks(len(content.overview.scheduled) - len(content.scheduled), t)
    return [block_kit.header(t("request.scheduled")), listed, *more]


def _recent_blocks(content: HomeContent, t: Translator, now: datetime) -> list[Block]:
    """Build how the changes of the last week ended, a line each."""
    lines = [
        change_line(each, t.format_time_ago(each.change.changed_at, now), content.links, t) for each in content.recent
    ]
    return [block_kit.header(t("home.recent")), block_kit.rich_text(block_kit.bullets(lines))] if lines else []


def _digest_blocks(overview: HomeOverview, t: Translator) -> list[Block]:
    """Build the last weekly digest of each of the reader's channels."""
    blocks: list[Block] = []
    for channel, digest in [*overview.digests.items()][:DIGESTS_MAX]:
        place = {"channel": [block_kit.channel_element(channel)]}
        days = {"first": t.format_day(digest.first), "last": t.format_day(digest.last)}
        week = block_kit.rich_line(*sentences.sentence_elements(t, "home.digest_week", place, **days))
        blocks.append(block_kit.rich_text(week, *digest_elements(digest, t)))
    return [block_kit.header(t("home.digest")), *blocks] if blocks else []


def _setup_blocks(content: HomeContent, t: Translator) -> list[Block]:
    """Build what an admin has to put right; nothing where all is."""
    overview, lines = content.overview, list[list[Element]]()
    if things := [t(FINDING_KEYS[each.name]) for each in content.findings if each.name in FINDING_KEYS]:
        lines.append([block_kit.text_element(t("home.not_right_yet", things=t.format_list(things)))])
    if overview.needs_setup:
        lines.append([block_kit.text_element(t("home.needs_setup"))])
    for key, channels in (
        ("home.unapprovable", overview.unapprovable),
        ("home.unescalated", overview.unescalated),
        ("home.digest_refused", overview.refused_digests),
    ):
        for channel in channels[:CHANNELS_MAX]:
            place = {"channel": [block_kit.channel_element(channel)]}
            lines.append(sentences.sentence_elements(t, key, place))
    listed = block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines))
    return [block_kit.header(t("home.setup")), listed] if lines else []


def _subject_elements(details: RequestDetails, t: Translator) -> list[Element]:
    change = details.change
    kind = block_kit.text_element(f"{EMOJI[change.state]} {sentences.format_kind(change.request.kind, t)} ")
    return [kind, block_kit.text_element(request_blocks.format_subject(change, t), bold=True)]


def _expiry_elements(details: RequestDetails, t: Translator, now: datetime) -> list[Element]:
    expiry = request_blocks.expiry_elements(details, t, now)
    return [block_kit.text_element(" · "), *expiry] if expiry else []


def _button(
    details: RequestDetails, action: ActionId, label: str, t: Translator, style: block_kit.Style | None = None
) -> Element:
    value = ChangeValue(change=details.change.id).dump()
    return block_kit.button(
        label, action, value, style=style, hint=request_blocks.format_hint(label, details.change, t)
    )


def _open_buttons(details: RequestDetails, content: HomeContent, t: Translator) -> list[Element]:
    link = content.links.get(details.change.id)
    hint = request_blocks.format_hint(t("button.open"), details.change, t)
    return [request_blocks.open_button(link, t, hint=hint)] if link else []


def _freeze_blocks(overview: HomeOverview, t: Translator) -> list[Block]:
    """Build the freezes that are on or next, a line each; with their channels where those are not all of the tab's."""
    lines = []
    for frozen, channels in [*overview.frozen.items()][:FREEZES_MAX]:
        is_of_all = len(channels) == len(overview.channels)
        named = [] if is_of_all else [block_kit.channel_element(channel) for channel in channels[:FREEZE_CHANNELS_MAX]]
        more = len(channels) - FREEZE_CHANNELS_MAX
        rest = [] if is_of_all or more <= 0 else [block_kit.text_element(t("help.more", n=more))]
        spaced = [part for element in (*named, *rest) for part in (block_kit.text_element(" "), element)]
        lines.append(block_kit.rich_line(*frozen_elements(frozen, t), *spaced))
    listed = block_kit.rich_text(block_kit.bullets(lines))
    return [block_kit.header(t("freeze.title")), listed] if lines else []


def _channel_blocks(overview: HomeOverview, t: Translator) -> list[Block]:
    """Build what the reader may do, by channel."""
    if not overview.channels:
        return [] if overview.needs_setup else [block_kit.paragraph(t("home.no_channels"))]
    lines = []
    for each in overview.channels[:CHANNELS_MAX]:
        if each.websites is None:
            websites = t("home.all_websites")
        else:
            websites = sentences.format_long_list(each.websites, t, limit=WEBSITES_MAX)
        # Keys: role.view, role.edit, role.approve, role.break_glass, role.setup
        roles = t.format_list([t(f"role.{permission}") for permission in each.permissions])
        text = block_kit.text_element(f" {' — '.join(filter(None, (websites, roles)))}")
        lines.append(block_kit.rich_line(block_kit.channel_element(each.channel), text))
    listed = block_kit.rich_text(block_kit.bullets(lines))
    return [block_kit.header(t("home.channels")), listed, *_more_blocks(len(overview.channels) - CHANNELS_MAX, t)]
