"""The audience of a request: shown, and a large one needs more approvals; read again before anything is sent."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import Reset
from flowbot.sandbox.slack import text_of
from flowbot.services.approvals import schedule
from tests.journeys.audience_steps import OVER, add_flow_for, grow_to, know_segment
from tests.journeys.form_steps import add_flow, add_segments, list_writes, open_form
from tests.journeys.late_steps import delay_effect
from tests.journeys.request_steps import (
    WAITING,
    add_people,
    approval_policy,
    list_mentions,
    read_audit_trail,
    request_change,
    speed_up,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

UNKNOWN: Final = "Segment not known: counts as all subscribers"
MONDAY: Final = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
HOUR: Final = 3600.0


@in_both_modes
async def test_a_large_audience_needs_more_approvals_and_the_request_says_so(running: World) -> None:
    first, _ = add_people(running, 2)
    await running.import_policy(approval_policy(OVER))
    flow = await add_flow_for(running, 12_340)
    request = await request_change(running, f"enable {flow}")
    assert "Audience: VIP, 12,340 subscribers" in text_of(request)
    assert "Large audience: more approvals are needed." in text_of(request)
    assert "0/2 approvals" in text_of(request)
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "1/2 approvals")
    assert list_writes(running) == []
    await first.click(request, "Approve")
    await wait_for_status(running, request, "Applied")
    raised = [each["details"] for each in await read_audit_trail(running) if "quorums" in each["details"]]
    assert [(each["audience"], each["quorums"]) for each in raised] == [(12_340, [2])] * 3


@pytest.mark.parametrize(
    ("subscribers", "shown", "progress"),
    [
        (9_999, "Audience: VIP, 9,999 subscribers", "0/1 approval"),
        (10_000, "Audience: VIP, 10,000 subscribers", "0/2 approvals"),
        (0, "Audience: VIP, 0 subscribers", "0/1 approval"),
        (10**40, "Audience: VIP, 1,000,000,000,000,000 subscribers", "0/3 approvals"),
        (-5, "Audience: VIP (size not known, counts as all subscribers)", "0/3 approvals"),
        (None, "Audience: VIP (size not known, counts as all subscribers)", "0/3 approvals"),
        ("many", "Audience: VIP (size not known, counts as all subscribers)", "0/3 approvals"),
        (True, "Audience: VIP (size not known, counts as all subscribers)", "0/3 approvals"),
    ],
)
async def test_an_odd_number_of_subscribers_counts_as_all_of_them(
    http: World, subscribers: Any, shown: str, progress: str
) -> None:
    add_people(http, 3)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, subscribers)}")
    assert shown in text_of(request)
    assert progress in text_of(request)


async def test_a_segment_that_is_not_known_or_doubtful_counts_as_all_subscribers(http: World) -> None:
    add_people(http, 3)
    await http.import_policy(approval_policy(OVER))
    unknown = text_of(await request_change(http, f"enable {add_flow(http)}"))
    doubtful = await add_flow_for(http, 5)
    http.enkapush.store.update_flow(doubtful, name="Touched")
    everybody = add_flow(http)
    await know_segment(http, everybody, "all")
    seen = [text_of(await request_change(http, f"enable {flow}")) for flow in (doubtful, everybody)]
    for text, audience in zip([unknown, *seen], [UNKNOWN, UNKNOWN, "Audience: All subscribers"], strict=True):
        assert audience in text
        assert "0/3 approvals" in text


@on_both_databases
@pytest.mark.parametrize("fields", [{"Title": "Mine"}, {}], ids=["with another field", "alone"])
async def test_an_edit_that_may_still_set_another_segment_counts_as_all_subscribers(
    bots: World, fields: dict[str, str]
) -> None:
    first, second, _ = add_people(bots, 3)
    await bots.import_policy(approval_policy(OVER))
    flow = await add_flow_for(bots, 5)
    await open_form(bots.emma, f"/flows edit {flow}")
    delay_effect(bots, HOUR / 2, answer=Reset(), times=2)
    await bots.emma.submit({"Segment": "All subscribers", **fields})
    await wait_for_private_message(bots.emma, "not known", MARKETING)
    bots.enkapush.faults.clear()
    request = await request_change(bots, f"enable {flow}")
    assert "Approving this also approves an earlier edit" in text_of(request)
    assert "Segment\n" in text_of(request)
    assert UNKNOWN in text_of(request)
    await asyncio.gather(bots.burak.click(request, "Approve"), first.click(request, "Approve"))
    await wait_for_status(bots, request, "2/3 approvals")
    assert not bots.enkapush.store.flow(flow).is_enabled
    await second.click(request, "Approve")
    await wait_for_status(bots, request, "Applied")


async def test_an_edit_that_may_still_come_with_the_same_segment_raises_nothing(bots: World) -> None:
    add_people(bots, 2)
    await bots.import_policy(approval_policy(OVER))
    flow = await add_flow_for(bots, 5)
    await open_form(bots.emma, f"/flows edit {flow}")
    delay_effect(bots, HOUR / 2)
    await bots.emma.submit({"Title": "Mine"})
    await wait_for_private_message(bots.emma, "not known", MARKETING)
    request = await request_change(bots, f"enable {flow}")
    assert "Audience: VIP, 5 subscribers" in text_of(request)
    await bots.burak.click(request, "Approve")
    await wait_for_status(bots, request, "Applied")


async def test_what_an_edit_of_a_live_flow_sends_counts(http: World) -> None:
    add_people(http, 3)
    await http.import_policy(approval_policy(OVER))
    flow = await add_flow_for(http, 60_000, is_enabled=True)
    (gold,) = add_segments(http, 1, "Gold")
    http.enkapush.store.set_subscribers(gold, 12_000)
    await open_form(http.emma, f"/flows edit {flow}")
    await http.emma.submit({"Segment": "Gold (12,000)"})
    request = await http.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Audience: Gold, 12,000 subscribers" in text_of(request)
    assert "0/2 approvals" in text_of(request)


async def test_without_such_a_rule_the_audience_is_shown_where_it_is_known(http: World) -> None:
    await http.import_policy(approval_policy())
    known = text_of(await request_change(http, f"delete {await add_flow_for(http, 1)}"))
    assert "Audience: VIP, 1 subscriber\n" in known
    assert "0/1 approval" in known
    assert UNKNOWN not in text_of(await request_change(http))


async def test_no_more_approvals_are_asked_for_than_may_approve_beside_the_requester(http: World) -> None:
    await http.import_policy(approval_policy(OVER, editors='["U0BURAK", "U0EMMA"]'))
    alone = await request_change(http, f"enable {await add_flow_for(http, 60_000)}")
    assert "0/1 approval" in text_of(alone)
    (new,) = add_people(http, 1)
    http.time.ahead += 61
    own = await request_change(http, f"enable {await add_flow_for(http, 60_000)}", by=http.burak)
    assert "0/1 onay" in text_of(own)
    await new.click(own, "Onayla")
    await wait_for_status(http, own, "Uygulandı")


async def test_a_vote_counts_the_people_of_its_moment(http: World) -> None:
    first, second = add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, 60_000)}")
    assert "0/3 approvals" in text_of(request)
    http.slack.workspace.groups["S0LEADS"].users.remove(second.id)
    http.time.ahead += 4
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    http.slack.workspace.groups["S0LEADS"].users.remove(first.id)
    http.time.ahead += 4
    # Nobody else is left, so the vote that was given is enough: pressing once more finds that.
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_without_an_answer_of_enkapush_asking_counts_it_as_all_subscribers(http: World) -> None:
    add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    flow = await add_flow_for(http, 5)
    http.enkapush.faults.add(Fault.status(503, method="GET", path="/segments/", times=None))
    request = await request_change(http, f"enable {flow}")
    assert "size not known, counts as all subscribers" in text_of(request)
    assert "0/3 approvals" in text_of(request)
    http.enkapush.faults.clear()
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


@pytest.mark.parametrize("rule", [OVER, "expires_after_hours = 8"], ids=["with lines", "without"])
async def test_a_revised_edit_reaches_the_audience_of_its_new_content(http: World, rule: str) -> None:
    add_people(http, 3)
    await http.import_policy(approval_policy(rule))
    flow = await add_flow_for(http, 60_000, is_enabled=True)
    (gold,) = add_segments(http, 1, "Gold")
    http.enkapush.store.set_subscribers(gold, 12_000)
    await open_form(http.emma, f"/flows edit {flow}")
    await http.emma.submit({"Title": "New title"})
    request = await http.deniz.wait_for_message(APPROVALS, "Audience: VIP, 60,000 subscribers")
    await http.emma.close(everything=True)
    await open_form(http.emma, f"/flows edit {flow}")
    await http.emma.submit({"Segment": "Gold (12,000)"})
    shown = await wait_for_status(http, request, "Audience: Gold, 12,000 subscribers")
    assert ("0/2 approvals" if rule == OVER else "0/1 approval") in text_of(shown)


async def test_the_audience_that_an_edit_gives_a_waiting_enable_counts(http: World) -> None:
    first, _ = add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    flow = await add_flow_for(http, 60_000)
    (gold,) = add_segments(http, 1, "Gold")
    http.enkapush.store.set_subscribers(gold, 12_000)
    request = await request_change(http, f"enable {flow}")
    assert "0/3 approvals" in text_of(request)
    http.time.ahead += 5
    await open_form(http.emma, f"/flows edit {flow}")
    await http.emma.submit({"Segment": "Gold (12,000)"})
    shown = await wait_for_status(http, request, "Audience: Gold, 12,000 subscribers")
    assert "0/2 approvals" in text_of(shown)
    await http.emma.close(everything=True)
    http.time.ahead += 5
    # Another edit leaves it alone, and no doubt arises of it.
    await open_form(http.emma, f"/flows edit {flow}")
    await http.emma.submit({"Title": "New title"})
    shown = await wait_for_status(http, request, "New title")
    assert "Audience: Gold, 12,000 subscribers" in text_of(shown)
    for person in (http.burak, first):
        await person.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


# --- read again ----------------------------------------------------------------------------------------------------


@on_both_databases
async def test_a_vote_counts_the_audience_of_its_moment(http: World) -> None:
    first, _ = add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, 9_000)}")
    assert "0/1 approval" in text_of(request)
    grow_to(http, 52_000)
    await http.burak.click(request, "Approve")
    grew = "The audience grew to 52,000 subscribers: 2 more approvals are needed."
    waiting = await wait_for_status(http, request, grew)
    assert WAITING in text_of(waiting)
    assert "1/3 approvals" in text_of(waiting)
    assert list_writes(http) == []
    grow_to(http, 11_000)
    await first.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert len(list_writes(http)) == 1


@on_both_databases
async def test_two_votes_at_once_after_it_grew_apply_it_once_or_leave_it_short(bots: World) -> None:
    first, second, _ = add_people(bots, 3)
    await bots.import_policy(approval_policy(OVER))
    request = await request_change(bots, f"enable {await add_flow_for(bots, 9_000)}")
    grow_to(bots, 52_000)
    await asyncio.gather(bots.burak.click(request, "Approve"), first.click(request, "Approve"))
    await wait_for_status(bots, request, "2/3 approvals")
    assert list_writes(bots) == []
    grow_to(bots, 12_000)
    await asyncio.gather(second.click(request, "Approve"), bots.burak.click(request, "Approve"))
    await wait_for_status(bots, request, "Applied")
    assert len(list_writes(bots)) == 1


@pytest.fixture
async def monday(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot on a Monday at eight in London, where Emma is, which looks for due work many times a second."""
    speed_up(world, monkeypatch)
    monkeypatch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
    world.time.ahead = (MONDAY - datetime.now(UTC)).total_seconds()
    add_people(world, 2)
    await world.import_policy(approval_policy(OVER))
    await world.start_http()
    return world


@on_both_databases
async def test_growth_before_a_scheduled_start_takes_the_request_back_and_keeps_its_votes(monday: World) -> None:
    request = await request_change(monday, f"enable {await add_flow_for(monday, 9_000)} at 10:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "Scheduled")
    grow_to(monday, 52_000)
    monday.time.ahead += HOUR + 60
    # Read at its start alone.
    await wait_for_status(monday, request, "Scheduled")
    monday.time.ahead += HOUR
    grew = "The audience grew to 52,000 subscribers: 2 more approvals are needed."
    waiting = await wait_for_status(monday, request, grew)
    assert WAITING in text_of(waiting)
    assert "1/3 approvals" in text_of(waiting)
    notice = await wait_for_notice(monday, request, grew)
    assert list_mentions(monday, notice) == [("user", "U0EMMA"), ("usergroup", "S0LEADS")]
    assert list_writes(monday) == []
    for number in (1, 2):
        await monday.slack.person(f"U0NEW{number}").click(request, "Approve")
    await wait_for_status(monday, request, "Applied")
    assert len(list_writes(monday)) == 1
    assert [each["action"] for each in await read_audit_trail(monday)].count("change.pending") == 2


async def test_a_scheduled_change_begins_once_enkapush_tells_its_audience(monday: World) -> None:
    request = await request_change(monday, f"enable {await add_flow_for(monday, 9_000)} at 09:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "Scheduled")
    monday.enkapush.faults.add(Fault.status(503, method="GET", path="/segments/1", times=None))
    monday.time.ahead += HOUR + 60
    await wait_until(lambda: monday.enkapush.request_count("GET", "/segments/1") > 3)
    assert list_writes(monday) == []
    monday.enkapush.faults.clear()
    await wait_for_status(monday, request, "Applied")


@pytest.mark.parametrize("what", ["gone", "touched", "moved"])
async def test_a_segment_that_became_doubtful_counts_as_all_subscribers_by_then(http: World, what: str) -> None:
    add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    flow = await add_flow_for(http, 9_000)
    request = await request_change(http, f"enable {flow}")
    match what:
        case "gone":
            http.enkapush.store.remove_segment(1)
        case "moved":
            http.enkapush.store.add_segment(replace(http.enkapush.store.segments[1], website_id=2))
        case _:
            http.time.ahead += 5
            http.enkapush.store.update_flow(flow, segment="all")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "The audience now counts as all subscribers: 2 more approvals are needed.")
    assert list_writes(http) == []


async def test_growth_below_a_line_changes_nothing(http: World) -> None:
    add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, 5)}")
    grow_to(http, 9_999)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert "Large audience" not in text_of(request)


async def test_where_enkapush_does_not_tell_the_audience_before_the_write_nothing_is_sent(http: World) -> None:
    add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, 5)}")
    http.enkapush.faults.add(Fault.status(401, method="GET", path="/segments/1", times=None))
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Failed")
    assert list_writes(http) == []


async def test_where_enkapush_is_silent_at_the_vote_the_audience_that_was_read_counts(http: World) -> None:
    first, _ = add_people(http, 2)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, 12_000)}")
    http.enkapush.faults.add(Fault.hang(method="GET", path="/segments/1", times=None))
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    http.enkapush.faults.clear()
    http.enkapush.release()
    await first.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


# --- where it is shown ---------------------------------------------------------------------------------------------


async def test_a_shared_channel_sees_how_many_and_not_which_segment(http: World) -> None:
    add_people(http, 2)
    http.slack.admin.share_channel(APPROVALS, http.jonas.id, is_told=False)
    await http.import_policy(approval_policy(OVER))
    request = await request_change(http, f"enable {await add_flow_for(http, 12_340)}")
    assert "Audience: 12,340 subscribers" in text_of(request)
    assert "VIP" not in text_of(request)


async def test_in_turkish_it_reads_the_same(http: World) -> None:
    add_people(http, 2)
    await http.import_policy(
        approval_policy(OVER).replace(f'id = "{MARKETING}"', f'id = "{MARKETING}"\nlanguage = "tr"')
    )
    request = await request_change(http, f"enable {await add_flow_for(http, 9_000)}")
    assert "Hedef kitle: VIP, 9.000 abone" in text_of(request)
    grow_to(http, 52_000)
    await http.burak.click(request, "Onayla")
    await wait_for_status(http, request, "Hedef kitle 52.000 aboneye ulaştı: 2 onay daha gerekiyor.")
    unknown = await request_change(http)
    assert "Segment bilinmiyor: tüm aboneler sayılıyor" in text_of(unknown)
    assert "Hedef kitle büyük: daha çok onay gerekiyor." in text_of(unknown)
