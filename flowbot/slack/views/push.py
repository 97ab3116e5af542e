"""A push as a subscriber sees it, its settings, totals and preview."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from flowbot.domain.fields import find_own_settings
from flowbot.domain.flow import Flow, FlowContent, Totals, WaitTime
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.images import ImageInfo
from flowbot.domain.text import is_blank, utf16_length
from flowbot.domain.urls import hostname, is_web_url
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowDetails
from flowbot.services.ports.policies import FlowTimes
from flowbot.services.recent_figures import WeekFigures
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit, flow_settings, sentences
from flowbot.slack.views.block_kit import Block, Element, View
from flowbot.slack.views.message import Message
from flowbot.slack.views.sentences import format_enabled, format_wait, format_website

SHOWN_BY_SLACK: Final = frozenset({"image/png", "image/jpeg", "image/gif"})
"""The types of files that Slack shows in an image block."""
_IMAGE_TYPE_NAMES: Final[Mapping[str, str]] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WebP",
}
_PLAIN_HOST: Final = re.compile(r"[a-z0-9.-]{1,100}")
"""A host that no formatting can hide in: a card's words are formatted."""
URL_SHOWN_MAX: Final = 200
_NAME_MAX: Final = block_kit.HEADER_MAX - 23
"""Before it stands the flow's number, of at most 19 digits; isolates may stand around it."""


def flow_details_message(
    details: FlowDetails, t: Translator, now: datetime, *, channel: ChannelId | None = None
) -> Message:
    """Build a flow's page: the push as a subscriber sees it, its settings, totals and buttons.

    Args:
        details: the flow.
        t: the reader's words.
        now: the moment.
        channel: the channel whose policy decides, where the page stands elsewhere; nothing is shared from there.
    """
    blocks, value = _flow_blocks(details, t, now), FlowValue(flow=details.flow.id, channel=channel).dump()
    may_share = details.may_share and channel is None
    buttons = [block_kit.button(t("button.share"), ActionId.SHOW_SHARE, value)] if may_share else []
    if details.may_edit:
        buttons = [
            toggle_button(details.flow, t, style="primary", channel=channel),
            block_kit.button(t("button.edit"), ActionId.FLOW_EDIT, value),
            block_kit.button(t("button.duplicate"), ActionId.FLOW_DUPLICATE, value),
            *buttons,
            block_kit.button(t("button.delete"), ActionId.FLOW_DELETE, value, style="danger"),
        ]
    if buttons:
        blocks.append(block_kit.actions(*buttons))
    return Message(tuple(blocks), flow_details_button(value, t))


def shared_flow_message(details: FlowDetails, sharer: UserId, t: Translator, now: datetime) -> Message:
    """Build the same page for everybody in the channel, without buttons.

    Where they may not see the push, a button shows it to those who may.
    """
    blocks, more = _flow_blocks(details, t, now), flow_details_button(FlowValue(flow=details.flow.id).dump(), t)
    if not details.shows_content:
        blocks += [block_kit.context(t("request.shown_privately")), block_kit.actions(more)]
    return Message((*blocks, sharer_block(sharer, t)), more if details.shows_content else None)


def flow_details_button(value: str, t: Translator) -> Element:
    """Build the button that shows the whole flow, where a message has it in short, or without the push."""
    return block_kit.button(t("button.show"), ActionId.FLOW_WHOLE, value)


def _flow_blocks(details: FlowDetails, t: Translator, now: datetime) -> list[Block]:
    flow = details.flow
    name = sentences.format_name(flow.name, t, limit=_NAME_MAX)
    website = format_website(flow.website_id, details.website_names, t)
    state = f"{state_dot(flow)} {format_enabled(flow.is_enabled, t)}"
    blocks = [
        block_kit.header(f"#{flow.id} {name}"),
        block_kit.context(website, state, *format_times(details.times, t, now)),
    ]
    if details.as_of is not None:
        blocks.append(block_kit.context(format_as_of(details.as_of, t, now)))
    times = (
        ("show.created", flow.created_at),
        ("show.changed", flow.changed_at),
        ("show.last_sent", flow.last_sent_at),
    )
    if details.shows_content:
        segment = flow_settings.format_known("segment", details.settings, t)
        rows = [*settings_rows(flow, t, segment=segment), *flow_settings.utm_rows(details.settings, t)]
        pushed = push_blocks(flow, t, image_url=flow.image_url)
        blocks += [*pushed, block_kit.divider(), block_kit.labelled_lines(rows)]
    known_times = [t(key, when=t.format_datetime(at)) for key, at in times if at is not None]
    return [
        *blocks,
        totals_block(flow.totals, t),
        *week_blocks(details.week, t),
        *([block_kit.context(*known_times)] if known_times else []),
    ]


def totals_block(totals: Totals, t: Translator) -> Block:
    """Build the totals since a flow was created."""
    if totals == Totals():
        return block_kit.labelled_lines([(t("stat.sent"), t("show.never"))])
    return block_kit.rich_paragraph(block_kit.text_element(format_totals(totals, t)))


def week_blocks(week: WeekFigures | None, t: Translator) -> list[Block]:
    """Build the line on the last week; nothing where nothing is known of it."""
    if week is None:
        return []
    figures = format_totals(week.totals, t)
    known = t("stats.week", figures=figures) if week.is_whole else t("stats.week_partly", n=week.days, figures=figures)
    return [block_kit.context(known)]


def format_totals(totals: Totals, t: Translator) -> str:
    """Format totals with their rates: displayed of sent, clicked and closed of displayed."""
    rows = (
        ("stat.sent", totals.sent, None),
        ("stat.displayed", totals.displayed, totals.display_rate),
        ("stat.clicked", totals.clicked, totals.click_rate),
        ("stat.closed", totals.closed, totals.close_rate),
    )
    parts = [
        f"{t(key)} {t.format_number(count)}" + ("" if rate is None else f" ({t.format_percent(rate)})")
        for key, count, rate in rows
    ]
    return " · ".join(parts)


def toggle_button(
    flow: Flow,
    t: Translator,
    *,
    style: block_kit.Style | None = None,
    channel: ChannelId | None = None,
) -> Element:
    """Build the button that requests to enable the flow or, where it is enabled, to disable it.

    Args:
        flow: the flow.
        t: the reader's words.
        style: the style of a button that enables.
        channel: the channel whose policy decides, where the button may stand elsewhere.
    """
    value = FlowValue(flow=flow.id, channel=channel).dump()
    if flow.is_enabled:
        return block_kit.button(t("button.disable"), ActionId.FLOW_DISABLE, value)
    return block_kit.button(t("button.enable"), ActionId.FLOW_ENABLE, value, style=style)


def state_dot(flow: Flow) -> str:
    """Return a green dot for an enabled flow, a white one for a disabled flow."""
    return "🟢" if flow.is_enabled else "⚪"


def format_times(times: FlowTimes, t: Translator, now: datetime) -> list[str]:
    """Format when a flow goes live and when it is disabled, as far as that is scheduled."""
    moments = (("flow.starts", times.starts), ("flow.ends", times.ends))
    return [t(key, when=t.format_moment(at, now)) for key, at in moments if at is not None]


def format_as_of(as_of: datetime, t: Translator, now: datetime) -> str:
    """Format when stored flows were read, where Enkapush does not answer now."""
    return t("list.as_of", ago=t.format_time_ago(as_of, now), when=t.format_datetime(as_of))


def sharer_block(sharer: UserId, t: Translator) -> Block:
    """Build the line that names who shared a list or a flow."""
    person = [block_kit.user_element(sharer)]
    return block_kit.rich_paragraph(*sentences.sentence_elements(t, "share.by", {"person": person}))


def push_blocks(
    content: FlowContent, t: Translator, *, image_url: str | None, slack_file: str | None = None
) -> list[Block]:
    """Build the notification as a subscriber sees it: title, text, buttons, and a card of its image and host.

    An address that no browser opens stands in the host's place.
    """
    title = t("flow.untitled") if is_blank(content.title) else content.title
    body: list[Element] = [block_kit.text_element(title, bold=True)]
    if content.description:
        body.append(block_kit.text_element(f"\n{content.description}"))
    host, picture = hostname(content.url), _picture_block(content, t, image_url or "", slack_file)
    is_on_card = picture is not None and _PLAIN_HOST.fullmatch(host) is not None
    opened = host or block_kit.single_line(content.url, URL_SHOWN_MAX)
    if opened and not is_on_card:
        body.append(block_kit.text_element(f"\n{opened}", italic=True))
    titles = [
        f"[ {block_kit.clip(button.title, block_kit.SECTION_MAX)} ]" for button in content.buttons if button.title
    ]
    if titles:
        body.append(block_kit.text_element("\n" + "  ".join(titles), bold=True))
    blocks = [block_kit.context(t("show.as_seen")), block_kit.rich_text(block_kit.quote(*body))]
    if picture is not None:
        blocks.append(block_kit.card(picture, t("show.opens", host=host) if is_on_card else ""))
    return blocks


def _picture_block(content: FlowContent, t: Translator, image_url: str, slack_file: str | None) -> Block | None:
    alt = t("show.picture_of", title=block_kit.single_line(content.title, block_kit.ALT_MAX) or t("flow.untitled"))
    if slack_file is not None:
        return block_kit.slack_image(slack_file, alt)
    if image_url.startswith(("https://", "http://")) and utf16_length(image_url) <= block_kit.URL_MAX:
        return block_kit.image(image_url, alt)
    return None


def settings_rows(content: FlowContent, t: Translator, *, segment: str | None = None) -> list[tuple[str, str]]:
    """Return labels and values of the push's audience, and of its settings that are not as a new flow has them.

    `segment` is the one that flowbot has written, or is to write; Enkapush does not show the present one.
    """
    rows = audience_rows(content.wait, segment, t)
    values = find_own_settings(content).items()
    return [
        *rows,
        *((sentences.format_label(name, t), sentences.format_value(name, value, {}, t)) for name, value in values),
    ]


def audience_rows(after: WaitTime | None, segment: str | None, t: Translator) -> list[tuple[str, str]]:
    """Return labels and values of the wait and the segment; a segment of None is not known."""
    wait = [] if after is None else [(t("field.wait"), t("flow.after", wait=format_wait(after, t)))]
    return [*wait, (t("field.segment"), segment or t("flow.segment_untold"))]


def audience_block(website: str | None, after: WaitTime | None, segment: str | None, t: Translator) -> Block:
    """Build the push's audience, a line each: its website and wait, as far as they are chosen, and its segment."""
    rows = [] if website is None else [(t("field.website"), website)]
    return block_kit.labelled_lines([*rows, *audience_rows(after, segment, t)])


def preview_view(
    pushed: Sequence[Block], audience: Block, t: Translator, *, problems: Sequence[tuple[str, str]] = (), note: str = ""
) -> View:
    """Build the preview to push onto the form.

    Args:
        pushed: the push as a subscriber would see it.
        audience: whom it reaches.
        t: the reader's words.
        problems: why it cannot be saved like this: labels of fields, each with its problem.
        note: what to say of a new image that is not shown.
    """
    blocks = [
        *(_problem_blocks("form.preview_unsaved", problems, t) if problems else ()),
        *pushed,
        *([block_kit.context(note)] if note else ()),
    ]
    return block_kit.modal(t("form.preview"), [*blocks, block_kit.divider(), audience], close=t("form.back"))


def format_unshown_image(image: ImageInfo | None, t: Translator) -> str:
    """Format the line on a new image that Slack does not show: its type and size, as far as they are known."""
    if image is None or not image.size:
        return t("form.picture_later")
    return t("form.picture_unshown", type=format_image_type(image), size=t.format_size(image.size))


def format_image_type(image: ImageInfo) -> str:
    """Format an image's type: `WebP`."""
    return _IMAGE_TYPE_NAMES.get(image.content_type, image.content_type)


def refused_preview_view(problems: Sequence[tuple[str, str]], t: Translator) -> View:
    """Build what stands in the preview's place: labels of fields, each with the problem to solve first."""
    blocks = _problem_blocks("form.preview_refused", problems, t)
    return block_kit.modal(t("form.preview"), blocks, close=t("form.back"))


def _problem_blocks(key: str, problems: Sequence[tuple[str, str]], t: Translator) -> list[Block]:
    lines = (f"{label}: {problem}" for label, problem in problems)
    return [block_kit.paragraph(text) for text in (t(key), *lines)]


def preview_blocks(
    content: FlowContent,
    remarks: Sequence[Text],
    t: Translator,
    *,
    image_url: str | None = None,
    slack_file: str | None = None,
) -> list[Block]:
    """Build the push as a subscriber would see it, with remarks.

    Args:
        content: what the push says.
        remarks: what `lint` finds.
        t: the reader's words.
        image_url: the flow's present image, if it has one.
        slack_file: the id of a new image's file in Slack, where Slack can show it.
    """
    image = image_url if image_url and is_web_url(image_url) else None
    return [*push_blocks(content, t, image_url=image, slack_file=slack_file), *remark_blocks(remarks, t)]


def remark_blocks(remarks: Sequence[Text], t: Translator) -> list[Block]:
    """Build the remarks on a push, a line each."""
    return [block_kit.context(f"⚠ {sentences.format_text(t, remark)}") for remark in remarks]
