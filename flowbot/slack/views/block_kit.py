"""Block Kit builders within Slack's limits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from flowbot.domain.text import cut_middle, isolate, remove_invisible, shorten, utf16_length

Block = dict[str, Any]
Element = dict[str, Any]
View = dict[str, Any]
Style = Literal["primary", "danger"]

HEADER_MAX: Final = 150
TITLE_MAX: Final = 24
SECTION_MAX: Final = 3000
FIELD_MAX: Final = 2000
LABEL_MAX: Final = 75
VALUE_MAX: Final = 2000
OPTIONS_MAX: Final = 100
OPTION_VALUE_MAX: Final = 150
ALT_MAX: Final = 2000
URL_MAX: Final = 3000
CARD_BODY_MAX: Final = 200
CHART_TITLE_MAX: Final = 50
CHART_LABEL_MAX: Final = 20
CONFIRM_TITLE_MAX: Final = 100
CONFIRM_TEXT_MAX: Final = 300
CONFIRM_LABEL_MAX: Final = 30
ISOLATES_SIZE: Final = 2
RICH_MAX: Final = 12_000
"""Not a limit that Slack states: enough for any push, and far below what it refuses."""

DATE_FORMAT: Final = "{date_short_pretty} {time}"
"""Slack writes it in the reader's language and zone (https://docs.slack.dev/messaging/formatting-message-text)."""


def clip(text: str, limit: int) -> str:
    """Shorten the text to `limit` UTF-16 units, so that it cannot turn the text around it."""
    shown, room = isolate(shorten(text, limit)), limit
    while (excess := utf16_length(shown) - limit) > 0 and room > 0:
        room -= excess
        shown = isolate(shorten(text, room))
    return shown


def single_line(text: str, limit: int) -> str:
    """Return the text on one line, shortened to `limit`."""
    return clip(" ".join(text.split()), limit)


def distinct_labels(names: Mapping[str, str], limit: int = LABEL_MAX) -> dict[str, str]:
    """Return names by id as labels to choose from: those that would look alike show their ends or, after that, ids."""
    lines = {key: " ".join(name.split()) for key, name in names.items()}
    labels = {key: clip(line, limit) for key, line in lines.items()}
    with_ends = {key: clip(cut_middle(line, limit - ISOLATES_SIZE), limit) for key, line in lines.items()}
    with_ids = {key: f"{clip(line, limit - len(key) - 2)} #{key}" for key, line in lines.items()}
    for clearer in (with_ends, with_ids):
        times = Counter(map(remove_invisible, labels.values()))
        labels = {key: clearer[key] if times[remove_invisible(each)] > 1 else each for key, each in labels.items()}
    return labels


def plain(text: str, limit: int = SECTION_MAX) -> Element:
    """Build text without formatting. Slack refuses an empty one, so a space stands for it."""
    return {"type": "plain_text", "text": clip(text, limit) or " ", "emoji": False}


def mrkdwn(text: str, limit: int = SECTION_MAX) -> Element:
    """Build text with Slack's formatting, for flowbot's own words: never for foreign text."""
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def header(text: str) -> Block:
    """Build a header, on one line."""
    return {"type": "header", "text": plain(single_line(text, HEADER_MAX))}


def section(text: Element, accessory: Element | None = None) -> Block:
    """Build a section, with an accessory at its right if there is one."""
    return {"type": "section", "text": text} | ({"accessory": accessory} if accessory else {})


def paragraph(text: str) -> Block:
    """Build a section of plain text."""
    return section(plain(text))


def fields(texts: Sequence[Element]) -> Block:
    """Build up to ten texts in two columns."""
    return {"type": "section", "fields": list(texts[:10])}


def context(*texts: str) -> Block:
    """Build a context block: small print."""
    return {"type": "context", "elements": [plain(text, FIELD_MAX) for text in texts[:10]]}


def divider() -> Block:
    """Build a line between blocks."""
    return {"type": "divider"}


def image(url: str, alt: str) -> Block:
    """Build an image from the web."""
    return {"type": "image", "image_url": url, "alt_text": clip(alt, ALT_MAX)}


def slack_image(file: str, alt: str) -> Block:
    """Build an image from a file in Slack: a PNG, JPEG or GIF."""
    return {"type": "image", "slack_file": {"id": file}, "alt_text": clip(alt, ALT_MAX)}


def card(picture: Block, body: str) -> Block:
    """Build a card of an image block and words below it: they are formatted, so never foreign ones."""
    words = {"body": mrkdwn(body, CARD_BODY_MAX)} if body else {}
    return {"type": "card", "hero_image": picture, **words}


def line_chart(title: str, categories: Sequence[str], series: Mapping[str, Sequence[int]]) -> Block:
    """Build a chart of lines over up to 20 categories; each of the up to 6 series has a number for each of them."""
    labels = [clip(label, CHART_LABEL_MAX) for label in categories]
    lines = [
        {
            "name": clip(name, CHART_LABEL_MAX),
            "data": [{"label": label, "value": value} for label, value in zip(labels, values, strict=True)],
        }
        for name, values in series.items()
    ]
    chart = {"type": "line", "series": lines, "axis_config": {"categories": labels}}
    return {"type": "data_visualization", "title": clip(title, CHART_TITLE_MAX), "chart": chart}


def replace_charts(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks with a table of text in the place of each chart, where Slack takes no charts."""
    return [_chart_table(block) if block["type"] == "data_visualization" else block for block in blocks]


def _chart_table(block: Block) -> Block:
    series, categories = block["chart"]["series"], block["chart"]["axis_config"]["categories"]
    heads = ["", *(each["name"] for each in series)]
    rows = [[label, *(str(each["data"][at]["value"]) for each in series)] for at, label in enumerate(categories)]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = (
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])
        for first, *cells in (heads, *rows)
    )
    table = {"type": "rich_text_preformatted", "elements": [text_element("\n".join(lines))]}
    return rich_text(rich_line(text_element(block["title"], bold=True)), table)


def replace_cards(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks with an image and small print in the place of each card, where Slack takes no cards."""
    classic: list[Block] = []
    for block in blocks:
        if block["type"] != "card":
            classic.append(block)
            continue
        if "body" in block:
            classic.append({"type": "context", "elements": [block["body"]]})
        classic.append(block["hero_image"])
    return classic


def remove_images(blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks without images, in cards too."""
    return [
        {key: value for key, value in block.items() if key != "accessory" or value["type"] != "image"}
        for block in replace_cards(blocks)
        if block["type"] != "image"
    ]


def actions(*elements: Element) -> Block:
    """Build a row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: Style | None = None,
    hint: str | None = None,
) -> Element:
    """Build a button; a screen reader says `hint` in place of the label, which may need its surroundings."""
    element = {"type": "button", "text": plain(label, LABEL_MAX), "action_id": action_id, "value": value}
    extra = {"style": style, "accessibility_label": single_line(hint, LABEL_MAX) if hint else None}
    return element | {key: value for key, value in extra.items() if value}


def option(label: str, value: str) -> Element:
    """Build an entry of a menu."""
    return {"text": plain(label, LABEL_MAX), "value": value}


def overflow(action_id: str, options: Sequence[Element]) -> Element:
    """Build a menu behind three dots: one to five entries, each acts like a button."""
    return {"type": "overflow", "action_id": action_id, "options": list(options)}


def static_select(name: str, action_id: str, options: Sequence[Element], chosen: Element | None) -> Element:
    """Build a menu that acts at once; it shows `name` where nothing is chosen."""
    element = {"type": "static_select", "action_id": action_id, "placeholder": plain(name), "options": list(options)}
    return element | ({"initial_option": chosen} if chosen else {})


def text_element(
    text: str, *, bold: bool = False, italic: bool = False, code: bool = False, limit: int = RICH_MAX
) -> Element:
    """Build text for a rich text block: never parsed for links, mentions, emoji codes or formatting."""
    styles = {name: True for name, on in (("bold", bold), ("italic", italic), ("code", code)) if on}
    return {"type": "text", "text": clip(text, limit) or " "} | ({"style": styles} if styles else {})


def user_element(user: str) -> Element:
    """Build a person's name, for a rich text block."""
    return {"type": "user", "user_id": user}


def rich_line(*elements: Element) -> Element:
    """Build a paragraph of a rich text block."""
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(*elements: Element) -> Element:
    """Build an indented paragraph of a rich text block."""
    return {"type": "rich_text_quote", "elements": list(elements)}


def bullets(lines: Iterable[Element]) -> Element:
    """Build a bulleted list of paragraphs of a rich text block."""
    return {"type": "rich_text_list", "style": "bullet", "elements": list(lines)}


def rich_text(*parts: Element) -> Block:
    """Build a rich text block."""
    return {"type": "rich_text", "elements": list(parts)}


def rich_paragraph(*elements: Element) -> Block:
    """Build a rich text block of one paragraph."""
    return rich_text(rich_line(*elements))


def labelled_lines(rows: Iterable[tuple[str, str]]) -> Block:
    """Build a rich text block of labels in bold and values, a row a line."""
    return rich_text(*(rich_line(text_element(f"{label}: ", bold=True), text_element(value)) for label, value in rows))


def group_element(group: str) -> Element:
    """Build a mention of a user group, for a rich text block."""
    return {"type": "usergroup", "usergroup_id": group}


def channel_element(channel: str) -> Element:
    """Build a channel's name, for a rich text block."""
    return {"type": "channel", "channel_id": channel}


def date_element(at: datetime, fallback: str) -> Element:
    """Build a time in each reader's own zone, for a rich text block."""
    return {"type": "date", "timestamp": int(at.timestamp()), "format": DATE_FORMAT, "fallback": fallback}


def mrkdwn_date(at: datetime, fallback: str) -> str:
    """Return a time in each reader's own zone, for `mrkdwn`. The fallback must be flowbot's own."""
    return f"<!date^{int(at.timestamp())}^{DATE_FORMAT}|{fallback}>"


def link_button(label: str, action_id: str, url: str, *, hint: str | None = None) -> Element:
    """Build a button that opens a page; `hint` as of any button."""
    element = {"type": "button", "text": plain(label, LABEL_MAX), "action_id": action_id, "url": url}
    return element | ({"accessibility_label": single_line(hint, LABEL_MAX)} if hint else {})


def link_element(label: str, url: str) -> Element:
    """Build a link, for a rich text block."""
    return {"type": "link", "url": url, "text": label}


def confirm_dialog(title: str, text: str, *, yes: str, no: str) -> Element:
    """Build a confirmation dialog: asks again before a button counts as pressed."""
    return {
        "title": plain(title, CONFIRM_TITLE_MAX),
        "text": plain(text, CONFIRM_TEXT_MAX),
        "confirm": plain(yes, CONFIRM_LABEL_MAX),
        "deny": plain(no, CONFIRM_LABEL_MAX),
    }


def modal(title: str, blocks: Iterable[Block], *, close: str) -> View:
    """Build a modal with nothing to submit. Modals take no cards."""
    return {
        "type": "modal",
        "title": plain(title, TITLE_MAX),
        "close": plain(close, TITLE_MAX),
        "blocks": replace_cards(blocks),
    }
