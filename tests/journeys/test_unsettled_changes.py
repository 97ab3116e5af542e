"""Changes that Enkapush did not answer, and may still carry out: no other change may meet them on an enabled flow."""

from collections.abc import AsyncIterator

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, open_form
from tests.journeys.request_steps import (
    all_sent_fields,
    approval_policy,
    click_and_read,
    request_change,
    speed_up,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import MARKETING, World

EDIT = {"title": "Nobody approved this"}
ENABLE = {"is_enabled": "1"}


@pytest.fixture
async def hanging_http(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Start a bot, with a disabled flow whose next two writes hang at Enkapush until they are released."""
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy())
    add_flow(world)
    world.enkapush.faults.add(Fault.hang(outlives_sender=True, method="POST", path="/flows/1", times=2))
    yield world
    world.enkapush.release()


async def edit_flow(person: SandboxPerson, title: str, answer: str) -> str:
    """Edit the flow, wait for the message about it, and return its text."""
    await open_form(person, "/flows edit 1")
    await person.submit({"Title": title})
    return text_of(await wait_for_private_message(person, answer, MARKETING))


async def release_writes(world: World) -> None:
    """Let Enkapush carry out the writes that hang."""
    world.enkapush.release()
    await wait_until(lambda: world.enkapush.store.flow(1).title == EDIT["title"])


async def test_a_flow_is_not_enabled_while_an_edit_of_it_may_still_come(hanging_http: World) -> None:
    await edit_flow(hanging_http.emma, EDIT["title"], "did not say whether it changed flow 1")
    await hanging_http.emma.send(MARKETING, "/flows enable 1")
    await wait_for_private_message(
        hanging_http.emma, "what became of the last change to flow 1, and may still make it", MARKETING
    )
    await hanging_http.ayse.send(MARKETING, "/flows etkinleştir 1")
    await wait_for_private_message(hanging_http.ayse, "son değişikliğin sonucunu bildirmedi", MARKETING)
    await release_writes(hanging_http)
    hanging_http.time.ahead += 61
    request = await request_change(hanging_http, "enable 1")
    assert EDIT["title"] in text_of(request)
    await hanging_http.burak.click(request, "Approve")
    await wait_for_status(hanging_http, request, "Applied")
    assert all_sent_fields(hanging_http) == [EDIT, EDIT, ENABLE]


async def test_an_approval_does_not_enable_a_flow_while_an_edit_of_it_may_still_come(hanging_http: World) -> None:
    await edit_flow(hanging_http.emma, EDIT["title"], "did not say whether it changed flow 1")
    hanging_http.time.ahead += 61
    request = await request_change(hanging_http, "enable 1")
    # As if it had been asked for in the moment in which the edit was given up.
    hanging_http.time.ahead -= 61
    await hanging_http.burak.click(request, "Approve")
    over = await wait_for_status(hanging_http, request, "Failed")
    assert "Try again in a minute." in text_of(over)
    await release_writes(hanging_http)
    assert not hanging_http.enkapush.store.flow(1).is_enabled
    assert all_sent_fields(hanging_http) == [EDIT, EDIT]


async def test_a_flow_is_not_edited_without_an_approval_while_it_may_still_be_enabled(hanging_http: World) -> None:
    request = await request_change(hanging_http, "enable 1")
    await hanging_http.burak.click(request, "Approve")
    await wait_for_status(hanging_http, request, "not known")
    await open_form(hanging_http.emma, "/flows edit 1")
    await hanging_http.emma.submit({"Title": EDIT["title"]})
    form = await hanging_http.emma.wait_for_view("may still make it")
    assert hanging_http.emma.read_field("Title") == EDIT["title"]
    assert form.submit is not None
    assert all_sent_fields(hanging_http) == [ENABLE, ENABLE]
    hanging_http.enkapush.release()
    await wait_until(lambda: hanging_http.enkapush.store.flow(1).is_enabled)
    assert hanging_http.enkapush.store.flow(1).title == "Old title"


async def test_what_never_came_holds_nothing_back_for_longer_than_a_minute(hanging_http: World) -> None:
    request = await request_change(hanging_http, "enable 1")
    await hanging_http.burak.click(request, "Approve")
    open_end = await wait_for_status(hanging_http, request, "not known")
    hanging_http.time.ahead += 61
    assert "was changed" in await edit_flow(hanging_http.emma, EDIT["title"], "Flow #1 was changed")
    assert "still not known" in await click_and_read(hanging_http, hanging_http.emma, open_end, "Check again")
