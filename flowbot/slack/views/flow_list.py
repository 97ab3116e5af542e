"""Pages of flows."""

from datetime import datetime
from typing import Final

from flowbot.domain.flow import Flow
from flowbot.domain.ids import UserId
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowList
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue, ListValue
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element, single_line
from flowbot.slack.views.message import Message
from flowbot.slack.views.push import format_as_of, sharer_block, state_dot, toggle_button
from flowbot.slack.views.sentences import NAME_MAX, format_enabled, format_wait, format_website

LINE_MAX: Final = 200


def flow_list_message(result: FlowList, t: Translator, now: datetime) -> Message:
    """Build one page of a list, with buttons for each flow and buttons to turn the page."""
    page, blocks = result.page, _head_blocks(result, t, now)
    for flow in page.items:
        number, value = str(flow.id), FlowValue(flow=flow.id).dump()
        show = block_kit.button(t("button.show"), ActionId.SHOW, value, hint=t("hint.show", id=number))
        if result.may_edit:
            hint = t("hint.disable" if flow.is_enabled else "hint.enable", id=number)
            blocks += _row_blocks(flow, result, t)
            blocks.append(block_kit.actions(show, toggle_button(flow, t, hint=hint)))
        else:
            blocks += _row_blocks(flow, result, t, show)
    turns = (
        (page.number > 1, "button.previous", ActionId.LIST_PREVIOUS, page.number - 1),
        (page.number < page.pages, "button.next", ActionId.LIST_NEXT, page.number + 1),
        (result.may_share and page.total, "button.share", ActionId.LIST_SHARE, page.number),
    )
    buttons = [
        block_kit.button(t(key), action, ListValue.of(result.request, number).dump())
        for is_shown, key, action, number in turns
        if is_shown
    ]
    if buttons:
        blocks.append(block_kit.actions(*buttons))
    return Message(tuple(blocks))


def shared_list_message(result: FlowList, sharer: UserId, t: Translator, now: datetime) -> Message:
    """Build the same page for everybody in the channel, without buttons."""
    blocks = _head_blocks(result, t, now)
    for flow in result.page.items:
        blocks += _row_blocks(flow, result, t)
    return Message((*blocks, sharer_block(sharer, t)))


def _head_blocks(result: FlowList, t: Translator, now: datetime) -> list[Block]:
    """Build the total, the page and the filters, and what is special about the list."""
    page, query, filters = result.page, result.request.query, []
    if query.words:
        words = block_kit.isolate(block_kit.clip(" ".join(query.words), LINE_MAX))
        filters.append(t("list.filter_words", words=words))
    if query.is_enabled is not None:
        filters.append(t("list.filter_enabled" if query.is_enabled else "list.filter_disabled"))
    if query.website is not None:
        filters.append(t("list.filter_website", website=format_website(query.website, result.website_names, t)))
    where = t("list.page", page=page.number, pages=page.pages)
    blocks = [block_kit.header(t("list.total", n=page.total)), block_kit.context(where, *filters)]
    if result.as_of is not None:
        blocks.append(block_kit.context(format_as_of(result.as_of, t, now)))
    if result.unreadable:
        blocks.append(block_kit.context(t("list.unread", n=result.unreadable)))
    if not page.total and (filters or not result.unreadable):
        blocks.append(block_kit.paragraph(t("list.nothing_matches" if filters else "list.empty")))
    return blocks


def _row_blocks(flow: Flow, result: FlowList, t: Translator, button: Element | None = None) -> list[Block]:
    name = block_kit.isolate(single_line(flow.name, NAME_MAX)) or t("flow.unnamed")
    heading = block_kit.rich_paragraph(
        block_kit.text_element(f"{state_dot(flow)} "),
        block_kit.text_element(name, bold=True),
        block_kit.text_element(f"  #{flow.id}"),
    )
    totals = flow.totals
    facts = [
        format_website(flow.website_id, result.website_names, t),
        t("flow.after", wait=format_wait(flow.wait, t)),
        format_enabled(flow.is_enabled, t),
        t("flow.sent", n=totals.sent) if totals.sent else t("flow.never_sent"),
    ]
    if totals.sent and (rate := totals.click_rate) is not None:
        facts.append(t("flow.clicked_rate", rate=t.format_percent(rate)))
    title = block_kit.isolate(single_line(flow.title, LINE_MAX))
    return [heading, block_kit.section(block_kit.plain(f"{title}\n{' · '.join(facts)}".strip()), button)]
