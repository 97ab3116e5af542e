"""A push as a subscriber sees it, its settings and totals."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from flowbot.domain.flow import ALL_SUBSCRIBERS, Flow, FlowButton, WaitTime
from flowbot.domain.ids import ChannelId, UserId, WebsiteId
from flowbot.domain.text import utf16_length
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element, Message

NAME_MAX = 150


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


def shared_flow(shown: FlowDetails, sharer: UserId, t: Translator, now: datetime) -> Message:
    """The same for all in the channel to see, without buttons."""
    return Message(_flow_summary(shown.flow, t), (*_flow_blocks(shown, t, now), _sharer_note(sharer, t)))


def _flow_summary(flow: Flow, t: Translator) -> str:
    return t("show.summary", id=str(flow.id), state=t("flow.enabled" if flow.is_enabled else "flow.disabled"))


def _flow_blocks(shown: FlowDetails, t: Translator, now: datetime) -> list[Block]:
    flow = shown.flow
    state = f"{_state_dot(flow)} {t('flow.enabled' if flow.is_enabled else 'flow.disabled')}"
    blocks = [
        block_kit.header(block_kit.isolated(block_kit.clip(single_line(flow.name), NAME_MAX - 2)) or t("flow.unnamed")),
        block_kit.context(f"#{flow.id}", website_name(flow.website_id, shown.website_names, t), state),
    ]
    if shown.as_of is not None:
        blocks.append(block_kit.context(_stale_note(shown.as_of, t, now)))
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
    return field_rows(flow_settings(flow, t))


def field_rows(labelled: Iterable[tuple[str, str]]) -> Block:
    """Label and value, a line each."""
    return block_kit.rich_text(
        *(
            block_kit.rich_line(block_kit.text_element(f"{label}: ", bold=True), block_kit.text_element(value))
            for label, value in labelled
        )
    )


def flow_settings(flow: Flow, t: Translator, *, segment: str | None = None) -> list[tuple[str, str]]:
    """Where the push leads, to whom and when it is sent, and how it behaves: labels and values.

    `segment` is the one that flowbot is to write; Enkapush tells none.
    """
    yes_no = {True: t("flow.yes"), False: t("flow.no")}
    found = [
        *reach_text(flow.wait, segment, t),
        (t("field.ttl"), ttl_text(flow.ttl, t)),
        (t("field.silent"), yes_no[flow.is_silent]),
        (t("field.auto_hide"), yes_no[flow.is_auto_hide]),
        (t("field.url"), flow.url or t("flow.none")),
    ]
    for number, button in enumerate(flow.buttons, start=1):
        if text := button_text(button):
            found.append((t("field.button", number=number), text))
    return found


def reach_text(after: WaitTime | None, segment: str | None, t: Translator) -> list[tuple[str, str]]:
    """When the push is sent, and to whom: labels and values. A segment that is not given is not known."""
    when = t("flow.none") if after is None else t("flow.after", wait=wait_text(after, t))
    return [(t("field.wait"), when), (t("field.segment"), segment or t("flow.segment_untold"))]


def segment_name(segment: str, name: str | None, t: Translator) -> str:
    """A segment as Enkapush is sent it, in words; by its number where its name is not known."""
    if segment == ALL_SUBSCRIBERS:
        return t("form.segment_all")
    shown = block_kit.clip(single_line(name or ""), NAME_MAX) or t("form.segment_number", id=segment)
    return block_kit.isolated(shown)


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


def wait_text(wait: WaitTime, t: Translator) -> str:
    """`3 days`; a unit that flowbot does not know is told as Enkapush has it."""
    units = {"minutes": "minute", "hours": "hour", "days": "day"}
    unit = units.get(wait.unit)
    return t.format_units(wait.amount, unit) if unit else f"{t.format_number(wait.amount)} {wait.unit}"


def _with_rate(count: int, rate: float | None, t: Translator) -> str:
    return t.format_number(count) if rate is None else f"{t.format_number(count)} ({t.format_percent(rate)})"


def website_name(website: WebsiteId, names: Mapping[WebsiteId, str], t: Translator) -> str:
    """The website's name, or its number where it has none."""
    name = names.get(website)
    return block_kit.isolated(name) if name else t("flow.website", id=str(website))


def button_text(button: FlowButton) -> str:
    """A push's button: its title and where it leads."""
    return " → ".join(part for part in (button.title, button.url) if part)


def _stale_note(as_of: datetime, t: Translator, now: datetime) -> str:
    return t("list.as_of", ago=t.format_time_ago(as_of, now), when=t.format_datetime(as_of))


def _sharer_note(sharer: UserId, t: Translator) -> Block:
    before, _, after = t("share.by", person="\0").partition("\0")
    parts = (
        block_kit.text_element(before) if before else None,
        block_kit.user_element(sharer),
        block_kit.text_element(after) if after else None,
    )
    return block_kit.rich_text(block_kit.rich_line(*(part for part in parts if part)))


def _state_dot(flow: Flow) -> str:
    return "🟢" if flow.is_enabled else "⚪"


def single_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def _url_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_image_url(url: str | None) -> bool:
    return bool(url) and str(url).startswith(("https://", "http://")) and utf16_length(str(url)) <= block_kit.URL_MAX


def ttl_text(seconds: int | None, t: Translator) -> str:
    """A time to live in words."""
    if seconds is None:
        return t("flow.none")
    return t.format_duration(seconds) if seconds else t("flow.ttl_zero")
