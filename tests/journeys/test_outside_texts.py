"""Texts that try to be more than text, in all that flowbot tells by itself."""

from datetime import datetime
from typing import Final

import pytest

from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import approval_policy, list_mentions, speed_up, wait_for_private_message
from tests.journeys.watch_steps import wait_for_finding, watch_flows
from tests.journeys.world import APPROVALS, MARKETING, World, on_both_databases

EVIL: Final = "<!channel> <@U0BURAK> *b* `c` https://evil.example \u202eRTL \x00 half \ud83d"
BREAKER: Final = "\n[channels.breaker]\nmin_sent = 100\nmin_click_rate = 0.01\n"
GROUPS: Final = {("usergroup", "S0LEADS")}


@on_both_databases
async def test_no_text_becomes_a_mention_and_none_is_too_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy() + BREAKER)
    odd = add_flow(
        world,
        name=EVIL + "x" * 10_000,
        title=EVIL,
        is_enabled=True,
        wait_time=10**25,
        total_sent_push_notifications=10**30,
        total_displayed_push_notifications=-5,
        datetime=datetime(1905, 1, 1),  # noqa: DTZ001 - Enkapush's times are naive
        last_datetime=datetime(9999, 12, 31),  # noqa: DTZ001
    )
    store = world.enkapush.store
    async with watch_flows(world, monkeypatch) as watch:
        store.update_flow(odd, title=EVIL * 400, description=EVIL[::-1])
        await watch.make_round()
        told = await wait_for_finding(world, "was changed outside flowbot")
        assert list_mentions(world, told) == []
        assert text_of(told).count("<!channel>") > 0
        for number in range(2, 14):
            add_flow(world, name=EVIL + "y" * 10_000 + str(number), is_enabled=True)
        await watch.make_round(2)
        summary = await wait_for_finding(world, "12 flows")
        assert list_mentions(world, summary) == []
        store.update_flow(odd, total_sent_push_notifications=0, total_displayed_push_notifications=0)
        await watch.make_round()
        store.update_flow(odd, total_sent_push_notifications=5000, total_displayed_push_notifications=5000)
        await watch.make_round()
        tripped = await world.deniz.wait_for_message(APPROVALS, "The breaker disabled")
        assert set(list_mentions(world, tripped)) <= GROUPS
        await world.emma.send(MARKETING, "/flows stop all " + EVIL.split("\x00")[0])
        question = await wait_for_private_message(world.emma, "Stop 12 live flows", MARKETING)
        assert {kind for kind, _ in list_mentions(world, question)} <= {"channel"}
        await world.emma.click(question, "Stop all")
        stopped = await world.deniz.wait_for_message(APPROVALS, "stopped 12 live flows")
        assert {kind for kind, _ in list_mentions(world, stopped)} <= {"user", "channel"}
        assert ("user", "U0BURAK") not in list_mentions(world, stopped)
        await world.emma.send(MARKETING, f"/flows history {odd}")
        history = await wait_for_private_message(world.emma, "Changed outside flowbot", MARKETING)
        assert {who for _, who in list_mentions(world, history)} <= {"U0FLOWBOT"}
    world.enkapush.release()
