"""A push as a subscriber sees it, its settings, totals and preview."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from flowbot.domain.flow import Flow, FlowContent, WaitTime
from flowbot.domain.ids import ChannelId, FlowId, UserId
from flowbot.domain.text import utf16_length
from flowbot.domain.urls import is_web_url
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import TITLE_MAX, Block, Element, Message, View, labelled_lines, single_line
from flowbot.slack.views.sentences import NAME_MAX, format_button, format_text, format_ttl, format_wait, format_website


def audience_block(website: str, after: WaitTime | None, segment: str | None, t: Translator) -> Block:
    """Whose subscribers get the push, when, and which of them."""
    return block_kit.labelled_lines([(t("field.website"), website), *audience_rows(after, segment, t)])


def preview_blocks(
    content: FlowContent, remarked: Sequence[Text], t: Translator, *, image_url: str | None
) -> list[Block]:
    """The push as a subscriber would see it, and what is worth another look.

    Args:
        content: what it says.
        remarked: what `lint` finds.
        t: the reader's words.
        image_url: the flow's present picture, if it has one.
    """
    picture = image_url if image_url and is_web_url(image_url) else None
    return [*push_blocks(draft_as_flow(content, picture), t), *remark_blocks(remarked, t)]


def preview_view(
    content: FlowContent,
    remarked: Sequence[Text],
    t: Translator,
    *,
    reached: Block,
    adds_picture: bool,
    image_url: str | None = None,
) -> View:
    """A view to push onto the form: its preview, and whom it `reached`.

    A picture that was just added cannot be shown, which it says.
    """
    later = [block_kit.context(t("form.picture_later"))] if adds_picture else []
    shown = preview_blocks(content, remarked, t, image_url=None if adds_picture else image_url)
    return {
        "type": "modal",
        "title": block_kit.plain(t("form.preview"), TITLE_MAX),
        "close": block_kit.plain(t("form.back"), TITLE_MAX),
        "blocks": [*shown, *later, block_kit.divider(), reached],
    }


def add_problems(view: View, problems: Sequence[tuple[str, str]], t: Translator) -> View:
    """A preview of what could not be saved like this, under why; as it is where nothing is wrong.

    Args:
        view: the preview.
        problems: labels of fields, each with what is wrong there.
        t: the reader's words.
    """
    return (
        {**view, "blocks": [*_problem_blocks("form.preview_unsaved", problems, t), *view["blocks"]]}
        if problems
        else view
    )


def refused_preview_view(problems: Sequence[tuple[str, str]], t: Translator) -> View:
    """In the preview's place: what has to be put right first.

    Args:
        problems: labels of fields, each with what is wrong there.
        t: the reader's words.
    """
    return {
        "type": "modal",
        "title": block_kit.plain(t("form.preview"), TITLE_MAX),
        "close": block_kit.plain(t("form.back"), TITLE_MAX),
        "blocks": _problem_blocks("form.preview_refused", problems, t),
    }


def _problem_blocks(key: str, problems: Sequence[tuple[str, str]], t: Translator) -> list[Block]:
    """A sentence, and under it what is wrong, a field a line."""
    return [
        block_kit.section(block_kit.plain(text)) for text in (t(key), *(f"{label}: {told}" for label, told in problems))
    ]


def remark_blocks(remarked: Sequence[Text], t: Translator) -> list[Block]:
    """What is worth another look, a line each."""
    return [block_kit.context(f"⚠ {format_text(t, remark.key, remark.params)}") for remark in remarked]


def draft_as_flow(content: FlowContent, image_url: str | None) -> Flow:
    """The content under a flow's names, for what draws flows; it has no id yet."""
    return Flow(
        id=FlowId(0),
        website_id=content.website_id,
        name=content.name,
        title=content.title,
        description=content.description,
        wait=content.wait,
        is_enabled=False,
        url=content.url,
        image_url=image_url,
        ttl=content.ttl,
        is_silent=content.is_silent,
        is_auto_hide=content.is_auto_hide,
        buttons=(content.button_1, content.button_2),
    )


def toggle_button(
    flow: Flow,
    t: Translator,
    *,
    hint: str | None = None,
    style: block_kit.Style | None = None,
    channel: ChannelId | None = None,
) -> Element:
    """The button that asks to enable the flow or, where it is enabled, to disable it; `style` is the former's.

    `channel` is the one whose policy decides, where the button may stand elsewhere.
    """
    value = FlowValue(flow=flow.id, channel=channel).dump()
    if flow.is_enabled:
        return block_kit.button(t("button.disable"), ActionId.FLOW_DISABLE, value, hint=hint)
    return block_kit.button(t("button.enable"), ActionId.FLOW_ENABLE, value, hint=hint, style=style)


def flow_details_message(shown: FlowDetails, t: Translator, now: datetime) -> Message:
    """One flow whole: the push as a subscriber sees it, its settings, its numbers, its state."""
    blocks = _flow_blocks(shown, t, now)
    if buttons := _flow_buttons(shown, t):
        blocks.append(block_kit.actions(*buttons))
    return Message(_flow_summary(shown.flow, t), tuple(blocks))


def _flow_buttons(shown: FlowDetails, t: Translator) -> list[Element]:
    value = FlowValue(flow=shown.flow.id).dump()
    share = [block_kit.button(t("button.share"), ActionId.SHOW_SHARE, value)] if shown.may_share else []
    if not shown.may_edit:
        return share
    return [
        toggle_button(shown.flow, t, style="primary"),
        block_kit.button(t("button.edit"), ActionId.FLOW_EDIT, value),
        block_kit.button(t("button.duplicate"), ActionId.FLOW_DUPLICATE, value),
        *share,
        block_kit.button(t("button.delete"), ActionId.FLOW_DELETE, value, style="danger"),
    ]


def shared_flow_message(shown: FlowDetails, sharer: UserId, t: Translator, now: datetime) -> Message:
    """The same for all in the channel to see, without buttons."""
    return Message(_flow_summary(shown.flow, t), (*_flow_blocks(shown, t, now), sharer_block(sharer, t)))


def _flow_summary(flow: Flow, t: Translator) -> str:
    return t("show.summary", id=str(flow.id), state=t("flow.enabled" if flow.is_enabled else "flow.disabled"))


def _flow_blocks(shown: FlowDetails, t: Translator, now: datetime) -> list[Block]:
    flow = shown.flow
    state = f"{state_dot(flow)} {t('flow.enabled' if flow.is_enabled else 'flow.disabled')}"
    blocks = [
        block_kit.header(block_kit.isolate(block_kit.clip(single_line(flow.name), NAME_MAX - 2)) or t("flow.unnamed")),
        block_kit.context(f"#{flow.id}", format_website(flow.website_id, shown.website_names, t), state),
    ]
    if shown.as_of is not None:
        blocks.append(block_kit.context(format_as_of(shown.as_of, t, now)))
    return [
        *blocks,
        *push_blocks(flow, t),
        block_kit.divider(),
        _settings(flow, t),
        _totals_rows(flow, t),
        _times(flow, t),
    ]


def push_blocks(flow: Flow, t: Translator) -> list[Block]:
    """The notification as a subscriber sees it: picture, title, text, host and buttons."""
    body: list[Element] = [block_kit.text_element(flow.title or t("flow.untitled"), bold=True)]
    if flow.description:
        body.append(block_kit.text_element(f"\n{flow.description}"))
    if host := _url_host(flow.url):
        body.append(block_kit.text_element(f"\n{host}", italic=True))
    titles = [f"[ {button.title} ]" for button in flow.buttons if button.title]
    if titles:
        body.append(block_kit.text_element("\n" + "  ".join(titles), bold=True))
    blocks = [block_kit.context(t("show.as_seen")), block_kit.rich_text(block_kit.quote(*body))]
    if _is_image_url(flow.image_url):
        blocks.append(block_kit.image(str(flow.image_url), t("show.picture_of", title=flow.title)))
    return blocks


def _settings(flow: Flow, t: Translator) -> Block:
    return labelled_lines(settings_rows(flow, t))


def settings_rows(flow: Flow, t: Translator, *, segment: str | None = None) -> list[tuple[str, str]]:
    """Where the push leads, to whom and when it is sent, and how it behaves: labels and values.

    `segment` is the one that flowbot is to write; Enkapush tells none.
    """
    yes_no = {True: t("flow.yes"), False: t("flow.no")}
    found = [
        *audience_rows(flow.wait, segment, t),
        (t("field.ttl"), format_ttl(flow.ttl, t)),
        (t("field.silent"), yes_no[flow.is_silent]),
        (t("field.auto_hide"), yes_no[flow.is_auto_hide]),
        (t("field.url"), flow.url or t("flow.none")),
    ]
    for number, button in enumerate(flow.buttons, start=1):
        if text := format_button(button):
            found.append((t("field.button", number=number), text))
    return found


def audience_rows(after: WaitTime | None, segment: str | None, t: Translator) -> list[tuple[str, str]]:
    """When the push is sent, and to whom: labels and values. A segment that is not given is not known."""
    when = t("flow.none") if after is None else t("flow.after", wait=format_wait(after, t))
    return [(t("field.wait"), when), (t("field.segment"), segment or t("flow.segment_untold"))]


def _totals_rows(flow: Flow, t: Translator) -> Block:
    """Totals with their rates: displayed of sent, clicked of displayed."""
    totals = flow.totals
    displayed = _with_rate(totals.displayed, totals.display_rate, t)
    clicked = _with_rate(totals.clicked, totals.click_rate, t)
    cells = (
        ("stat.sent", t.format_number(totals.sent)),
        ("stat.displayed", displayed),
        ("stat.clicked", clicked),
        ("stat.closed", t.format_number(totals.closed)),
    )
    return block_kit.fields([block_kit.mrkdwn(f"*{t(key)}*\n{value}") for key, value in cells])


def _times(flow: Flow, t: Translator) -> Block:
    moments = (
        ("show.created", flow.created_at),
        ("show.changed", flow.changed_at),
        ("show.last_sent", flow.last_sent_at),
    )
    return block_kit.context(*(t(key, when=t.format_datetime(at) if at else t("show.never")) for key, at in moments))


def _with_rate(count: int, rate: float | None, t: Translator) -> str:
    return t.format_number(count) if rate is None else f"{t.format_number(count)} ({t.format_percent(rate)})"


def format_as_of(as_of: datetime, t: Translator, now: datetime) -> str:
    """Return the time of a stored list in words."""
    return t("list.as_of", ago=t.format_time_ago(as_of, now), when=t.format_datetime(as_of))


def sharer_block(sharer: UserId, t: Translator) -> Block:
    """Build the line that names who shared a list or a flow."""
    before, _, after = t("share.by", person="\0").partition("\0")
    parts = (
        block_kit.text_element(before) if before else None,
        block_kit.user_element(sharer),
        block_kit.text_element(after) if after else None,
    )
    return block_kit.rich_text(block_kit.rich_line(*(part for part in parts if part)))


def state_dot(flow: Flow) -> str:
    """Return a green dot for an enabled flow, a white one for a disabled flow."""
    return "🟢" if flow.is_enabled else "⚪"


def _url_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_image_url(url: str | None) -> bool:
    return bool(url) and str(url).startswith(("https://", "http://")) and utf16_length(str(url)) <= block_kit.URL_MAX
