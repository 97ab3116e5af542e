"""The small form behind `Enable`, `Disable` and `Delete`: what will happen, why, and a request that is not lost."""

import asyncio

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, list_writes, submit_label
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    press_and_request,
    private_messages,
    read_audit_trail,
    request_change,
    wait_for_change_form,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

EVERY_GATE = 'required_for = ["enable", "disable", "delete", "edit_enabled"]'
BUTTONS = {"Enable": "Etkinleştir", "Disable": "Durdur", "Delete": "Sil"}
TIMES = {
    "Enable": ["When", "Until"],
    "Etkinleştir": ["Ne zaman", "Bitiş"],
    "Disable": ["When"],
    "Durdur": ["Ne zaman"],
    "Delete": [],
    "Sil": [],
}


async def show(person: SandboxPerson, command: str = "/flows show 1") -> Message:
    """Show a flow, and return the answer."""
    await person.send(MARKETING, command)
    return await person.wait_for_message(MARKETING, lambda message: set(person.list_buttons(message)) & WORDS)


WORDS = {*BUTTONS, *BUTTONS.values()}


@pytest.mark.parametrize(
    ("button", "rule", "is_enabled", "submit", "effect"),
    [
        ("Enable", "", False, "Request approval",
         "Once approved, new subscribers of Lale Moda get this push 3 hours after subscribing."),
        ("Disable", "", True, "Disable",
         "This flow stops reaching new subscribers. Enabling it again needs approval."),
        ("Disable", EVERY_GATE, True, "Request approval",
         "Once approved, this flow stops reaching new subscribers. Enabling it again needs another approval."),
        ("Delete", "", True, "Request approval",
         "Once approved, this flow stops reaching new subscribers and is deleted. You can restore it later, disabled."),
        ("Delete", "", False, "Request approval",
         "Once approved, this flow is deleted. You can restore it later, disabled."),
    ],
)  # fmt: skip
async def test_the_form_says_what_will_happen(
    http: World, button: str, rule: str, is_enabled: bool, submit: str, effect: str
) -> None:
    await http.import_policy(approval_policy(rule))
    add_flow(http, is_enabled=is_enabled)
    await http.emma.click(await show(http.emma), button)
    form = await wait_for_change_form(http.emma)
    assert "#1 Old name · Lale Moda" in text_of(form)
    assert effect in text_of(form)
    assert (submit_label(form), http.emma.list_fields()) == (submit, [*TIMES[button], "Reason"])


@pytest.mark.parametrize(
    ("button", "is_enabled", "submit", "effect"),
    [
        ("Etkinleştir", False, "Onay iste",
         "Onaylanınca Lale Moda sitesinin yeni aboneleri bu bildirimi abone olduktan 3 saat sonra alır."),
        ("Durdur", True, "Durdur",
         "Bu bildirim artık yeni abonelere gitmez. Yeniden etkinleştirmek için onay gerekir."),
        ("Sil", True, "Onay iste",
         ("Onaylanınca akış silinir, bildirimi artık yeni abonelere gitmez. "
          "Sonra devre dışı olarak geri yükleyebilirsiniz.")),
    ],
)  # fmt: skip
async def test_it_says_so_in_turkish_too(http: World, button: str, is_enabled: bool, submit: str, effect: str) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=is_enabled)
    await http.ayse.click(await show(http.ayse, "/flows göster 1"), button)
    form = await wait_for_change_form(http.ayse)
    assert effect in text_of(form)
    assert (submit_label(form), http.ayse.list_fields()) == (submit, [*TIMES[button], "Gerekçe"])


@in_both_modes
async def test_a_request_is_made_with_the_reason(running: World) -> None:
    await running.import_policy(approval_policy())
    add_flow(running)
    await press_and_request(running.emma, await show(running.emma), "Enable", "The sale begins")
    request = await running.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Reason: The sale begins" in text_of(request)
    assert running.emma.view is None
    told = await wait_for_private_message(running.emma, "Approval requested in", MARKETING)
    assert running.emma.list_buttons(told) == ["Open"]
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "Applied")


@in_both_modes
async def test_a_disable_that_needs_no_approval_is_done_at_once(running: World) -> None:
    await running.import_policy(approval_policy())
    add_flow(running, is_enabled=True)
    await press_and_request(running.emma, await show(running.emma), "Disable", "Wrong link")
    await wait_for_private_message(running.emma, "Flow #1 is disabled", MARKETING)
    assert not running.enkapush.store.flow(1).is_enabled
    assert "Wrong link" in [event["details"].get("reason") for event in await read_audit_trail(running)]


async def test_nothing_is_done_by_a_form_that_is_closed(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.emma.click(await show(http.emma), "Disable")
    await wait_for_change_form(http.emma)
    await http.emma.close()
    await http.slack.dispatcher.wait_until_idle()
    assert [list_writes(http), [e for e in await read_audit_trail(http) if e["actor"]]] == [[], []]


@on_both_databases
async def test_a_form_that_is_sent_twice_is_one_request(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    shown = await show(http.emma)
    await http.emma.click(shown, "Enable")
    await wait_for_change_form(http.emma)
    await http.emma.submit({"Reason": "Once"})
    sent = http.slack.deliveries[-1]
    await http.deniz.wait_for_message(APPROVALS, WAITING)
    sent.payload["trigger_id"] += ".again"
    again = await asyncio.gather(*(http.slack.dispatcher.redeliver(sent) for _ in range(2)))
    assert any("You already made this request." in each.body for each in again)
    assert all("errors" in each.body for each in again)
    assert len(await http.deniz.list_messages(APPROVALS)) == 1


# --- where nothing can be asked for --------------------------------------------------------------------------------


async def test_an_open_request_is_said_before_anything_is_typed(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    shown = await show(http.emma)
    await request_change(http, "enable 1")
    await wait_for_private_message(http.emma, "Approval requested in", MARKETING)
    await http.emma.click(shown, "Delete")
    view = await http.emma.wait_for_view("Flow #1 already has an open request")
    assert (view.submit, http.emma.list_buttons(view)) == (None, ["Open"])


async def test_a_disable_says_that_it_ends_an_open_request(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=True)
    request = await request_change(http, "delete 1", by=http.ayse)
    await http.emma.click(await show(http.emma), "Disable")
    assert "This ends the flow's open request as Out of date." in text_of(await wait_for_change_form(http.emma))
    await http.emma.submit({"Reason": "Wrong link"})
    await wait_for_private_message(http.emma, "Flow #1 is disabled", MARKETING)
    await wait_for_status(http, request, "Güncel değil")


async def test_a_button_that_is_too_late_says_so(http: World) -> None:
    add_flow(http)
    shown = await show(http.emma)
    http.enkapush.store.update_flow(1, is_enabled=True)
    await http.emma.click(shown, "Enable")
    assert (await http.emma.wait_for_view("Flow #1 is already enabled")).submit is None
    await http.emma.close()
    http.enkapush.store.delete_flow(1)
    await http.emma.click(shown, "Delete")
    assert (await http.emma.wait_for_view("There is no flow #1")).submit is None


async def test_who_has_lost_the_right_reads_that_in_the_form(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    shown = await show(http.emma)
    await http.import_policy(approval_policy(editors='["U0AYSE"]'))
    await http.emma.click(shown, "Enable")
    assert (await http.emma.wait_for_view("Only U0AYSE can do this.")).submit is None


# --- a submit that fails keeps what was typed ----------------------------------------------------------------------


async def test_what_was_typed_stays_where_somebody_was_faster(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.click(await show(http.emma), "Enable")
    await wait_for_change_form(http.emma)
    await request_change(http, "delete 1", by=http.ayse)
    refused = await http.emma.submit({"Reason": "The sale begins"})
    assert list(refused.errors.values()) == ["Flow #1 already has an open request. See /flows approvals."]
    assert http.emma.read_field("Reason") == "The sale begins"


async def test_what_was_typed_stays_where_the_right_is_lost(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.click(await show(http.emma), "Enable")
    await wait_for_change_form(http.emma)
    await http.import_policy(approval_policy(editors='["U0AYSE"]'))
    refused = await http.emma.submit({"Reason": "The sale begins"})
    assert "don't have permission to do that" in next(iter(refused.errors.values()))
    assert http.emma.read_field("Reason") == "The sale begins"
    await http.import_policy(approval_policy())
    assert (await http.emma.submit()).errors == {}
    assert "The sale begins" in text_of(await http.deniz.wait_for_message(APPROVALS, WAITING))


async def test_a_form_that_is_open_needs_no_enkapush_to_be_sent(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.click(await show(http.emma), "Enable")
    await wait_for_change_form(http.emma)
    http.enkapush.faults.add(Fault.hang(method="GET", times=9))
    assert (await http.emma.submit({"Reason": "The sale begins"})).errors == {}
    assert "Old title" in text_of(await http.deniz.wait_for_message(APPROVALS, WAITING))
    http.enkapush.release()


async def test_the_flow_counts_as_it_is_when_the_form_is_sent(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.click(await show(http.emma), "Enable")
    await wait_for_change_form(http.emma)
    http.enkapush.store.update_flow(1, title="New title")
    await http.emma.submit()
    assert "New title" in text_of(await http.deniz.wait_for_message(APPROVALS, WAITING))


async def test_a_form_opens_while_enkapush_is_slow(http: World) -> None:
    add_flow(http)
    shown = await show(http.emma)
    http.enkapush.faults.add(Fault.hang(method="GET"))
    await http.emma.click(shown, "Enable")
    await http.emma.wait_for_view("One moment")
    http.enkapush.release()
    await wait_for_change_form(http.emma)


async def test_where_flowbot_is_not_in_the_channel_the_answer_is_a_direct_message(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    shown = await show(http.emma)
    http.slack.workspace.channels[MARKETING].members.remove("U0FLOWBOT")
    before = len(private_messages(http, http.emma, MARKETING))
    await press_and_request(http.emma, shown, "Enable")
    direct = http.slack.workspace.open_direct_message("U0EMMA")
    await http.emma.wait_for_message(direct.id, "Approval requested in")
    assert len(private_messages(http, http.emma, MARKETING)) == before
