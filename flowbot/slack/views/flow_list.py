"""Pages of flows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from flowbot.domain.flow import Flow
from flowbot.domain.ids import UserId, WebsiteId
from flowbot.domain.search import FlowQuery, SortOrder
from flowbot.domain.text import collation_key, utf16_length
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowList
from flowbot.services.ports.policies import NO_FLOW_TIMES
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowEntryValue, ListValue
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element, single_line
from flowbot.slack.views.cached_block import CachedBlock
from flowbot.slack.views.message import Message
from flowbot.slack.views.paging import fits_button, page_buttons
from flowbot.slack.views.push import format_as_of, format_times, sharer_block, state_dot
from flowbot.slack.views.sentences import format_enabled, format_name, format_sent, format_wait, format_website

NAME_MAX: Final = 80
TITLE_MAX: Final = 26
"""A flow takes two lines on a desk, whatever it says."""
SEARCH_MAX: Final = 200
ROWS_KEPT: Final = 2000
"""Rows that are not built anew for each list: most lists show the newest flows."""
CONTROLS_KEPT: Final = 500


def flow_list_message(result: FlowList, t: Translator, now: datetime) -> Message:
    """Build one page of a list: menus to filter and sort it, a menu for each flow, buttons to turn the page."""
    page, query = result.page, result.request.query
    rows = _row_blocks(result, t, now, may_edit=result.may_edit, with_title=True)
    blocks = [*_head_blocks(result, t, now), *_menu_blocks(result, t), *rows]
    may_share = result.may_share and page.total > 0
    blocks += _page_actions(query, page.number, page.pages, t, may_share=may_share)
    return Message(tuple(blocks))


@lru_cache(maxsize=CONTROLS_KEPT)
def _page_actions(query: FlowQuery, number: int, pages: int, t: Translator, *, may_share: bool) -> tuple[Block, ...]:
    """Build the buttons to turn and to share a page."""
    before = ListValue.of(query, number - 1) if number > 1 else None
    after = ListValue.of(query, number + 1) if number < pages else None
    # A search that a button cannot carry has its first page alone.
    buttons = page_buttons(t, (ActionId.LIST_PREVIOUS, before), (ActionId.LIST_NEXT, after))
    if may_share and fits_button(this := ListValue.of(query, number)):
        buttons.append(block_kit.button(t("button.share"), ActionId.LIST_SHARE, this.dump()))
    return (CachedBlock(block_kit.actions(*buttons)),) if buttons else ()


def shared_list_message(result: FlowList, sharer: UserId, t: Translator, now: datetime) -> Message:
    """Build the same page for everybody in the channel: each may show a flow, and nobody reads a push's words here."""
    rows = _row_blocks(result, t, now, may_edit=False, with_title=False)
    return Message((*_head_blocks(result, t, now), *rows, sharer_block(sharer, t)))


def _head_blocks(result: FlowList, t: Translator, now: datetime) -> list[Block]:
    """Build the total, the page, the filters and the order, and what is special about the list."""
    page, query, facts = result.page, result.request.query, []
    if query.words:
        words = block_kit.clip(" ".join(query.words), SEARCH_MAX)
        facts.append(t("list.filter_words", words=words))
    if query.is_enabled is not None:
        facts.append(t("list.filter_enabled" if query.is_enabled else "list.filter_disabled"))
    if query.website is not None:
        facts.append(t("list.filter_website", website=format_website(query.website, result.website_names, t)))
    is_filtered = bool(facts)
    if query.order is not SortOrder.NEW:
        facts.append(t("list.sorted", order=_format_order(query.order, t)))
    if page.pages > 1:
        facts.insert(0, t("list.page", page=page.number, pages=page.pages))
    blocks = [block_kit.header(t("list.total", n=page.total))]
    if facts:
        blocks.append(block_kit.context(*facts))
    return [*blocks, *list_notes(result, t, now, is_filtered=is_filtered)]


def list_notes(result: FlowList, t: Translator, now: datetime, *, is_filtered: bool = False) -> Iterator[Block]:
    """Yield the notes on a list that is old, that lacks flows, or that has none."""
    if result.as_of is not None:
        yield block_kit.context(format_as_of(result.as_of, t, now))
    if result.unreadable:
        yield block_kit.context(t("list.unread", n=result.unreadable))
    if not result.page.total and (is_filtered or not result.unreadable):
        yield block_kit.paragraph(t("list.nothing_matches" if is_filtered else "list.empty"))


def _format_order(order: SortOrder, t: Translator) -> str:
    # Keys: list.order_new, list.order_name, list.order_sent, list.order_best, list.order_worst
    return t(f"list.order_{order}")


def _menu_blocks(result: FlowList, t: Translator) -> list[Block]:
    """Build the menus that filter and sort, or a line on those that Slack does not take."""
    query = result.request.query
    if result.page.total <= 1 and query == FlowQuery(order=query.order):
        return []
    websites = sorted(result.websites.items(), key=lambda website: collation_key(website[1]))
    return [*_menus(query, tuple(websites), t)]


@lru_cache(maxsize=CONTROLS_KEPT)
def _menus(query: FlowQuery, websites: tuple[tuple[WebsiteId, str], ...], t: Translator) -> tuple[Block, ...]:
    """Build the menus of a list."""
    states = [(format_enabled(state, t), replace(query, is_enabled=state)) for state in (True, False)]
    states.insert(0, (t("list.any_state"), replace(query, is_enabled=None)))
    labels = block_kit.distinct_labels({str(website): name for website, name in websites})
    places = [(labels[str(website)], replace(query, website=website)) for website, _ in websites]
    places.insert(0, (t("list.any_website"), replace(query, website=None)))
    orders = [(_format_order(order, t), replace(query, order=order)) for order in SortOrder]
    menus = [_menu(t("list.state"), ActionId.LIST_STATE, states, query)]
    if 1 < len(websites) < block_kit.OPTIONS_MAX:
        menus.append(_menu(t("list.website"), ActionId.LIST_WEBSITE, places, query))
    menus.append(_menu(t("list.sort"), ActionId.LIST_SORT, orders, query))
    values = (option["value"] for menu in menus for option in menu["options"])
    if any(utf16_length(value) > block_kit.OPTION_VALUE_MAX for value in values):
        return (block_kit.context(t("list.search_too_long")),)
    hints = [block_kit.context(t("list.many_websites"))] if len(websites) >= block_kit.OPTIONS_MAX else []
    return (CachedBlock(block_kit.actions(*menus)), *hints)


def _menu(name: str, action_id: ActionId, choices: Sequence[tuple[str, FlowQuery]], query: FlowQuery) -> Element:
    """Build a menu of lists, the first of which stands for no choice; each entry carries its whole list."""
    options = [block_kit.option(label, ListValue.of(each).dump()) for label, each in choices]
    chosen = next(at for at, (_, each) in enumerate(choices) if each == query)
    return block_kit.static_select(name, action_id, options, options[chosen] if chosen else None)


def _row_blocks(result: FlowList, t: Translator, now: datetime, *, may_edit: bool, with_title: bool) -> list[Block]:
    websites = {flow.website_id: format_website(flow.website_id, result.website_names, t) for flow in result.page.items}
    rows = []
    for flow in result.page.items:
        times = tuple(format_times(result.times.get(flow.id, NO_FLOW_TIMES), t, now))
        rows.append(_row_block(flow, websites[flow.website_id], times, t, may_edit, with_title))
    return rows


@lru_cache(maxsize=ROWS_KEPT)
def _row_block(
    flow: Flow, website: str, times: tuple[str, ...], t: Translator, may_edit: bool, with_title: bool
) -> Block:
    """Build two lines on a flow, with a menu of what the reader may do with it."""
    name = format_name(flow.name, t, limit=NAME_MAX)
    title = single_line(flow.title, TITLE_MAX) if with_title else ""
    wait, totals = format_wait(flow.wait, t), flow.totals
    facts = [
        website,
        t("list.title_after", title=title, wait=wait) if title else t("list.after", wait=wait),
        format_sent(totals, t),
    ]
    if (rate := totals.click_rate) is not None:
        facts.append(t("flow.click_rate", rate=t.format_percent(rate)))
    state = " · ".join([format_enabled(flow.is_enabled, t), *times])
    headline = f"{state_dot(flow)} #{flow.id} {name} · {state}"
    entries = [(ActionId.SHOW, "button.show")]
    if may_edit:
        toggle = (
            (ActionId.FLOW_DISABLE, "button.disable") if flow.is_enabled else (ActionId.FLOW_ENABLE, "button.enable")
        )
        entries += [
            (ActionId.FLOW_EDIT, "button.edit"),
            toggle,
            (ActionId.FLOW_DUPLICATE, "button.duplicate"),
            (ActionId.FLOW_DELETE, "button.delete"),
        ]
    options = [block_kit.option(t(key), FlowEntryValue(action=action, flow=flow.id).dump()) for action, key in entries]
    # Slack takes no label for the menu itself: who hears it hears in its first entry which flow it belongs to.
    options[0]["description"] = block_kit.plain(f"#{flow.id} {name}", block_kit.LABEL_MAX)
    menu = block_kit.overflow(ActionId.FLOW_MENU, options)
    return CachedBlock(block_kit.section(block_kit.plain(f"{headline}\n{' · '.join(facts)}"), menu))
