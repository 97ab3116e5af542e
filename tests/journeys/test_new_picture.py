"""A form's picture is kept before its request is posted: what was there then is what Enkapush gets."""

from typing import Final

import pytest

from flowbot.sandbox.slack import Message, StoredFile, text_of
from flowbot.services.executor import context
from flowbot.slack.forms.flow import submission
from flowbot.storage.repositories.images import ImageRepository
from tests.journeys.form_steps import (
    PNG,
    WEBP,
    add_flow,
    list_writes,
    open_form,
    wait_for_reopened_form,
    wait_for_result,
)
from tests.journeys.request_steps import WAITING, approval_policy, wait_for_notice, wait_for_status
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

OTHER: Final = PNG + b"another picture"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any slow picture be late for the answer to its form."""
    monkeypatch.setattr(submission, "IMAGE_SECONDS", 0.2)


async def _submit_slow_picture(
    world: World, *, content: bytes = PNG, kind: str = "image/png", **fields: str
) -> StoredFile:
    """Submit an edit of a live flow with a picture that Slack hands out slowly."""
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True)
    await open_form(world.emma, "/flows edit 1")
    world.slack.faults.add("files", delay=0.5, times=2)
    file = world.emma.upload("new.png", content, kind)
    assert (await world.emma.submit({"Image": file} | fields)).response_action == "update"
    return file


async def _wait_for_request(world: World) -> Message:
    return await world.deniz.wait_for_message(APPROVALS, WAITING)


async def _approve(world: World, request: Message) -> None:
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")


def _sent_picture(world: World) -> bytes:
    (write,) = list_writes(world)
    return write.files["image"].content


@in_both_modes
async def test_a_slow_picture_that_is_replaced_after_the_request_is_applied_as_it_was(running: World) -> None:
    file = await _submit_slow_picture(running)
    request = await _wait_for_request(running)
    file.content = OTHER
    await _approve(running, request)
    assert _sent_picture(running) == PNG


@in_both_modes
async def test_a_slow_picture_that_is_deleted_after_the_request_is_applied_all_the_same(running: World) -> None:
    file = await _submit_slow_picture(running)
    request = await _wait_for_request(running)
    del running.slack.workspace.files[file.id]
    await _approve(running, request)
    assert _sent_picture(running) == PNG


async def test_a_picture_that_is_gone_brings_the_form_back_before_anybody_is_asked(http: World) -> None:
    file = await _submit_slow_picture(http, Title="Typed")
    del http.slack.workspace.files[file.id]
    await wait_for_reopened_form(http.emma, "The picture couldn't be loaded from Slack")
    assert http.emma.read_field("Title") == "Typed"
    assert await http.deniz.list_messages(APPROVALS) == []
    assert list_writes(http) == []


REFUSED: Final = {
    "no picture": (b"<html>", "This file isn't a PNG"),
    "cut off": (PNG[:-8], "damaged or not whole"),
    "too big": (PNG.ljust(10 * 1024 * 1024 + 1), "too large"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_picture_brings_the_form_back_before_anybody_is_asked(http: World, case: str) -> None:
    content, reason = REFUSED[case]
    kind = "text/html" if case == "no picture" else "image/png"
    await _submit_slow_picture(http, content=content, kind=kind, Title="Typed")
    await wait_for_reopened_form(http.emma, reason)
    assert http.emma.read_field("Title") == "Typed"
    assert await http.deniz.list_messages(APPROVALS) == []


async def test_a_file_shorter_than_slack_said_is_not_taken_for_the_whole(http: World) -> None:
    file = await _submit_slow_picture(http, content=PNG + b"more of it")
    file.content = PNG
    await wait_for_reopened_form(http.emma, "The picture couldn't be loaded from Slack")
    assert await http.deniz.list_messages(APPROVALS) == []


async def test_a_picture_that_never_comes_brings_the_form_back(http: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "NEW_IMAGE_SECONDS", 0.5)
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=True)
    await open_form(http.emma, "/flows edit 1")
    http.slack.faults.add("files", hang=True, times=None)
    await http.emma.submit({"Image": http.emma.upload("new.png", PNG), "Title": "Typed"})
    await wait_for_reopened_form(http.emma, "The picture couldn't be loaded from Slack")
    assert http.emma.read_field("Title") == "Typed"
    assert await http.deniz.list_messages(APPROVALS) == []


@on_both_databases
async def test_an_edit_that_is_asked_again_has_the_picture_that_was_kept(http: World) -> None:
    file = await _submit_slow_picture(http)
    request = await _wait_for_request(http)
    del http.slack.workspace.files[file.id]
    http.enkapush.store.update_flow(1, description="Theirs")
    await http.burak.click(request, "Approve")
    await http.emma.click(await wait_for_status(http, request, "Out of date"), "Ask again")
    await _approve(http, await _wait_for_request(http))
    assert _sent_picture(http) == PNG


async def test_a_form_that_is_opened_again_has_the_picture_that_was_kept(http: World) -> None:
    file = await _submit_slow_picture(http)
    request = await _wait_for_request(http)
    del http.slack.workspace.files[file.id]
    http.enkapush.store.update_flow(1, description="Theirs")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Out of date")
    await http.emma.click(await wait_for_notice(http, request, "Open form"), "Open form")
    again = await http.emma.wait_for_view(lambda view: view.submit is not None)
    assert "Your picture is saved" in text_of(again)
    await http.emma.submit()
    await _approve(http, await _wait_for_request(http))
    assert _sent_picture(http) == PNG


async def test_a_picture_that_is_not_kept_any_more_brings_the_form_back(http: World) -> None:
    await _submit_slow_picture(http)
    request = await _wait_for_request(http)
    http.enkapush.store.update_flow(1, description="Theirs")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Out of date")
    async with http.open_database() as database:
        await ImageRepository(database).delete_unused(http.time.now())
    await http.emma.click(over, "Ask again")
    await http.emma.wait_for_message(MARKETING, "Your picture is no longer saved")
    assert list_writes(http) == []


async def test_a_slow_picture_takes_the_place_of_the_one_that_was_kept(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, title="Theirs")
    await http.emma.submit({"Image": http.emma.upload("new.png", PNG), "Title": "Mine"})
    await wait_for_reopened_form(http.emma, "")
    http.slack.faults.add("files", delay=0.5, times=2)
    await http.emma.submit({"Image": http.emma.upload("other.png", OTHER)})
    await wait_for_result(http.emma, "was changed")
    assert _sent_picture(http) == OTHER


# --- the request shows it ------------------------------------------------------------------------------------------


async def _request_edit(world: World, name: str, content: bytes) -> tuple[StoredFile, Message]:
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True)
    await open_form(world.emma, "/flows edit 1")
    file = world.emma.upload(name, content)
    await world.emma.submit({"Image": file})
    return file, await _wait_for_request(world)


def _shown_files(message: Message) -> list[str]:
    return [block["hero_image"]["slack_file"]["id"] for block in message.blocks or [] if block["type"] == "card"]


async def test_a_request_shows_its_new_picture_with_type_and_size(http: World) -> None:
    file, request = await _request_edit(http, "new.png", PNG.ljust(72_900))
    assert _shown_files(request) == [file.id]
    assert "Image: → a new picture: PNG, 71 KB" in text_of(request)
    await _approve(http, request)
    assert _shown_files(await wait_for_status(http, request, "Applied")) == [file.id]


async def test_a_webp_is_named_with_type_and_size(http: World) -> None:
    _, request = await _request_edit(http, "new.webp", WEBP)
    assert _shown_files(request) == []
    assert "Image: → a new picture: WebP, 2 KB" in text_of(request)


async def test_a_picture_that_slack_does_not_show_is_named(http: World) -> None:
    http.slack.faults.add("chat.postMessage", error="invalid_blocks", block_type="image", times=None)
    _, request = await _request_edit(http, "new.png", PNG)
    assert _shown_files(request) == []
    assert f"Image: → a new picture: PNG, {len(PNG)} bytes" in text_of(request)


async def test_a_request_whose_file_is_deleted_goes_on_without_showing_it(http: World) -> None:
    file, request = await _request_edit(http, "new.png", PNG)
    del http.slack.workspace.files[file.id]
    await _approve(http, request)
    assert _sent_picture(http) == PNG


async def test_a_request_of_a_form_that_was_opened_again_shows_its_picture(http: World) -> None:
    file, request = await _request_edit(http, "new.png", PNG)
    http.enkapush.store.update_flow(1, description="Theirs")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Out of date")
    await http.emma.click(await wait_for_notice(http, request, "Open form"), "Open form")
    await http.emma.wait_for_view(lambda view: view.submit is not None)
    await http.emma.submit()
    assert _shown_files(await _wait_for_request(http)) == [file.id]
