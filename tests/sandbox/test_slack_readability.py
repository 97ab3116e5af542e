"""What the stand-in finds in messages that are hard to hear or to read."""

from typing import Any

import pytest

from flowbot.sandbox.slack.readability import find_reading_faults

LONG = "This sentence goes on and on until nobody who reads it on a phone knows any more what it once was about."


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def section(text: str, accessory: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "section", "text": plain(text)} | ({"accessory": accessory} if accessory else {})


def button(text: str, spoken: str | None = None) -> dict[str, Any]:
    return {"type": "button", "text": plain(text)} | ({"accessibility_label": spoken} if spoken else {})


def overflow(spoken: str) -> dict[str, Any]:
    return {"type": "overflow", "options": [{"text": plain("Show"), "description": plain(spoken)}]}


def line(*texts: str) -> dict[str, Any]:
    elements = [{"type": "text", "text": text} for text in texts]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def labelled(label: str, value: str) -> dict[str, Any]:
    block = line(label, value)
    block["elements"][0]["elements"][0]["style"] = {"bold": True}
    return block


HEADER = {"type": "header", "text": plain("Flows")}


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        pytest.param([section("A", button("Show")), section("B", button("Show"))], "'Show' are called", id="twins"),
        pytest.param([section("A", overflow("#1")), section("B", overflow("#1"))], "are called ['#1']", id="menus"),
        pytest.param([{"type": "image", "alt_text": "Image"}], "described as 'Image'", id="a picture of nothing"),
        pytest.param([section("A", {"type": "image", "alt_text": " "})], "described as ' '", id="a silent picture"),
        pytest.param([{"type": "card", "hero_image": {"alt_text": "görsel"}}], "described as", id="a card's picture"),
        pytest.param([section("🟢 :tada:")], "nothing is said", id="emoji alone"),
        pytest.param([section(" ")], "nothing is said", id="an empty section"),
        pytest.param([{"type": "context", "elements": [plain("–")]}], "nothing is said", id="a dash"),
        pytest.param([HEADER, {"type": "context", "elements": [plain("Nothing")]}], "nothing is said", id="nothing"),
        pytest.param([line("Silent: ", "No")], "'Silent' says only 'No'", id="a default"),
        pytest.param([section("A"), HEADER], "nothing below the heading", id="a heading at the end"),
        pytest.param([HEADER, {"type": "divider"}, section("A")], "nothing below the heading", id="a heading alone"),
        pytest.param([section("Fix this:")], "nothing below 'Fix this:'", id="a list without an entry"),
        pytest.param([section(LONG)], "22 words in", id="a long sentence"),
        pytest.param([section("One. Two. Three.")], "more than 2 sentences", id="three sentences"),
        pytest.param([section("One 1. Two 2. Three")], "more than 2 sentences", id="sentences that end in numbers"),
        pytest.param([{"type": "input", "label": plain("A"), "hint": plain(LONG)}], "22 words in", id="a long hint"),
    ],
)  # fmt: skip
def test_what_is_hard_to_hear_or_to_read_is_found(blocks: list[dict[str, Any]], fault: str) -> None:
    (found,) = find_reading_faults(blocks)
    assert fault in found


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([section("A", button("Show", "Show #1")), section("B", button("Show", "Show #2"))], id="named"),
        pytest.param([section("A", overflow("#1")), section("B", overflow("#2"))], id="menus"),
        pytest.param([{"type": "image", "alt_text": "The picture of “Sale”"}], id="a described picture"),
        pytest.param([section("🟢 Enabled"), line("Silent: ", "No → Yes")], id="words"),
        pytest.param([section("Bir. 2. aşamada iki, 3. aşamada üç")], id="ordinals"),
        pytest.param([HEADER, section("A"), {"type": "divider"}], id="a heading over something"),
        pytest.param([{"type": "header", "text": plain("You're all caught up.")}], id="a sentence as a headline"),
        pytest.param([section("Fix this:"), section("Name: too long")], id="a list"),
        pytest.param([section(f"It was refused: “{LONG}”")], id="what somebody else wrote"),
        pytest.param([labelled("Description: ", f"{LONG}\n→ {LONG} {LONG}")], id="a value"),
        pytest.param([{"type": "rich_text", "elements": [{**line("Reason: ", "No")["elements"][0],
                                                          "type": "rich_text_quote"}]}], id="a reason"),
    ],
)  # fmt: skip
def test_what_reads_well_is_let_be(blocks: list[dict[str, Any]]) -> None:
    assert list(find_reading_faults(blocks)) == []
