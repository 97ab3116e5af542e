"""A flow's fields in words: in a difference, and below a push."""

from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.fields import FIELDS, LABEL_KEYS, PLAIN_FIELDS, SETTINGS, FieldKind
from flowbot.domain.flow import FieldDifference, FlowButton, FlowContent, WaitTime
from flowbot.domain.ids import WebsiteId
from flowbot.domain.urls import hostname
from flowbot.i18n.translator import Translator, Translators
from flowbot.slack.views import push, request_blocks

LOCALES: Final = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
VALUES: Final[dict[FieldKind, tuple[Any, Any, str]]] = {
    FieldKind.WEBSITE: (1, 2, "Shop → Blog"),
    FieldKind.TTL: (3600, 86400, "1 hour → 1 day"),
    FieldKind.CHECKBOX: (False, True, "No → Yes"),
    FieldKind.NUMBER: (1, 2, "1 → 2"),
}
CONTENT: Final = FlowContent(
    WebsiteId(1),
    "Name",
    "Title",
    "Text",
    WaitTime(1, "days"),
    button_1=FlowButton("Go", "u"),
    button_2=FlowButton("", ""),
)


@pytest.mark.parametrize("attribute", PLAIN_FIELDS)
def test_a_plain_field_that_differs_is_shown_with_both_values(attribute: str) -> None:
    t, field = LOCALES.for_reader("en"), FIELDS[PLAIN_FIELDS[attribute]]
    old, new, shown = VALUES.get(field.kind, ("old", "new", "old → new"))
    names = {WebsiteId(1): "Shop", WebsiteId(2): "Blog"}
    (block,) = request_blocks.difference_blocks([FieldDifference(attribute, old, new)], names, t, title="")
    (line,) = block["elements"][1]["elements"]
    assert "".join(part["text"] for part in line["elements"]) == f"{t(field.label)}: {shown}"


@pytest.mark.parametrize(
    ("url", "on_card", "in_text"),
    [
        ("https://shop.example/sale", "Opens shop.example", False),
        ("https://*b*.example/", None, True),
        ("https://<!channel>", None, True),
        ("https://999.1.1.1", None, True),
        ("nonsense", None, True),
        ("https://çiçek.example/", None, True),
        ("", None, False),
    ],
)
def test_a_pictures_card_has_the_host_unless_formatting_could_hide_in_it(
    url: str, on_card: str | None, in_text: bool
) -> None:
    content = replace(CONTENT, url=url, title="*T* <!channel>")
    blocks = push.push_blocks(content, LOCALES.for_reader("en"), image_url="https://cdn.example/1.png")
    card = blocks[-1]
    assert (card["type"], card["hero_image"]["image_url"]) == ("card", "https://cdn.example/1.png")
    assert card.get("body", {}).get("text") == on_card
    shown = hostname(url) or url
    assert (f"\n{shown}" in [part["text"] for part in blocks[1]["elements"][0]["elements"]]) is in_text
    assert "card" not in [
        block["type"] for block in push.push_blocks(content, LOCALES.for_reader("en"), image_url=None)
    ]


@pytest.mark.parametrize("t", [LOCALES.for_reader("en"), LOCALES.for_reader("tr")])
def test_every_label_has_its_words(t: Translator) -> None:
    keys = {*LABEL_KEYS.values(), *(field.label for field in FIELDS.values())}
    assert all(t.has_message(key) for key in keys)


def test_the_settings_below_a_push_leave_out_what_is_empty_or_as_in_a_new_flow() -> None:
    t = LOCALES.for_reader("en")
    rows = push.settings_rows(CONTENT, t)
    assert [label for label, _ in rows] == ["Wait", "Segment", "Button 1"]
    assert rows[-1] == ("Button 1", "Go → u")
    others: dict[str, Any] = {
        "ttl": 0,
        "is_silent": True,
        "is_auto_hide": True,
        "url": "u",
        "button_2": FlowButton("", "u"),
    }
    labels = [label for label, _ in push.settings_rows(replace(CONTENT, **others), t)]
    assert labels == ["Wait", "Segment", *(t(LABEL_KEYS[name], number=1 + (name == "button_2")) for name in SETTINGS)]
    assert push.settings_rows(replace(CONTENT, ttl=None), t) == rows


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [("", "u", "→ u"), (None, "u", "→ u"), ("u", "", "u → removed"), (" ", "", "→ removed")],
)
def test_a_difference_has_no_empty_value(before: str | None, after: str, shown: str) -> None:
    t = LOCALES.for_reader("en")
    (block,) = request_blocks.difference_blocks([FieldDifference("url", before, after)], {}, t, title="")
    (line,) = block["elements"][1]["elements"]
    assert "".join(part["text"] for part in line["elements"]) == f"URL: {shown}"
