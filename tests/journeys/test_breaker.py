"""The breaker: a live flow whose figures are out of bounds is disabled, once an enabling, and that is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest

from flowbot.domain.breaker import MOST_ATTEMPTS
from flowbot.sandbox.enkapush.faults import Fault
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    approval_policy,
    list_mentions,
    request_change,
    speed_up,
    wait_for_status,
)
from tests.journeys.test_stand_ins import go_away
from tests.journeys.watch_steps import Watch, list_findings, wait_for_finding, watch_flows
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, on_both_databases

BREAKER: Final = "\n[channels.breaker]\nmin_sent = 100\nmin_click_rate = 0.01\nmax_close_rate = 0.6\n"


def other_channel(rules: str = "") -> str:
    """Write a policy of another channel with the same websites, and rules of its own."""
    return f'\n[[channels]]\nid = "{RANDOM}"\nwebsites = [1]\neditors = ["*"]\napprovers = ["U0BURAK"]\n{rules}'


@pytest.fixture
async def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    """Start bots that watch one live flow: two bots where PostgreSQL is used."""
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy() + BREAKER + other_channel())
    add_flow(world, name="Winter sale", is_enabled=True, **totals(5000, 4000, 0, 4000))
    is_shared = world.settings.database_url.get_secret_value().startswith("postgresql")
    async with watch_flows(world, monkeypatch, processes=2 if is_shared else 1) as watch:
        yield watch
    world.enkapush.release()


def totals(sent: int, displayed: int, clicked: int, closed: int) -> Any:
    counts = {"sent": sent, "displayed": displayed, "clicked": clicked, "closed": closed}
    return {f"total_{name}_push_notifications": count for name, count in counts.items()}


def is_live(world: World, flow: int = 1) -> bool:
    return world.enkapush.store.flows[flow].is_enabled


def list_trips(world: World, where: str = APPROVALS) -> list[Message]:
    messages = world.slack.workspace.list_visible_messages(where, world.deniz.id)
    return [each for each in messages if "breaker" in text_of(each) and not each.is_ephemeral]


async def wait_for_trip(world: World, sentence: str, where: str = APPROVALS) -> Message:
    return await world.deniz.wait_for_message(where, lambda shown: sentence in text_of(shown))


async def make_rounds_until(watched: Watch, condition: Callable[[], bool]) -> None:
    """Make rounds: one that comes while an attempt is under way begins no other."""
    async with asyncio.timeout(30):
        while not condition():
            await watched.make_round()


async def test_the_stand_in_is_mentioned_in_place_of_who_is_away(watched: Watch) -> None:
    world = watched.world
    await go_away(world, world.burak, world.emma)
    await watched.make_round(2)
    world.enkapush.store.update_flow(1, **totals(5200, 4150, 1, 4020))
    await watched.make_round()
    told = await wait_for_trip(world, "The breaker disabled", RANDOM)
    assert list_mentions(world, told) == [("user", "U0EMMA")]


@on_both_databases
async def test_a_flow_out_of_bounds_is_disabled_once_an_enabling_and_told_everywhere(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    # What was counted before it was seen live does not count, and what is too few does not either.
    store.update_flow(1, **totals(5099, 4090, 0, 4000))
    await watched.make_round(2)
    assert is_live(world)
    store.update_flow(1, **totals(5200, 4150, 1, 4020))
    await watched.make_round()
    told = await wait_for_trip(world, "The breaker disabled #1 Winter sale.")
    for line in (
        "Click rate 0.667%, below the limit of 1.0%",
        "Since it was enabled: 200 sent, 150 displayed, 1 clicked, 20 closed",
        "Lale Moda",
    ):
        assert line in text_of(told)
    assert "Close rate" not in text_of(told)
    assert ("usergroup", "S0LEADS") in list_mentions(world, told)
    assert ("user", "U0BURAK") in list_mentions(world, await wait_for_trip(world, "The breaker disabled", RANDOM))
    assert not is_live(world)
    await watched.make_round(2)
    assert (len(list_trips(world)), len(list_trips(world, RANDOM))) == (1, 1)
    assert list_findings(world) == []
    # Enabled again by an approval, it counts anew: the breaker may disable it once more.
    request = await request_change(world, "enable 1")
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    await watched.make_round(2)
    assert is_live(world)
    store.update_flow(1, **totals(5400, 4300, 1, 4150))
    await watched.make_round()
    await world.deniz.wait_until(lambda: not is_live(world))
    await watched.make_round()
    await world.deniz.wait_until(lambda: len(list_trips(world)) == 2)
    assert len(list_writes(world)) == 3


async def test_an_enabling_outside_counts_too_and_what_waits_for_that_flow_is_out_of_date(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    outside = add_flow(world, name="Theirs")
    await watched.make_round(2)
    store.update_flow(outside, is_enabled=True)
    await watched.make_round(2)
    request = await request_change(world, f"delete {outside}")
    store.update_flow(outside, **totals(100, 100, 50, 61))
    await watched.make_round()
    told = await wait_for_trip(world, "The breaker disabled #2 Theirs.")
    assert "Close rate 61.0%, above the limit of 60.0%" in text_of(told)
    await wait_for_status(world, request, "Out of date")


async def test_what_is_enabled_outside_right_after_the_breaker_counts_anew(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    store.update_flow(1, **totals(6000, 5000, 0, 4000))
    await watched.make_round()
    await wait_for_trip(world, "The breaker disabled #1")
    store.update_flow(1, is_enabled=True)
    await watched.make_round(2)
    await wait_for_finding(world, "#1 Winter sale was enabled outside flowbot")
    assert is_live(world)
    store.update_flow(1, **totals(6200, 5200, 0, 4000))
    await watched.make_round()
    await world.deniz.wait_until(lambda: len(list_trips(world)) == 2 and not is_live(world))


async def test_counters_that_shrink_begin_anew_and_unknown_rates_stop_nothing(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    store.update_flow(1, **totals(0, 0, 0, 0))
    await watched.make_round()
    store.update_flow(1, **totals(99, 99, 0, 99))
    await watched.make_round()
    assert is_live(world)
    other = add_flow(world, name="Not displayed", is_enabled=True)
    await watched.make_round(2)
    store.update_flow(other, **totals(1000, 0, 0, 0))
    store.update_flow(1, **totals(100, 100, 0, 99))
    await watched.make_round()
    await wait_for_trip(world, "The breaker disabled #1")
    assert is_live(world, other)


async def test_any_channels_breaker_stops_a_flow_and_only_of_its_websites(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    strict = "[channels.breaker]\nmin_sent = 10\nmax_close_rate = 0.1\n"
    await world.import_policy(approval_policy(websites="[2]") + other_channel(strict))
    elsewhere = add_flow(world, website_id=2, is_enabled=True)
    await watched.make_round(2)
    for flow in (1, elsewhere):
        store.update_flow(flow, **totals(6000, 5000, 0, 5000))
    await watched.make_round()
    await wait_for_trip(world, "The breaker disabled #1 Winter sale.", RANDOM)
    await watched.make_round()
    assert is_live(world, elsewhere)
    assert list_trips(world) == []


async def test_what_enkapush_refuses_is_told_and_tried_again_after_the_next_round(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    world.enkapush.faults.add(Fault.status(422, '{"message": "No"}', method="POST"))
    store.update_flow(1, **totals(6000, 5000, 0, 4000))
    await watched.make_round()
    told = await wait_for_trip(world, "flowbot will try again.")
    assert "The breaker is disabling #1 Winter sale." in text_of(told)
    assert is_live(world)
    await make_rounds_until(watched, lambda: not is_live(world))
    await wait_for_trip(world, "The breaker disabled #1 Winter sale.")
    assert len(list_trips(world)) == 1
    assert not is_live(world)


async def test_a_disable_that_shows_no_effect_is_sent_again_once_it_is_given_up(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    world.enkapush.faults.add(Fault.empty(method="POST", path="/flows/1"))
    store.update_flow(1, **totals(6000, 5000, 0, 4000))
    await watched.make_round()
    await wait_for_trip(world, "flowbot will try again.")
    await watched.make_round()
    assert (is_live(world), len(list_writes(world))) == (True, 1)
    await make_rounds_until(watched, lambda: not is_live(world))
    await wait_for_trip(world, "The breaker disabled #1 Winter sale.")
    assert (len(list_writes(world)), len(list_trips(world))) == (2, 1)


async def test_attempts_are_bounded_and_the_last_one_says_so(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    world.enkapush.faults.add(Fault.status(422, '{"message": "No"}', method="POST", times=None))
    store.update_flow(1, **totals(6000, 5000, 0, 4000))
    await make_rounds_until(watched, lambda: len(list_writes(world)) == MOST_ATTEMPTS)
    await wait_for_trip(world, "The breaker couldn't disable #1 Winter sale. Disable it in Enkapush.")
    await watched.make_round(2)
    assert len(list_writes(world)) == MOST_ATTEMPTS


async def test_a_turkish_channel_reads_it_in_turkish(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    rules = approval_policy().replace("editors =", 'language = "tr"\neditors =')
    await world.import_policy(rules + BREAKER)
    store.update_flow(1, **totals(6000, 5000, 0, 4000))
    await watched.make_round()
    told = await world.deniz.wait_for_message(APPROVALS, "Sigorta #1 Winter sale akışını durdurdu.")
    assert "Etkinleştirildiğinden beri: 1.000 gönderim, 1.000 gösterim, 0 tıklama, 0 kapatma" in text_of(told)
    assert "Yeniden etkinleştirmek için yeni bir onay gerekir." in text_of(told)
    await world.emma.send(MARKETING, "/flows history 1")
    await world.emma.wait_for_message(MARKETING, "its figures were outside this channel's limits")
