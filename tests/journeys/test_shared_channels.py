"""Channels shared with another organisation: its people never read a push there, and the team still decides on it."""

import json
from typing import Any, Final

import pytest

from flowbot.domain.change import Change
from flowbot.domain.ids import ChannelId
from flowbot.errors import DatabaseFaultError
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.services.ports.channels import ChannelSharing
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.worker import recovery
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    request_change,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.test_stand_ins import go_away
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, World, in_both_modes

MARK: Final = "Zqxmark"
PUSH: Final[dict[str, Any]] = {
    "name": "Winter sale",
    "title": f"{MARK} title",
    "description": f"{MARK} text",
    "url": f"https://lale.example/{MARK}",
    "button_title_1": f"{MARK} button",
    "button_url_1": f"https://lale.example/{MARK}/button",
    "utm_source": MARK,
}
READABLE: Final = "outsiders_may_read = true"


def share(world: World, channel: str = APPROVALS, *, is_told: bool = True) -> None:
    """Share a channel with Jonas's company, of which he joins it."""
    world.slack.admin.share_channel(channel, world.jonas.id, is_told=is_told)


def read_as_outsider(world: World) -> str:
    """Return all that Jonas was ever shown, each version of each message."""
    events = world.slack.context.feed.list_since(0, world.jonas.id)
    return json.dumps([event.data for event in events], ensure_ascii=False)


async def request_marked(world: World, kind: str = "enable", **fields: Any) -> Message:
    """Request a change of a flow whose push is marked."""
    return await request_change(world, f"{kind} {add_flow(world, **PUSH, **fields)} Because")


async def open_approval(person: SandboxPerson, request: Message) -> View:
    """Press `Approve`, and return the form that opens, filled."""
    await person.click(request, "Approve")
    return await person.wait_for_view(lambda view: view.callback_id == "changes.approval")


@pytest.fixture
async def shared(running: World) -> World:
    """Share the channel of the requests, from before the bot knows of it."""
    share(running, is_told=False)
    await running.import_policy(approval_policy())
    return running


@pytest.fixture
async def shared_http(http: World) -> World:
    """Share the channel of the requests, over HTTP alone."""
    share(http, is_told=False)
    await http.import_policy(approval_policy())
    return http


# --- a request -----------------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_request_is_shown_and_approved_privately(shared: World) -> None:
    request = await request_marked(shared)
    seen = text_of(request)
    for word in ("Winter sale", "#1", "Lale Moda", "Because", "Emma Clarke", "0/1 approval"):
        assert word in seen
    assert shared.burak.list_buttons(request) == ["Approve", "Reject", "Request changes", "Comment", "Withdraw", "Show"]
    await shared.emma.click(request, "Show")
    await shared.emma.wait_for_view(f"{MARK} title")
    form = await open_approval(shared.burak, request)
    assert f"{MARK} button" in text_of(form)
    assert form.submit is not None
    assert form.submit["text"] == "Onayla"
    assert list_writes(shared) == []
    await shared.burak.submit()
    assert "approved by U0BURAK" in text_of(await wait_for_status(shared, request, "Applied"))
    await wait_for_notice(shared, request, "is live")
    assert shared.enkapush.store.flow(1).is_enabled
    assert MARK not in read_as_outsider(shared)


async def test_a_person_of_the_other_organisation_is_refused_as_ever(shared_http: World) -> None:
    request = await request_marked(shared_http)
    refusal = "Only people of this organisation can use flowbot."
    for label in ("Approve", "Reject"):
        said = await click_and_read(shared_http, shared_http.jonas, request, label)
        assert refusal in said
    assert shared_http.jonas.view is None
    await shared_http.jonas.click(request, "Show")
    await shared_http.jonas.wait_for_view(refusal)
    assert MARK not in read_as_outsider(shared_http)


async def test_who_may_not_see_the_flow_is_not_shown_it(shared_http: World) -> None:
    request = await request_marked(shared_http)
    shared_http.slack.workspace.channels[MARKETING].members.remove(shared_http.deniz.id)
    await shared_http.deniz.click(request, "Show")
    window = await shared_http.deniz.wait_for_view("Only ")
    assert MARK not in text_of(window)


async def test_right_and_state_are_looked_at_afresh_when_the_form_is_sent(shared_http: World) -> None:
    world = shared_http
    request = await request_marked(world)
    await open_approval(world.burak, request)
    world.slack.workspace.groups["S0LEADS"].users.remove(world.burak.id)
    world.time.ahead += 4
    await world.burak.submit()
    assert world.burak.view is not None
    assert world.burak.view.submit is None
    world.slack.workspace.groups["S0LEADS"].users.append(world.burak.id)
    world.time.ahead += 4
    await world.burak.close()
    await open_approval(world.burak, request)
    await world.emma.click(request, "Withdraw")
    await wait_for_status(world, request, "Withdrawn")
    await world.burak.submit()
    assert "geri çek" in text_of(world.burak.view).casefold()
    assert list_writes(world) == []


async def test_a_vote_counts_once_though_its_form_is_sent_twice(shared_http: World) -> None:
    await shared_http.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0AYSE"]'))
    request = await request_marked(shared_http)
    await open_approval(shared_http.burak, request)
    await shared_http.burak.submit()
    await wait_for_status(shared_http, request, "1/2 approvals")
    await open_approval(shared_http.burak, request)
    await shared_http.burak.submit()
    assert "zaten onayladınız" in text_of(shared_http.burak.view or request)
    assert list_writes(shared_http) == []


async def test_for_whom_a_stand_in_has_voted_no_form_opens(shared_http: World) -> None:
    await shared_http.import_policy(approval_policy("quorum = 2", approvers='["U0BURAK", "U0AYSE"]'))
    await go_away(shared_http, shared_http.burak, shared_http.deniz)
    request = await request_marked(shared_http)
    await open_approval(shared_http.deniz, request)
    await shared_http.deniz.submit()
    await wait_for_status(shared_http, request, "1/2 approvals: U0DENIZ for U0BURAK")
    assert "U0DENIZ" in await click_and_read(shared_http, shared_http.burak, request, "Approve")
    assert shared_http.burak.view is None


async def test_home_and_direct_messages_show_the_push_and_vote_at_once(shared_http: World) -> None:
    world = shared_http
    await world.import_policy(approval_policy('notify = "dm"', "quorum = 2", approvers='["S0LEADS", "U0AYSE"]'))
    request = await request_marked(world)
    direct = world.slack.workspace.open_direct_message(world.burak.id)
    copy = await world.burak.wait_for_message(direct.id, f"{MARK} title")
    await world.burak.click(copy, "Onayla")
    await wait_for_status(world, request, "1/2 approvals")
    await world.ayse.open_home()
    await world.ayse.click(await world.ayse.wait_for_home(f"{MARK} title"), "Onayla")
    await wait_for_status(world, request, "Applied")
    assert MARK not in read_as_outsider(world)


# --- outcomes ------------------------------------------------------------------------------------------------------


async def test_what_differs_is_named_without_its_values(shared_http: World) -> None:
    request = await request_marked(shared_http)
    shared_http.enkapush.store.update_flow(1, title=f"{MARK} again", wait_time=9)
    await open_approval(shared_http.burak, request)
    await shared_http.burak.submit()
    done = await wait_for_status(shared_http, request, "Out of date")
    assert "Title" in text_of(done)
    assert "Show" in shared_http.emma.list_buttons(done)
    await wait_for_notice(shared_http, request, "out of date")
    await shared_http.emma.click(done, "Show")
    await shared_http.emma.wait_for_view(f"{MARK} again")
    assert MARK not in read_as_outsider(shared_http)


async def test_a_rejection_a_skip_and_a_delete_say_nothing_of_the_push(shared_http: World) -> None:
    world = shared_http
    await world.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    request = await request_marked(world)
    await world.burak.click(request, "Reject")
    await submit_reason(world.burak, "Not before June")
    await wait_for_status(world, request, "Rejected")
    request = await request_change(world, "delete 1 Old")
    await world.deniz.click(request, "Skip approval")
    await submit_reason(world.deniz, "It is wrong")
    done = await wait_for_status(world, request, "Applied")
    assert world.deniz.list_buttons(done) == ["Restore", "Show"]
    await wait_for_notice(world, request, "was deleted")
    assert MARK not in read_as_outsider(world)


# --- Share ---------------------------------------------------------------------------------------------------------


SHARING: Final = f"""
[websites]
1 = "Lale Moda"

[[channels]]
id = "{AGENCY}"
websites = [1]
viewers = ["*"]
"""


@pytest.mark.parametrize("command", ["show 1", f"list {MARK}"])
@pytest.mark.parametrize("is_readable", [False, True])
async def test_what_is_shared_there_has_no_push_unless_the_policy_says_so(
    http: World, command: str, is_readable: bool
) -> None:
    await http.import_policy(SHARING + (f"[channels.approval]\n{READABLE}\n" if is_readable else ""))
    add_flow(http, **PUSH)
    await http.emma.send(AGENCY, f"/flows {command}")
    answer = await wait_for_private_message(http.emma, MARK, AGENCY)
    await http.emma.click(answer, "Share")
    posted = await http.deniz.wait_for_message(AGENCY, lambda each: not each.is_ephemeral and each.user != http.emma.id)
    assert "Winter sale" in text_of(posted)
    assert (MARK in read_as_outsider(http)) is is_readable
    if command == "show 1" and not is_readable:
        await http.deniz.click(posted, "Show")
        await http.deniz.wait_for_view(f"{MARK} title")


# --- what Slack says -----------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_channel_that_becomes_shared_loses_the_push_at_once(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(running, monkeypatch)
    await running.import_policy(approval_policy())
    request = await request_marked(running)
    assert MARK in text_of(request)
    share(running)
    await running.deniz.wait_until(lambda: MARK not in text_of(request))
    assert WAITING in text_of(request)
    await open_approval(running.burak, request)
    await running.burak.submit()
    await wait_for_status(running, request, "Applied")


async def test_a_channel_that_becomes_shared_unheard_of_loses_it_within_a_minute(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "CHANNEL_ROUNDS", 1)
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy())
    request = await request_marked(world)
    share(world, is_told=False)
    world.time.ahead += 61
    await world.deniz.wait_until(lambda: MARK not in text_of(request))
    world.slack.workspace.channels[APPROVALS].is_shared = False
    world.time.ahead += 61
    await world.deniz.wait_until(lambda: MARK in text_of(request))


async def test_a_channel_whose_id_changes_while_a_request_is_posted_keeps_no_push(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_posted, moves = ChangeRepository.mark_posted, ["C0MOVED"]

    async def move_before(store: ChangeRepository, *noted: Any, **given: Any) -> tuple[Change, bool | None]:
        if moves:
            share(world, is_told=False)
            world.slack.admin.change_channel_id(APPROVALS, moves.pop())
            await world.slack.dispatcher.wait_until_idle()
        return await mark_posted(store, *noted, **given)

    monkeypatch.setattr(ChangeRepository, "mark_posted", move_before)
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy())
    flow = add_flow(world, **PUSH)
    await world.emma.send(MARKETING, f"/flows enable {flow} Because")
    await wait_for_private_message(world.emma, "Approval requested", MARKETING)
    (request,) = await world.deniz.list_messages("C0MOVED")
    assert MARK not in text_of(request)


async def test_where_slack_never_said_it_the_channel_counts_as_shared(http: World) -> None:
    http.slack.faults.add("conversations.info", error="missing_scope", times=None)
    await http.import_policy(approval_policy())
    request = await request_marked(http)
    assert MARK not in text_of(request)
    assert "Winter sale" in text_of(request)


async def test_where_slack_does_not_answer_what_it_said_last_counts(http: World) -> None:
    await http.import_policy(approval_policy())
    assert MARK in text_of(await request_marked(http))
    http.slack.faults.add("conversations.info", status=503, times=None)
    http.time.ahead += 61
    request = await request_change(http, f"enable {add_flow(http, **PUSH)}")
    assert MARK in text_of(request)
    share(http)
    await http.slack.dispatcher.wait_until_idle()
    http.time.ahead += 61
    assert MARK not in text_of(await request_change(http, f"enable {add_flow(http, **PUSH)}"))


async def test_the_event_is_sent_again_while_the_database_fails(http: World, monkeypatch: pytest.MonkeyPatch) -> None:
    http.slack.dispatcher.event_retry_seconds = (0.0, 0.0, 0.0)
    note, calls = ChannelRepository.note_sharing, 0

    async def fail_first(
        store: ChannelRepository, channel: ChannelId, told: ChannelSharing, seen: ChannelSharing | None = None
    ) -> ChannelSharing:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise DatabaseFaultError
        return await note(store, channel, told, seen)

    monkeypatch.setattr(ChannelRepository, "note_sharing", fail_first)
    share(http)
    await http.slack.dispatcher.wait_until_idle()
    assert calls == 2


async def test_the_policy_may_let_outsiders_read(http: World) -> None:
    share(http, is_told=False)
    await http.import_policy(approval_policy(READABLE))
    request = await request_marked(http)
    assert MARK in text_of(request)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_a_policy_that_changes_its_mind_redraws_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    share(world, is_told=False)
    await world.import_policy(approval_policy(READABLE))
    request = await request_marked(world)
    await world.import_policy(approval_policy())
    await world.deniz.wait_until(lambda: MARK not in text_of(request))
    await world.import_policy(approval_policy(READABLE))
    await world.deniz.wait_until(lambda: MARK in text_of(request))
