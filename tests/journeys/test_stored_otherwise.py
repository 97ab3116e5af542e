"""What Enkapush stores otherwise than it was sent: done, what differs is said first, and what was typed is at hand."""

import html
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from unicodedata import normalize

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import REQUIRED_FIELDS, is_form, open_form
from tests.journeys.late_steps import MINUTES, NOT_KNOWN, request_edit, wait_for_look
from tests.journeys.request_steps import wait_for_private_message, wait_for_status
from tests.journeys.world import MARKETING, World, first_on_both_databases

WRITE_SECONDS: Final = 15
LONG: Final = "Look at all that is new in the shop this spring: " + "shoes, bags, hats. " * 3 + "Come."
CAFE: Final = "Cafe\N{COMBINING ACUTE ACCENT} & Bar"
STORED: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    "shortened": (LONG, lambda text: text[:60]),
    "shortened to less than half": (LONG, lambda text: text[:10]),
    "escaped": (CAFE, html.escape),
    "composed": (CAFE, partial(normalize, "NFC")),
}


def store(world: World, path: str, stored: dict[str, Callable[[str], str]], after: float = 0, **how: Any) -> None:
    """Let Enkapush store fields of the next write otherwise."""
    world.enkapush.faults.add(Fault.write(after, path=path, stored=stored, **how))


async def check_form_reopens(person: SandboxPerson, told: Message, description: str) -> None:
    """Check that the message's button opens the form with what was typed."""
    await person.close(everything=True)
    await person.click(told, "Open form")
    await person.wait_for_view(is_form)
    assert person.read_field("Description") == description


@first_on_both_databases("case", STORED)
async def test_a_new_flow_that_is_stored_otherwise_is_done_and_says_what_differs(bots: World, case: str) -> None:
    typed, stored = STORED[case]
    await open_form(bots.emma, "/flows create")
    store(bots, "/flows", {"description": stored})
    await bots.emma.submit(REQUIRED_FIELDS | {"Description": typed})
    told = await wait_for_private_message(bots.emma, "was created", MARKETING)
    assert "Open form" in bots.emma.list_buttons(told)
    first = text_of(told).splitlines()[:3]
    assert any("Description" in line for line in first), first
    await check_form_reopens(bots.emma, told, typed)


@first_on_both_databases("case", STORED)
async def test_an_edit_of_a_live_flow_that_is_stored_otherwise_is_applied(bots: World, case: str) -> None:
    typed, stored = STORED[case]
    bots.enkapush.store.add_flow(website_id=1, name="Live", description="Old text", is_enabled=True)
    await open_form(bots.emma, "/flows edit 1")
    await bots.emma.submit({"Description": typed, "Title": "Mine"})
    request = await bots.deniz.wait_for_message("C0APPROVALS", "Waiting for approval")
    store(bots, "/flows/1", {"description": stored})
    await bots.burak.click(request, "Approve")
    over = await wait_for_status(bots, request, "Applied")
    assert "Description" in text_of(over)
    assert NOT_KNOWN not in text_of(over)
    told = await bots.emma.wait_for_message(
        "C0APPROVALS", lambda message: "Open form" in bots.emma.list_buttons(message)
    )
    await check_form_reopens(bots.emma, told, typed)


async def test_an_edit_that_is_stored_otherwise_says_so_to_its_author(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Off", description="Old text")
    await open_form(bots.emma, "/flows edit 1")
    store(bots, "/flows/1", {"description": lambda text: text[:60]})
    await bots.emma.submit({"Description": LONG})
    told = await wait_for_private_message(bots.emma, "was changed", MARKETING)
    assert any("Description" in line for line in text_of(told).splitlines()[:3])
    await check_form_reopens(bots.emma, told, LONG)


async def test_trimmed_texts_are_as_they_were_sent(bots: World) -> None:
    await open_form(bots.emma, "/flows create")
    store(bots, "/flows", {"description": str.strip})
    await bots.emma.submit(REQUIRED_FIELDS | {"Description": "  Look at what is new. "})
    told = await wait_for_private_message(bots.emma, "was created", MARKETING)
    assert "Open form" not in bots.emma.list_buttons(told)


async def test_a_field_that_is_not_taken_is_said(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Live", title="Old title", url="", is_enabled=True)
    await open_form(bots.emma, "/flows edit 1")
    await bots.emma.submit({"URL": "https://lale.example/new", "Title": "Mine"})
    request = await bots.deniz.wait_for_message("C0APPROVALS", "Waiting for approval")
    store(bots, "/flows/1", {}, ignored=["url"])
    await bots.burak.click(request, "Approve")
    over = await wait_for_status(bots, request, "Applied")
    assert "URL" in text_of(over)


async def test_an_edit_of_which_nothing_is_taken_is_not_known(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Live", title="Old title", is_enabled=True)
    request = await request_edit(bots)
    store(bots, "/flows/1", {}, ignored=["title"])
    await bots.burak.click(request, "Approve")
    over = await wait_for_status(bots, request, NOT_KNOWN)
    assert bots.deniz.list_buttons(over) == ["Check again"]


@pytest.mark.parametrize(("length", "ends"), [(60, "Applied"), (40, NOT_KNOWN)])
async def test_what_comes_late_is_known_by_at_least_half_of_it(bots: World, length: int, ends: str) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Live", description="Old text", is_enabled=True)
    await open_form(bots.emma, "/flows edit 1")
    await bots.emma.submit({"Description": LONG})
    request = await bots.deniz.wait_for_message("C0APPROVALS", "Waiting for approval")
    store(bots, "/flows/1", {"description": lambda text: text[:length]}, 5 * MINUTES)
    await bots.burak.click(request, "Approve")
    await wait_for_status(bots, request, NOT_KNOWN)
    await wait_for_look(bots, 5 * MINUTES)
    await wait_for_status(bots, request, ends)
