"""A channel where requests are posted, and which has no policy of its own: what people find there."""

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, is_form
from tests.journeys.request_steps import approval_policy, private_messages, request_change
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, in_both_modes


async def ask(person: SandboxPerson, command: str, where: str = APPROVALS) -> Message:
    """Send a command, and return its private answer."""
    before = {message.ts for message in await person.list_messages(where)}
    await person.send(where, command)
    return await person.wait_for_message(where, lambda message: message.is_ephemeral and message.ts not in before)


@in_both_modes
@pytest.mark.parametrize("command", ["/flows", "/flows list", "/flows help", "/flows create", "/flows history"])
async def test_people_learn_whose_requests_are_posted_there_and_what_they_are_about(
    running: World, command: str
) -> None:
    await running.import_policy(approval_policy())
    await request_change(running)
    answer = await ask(running.deniz, command)
    seen = text_of(answer)
    assert "Requests from C0MARKETING are posted here. Use /flows there to manage flows." in seen
    assert "#1 Old name" in seen
    assert "Requested by @U0EMMA" in seen
    assert running.deniz.list_buttons(answer) == ["Open", "Show"]


@in_both_modes
async def test_they_learn_it_in_turkish_too(running: World) -> None:
    await running.import_policy(approval_policy())
    await request_change(running)
    seen = text_of(await ask(running.burak, "/flows liste"))
    assert "Şu kanalların istekleri buraya gelir: C0MARKETING." in seen
    assert "#1 Old name" in seen
    seen = text_of(await ask(running.burak, "/flows göster 7"))
    assert "Burada #7 numaralı akış için açık istek yok." in seen


async def test_the_help_names_what_can_be_done_there(http: World) -> None:
    await http.import_policy(approval_policy())
    seen = text_of(await ask(http.deniz, "/flows help"))
    assert "No open requests." in seen
    for word in ("/flows show", "/flows approvals", "/flows setup"):
        assert word in seen
    assert "/flows create" not in seen
    assert "/flows setup" not in text_of(await ask(http.emma, "/flows help"))


@in_both_modes
async def test_the_flow_of_an_open_request_is_shown_whole_and_its_buttons_work(running: World) -> None:
    await running.import_policy(approval_policy())
    await request_change(running)
    shown = await ask(running.emma, "/flows show 1")
    assert "Old title" in text_of(shown)
    assert running.emma.list_buttons(shown) == ["Enable", "Edit", "Duplicate", "Delete"]
    await running.emma.click(shown, "Duplicate")
    await running.emma.wait_for_view(is_form)
    await running.emma.close()
    listed = await ask(running.emma, "/flows list")
    await running.emma.click(listed, "Show")
    pressed = await running.emma.wait_for_message(
        APPROVALS, lambda message: message.ts > listed.ts and "Old title" in text_of(message)
    )
    assert running.emma.list_buttons(pressed) == ["Enable", "Edit", "Duplicate", "Delete"]
    await running.emma.click(pressed, "Delete")
    await running.emma.wait_for_view(lambda view: "open request" in text_of(view))


async def test_a_flow_without_an_open_request_is_answered_like_one_that_does_not_exist(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    add_flow(http, name="Not asked for")
    for flow in (2, 99):
        answer = await ask(http.emma, f"/flows show {flow}")
        assert f"No open request here is about flow #{flow}." in text_of(answer)
        assert "Not asked for" not in text_of(answer)
        assert "#1 Old name" in text_of(answer)


async def test_only_who_may_see_a_request_finds_it(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    http.slack.workspace.channels[MARKETING].members.remove(http.deniz.id)
    seen = text_of(await ask(http.deniz, "/flows list"))
    assert "Requests from C0MARKETING are posted here." in seen
    assert "No open requests." in seen
    assert "Old name" not in seen
    assert "No open request here is about flow #1." in text_of(await ask(http.deniz, "/flows show 1"))
    assert "Old name" not in text_of(await ask(http.deniz, "/flows approvals"))


async def test_people_of_another_organisation_learn_nothing(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    http.slack.workspace.channels[APPROVALS].members.append(http.jonas.id)
    for command in ("/flows", "/flows list", "/flows show 1"):
        seen = text_of(await ask(http.jonas, command))
        assert "C0MARKETING" not in seen
        assert "Old name" not in seen


async def test_the_list_of_approvals_has_the_requests_that_are_posted_there(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    seen = text_of(await ask(http.deniz, "/flows approvals"))
    assert "#1 Old name" in seen.split("Other open requests")[1]


async def test_a_channel_that_no_policy_names_is_answered_as_before(http: World) -> None:
    await http.import_policy(approval_policy())
    assert "flowbot isn't set up in this channel" in text_of(await ask(http.emma, "/flows list", RANDOM))
    assert "Approval channel" not in "".join(private_messages(http, http.emma, RANDOM))
