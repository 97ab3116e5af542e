"""Writes that Enkapush confirms, and whose effect comes later: looked for, settled once, and never called failed."""

import asyncio
from itertools import product
from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import Answer, Hang, Reply, Reset
from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import is_form, list_writes
from tests.journeys.late_steps import (
    ENABLE,
    HOURS,
    MINE,
    MINUTES,
    NOT_KNOWN,
    approve_with_late_effect,
    delay_effect,
    end_search,
    list_fields_sent,
    read_flow,
    request_edit,
    wait_for_look,
)
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    request_change,
    speed_up,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.test_drafts import run_bot
from tests.journeys.world import APPROVALS, MARKETING, World, first_on_both_databases, on_both_databases

ALL_GATED: Final = 'required_for = ["enable", "delete", "edit_enabled", "disable"]'
READINGS: Final = ("show 1", "list", "edit 1", "Check again")


async def read(world: World, how: str) -> None:
    """Read flow 1 in one of the ways in which people do."""
    if how == "edit 1":
        await world.emma.send(MARKETING, "/flows edit 1")
        await world.emma.wait_for_view(is_form)
    else:
        await read_flow(world, world.emma, how)


@on_both_databases
@pytest.mark.parametrize("after", [20, 10 * MINUTES])
async def test_an_effect_within_fifteen_minutes_is_found_by_itself(bots: World, after: float) -> None:
    request = await approve_with_late_effect(bots, after=after)
    await wait_for_look(bots, 6)
    assert NOT_KNOWN in text_of(request)
    assert bots.deniz.list_buttons(request) == ["Check again"]
    bots.time.ahead += after
    over = await wait_for_status(bots, request, "Applied")
    assert bots.deniz.list_buttons(over) == []
    assert "Failed" not in text_of(over)
    assert list_fields_sent(bots) == [ENABLE]


async def test_an_effect_within_the_read_backs_is_plainly_applied(bots: World) -> None:
    request = await request_change(bots)
    # The pauses between the read-backs take a hundredth here: this is one and a half of their two seconds.
    delay_effect(bots, 0.015)
    await bots.burak.click(request, "Approve")
    await wait_for_status(bots, request, "Applied")
    assert list_fields_sent(bots) == [ENABLE]


@pytest.mark.parametrize("how", READINGS)
async def test_an_effect_after_hours_is_settled_by_whatever_reading_shows_it(bots: World, how: str) -> None:
    request = await approve_with_late_effect(bots, after=3 * HOURS)
    await end_search(bots, request)
    bots.time.ahead += 3 * HOURS
    if how == "Check again":
        await bots.emma.click(request, how)
    else:
        await read(bots, how)
    over = await wait_for_status(bots, request, "Applied")
    assert bots.deniz.list_buttons(over) == []
    assert list_fields_sent(bots) == [ENABLE]


@on_both_databases
async def test_after_the_search_nothing_is_read_until_somebody_reads(bots: World) -> None:
    request = await approve_with_late_effect(bots, after=3 * HOURS)
    await end_search(bots, request)
    assert set(bots.deniz.list_buttons(request)) == {"Check again", "Ask again"}
    reads = bots.enkapush.request_count()
    bots.time.ahead += 3 * HOURS
    await bots.emma.send(MARKETING, "/flows help")
    await wait_for_private_message(bots.emma, "/flows list", MARKETING)
    assert bots.enkapush.request_count() == reads
    assert NOT_KNOWN in text_of(request)
    await read_flow(bots, bots.ayse, "göster 1")
    await wait_for_status(bots, request, "Applied")


@pytest.mark.parametrize("how", READINGS)
async def test_what_is_seen_after_a_day_was_made_by_others(bots: World, how: str) -> None:
    request = await approve_with_late_effect(bots, after=30 * HOURS)
    await end_search(bots, request)
    bots.time.ahead += 30 * HOURS
    if how == "Check again":
        assert "till not known" in await click_and_read(bots, bots.emma, request, how)
    else:
        await read(bots, how)
    # Nothing announces what does not happen.
    await asyncio.sleep(0.2)
    assert bots.enkapush.store.flow(1).is_enabled
    assert NOT_KNOWN in text_of(request)
    assert list_fields_sent(bots) == [ENABLE]


@first_on_both_databases("after,what", product([20, 3 * HOURS], ["disable", "delete", "edit"]))
async def test_every_kind_is_looked_for(bots: World, what: str, after: float) -> None:
    await bots.import_policy(approval_policy(ALL_GATED))
    request = await approve_with_late_effect(bots, what, after)
    if after > 15 * MINUTES:
        await end_search(bots, request)
        bots.time.ahead += after
        await read_flow(bots, bots.emma)
    else:
        bots.time.ahead += after
    over = await wait_for_status(bots, request, "Applied")
    assert bots.deniz.list_buttons(over) == (["Restore"] if what == "delete" else [])
    assert len(list_writes(bots)) == 1


@pytest.mark.parametrize(
    ("answer", "writes"),
    [
        (Reset(), 2),
        (Hang(), 2),
        (Reply(503), 2),
        (Reply(200, "<html>", "text/html"), 1),
        (Reply(200, '{"data": {"id": 7}}'), 1),
    ],
    ids=["cut", "silent", "503", "a page", "another id"],
)
async def test_whatever_the_answer_was_an_effect_is_looked_for(bots: World, answer: Answer, writes: int) -> None:
    request = await approve_with_late_effect(bots, after=20, answer=answer, times=2)
    bots.time.ahead += 20
    await wait_for_status(bots, request, "Applied")
    assert list_fields_sent(bots) == [ENABLE] * writes


@on_both_databases
async def test_what_never_shows_stays_not_known_and_holds_nothing_back(bots: World) -> None:
    request = await approve_with_late_effect(bots, copies=0)
    await end_search(bots, request)
    bots.time.ahead += 30 * HOURS
    assert "till not known" in await click_and_read(bots, bots.emma, request, "Check again")
    await bots.burak.click(await request_change(bots, "enable 1"), "Approve")
    await bots.deniz.wait_for_message(APPROVALS, "Applied")
    assert NOT_KNOWN in text_of(request)
    assert list_fields_sent(bots) == [ENABLE] * 2


async def test_what_was_refused_has_failed_and_claims_nothing(bots: World) -> None:
    request = await request_change(bots)
    bots.enkapush.faults.add(Fault.status(422, method="POST", path="/flows/1"))
    await bots.burak.click(request, "Approve")
    over = await wait_for_status(bots, request, "Failed")
    bots.enkapush.store.update_flow(1, is_enabled=True)
    await read_flow(bots, bots.emma)
    assert "Failed" in text_of(over)
    assert bots.deniz.list_buttons(over) == []


async def test_an_edit_that_was_cut_off_and_then_refused_is_not_known(bots: World) -> None:
    """The first sending may take effect yet, whatever the second was answered."""
    bots.enkapush.store.add_flow(website_id=1, name="Live", title="Old title", is_enabled=True)
    request = await request_edit(bots)
    delay_effect(bots, 20, answer=Reset())
    bots.enkapush.faults.add(Fault.status(422, method="POST", path="/flows/1"))
    await bots.burak.click(request, "Approve")
    await wait_for_status(bots, request, NOT_KNOWN)
    bots.time.ahead += 20
    await wait_for_status(bots, request, "Applied")
    assert list_fields_sent(bots) == [MINE] * 2


@on_both_databases
@pytest.mark.parametrize("after", [10 * MINUTES, 3 * HOURS])
async def test_a_restart_in_between_loses_no_effect(
    world: World, monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    async with run_bot(world):
        request = await approve_with_late_effect(world, after=after)
    world.time.ahead += after
    async with run_bot(world):
        if after > 15 * MINUTES:
            await read_flow(world, world.emma)
        await wait_for_status(world, request, "Applied")
    assert list_fields_sent(world) == [ENABLE]


async def test_an_edit_is_not_seen_in_what_another_set_in_the_same_field(bots: World) -> None:
    first = await approve_with_late_effect(bots, "edit", copies=0)
    await end_search(bots, first)
    second = await request_edit(bots, "Second")
    await bots.burak.click(second, "Approve")
    await wait_for_status(bots, second, "Applied")
    for command in ("show 1", "list"):
        await read_flow(bots, bots.emma, command)
    assert NOT_KNOWN in text_of(first)
    assert list_fields_sent(bots) == [MINE, {"title": "Second"}]
