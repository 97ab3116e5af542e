"""Forms that Slack does not open in time, menus that fill while somebody types, and menus that offer nothing."""

import asyncio
from typing import Any

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from flowbot.services.forms import FormService
from tests.journeys.form_steps import add_flow, add_segments, choose_website, is_form, open_form, read_fields
from tests.journeys.request_steps import approval_policy, request_change_and_wait, submit_reason, wait_for_status
from tests.journeys.world import APPROVALS, MARKETING, World


@pytest.mark.parametrize(
    ("command", "fields"),
    [("create", {}), ("edit 1", {"Name": "Old name"}), ("duplicate 1", {"Title": "Old title"})],
)
async def test_a_form_that_slack_does_not_open_is_opened_by_a_button(
    running: World, command: str, fields: dict[str, str]
) -> None:
    add_flow(running)
    running.slack.faults.add("views.open", error="expired_trigger_id")
    await running.emma.send(MARKETING, f"/flows {command}")
    told = await running.emma.wait_for_message(MARKETING, "Press Open form")
    await running.emma.click(told, "Open form")
    await running.emma.wait_for_view(is_form)
    assert fields.items() <= read_fields(running.emma).items()


async def test_a_button_whose_form_slack_does_not_open_is_offered_again(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change_and_wait(http)
    http.slack.faults.add("views.open", error="expired_trigger_id", times=2)
    await http.burak.click(request, "Reject")
    told = await http.burak.wait_for_message(APPROVALS, "“Formu aç”a basın")
    # The next press comes too late as well.
    await http.burak.click(told, "Formu aç")
    again = await http.burak.wait_for_message(APPROVALS, lambda each: each.is_ephemeral and each.ts > told.ts)
    await http.burak.click(again, "Formu aç")
    assert await submit_reason(http.burak, "Not now") == []
    await wait_for_status(http, request, "Rejected")


async def test_what_is_typed_while_the_segments_are_on_their_way_stays(http: World) -> None:
    add_segments(http, 2, "Trail runners")
    emma = http.emma
    http.time.ahead += 120
    form = await open_form(emma, "/flows create")
    # Asked for anew, and slow this time.
    http.time.ahead += 120
    http.enkapush.faults.add(Fault.delay(0.5, path="/segments*"))
    await emma.choose(form, "Website", "Northbound Outdoor")
    await emma.choose(form, "Name", "Typed meanwhile")
    emma.fill("Title", "Typed too")
    await emma.wait_for_view("Trail runners")
    assert {"Name": "Typed meanwhile", "Title": "Typed too"}.items() <= read_fields(emma).items()


async def test_of_two_websites_the_later_choice_offers_its_segments(
    http: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_segments(http, 1, "Lale VIP")
    add_segments(http, 2, "Trail runners")
    load, calls = FormService.load_menus, 0
    is_done = asyncio.Event()

    async def slow_first(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(0.5)
            is_done.set()
        return await load(*args)

    emma = http.emma
    form = await open_form(emma, "/flows create")
    monkeypatch.setattr(FormService, "load_menus", slow_first)
    await emma.choose(form, "Website", "Northbound Outdoor")
    await emma.choose(form, "Website", "Lale Moda")
    await is_done.wait()
    await asyncio.sleep(0.3)
    assert emma.view is not None
    assert "Lale VIP" in text_of(emma.view)
    assert read_fields(emma)["Website"] == "Lale Moda"
    assert "Segment" in emma.list_fields()


async def test_menus_that_offer_nothing_say_why(http: World) -> None:
    add_segments(http, 2, "Trail runners")
    form = await choose_website(http.emma, await open_form(http.emma, "/flows create"))
    assert "This website has no segments" in text_of(form)
    await http.emma.close()
    await http.import_policy('[[channels]]\nid = "C0MARKETING"\nwebsites = "all"\neditors = ["*"]\n')
    await http.ayse.send(MARKETING, "/flows oluştur")
    await http.ayse.wait_for_view("Henüz seçilebilecek web sitesi yok")
