"""Stand-ins: they approve in the place of who is away, and of nobody else."""

import pytest

from flowbot.sandbox.slack import SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    list_mentions,
    list_replies,
    read_audit_trail,
    request_change,
    request_change_and_wait,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_status,
)
from tests.journeys.test_absences import ask
from tests.journeys.test_calling_approvers import direct_messages, wait_for_copy
from tests.journeys.test_home import open_home, section
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

BURAK_ALONE = '["U0BURAK"]'
HOUR = 3600


async def go_away(world: World, person: SandboxPerson, stand_in: SandboxPerson | None = None) -> None:
    """Say that a person is away until tomorrow."""
    named = f" @{stand_in.person.name}" if stand_in else ""
    answer = await ask(world, person, f"away until tomorrow{named}")
    assert "away until" in answer or "İzindesiniz" in answer


@in_both_modes
async def test_a_vote_of_a_stand_in_counts_as_that_persons_and_names_both(running: World) -> None:
    await running.import_policy(approval_policy("quorum = 2", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(running, running.burak, running.deniz)
    request = await request_change(running)
    await running.deniz.click(request, "Approve")
    shown = await wait_for_status(running, request, "1/2 approvals")
    assert "1/2 approvals: U0DENIZ for U0BURAK" in text_of(shown)
    await running.ayse.click(request, "Approve")
    done = await wait_for_status(running, request, "Applied")
    assert "approved by U0DENIZ for U0BURAK, U0AYSE" in text_of(done)
    assert running.enkapush.store.flow(1).is_enabled
    told = await wait_for_notice(running, request, "is live")
    assert "approved by Deniz Kaya for Burak Demir, Ayşe Yılmaz" in text_of(told)
    history = await ask(running, running.emma, "history 1")
    assert "approved by U0DENIZ for U0BURAK, " in history
    events = {event["action"]: event for event in await read_audit_trail(running)}
    assert events["change.approved"]["details"]["in_place_of"] == {"U0DENIZ": "U0BURAK"}
    votes = [event for event in await read_audit_trail(running) if event["action"] == "change.vote"]
    assert [(vote["actor"], vote["details"].get("right_of")) for vote in votes] == [
        ("U0DENIZ", "U0BURAK"),
        ("U0AYSE", None),
    ]


@in_both_modes
async def test_it_reads_in_turkish(running: World) -> None:
    await running.import_policy(approval_policy(approvers=BURAK_ALONE))
    await go_away(running, running.burak, running.deniz)
    await running.ayse.send(MARKETING, f"/flows etkinleştir {add_flow(running)}")
    request = await running.deniz.wait_for_message(APPROVALS, "Onay bekliyor")
    await running.deniz.click(request, "Onayla")
    done = await wait_for_status(running, request, "Uygulandı")
    assert "onaylayan: U0BURAK yerine U0DENIZ" in text_of(done)
    await wait_for_notice(running, request, "onaylayan: Burak Demir yerine Deniz Kaya")


@in_both_modes
async def test_a_rejection_names_both_too(running: World) -> None:
    await running.import_policy(approval_policy(approvers=BURAK_ALONE))
    await go_away(running, running.burak, running.deniz)
    request = await request_change(running)
    await running.deniz.click(request, "Reject")
    await submit_reason(running.deniz, "Not now")
    shown = await wait_for_status(running, request, "Rejected")
    assert "by U0DENIZ for U0BURAK" in text_of(shown)
    await wait_for_notice(running, request, "by Deniz Kaya for Burak Demir")
    assert "rejected by U0DENIZ for U0BURAK" in await ask(running, running.emma, "history 1")
    (event,) = (event for event in await read_audit_trail(running) if event["action"] == "change.rejected")
    assert (event["actor"], event["details"]["right_of"]) == ("U0DENIZ", "U0BURAK")


@in_both_modes
@pytest.mark.parametrize(("quorum", "when"), [(2, ""), (1, " at mon 09:00")], ids=["waiting", "scheduled"])
async def test_who_approved_in_somebodys_place_may_still_reject_in_it(running: World, quorum: int, when: str) -> None:
    await running.import_policy(approval_policy(f"quorum = {quorum}", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(running, running.burak, running.deniz)
    request = await request_change(running, f"enable {add_flow(running)}{when}")
    await running.deniz.click(request, "Approve")
    await wait_for_status(running, request, "Scheduled" if when else "1/2 approvals")
    await running.deniz.click(request, "Reject")
    await submit_reason(running.deniz, "Not after all")
    assert "by U0DENIZ for U0BURAK" in text_of(await wait_for_status(running, request, "Rejected"))
    assert list_writes(running) == []


async def test_never_on_a_request_of_who_is_away(http: World) -> None:
    await http.import_policy(approval_policy("self_approval = true", approvers='["U0EMMA", "U0AYSE"]'))
    await go_away(http, http.emma, http.deniz)
    request = await request_change(http)
    assert "can approve or reject this request." in await click_and_read(http, http.deniz, request, "Approve")
    assert list_writes(http) == []


async def test_never_on_a_request_of_ones_own(http: World) -> None:
    await http.import_policy(approval_policy("self_approval = true", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.emma)
    request = await request_change(http)
    assert list_mentions(http, request) == [("user", "U0AYSE")]
    assert "can approve or reject this request." in await click_and_read(http, http.emma, request, "Approve")
    assert list_writes(http) == []


async def test_never_beside_a_vote_of_who_is_away(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    said = await click_and_read(http, http.burak, request, "Approve")
    assert "U0DENIZ" in said
    assert list_writes(http) == []

    other = await request_change(http)
    await http.burak.click(other, "Approve")
    await wait_for_status(http, other, "1/2 approvals: U0BURAK")
    assert "can approve or reject this request." in await click_and_read(http, http.deniz, other, "Approve")
    assert list_writes(http) == []


async def test_never_beside_a_vote_of_ones_own(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.ayse)
    request = await request_change(http)
    await http.ayse.click(request, "Approve")
    shown = await wait_for_status(http, request, "1/2 approvals")
    assert "1/2 approvals: U0AYSE\n" in text_of(shown)
    await http.ayse.click(request, "Approve")
    assert "1/2 approvals: U0AYSE\n" in text_of(await wait_for_status(http, request, "1/2 approvals"))
    assert list_writes(http) == []


async def test_no_right_passes_on_from_stand_in_to_stand_in(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.deniz)
    await go_away(http, http.deniz, http.emma)
    await http.ayse.send(MARKETING, f"/flows etkinleştir {add_flow(http)}")
    request = await http.deniz.wait_for_message(APPROVALS, "Onay bekliyor")
    # Who is away may still decide, and nobody is mentioned who is.
    assert list_mentions(http, request) == []
    said = await click_and_read(http, http.emma, request, "Onayla")
    assert "can approve or reject this request." in said
    await http.deniz.click(request, "Onayla")
    await wait_for_status(http, request, "Uygulandı")


async def test_an_absent_approver_whom_slack_does_not_tell_costs_no_other_right(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0AYSE", "U0BURAK"]'))
    await go_away(http, http.ayse, http.deniz)
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    del http.slack.workspace.people["U0AYSE"]
    http.time.ahead += 90
    await http.deniz.click(request, "Approve")
    done = await wait_for_status(http, request, "Applied")
    assert "approved by U0DENIZ for U0BURAK" in text_of(done)


async def test_where_the_rules_allow_none_a_stand_in_has_no_say_and_is_not_mentioned(http: World) -> None:
    await http.import_policy(approval_policy("stand_ins = false", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    assert list_mentions(http, request) == [("user", "U0AYSE")]
    assert "can approve or reject this request." in await click_and_read(http, http.deniz, request, "Approve")
    assert list_writes(http) == []


async def test_rules_that_forbid_stand_ins_count_for_a_request_that_waits(http: World) -> None:
    await http.import_policy(approval_policy(approvers=BURAK_ALONE))
    await go_away(http, http.burak, http.deniz)
    request = await request_change_and_wait(http)
    await http.import_policy(approval_policy("stand_ins = false", approvers=BURAK_ALONE))
    assert "since the request: stand-ins can no longer approve" in text_of(
        await wait_for_status(http, request, "Rules changed")
    )
    assert "can approve or reject this request." in await click_and_read(http, http.deniz, request, "Approve")
    assert list_writes(http) == []


async def test_an_absence_that_is_over_is_of_no_effect(http: World) -> None:
    await http.import_policy(approval_policy(approvers=BURAK_ALONE))
    await go_away(http, http.burak, http.deniz)
    http.time.ahead += 48 * HOUR
    request = await request_change(http)
    assert list_mentions(http, request) == [("user", "U0BURAK")]
    assert "can approve or reject this request." in await click_and_read(http, http.deniz, request, "Approve")
    assert list_writes(http) == []


async def test_who_is_back_takes_the_right_along(http: World) -> None:
    await http.import_policy(approval_policy(approvers=BURAK_ALONE))
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    await ask(http, http.burak, "dön")
    assert "can approve or reject this request." in await click_and_read(http, http.deniz, request, "Approve")
    assert list_writes(http) == []


@pytest.mark.parametrize("becomes", ["is_restricted", "deleted"])
async def test_a_stand_in_who_is_no_full_member_any_more_has_no_say(http: World, becomes: str) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    setattr(http.deniz.person, becomes, True)
    http.time.ahead += 4
    await http.ayse.click(request, "Approve")
    # The vote of a guest counts for nobody when it comes to the write.
    await http.ayse.wait_for_message(
        request.channel, lambda message: message.ts == request.ts and "No longer counted" in text_of(message)
    )
    assert list_writes(http) == []


async def test_the_stand_in_is_mentioned_in_place_of_who_is_away(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["S0LEADS", "U0BURAK", "U0AYSE"]'))
    await go_away(http, http.burak, http.deniz)
    await go_away(http, http.ayse)
    request = await request_change(http)
    assert list_mentions(http, request) == [("usergroup", "S0LEADS"), ("user", "U0DENIZ")]


async def test_the_stand_in_of_a_member_is_mentioned_beside_the_group(http: World) -> None:
    await http.import_policy(approval_policy('stages = [["U0AYSE"], ["S0LEADS"]]', approvers="[]"))
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    assert list_mentions(http, request) == [("user", "U0AYSE")]
    await http.ayse.click(request, "Approve")
    await wait_for_notice(http, request, "Your turn to approve")
    both = [("usergroup", "S0LEADS"), ("user", "U0DENIZ")]
    assert [list_mentions(http, reply) for reply in list_replies(http, request)] == [both]

    await http.import_policy(approval_policy(approvers='["S0LEADS"]'))
    assert list_mentions(http, await request_change(http)) == both


async def test_a_stage_mentions_the_stand_in_and_nobody_of_a_stage_to_come(http: World) -> None:
    await http.import_policy(approval_policy('stages = [["U0BURAK"], ["U0AYSE"]]', approvers="[]"))
    await go_away(http, http.burak, http.deniz)
    request = await request_change(http)
    assert list_mentions(http, request) == [("user", "U0DENIZ")]
    await http.deniz.click(request, "Approve")
    shown = await wait_for_status(http, request, "✅ Stage 1")
    assert "✅ Stage 1: U0BURAK · 1/1 approval: U0DENIZ for U0BURAK" in text_of(shown)
    await wait_for_notice(http, request, "Your turn to approve")
    assert [list_mentions(http, reply) for reply in list_replies(http, request)] == [[("user", "U0AYSE")]]


async def test_a_reminder_mentions_the_stand_in_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy("expires_after_hours = 8", approvers=BURAK_ALONE))
    request = await request_change_and_wait(world)
    assert list_mentions(world, request) == [("user", "U0BURAK")]
    await go_away(world, world.burak, world.deniz)
    world.time.ahead += 2 * HOUR
    await world.deniz.wait_until(lambda: list_replies(world, request))
    assert [list_mentions(world, reply) for reply in list_replies(world, request)] == [[("user", "U0DENIZ")]]


async def test_an_escalation_calls_the_stand_in_and_counts_their_vote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    rules = ("escalate_after_hours = 1", 'escalate_to = ["U0BURAK"]')
    await world.import_policy(approval_policy(*rules, approvers='["U0AYSE"]'))
    request = await request_change_and_wait(world)
    await go_away(world, world.burak, world.deniz)
    world.time.ahead += 2 * HOUR
    await world.deniz.wait_until(lambda: list_replies(world, request))
    assert [list_mentions(world, reply) for reply in list_replies(world, request)] == [[("user", "U0DENIZ")]]
    await world.deniz.click(request, "Approve")
    assert "approved by U0DENIZ for U0BURAK" in text_of(await wait_for_status(world, request, "Applied"))


async def test_a_stand_in_sees_the_push_that_they_decide_on_where_it_is_shown_privately(http: World) -> None:
    http.slack.workspace.channels[APPROVALS].is_shared = True
    only_who_approves = approval_policy(approvers=BURAK_ALONE).replace('viewers = ["*"]', "viewers = []")
    await http.import_policy(only_who_approves)
    request = await request_change(http)
    await http.deniz.click(request, "Show")
    await http.deniz.wait_for_view("can see flows.")
    await http.deniz.close()
    await go_away(http, http.burak, http.deniz)
    await http.deniz.click(request, "Show")
    await http.deniz.wait_for_view("Old title")
    await http.deniz.close()
    await http.deniz.click(request, "Approve")
    await http.deniz.wait_for_view("Old title")
    await http.deniz.submit()
    assert "approved by U0DENIZ for U0BURAK" in text_of(await wait_for_status(http, request, "Applied"))


# --- why somebody is asked -------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_direct_message_goes_to_the_stand_in_and_says_why(running: World) -> None:
    approvers = '["U0BURAK", "U0AYSE", "S0LEADS"]'
    await running.import_policy(approval_policy('notify = "dm"', approvers=approvers))
    await go_away(running, running.burak, running.deniz)
    for person in (running.burak, running.deniz):
        direct_messages(running, person).clear()
    await request_change(running)
    copy = await wait_for_copy(running, running.deniz, "You stand in for U0BURAK, an approver of C0MARKETING.")
    named = await wait_for_copy(running, running.ayse, "C0MARKETING onaylayanları arasında adınız var.")
    assert "Onayla" in running.ayse.list_buttons(named)
    assert direct_messages(running, running.burak) == []
    await running.deniz.click(copy, "Approve")
    done = await wait_for_copy(running, running.deniz, "Applied")
    assert "approved by Deniz Kaya for Burak Demir" in text_of(done)
    assert "You stand in for" not in text_of(done)


@pytest.mark.parametrize(
    ("approvers", "locale", "why"),
    [
        ('["S0LEADS"]', "en-GB", "You're in S0LEADS, approvers of C0MARKETING."),
        ('["S0LEADS"]', "tr-TR", "C0MARKETING isteklerini S0LEADS grubu onaylıyor; siz de bu gruptasınız."),
        ('["U0BURAK", "*"]', "en-GB", "You're named as an approver of C0MARKETING."),
        ('["*"]', "en-GB", "Everyone in C0MARKETING can approve."),
        ('["*"]', "tr-TR", "C0MARKETING kanalındaki herkes onaylayabilir."),
    ],
)
async def test_home_says_why_somebody_is_asked(http: World, approvers: str, locale: str, why: str) -> None:
    http.burak.person.locale = locale
    await http.import_policy(approval_policy(approvers=approvers))
    await request_change(http)
    await open_home(http.burak, why)


@in_both_modes
async def test_home_shows_a_stand_in_what_they_may_decide_and_why(running: World) -> None:
    await running.import_policy(approval_policy(approvers=BURAK_ALONE))
    await go_away(running, running.burak, running.deniz)
    await request_change(running)
    view = await open_home(running.deniz, "Needs your approval")
    assert "You stand in for U0BURAK, an approver of C0MARKETING." in section(view, "Needs your approval")
    await running.deniz.click(view, "Approve")
    await running.deniz.wait_for_home(lambda home: "Needs your approval" not in text_of(home))
    assert running.enkapush.store.flow(1).is_enabled


async def test_home_tells_a_turkish_stand_in_why(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]'))
    await go_away(http, http.deniz, http.burak)
    await request_change(http)
    await open_home(http.burak, "C0MARKETING isteklerini onaylayan U0DENIZ izinde; vekili sizsiniz.")
