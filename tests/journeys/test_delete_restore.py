"""Deleting keeps the flow; Restore makes it again, disabled, under a new id, once."""

import asyncio

import pytest

from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import PNG, add_flow, list_writes
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    list_mentions,
    private_messages,
    request_change,
    speed_up,
    submit_reason,
    wait_for_faults,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import MARKETING, World, in_both_modes, on_both_databases


async def _delete_flow(world: World, *, rule: str = "") -> Message:
    """Delete a flow, and return the message with `Restore`."""
    await world.import_policy(approval_policy(rule))
    add_flow(world, is_enabled=True, image=Image("picture.png", "image/png", PNG), button_title_2="Two",
             button_url_2="https://lale.example/2")  # fmt: skip
    request = await request_change(world, "delete 1 Season is over")
    await world.burak.click(request, "Approve")
    return await wait_for_status(world, request, "Applied")


@in_both_modes
async def test_a_deleted_flow_comes_back_disabled_under_a_new_id_with_its_picture(running: World) -> None:
    over = await _delete_flow(running)
    assert running.enkapush.store.flows == {}
    assert running.deniz.list_buttons(over) == ["Restore"]
    await running.emma.click(over, "Restore")
    told = await running.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    assert not told.is_ephemeral
    flow = running.enkapush.store.flow(2)
    assert (flow.name, flow.title, flow.description, flow.url) == (
        "Old name", "Old title", "Old text", "https://lale.example/old",
    )  # fmt: skip
    assert (flow.wait_time, flow.wait_time_type, flow.ttl, flow.is_silent) == (3, "hours", 86400, True)
    assert (flow.button_title_1, flow.button_url_1) == ("Old button", "https://lale.example/button")
    assert (flow.button_title_2, flow.button_url_2) == ("Two", "https://lale.example/2")
    assert flow.image is not None
    assert flow.image.content == PNG
    assert not flow.is_enabled
    assert list_writes(running)[-1].texts["is_enabled"] == "0"
    await running.emma.send(MARKETING, "/flows show 1")
    gone = await wait_for_private_message(running.emma, "There is no flow #1 here.", MARKETING)
    assert "Restored as #2. See /flows show 2." in text_of(gone)


async def test_what_a_restored_flow_lacks_is_said_to_all_and_to_the_one_who_asked(http: World) -> None:
    over = await _delete_flow(http)
    told = await click_and_read(http, http.emma, over, "Restore")
    assert "Set these before enabling: Segment and UTM values." in told
    public = await http.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    assert "Set these before enabling: Segment and UTM values." in text_of(public)
    assert not {"segment", "utm_source"} & set(list_writes(http)[-1].texts)


@on_both_databases
async def test_restored_by_two_at_once_and_twice_it_is_one_flow(http: World) -> None:
    over = await _delete_flow(http)
    await asyncio.gather(*(person.click(over, "Restore") for person in (http.emma, http.ayse, http.emma)))
    await http.deniz.wait_for_message(MARKETING, "#2")
    await http.deniz.wait_until(
        lambda: len(private_messages(http, http.emma)) + len(private_messages(http, http.ayse)) == 3
    )
    await http.deniz.wait_until(lambda: http.deniz.list_buttons(over) == [])
    assert list(http.enkapush.store.flows) == [2]
    assert [record.path for record in list_writes(http)] == ["/flows/1", "/flows"]


async def test_who_may_not_create_may_not_restore(http: World) -> None:
    over = await _delete_flow(http)
    assert "can do this." in await click_and_read(http, http.deniz, over, "Restore")
    assert http.enkapush.store.flows == {}


async def test_a_website_that_was_taken_from_the_policy_gets_nothing_back(http: World) -> None:
    over = await _delete_flow(http)
    await http.import_policy(approval_policy(websites="[2]"))
    assert "no longer has that website" in await click_and_read(http, http.emma, over, "Restore")
    assert http.enkapush.store.flows == {}


async def test_a_restore_that_was_refused_can_be_tried_again(http: World) -> None:
    over = await _delete_flow(http)
    http.enkapush.faults.add(Fault.status(422, method="POST", path="/flows"))
    await http.emma.click(over, "Restore")
    await http.deniz.wait_for_message(MARKETING, "Failed")
    assert http.enkapush.store.flows == {}
    await http.emma.click(over, "Restore")
    await http.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    assert list(http.enkapush.store.flows) == [2]
    await http.deniz.wait_until(lambda: http.deniz.list_buttons(over) == [])


@in_both_modes
async def test_restore_goes_once_it_is_used(running: World) -> None:
    over = await _delete_flow(running)
    await running.emma.click(over, "Restore")
    await running.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    await running.deniz.wait_until(lambda: running.deniz.list_buttons(over) == [])
    assert "Applied" in text_of(over)


async def test_restore_goes_later_where_slack_is_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    over = await _delete_flow(world)
    world.slack.faults.add("chat.update", error="fatal_error", times=2)
    await world.emma.click(over, "Restore")
    await world.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    await world.deniz.wait_until(lambda: world.deniz.list_buttons(over) == [])
    restored = [each for each in await world.deniz.list_messages(MARKETING) if "Restored from #1" in text_of(each)]
    assert len([each for each in restored if not each.is_ephemeral]) == 1


@pytest.mark.parametrize("after_effect", [True, False])
async def test_a_delete_that_was_cut_off_is_looked_for_and_done_once(http: World, after_effect: bool) -> None:
    http.enkapush.faults.add(Fault.reset(after_effect=after_effect, method="DELETE", path="/flows/1"))
    over = await _delete_flow(http)
    assert http.deniz.list_buttons(over) == ["Restore"]
    assert [record.method for record in list_writes(http)] == ["DELETE"] * (1 if after_effect else 2)


async def test_a_delete_whose_effect_is_not_seen_is_not_known(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    http.enkapush.faults.add(Fault.empty(204, method="DELETE", path="/flows/1"))
    await http.burak.click(request, "Approve")
    open_end = await wait_for_status(http, request, "not known")
    assert http.deniz.list_buttons(open_end) == ["Check again"]
    assert list(http.enkapush.store.flows) == [1]


async def test_a_flow_that_is_rewritten_while_its_picture_is_fetched_stays(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, image=Image("picture.png", "image/png", PNG))
    http.enkapush.faults.add(Fault.status(500, path="/media/*"))
    request = await request_change(http, "delete 1")
    http.enkapush.faults.add(Fault.hang(path="/media/*"))
    await http.burak.click(request, "Approve")
    await wait_for_faults(http)
    http.enkapush.store.update_flow(1, title="Theirs", is_enabled=True)
    http.enkapush.release()
    over = await wait_for_status(http, request, "Out of date")
    assert "Title: Old title → Theirs" in text_of(over)
    assert list_writes(http) == []


async def test_a_flow_that_was_restored_late_and_edited_since_is_not_made_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    over = await _delete_flow(world)
    world.enkapush.faults.add(Fault.hang(outlives_sender=True, method="POST", path="/flows"))
    pressed = await world.emma.click(over, "Restore")
    open_end = await world.deniz.wait_for_message(MARKETING, "not known")
    world.enkapush.release()
    await wait_until(lambda: 2 in world.enkapush.store.flows)
    world.enkapush.store.update_flow(2, title="Spring is here!")
    world.time.ahead += 61
    await world.emma.click(open_end, "Check again")
    await world.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    pressed.payload["trigger_id"] += ".late"
    await world.slack.dispatcher.redeliver(pressed)
    await wait_for_private_message(world.emma, "already made this request")
    assert list(world.enkapush.store.flows) == [2]


@in_both_modes
async def test_who_looks_for_a_deleted_flow_is_told_what_became_of_it(running: World) -> None:
    await _delete_flow(running)
    await running.emma.send(MARKETING, "/flows show 1")
    answer = await wait_for_private_message(running.emma, "It was deleted through flowbot on", MARKETING)
    gone, became = text_of(answer).splitlines()
    assert gone == "There is no flow #1 here."
    assert became.endswith("requested by U0EMMA. See /flows history 1.")
    assert list_mentions(running, answer) == [("user", "U0EMMA")]
    await running.ayse.send(MARKETING, "/flows göster 1")
    assert "isteyen: U0EMMA" in text_of(await wait_for_private_message(running.ayse, "flowbot ile silindi:", MARKETING))


async def test_the_button_of_an_old_list_tells_it_too(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    await http.emma.send(MARKETING, "/flows list")
    listed = await http.emma.wait_for_message(MARKETING, "1 flow")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    await http.emma.click(listed, "Show")
    await wait_for_private_message(http.emma, "It was deleted through flowbot on", MARKETING)


async def test_a_flow_that_was_found_gone_later_is_not_said_to_be_deleted_through_flowbot(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    http.enkapush.faults.add(Fault.status(500, method="DELETE", path="/flows/1", times=None))
    await http.burak.click(request, "Approve")
    open_end = await wait_for_status(http, request, "not known")
    http.enkapush.store.delete_flow(1)
    http.time.ahead += 61
    await http.burak.click(open_end, "Check again")
    await wait_for_status(http, request, "Applied")
    await http.emma.send(MARKETING, "/flows show 1")
    assert (
        text_of(await wait_for_private_message(http.emma, "There is no flow", MARKETING)) == "There is no flow #1 here."
    )


async def test_a_deleted_flow_of_a_hidden_website_is_like_one_that_does_not_exist(http: World) -> None:
    await _delete_flow(http)
    await http.import_policy(approval_policy(websites="[2]"))
    said = []
    for flow in ("1", "7"):
        await http.emma.send(MARKETING, f"/flows show {flow}")
        answer = await wait_for_private_message(http.emma, f"There is no flow #{flow} here.", MARKETING)
        said.append((answer.text.replace(flow, "N"), text_of(answer).replace(flow, "N")))
    assert said == [("There is no flow #N here.", "There is no flow #N here.")] * 2


async def test_a_flow_that_flowbot_did_not_delete_is_not_said_to_be_deleted(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    await http.burak.click(request, "Reject")
    await submit_reason(http.burak, "Not yet")
    await wait_for_status(http, request, "Rejected")
    http.enkapush.store.delete_flow(1)
    await http.emma.send(MARKETING, "/flows show 1")
    assert (
        text_of(await wait_for_private_message(http.emma, "There is no flow", MARKETING)) == "There is no flow #1 here."
    )
