"""Drafts of forms: kept for a day, for their author alone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from tests.journeys.form_steps import (
    REQUIRED_FIELDS,
    add_flow,
    is_form,
    list_writes,
    open_form,
    read_fields,
    sent_fields,
    wait_for_reopened_form,
    wait_for_result,
)
from tests.journeys.request_steps import list_mentions, submit_reason, wait_for_faults, wait_for_notice, wait_for_status
from tests.journeys.world import APPROVALS, MARKETING, POLICY, World, on_both_databases

HALF: Final[dict[str, Any]] = {"Title": "Half a titl", "Description": "İlk\nikinci 🌷", "Wait unit": "hours"}
BACK: Final = "This is what you typed on"
MOVED_ON: Final = "Changed since"
DAY: Final = timedelta(days=1).total_seconds()


async def type_into_form(person: SandboxPerson, typed: dict[str, Any]) -> None:
    """Type into the open form; Slack reports every character."""
    for label, value in typed.items():
        assert person.view is not None
        await person.choose(person.view, label, value)


@asynccontextmanager
async def run_bot(world: World, mode: str = "http") -> AsyncIterator[World]:
    """Run a bot that is stopped at the end of the block, when it has done what it had in hand."""
    async with AsyncExitStack() as stack:
        again = replace(world, stack=stack, drain_seconds=30)
        await (again.start_http() if mode == "http" else again.start_socket())
        yield again


@on_both_databases
async def test_what_was_typed_survives_a_restart_without_even_closing_the_form(world: World) -> None:
    async with run_bot(world):
        await open_form(world.emma, "/flows create")
        await type_into_form(world.emma, HALF)
    world.slack.workspace.modals.clear()
    async with run_bot(world):
        form = await open_form(world.emma, "/flows create")
        assert BACK in text_of(form)
        assert {label: world.emma.read_field(label) for label in HALF} == HALF
        assert world.emma.read_field("Name") is None
        await world.emma.submit({"Name": "Spring"})
        await wait_for_result(world.emma, "was created")
        assert list_writes(world)[0].texts["wait_time_type"] == "hours"


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_what_was_typed_survives_closing_the_form(world: World, mode: str) -> None:
    async with run_bot(world, mode):
        await open_form(world.emma, "/flows create")
        for label, value in HALF.items():
            world.emma.fill(label, value)
        await world.emma.close()
    async with run_bot(world, mode):
        form = await open_form(world.emma, "/flows create")
        assert BACK in text_of(form)
        assert {label: world.emma.read_field(label) for label in HALF} == HALF


async def test_start_over_empties_the_form_and_forgets(http: World) -> None:
    form = await open_form(http.emma, "/flows create")
    fresh = read_fields(http.emma)
    await type_into_form(http.emma, HALF)
    await http.emma.close()
    form = await open_form(http.emma, "/flows create")
    assert http.emma.read_field("Title") == HALF["Title"]
    http.emma.fill("Name", "typed just now")
    await http.emma.click(form, "Start over")
    await http.emma.wait_for_view(lambda view: is_form(view) and BACK not in text_of(view))
    assert read_fields(http.emma) == fresh | {"Website": None}
    await http.emma.close()
    assert BACK not in text_of(await open_form(http.emma, "/flows create"))
    assert read_fields(http.emma) == fresh


@pytest.mark.parametrize(("seconds", "kept"), [(DAY - 600, True), (DAY + 1, False)])
async def test_it_is_kept_for_a_day(world: World, seconds: float, kept: bool) -> None:
    async with run_bot(world):
        await open_form(world.emma, "/flows create")
        await type_into_form(world.emma, HALF)
        await world.emma.close()
    world.time.ahead += seconds
    async with run_bot(world):
        form = await open_form(world.emma, "/flows create")
        assert (BACK in text_of(form)) is kept
        assert world.emma.read_field("Title") == (HALF["Title"] if kept else None)


async def test_a_form_that_was_saved_leaves_nothing_behind(http: World) -> None:
    await open_form(http.emma, "/flows create")
    await type_into_form(http.emma, REQUIRED_FIELDS)
    await http.emma.submit()
    await wait_for_result(http.emma, "was created")
    await http.emma.close()
    form = await open_form(http.emma, "/flows create")
    assert BACK not in text_of(form)
    assert http.emma.read_field("Name") is None


async def test_nobody_else_and_no_other_channel_gets_it(http: World) -> None:
    await http.import_policy(POLICY + f'\n[[channels]]\nid = "{APPROVALS}"\nwebsites = [1]\neditors = ["U0EMMA"]\n')
    await open_form(http.emma, "/flows create")
    await type_into_form(http.emma, HALF)
    await http.emma.close()
    await open_form(http.ayse, "/flows create")
    assert http.ayse.read_field("Başlık") is None
    await open_form(http.emma, "/flows create", APPROVALS)
    assert http.emma.read_field("Title") is None


async def test_nobody_opens_somebody_elses_form_by_its_button(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.enkapush.faults.add(Fault.status(422, method="POST", path="/flows"))
    http.slack.faults.add("views.update", error="not_found", times=None)
    await http.emma.submit(REQUIRED_FIELDS)
    told = await http.emma.wait_for_message(MARKETING, lambda message: "Open form" in http.emma.list_buttons(message))
    http.slack.faults.clear()
    await http.emma.click(told, "Open form")
    press = http.slack.deliveries[-1]
    press.payload["user"] = {"id": "U0AYSE", "team_id": "T0LALE"}
    assert (await http.slack.dispatcher.redeliver(press)).ok
    # The answer takes the way that came with the button: it is Emma's.
    assert "Spring" not in text_of(await http.emma.wait_for_message(MARKETING, "artık kayıtlı değil"))
    assert http.ayse.view is None


async def test_each_flow_has_its_own_draft(http: World) -> None:
    add_flow(http)
    add_flow(http, name="Second", title="Second title")
    await open_form(http.emma, "/flows edit 1")
    await type_into_form(http.emma, {"Title": "First half"})
    await http.emma.close()
    await open_form(http.emma, "/flows duplicate 1")
    await type_into_form(http.emma, {"Title": "Copied half"})
    await http.emma.close()
    for command, title in [
        ("edit 2", "Second title"),
        ("create", None),
        ("duplicate 1", "Copied half"),
        ("edit 1", "First half"),
    ]:
        form = await open_form(http.emma, f"/flows {command}")
        assert http.emma.read_field("Title") == title
        assert (BACK in text_of(form)) is (title is not None and "half" in title)
        await http.emma.close()


async def test_a_draft_takes_nothing_back_that_was_changed_meanwhile(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await type_into_form(http.emma, {"Title": "Mine"})
    await http.emma.close()
    http.enkapush.store.update_flow(1, name="Theirs", title="Theirs too", wait_time=9)
    form = await open_form(http.emma, "/flows edit 1")
    assert BACK in text_of(form)
    assert MOVED_ON in text_of(form)
    assert "Title: Old title → Theirs too" in text_of(form)
    assert {label: http.emma.read_field(label) for label in ("Title", "Name", "Wait")} == {
        "Title": "Mine", "Name": "Theirs", "Wait": "9",
    }  # fmt: skip
    await http.emma.submit()
    await wait_for_result(http.emma, "Flow #1 was changed")
    assert sent_fields(http) == {"title": "Mine"}


@pytest.mark.parametrize("command", ["edit", "duplicate"])
async def test_who_looks_at_a_form_and_closes_it_has_typed_nothing(http: World, command: str) -> None:
    flow = add_flow(http)
    await open_form(http.emma, f"/flows {command} {flow}")
    await http.emma.close()
    assert BACK not in text_of(await open_form(http.emma, f"/flows {command} {flow}"))


async def test_a_draft_of_a_flow_that_did_not_change_says_no_such_thing(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await type_into_form(http.emma, {"Title": "Mine"})
    await http.emma.close()
    assert MOVED_ON not in text_of(await open_form(http.emma, "/flows edit 1"))


async def test_a_draft_can_be_saved_after_its_flow_was_looked_at_by_others(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await type_into_form(http.emma, {"Title": "Mine"})
    await http.emma.close()
    await http.emma.send(MARKETING, "/flows show 1")
    seen = await http.emma.wait_for_message(MARKETING, "Old title")
    await http.emma.click(seen, "Edit")
    await http.emma.wait_for_view(is_form)
    assert http.emma.read_field("Title") == "Mine"
    await http.emma.submit()
    await wait_for_result(http.emma, "Flow #1 was changed")
    assert list_writes(http)[0].texts == {"title": "Mine"}


async def save_and_close(person: SandboxPerson, command: str, typed: dict[str, Any]) -> None:
    """Submit a form, and close it while it says that it is being saved."""
    await open_form(person, command)
    await type_into_form(person, typed)
    await person.submit()
    await person.wait_for_view("Saving")
    await person.close()


@on_both_databases
async def test_what_is_being_saved_is_not_offered_as_not_saved(http: World) -> None:
    http.enkapush.faults.add(Fault.hang(method="POST", path="/flows"))
    await save_and_close(http.emma, "/flows create", REQUIRED_FIELDS)
    await wait_for_faults(http)
    form = await open_form(http.emma, "/flows create")
    assert BACK not in text_of(form)
    assert http.emma.read_field("Name") is None
    http.enkapush.release()
    await wait_for_result(http.emma, "was created")
    await http.emma.close()
    assert BACK not in text_of(await open_form(http.emma, "/flows create"))
    assert len(http.enkapush.store.flows) == 1


@pytest.mark.parametrize("command", ["edit", "duplicate"])
async def test_what_is_being_saved_of_a_flow_is_not_offered_either(http: World, command: str) -> None:
    flow = add_flow(http)
    http.enkapush.faults.add(Fault.hang(method="POST"))
    await save_and_close(http.emma, f"/flows {command} {flow}", {"Title": "Mine"})
    await wait_for_faults(http)
    form = await open_form(http.emma, f"/flows {command} {flow}")
    assert BACK not in text_of(form)
    assert http.emma.read_field("Title") == "Old title"
    http.enkapush.release()


async def test_what_may_be_saved_is_brought_back_by_its_button_alone(http: World) -> None:
    http.enkapush.faults.add(Fault.reset(method="POST", path="/flows"))
    await open_form(http.emma, "/flows create")
    await http.emma.submit(REQUIRED_FIELDS)
    told = await http.emma.wait_for_message(MARKETING, "“Spring” doesn't show in Enkapush yet", timeout=10)
    await http.emma.close()
    form = await open_form(http.emma, "/flows create")
    assert BACK not in text_of(form)
    assert http.emma.read_field("Name") is None
    await http.emma.close()
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    assert {label: http.emma.read_field(label) for label in REQUIRED_FIELDS} == REQUIRED_FIELDS


async def test_what_was_refused_is_offered_again(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.enkapush.faults.add(Fault.status(422, method="POST", path="/flows"))
    http.slack.faults.add("views.update", error="not_found", times=None)
    await http.emma.submit(REQUIRED_FIELDS)
    await http.emma.wait_for_message(MARKETING, lambda message: "Open form" in http.emma.list_buttons(message))
    http.slack.faults.clear()
    await http.emma.close()
    form = await open_form(http.emma, "/flows create")
    assert BACK in text_of(form)
    assert {label: http.emma.read_field(label) for label in REQUIRED_FIELDS} == REQUIRED_FIELDS


async def request_edit(world: World, typed: dict[str, Any]) -> Message:
    """Let Emma edit an enabled flow, and return the request for approval."""
    add_flow(world, is_enabled=True)
    await open_form(world.emma, "/flows edit 1")
    await world.emma.submit(typed)
    request = await world.burak.wait_for_message(
        MARKETING, lambda message: "Approve" in world.burak.list_buttons(message)
    )
    await world.emma.close()
    return request


# --- two windows ------------------------------------------------------------------------------------------------------


def bring_to_front(world: World, *views: View) -> None:
    """Let these be the windows that Emma sees, the last one on top; the others stay open somewhere else."""
    world.slack.workspace.modals["U0EMMA"][:] = views


@on_both_databases
async def test_the_same_flow_can_be_edited_in_two_windows_and_each_can_be_saved(http: World) -> None:
    add_flow(http)
    first = await open_form(http.emma, "/flows edit 1")
    bring_to_front(http)
    second = await open_form(http.emma, "/flows edit 1")
    bring_to_front(http, first)
    await type_into_form(http.emma, {"Name": "One"})
    bring_to_front(http, second)
    await http.emma.submit({"Title": "Two"})
    await wait_for_result(http.emma, "Flow #1 was changed")
    bring_to_front(http, first)
    await http.emma.submit({"Name": "One"})
    await wait_for_reopened_form(http.emma, "was changed while you were editing")
    assert http.emma.read_field("Title") == "Two"
    await http.emma.submit()
    await http.emma.wait_until(lambda: len(list_writes(http)) == 2)
    assert [record.texts for record in list_writes(http)] == [{"title": "Two"}, {"name": "One"}]


async def test_two_forms_that_both_failed_can_both_be_opened_again(http: World) -> None:
    first = await open_form(http.emma, "/flows create")
    bring_to_front(http)
    second = await open_form(http.emma, "/flows create")
    http.enkapush.faults.add(Fault.status(422, method="POST", path="/flows", times=2))
    http.slack.faults.add("views.update", error="not_found", times=None)
    told: dict[str, Message] = {}
    for name, window in (("One", first), ("Two", second)):
        bring_to_front(http, window)
        await http.emma.submit({**REQUIRED_FIELDS, "Name": name})
        told[name] = await http.emma.wait_for_message(
            MARKETING,
            lambda message: (
                "Open form" in http.emma.list_buttons(message) and message.ts not in {m.ts for m in told.values()}
            ),
        )
    http.slack.faults.clear()
    for name, message in told.items():
        bring_to_front(http)
        await http.emma.click(message, "Open form")
        await http.emma.wait_for_view(is_form)
        assert http.emma.read_field("Name") == name


async def test_an_older_form_that_is_opened_again_takes_nothing_from_what_was_typed_since(http: World) -> None:
    request = await request_edit(http, {"Title": "Old"})
    await http.emma.click(request, "Withdraw")
    told = await http.emma.wait_for_message(MARKETING, lambda message: "Open form" in http.emma.list_buttons(message))
    await open_form(http.emma, "/flows edit 1")
    await type_into_form(http.emma, {"Title": "New"})
    await http.emma.close()
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    assert http.emma.read_field("Title") == "Old"
    form = http.emma.view
    assert form is not None
    await http.emma.click(form, "Start over")
    await http.emma.wait_for_view(lambda view: is_form(view) and BACK not in text_of(view))
    await http.emma.close()
    await open_form(http.emma, "/flows edit 1")
    assert http.emma.read_field("Title") == "New"


async def test_what_was_asked_again_for_a_flow_that_changed_takes_nothing_back_either(http: World) -> None:
    request = await request_edit(http, {"Title": "Mine"})
    await change_meanwhile(http, request)
    outdated = await wait_for_status(http, request, "Out of date")
    await http.emma.click(outdated, "Ask again")
    again = await http.burak.wait_for_message(
        MARKETING, lambda message: message.ts > request.ts and "Approve" in http.burak.list_buttons(message)
    )
    await reject(http, again)
    told = await wait_for_notice(http, again, "was rejected")
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    assert (http.emma.read_field("Title"), http.emma.read_field("Name")) == ("Mine", "Theirs")


# --- what an approval was asked for ----------------------------------------------------------------------------------


async def refuse_in_enkapush(world: World, request: Message) -> None:
    """Approve the request, and let Enkapush refuse it."""
    world.enkapush.faults.add(Fault.status(422, method="POST", path="/flows/1"))
    await world.burak.click(request, "Approve")


async def change_meanwhile(world: World, request: Message) -> None:
    """Approve the request after somebody else has changed the flow."""
    world.enkapush.store.update_flow(1, name="Theirs")
    await world.burak.click(request, "Approve")


async def reject(world: World, request: Message) -> None:
    """Reject the request."""
    await world.burak.click(request, "Reject")
    await submit_reason(world.burak, "Not this week")


async def withdraw(world: World, request: Message) -> None:
    """Withdraw the request as its requester."""
    await world.emma.click(request, "Withdraw")


@pytest.mark.parametrize(
    ("ending", "word", "headline"),
    [
        (refuse_in_enkapush, "Failed", "could not be changed"),
        (change_meanwhile, "Out of date", "is out of date"),
        (reject, "Rejected", "was rejected"),
        (withdraw, "Withdrawn", "was withdrawn"),
    ],
)
async def test_an_edit_that_was_asked_for_and_not_done_can_be_opened_again(
    http: World, ending: Callable[[World, Message], Awaitable[None]], word: str, headline: str
) -> None:
    request = await request_edit(http, {"Title": "Mine", "UTM source": "mine"})
    await ending(http, request)
    await wait_for_status(http, request, word)
    told = await wait_for_notice(http, request, headline)
    assert ("user", "U0EMMA") in list_mentions(http, told)
    await http.emma.click(told, "Open form")
    form = await http.emma.wait_for_view(is_form)
    assert {label: http.emma.read_field(label) for label in ("Title", "UTM source", "Name")} == {
        "Title": "Mine", "UTM source": "mine", "Name": http.enkapush.store.flow(1).name,
    }  # fmt: skip
    assert (MOVED_ON in text_of(form)) is (ending is change_meanwhile)
    await http.emma.submit()
    again = await http.burak.wait_for_message(
        MARKETING, lambda message: message.ts > request.ts and "Approve" in http.burak.list_buttons(message)
    )
    await http.burak.click(again, "Approve")
    await wait_for_status(http, again, "Applied")
    assert http.enkapush.store.flow(1).title == "Mine"


async def test_what_was_done_offers_no_form(http: World) -> None:
    request = await request_edit(http, {"Title": "Mine"})
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert all(
        "Open form" not in http.emma.list_buttons(message) for message in await http.emma.list_messages(MARKETING)
    )
