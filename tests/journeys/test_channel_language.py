"""A channel's messages are in its policy's language, whoever asks; private answers stay in each reader's."""

from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    request_change,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

EDITORS = 'editors = ["S0EDITORS"]'


def policy(language: str) -> str:
    return approval_policy().replace(EDITORS, f'{EDITORS}\nlanguage = "{language}"')


@in_both_modes
async def test_messages_follow_the_policys_language_and_its_change(running: World) -> None:
    emma, burak = running.emma, running.burak
    await running.import_policy(policy("tr"))
    request = await request_change(running, f"enable {add_flow(running)}")
    assert "Onay bekliyor" in text_of(request)
    await wait_for_private_message(emma, "Approval requested", MARKETING)
    await running.import_policy(policy("en"))
    request = await emma.wait_for_message(
        APPROVALS, lambda shown: shown.ts == request.ts and "Waiting for approval" in text_of(shown)
    )
    await running.import_policy(policy("tr"))
    await burak.click(request, "Approve")
    await wait_for_notice(running, request, "yayında")
    done = await wait_for_status(running, request, "Uygulandı")
    assert "Applied" not in text_of(done)


async def test_what_is_shared_is_in_the_policys_language(http: World) -> None:
    http.add_flows(2, website=1)
    await http.import_policy(policy("tr"))
    await http.emma.send(MARKETING, "/flows list")
    shown = await wait_for_private_message(http.emma, "2 flows", MARKETING)
    assert await click_and_read(http, http.emma, shown, "Share", MARKETING)
    await http.deniz.wait_for_message(MARKETING, lambda shared: "2 akış" in text_of(shared) and not shared.is_ephemeral)
