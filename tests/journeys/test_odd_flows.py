"""A flow with odd numbers, dates and texts: it is listed, shown, edited, approved, and stands in nobody's way."""

import json
from datetime import datetime

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.enkapush.scripted_server import flow_json
from tests.journeys.form_steps import add_flow, list_writes, open_form, wait_for_result
from tests.journeys.request_steps import all_sent_fields, approval_policy, request_change, wait_for_status
from tests.journeys.world import MARKETING, World


async def test_an_odd_flow_goes_the_way_of_any_other(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, website_id=3, name="Half \ud83d")
    odd = add_flow(
        http,
        name="Odd \udf89",
        wait_time=10**25,
        ttl=10**30,
        total_sent_push_notifications=10**30,
        total_displayed_push_notifications=-5,
        datetime=datetime(1905, 1, 1),  # noqa: DTZ001 - Enkapush's times are naive
        last_datetime=datetime(9999, 12, 31),  # noqa: DTZ001
    )
    add_flow(http, name="Even")
    await http.emma.send(MARKETING, "/flows list")
    listed = text_of(await http.emma.wait_for_message(MARKETING, "2 flows"))
    assert ("Even" in listed, "Odd \ufffd" in listed) == (True, True)
    await http.emma.send(MARKETING, f"/flows show {odd}")
    shown = text_of(await http.emma.wait_for_message(MARKETING, "As a subscriber sees it"))
    assert "Sent 1,000,000,000,000,000" in shown

    await open_form(http.emma, f"/flows edit {odd}")
    await http.emma.submit({"Title": "New title"})
    await wait_for_result(http.emma, f"Flow #{odd} was changed")
    assert all_sent_fields(http) == [{"title": "New title"}]
    request = await request_change(http, f"enable {odd} Because")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert len(list_writes(http)) == 2
    await http.emma.send(MARKETING, f"/flows history {odd}")
    await http.emma.wait_for_message(MARKETING, "New title")


async def test_a_flow_that_cannot_be_read_any_more_costs_its_own_request_alone(bots: World) -> None:
    odd, even = (add_flow(bots, name=name) for name in ("Odd", "Even"))
    requests = [await request_change(bots, f"enable {flow} Because") for flow in (odd, even)]
    body = json.dumps({"data": flow_json(odd, website_id=1) | {"settings": None}})
    bots.enkapush.faults.add(Fault.status(200, body, method="GET", path=f"/flows/{odd}", times=None))
    for request in requests:
        await bots.burak.click(request, "Approve")
    await wait_for_status(bots, requests[1], "Applied")
    await wait_for_status(bots, requests[0], "Enkapush answered with an error, so nothing was saved")
    assert [record.path for record in list_writes(bots)] == [f"/flows/{even}"]
