"""Flows that flowbot cannot read from Enkapush: nobody takes a part for the whole."""

import json
from typing import Any

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.enkapush.scripted_server import flow_json
from tests.journeys.request_steps import private_messages
from tests.journeys.world import AGENCY, MARKETING, World

EVERYTHING = '[[channels]]\nid = "C0MARKETING"\nwebsites = "all"\nviewers = ["*"]\n'


def answer_list_with(world: World, *rows: Any) -> None:
    """Let Enkapush answer these rows to whoever asks for its list."""
    meta = {"page": 1, "results_per_page": 1000, "total": len(rows), "total_pages": 1}
    body = json.dumps({"data": rows, "meta": meta})
    world.enkapush.faults.add(Fault.status(200, body, method="GET", path="/flows", times=None))


def unreadable_flow(website: Any) -> dict[str, Any]:
    return flow_json(8, website_id=website, wait_time="soon")


async def test_a_flow_that_cannot_be_read_is_said_to_be_missing(http: World) -> None:
    answer_list_with(http, flow_json(1, website_id=1), unreadable_flow(1), unreadable_flow("2"))
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "1 flow")
    assert "2 flows of these websites could not be read" in text_of(page)
    await http.ayse.send(MARKETING, "/flows liste website:2")
    page = await http.ayse.wait_for_message(MARKETING, "0 akış")
    assert "Bu web sitelerindeki 1 akış Enkapush'tan okunamadı" in text_of(page)


async def test_a_list_of_flows_that_cannot_be_read_is_not_an_empty_one(http: World) -> None:
    answer_list_with(http, flow_json(1, website_id=3), unreadable_flow(1))
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "0 flows")
    assert "1 flow of these websites could not be read" in text_of(page)
    assert "There is no flow on this channel's websites" not in text_of(page)


@pytest.mark.parametrize("website", [3, "3", None, "?", []])
async def test_nobody_learns_of_what_cannot_be_read_elsewhere(http: World, website: Any) -> None:
    answer_list_with(http, flow_json(1, website_id=1), unreadable_flow(website), "nonsense")
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "1 flow")
    assert "could not be read" not in text_of(page)


async def test_a_channel_of_all_websites_learns_of_all_that_cannot_be_read(http: World) -> None:
    await http.import_policy(EVERYTHING)
    answer_list_with(http, flow_json(1, website_id=1), unreadable_flow(3), unreadable_flow(None), "nonsense")
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "1 flow")
    assert "3 flows of these websites could not be read" in text_of(page)


async def test_an_account_of_which_nothing_can_be_read_is_a_fault_and_leaves_the_list_that_was_kept(
    http: World,
) -> None:
    answer_list_with(http, unreadable_flow(1), unreadable_flow(3))
    await http.burak.send(AGENCY, "/flows list")
    await http.burak.wait_for_message(AGENCY, "hata verdi")
    http.enkapush.faults.clear()
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "2 flows")
    answer_list_with(http, unreadable_flow(1), unreadable_flow(3))
    http.time.ahead += 120
    await http.emma.send(MARKETING, "/flows list enabled")
    await http.emma.wait_for_message(MARKETING, "0 flows")
    http.time.ahead += 10
    await http.emma.send(MARKETING, "/flows list disabled")
    page = await http.emma.wait_for_message(MARKETING, lambda message: "Disabled only" in text_of(message))
    assert "2 flows" in text_of(page)
    assert "2 minutes ago" in text_of(page)


async def ask(world: World, command: str) -> str:
    """Send a command, and return its answer."""
    before = len(private_messages(world, world.emma, MARKETING))
    await world.emma.send(MARKETING, command)
    await world.emma.wait_until(lambda: len(private_messages(world, world.emma, MARKETING)) > before)
    return private_messages(world, world.emma, MARKETING)[-1]


ODD_ANSWERS = (
    json.dumps({"data": flow_json(8, website_id=3) | {"settings": None}}),
    json.dumps({"data": flow_json(8, website_id="3", wait_time="soon")}),
    json.dumps({"data": flow_json(8, website_id=None)}),
    json.dumps({"data": flow_json(9, website_id=1)}),
    json.dumps({"data": flow_json(8, website_id=3, name="\ud800", is_enabled=None)}),
    json.dumps({"data": flow_json(8, website_id=3, new=json.loads("[" * 500 + "]" * 500))}),
    json.dumps({"data": flow_json(8, website_id=3)})[:-9],
    '{"data": null}',
    "<html>",
)


async def test_a_flow_elsewhere_that_cannot_be_read_is_answered_like_an_id_that_does_not_exist(http: World) -> None:
    for number in range(1, 9):
        http.enkapush.store.add_flow(website_id=3 if number == 8 else 1, name="A", title="B", description="C")
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "7 flows")
    for body in ODD_ANSWERS:
        http.enkapush.faults.clear()
        http.enkapush.faults.add(Fault.status(200, body, method="GET", path="/flows/8", times=None))
        for command in ("show", "enable", "delete") if body == ODD_ANSWERS[0] else ("show",):
            missing, elsewhere = [await ask(http, f"/flows {command} {number}") for number in (999, 8)]
            assert elsewhere == missing.replace("999", "8") == "There is no flow #8 here.", body


async def test_a_flow_of_this_channel_that_cannot_be_read_is_a_fault(http: World) -> None:
    http.add_flows(1)
    body = json.dumps({"data": flow_json(1, website_id=1) | {"settings": None}})
    http.enkapush.faults.add(Fault.status(200, body, method="GET", path="/flows/1", times=None))
    assert "Enkapush answered with an error" in await ask(http, "/flows show 1")
