"""How a flow and a list of flows look."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from flowbot.domain.flow import ALL_SUBSCRIBERS, Flow, FlowButton, WaitTime
from flowbot.domain.ids import ChannelId, UserId, WebsiteId
from flowbot.domain.search import FlowQuery
from flowbot.domain.text import utf16_length
from flowbot.locales import Translator
from flowbot.services.flow_queries import FlowDetails, FlowList
from flowbot.slack.ids import Action
from flowbot.slack.values import FlowValue, ListValue
from flowbot.slack.views import kit
from flowbot.slack.views.kit import Block, Element, Message

NAME_MAX = 150
LINE_MAX = 200


def flow_list(result: FlowList, t: Translator, now: datetime) -> Message:
    """One page of a list, for the one who asked: with a button for each flow, and buttons to turn the page."""
    blocks = _list_head(result, t, now)
    for flow in result.page.items:
        blocks += _row_with_buttons(flow, result, t)
    if buttons := _list_buttons(result, t):
        blocks.append(kit.actions(*buttons))
    return Message(_list_summary(result, t), tuple(blocks))


def _row_with_buttons(flow: Flow, result: FlowList, t: Translator) -> list[Block]:
    """A row with `Show` at its right; for those who may edit, a line of buttons under it."""
    number = str(flow.id)
    show = kit.button(t("button.show"), Action.SHOW, FlowValue(flow=flow.id).dump(), hint=t("hint.show", id=number))
    if not result.may_edit:
        return _row(flow, result, t, show)
    hint = t("hint.disable" if flow.is_enabled else "hint.enable", id=number)
    return [*_row(flow, result, t), kit.actions(show, switch(flow, t, hint=hint))]


def switch(
    flow: Flow,
    t: Translator,
    *,
    hint: str | None = None,
    style: kit.Style | None = None,
    channel: ChannelId | None = None,
) -> Element:
    """The button that asks to enable the flow or, where it is enabled, to disable it; `style` is the former's.

    `channel` is the one whose policy decides, where the button may stand elsewhere.
    """
    value = FlowValue(flow=flow.id, channel=channel).dump()
    if flow.is_enabled:
        return kit.button(t("button.disable"), Action.FLOW_DISABLE, value, hint=hint)
    return kit.button(t("button.enable"), Action.FLOW_ENABLE, value, hint=hint, style=style)


def shared_list(result: FlowList, sharer: UserId, t: Translator, now: datetime) -> Message:
    """The same page for all in the channel to see, without buttons."""
    blocks = _list_head(result, t, now)
    for flow in result.page.items:
        blocks += _row(flow, result, t)
    return Message(_list_summary(result, t), (*blocks, _shared_by(sharer, t)))


def shown_flow(shown: FlowDetails, t: Translator, now: datetime) -> Message:
    """One flow whole: the push as a subscriber sees it, its settings, its numbers, its state."""
    blocks = _flow_blocks(shown, t, now)
    if buttons := _flow_buttons(shown, t):
        blocks.append(kit.actions(*buttons))
    return Message(_flow_summary(shown.flow, t), tuple(blocks))


def _flow_buttons(shown: FlowDetails, t: Translator) -> list[Element]:
    value = FlowValue(flow=shown.flow.id).dump()
    share = [kit.button(t("button.share"), Action.SHOW_SHARE, value)] if shown.may_share else []
    if not shown.may_edit:
        return share
    return [
        switch(shown.flow, t, style="primary"),
        kit.button(t("button.edit"), Action.FLOW_EDIT, value),
        kit.button(t("button.duplicate"), Action.FLOW_DUPLICATE, value),
        *share,
        kit.button(t("button.delete"), Action.FLOW_DELETE, value, style="danger"),
    ]


def shared_flow(shown: FlowDetails, sharer: UserId, t: Translator, now: datetime) -> Message:
    """The same for all in the channel to see, without buttons."""
    return Message(_flow_summary(shown.flow, t), (*_flow_blocks(shown, t, now), _shared_by(sharer, t)))


def _list_summary(result: FlowList, t: Translator) -> str:
    page = result.page
    return f"{t('list.total', n=page.total)} {t('list.page', page=page.number, pages=page.pages)}"


def _list_head(result: FlowList, t: Translator, now: datetime) -> list[Block]:
    page = result.page
    where = t("list.page", page=page.number, pages=page.pages)
    filters = _filters(result, t)
    blocks = [kit.header(t("list.total", n=page.total)), kit.context(where, *filters)]
    if result.as_of is not None:
        blocks.append(kit.context(_late(result.as_of, t, now)))
    if result.unread:
        blocks.append(kit.context(t("list.unread", n=result.unread)))
    if not page.total and (filters or not result.unread):
        blocks.append(kit.section(kit.plain(t("list.nothing_matches" if filters else "list.empty"))))
    return blocks


def _filters(result: FlowList, t: Translator) -> list[str]:
    """What the list was narrowed to, in words."""
    query: FlowQuery = result.request.query
    found = []
    if query.words:
        found.append(t("list.filter_words", words=kit.isolated(kit.clip(" ".join(query.words), LINE_MAX))))
    if query.is_enabled is not None:
        found.append(t("list.filter_enabled" if query.is_enabled else "list.filter_disabled"))
    if query.website is not None:
        found.append(t("list.filter_website", website=website_name(query.website, result.website_names, t)))
    return found


def _row(flow: Flow, result: FlowList, t: Translator, button: Element | None = None) -> list[Block]:
    name = kit.isolated(kit.clip(one_line(flow.name), NAME_MAX)) or t("flow.unnamed")
    heading = kit.rich(kit.line(kit.words(f"{_dot(flow)} "), kit.words(name, bold=True), kit.words(f"  #{flow.id}")))
    facts = [
        website_name(flow.website_id, result.website_names, t),
        t("flow.after", wait=wait(flow.wait, t)),
        t("flow.enabled" if flow.is_enabled else "flow.disabled"),
        *_row_numbers(flow, t),
    ]
    title = kit.isolated(kit.clip(one_line(flow.title), LINE_MAX))
    return [heading, kit.section(kit.plain(f"{title}\n{' · '.join(facts)}".strip()), button)]


def _row_numbers(flow: Flow, t: Translator) -> list[str]:
    totals = flow.totals
    if not totals.sent:
        return [t("flow.never_sent")]
    sent = t("flow.sent", n=totals.sent)
    rate = totals.click_rate
    return [sent] if rate is None else [sent, t("flow.clicked_rate", rate=t.rate(rate))]


def _list_buttons(result: FlowList, t: Translator) -> list[Element]:
    page, buttons = result.page, []
    if page.number > 1:
        value = ListValue.of(result.request, page.number - 1).dump()
        buttons.append(kit.button(t("button.previous"), Action.LIST_PREVIOUS, value))
    if page.number < page.pages:
        value = ListValue.of(result.request, page.number + 1).dump()
        buttons.append(kit.button(t("button.next"), Action.LIST_NEXT, value))
    if result.may_share and page.total:
        value = ListValue.of(result.request, page.number).dump()
        buttons.append(kit.button(t("button.share"), Action.LIST_SHARE, value))
    return buttons


def _flow_summary(flow: Flow, t: Translator) -> str:
    return t("show.summary", id=str(flow.id), state=t("flow.enabled" if flow.is_enabled else "flow.disabled"))


def _flow_blocks(shown: FlowDetails, t: Translator, now: datetime) -> list[Block]:
    flow = shown.flow
    state = f"{_dot(flow)} {t('flow.enabled' if flow.is_enabled else 'flow.disabled')}"
    blocks = [
        kit.header(kit.isolated(kit.clip(one_line(flow.name), NAME_MAX - 2)) or t("flow.unnamed")),
        kit.context(f"#{flow.id}", website_name(flow.website_id, shown.website_names, t), state),
    ]
    if shown.as_of is not None:
        blocks.append(kit.context(_late(shown.as_of, t, now)))
    return [*blocks, *push(flow, t), kit.divider(), _settings(flow, t), _numbers(flow, t), _times(flow, t)]


def push(flow: Flow, t: Translator) -> list[Block]:
    """The notification as a subscriber sees it: picture, title, text, host and buttons."""
    body: list[Element] = [kit.words(flow.title or t("flow.untitled"), bold=True)]
    if flow.description:
        body.append(kit.words(f"\n{flow.description}"))
    if host := _host(flow.url):
        body.append(kit.words(f"\n{host}", italic=True))
    titles = [f"[ {button.title} ]" for button in flow.buttons if button.title]
    if titles:
        body.append(kit.words("\n" + "  ".join(titles), bold=True))
    blocks = [kit.context(t("show.as_seen")), kit.rich(kit.quote(*body))]
    if _is_picture(flow.image_url):
        blocks.append(kit.image(str(flow.image_url), t("show.picture_of", title=flow.title)))
    return blocks


def _settings(flow: Flow, t: Translator) -> Block:
    return rows(settings(flow, t))


def rows(labelled: Iterable[tuple[str, str]]) -> Block:
    """Label and value, a line each."""
    return kit.rich(*(kit.line(kit.words(f"{label}: ", bold=True), kit.words(value)) for label, value in labelled))


def settings(flow: Flow, t: Translator, *, segment: str | None = None) -> list[tuple[str, str]]:
    """Where the push leads, to whom and when it is sent, and how it behaves: labels and values.

    `segment` is the one that flowbot is to write; Enkapush tells none.
    """
    yes_no = {True: t("flow.yes"), False: t("flow.no")}
    found = [
        *reach(flow.wait, segment, t),
        (t("field.ttl"), ttl_text(flow.ttl, t)),
        (t("field.silent"), yes_no[flow.is_silent]),
        (t("field.auto_hide"), yes_no[flow.is_auto_hide]),
        (t("field.url"), flow.url or t("flow.none")),
    ]
    for number, button in enumerate(flow.buttons, start=1):
        if text := button_text(button):
            found.append((t("field.button", number=number), text))
    return found


def reach(after: WaitTime | None, segment: str | None, t: Translator) -> list[tuple[str, str]]:
    """When the push is sent, and to whom: labels and values. A segment that is not given is not known."""
    when = t("flow.none") if after is None else t("flow.after", wait=wait(after, t))
    return [(t("field.wait"), when), (t("field.segment"), segment or t("flow.segment_untold"))]


def segment_name(segment: str, name: str | None, t: Translator) -> str:
    """A segment as Enkapush is sent it, in words; by its number where its name is not known."""
    if segment == ALL_SUBSCRIBERS:
        return t("form.segment_all")
    shown = kit.clip(one_line(name or ""), NAME_MAX) or t("form.segment_number", id=segment)
    return kit.isolated(shown)


def _numbers(flow: Flow, t: Translator) -> Block:
    """Totals with their rates: displayed of sent, clicked of displayed."""
    totals = flow.totals
    displayed = _with_rate(totals.displayed, totals.display_rate, t)
    clicked = _with_rate(totals.clicked, totals.click_rate, t)
    cells = (
        ("stat.sent", t.number(totals.sent)),
        ("stat.displayed", displayed),
        ("stat.clicked", clicked),
        ("stat.closed", t.number(totals.closed)),
    )
    return kit.fields([kit.mrkdwn(f"*{t(key)}*\n{value}") for key, value in cells])


def _times(flow: Flow, t: Translator) -> Block:
    moments = (
        ("show.created", flow.created_at),
        ("show.changed", flow.changed_at),
        ("show.last_sent", flow.last_sent_at),
    )
    return kit.context(*(t(key, when=t.moment(at) if at else t("show.never")) for key, at in moments))


def wait(wait: WaitTime, t: Translator) -> str:
    """`3 days`; a unit that flowbot does not know is told as Enkapush has it."""
    units = {"minutes": "minute", "hours": "hour", "days": "day"}
    unit = units.get(wait.unit)
    return t.amount(wait.amount, unit) if unit else f"{t.number(wait.amount)} {wait.unit}"


def _with_rate(count: int, rate: float | None, t: Translator) -> str:
    return t.number(count) if rate is None else f"{t.number(count)} ({t.rate(rate)})"


def website_name(website: WebsiteId, names: Mapping[WebsiteId, str], t: Translator) -> str:
    """The website's name, or its number where it has none."""
    name = names.get(website)
    return kit.isolated(name) if name else t("flow.website", id=str(website))


def button_text(button: FlowButton) -> str:
    """A push's button: its title and where it leads."""
    return " → ".join(part for part in (button.title, button.url) if part)


def _late(as_of: datetime, t: Translator, now: datetime) -> str:
    return t("list.as_of", ago=t.ago(as_of, now), when=t.moment(as_of))


def _shared_by(sharer: UserId, t: Translator) -> Block:
    before, _, after = t("share.by", person="\0").partition("\0")
    parts = (kit.words(before) if before else None, kit.person(sharer), kit.words(after) if after else None)
    return kit.rich(kit.line(*(part for part in parts if part)))


def _dot(flow: Flow) -> str:
    return "🟢" if flow.is_enabled else "⚪"


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_picture(url: str | None) -> bool:
    return bool(url) and str(url).startswith(("https://", "http://")) and utf16_length(str(url)) <= kit.URL_MAX


def ttl_text(seconds: int | None, t: Translator) -> str:
    """A time to live in words."""
    if seconds is None:
        return t("flow.none")
    return t.span(seconds) if seconds else t("flow.ttl_zero")
