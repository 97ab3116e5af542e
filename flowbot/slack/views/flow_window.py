"""The window of a shortcut: which channel it is for, and the list of flows with its pages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowList
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue, WindowValue
from flowbot.slack.views import block_kit, push, sentences
from flowbot.slack.views.block_kit import Block, View
from flowbot.slack.views.flow_list import list_notes
from flowbot.slack.views.paging import page_buttons

CHANNELS_MAX: Final = 90
"""Slack takes a hundred blocks."""


def window_view(blocks: Sequence[Block], t: Translator) -> View:
    """Build the window with these blocks."""
    return block_kit.modal(t("window.title"), blocks, close=t("form.close"))


def loading_window(t: Translator) -> View:
    """Build the window to show until the flows are there."""
    return window_view([block_kit.paragraph(t("window.loading"))], t)


def sentence_window(text: Text, t: Translator) -> View:
    """Build the window with a sentence in the list's place."""
    return window_view(sentences.sentence_message(t, text).blocks, t)


def channel_blocks(question: str, values: Mapping[ChannelId, str], action: ActionId, t: Translator) -> list[Block]:
    """Build the question for which channel something is, with a button for each.

    Args:
        question: the question.
        values: the values of the buttons.
        action: their action; each has an id of its own.
        t: the reader's words.
    """
    blocks, shown = [block_kit.paragraph(question)], list(values.items())[:CHANNELS_MAX]
    for number, (channel, value) in enumerate(shown, 1):
        # The channel's name is Slack's to write, and stands right before the button.
        hint = t("hint.choose", number=number, total=len(shown))
        button = block_kit.button(t("shortcut.choose"), action, value, hint=hint)
        blocks.append(block_kit.section(block_kit.mrkdwn(f"<#{channel}>"), button))
    return blocks


def list_window(result: FlowList, channel: ChannelId, t: Translator, now: datetime) -> View:
    """Build a page of the flows of a channel, with buttons that turn the page in place."""
    page = result.page
    place = [block_kit.text_element(f"{t('list.total', n=page.total)} · "), block_kit.channel_element(channel)]
    if page.pages > 1:
        place.append(block_kit.text_element(f" · {t('list.page', page=page.number, pages=page.pages)}"))
    blocks = [block_kit.rich_paragraph(*place)]
    blocks += [*list_notes(result, t, now), *(_row_block(flow, result, channel, t) for flow in page.items)]
    before = WindowValue(channel=channel, page=page.number - 1) if page.number > 1 else None
    after = WindowValue(channel=channel, page=page.number + 1) if page.number < page.pages else None
    buttons = page_buttons(t, (ActionId.WINDOW_PREVIOUS, before), (ActionId.WINDOW_NEXT, after))
    return window_view([*blocks, *([block_kit.actions(*buttons)] if buttons else [])], t)


def _row_block(flow: Flow, result: FlowList, channel: ChannelId, t: Translator) -> Block:
    name = sentences.format_name(flow.name, t)
    facts = [
        sentences.format_enabled(flow.is_enabled, t),
        sentences.format_website(flow.website_id, result.website_names, t),
        sentences.format_sent(flow.totals, t),
    ]
    text = block_kit.plain(f"{push.state_dot(flow)} #{flow.id} {name}\n{' · '.join(facts)}")
    value = FlowValue(flow=flow.id, channel=channel).dump()
    hint = t("hint.show", flow=f"#{flow.id} {name}")
    return block_kit.section(text, block_kit.button(t("button.show"), ActionId.WINDOW_SHOW, value, hint=hint))
