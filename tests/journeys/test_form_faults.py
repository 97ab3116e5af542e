"""Faults after `Create` and `Save`: nothing typed is lost, and one form makes one flow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import FaultScope
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.slack.forms.flow import submission
from tests.journeys.form_steps import (
    PNG,
    REQUIRED_FIELDS,
    add_flow,
    add_segments,
    choose_website,
    field_errors,
    is_form,
    list_writes,
    open_form,
    sent_fields,
    wait_for_reopened_form,
    wait_for_result,
)
from tests.journeys.request_steps import sleep_briefly, wait_until
from tests.journeys.world import AGENCY, MARKETING, POLICY, World, on_both_databases

TYPED: Final[dict[str, Any]] = REQUIRED_FIELDS | {
    "URL": "https://lale.example/?q=ğ",
    "Wait": "5",
    "Wait unit": "hours",
    "Segment": "All subscribers",
    "Button 1 title": "Go",
    "Button 1 URL": "https://lale.example/go",
    "Auto-hide": ["Hide it after a while"],
    "Time to live": "1 hour",
    "UTM campaign": "spring",
}
NASTY: Final = "<!channel> *Spring* <@U0AYSE>"
NEW: Final[FaultScope] = {"method": "POST", "path": "/flows"}
REFUSALS: Final[dict[str, tuple[Fault, str]]] = {
    "413": (Fault.html(413, **NEW), "HTTP 413"),
    "404": (Fault.status(404, "", **NEW), "HTTP 404"),
    "400": (Fault.status(400, '{"errors": [{"title": "Too loud."}]}', **NEW), "Too loud."),
    "422 by field": (
        Fault.status(422, '{"errors": {"title": ["Too <b>long</b>."]}}', **NEW),
        "title: Too <b>long</b>.",
    ),
    "401": (Fault.status(401, **NEW), "doesn't accept flowbot's API key"),
    "429": (Fault.too_many(1, **NEW), "too busy"),
    "down before it is sent": (Fault.reset(path="/flows", times=4), "can't reach Enkapush"),
    "500 before it is sent": (Fault.status(500, path="/flows", times=4), "answered with an error"),
    "silent before it is sent": (Fault.hang(path="/flows", times=4), "didn't answer in time"),
}
UNCLEAR: Final = {
    "cut after": Fault.reset(after_effect=True, **NEW),
    "silent after": Fault.hang(after_effect=True, **NEW),
    "500 after": Fault.status(500, after_effect=True, **NEW),
    "empty after": Fault.empty(after_effect=True, **NEW),
    "half an answer": Fault.truncated(**NEW),
}
NOT_DONE: Final = {
    "cut before": Fault.reset(**NEW),
    "silent before": Fault.hang(**NEW),
    "500 before": Fault.status(500, **NEW),
}


@pytest.fixture
async def fast_http(world: World) -> AsyncIterator[World]:
    """Start a bot that gives Enkapush little time, and retries soon."""
    world.timeouts, world.sleep = Timeouts(read=0.2, write=0.2, write_deadline=0.4), sleep_briefly
    await world.start_http()
    yield world
    world.enkapush.release()


async def wait_for_unknown_outcome(person: SandboxPerson, text: str) -> Message:
    """Wait for a message that says what is not known, with a button that opens the form again."""
    told = await person.wait_for_message(MARKETING, text)
    assert person.list_buttons(told) == ["Open form", "Check again"]
    return told


# --- Enkapush says no ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFUSALS)
async def test_the_form_is_back_with_all_that_was_typed_and_the_reason(fast_http: World, case: str) -> None:
    fault, reason = REFUSALS[case]
    await open_form(fast_http.emma, "/flows create")
    fast_http.enkapush.faults.add(fault)
    await fast_http.emma.submit(TYPED | {"Image": fast_http.emma.upload("a.png", PNG)})
    again = await wait_for_reopened_form(fast_http.emma, reason)
    assert fast_http.slack.find_mentions(again) == []
    assert {label: fast_http.emma.read_field(label) for label in TYPED} == TYPED
    assert "Your picture is saved" in text_of(again)
    assert fast_http.enkapush.store.flows == {}
    fast_http.enkapush.faults.clear()
    await fast_http.emma.submit()
    await wait_for_result(fast_http.emma, "Flow #1 was created")
    assert fast_http.enkapush.store.flow(1).image is not None
    assert fast_http.enkapush.store.flow(1).utm_campaign == "spring"
    assert len(fast_http.enkapush.store.flows) == 1


@on_both_databases
async def test_where_the_form_was_closed_a_message_opens_it_again(fast_http: World) -> None:
    await open_form(fast_http.emma, "/flows create")
    fast_http.enkapush.faults.add(Fault.hang(**NEW), Fault.status(422, **NEW))
    await fast_http.emma.submit(TYPED)
    await fast_http.emma.wait_for_view("Saving")
    await fast_http.emma.close()
    fast_http.enkapush.release()
    told = await fast_http.emma.wait_for_message(
        MARKETING, lambda message: "Open form" in fast_http.emma.list_buttons(message)
    )
    assert told.is_ephemeral
    assert "What you typed is saved." in text_of(told)
    fast_http.enkapush.faults.clear()
    await fast_http.emma.click(told, "Open form")
    await fast_http.emma.wait_for_view(is_form)
    assert {label: fast_http.emma.read_field(label) for label in TYPED} == TYPED


async def test_an_edit_that_is_refused_is_back_in_the_form(fast_http: World) -> None:
    add_flow(fast_http)
    await open_form(fast_http.emma, "/flows edit 1")
    fast_http.enkapush.faults.add(Fault.status(422, '{"errors": {"ttl": ["No."]}}', method="POST", path="/flows/1"))
    await fast_http.emma.submit({"Title": "Mine", "UTM source": "mine"})
    await wait_for_reopened_form(fast_http.emma, "ttl: No.")
    assert fast_http.emma.read_field("Title") == "Mine"
    assert fast_http.emma.read_field("UTM source") == "mine"
    await fast_http.emma.submit()
    await wait_for_result(fast_http.emma, "Flow #1 was changed")
    assert list_writes(fast_http)[-1].texts == {"title": "Mine", "utm_source": "mine"}


# --- Enkapush says nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", UNCLEAR)
async def test_a_flow_that_was_made_without_a_word_is_found_and_not_made_again(fast_http: World, case: str) -> None:
    fast_http.add_flows(2)
    fast_http.enkapush.faults.add(UNCLEAR[case])
    await open_form(fast_http.emma, "/flows create")
    await fast_http.emma.submit(TYPED)
    await wait_for_result(fast_http.emma, "Flow #3 was created")
    assert len(list_writes(fast_http)) == 1
    assert len(fast_http.enkapush.store.flows) == 3


@pytest.mark.parametrize("case", NOT_DONE)
async def test_where_it_cannot_be_known_it_says_so_and_sends_nothing_again(fast_http: World, case: str) -> None:
    fast_http.enkapush.faults.add(NOT_DONE[case])
    await open_form(fast_http.emma, "/flows create")
    await fast_http.emma.submit(TYPED)
    told = await wait_for_unknown_outcome(fast_http.emma, "“Spring” doesn't show in Enkapush yet")
    assert len(list_writes(fast_http)) == 1
    await fast_http.emma.close()
    await fast_http.emma.click(told, "Open form")
    await fast_http.emma.wait_for_view(is_form)
    assert {label: fast_http.emma.read_field(label) for label in TYPED} == TYPED


async def test_a_flow_like_it_that_was_there_before_is_not_taken_for_it(fast_http: World) -> None:
    await open_form(fast_http.emma, "/flows create")
    await fast_http.emma.submit(REQUIRED_FIELDS)
    await wait_for_result(fast_http.emma, "Flow #1 was created")
    await fast_http.emma.close()
    await open_form(fast_http.emma, "/flows create")
    fast_http.enkapush.faults.add(Fault.reset(**NEW))
    await fast_http.emma.submit(REQUIRED_FIELDS)
    await wait_for_unknown_outcome(fast_http.emma, "“Spring” doesn't show in Enkapush yet")


@pytest.mark.parametrize(
    ("command", "name", "title", "says"),
    [
        ("create", "Name", "Title", "“{name}” doesn't show in Enkapush yet"),
        ("oluştur", "Ad", "Başlık", "“{name}” henüz Enkapush'ta görünmüyor"),
    ],
)
async def test_what_is_not_known_is_told_by_the_name_that_was_typed(
    fast_http: World, command: str, name: str, title: str, says: str
) -> None:
    fast_http.enkapush.faults.add(Fault.reset(**NEW))
    person = fast_http.emma if name == "Name" else fast_http.ayse
    await open_form(person, f"/flows {command}")
    body = "Description" if name == "Name" else "Açıklama"
    await person.submit({name: f"{NASTY}\nx", title: "Spring", body: "Look."})
    sentence = says.format(name=f"{NASTY} x")
    told = await person.wait_for_message(MARKETING, sentence)
    view = await person.wait_for_view(lambda view: not is_form(view) and sentence in text_of(view))
    assert fast_http.slack.find_mentions(told) == fast_http.slack.find_mentions(view) == []
    # What a notification shows is parsed by Slack: it must not call anybody either.
    assert "<!channel>" not in told.text


async def test_where_enkapush_stays_away_it_says_so(fast_http: World) -> None:
    await open_form(fast_http.emma, "/flows create")
    fast_http.enkapush.faults.add(Fault.status(500, after_effect=True, **NEW), Fault.status(500, skip=1, times=None))
    await fast_http.emma.submit(REQUIRED_FIELDS)
    await wait_for_unknown_outcome(fast_http.emma, "isn't answering")
    assert len(list_writes(fast_http)) == 1


@pytest.mark.parametrize("after_effect", [True, False])
async def test_an_edit_that_was_cut_off_is_there_once(fast_http: World, after_effect: bool) -> None:
    add_flow(fast_http)
    await open_form(fast_http.emma, "/flows edit 1")
    fast_http.enkapush.faults.add(Fault.reset(after_effect=after_effect, method="POST", path="/flows/1"))
    await fast_http.emma.submit({"Title": "Mine"})
    await wait_for_result(fast_http.emma, "Flow #1 was changed")
    assert fast_http.enkapush.store.flow(1).title == "Mine"
    assert all(record.texts == {"title": "Mine"} for record in list_writes(fast_http))


# --- once ----------------------------------------------------------------------------------------------------------


@on_both_databases
@pytest.mark.parametrize("how", ["after it was done", "at once"])
async def test_a_form_that_is_submitted_twice_makes_one_flow(
    http: World, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Six at once take a busy machine longer than one.
    monkeypatch.setattr(submission, "ACK_SECONDS", 30)
    await open_form(http.emma, "/flows create")
    await http.emma.submit(REQUIRED_FIELDS)
    delivery = http.slack.deliveries[-1]
    if how == "after it was done":
        await wait_for_result(http.emma, "Flow #1 was created")
        await http.slack.dispatcher.redeliver(delivery)
    else:
        await asyncio.gather(*(http.slack.dispatcher.redeliver(delivery) for _ in range(5)))
    assert all(each.ok and "Saving" in each.body for each in http.slack.deliveries if each.label == delivery.label)
    await wait_for_result(http.emma, "Flow #1 was created")
    assert len(list_writes(http)) == 1
    assert len(http.enkapush.store.flows) == 1


async def test_two_forms_of_one_person_make_two_flows(http: World) -> None:
    for number in (1, 2):
        await open_form(http.emma, "/flows create")
        await http.emma.submit(REQUIRED_FIELDS)
        await wait_for_result(http.emma, f"Flow #{number} was created")
        await http.emma.close()
    assert len(http.enkapush.store.flows) == 2


# --- who may, when it is sent --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (POLICY.replace('editors = ["S0EDITORS"]', 'editors = ["U0AYSE"]'), "don't have permission"),
        ("", "isn't set up in"),
    ],
)
async def test_a_form_is_judged_by_the_policy_of_the_moment_it_is_sent(http: World, policy: str, reason: str) -> None:
    await open_form(http.emma, "/flows create")
    await http.import_policy(policy)
    submitted = await http.emma.submit(REQUIRED_FIELDS)
    if submitted.response_action == "errors":
        assert list(field_errors(http.emma, submitted.errors)) == ["Website"]
    else:
        told = await http.emma.wait_for_message(MARKETING, reason)
        assert http.emma.list_buttons(told) == ["Open form"]
    assert list_writes(http) == []


async def test_a_website_that_the_policy_no_longer_names_is_refused_at_its_field(http: World) -> None:
    await open_form(http.emma, "/flows create")
    await http.import_policy(POLICY.replace("websites = [1, 2]", "websites = [2]"))
    submitted = await http.emma.submit(REQUIRED_FIELDS)
    assert list(field_errors(http.emma, submitted.errors)) == ["Website"]
    assert list_writes(http) == []


async def test_a_website_that_is_taken_from_the_policy_while_a_form_is_open_shows_nothing_more(http: World) -> None:
    emma = http.emma
    await http.import_policy(POLICY.replace("websites = [1, 2]", "websites = [1, 2, 3]"))
    add_segments(http, 1, *(f"Lale VIP {number}" for number in range(120)))
    add_flow(http, url="https://lale-secret.example")
    await emma.send(MARKETING, "/flows list")
    await emma.wait_for_message(MARKETING, "1 flow")
    form = await choose_website(emma, await open_form(emma, "/flows create"))
    assert len((await emma.search_options(form, "Segment", "VIP"))["options"]) == 100
    emma.fill("Segment", (await emma.search_options(form, "Segment", "VIP 7"))["options"][0])
    emma.fill("URL", "https://elsewhere.example")
    await http.import_policy(POLICY.replace("websites = [1, 2]", "websites = [2, 3]"))

    assert (await emma.search_options(form, "Segment", "VIP"))["options"] == []
    await emma.click(form, "Preview")
    preview = text_of(await emma.wait_for_view("Choose an option"))
    assert [word for word in ("Lale", "lale-secret") if word in preview] == []
    await emma.close()
    await emma.choose(form, "Website", "Lale Moda")
    form = await emma.wait_for_view(lambda view: "Northbound" in text_of(view) and "Lale" not in text_of(view))
    assert emma.read_field("Website") is None
    assert "This website has no segments" not in text_of(form)


async def test_somebody_who_left_the_editors_group_is_refused(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.slack.workspace.groups["S0EDITORS"].users.remove("U0EMMA")
    http.time.ahead += 120
    await http.emma.submit(REQUIRED_FIELDS)
    await http.emma.wait_for_message(MARKETING, "don't have permission")
    assert list_writes(http) == []


async def test_people_of_another_company_make_nothing_even_with_somebody_elses_form(http: World) -> None:
    await http.import_policy(
        '[[channels]]\nid = "C0AGENCY"\nwebsites = [1]\nviewers = ["*"]\neditors = ["*", "U0JONAS"]\n'
    )
    await open_form(http.emma, "/flows create", AGENCY)
    await http.emma.submit(REQUIRED_FIELDS | {"Name": " "})
    stolen = http.slack.deliveries[-1]
    payload = stolen.payload | {"user": {"id": "U0JONAS", "team_id": "T0WERBE"}}
    payload["view"]["state"]["values"]["name"]["flows.form.typed"]["value"] = "Stolen"
    stolen.payload = payload
    assert (await http.slack.dispatcher.redeliver(stolen)).ok
    await http.jonas.wait_for_message(AGENCY, "Only people of this organisation")
    assert list_writes(http) == []


# --- pictures ------------------------------------------------------------------------------------------------------

NO_PICTURES: Final = {
    "a page": (b"<!doctype html><title>Sign in</title>", "image/png"),
    "nothing": (b"", "image/png"),
    "text": (b"\x89PNX\r\n\x1a\n", "image/png"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
}


@pytest.mark.parametrize("case", NO_PICTURES)
async def test_a_picture_is_known_by_its_bytes(http: World, case: str) -> None:
    content, mimetype = NO_PICTURES[case]
    await open_form(http.emma, "/flows create")
    file = http.emma.upload("picture.png", content, mimetype)
    submitted = await http.emma.submit(REQUIRED_FIELDS | {"Image": file})
    errors = field_errors(http.emma, submitted.errors)
    assert list(errors) == ["Image"]
    assert "isn't a PNG, JPEG, GIF or WebP picture" in errors["Image"]
    assert list_writes(http) == []


async def test_a_picture_is_taken_whatever_it_is_called(http: World) -> None:
    await open_form(http.emma, "/flows create")
    header, scan = b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0", b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    jpeg = b"\xff\xd8" + header + scan + b"x" * 1000 + b"\xff\xd9"
    await http.emma.submit(REQUIRED_FIELDS | {"Image": http.emma.upload("report.pdf", jpeg, "application/pdf")})
    await wait_for_result(http.emma, "was created")
    file = list_writes(http)[0].files["image"]
    assert (file.filename, file.content_type, file.content) == ("report.jpg", "image/jpeg", jpeg)


@pytest.mark.parametrize(("extra", "taken"), [(0, True), (1, False)])
async def test_a_picture_weighs_ten_megabytes_at_most(http: World, extra: int, taken: bool) -> None:
    await open_form(http.emma, "/flows create")
    content = PNG.ljust(10 * 1024 * 1024 + extra, b"\0")
    submitted = await http.emma.submit(REQUIRED_FIELDS | {"Image": http.emma.upload("big.png", content)})
    if taken:
        await wait_for_result(http.emma, "was created")
        assert list_writes(http)[0].files["image"].content == content
    else:
        assert "at most 10 MB" in field_errors(http.emma, submitted.errors)["Image"]
        assert list_writes(http) == []


async def test_a_slow_picture_still_ends_in_a_saved_flow(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.slack.faults.add("files", delay=2, times=None)
    submitted = await http.emma.submit(REQUIRED_FIELDS | {"Image": http.emma.upload("a.png", PNG)})
    assert submitted.response_action == "update"
    assert http.slack.deliveries[-1].seconds < 2
    await wait_for_result(http.emma, "was created")
    assert list_writes(http)[0].files["image"].content == PNG


async def test_a_slow_picture_that_is_none_brings_the_form_back(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.slack.faults.add("files", delay=1.5, times=None)
    await http.emma.submit(REQUIRED_FIELDS | {"Image": http.emma.upload("a.png", b"<html>")})
    await wait_for_reopened_form(http.emma, "This file isn't a PNG")
    assert http.emma.read_field("Name") == REQUIRED_FIELDS["Name"]
    assert list_writes(http) == []


async def test_a_picture_that_slack_does_not_hand_out_brings_the_form_back(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.slack.scopes.discard("files:read")
    await http.emma.submit(REQUIRED_FIELDS | {"Image": http.emma.upload("a.png", PNG)})
    await wait_for_reopened_form(http.emma, "The picture couldn't be loaded from Slack")
    assert http.emma.read_field("Name") == REQUIRED_FIELDS["Name"]
    assert list_writes(http) == []
    http.slack.scopes.add("files:read")
    await http.emma.submit({"Image": http.emma.upload("a.png", PNG)})
    await wait_for_result(http.emma, "was created")
    assert list_writes(http)[0].files["image"].content == PNG


# --- Slack itself --------------------------------------------------------------------------------------------------


async def test_what_cannot_be_told_in_the_channel_is_told_directly(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.slack.faults.add("chat.postEphemeral", error="not_in_channel", times=None)
    await http.emma.submit(REQUIRED_FIELDS)
    direct = http.slack.workspace.open_direct_message("U0EMMA")
    await http.emma.wait_for_message(direct.id, "Flow #1 was created")


async def test_what_slack_would_not_take_is_told_later(http: World) -> None:
    await open_form(http.emma, "/flows create")
    http.slack.faults.add("chat.postEphemeral", error="internal_error")
    http.slack.faults.add("chat.postMessage", error="internal_error")
    await http.emma.submit(REQUIRED_FIELDS)
    await http.emma.wait_for_message(MARKETING, "Flow #1 was created", timeout=12)
    assert len(list_writes(http)) == 1
    assert sent_fields(http)["is_enabled"] == "0"


async def test_a_form_that_was_closed_while_it_was_loading_is_a_line_in_the_log_and_no_word_to_anybody(
    http: World,
) -> None:
    http.enkapush.faults.add(Fault.delay(0.3, path="/segments*"))
    emma = http.emma
    with capture_logs() as logs:
        await emma.send(MARKETING, "/flows create")
        await emma.wait_for_view(lambda view: not is_form(view))
        await emma.close()
        await wait_until(lambda: any(line["event"] == "request" for line in logs))
    (line,) = [line for line in logs if line["event"] == "modal.not_updated"]
    assert (line["log_level"], line["error"]) == ("info", "not_found")
    assert [message for message in await emma.list_messages(MARKETING) if message.is_ephemeral] == []
    assert emma.view is None
