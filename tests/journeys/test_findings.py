"""What people do with what was changed outside flowbot: accept it, revert it, disable the flow."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from flowbot.domain.findings import Finding
from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.reader import EnkapushReader
from flowbot.sandbox.enkapush.models import Image
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.reports import ReportRepository
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.late_steps import NOT_KNOWN, delay_effect
from tests.journeys.report_steps import list_told, tell, wait_for_told, wait_until_shown
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    read_audit_trail,
    speed_up,
    submit_reason,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.watch_steps import list_findings, wait_for_finding, watch_flows
from tests.journeys.world import API_KEY, APPROVALS, MARKETING, RANDOM, World, in_both_modes, on_both_databases


async def read_flow(world: World, number: int) -> Flow:
    """Read a flow as flowbot does."""
    client = EnkapushClient(world.settings.enkapush_api_url, API_KEY)
    async with client:
        flow = await EnkapushReader(client, world.settings.zone).get_flow(FlowId(number))
    assert flow is not None
    return flow


async def change_outside(world: World, number: int, **fields: Any) -> Message:
    """Change a flow outside flowbot, tell of it, and return the message."""
    before = await read_flow(world, number)
    world.enkapush.store.update_flow(number, **fields)
    await tell(world, Finding(before, await read_flow(world, number)), token=f"{number}.{len(list_told(world))}")
    message = await wait_for_told(world, word=f"#{number} ")
    await wait_until_shown(world)
    return message


def count_findings(world: World) -> int:
    """Count the findings that were told; a request to revert one says in its reason that it does."""
    return sum("Enkapush doesn't show who did it." in each for each in list_findings(world))


async def wait_for_end(world: World, message: Message, words: str) -> None:
    """Wait until a finding's message says how it ended, without buttons."""
    await world.deniz.wait_until(lambda: words in text_of(message))
    await wait_until_shown(world)
    assert not {"Accept", "Revert", "Disable"} & set(world.deniz.list_buttons(message))


@pytest.fixture
async def quick(http: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a quick bot whose approvals are elsewhere."""
    speed_up(http, monkeypatch)
    await http.import_policy(approval_policy())
    return http


@in_both_modes
async def test_what_is_live_is_accepted_by_an_approver_everywhere_at_once(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = running
    speed_up(world, monkeypatch)
    other = f'\n[[channels]]\nid = "{RANDOM}"\nwebsites = [1]\napprovers = ["S0LEADS"]\nlanguage = "tr"\n'
    await world.import_policy(approval_policy() + other)
    message = await change_outside(world, add_flow(world), is_enabled=True)
    assert world.deniz.list_buttons(message)[:3] == ["Accept", "Revert", "Disable"]
    assert "Enkapush doesn't show who did it." in text_of(message)
    assert "Only" in await click_and_read(world, world.emma, message, "Accept")
    (there,) = [each for each in world.slack.workspace.messages[RANDOM] if "flowbot dışında" in text_of(each)]
    assert world.deniz.list_buttons(there)[:3] == ["Kabul et", "Geri al", "Durdur"]
    await world.burak.click(message, "Accept")
    await wait_for_end(world, message, "Accepted by U0BURAK")
    assert "Kabul eden: U0BURAK" in text_of(there)
    assert world.enkapush.store.flow(1).is_enabled
    assert list_writes(world) == []
    trail = [(event["action"], event["actor"], event["flow"]) for event in await read_audit_trail(world)]
    assert trail[-1] == ("outside_change.accepted", "U0BURAK", 1)


async def test_an_enable_is_reverted_at_once_though_disabling_is_gated(quick: World) -> None:
    gates = 'required_for = ["enable", "delete", "edit_enabled", "disable"]'
    await quick.import_policy(approval_policy(gates))
    message = await change_outside(quick, add_flow(quick), is_enabled=True)
    for _ in range(2):
        await quick.emma.click(message, "Revert")
    await wait_for_end(quick, message, "Reverted by U0EMMA")
    assert not quick.enkapush.store.flow(1).is_enabled
    assert [record.texts for record in list_writes(quick)] == [{"is_enabled": "0"}]
    trail = [event["action"] for event in await read_audit_trail(quick)]
    assert trail.count("outside_change.reverted") == trail.count("change.applied") == 1


async def test_an_edit_is_reverted_by_a_request_that_names_what_stays(quick: World) -> None:
    number = add_flow(quick, is_enabled=True)
    message = await change_outside(quick, number, title="New title", image=Image("new.png", "image/png", b""))
    assert "Title: Old title → New title" in text_of(message)
    await quick.emma.click(message, "Revert")
    back = "Title: New title → Old title"
    request = await quick.deniz.wait_for_message(APPROVALS, lambda each: back in text_of(each))
    assert "The picture stays as it is now." in text_of(request)
    assert "Segment and UTM values stay, too" in text_of(request)
    await quick.deniz.wait_until(lambda: "U0EMMA asked to revert this." in text_of(message))
    await quick.deniz.wait_until(lambda: quick.deniz.list_buttons(message)[:2] == ["Open", "Disable"])
    await quick.burak.click(request, "Reject")
    await submit_reason(quick.burak, "Not now")
    await wait_for_status(quick, request, "Rejected")
    quick.time.ahead += 3
    await quick.deniz.wait_until(lambda: quick.deniz.list_buttons(message)[:3] == ["Accept", "Revert", "Disable"])
    await quick.emma.click(message, "Revert")
    again = await quick.deniz.wait_for_message(APPROVALS, lambda each: each.ts > request.ts and back in text_of(each))
    await quick.burak.click(again, "Approve")
    await wait_for_status(quick, again, "Applied")
    quick.time.ahead += 3
    await wait_for_end(quick, message, "Reverted by U0EMMA")
    assert quick.enkapush.store.flow(number).title == "Old title"


async def test_a_revert_that_is_not_known_leaves_the_finding_to_be_answered(quick: World) -> None:
    number = add_flow(quick, is_enabled=True)
    message = await change_outside(quick, number, title="New title")
    await quick.emma.click(message, "Revert")
    request = await quick.deniz.wait_for_message(APPROVALS, lambda each: "New title → Old title" in text_of(each))
    await quick.deniz.wait_until(lambda: quick.deniz.list_buttons(message)[:2] == ["Open", "Disable"])
    delay_effect(quick, None)
    await quick.burak.click(request, "Approve")
    await wait_for_status(quick, request, NOT_KNOWN)
    quick.time.ahead += 3
    await quick.deniz.wait_until(lambda: quick.deniz.list_buttons(message)[:3] == ["Accept", "Revert", "Disable"])
    quick.enkapush.store.update_flow(number, title="Old title")
    await quick.burak.click(request, "Check again")
    await wait_for_status(quick, request, "Applied")
    quick.time.ahead += 3
    await wait_for_end(quick, message, "Reverted by U0EMMA")


async def test_a_live_flow_is_disabled_at_once(quick: World) -> None:
    number = add_flow(quick, is_enabled=True)
    message = await change_outside(quick, number, title="New title")
    await quick.emma.click(message, "Disable")
    await wait_for_end(quick, message, "Disabled by U0EMMA")
    assert not quick.enkapush.store.flow(number).is_enabled


async def test_disabling_is_asked_for_where_it_is_gated(quick: World) -> None:
    gates = 'required_for = ["enable", "delete", "edit_enabled", "disable"]'
    await quick.import_policy(approval_policy(gates))
    message = await change_outside(quick, add_flow(quick, is_enabled=True), title="New title")
    await quick.emma.click(message, "Disable")
    await quick.deniz.wait_for_message(APPROVALS, lambda each: "asks to disable" in text_of(each))
    await quick.deniz.wait_until(lambda: "U0EMMA asked to disable the flow." in text_of(message))
    assert quick.enkapush.store.flow(1).is_enabled


async def test_each_kind_is_reverted_by_its_own(quick: World) -> None:
    number = add_flow(quick, is_enabled=True)
    message = await change_outside(quick, number, is_enabled=False)
    await quick.emma.click(message, "Revert")
    await quick.deniz.wait_for_message(APPROVALS, lambda each: f"asks to enable flow #{number}" in text_of(each))

    made = await read_flow(quick, add_flow(quick, name="Stray"))
    await tell(quick, Finding(None, made), token="made")
    message = await wait_for_told(quick, word="Stray was created outside flowbot")
    await wait_until_shown(quick)
    await quick.emma.click(message, "Revert")
    await quick.deniz.wait_for_message(APPROVALS, lambda each: f"asks to delete flow #{made.id}" in text_of(each))

    lost = await read_flow(quick, add_flow(quick, name="Lost", is_enabled=True))
    quick.enkapush.store.delete_flow(lost.id)
    await tell(quick, Finding(lost, None), token="lost")
    message = await wait_for_told(quick, word="Lost was deleted outside flowbot")
    await wait_until_shown(quick)
    await quick.emma.click(message, "Revert")
    quick.time.ahead += 3
    await wait_for_end(quick, message, "Reverted by U0EMMA")
    (restored,) = [flow for flow in quick.enkapush.store.flows.values() if flow.name == "Lost"]
    assert not restored.is_enabled


async def test_an_approver_who_is_no_editor_reverts_too(quick: World) -> None:
    await quick.import_policy(approval_policy(approvers='["U0BURAK", "U0AYSE"]', editors='["U0EMMA"]'))
    message = await change_outside(quick, add_flow(quick, is_enabled=True), is_enabled=False)
    assert "Only" in await click_and_read(quick, quick.deniz, message, "Revert")
    await quick.burak.click(message, "Revert")
    request = await quick.deniz.wait_for_message(APPROVALS, lambda each: "etkinleştirme onayı" in text_of(each))
    assert "flowbot dışında yapılan değişikliği geri alır." in text_of(request)
    await quick.ayse.click(request, "Onayla")
    await wait_for_status(quick, request, "Uygulandı")


@on_both_databases
async def test_of_several_who_press_at_once_one_decides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    await world.start_http()
    message = await change_outside(world, add_flow(world), is_enabled=True)
    presses = ((world.burak, "Accept"), (world.emma, "Revert"), (world.ayse, "Revert"), (world.emma, "Disable"))
    await asyncio.gather(*(person.click(message, label) for person, label in presses))
    await world.slack.dispatcher.wait_until_idle()
    world.time.ahead += 3
    await world.deniz.wait_until(lambda: not {"Accept", "Revert"} & set(world.deniz.list_buttons(message)))
    await wait_until_shown(world)
    ends = [event["action"] for event in await read_audit_trail(world) if event["action"].startswith("outside_change")]
    assert len(ends) == 1
    writes = [record.texts for record in list_writes(world)]
    assert writes == ([] if ends == ["outside_change.accepted"] else [{"is_enabled": "0"}])


async def test_who_saw_an_older_version_is_asked_to_look_again(quick: World) -> None:
    message = await change_outside(quick, add_flow(quick), title="New title")
    quick.slack.faults.add("chat.update", status=500, times=None)
    async with quick.open_database() as database:
        store = ReportRepository(database, quick.time.now)
        (report,) = await store.findings()
        content = report.told.content
        assert isinstance(content, Finding)
        assert content.after is not None
        moved = replace(content, after=replace(content.after, title="Newer title"))
        await store.replace_if_unchanged(report, replace(report.told, content=moved))
    assert "changed again meanwhile" in await click_and_read(quick, quick.emma, message, "Accept")


async def test_a_website_that_is_taken_from_the_channel_takes_its_findings_along(quick: World) -> None:
    message = await change_outside(quick, add_flow(quick), is_enabled=True)
    await quick.import_policy(approval_policy(websites="[2]"))
    for button in ("Accept", "Revert", "Disable"):
        assert "no longer has that website" in await click_and_read(quick, quick.emma, message, button)
    assert list_writes(quick) == []


async def test_what_is_being_reverted_is_not_accepted(quick: World) -> None:
    message = await change_outside(quick, add_flow(quick, is_enabled=True), title="New title")
    quick.slack.faults.add("chat.update", status=500, times=None)
    await quick.emma.click(message, "Revert")
    await quick.deniz.wait_for_message(APPROVALS, lambda each: "New title → Old title" in text_of(each))
    assert "isteyen: U0EMMA" in await click_and_read(quick, quick.burak, message, "Accept")


async def test_the_strictest_policy_behind_the_channel_decides(quick: World) -> None:
    strict = f"""
[[channels]]
id = "{RANDOM}"
websites = [1]
editors = ["U0BURAK"]
approvers = ["S0LEADS"]
[channels.approval]
channel = "{APPROVALS}"
quorum = 2
break_glass = ["U0BURAK"]
"""
    await quick.import_policy(approval_policy() + strict)
    message = await change_outside(quick, add_flow(quick, is_enabled=True), is_enabled=False)
    assert "Only" in await click_and_read(quick, quick.emma, message, "Revert")
    await quick.burak.click(message, "Revert")
    request = await quick.deniz.wait_for_message(APPROVALS, lambda each: "etkinleştirme onayı" in text_of(each))
    assert "flowbot dışında yapılan değişikliği geri alır." in text_of(request)
    assert "0/2 onay" in text_of(request)


async def test_findings_that_are_told_together_are_accepted_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    numbers = [add_flow(world, name=f"Sale {each}") for each in range(1, 13)]
    async with watch_flows(world, monkeypatch) as watch:
        for number in numbers:
            world.enkapush.store.update_flow(number, title="Theirs")
        await watch.make_round()
        message = await wait_for_finding(world, "12 flows were changed outside flowbot")
        shown = text_of(message)
        named = [number for number in numbers if f"#{number} Sale {number} · changed · Lale Moda" in shown]
        assert len(named) == 10
        assert "2 more" in shown
        await world.emma.send(MARKETING, "/flows show 3")
        page = await wait_for_private_message(world.emma, "was changed outside flowbot", MARKETING)
        await world.emma.click(page, "Accept")
        await wait_for_private_message(world.emma, "Accepted. The flow stays as it is.", MARKETING)
        await world.deniz.wait_until(lambda: "11 are still open." in text_of(message))
        world.enkapush.store.update_flow(5, title="Theirs again")
        await watch.make_round()
        again = await wait_for_finding(world, "Flow #5 Sale 5 was changed outside flowbot")
        await world.deniz.wait_until(lambda: "10 are still open." in text_of(message))
        await world.emma.click(message, "Accept")
        await wait_for_end(world, message, "Nothing is left to accept here.")
        assert count_findings(world) == 2
        assert world.deniz.list_buttons(again)[:2] == ["Accept", "Revert"]


@on_both_databases
async def test_what_the_watch_tells_is_reverted_and_accepted_and_told_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    first, second, third = (add_flow(world, name=name, is_enabled=True) for name in ("Bir", "İki", "Üç"))
    store = world.enkapush.store
    processes = 2 if world.settings.database_url.get_secret_value().startswith("postgresql") else 1
    async with watch_flows(world, monkeypatch, processes) as watch:
        store.update_flow(first, title="Theirs")
        store.update_flow(second, title="Theirs")
        store.delete_flow(third)
        await watch.make_round()
        edited = await wait_for_finding(world, f"#{first} Bir was changed outside flowbot")
        accepted = await wait_for_finding(world, f"#{second} İki was changed outside flowbot")
        deleted = await wait_for_finding(world, f"#{third} Üç was deleted outside flowbot")
        await world.emma.click(edited, "Revert")
        request = await world.deniz.wait_for_message(APPROVALS, lambda each: "Theirs → Old title" in text_of(each))
        await watch.make_round()
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Applied")
        await world.burak.click(accepted, "Accept")
        await world.emma.click(deleted, "Revert")
        await wait_for_end(world, accepted, "Accepted by U0BURAK")
        for message in (edited, deleted):
            world.time.ahead += 3
            await wait_for_end(world, message, "Reverted by U0EMMA")
        await watch.make_round(2)
        assert count_findings(world) == 3
        store.update_flow(second, title="Theirs again")
        await watch.make_round()
        await wait_for_finding(world, "Title: Theirs → Theirs again")
        assert count_findings(world) == 4
    actions = [event["action"] for event in await read_audit_trail(world)]
    told = {action: actions.count(action) for action in actions if action.startswith("outside_change")}
    assert told == {"outside_change.found": 4, "outside_change.accepted": 1, "outside_change.reverted": 2}


async def test_a_revert_whose_request_the_flow_overtakes_can_be_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    number = add_flow(world, is_enabled=True)
    async with watch_flows(world, monkeypatch) as watch:
        world.enkapush.store.update_flow(number, title="Theirs")
        await watch.make_round()
        message = await wait_for_finding(world, "Old title → Theirs")
        await world.emma.click(message, "Revert")
        request = await world.deniz.wait_for_message(APPROVALS, lambda each: "Theirs → Old title" in text_of(each))
        world.enkapush.store.update_flow(number, title="Theirs again")
        await watch.make_round()
        await wait_for_status(world, request, "Out of date")
        world.time.ahead += 3
        await wait_for_finding(world, "Old title → Theirs again")
        await world.deniz.wait_until(lambda: "Accept" in world.deniz.list_buttons(message))
        world.enkapush.store.update_flow(number, title="Old title")
        await watch.make_round()
        await wait_for_end(world, message, "as it was before")
