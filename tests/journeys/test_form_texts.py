"""Any text in a form: Enkapush gets it as typed, and others are shown it as typed."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowbot.domain.text import is_blank
from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import REQUIRED_FIELDS, field_errors, list_writes, open_form
from tests.journeys.world import MARKETING, World

ANY: st.SearchStrategy[str] = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: not is_blank(text)
)
"""Text that shows something: what shows nothing is refused, and has tests of its own."""
TURKISH = st.text("ıİiIğüşöçĞÜŞÖÇâ'’ \n", min_size=1, max_size=30).filter(str.strip)
PIECES = ["<!channel>", "<@U0AYSE>", "*", "_", "`", "&amp;", "http://x.co|y", ":tada:", "👩‍👩‍👧", "\n", "#", "@here"]
MARKUP = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(" ".join).filter(str.strip)
TEXTS = ANY | TURKISH | MARKUP
ISOLATES = dict.fromkeys(range(0x2066, 0x206A))
FEW = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@FEW
@given(name=TEXTS, title=TEXTS, description=TEXTS, utm=ANY)
@example(name="İ", title="\N{RIGHT-TO-LEFT OVERRIDE}abc", description="line\r\n\tline", utm="\N{NO-BREAK SPACE}x")
@example(name="a\x00b", title="😀" * 40, description='"; name="is_enabled"\r\n\r\n1', utm="%s{0}")
async def test_what_was_typed_is_what_is_sent_and_shown(
    http: World, name: str, title: str, description: str, utm: str
) -> None:
    number = len(http.enkapush.store.flows) + 1
    await open_form(http.emma, "/flows create")
    typed = {"Name": name, "Title": title, "Description": description, "UTM campaign": utm}
    submitted = await http.emma.submit(typed)
    assert submitted.response_action == "update"
    told = await http.emma.wait_for_message(MARKETING, f"Flow #{number} was created")
    await http.emma.close()
    flow = http.enkapush.store.flow(number)
    assert (flow.name, flow.title, flow.description, flow.utm_campaign) == (name, title, description, utm)
    assert list_writes(http)[-1].texts["is_enabled"] == "0"
    await http.emma.send(MARKETING, f"/flows show {number}")
    shown = await http.emma.wait_for_message(
        MARKETING, lambda message: message.ts > told.ts and "#" in text_of(message)
    )
    # Each line that turns stands in isolates of its own.
    lines = text_of(shown).translate(ISOLATES)
    assert title.translate(ISOLATES) in lines
    assert description.translate(ISOLATES) in lines
    assert http.slack.find_mentions(told) == http.slack.find_mentions(shown) == []


@pytest.mark.parametrize("label", ["Name", "Title", "Description", "UTM source"])
async def test_half_a_character_is_refused_at_its_field(http: World, label: str) -> None:
    await open_form(http.emma, "/flows create")
    submitted = await http.emma.submit(REQUIRED_FIELDS | {label: "half \ud83d of it"})
    errors = field_errors(http.emma, submitted.errors)
    assert list(errors) == [label]
    assert "broken character" in errors[label]
    assert list_writes(http) == []
