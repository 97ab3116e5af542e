"""A policy that wants a reason: nobody asks for an approval without one, however they ask."""

import pytest

from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import add_flow, field_errors, list_writes, open_form, submit_label
from tests.journeys.request_steps import (
    approval_policy,
    change_meanwhile,
    click_and_read,
    press_and_request,
    read_audit_trail,
    request_change,
    wait_for_change_form,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

REQUIRED = "reason_required = true"
NEEDED = "Requests in this channel need a reason."


async def find_request(world: World, text: str) -> Message:
    return await world.deniz.wait_for_message(APPROVALS, lambda each: not each.is_ephemeral and text in text_of(each))


async def assert_nothing_was_asked(world: World) -> None:
    assert await world.deniz.list_messages(APPROVALS) == []
    assert [event["action"] for event in await read_audit_trail(world) if event["action"].startswith("change.")] == []


@in_both_modes
async def test_a_command_without_a_reason_is_answered_with_the_right_one_and_the_form(running: World) -> None:
    add_flow(running)
    await running.import_policy(approval_policy(REQUIRED))
    await running.emma.send(MARKETING, "/flows enable 1 until 2026-12-24 09:00")
    asked = await wait_for_private_message(running.emma, NEEDED, MARKETING)
    assert (
        f"{NEEDED} Type it after the command, such as: "
        "/flows enable 1 until 2026-12-24 09:00 summer sale starts today" in text_of(asked)
    )
    await assert_nothing_was_asked(running)
    await running.emma.click(asked, "Open form")
    await wait_for_change_form(running.emma)
    assert field_errors(running.emma, (await running.emma.submit({"Reason": " "})).errors) == {"Reason": NEEDED}
    await assert_nothing_was_asked(running)
    assert not (await running.emma.submit({"Reason": "The landing page is live"})).errors
    assert "The landing page is live" in text_of(await find_request(running, "asks to enable flow #1"))


async def test_it_is_said_in_turkish_with_turkish_words(http: World) -> None:
    add_flow(http)
    await http.import_policy(approval_policy(REQUIRED))
    await http.ayse.send(MARKETING, "/flows sil 1")
    asked = await wait_for_private_message(http.ayse, "gerekçe gerekiyor", MARKETING)
    assert (
        "Bu kanaldaki istekler için gerekçe gerekiyor. Komutun sonuna yazın, örneğin: "
        "/flows sil 1 yaz indirimi bugün başlıyor" in text_of(asked)
    )
    await http.ayse.send(MARKETING, "/flows sil 1 yanlışlıkla açıldı")
    assert "yanlışlıkla açıldı" in text_of(await find_request(http, "yanlışlıkla"))


async def test_a_button_opens_a_form_that_wants_the_reason(http: World) -> None:
    add_flow(http)
    await http.import_policy(approval_policy(REQUIRED))
    await http.emma.send(MARKETING, "/flows show 1")
    shown = await http.emma.wait_for_message(MARKETING, lambda message: "Enable" in http.emma.list_buttons(message))
    assert (await press_and_request(http.emma, shown, "Enable")).errors
    await assert_nothing_was_asked(http)


async def test_an_edit_of_a_live_flow_says_why_in_its_form(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy(REQUIRED))
    form = await open_form(http.emma, "/flows edit 1")
    assert submit_label(form) == "Request approval"
    http.emma.fill("Title", "New title")
    assert field_errors(http.emma, (await http.emma.submit({"Reason": " "})).errors) == {"Reason": NEEDED}
    await assert_nothing_was_asked(http)
    assert not (await http.emma.submit({"Reason": "A better title"})).errors
    assert "A better title" in text_of(await find_request(http, "asks to edit flow #1"))


async def test_a_form_from_before_the_rule_is_refused_with_what_was_typed(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy())
    await open_form(http.emma, "/flows edit 1")
    await http.import_policy(approval_policy(REQUIRED))
    http.emma.fill("Title", "New title")
    assert field_errors(http.emma, (await http.emma.submit({})).errors) == {"Reason": NEEDED}
    assert not (await http.emma.submit({"Reason": "A better title"})).errors
    assert "A better title" in text_of(await find_request(http, "asks to edit flow #1"))


@pytest.mark.parametrize("command", ["disable 1", "edit 2", "create"])
async def test_what_needs_no_approval_needs_no_reason(http: World, command: str) -> None:
    add_flow(http, is_enabled=True)
    add_flow(http)
    await http.import_policy(approval_policy(REQUIRED))
    if command == "disable 1":
        await http.emma.send(MARKETING, "/flows disable 1")
    else:
        await open_form(http.emma, f"/flows {command}")
        assert "Reason" not in http.emma.list_fields()
        fields = {} if command.startswith("edit") else {"Website": "Lale Moda", "URL": "https://lale.example/"}
        texts = {name: "New" for name in ("Name", "Title", "Description") if command == "create" or name == "Name"}
        assert not (await http.emma.submit({**fields, **texts})).errors
    await http.emma.wait_until(lambda: bool(list_writes(http)))


async def test_asking_again_opens_the_form_where_a_reason_is_wanted_by_now(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await change_meanwhile(http, request, title="Another")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Out of date")
    await http.import_policy(approval_policy(REQUIRED))
    await http.emma.click(request, "Ask again")
    await wait_for_change_form(http.emma)
    assert not (await http.emma.submit({"Reason": "Now it is right"})).errors
    await find_request(http, "Now it is right")


async def test_asking_again_for_an_edit_says_where_the_reason_goes(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy())
    await open_form(http.emma, "/flows edit 1")
    assert not (await http.emma.submit({"Title": "New title"})).errors
    request = await find_request(http, "asks to edit flow #1")
    await change_meanwhile(http, request, description="Another")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Out of date")
    await http.import_policy(approval_policy(REQUIRED))
    said = await click_and_read(http, http.emma, request, "Ask again")
    assert said == f"{NEEDED} Edit the flow again, and type it in the form."
