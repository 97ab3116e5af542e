"""`/flows setup`: approvals in stages, and rules that could do nothing."""

from typing import Any

import pytest

from flowbot.sandbox.slack import SandboxPerson, text_of
from tests.journeys.form_steps import field_errors, open_form
from tests.journeys.request_steps import approval_policy
from tests.journeys.setup_steps import open_setup, press, submit_steps
from tests.journeys.test_setup import save_setup, stored_policy
from tests.journeys.world import MARKETING, World, in_both_modes


async def open_people(person: SandboxPerson) -> None:
    """Open the form at the step that chooses people."""
    await open_setup(person, MARKETING)
    assert not (await person.submit()).errors


async def stored_stages(world: World) -> tuple[tuple[str, ...], ...]:
    policy = await stored_policy(world, MARKETING)
    assert policy is not None
    return policy.approval.stages


@in_both_modes
async def test_approvers_become_stages_and_are_approvers_again(running: World) -> None:
    deniz = running.deniz
    await running.import_policy(approval_policy())
    await open_people(deniz)
    await press(deniz, "Approve in stages", "Stage 2: people")
    assert "Approvers: people" not in deniz.list_fields()
    assert deniz.read_field("Stage 1: user groups") == ["Leads"]
    await press(deniz, "Add stage", "Stage 3: people")
    assert deniz.view is not None
    assert "Add stage" not in deniz.list_buttons(deniz.view)
    stages = {"Stage 2": True, "Stage 3: people": ["U0DENIZ"]}
    assert "Saved. The new rules apply now" in await save_setup(deniz, stages)
    assert await stored_stages(running) == (("S0LEADS",), ("*",), ("U0DENIZ",))
    told = text_of(await running.emma.wait_for_message(MARKETING, "This channel's rules were changed"))
    assert "Approvers: Leads (user group) → removed" in told
    assert "Stages: 1: Leads (user group) · 2: Everyone in this channel · 3: Deniz Kaya" in told

    await open_people(deniz)
    assert deniz.read_field("Stage 3: people") == ["U0DENIZ"]
    await press(deniz, "Remove stage 2", "Add stage")
    assert deniz.read_field("Stage 2: people") == ["U0DENIZ"]
    await press(deniz, "Remove stage 1", "Approvers: people")
    assert deniz.read_field("Approvers: people") == ["U0DENIZ"]
    assert "Saved. The new rules apply now" in await save_setup(deniz, {})
    policy = await stored_policy(running, MARKETING)
    assert policy is not None
    assert (policy.approvers, policy.approval.stages) == (("U0DENIZ",), ())


async def test_a_stage_that_cannot_be_reached_is_named(http: World) -> None:
    deniz = http.deniz
    await http.import_policy(approval_policy())
    await open_people(deniz)
    await press(deniz, "Approve in stages", "Stage 2: people")
    empty = "Choose at least one approver for stage 2, or remove it."
    assert field_errors(deniz, (await deniz.submit()).errors) == {"Stage 2: people": empty}
    # Burak is the only lead.
    assert not (await submit_steps(deniz, {"Stage 2: people": ["U0BURAK"]})).errors
    assert deniz.view is not None
    assert "Stage 2 needs 1 more active person. Nobody can approve in two stages." in text_of(deniz.view)
    assert "Stage 2: people" in deniz.list_fields()
    assert await stored_stages(http) == ()
    assert "Saved. The new rules apply now" in await save_setup(deniz, {"Stage 2: people": ["U0BURAK", "U0DENIZ"]})
    assert await stored_stages(http) == (("S0LEADS",), ("U0BURAK", "U0DENIZ"))


async def test_stages_in_turkish(http: World) -> None:
    http.slack.workspace.people["U0BURAK"].is_admin = True
    await http.import_policy(approval_policy())
    await open_form(http.burak, "/flows ayarlar", MARKETING)
    assert not (await http.burak.submit()).errors
    await press(http.burak, "Aşamalı onay", "2. aşama: kişiler")
    empty = "2. aşama için en az bir onaylayan seçin ya da aşamayı kaldırın."
    assert field_errors(http.burak, (await http.burak.submit()).errors) == {"2. aşama: kişiler": empty}
    assert http.burak.view is not None
    assert http.burak.list_buttons(http.burak.view) == ["1. aşamayı kaldır", "2. aşamayı kaldır", "Aşama ekle", "Geri"]


async def test_what_the_form_does_not_show_stays(http: World) -> None:
    stages = '[["S0LEADS"], ["*"], ["U0DENIZ"], ["U0AYSE", "U0EMMA"]]'
    rules = ["escalate_after_hours = 24", 'escalate_to = ["*"]', "stand_ins = false", "quorum_over = { 5 = 1 }"]
    await http.import_policy(approval_policy(f"stages = {stages}", *rules, approvers="[]"))
    before = await stored_policy(http, MARKETING)
    assert before is not None
    await open_setup(http.deniz, MARKETING)
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, {"Reason required": True})
    after = await stored_policy(http, MARKETING)
    assert after is not None
    assert after.approval.model_dump(exclude={"reason_required"}) == before.approval.model_dump(
        exclude={"reason_required"}
    )
    assert after.approval.reason_required


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"Escalate after (hours)": "24"},
            {"Escalate to: people": "Choose who can decide once a request is escalated."},
        ),
        (
            {"Escalate to: people": ["U0DENIZ"]},
            {"Escalate after (hours)": "Type after how many hours a request is escalated."},
        ),
        (
            {"Escalate to: people": ["U0DENIZ"], "Escalate after (hours)": "72"},
            {
                "Escalate after (hours)": (
                    "Requests expire after 72 hours, before they would be escalated. Type fewer hours."
                )
            },
        ),
        (
            {"Quorum for large audiences": "10.000 = 2"},
            {
                "Quorum for large audiences": (
                    "2 approvals aren't possible with these approvers. Lower that quorum, or add approvers."
                )
            },
        ),
        (
            {"Quorum for large audiences": "many"},
            {"Quorum for large audiences": "Type a line for each audience, such as 10000 = 2."},
        ),
    ],
)
async def test_a_rule_that_could_do_nothing_is_refused_at_its_field(
    http: World, values: dict[str, Any], problem: dict[str, str]
) -> None:
    await http.import_policy(approval_policy())
    await open_setup(http.deniz, MARKETING)
    assert field_errors(http.deniz, (await submit_steps(http.deniz, values)).errors) == problem
