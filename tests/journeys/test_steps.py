"""Steps of workflows: flowbot asks the person, who alone decides, and tells the workflow how their request ended."""

from typing import Any

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, choose_first_website, is_form, list_writes
from tests.journeys.request_steps import (
    approval_policy,
    list_mentions,
    request_change,
    speed_up,
    submit_reason,
    wait_for_change_form,
)
from tests.journeys.request_steps import wait_until as wait_until_true
from tests.journeys.workflow_steps import (
    direct_messages,
    press,
    run_step,
    wait_for_direct,
    wait_for_end,
    wait_until_asked,
)
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, in_both_modes


@pytest.fixture
async def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a quick bot whose approvals are elsewhere."""
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    await world.start_http()
    return world


async def fill_form(person: SandboxPerson, message: Message, button: str = "Open form") -> dict[str, Any]:
    """Open the form of a message, and return the texts that it shows."""
    await person.click(message, button)
    choose_first_website(person, await person.wait_for_view(is_form))
    return {label: person.read_field(label) for label in ("Name", "Title", "Description", "URL")}


# --- what a workflow hears ------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_workflow_asks_to_enable_a_flow_and_hears_of_its_approval(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(running, monkeypatch)
    await running.import_policy(approval_policy())
    flow = add_flow(running, name="Winter sale")
    run = run_step(running, "enable_flow", running.emma, flow=flow, reason="It is *cold* <!here>")
    message = await wait_until_asked(running, running.emma)
    headline, reason, *_ = text_of(message).splitlines()
    assert headline == f"A workflow asks you to enable flow #{flow} Winter sale in {MARKETING}."
    assert reason == "Reason: It is *cold* <!here>"
    assert {kind for kind, _ in list_mentions(running, message)} == {"channel"}
    assert list_writes(running) == []
    approval = await press(running, running.emma)
    assert "It is *cold* <!here>" in text_of(approval)
    await wait_for_direct(running, running.emma, f"You requested approval to enable flow #{flow} Winter sale")
    assert run.state == "running"
    await running.burak.click(approval, "Approve")
    await wait_for_end(running, run)
    assert (run.state, run.outputs) == ("completed", {"outcome": "applied", "flow": flow, "decided_by": "U0BURAK"})
    done = await wait_for_direct(running, running.emma, f"Flow #{flow} Winter sale is live")
    assert done.ts == message.ts
    assert "The workflow goes on" in text_of(done)
    assert running.emma.list_buttons(done) == ["Open"]


@in_both_modes
async def test_a_workflow_asks_to_create_a_flow_and_hears_its_number(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(running, monkeypatch)
    await running.import_policy(approval_policy())
    texts = {
        "name": "Spring\n sale",
        "title": "Spring is here",
        "description": "Look\nat it",
        "url": "https://a.example/",
    }
    run = run_step(running, "create_flow", running.emma, **texts)
    message = await wait_until_asked(running, running.emma)
    shown = await fill_form(running.emma, message)
    assert shown == {
        "Name": "Spring sale", "Title": "Spring is here", "Description": "Look\nat it", "URL": "https://a.example/",
    }  # fmt: skip
    assert run.state == "running"
    await running.emma.submit({"Title": "Spring is near"})
    await wait_for_end(running, run)
    (flow,) = running.enkapush.store.flows.values()
    assert run.outputs == {"outcome": "applied", "flow": flow.id, "decided_by": "U0EMMA"}
    assert (flow.name, flow.title, flow.is_enabled) == ("Spring sale", "Spring is near", False)
    done = await wait_for_direct(running, running.emma, "The workflow goes on.")
    assert (done.ts, running.emma.list_buttons(done)) == (message.ts, [])


async def test_a_turkish_reader_rejects_nothing_by_a_step_and_the_workflow_hears_of_the_rejection(asked: World) -> None:
    flow = add_flow(asked, name="Kış indirimi")
    run = run_step(asked, "enable_flow", asked.ayse, flow=f"#{flow}")
    message = await wait_until_asked(asked, asked.ayse)
    assert text_of(message).startswith(
        f"Bir iş akışı {MARKETING} kanalında #{flow} Kış indirimi akışını etkinleştirmenizi"
    )
    request = await press(asked, asked.ayse, "Onay iste")
    await asked.burak.click(request, "Reddet")
    await submit_reason(asked.burak, "Not now")
    await wait_for_end(asked, run)
    assert run.outputs == {"outcome": "rejected", "flow": flow, "decided_by": "U0BURAK"}
    await wait_for_direct(asked, asked.ayse, "İş akışı devam ediyor")
    assert list_writes(asked) == []


async def test_a_withdrawn_request_ends_its_step(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    await asked.emma.click(await press(asked, asked.emma), "Withdraw")
    await wait_for_end(asked, run)
    assert run.outputs == {"outcome": "withdrawn", "flow": 1, "decided_by": "U0EMMA"}


async def test_a_request_whose_flow_changed_ends_its_step_as_out_of_date(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    request = await press(asked, asked.emma)
    asked.enkapush.store.update_flow(1, title="Another")
    await asked.burak.click(request, "Approve")
    await wait_for_end(asked, run)
    assert run.outputs == {"outcome": "out_of_date", "flow": 1}


# --- who is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "channel", "flow", "sentence"),
    [
        ("U0JONAS", MARKETING, 1, "The person that this step names can't use flowbot."),
        ("U0FLOWBOT", MARKETING, 1, "The person that this step names can't use flowbot."),
        ("U0NOBODY", MARKETING, 1, "The person that this step names can't use flowbot."),
        ("U0BURAK", MARKETING, 1, "The person that this step names can't request changes in its channel."),
        ("U0EMMA", RANDOM, 1, "flowbot isn't set up in the channel that this step names."),
        ("U0EMMA", MARKETING, 2, "The channel that this step names has no flow #2."),
        ("U0EMMA", MARKETING, 99, "The channel that this step names has no flow #99."),
        ("U0EMMA", MARKETING, 3, "Flow #3 is already enabled."),
        ("U0EMMA", MARKETING, "twelve", "This step needs a person and a channel; to enable a flow, its number too."),
        ("somebody", MARKETING, 1, "This step needs a person and a channel; to enable a flow, its number too."),
    ],
)  # fmt: skip
async def test_a_step_that_cannot_be_done_fails_at_once_and_asks_nobody(
    asked: World, person: str, channel: str, flow: object, sentence: str
) -> None:
    add_flow(asked)
    add_flow(asked, website_id=3)
    add_flow(asked, is_enabled=True)
    before = len(asked.slack.workspace.channels)
    run = run_step(asked, "enable_flow", asked.emma, channel=channel, flow=flow)
    run.inputs["person"] = person
    await wait_for_end(asked, run)
    assert (run.state, run.error) == ("failed", sentence)
    assert len(asked.slack.workspace.channels) == before


async def test_a_workflow_is_answered_in_its_channels_language(asked: World) -> None:
    await asked.import_policy(approval_policy().replace("[channels.approval]", 'language = "tr"\n[channels.approval]'))
    run = run_step(asked, "create_flow", asked.burak)
    await wait_for_end(asked, run)
    assert run.error == "Bu adımda seçilen kişi, seçilen kanalda değişiklik isteyemiyor."


async def test_a_request_that_nobody_could_approve_is_not_asked_for(asked: World) -> None:
    await asked.import_policy(approval_policy(approvers='["U0EMMA"]'))
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    await wait_for_end(asked, run)
    assert run.error == "Nobody can approve requests from the channel that this step names."


async def test_a_person_who_takes_no_messages_ends_the_step(asked: World) -> None:
    asked.slack.faults.add("chat.postMessage", error="messages_tab_disabled")
    run = run_step(asked, "create_flow", asked.emma)
    await wait_for_end(asked, run)
    assert run.error == "flowbot couldn't message the person that this step names."


async def test_a_right_that_is_lost_before_the_press_counts(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    message = await wait_until_asked(asked, asked.emma)
    await asked.import_policy(approval_policy(editors='["S0LEADS"]'))
    asked.time.ahead += 5
    await asked.emma.click(message, "Request approval")
    await wait_for_direct(asked, asked.emma, "only S0LEADS can do this")
    assert (run.state, asked.slack.workspace.messages[APPROVALS]) == ("running", [])


async def test_somebody_elses_press_does_nothing(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    message = await wait_until_asked(asked, asked.emma)
    asked.slack.workspace.channels[message.channel].members.append("U0AYSE")
    await asked.ayse.click(message, "Request approval")
    await asked.ayse.wait_for_message(message.channel, "Bu iş akışı adımı başka birine yönelik.")
    assert (run.state, asked.slack.workspace.messages[APPROVALS]) == ("running", [])


# --- once -----------------------------------------------------------------------------------------------------------


async def test_an_event_that_comes_again_asks_nobody_twice(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    await wait_until_asked(asked, asked.emma)
    event = next(each for each in asked.slack.deliveries if each.label.startswith("function_executed"))
    assert (await asked.slack.dispatcher.redeliver(event)).ok
    await asked.burak.click(await press(asked, asked.emma), "Approve")
    await wait_for_end(asked, run)
    assert (await asked.slack.dispatcher.redeliver(event)).ok
    await wait_for_direct(asked, asked.emma, "is live")
    told = asked.slack.workspace.messages[direct_messages(asked, asked.emma)]
    assert [text_of(each).splitlines()[0] for each in told if not each.is_ephemeral] == ["Flow #1 Old name is live"]


async def test_a_step_that_could_not_be_stored_or_refused_comes_again(asked: World) -> None:
    asked.slack.dispatcher.event_retry_seconds = (0.1, 0.1, 0.1)
    asked.slack.faults.add("functions.completeError", status=500)
    run = run_step(asked, "enable_flow", asked.emma)
    await wait_for_end(asked, run)
    await asked.slack.dispatcher.wait_until_idle()
    events = [each.status for each in asked.slack.deliveries if each.label.startswith("function_executed")]
    assert events == [503, 200]


async def test_a_second_press_is_answered_with_the_request(asked: World) -> None:
    run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    message = await wait_until_asked(asked, asked.emma)
    old = list(message.blocks or [])
    await press(asked, asked.emma)
    await wait_for_direct(asked, asked.emma, "You requested approval")
    message.blocks = old
    await asked.emma.click(message, "Request approval")
    await wait_for_direct(asked, asked.emma, "Flow #1 already has an open request.")
    assert len(asked.slack.workspace.messages[APPROVALS]) == 1


async def test_a_flow_with_an_open_request_leads_to_that_and_the_step_waits(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    message = await wait_until_asked(asked, asked.emma)
    other = await request_change(asked, "enable 1", by=asked.ayse)
    await asked.emma.click(message, "Request approval")
    await wait_for_direct(asked, asked.emma, "Flow #1 already has an open request.")
    await asked.ayse.click(other, "Geri çek")
    await asked.deniz.wait_until(lambda: other.edited_ts is not None)
    assert run.state == "running"
    await asked.emma.click(message, "Request approval")
    await wait_for_direct(asked, asked.emma, "You requested approval")


async def test_a_reason_that_the_rules_need_is_asked_for_first(asked: World) -> None:
    await asked.import_policy(approval_policy("reason_required = true"))
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    await asked.emma.click(await wait_until_asked(asked, asked.emma), "Request approval")
    await wait_for_change_form(asked.emma)
    await asked.emma.submit({"Reason": "It is cold"})
    request = await asked.deniz.wait_for_message(APPROVALS, "It is cold")
    await asked.burak.click(request, "Approve")
    await wait_for_end(asked, run)
    assert run.outputs["outcome"] == "applied"


async def test_a_flow_that_went_live_meanwhile_ends_the_step(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    message = await wait_until_asked(asked, asked.emma)
    asked.enkapush.store.update_flow(1, is_enabled=True)
    await asked.emma.click(message, "Request approval")
    await wait_for_end(asked, run)
    assert run.error == "Flow #1 is already enabled."


async def test_the_form_of_a_step_keeps_what_was_typed_and_is_one_flow(asked: World) -> None:
    run = run_step(asked, "create_flow", asked.emma, name="Spring", title="Here", description="Look")
    message = await wait_until_asked(asked, asked.emma)
    await fill_form(asked.emma, message)
    form = asked.emma.view
    assert form is not None
    await asked.emma.choose(form, "Title", "There")
    await asked.emma.close()
    await wait_until_true(lambda: not asked.slack.workspace.modals["U0EMMA"])
    assert (await fill_form(asked.emma, message))["Title"] == "There"
    form = asked.emma.view
    assert form is not None
    await asked.emma.click(form, "Start over")
    await asked.emma.wait_for_view(lambda view: is_form(view) and view.id == form.id and view.hash != form.hash)
    choose_first_website(asked.emma, asked.emma.view or form)
    await asked.emma.submit({"Name": "A", "Title": "B", "Description": "C"})
    await wait_for_end(asked, run)
    assert run.outputs["flow"] == 1
    await wait_for_direct(asked, asked.emma, "The workflow goes on.")
