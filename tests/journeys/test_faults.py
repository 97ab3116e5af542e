"""Slack is answered in time whatever Enkapush does, and the person gets a sentence."""

import re

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.journeys.world import MARKETING, World

TROUBLE = {
    "hang": Fault.hang(times=None),
    "late": Fault.delay(10, times=None),
    "500": Fault.status(500, times=None),
    "html": Fault.html(times=None),
    "empty": Fault.empty(times=None),
    "reset": Fault.reset(times=None),
    "401": Fault.status(401, times=None),
    "429": Fault.too_many(60, times=None),
}


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_the_ack_leaves_at_once_whatever_enkapush_does(running: World, trouble: str) -> None:
    running.enkapush.faults.add(TROUBLE[trouble])
    for command in ("/flows list", "/flows show 1"):
        await running.emma.send(MARKETING, command)
        ack = running.slack.deliveries[-1]
        assert ack.ok
        assert ack.seconds < 2


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("500", "Enkapush answered with an error"),
        ("html", "Enkapush answered with an error"),
        ("empty", "Enkapush answered with an error"),
        ("reset", "flowbot can't reach Enkapush"),
        ("401", "Enkapush doesn't accept flowbot's API key"),
    ],
)
async def test_a_failure_is_a_sentence_with_a_code_that_the_log_knows(
    http: World, trouble: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    http.enkapush.faults.add(TROUBLE[trouble])
    await http.emma.send(MARKETING, "/flows list")
    answer = text_of(await http.emma.wait_for_message(MARKETING, said, timeout=20))
    assert re.search(r"give the engineer this code: [2-9A-Z]{8}", answer)


async def test_a_slow_enkapush_gets_there_in_the_end_and_says_so_meanwhile(http: World) -> None:
    http.add_flows(2)
    http.enkapush.faults.add(Fault.hang())
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "Enkapush is slow right now", timeout=10)
    http.enkapush.release()
    await http.emma.wait_for_message(MARKETING, "2 flows")


async def test_what_was_kept_is_shown_with_its_age_while_enkapush_is_down(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    first = await http.emma.wait_for_message(MARKETING, "2 flows")
    http.time.ahead += 3 * 3600
    http.enkapush.faults.add(Fault.status(401, times=None))
    await http.emma.send(MARKETING, "/flows list")
    later = await http.emma.wait_for_message(MARKETING, lambda message: message.ts > first.ts)
    assert "As of 3 hours ago" in text_of(later)
    assert "2 flows" in text_of(later)


async def test_a_used_up_response_url_does_not_lose_the_answer(http: World) -> None:
    http.slack.faults.add("response_url", status=404)
    await http.emma.send(MARKETING, "/flows help")
    assert (await http.emma.wait_for_message(MARKETING, "You can")).is_ephemeral


async def test_slacks_limits_and_slips_are_waited_out(http: World) -> None:
    http.slack.faults.add("response_url", status=429, retry_after=0)
    http.slack.faults.add("response_url", status=503)
    await http.emma.send(MARKETING, "/flows help")
    await http.emma.wait_for_message(MARKETING, "You can")
