"""Slack fails in every way that it can, at every method that flowbot calls."""

from typing import Any, Final

import pytest

from flowbot.domain.change import Change, ChangeState
from flowbot.sandbox.slack import Message, text_of
from tests.faults.fault_checks import (
    A_WHILE,
    Scene,
    check_new_command,
    check_recovery,
    eventually,
    only_change,
    type_and_read,
    wait_until_closed,
)
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, open_form
from tests.journeys.request_steps import request_change
from tests.journeys.world import APPROVALS, MARKETING

pytestmark = pytest.mark.asyncio(loop_scope="module")

AWAY: Final[dict[str, dict[str, Any]]] = {
    "429 for long": {"retry_after": 30},
    "503": {"status": 503},
    "a hang": {"hang": True},
}
NO_SUCH_PLACE: Final[dict[str, dict[str, Any]]] = {
    error: {"error": error} for error in ("is_archived", "not_in_channel")
}
PLACES: Final = {
    "is_inactive": "C0APPROVALS is archived; unarchive it",
    "restricted_action_read_only_channel": "Slack doesn't let flowbot post in C0APPROVALS",
    "an_error_of_tomorrow": "Slack refused the message (an_error_of_tomorrow)",
}
"""What is said of a channel that takes no message, by Slack's error."""
UNWANTED: Final[dict[str, dict[str, Any]]] = {"invalid_blocks": {"error": "invalid_blocks"}}
TOO_LATE: Final[dict[str, dict[str, Any]]] = {"expired_trigger_id": {"error": "expired_trigger_id"}}


def break_methods(scene: Scene, fault: dict[str, Any], *methods: str) -> None:
    """Let these methods fail until the fault is over."""
    for method in methods:
        scene.world.slack.faults.add(method, **fault, times=None)


async def check_request_can_be_approved(scene: Scene) -> None:
    """Check that the request that went through the fault is as good as any other."""
    change = await only_change(scene)
    message = scene.world.slack.workspace.find_message(APPROVALS, change.message_ts or "")
    assert message is not None
    await scene.world.burak.click(message, "Approve")
    await wait_until_closed(scene)
    ended = await check_recovery(scene, scene.world.emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]


async def wait_for_change(scene: Scene) -> Change:
    """Wait for the scene's one change."""
    await eventually(scene.changes, "the request is kept")
    return await only_change(scene)


@pytest.mark.parametrize("case", [*AWAY, *NO_SUCH_PLACE, *UNWANTED])
async def test_a_request_that_slack_does_not_take_is_kept_and_posted_once_later(scene: Scene, case: str) -> None:
    fault = {**AWAY, **NO_SUCH_PLACE, **UNWANTED}[case]
    flow = add_flow(scene.world)
    break_methods(scene, fault, "chat.postMessage")
    said = await type_and_read(scene, scene.world.emma, f"/flows enable {flow} Sale", "aved")
    assert ("/invite" in said) is (case == "not_in_channel")
    await wait_for_change(scene)
    await check_recovery(scene, scene.world.emma)
    await check_request_can_be_approved(scene)


@pytest.mark.parametrize("case", [*AWAY, *NO_SUCH_PLACE, *UNWANTED])
async def test_an_end_that_slack_does_not_show_is_told_and_shown_later(scene: Scene, case: str) -> None:
    emma, request = scene.world.emma, await request_change(scene.world)
    # A channel that is closed to the bot takes no new message either.
    methods = ("chat.update", "chat.postMessage") if case in NO_SUCH_PLACE else ("chat.update",)
    break_methods(scene, {**AWAY, **NO_SUCH_PLACE, **UNWANTED}[case], *methods)
    await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)
    await emma.wait_until(lambda: list_told_ends(scene, request))
    if case in NO_SUCH_PLACE:
        assert "isn't up to date" in list_told_ends(scene, request)[0]
    assert not any("Your request is saved" in text for text in scene.texts_for(emma))
    ended = await check_recovery(scene)
    assert len(list_told_ends(scene, request)) == 1
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]


@pytest.mark.parametrize("case", AWAY)
async def test_who_asked_is_told_the_end_even_where_slack_was_away_just_then(scene: Scene, case: str) -> None:
    request = await request_change(scene.world)
    break_methods(scene, AWAY[case], "chat.postEphemeral", "chat.postMessage")
    await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)
    await check_recovery(scene)
    await scene.world.emma.wait_until(lambda: list_told_ends(scene, request))


@pytest.mark.parametrize("error", PLACES)
async def test_a_decision_at_home_counts_whatever_the_channel_refuses(scene: Scene, error: str) -> None:
    world, emma, burak = scene.world, scene.world.emma, scene.world.burak
    request = await request_change(world)
    for method in ("chat.postMessage", "chat.update", "chat.postEphemeral", "conversations.info"):
        world.slack.faults.add(method, error=error, channel=APPROVALS, times=None)
    await burak.open_home()
    await burak.click(await burak.wait_for_home("Onayla"), "Onayla")
    await wait_until_closed(scene)
    await emma.wait_until(lambda: list_told_ends(scene, request))
    assert PLACES[error] in list_told_ends(scene, request)[0]
    # The others are served meanwhile, and Slack is not asked again and again.
    world.time.ahead += A_WHILE
    calls = count_calls(scene, "chat.update")
    await check_new_command(scene)
    assert count_calls(scene, "chat.update") - calls <= 5
    ended = await check_recovery(scene)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]
    assert len(list_told_ends(scene, request)) == 1


async def test_who_cannot_be_told_in_a_locked_thread_is_told_directly(scene: Scene) -> None:
    request = await request_change(scene.world)
    scene.world.slack.faults.add(
        "chat.postMessage", error="restricted_action_thread_locked", in_thread=True, times=None
    )
    await scene.world.burak.click(request, "Approve")
    await scene.world.emma.wait_until(lambda: list_told_ends(scene, request))
    (told,) = list_told_ends(scene, request)
    assert "The thread in C0APPROVALS is locked" in told
    await check_recovery(scene)
    assert list_told_ends(scene, request) == [told]


@pytest.mark.parametrize("case", ["503", "a hang"])
async def test_who_is_told_in_the_thread_is_not_told_again_where_slack_does_not_say_who_is_there(
    scene: Scene, case: str
) -> None:
    scene.world.time.ahead += 120
    request = await request_change(scene.world)
    break_methods(scene, AWAY[case], "conversations.members", "conversations.info")
    await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)
    await scene.world.emma.wait_until(lambda: list_told_ends(scene, request))
    await check_recovery(scene)
    assert len(list_told_ends(scene, request)) == 1


def count_calls(scene: Scene, method: str) -> int:
    """Count the calls of a method that Slack got."""
    log = scene.world.slack.context.exchange_log.list_latest(10_000)
    return sum(each["what"] == method for each in log)


def list_told_ends(scene: Scene, request: Message) -> list[str]:
    """List what told who asked that their flow is live: privately, and in the request's thread."""
    posted = scene.world.slack.workspace.messages[APPROVALS]
    told = [*scene.texts_for(scene.world.emma), *(text_of(each) for each in posted if each.thread_ts == request.ts)]
    return [text for text in told if "is live" in text]


@pytest.mark.parametrize("case", [*AWAY, *UNWANTED, *TOO_LATE])
async def test_a_form_that_slack_does_not_open_is_offered(scene: Scene, case: str) -> None:
    break_methods(scene, {**AWAY, **UNWANTED, **TOO_LATE}[case], "views.open")
    said = await type_and_read(scene, scene.world.emma, "/flows create")
    assert "Press Open form" in said
    await check_recovery(scene, scene.world.emma)
    await open_form(scene.world.emma, "/flows create")
    await scene.world.emma.close()


@pytest.mark.parametrize("case", [*AWAY, *UNWANTED])
async def test_a_form_that_slack_does_not_fill_is_a_sentence(scene: Scene, case: str) -> None:
    break_methods(scene, {**AWAY, **UNWANTED}[case], "views.update")
    said = await type_and_read(scene, scene.world.emma, "/flows create")
    assert "didn't let flowbot fill in the form" in said
    await scene.world.emma.close()
    await check_recovery(scene, scene.world.emma)
    await open_form(scene.world.emma, "/flows create")
    await scene.world.emma.close()


@pytest.mark.parametrize("case", [*AWAY, *UNWANTED])
async def test_a_save_that_slack_does_not_show_in_its_form_is_told_by_a_message(scene: Scene, case: str) -> None:
    emma = scene.world.emma
    await open_form(emma, "/flows create")
    break_methods(scene, {**AWAY, **UNWANTED}[case], "views.update")
    await emma.submit(REQUIRED_FIELDS | {"Name": f"Saved in {case}"})
    await emma.wait_for_message(MARKETING, "was created")
    await emma.close()
    ended = await check_recovery(scene, emma)
    assert [change.state for change in ended.values()] == [ChangeState.APPLIED]


@pytest.mark.parametrize("method", ["users.info", "usergroups.list"])
@pytest.mark.parametrize("case", AWAY)
async def test_who_cannot_be_known_may_do_nothing_until_they_can(scene: Scene, method: str, case: str) -> None:
    request = await request_change(scene.world)
    scene.world.time.ahead += 120
    break_methods(scene, AWAY[case], method)
    await type_and_read(scene, scene.world.emma, "/flows enable 1", "Slack")
    burak = scene.world.burak
    await burak.click(request, "Approve")
    await burak.wait_until(lambda: scene.texts_for(burak))
    assert (await only_change(scene)).state is ChangeState.PENDING
    await check_recovery(scene, scene.world.emma, burak)
    await check_request_can_be_approved(scene)
