"""Guests of the workspace: a policy has to name them."""

import pytest

from flowbot.sandbox.slack import SandboxPerson, text_of
from flowbot.sandbox.slack.models import Person
from tests.journeys.request_steps import WAITING, approval_policy, private_messages, request_change
from tests.journeys.world import MARKETING, World, in_both_modes


def add_guest(world: World, *, locale: str = "en-US", is_single_channel: bool = False) -> SandboxPerson:
    """Add a guest to the marketing channel."""
    workspace = world.slack.workspace
    workspace.people["U0GUEST"] = Person(
        "U0GUEST",
        "guest",
        "Gül Konuk",
        workspace.team,
        locale=locale,
        is_restricted=True,
        is_ultra_restricted=is_single_channel,
    )
    workspace.channels[MARKETING].members.append("U0GUEST")
    return world.slack.person("U0GUEST")


@in_both_modes
@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "Guests can use flowbot only if an admin adds them by name"),
        ("tr-TR", "Konukların flowbot'u kullanması için"),
    ],
)
async def test_a_guest_is_not_everyone(running: World, locale: str, said: str) -> None:
    running.add_flows(1)
    guest = add_guest(running, locale=locale, is_single_channel=locale == "tr-TR")
    await guest.send(MARKETING, "/flows list")
    await guest.send(MARKETING, "/flows show 1")
    await guest.wait_until(lambda: len(private_messages(running, guest, MARKETING)) == 2)
    for answer in private_messages(running, guest, MARKETING):
        assert said in answer
        assert "Flow 1" not in answer


@in_both_modes
async def test_a_guest_whom_the_policy_names_may_do_what_it_says(running: World) -> None:
    guest = add_guest(running)
    await running.import_policy(approval_policy(editors='["U0GUEST"]', where=MARKETING))
    request = await request_change(running, by=guest, where=MARKETING)
    assert WAITING in text_of(request)


@in_both_modes
async def test_a_guest_approves_nothing_as_everyone(running: World) -> None:
    guest = add_guest(running)
    await running.import_policy(approval_policy(approvers='["*"]', where=MARKETING))
    request = await request_change(running, where=MARKETING)
    await guest.click(request, "Approve")
    await guest.wait_for_message(
        MARKETING, lambda message: message.is_ephemeral and "Guests can use flowbot only" in text_of(message)
    )
    await running.burak.click(request, "Approve")
    await running.deniz.wait_for_message(
        MARKETING, lambda message: message.ts == request.ts and "Applied" in text_of(message)
    )
