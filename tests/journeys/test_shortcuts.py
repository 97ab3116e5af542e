"""Shortcuts: a push of a message, and the list's window."""

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.slack.payloads.action_ids import ShortcutId
from tests.journeys.form_steps import add_flow, choose_first_website, is_form, list_writes, read_fields
from tests.journeys.request_steps import approval_policy
from tests.journeys.test_show import PICTURE
from tests.journeys.world import AGENCY, MARKETING, RANDOM, World, in_both_modes

TWO_CHANNELS = (
    approval_policy()
    + f"""
[[channels]]
id = "{AGENCY}"
websites = [2]
viewers = ["*"]
editors = ["S0EDITORS"]
approvers = ["S0LEADS"]
"""
)


async def post(person: SandboxPerson, text: str, where: str = MARKETING) -> Message:
    """Write a message for all, and return it."""
    await person.send(where, text)
    return await person.wait_for_message(where, lambda message: message.user == person.id)


@in_both_modes
async def test_a_message_becomes_a_form(running: World) -> None:
    message = await post(running.burak, "*Winter sale*\nUp to 50% off & more\nUntil Sunday")
    await running.emma.run_shortcut(ShortcutId.MESSAGE, message)
    choose_first_website(running.emma, await running.emma.wait_for_view(is_form))
    expected = {"Title": "Winter sale", "Description": "Up to 50% off & more\nUntil Sunday"}
    assert expected.items() <= read_fields(running.emma).items()
    assert "missing" not in text_of(running.emma.view)  # type: ignore[arg-type]
    await running.emma.submit({"Name": "Winter"})
    await running.emma.wait_for_message(MARKETING, lambda told: told.is_ephemeral and "Winter sale" in text_of(told))
    assert len(list_writes(running)) == 1


async def test_of_several_channels_one_is_chosen(http: World) -> None:
    await http.import_policy(TWO_CHANNELS)
    message = await post(http.emma, "Winter sale " + "x" * 4000, AGENCY)
    await http.emma.run_shortcut(ShortcutId.MESSAGE, message)
    question = await http.emma.wait_for_view("Which channel is this push for?")
    assert http.emma.list_buttons(question) == ["Choose", "Choose"]
    # The message's own channel comes first; another process takes the press.
    await http.start_http()
    await http.emma.click(question, "Choose")
    form = await http.emma.wait_for_view(is_form)
    assert "The message is longer than the form takes. Its end is missing." in text_of(form)
    fields = read_fields(http.emma)
    assert fields["Title"].startswith("Winter sale x")
    assert fields["Website"] == "Northbound Outdoor"


async def test_a_form_that_slack_does_not_open_is_offered_by_a_button(http: World) -> None:
    message = await post(http.burak, "Winter sale\nCome")
    http.slack.faults.add("views.open", error="expired_trigger_id")
    await http.emma.run_shortcut(ShortcutId.MESSAGE, message)
    told = await http.emma.wait_for_message(MARKETING, "Press Open form")
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    assert {"Title": "Winter sale", "Description": "Come"}.items() <= read_fields(http.emma).items()


async def test_who_may_not_is_told(http: World) -> None:
    message = await post(http.emma, "Winter sale")
    await http.deniz.run_shortcut(ShortcutId.MESSAGE, message)
    await http.deniz.wait_for_view("You can't request changes in any channel.")
    outside = await post(http.jonas, "Their own news", AGENCY)
    await http.jonas.run_shortcut(ShortcutId.MESSAGE, outside)
    await http.jonas.wait_for_view("Only people of this organisation")
    await http.jonas.close()
    await http.jonas.run_shortcut(ShortcutId.WINDOW)
    await http.jonas.wait_for_view("Only people of this organisation")
    # What another organisation wrote is for those who may act where it is written.
    await http.emma.run_shortcut(ShortcutId.MESSAGE, outside)
    refused = await http.emma.wait_for_view("Only people who can edit flows in C0AGENCY can use this message.")
    assert "Their own news" not in text_of(refused)
    await http.emma.close()
    await http.import_policy(TWO_CHANNELS)
    await http.emma.run_shortcut(ShortcutId.MESSAGE, outside)
    await http.emma.wait_for_view("Which channel is this push for?")


async def test_the_window_shows_the_flows_and_turns_its_pages_in_place(http: World) -> None:
    http.add_flows(12)
    await http.burak.run_shortcut(ShortcutId.WINDOW)
    await http.burak.wait_for_view("Hangi kanalın akışlarını görmek istiyorsunuz?")
    await http.burak.close()
    await http.emma.run_shortcut(ShortcutId.WINDOW)
    first = await http.emma.wait_for_view("12 flows")
    assert "Next" in http.emma.list_buttons(first)
    await http.emma.click(first, "Next")
    second = await http.emma.wait_for_view("Page 2 of 2")
    assert second.id == first.id
    assert http.emma.list_buttons(second) == ["Show", "Show", "Previous"]
    await http.emma.click(second, "Show", nth=1)
    shown = await http.emma.wait_for_view("Title 1")
    assert shown.id != first.id
    await http.emma.close()
    await http.emma.click(second, "Previous")
    await http.emma.wait_for_view("Page 1 of 2")
    # Rights are looked at anew.
    narrowed = approval_policy(editors='["U0AYSE"]').replace('viewers = ["*"]', 'viewers = ["U0AYSE"]')
    await http.import_policy(narrowed)
    await http.emma.click(http.emma.view, "Next")  # type: ignore[arg-type]
    await http.emma.wait_for_view("can see flows.")


async def test_a_picture_that_slack_refuses_does_not_cost_the_flow(http: World) -> None:
    add_flow(http, title="With a picture", image=PICTURE)
    await http.emma.run_shortcut(ShortcutId.WINDOW)
    listed = await http.emma.wait_for_view("1 flow")
    http.slack.faults.add("views.update", error="invalid_blocks", block_type="image")
    await http.emma.click(listed, "Show")
    shown = await http.emma.wait_for_view("With a picture")
    assert all(block["type"] != "image" for block in shown.blocks)


async def test_a_window_that_slack_does_not_open_is_offered_by_a_button(http: World) -> None:
    add_flow(http, name="Winter sale")
    http.slack.faults.add("views.open", error="expired_trigger_id")
    await http.emma.run_shortcut(ShortcutId.WINDOW)
    direct = http.slack.workspace.open_direct_message("U0EMMA").id
    told = await http.emma.wait_for_message(direct, "Slack didn't open the window.")
    await http.emma.click(told, "Show")
    listed = await http.emma.wait_for_view("Winter sale")
    http.slack.faults.add("views.push", error="expired_trigger_id")
    await http.emma.click(listed, "Show")
    again = await http.emma.wait_for_message(direct, lambda each: each.ts > told.ts)
    await http.emma.close()
    await http.emma.click(again, "Show")
    await http.emma.wait_for_view("As a subscriber sees it")


@pytest.mark.parametrize("where", [None, RANDOM])
async def test_an_unknown_shortcut_is_acknowledged(http: World, where: str | None) -> None:
    message = await post(http.emma, "Hello", where) if where else None
    await http.emma.run_shortcut("another.version", message)
    assert http.emma.view is None


async def test_a_message_without_words_is_told_so(http: World) -> None:
    message = await post(http.burak, "@emma")
    await http.emma.run_shortcut(ShortcutId.MESSAGE, message)
    await http.emma.wait_for_message(MARKETING, "This message has no text to use.")
