"""The Home tab: what waits, what was requested, rights by channel, and deciding there."""

import asyncio
from datetime import timedelta

import pytest

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import WebsiteId
from flowbot.sandbox.slack import SandboxPerson, View, text_of
from flowbot.services.setup_findings import Finding
from flowbot.storage.repositories.changes import ChangeRepository
from tests.journeys.form_steps import add_flow
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes
from tests.storage.change_cases import move_through
from tests.storage.vote_cases import submit_pending

POLICY = """
[websites]
1 = "Lale Moda"
3 = "Kitap Durağı"

[[channels]]
id = "C0MARKETING"
websites = [1]
viewers = ["*"]
editors = ["S0EDITORS"]
approvers = ["S0LEADS"]
approval.channel = "C0APPROVALS"

[[channels]]
id = "C0RANDOM"
websites = [3]
viewers = ["U0BURAK"]
editors = ["U0BURAK"]
approvers = ["U0DENIZ"]
"""


@pytest.fixture(autouse=True)
def all_but_one_read_english(world: World) -> None:
    world.burak.person.locale = "en-GB"


@pytest.fixture
async def approvals_running(running: World) -> World:
    """Start a bot in each mode, with a policy that has a channel for approvals."""
    await running.import_policy(POLICY)
    return running


async def request_change(person: SandboxPerson, text: str, channel: str = MARKETING) -> None:
    await person.send(channel, text)
    await person.wait_for_message(channel, "Approval requested")


async def open_home(person: SandboxPerson, text: str = "As of") -> View:
    """Open the Home tab, and wait until it says `text`."""
    await person.open_home()
    return await person.wait_for_home(text)


def section(view: View, title: str) -> str:
    """Return the text under a heading."""
    texts, inside = [], False
    for block in view.blocks:
        if block["type"] == "header":
            inside = block["text"]["text"] == title
        elif inside:
            texts.append(text_of(View(**{**vars(view), "blocks": [block]})))
    return "\n".join(texts)


@in_both_modes
async def test_what_waits_is_approved_at_home(approvals_running: World) -> None:
    flow = add_flow(approvals_running, name="Spring", title="Tulips")
    await request_change(approvals_running.emma, f"/flows enable {flow} It begins on Friday")
    view = await open_home(approvals_running.burak, "Spring")
    for text in (f"Enable #{flow} Spring", "Tulips", "Lale Moda", "It begins on Friday", "0/1"):
        assert text in section(view, "Needs your approval")
    await approvals_running.burak.click(view, "Approve")
    view = await approvals_running.burak.wait_for_home("all caught up")
    assert approvals_running.enkapush.store.flows[flow].is_enabled
    assert f"Flow #{flow} Spring was enabled · approved by U0BURAK · requested by U0EMMA" in section(
        view, "Last 7 days"
    )
    await approvals_running.burak.wait_for_message(APPROVALS, "Applied")


async def test_somebody_reads_it_in_their_own_language(approvals_running: World) -> None:
    view = await open_home(approvals_running.ayse, "Güncelleme")
    assert "düzenlemek" in section(view, "flowbot'u kullanabileceğiniz kanallar")


async def test_what_waits_is_rejected_at_home_with_a_reason(approvals_running: World) -> None:
    flow = add_flow(approvals_running, name="Spring")
    await request_change(approvals_running.emma, f"/flows delete {flow}")
    await approvals_running.burak.click(await open_home(approvals_running.burak, "Spring"), "Reject")
    await approvals_running.burak.wait_for_view("Spring")
    assert not (await approvals_running.burak.submit({"Reason": "We still need it"})).errors
    view = await approvals_running.burak.wait_for_home("all caught up")
    assert f"Request to delete flow #{flow} Spring was rejected" in section(view, "Last 7 days")
    await approvals_running.burak.wait_for_message(APPROVALS, "We still need it")
    assert flow in approvals_running.enkapush.store.flows


async def test_one_withdraws_ones_own_request_at_home(approvals_running: World) -> None:
    flow = add_flow(approvals_running, name="Spring")
    await request_change(approvals_running.emma, f"/flows enable {flow}")
    view = await open_home(approvals_running.emma, "Spring")
    assert approvals_running.emma.list_buttons(view).count("Approve") == 0
    await approvals_running.emma.click(view, "Withdraw")
    assert f"Enable #{flow} Spring" in section(view, "Your requests")
    view = await approvals_running.emma.wait_for_home("was withdrawn")
    assert "Withdraw" not in approvals_running.emma.list_buttons(view)


async def test_who_comes_late_is_told_directly_and_sees_what_is_true_now(approvals_running: World) -> None:
    flow = add_flow(approvals_running, name="Spring")
    await request_change(approvals_running.emma, f"/flows enable {flow}")
    view = await open_home(approvals_running.burak, "Spring")
    await approvals_running.emma.click(await open_home(approvals_running.emma, "Spring"), "Withdraw")
    await approvals_running.emma.wait_for_home("was withdrawn")
    await approvals_running.burak.click(view, "Approve")
    direct = approvals_running.slack.workspace.open_direct_message(approvals_running.burak.id).id
    await approvals_running.burak.wait_for_message(direct, "withdrew this request")
    await approvals_running.burak.wait_for_home("all caught up")
    assert not approvals_running.enkapush.store.flows[flow].is_enabled


async def test_a_right_that_is_gone_is_gone_at_the_press(approvals_running: World) -> None:
    flow = add_flow(approvals_running, name="Spring")
    await request_change(approvals_running.emma, f"/flows enable {flow}")
    view = await open_home(approvals_running.burak, "Spring")
    await approvals_running.import_policy(POLICY.replace("S0LEADS", "U0DENIZ"))
    await approvals_running.burak.click(view, "Approve")
    direct = approvals_running.slack.workspace.open_direct_message(approvals_running.burak.id).id
    await approvals_running.burak.wait_for_message(direct, "can approve or reject this request.")
    assert "Spring" not in text_of(await approvals_running.burak.wait_for_home("all caught up"))


async def test_nobody_learns_of_what_they_may_not_see(http: World) -> None:
    await http.import_policy(POLICY)
    flow = add_flow(http, name="Novels", website_id=3)
    await request_change(http.burak, f"/flows enable {flow}", "C0RANDOM")
    await http.deniz.click(await open_home(http.deniz, "Novels"), "Approve")
    await http.deniz.wait_for_home("all caught up")
    text = text_of(await open_home(http.emma))
    assert "marketing" in text or "C0MARKETING" in text
    for hidden in ("Novels", "random", "C0RANDOM", "Kitap"):
        assert hidden not in text


async def test_everyone_in_a_channel_does_not_mean_those_who_are_not_in_it(http: World) -> None:
    everyone = POLICY.replace('["U0BURAK"]', '["*"]').replace('["U0DENIZ"]', '["*"]')
    await http.import_policy(everyone)
    http.slack.workspace.channels["C0RANDOM"].members.remove("U0EMMA")
    http.slack.workspace.channels["C0RANDOM"].members.append("U0FLOWBOT")
    flow = add_flow(http, name="Novels", website_id=3)
    await request_change(http.burak, f"/flows enable {flow}", "C0RANDOM")
    assert "Novels" in text_of(await open_home(http.deniz))
    assert "Novels" not in text_of(await open_home(http.emma))


async def test_somebody_of_another_company_finds_a_sentence(http: World) -> None:
    view = await open_home(http.jonas, "Only people of this organisation")
    assert http.jonas.list_buttons(view) == []


async def test_a_long_queue_fits_and_says_how_much_more_there_is(http: World) -> None:
    flows = [add_flow(http, name=f"Flow {number}", title="T" * 200) for number in range(12)]
    for flow in flows:
        await http.emma.send(MARKETING, f"/flows enable {flow} {'because ' * 60}")
        await http.emma.wait_for_message(MARKETING, f"#{flow} ")
    view = await open_home(http.burak, "Flow 0")
    assert http.burak.list_buttons(view).count("Approve") == 10
    assert "2 more" in section(view, "Needs your approval")


async def test_what_was_decided_is_found_behind_all_that_one_may_not_see(world: World) -> None:
    await world.import_policy(POLICY)
    await add_withdrawn_requests(world, 51, WebsiteId(2))
    await add_withdrawn_requests(world, 1, WebsiteId(1), age=timedelta(days=8))
    await world.start_http()
    flow = add_flow(world, name="Spring")
    await request_change(world.emma, f"/flows enable {flow}")
    await world.burak.click(await open_home(world.burak, "Spring"), "Approve")
    await world.burak.wait_for_home("all caught up")
    recent = section(await open_home(world.deniz), "Last 7 days")
    assert recent.splitlines() == [
        "✅ Flow #1 Spring was enabled · approved by U0BURAK · requested by U0EMMA · just now · Open"
    ]


async def add_withdrawn_requests(
    world: World, count: int, website: WebsiteId, *, age: timedelta = timedelta(seconds=-30)
) -> None:
    """Store so many withdrawn requests, as a rule later than all else that a test does."""
    late = world.time.now() - age
    async with world.open_database() as database:
        store = ChangeRepository(database, world.time.now)
        for number in range(count):
            change = await submit_pending(store, token=f"t{website}.{number}", flow=None, website=website)
            await move_through(store, change, ChangeState.WITHDRAWN, changed_at=late)


async def test_a_tab_that_changed_meanwhile_is_read_and_drawn_again(http: World) -> None:
    await http.import_policy(POLICY)
    flow = add_flow(http, name="Spring")
    await request_change(http.emma, f"/flows enable {flow}")
    view = await open_home(http.burak, "Spring")
    http.slack.faults.add("views.publish", error="hash_conflict")
    await http.burak.click(view, "Approve")
    await http.burak.wait_for_home("all caught up")


async def test_a_limit_of_slacks_delays_the_tab_and_does_not_lose_it(http: World) -> None:
    await http.import_policy(POLICY)
    http.slack.faults.add("views.publish", retry_after=0)
    await open_home(http.burak, "all caught up")


async def test_what_was_decided_happens_even_if_the_tab_cannot_be_drawn(http: World) -> None:
    await http.import_policy(POLICY)
    flow = add_flow(http, name="Spring")
    await request_change(http.emma, f"/flows enable {flow}")
    view = await open_home(http.burak, "Spring")
    http.slack.faults.add("views.publish", error="internal_error", times=None)
    await http.burak.click(view, "Approve")
    await http.burak.wait_for_message(APPROVALS, "Applied")
    assert http.enkapush.store.flows[flow].is_enabled


async def test_two_presses_of_one_button_have_one_effect(http: World) -> None:
    await http.import_policy(POLICY)
    flow = add_flow(http, name="Spring")
    await request_change(http.emma, f"/flows enable {flow}")
    view = await open_home(http.burak, "Spring")
    await asyncio.gather(*(http.burak.click(view, "Approve") for _ in range(2)))
    view = await http.burak.wait_for_home("all caught up")
    await http.burak.wait_for_message(APPROVALS, "Applied")
    assert len([record for record in http.enkapush.requests if record.method != "GET"]) == 1


async def test_an_admin_sees_where_nobody_can_approve(http: World) -> None:
    http.deniz.person.is_admin = True
    await http.import_policy(POLICY.replace('["S0LEADS"]', '["U0GONE"]'))
    assert "Nobody can approve requests from C0MARKETING" in text_of(await open_home(http.deniz, "To set up"))
    assert "Nobody can approve" not in text_of(await open_home(http.emma))
    await http.import_policy(POLICY.replace("approval.channel", "approval.escalate_after_hours = 24\napproval.channel"))
    await http.deniz.open_home()
    await http.deniz.wait_for_home("Requests from C0MARKETING can't be escalated. Run /flows setup there.")
    await http.import_policy(POLICY)
    await http.deniz.open_home()
    await http.deniz.wait_for_home(lambda view: "To set up" not in text_of(view))


async def test_an_admin_sees_what_is_not_right_as_soon_as_it_is_found(world: World) -> None:
    looks, is_done = 0, asyncio.Event()

    async def read_findings() -> list[Finding]:
        nonlocal looks
        looks += 1
        await is_done.wait()
        return [Finding("slack scopes", "missing chat:write")]

    world.read_findings = read_findings
    await world.start_http()
    await open_home(world.burak)
    assert looks == 0
    assert "Not right yet" not in text_of(await open_home(world.deniz))
    is_done.set()
    view = await world.deniz.wait_for_home("Not right yet: Slack permissions.")
    assert section(view, "To set up")
    await open_home(world.deniz, "Not right yet")
    assert looks == 1
    assert "Not right yet" not in text_of(await open_home(world.burak))
