"""Rules that change between the last vote and the write, while Enkapush takes its time: today's count."""

from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from flowbot.services.executor import executor, update
from tests.journeys.audience_steps import OVER, add_flow_for
from tests.journeys.form_steps import list_writes
from tests.journeys.request_steps import (
    WAITING,
    add_people,
    approval_policy,
    read_audit_trail,
    request_change,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import World, on_both_databases

FREEZE: Final = """
[[freezes]]
name = "Stocktaking"
weekly = ["mon", "tue", "wed", "thu", "fri", "sat", "sun 00:00-23:00"]
"""
STAGES: Final = approval_policy(OVER, 'stages = [["U0DENIZ"], ["S0LEADS"]]', approvers="[]")
CHANGED: Final = [
    pytest.param(approval_policy(OVER, "quorum = 2"), WAITING, "1/2 approvals: U0BURAK", id="quorum"),
    pytest.param(STAGES, WAITING, "Stage 1: U0DENIZ · 0/1 approval", id="stages"),
    pytest.param(approval_policy(OVER, approvers='["U0DENIZ"]'), "Failed", "No longer counted", id="approvers"),
    pytest.param(approval_policy(OVER, websites="[2]"), "Failed", "could not be enabled", id="websites"),
    pytest.param(approval_policy(OVER) + FREEZE, "Scheduled", "Frozen until", id="freeze"),
]


@pytest.fixture
async def slow(http: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot for which everything that a test holds takes long."""
    monkeypatch.setattr(executor, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(update, "STALE_SECONDS", 0.05)
    add_people(http, 3)
    await http.import_policy(approval_policy(OVER))
    return http


async def approve_and_hold(world: World, path: str, *, after: int) -> Message:
    """Let Burak give the last approval, and hold the reading that comes after so many others of the path."""
    request = await request_change(world, f"enable {await add_flow_for(world, 9_000)}")
    before = world.enkapush.request_count("GET", path)
    world.enkapush.faults.add(Fault.hang(method="GET", path=path, skip=after))
    await world.burak.click(request, "Approve")
    await wait_until(lambda: world.enkapush.request_count("GET", path) == before + after + 1)
    return request


@on_both_databases
@pytest.mark.parametrize(
    ("path", "after"),
    [
        pytest.param("/segments/1", 1, id="while the audience is read"),
        pytest.param("/flows/1", 2, id="while the flow is compared"),
    ],
)
@pytest.mark.parametrize(("policy", "status", "words"), CHANGED)
async def test_what_changes_while_enkapush_is_slow_counts(
    slow: World, path: str, after: int, policy: str, status: str, words: str
) -> None:
    request = await approve_and_hold(slow, path, after=after)
    await slow.import_policy(policy)
    slow.enkapush.release()
    assert status in text_of(await wait_for_status(slow, request, words))
    assert list_writes(slow) == []


async def test_what_was_held_back_is_applied_once_with_the_approvals_that_it_lacked(slow: World) -> None:
    request = await approve_and_hold(slow, "/flows/1", after=2)
    await slow.import_policy(approval_policy(OVER, "quorum = 2"))
    slow.enkapush.release()
    await wait_for_status(slow, request, "1/2 approvals")
    await slow.slack.person("U0NEW1").click(request, "Approve")
    await wait_for_status(slow, request, "Applied")
    assert len(list_writes(slow)) == 1
    assert [each["action"] for each in await read_audit_trail(slow)].count("change.pending") == 2


@pytest.mark.parametrize(("path", "after"), [("/segments/1", 1), ("/flows/1", 2)])
async def test_rights_that_are_lost_while_enkapush_is_slow_count_no_more(slow: World, path: str, after: int) -> None:
    request = await approve_and_hold(slow, path, after=after)
    slow.burak.person.deleted = True
    slow.time.ahead += 4
    slow.enkapush.release()
    assert "No longer counted" in text_of(await wait_for_status(slow, request, "Failed"))
    assert list_writes(slow) == []


@pytest.mark.parametrize(("path", "after"), [("/segments/1", 1), ("/flows/1", 2)])
async def test_what_stays_as_it_was_is_applied_however_slow_enkapush_is(slow: World, path: str, after: int) -> None:
    request = await approve_and_hold(slow, path, after=after)
    slow.enkapush.release()
    await wait_for_status(slow, request, "Applied")
    assert len(list_writes(slow)) == 1


async def test_a_segment_that_is_set_outside_while_its_size_is_read_counts_as_all_subscribers(slow: World) -> None:
    request = await approve_and_hold(slow, "/segments/1", after=1)
    slow.time.ahead += 5
    slow.enkapush.store.update_flow(1, segment="all")
    slow.enkapush.release()
    grew = "The audience now counts as all subscribers: 2 more approvals are needed."
    assert "1/3 approvals" in text_of(await wait_for_status(slow, request, grew))
    assert list_writes(slow) == []
