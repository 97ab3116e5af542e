"""Pages of flows."""

from datetime import datetime

from flowbot.domain.flow import Flow
from flowbot.domain.ids import UserId
from flowbot.domain.search import FlowQuery
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowList
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue, ListValue
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element, Message, single_line
from flowbot.slack.views.push import format_as_of, sharer_block, state_dot, toggle_button
from flowbot.slack.views.sentences import NAME_MAX, format_wait, format_website

LINE_MAX = 200


def flow_list_message(result: FlowList, t: Translator, now: datetime) -> Message:
    """One page of a list, for the one who asked: with a button for each flow, and buttons to turn the page."""
    blocks = _list_head(result, t, now)
    for flow in result.page.items:
        blocks += _row_with_buttons(flow, result, t)
    if buttons := _list_buttons(result, t):
        blocks.append(block_kit.actions(*buttons))
    return Message(_list_summary(result, t), tuple(blocks))


def _row_with_buttons(flow: Flow, result: FlowList, t: Translator) -> list[Block]:
    """A row with `Show` at its right; for those who may edit, a line of buttons under it."""
    number = str(flow.id)
    show = block_kit.button(
        t("button.show"), ActionId.SHOW, FlowValue(flow=flow.id).dump(), hint=t("hint.show", id=number)
    )
    if not result.may_edit:
        return _row(flow, result, t, show)
    hint = t("hint.disable" if flow.is_enabled else "hint.enable", id=number)
    return [*_row(flow, result, t), block_kit.actions(show, toggle_button(flow, t, hint=hint))]


def shared_list_message(result: FlowList, sharer: UserId, t: Translator, now: datetime) -> Message:
    """The same page for all in the channel to see, without buttons."""
    blocks = _list_head(result, t, now)
    for flow in result.page.items:
        blocks += _row(flow, result, t)
    return Message(_list_summary(result, t), (*blocks, sharer_block(sharer, t)))


def _list_summary(result: FlowList, t: Translator) -> str:
    page = result.page
    return f"{t('list.total', n=page.total)} {t('list.page', page=page.number, pages=page.pages)}"


def _list_head(result: FlowList, t: Translator, now: datetime) -> list[Block]:
    page = result.page
    where = t("list.page", page=page.number, pages=page.pages)
    filters = _filters(result, t)
    blocks = [block_kit.header(t("list.total", n=page.total)), block_kit.context(where, *filters)]
    if result.as_of is not None:
        blocks.append(block_kit.context(format_as_of(result.as_of, t, now)))
    if result.unread:
        blocks.append(block_kit.context(t("list.unread", n=result.unread)))
    if not page.total and (filters or not result.unread):
        blocks.append(block_kit.section(block_kit.plain(t("list.nothing_matches" if filters else "list.empty"))))
    return blocks


def _filters(result: FlowList, t: Translator) -> list[str]:
    """What the list was narrowed to, in words."""
    query: FlowQuery = result.request.query
    found = []
    if query.words:
        found.append(t("list.filter_words", words=block_kit.isolate(block_kit.clip(" ".join(query.words), LINE_MAX))))
    if query.is_enabled is not None:
        found.append(t("list.filter_enabled" if query.is_enabled else "list.filter_disabled"))
    if query.website is not None:
        found.append(t("list.filter_website", website=format_website(query.website, result.website_names, t)))
    return found


def _row(flow: Flow, result: FlowList, t: Translator, button: Element | None = None) -> list[Block]:
    name = block_kit.isolate(block_kit.clip(single_line(flow.name), NAME_MAX)) or t("flow.unnamed")
    heading = block_kit.rich_text(
        block_kit.rich_line(
            block_kit.text_element(f"{state_dot(flow)} "),
            block_kit.text_element(name, bold=True),
            block_kit.text_element(f"  #{flow.id}"),
        )
    )
    facts = [
        format_website(flow.website_id, result.website_names, t),
        t("flow.after", wait=format_wait(flow.wait, t)),
        t("flow.enabled" if flow.is_enabled else "flow.disabled"),
        *_row_numbers(flow, t),
    ]
    title = block_kit.isolate(block_kit.clip(single_line(flow.title), LINE_MAX))
    return [heading, block_kit.section(block_kit.plain(f"{title}\n{' · '.join(facts)}".strip()), button)]


def _row_numbers(flow: Flow, t: Translator) -> list[str]:
    totals = flow.totals
    if not totals.sent:
        return [t("flow.never_sent")]
    sent = t("flow.sent", n=totals.sent)
    rate = totals.click_rate
    return [sent] if rate is None else [sent, t("flow.clicked_rate", rate=t.format_percent(rate))]


def _list_buttons(result: FlowList, t: Translator) -> list[Element]:
    page, buttons = result.page, []
    if page.number > 1:
        value = ListValue.of(result.request, page.number - 1).dump()
        buttons.append(block_kit.button(t("button.previous"), ActionId.LIST_PREVIOUS, value))
    if page.number < page.pages:
        value = ListValue.of(result.request, page.number + 1).dump()
        buttons.append(block_kit.button(t("button.next"), ActionId.LIST_NEXT, value))
    if result.may_share and page.total:
        value = ListValue.of(result.request, page.number).dump()
        buttons.append(block_kit.button(t("button.share"), ActionId.LIST_SHARE, value))
    return buttons
