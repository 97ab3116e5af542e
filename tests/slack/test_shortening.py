"""Messages that are too long: shortened to what Slack takes, whatever their texts."""

import json
from dataclasses import replace
from typing import Any

import pytest

from flowbot.domain.change import STORED_OTHERWISE, ChangeKind, ChangeState, Outcome
from flowbot.domain.fields import MAX_INPUT_UTF16
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, WaitTime, WriteOnlyFields, flow_differences
from flowbot.domain.text import isolate
from flowbot.i18n.translator import Translator
from flowbot.slack.api.message_sender import SHORT_MAX, find_fallback
from flowbot.slack.views import block_kit
from flowbot.slack.views.cached_block import count_characters
from flowbot.slack.views.message import MESSAGE_MAX, Message
from flowbot.slack.views.notices import request_ended_message
from flowbot.slack.views.people import MENTIONED
from flowbot.slack.views.request_message import request_message
from flowbot.slack.views.shortening import shorten_blocks
from tests.slack.test_headlines import list_messages
from tests.slack.test_request_views import (
    EN,
    FLOW,
    NOW,
    OUTCOMES,
    TR,
    WHY,
    buttons_by_label,
    check_blocks,
    request_details,
)

MORE = block_kit.button("Show", "changes.show", "k7m2")


def longest_flow(letter: str) -> Flow:
    """Return a flow whose every text is as long as the form allows, in quotes and in Turkish."""
    text = (f'“{letter}ığdır’ın ‘çağdaş’ "şöleni" & <öğün> ' * 200)[:MAX_INPUT_UTF16]
    url = (f"https://shop.example/{letter}" + "ı" * MAX_INPUT_UTF16)[:MAX_INPUT_UTF16]
    wait, button = WaitTime(3, "days") if letter == "İ" else WaitTime(8760, "hours"), FlowButton(text, url)
    return replace(
        FLOW,
        name=text,
        title=text,
        description=text,
        url=url,
        wait=wait,
        image_url=None,
        button_1=button,
        button_2=button,
    )


def list_longest(state: ChangeState, kind: ChangeKind, t: Translator) -> list[Message]:
    before, after = longest_flow("İ"), longest_flow("Ş")
    differences = [
        {"field": each.field, "before": _plain(each.before), "after": _plain(each.after)}
        for each in flow_differences(before, after)
    ]
    write_only = WriteOnlyFields("3", before.title, before.title, before.title)
    found = {"said": before.title, "differences": differences, STORED_OTHERWISE: differences}
    outcome = OUTCOMES.get(state, Outcome("applied.edit"))
    details = request_details(
        state, kind,
        asked={"before": before, "wanted": DesiredFlow(FlowContent.of(after), write_only), "reason": before.title},
        change={"outcome": replace(outcome, params={**outcome.params, **found})},
        since_approved=tuple(flow_differences(before, after)),
    )  # fmt: skip
    messages = [request_message(details, t, NOW)]
    return [*messages, request_ended_message(details, t, MENTIONED)] if state in WHY else messages


def _plain(value: Any) -> Any:
    match value:
        case WaitTime():
            return {"amount": value.amount, "unit": value.unit}
        case FlowButton():
            return {"title": value.title, "url": value.url}
        case _:
            return value


@pytest.mark.parametrize(
    ("kind", "t"),
    [
        pytest.param(
            kind,
            t,
            id=f"{kind}-{t.language}",
            marks=pytest.mark.long if t is TR and kind is not ChangeKind.EDIT else (),
        )
        for kind in ChangeKind
        for t in (EN, TR)
    ],
)
def test_the_longest_request_fits_in_every_state(kind: ChangeKind, t: Translator) -> None:
    for state in ChangeState:
        for message in list_longest(state, kind, t):
            for version, limit in ((message.fitted(), MESSAGE_MAX), (message.shortened(SHORT_MAX), SHORT_MAX)):
                assert count_characters(check_blocks(version).blocks) <= limit
                assert version.text == message.text
                missing = buttons_by_label(message).keys() - buttons_by_label(version).keys()
                assert not missing


def test_an_edit_that_fits_is_sent_as_it_is_and_a_longer_one_still_names_every_field() -> None:
    short = request_message(request_details(), EN, NOW)
    assert short.fitted() is short
    (whole,) = list_longest(ChangeState.PENDING, ChangeKind.EDIT, EN)
    assert count_characters(whole.blocks) > 3 * MESSAGE_MAX
    shown = json.dumps(whole.fitted().blocks, ensure_ascii=False)
    for label in ("Name: ", "Title: ", "Description: ", "URL: ", "Wait: ", "Button 1: ", "Button 2: ", "UTM source: "):
        assert label in shown


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_no_message_is_longer_than_slack_takes(t: Translator) -> None:
    for message in list_messages("ğ" * MAX_INPUT_UTF16, ChangeState.FAILED, ChangeKind.EDIT, t):
        assert count_characters(check_blocks(message.fitted()).blocks) <= MESSAGE_MAX


@pytest.mark.parametrize("has_buttons", [True, False])
def test_the_button_for_the_whole_stands_beside_the_others(has_buttons: bool) -> None:
    others = [block_kit.actions(block_kit.button("Approve", "a", "1"))] if has_buttons else []
    message = Message((block_kit.paragraph("Flow"), block_kit.paragraph("x" * 3000), *others), MORE)
    assert "Show" not in buttons_by_label(message.fitted())
    shortened = message.shortened(1000)
    assert list(buttons_by_label(shortened)) == (["Approve", "Show"] if has_buttons else ["Show"])
    assert count_characters(shortened.blocks) <= 1000


def test_short_texts_stay_whole_and_right_to_left_ones_closed() -> None:
    arabic = isolate("مرحبا " * 400)
    elements = (block_kit.text_element("Title: ", bold=True), block_kit.text_element(arabic))
    (block,) = shorten_blocks([block_kit.rich_paragraph(*elements)], 600)
    label, value = block["elements"][0]["elements"]
    assert label == elements[0]
    assert value["text"].startswith("\N{FIRST STRONG ISOLATE}مرحبا")
    assert value["text"].endswith("…\N{POP DIRECTIONAL ISOLATE}")


def test_what_is_too_much_even_in_short_loses_its_last_blocks() -> None:
    blocks = [
        block_kit.header("Flows"),
        *(block_kit.paragraph(chr(65 + n) * 30) for n in range(40)),
        block_kit.actions(MORE),
    ]
    shortened = shorten_blocks(blocks, 500)
    assert shortened[0] == blocks[0]
    assert shortened[-1] == blocks[-1]
    assert 10 < len(shortened) < 20
    assert shortened[1:-1] == blocks[1 : len(shortened) - 1]


@pytest.mark.parametrize(
    ("refusal", "steps"),
    [("invalid_blocks", ["images", "length"]), ("msg_blocks_too_long", ["length"]), ("channel_not_found", [])],
)
def test_a_refused_message_loses_its_images_and_then_its_length(refusal: str, steps: list[str]) -> None:
    picture = block_kit.image("https://a.example/a.png", "A")
    version: Message | None = Message((block_kit.paragraph("Flow"), picture, *[block_kit.paragraph("x" * 3000)] * 2))
    taken = []
    while version is not None and (shorter := find_fallback(version, refusal)) is not None:
        had_image = any(block["type"] == "image" for block in version.blocks)
        is_longer = count_characters(version.blocks) > SHORT_MAX >= count_characters(shorter.blocks)
        taken.append("length" if is_longer else "images" if had_image else "nothing")
        version = shorter
    assert taken == steps
