"""`/flows edit`: only what was changed is sent, and only onto the flow that the form showed."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Image
from flowbot.sandbox.slack import text_of
from flowbot.storage.repositories.drafts import DraftRepository
from tests.flow_fields import FIELD_CASES, LABELS
from tests.journeys.form_steps import (
    PNG,
    add_flow,
    add_segments,
    field_errors,
    list_writes,
    open_form,
    sent_fields,
    submit_label,
    wait_for_reopened_form,
    wait_for_result,
)
from tests.journeys.world import MARKETING, World, in_both_modes, on_both_databases

CHANGES: Final = {
    case.label: (case.changed, {case.wire: case.changed_sent}) for case in FIELD_CASES if case.changed_sent is not None
}


@in_both_modes
async def test_one_field_is_changed_and_the_answer_shows_the_flow(running: World) -> None:
    add_flow(running)
    form = await open_form(running.emma, "/flows edit 1")
    assert tuple(running.emma.list_fields()) == LABELS
    assert submit_label(form) == "Save"
    await running.emma.submit({"Title": "Yeni başlık"})
    changed = await wait_for_result(running.emma, "Flow #1 was changed")
    assert "Yeni başlık" in text_of(changed)
    assert running.emma.list_buttons(changed) == ["Edit", "Duplicate", "Share"]
    assert sent_fields(running) == {"title": "Yeni başlık"}
    await running.emma.send(MARKETING, "/flows show 1")
    await running.emma.wait_for_message(MARKETING, lambda message: "As a subscriber" in text_of(message))


@pytest.mark.parametrize("label", CHANGES)
async def test_only_the_field_that_was_changed_is_sent(http: World, label: str) -> None:
    add_segments(http, 1, "VIP")
    add_flow(http)
    value, wire = CHANGES[label]
    await open_form(http.emma, "/flows edit 1")
    await http.emma.submit({label: value})
    await wait_for_result(http.emma, "Flow #1 was changed")
    (request,) = list_writes(http)
    assert (request.method, request.path) == ("POST", "/flows/1")
    assert request.texts == wire
    assert len(request.fields) == 1


async def test_a_new_picture_alone_is_sent_alone(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await http.emma.submit({"Image": http.emma.upload("new.png", PNG)})
    await wait_for_result(http.emma, "Flow #1 was changed")
    (request,) = list_writes(http)
    assert [field.name for field in request.fields] == ["image"]
    assert request.files["image"].content == PNG


async def test_a_button_is_taken_away_whole(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await http.emma.submit({"Button 1 title": None, "Button 1 URL": None})
    await wait_for_result(http.emma, "Flow #1 was changed")
    assert sent_fields(http) == {"button_title_1": "", "button_url_1": ""}


@pytest.mark.parametrize("is_enabled", [False, True])
async def test_saving_what_is_there_already_asks_nobody_and_leaves_the_form_open(http: World, is_enabled: bool) -> None:
    add_flow(http, is_enabled=is_enabled)
    await open_form(http.emma, "/flows edit 1")
    refused = await http.emma.submit()
    assert field_errors(http.emma, refused.errors) == {"Name": "You didn't change anything."}
    assert await http.burak.list_messages(MARKETING) == []
    await http.emma.submit({"Title": "New"})
    if is_enabled:
        await http.burak.wait_for_message(MARKETING, lambda message: "Approve" in http.burak.list_buttons(message))
    else:
        await wait_for_result(http.emma, "Flow #1 was changed")
        assert sent_fields(http) == {"title": "New"}


async def test_a_flow_that_moves_to_another_website_needs_its_segment_said(http: World) -> None:
    add_flow(http)
    form = await open_form(http.emma, "/flows edit 1")
    assert http.emma.read_field("Segment") is None
    submitted = await http.emma.submit({"Website": "Northbound Outdoor"})
    assert list(field_errors(http.emma, submitted.errors)) == ["Segment"]
    await http.emma.choose(form, "Website", "Northbound Outdoor")
    await http.emma.wait_until(lambda: "Segment" in http.emma.list_fields() and http.emma.read_field("Segment"))
    await http.emma.submit()
    await wait_for_result(http.emma, "Flow #1 was changed")
    assert sent_fields(http) == {"website_id": "2", "segment": "all"}


# --- what may not be edited ----------------------------------------------------------------------------------------


async def test_an_enabled_flow_is_not_edited_before_its_approval(http: World) -> None:
    add_flow(http, is_enabled=True)
    form = await open_form(http.emma, "/flows edit 1")
    assert submit_label(form) == "Request approval"
    assert "This edit needs approval before it goes live." in text_of(form)
    await http.emma.submit({"Title": "New", "Reason": "The sale ends"})
    request = await http.burak.wait_for_message(
        MARKETING, lambda message: "Approve" in http.burak.list_buttons(message)
    )
    assert not request.is_ephemeral
    assert "Reason: The sale ends" in text_of(request)
    assert list_writes(http) == []


async def test_an_open_request_is_named_where_another_change_of_its_flow_is_saved(http: World) -> None:
    add_flow(http)
    await open_form(http.ayse, "/flows düzenle 1")
    await http.emma.send(MARKETING, "/flows enable 1")
    await http.burak.wait_for_message(MARKETING, lambda message: "Approve" in http.burak.list_buttons(message))
    add_flow(http)
    await http.ayse.send(MARKETING, "/flows enable 2")
    await http.emma.wait_for_message(MARKETING, lambda message: "Onayla" in http.emma.list_buttons(message))
    await open_form(http.emma, "/flows edit 2")
    for person, title, says in (
        (http.emma, "Title", "This flow has an open request."),
        (http.ayse, "Başlık", "Bu akış için açık bir istek var"),
    ):
        refused = await person.submit({title: "Mine"})
        (sentence,) = (refused.errors or {}).values()
        assert sentence.startswith(says)
        assert person.read_field(title) == "Mine"
    assert list_writes(http) == []


async def test_the_form_says_that_a_request_for_its_flow_is_open_until_that_is_decided(http: World) -> None:
    add_flow(http)
    add_flow(http)
    await http.emma.send(MARKETING, "/flows enable 1")
    request = await http.burak.wait_for_message(
        MARKETING, lambda message: "Approve" in http.burak.list_buttons(message)
    )
    said = "Once you save, approval starts over."
    assert said in text_of(await open_form(http.emma, "/flows edit 1"))
    assert "Bu akış için açık bir istek var" in text_of(await open_form(http.ayse, "/flows düzenle 1"))
    for command in ("/flows edit 2", "/flows duplicate 1"):
        await http.emma.close()
        assert said not in text_of(await open_form(http.emma, command))
    await http.emma.click(request, "Withdraw")
    await http.burak.wait_for_message(
        MARKETING, lambda message: message.ts == request.ts and "Withdrawn" in text_of(message)
    )
    await http.emma.close()
    assert said not in text_of(await open_form(http.emma, "/flows edit 1"))


async def test_a_flow_that_was_enabled_meanwhile_is_not_edited(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, is_enabled=True)
    await http.emma.submit({"Title": "New"})
    again = await wait_for_reopened_form(http.emma, "was changed while you were editing")
    assert "save again: State." in text_of(again)
    assert list_writes(http) == []


@on_both_databases
async def test_a_flow_that_changed_meanwhile_is_out_of_date_and_the_next_save_works(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, name="Theirs", wait_time=9, total_sent_push_notifications=5)
    await http.emma.submit({"Title": "Mine", "UTM source": "mine"})
    again = await wait_for_reopened_form(http.emma, "was changed while you were editing")
    assert "Name and Wait" in text_of(again)
    assert http.emma.read_field("Title") == "Mine"
    assert http.emma.read_field("UTM source") == "mine"
    assert (http.emma.read_field("Name"), http.emma.read_field("Wait")) == ("Theirs", "9")
    assert list_writes(http) == []
    await http.emma.submit()
    await wait_for_result(http.emma, "Flow #1 was changed")
    assert sent_fields(http) == {"title": "Mine", "utm_source": "mine"}


async def test_totals_and_timestamps_put_nothing_out_of_date(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, total_sent_push_notifications=5, total_clicked_push_notifications=1)
    await http.emma.submit({"Title": "Mine"})
    await wait_for_result(http.emma, "Flow #1 was changed")
    assert sent_fields(http) == {"title": "Mine"}


@pytest.mark.parametrize("field", ["website_id", "image", "is_silent", "button_title_2", "ttl", "url", "description"])
async def test_any_field_that_a_person_can_set_puts_it_out_of_date(http: World, field: str) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    before = http.enkapush.store.flow(1)
    pictured = http.enkapush.store.add_flow(website_id=2, image=Image("theirs.png", "image/png", PNG))
    other: dict[str, Any] = {
        "website_id": 2, "image": pictured.image, "is_silent": not before.is_silent, "button_title_2": "x", "ttl": 0,
        "url": "https://other.example", "description": "x",
    }  # fmt: skip
    http.enkapush.store.update_flow(1, **{field: other[field]})
    await http.emma.submit({"Title": "Mine"})
    await wait_for_reopened_form(http.emma, "was changed while you were editing")
    assert list_writes(http) == []


async def test_a_flow_that_is_gone_meanwhile_is_said(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.delete_flow(1)
    await http.emma.submit({"Title": "Mine"})
    await http.emma.wait_for_view("no longer exists")
    assert http.emma.read_field("Title") == "Mine"
    assert list_writes(http) == []
    await http.emma.submit()
    await http.emma.wait_for_message(MARKETING, "Flow #2 was created")


async def test_a_flow_that_left_the_channels_websites_is_not_touched(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, website_id=3)
    await http.emma.submit({"Title": "Mine"})
    form = await http.emma.wait_for_view("no longer exists")
    assert http.emma.read_field("Title") == "Mine"
    assert "Kitap" not in text_of(form)
    assert list_writes(http) == []


async def test_a_form_that_is_too_old_is_neither_saved_nor_previewed(http: World) -> None:
    add_flow(http)
    form = await open_form(http.emma, "/flows edit 1")
    async with http.open_database() as database:
        await DraftRepository(database).delete_older_than(http.time.now() + timedelta(days=1))
    http.emma.fill("URL", "javascript:alert(1)")
    await http.emma.click(form, "Preview")
    preview = text_of(await http.emma.wait_for_view("Fix this to see the preview"))
    assert "This form is too old to save." in preview
    await http.emma.close()
    refused = field_errors(http.emma, (await http.emma.submit({"URL": "https://lale.example/new"})).errors)
    assert refused["Name"].startswith("This form is too old")
    assert list_writes(http) == []


async def test_two_editors_at_once_do_not_overwrite_each_other(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await open_form(http.ayse, "/flows düzenle 1")
    await asyncio.gather(http.emma.submit({"Title": "Emma's"}), http.ayse.submit({"Başlık": "Ayşe'nin"}))
    assert len([record for record in list_writes(http) if record.status == 200]) <= 1
    people = {"Emma's": http.emma, "Ayşe'nin": http.ayse}
    await http.emma.wait_until(lambda: http.enkapush.store.flow(1).title in people)
    winner = people[http.enkapush.store.flow(1).title]
    await winner.wait_for_message(MARKETING, "#1")
    assert len(list_writes(http)) == 1
