"""Stages of approval: one group after the other, each with its own quorum, and nobody in two of them."""

from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import list_writes
from tests.journeys.request_steps import (
    WAITING,
    add_people,
    approval_policy,
    click_and_read,
    list_mentions,
    list_replies,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_notice,
    wait_for_status,
)
from tests.journeys.test_calling_approvers import direct_messages, wait_for_copy
from tests.journeys.test_home import open_home, section
from tests.journeys.world import World, in_both_modes

TWO_STAGES = 'stages = [["U0DENIZ"], ["S0LEADS"]]'


def staged_policy(*approval: str, stages: str = TWO_STAGES) -> str:
    return approval_policy(stages, *approval, approvers="[]")


def calls(world: World, request: Message) -> list[list[tuple[str, str]]]:
    """List whom each reply of a request's thread mentions."""
    return [list_mentions(world, reply) for reply in list_replies(world, request)]


@in_both_modes
async def test_one_group_approves_after_the_other_and_the_message_shows_where_it_stands(running: World) -> None:
    await running.import_policy(staged_policy())
    request = await request_change(running)
    assert "⏳ Stage 1: Deniz Kaya · 0/1 approval" in text_of(request)
    assert "Stage 2: Leads · to come" in text_of(request)
    assert list_mentions(running, request) == [("user", "U0DENIZ")]

    await running.deniz.click(request, "Approve")
    shown = await wait_for_status(running, request, "✅ Stage 1")
    assert "✅ Stage 1: U0DENIZ · 1/1 approval: U0DENIZ" in text_of(shown)
    assert "⏳ Stage 2: S0LEADS · 0/1 approval" in text_of(shown)
    call = await wait_for_notice(running, request, "Your turn to approve: enable flow #1 Old name")
    assert "Stage 2 of 2: 0/1 approval" in text_of(call)
    assert calls(running, request) == [[("usergroup", "S0LEADS")]]
    assert list_writes(running) == []

    await running.burak.click(request, "Approve")
    done = await wait_for_status(running, request, "Applied")
    assert "Flow #1 Old name is live · approved by U0DENIZ, U0BURAK" in text_of(done)
    assert running.enkapush.store.flow(1).is_enabled
    votes = [event["details"] for event in await read_audit_trail(running) if event["action"] == "change.vote"]
    assert [vote["stage"] for vote in votes] == [1, 2]


async def test_a_click_out_of_turn_is_refused_privately_and_says_whose_turn_it_is(http: World) -> None:
    await http.import_policy(staged_policy(stages='stages = [["U0DENIZ", "U0AYSE"], ["S0LEADS"]]'))
    request = await request_change(http)
    for label in ("Approve", "Reject"):
        said = await click_and_read(http, http.burak, request, label)
        assert said == "Sıra henüz sizde değil: önce U0DENIZ ve U0AYSE karar veriyor."
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "✅ Stage 1")
    assert (await click_and_read(http, http.ayse, request, "Approve")).startswith("Sizin aşamanız tamamlandı.")
    said = await click_and_read(http, http.deniz, request, "Approve")
    assert said == "Your stage is done. S0LEADS can decide now."
    assert list_writes(http) == []


async def test_in_turkish_the_stages_read_the_same(http: World) -> None:
    await http.import_policy(staged_policy().replace('id = "C0MARKETING"', 'id = "C0MARKETING"\nlanguage = "tr"'))
    request = await request_change(http)
    assert "⏳ 1. aşama: Deniz Kaya · 0/1 onay" in text_of(request)
    assert "2. aşama: Leads · sırada" in text_of(request)
    await http.deniz.click(request, "Onayla")
    call = await wait_for_notice(http, request, "Onay sırası sizde: #1 Old name akışını")
    assert "Aşama 2/2: 0/1 onay" in text_of(call)


async def test_nobody_counts_in_two_stages(http: World) -> None:
    await http.import_policy(staged_policy(stages='stages = [["U0DENIZ", "S0LEADS"], ["U0DENIZ", "U0AYSE"]]'))
    request = await request_change(http)
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "✅ Stage 1")
    assert await click_and_read(http, http.deniz, request, "Approve") == "You already approved this."
    await http.ayse.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_the_quorum_counts_in_each_stage(http: World) -> None:
    (new,) = add_people(http, 1)
    await http.import_policy(staged_policy("quorum = 2", stages='stages = [["U0DENIZ", "U0AYSE"], ["S0LEADS"]]'))
    request = await request_change(http)
    steps = [(http.deniz, "1/2 approvals: U0DENIZ"), (http.ayse, "✅ Stage 1"), (http.burak, "1/2 approvals: U0BURAK")]
    for person, expected in steps:
        assert list_writes(http) == []
        await person.click(request, "Approve")
        await wait_for_status(http, request, expected)
    shown = await wait_for_status(http, request, "1/2 approvals: U0BURAK")
    assert "✅ Stage 1" in text_of(shown)
    await new.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_a_rejection_in_any_stage_ends_it(http: World) -> None:
    await http.import_policy(staged_policy())
    request = await request_change(http)
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "✅ Stage 1")
    await http.burak.click(request, "Reject")
    assert await submit_reason(http.burak, "Not this week") == []
    await wait_for_status(http, request, "Rejected")
    assert list_writes(http) == []


@in_both_modes
async def test_where_the_stages_change_votes_begin_anew(running: World) -> None:
    await running.import_policy(staged_policy())
    request = await request_change(running)
    await running.deniz.click(request, "Approve")
    await wait_for_status(running, request, "✅ Stage 1")
    await running.import_policy(staged_policy(stages='stages = [["U0DENIZ"], ["U0AYSE"]]'))
    shown = await wait_for_status(running, request, "⏳ Stage 1")
    assert "0/1 approval" in text_of(shown)
    notice = await wait_for_notice(running, request, "The stages of approval changed, so approval starts over.")
    assert ("user", "U0DENIZ") in list_mentions(running, notice)
    await running.deniz.click(request, "Approve")
    await wait_for_status(running, request, "✅ Stage 1")
    said = await click_and_read(running, running.burak, request, "Approve")
    assert said.endswith("onaylayabilir ya da reddedebilir: U0AYSE.")
    await running.ayse.click(request, "Approve")
    await wait_for_status(running, request, "Applied")


async def test_an_approval_of_a_stage_counts_only_while_its_right_lasts(http: World) -> None:
    await http.import_policy(staged_policy(stages='stages = [["S0LEADS"], ["U0DENIZ"]]'))
    request = await request_change(http)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "✅ Stage 1")
    http.slack.workspace.groups["S0LEADS"].users.remove("U0BURAK")
    http.time.ahead += 90
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "Failed")
    assert list_writes(http) == []


async def test_approvers_of_each_stage_get_their_copies(http: World) -> None:
    await http.import_policy(staged_policy('notify = "dm"'))
    request = await request_change(http)
    await wait_for_copy(http, http.deniz, WAITING)
    assert direct_messages(http, http.burak) == []
    await http.deniz.click(request, "Approve")
    copy = await wait_for_copy(http, http.burak, "0/1 onay")
    await http.burak.click(copy, "Onayla")
    await wait_for_status(http, request, "Applied")


async def test_home_lists_a_request_only_while_it_is_that_persons_turn(http: World) -> None:
    await http.import_policy(staged_policy())
    request = await request_change(http)
    assert "Onayınızı bekleyenler" not in text_of(await open_home(http.burak, "Güncelleme"))
    assert "Stage 1 of 2: 0/1 approval" in section(await open_home(http.deniz), "Needs your approval")
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "✅ Stage 1")
    assert "Needs your approval" not in text_of(await open_home(http.deniz, "all caught up"))
    view = await open_home(http.burak, "Aşama 2/2: 0/1 onay")
    await http.burak.click(view, "Onayla")
    await wait_for_status(http, request, "Applied")
