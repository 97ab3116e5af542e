"""Rows of the database that cannot be read: people, Home, `check` and the recovery go on without them."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from flowbot.diagnostics.checks import find_problems
from flowbot.sandbox.slack import text_of
from tests.journeys.request_steps import WAITING, approval_policy, request_change, speed_up, wait_for_status
from tests.journeys.test_home import open_home
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, World, in_both_modes
from tests.storage.odd_rows import insert_odd_rows

INSIDE = ("went wrong", "bir hata oluştu")
"""What people read where flowbot itself fails."""


async def damage(world: World, statement: str) -> None:
    async with world.open_database() as database, database.write() as connection:
        await connection.execute(text(statement))


async def test_odd_rows_cost_nobody_anything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    world.timeouts = None
    await world.import_policy(approval_policy())
    insert_odd_rows(Path(make_url(world.settings.database_url.get_secret_value()).database or ""), step=12)
    # So many open requests, all to be shown anew, would keep this machine busy for minutes.
    await damage(world, "DELETE FROM votes")
    await damage(world, "DELETE FROM changes WHERE state IN ('pending', 'draft', 'applying') AND rowid % 10")
    world.read_findings = partial(find_problems, world.settings)
    world.burak.person.locale = "en-GB"
    bot, _ = await world.start_http()
    request = await request_change(world)
    for person, command, seen in (
        (world.emma, "/flows list", "1 flow"),
        (world.emma, "/flows show 1", "Old title"),
        (world.emma, "/flows history", "History"),
        (world.burak, "/flows approvals", WAITING),
    ):
        await person.send(MARKETING, command)
        await person.wait_for_message(MARKETING, seen)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "live")
    await open_home(world.deniz, "Not right yet: stored data that can't be read")
    for person in (world.emma, world.burak, world.deniz):
        for channel in (MARKETING, APPROVALS):
            said = "".join(text_of(message) for message in await person.list_messages(channel))
            assert not any(words in said for words in INSIDE)
    assert bot.metrics.recovery_rounds.labels("failed")._value.get() == 0
    assert b'flowbot_unreadable_rows{table="changes"}' in await bot.exporter.render()


@in_both_modes
async def test_a_request_and_a_policy_that_cannot_be_read_are_said_to_be(running: World) -> None:
    running.burak.person.locale = "en-GB"
    await running.import_policy(approval_policy() + '[[channels]]\nid = "C0AGENCY"\nviewers = ["*"]\nwebsites = [1]\n')
    request = await request_change(running)
    await damage(running, "UPDATE changes SET asked = '[]'")
    await running.burak.click(request, "Approve")
    await running.burak.wait_for_message(APPROVALS, "This request can't be read, so nothing was changed.")
    await running.emma.send(MARKETING, "/flows list")
    await running.emma.wait_for_message(MARKETING, "1 flow")
    await damage(running, "UPDATE channel_policies SET document = '{}' WHERE channel_id = 'C0MARKETING'")
    await running.emma.send(MARKETING, "/flows list")
    await running.emma.wait_for_message(MARKETING, "This channel's rules can't be read, so nothing can be done here.")
    await running.burak.send(AGENCY, "/flows list")
    await running.burak.wait_for_message(AGENCY, "1 flow")
