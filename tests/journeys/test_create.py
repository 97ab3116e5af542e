"""`/flows create` and `/flows duplicate`: from the empty form to the flow that Enkapush has."""

import json
from typing import Any, Final

import pytest

from flowbot.domain.ids import MAX_ID
from flowbot.sandbox.enkapush import Fault, FormFile
from flowbot.sandbox.enkapush.faults import FaultScope
from flowbot.sandbox.slack import text_of
from tests.flow_fields import FIELD_CASES, LABELS, TURKISH_LABELS
from tests.journeys.form_steps import (
    PNG,
    REQUIRED_FIELDS,
    WEBP,
    add_flow,
    add_segments,
    choose_website,
    field_errors,
    is_form,
    list_writes,
    open_form,
    read_fields,
    sent_fields,
    submit_label,
    wait_for_result,
)
from tests.journeys.world import AGENCY, MARKETING, RANDOM, World, in_both_modes

FULL: Final = {case.label: case.typed for case in FIELD_CASES if case.typed is not None}
WIRE: Final = {case.wire: case.sent for case in FIELD_CASES if case.sent is not None} | {"is_enabled": "0"}
HOSTILE: Final = (
    '"\r\nContent-Disposition: form-data; name="is_enabled"\r\n\r\n1',
    "is_enabled=1",
    '{"is_enabled": true}',
    "x&is_enabled=1",
)


@in_both_modes
async def test_every_field_reaches_enkapush_as_it_was_typed_and_nothing_else(running: World) -> None:
    (segment,) = add_segments(running, 1, "VIP")
    emma = running.emma
    await choose_website(emma, await open_form(emma, "/flows create"))
    emma.fill("Image", emma.upload("bahar görseli.png", PNG))
    submitted = await emma.submit(FULL)
    assert submitted.response_action == "update"
    created = await wait_for_result(emma, "Flow #1 was created")
    (request,) = list_writes(running)
    assert (request.method, request.path, request.status) == ("POST", "/flows", 200)
    assert request.texts == WIRE | {"segment": str(segment)}
    assert request.files == {"image": FormFile("bahar-gorseli.png", "image/png", PNG)}
    assert len(request.fields) == len(WIRE) + 2

    assert created.is_ephemeral
    for part in ("Website: Lale Moda", "Wait: 90 minutes after subscribing", "Segment: VIP"):
        assert part in text_of(created)
    assert emma.list_buttons(created) == ["Enable", "Edit", "Duplicate", "Share"]
    assert running.slack.find_mentions(created) == []
    await emma.send(MARKETING, "/flows list")
    assert "Bahar İndirimi 🌷" in text_of(await emma.wait_for_message(MARKETING, "1 flow"))
    await emma.send(MARKETING, "/flows show 1")
    flow = text_of(await emma.wait_for_message(MARKETING, "Time to live: 3 days"))
    for part in ("Bahar geldi & <hoş> geldi!", "İkinci satır: ığüşöç", "90 minutes", "Silent: Yes", "Auto-hide: Yes"):
        assert part in flow


async def test_a_flow_that_is_made_stands_in_the_list_that_was_read_just_before(http: World) -> None:
    http.add_flows(1)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "1 flow")
    await open_form(http.emma, "/flows create")
    await http.emma.submit(REQUIRED_FIELDS)
    await wait_for_result(http.emma, "was created")
    await http.ayse.send(MARKETING, "/flows list")
    assert "Spring" in text_of(await http.ayse.wait_for_message(MARKETING, "2 akış"))


async def test_the_least_that_must_be_typed_is_enough(http: World) -> None:
    await open_form(http.emma, "/flows create")
    await http.emma.submit(REQUIRED_FIELDS)
    await wait_for_result(http.emma, "was created")
    assert sent_fields(http) == {
        "website_id": "1",
        "name": REQUIRED_FIELDS["Name"],
        "title": REQUIRED_FIELDS["Title"],
        "description": REQUIRED_FIELDS["Description"],
        "wait_time": "1",
        "wait_time_type": "days",
        "is_silent": "0",
        "is_auto_hide": "0",
        "ttl": "2419200",
        "segment": "all",
        "is_enabled": "0",
    }
    assert list_writes(http)[0].files == {}


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_is_typed_a_flow_is_made_disabled(http: World, text: str) -> None:
    await open_form(http.emma, "/flows create")
    texts = {"Name": text, "Title": text, "Button 1 title": text, "UTM source": text}
    submitted = await http.emma.submit(REQUIRED_FIELDS | texts | {"Button 1 URL": "https://x.example"})
    assert submitted.response_action == "update"
    await wait_for_result(http.emma, "was created")
    (request,) = list_writes(http)
    assert [field.value for field in request.fields if field.name == "is_enabled"] == ["0"]
    assert request.texts["utm_source"] == text
    assert http.enkapush.store.flow(1).is_enabled is False


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ({}, ("Website: Lale Moda", "Wait: 1 day after subscribing", "Segment: All subscribers")),
        ({"Wait": "3", "Wait unit": "hours", "Segment": "VIP (0)"}, ("Wait: 3 hours after", "Segment: VIP (0)")),
        ({"Wait": "soon"}, ("Website: Lale Moda\nSegment: All subscribers",)),
    ],
)
async def test_the_preview_says_whom_it_reaches_and_when(
    http: World, typed: dict[str, str], parts: tuple[str, ...]
) -> None:
    add_segments(http, 1, "VIP")
    form = await choose_website(http.emma, await open_form(http.emma, "/flows create"))
    for label, value in (REQUIRED_FIELDS | typed).items():
        http.emma.fill(label, value)
    await http.emma.click(form, "Preview")
    preview = text_of(await http.emma.wait_for_view("As a subscriber sees it"))
    for part in parts:
        assert part in preview


async def test_the_preview_shows_the_picture_that_was_just_added_or_names_it(http: World) -> None:
    form = await open_form(http.emma, "/flows create")
    for label, value in REQUIRED_FIELDS.items():
        http.emma.fill(label, value)
    for name, content, said in (
        ("new.png", PNG, None),
        ("new.webp", WEBP, "New picture (WebP, 2 KB)"),
    ):
        file = http.emma.upload(name, content)
        http.emma.fill("Image", file)
        await http.emma.click(form, "Preview")
        preview = await http.emma.wait_for_view("As a subscriber sees it")
        shown = [block["slack_file"]["id"] for block in preview.blocks if block["type"] == "image"]
        assert shown == ([] if said else [file.id])
        assert said is None or said in text_of(preview)
        await http.emma.close()
    http.emma.fill("Image", http.emma.upload("new.png", PNG))
    http.slack.faults.add("views.push", error="invalid_arguments", block_type="image")
    await http.emma.click(form, "Preview")
    await http.emma.wait_for_view(f"New picture (PNG, {len(PNG)} bytes)")


@pytest.mark.parametrize(
    ("typed", "refusals"),
    [
        ({"Wait": "400"}, ["Wait: At most 365 days."]),
        ({"Wait": "400", "Title": " "}, ["Title: Fill this in.", "Wait: At most 365 days."]),
        (
            {"Button 1 title": "Buy", "Button 2 URL": "https://lale.example/2"},
            [
                "Button 1 URL: Add a URL for this button, or remove its title.",
                "Button 2 title: Add a title for this button, or remove its URL.",
            ],
        ),
    ],
)
async def test_the_preview_says_what_create_would_refuse(
    http: World, typed: dict[str, str], refusals: list[str]
) -> None:
    form = await open_form(http.emma, "/flows create")
    for label, value in (REQUIRED_FIELDS | typed).items():
        http.emma.fill(label, value)
    await http.emma.click(form, "Preview")
    preview = text_of(await http.emma.wait_for_view("As a subscriber sees it")).splitlines()
    assert preview[1 : 2 + len(refusals)] == ["This can't be saved yet:", *refusals]
    await http.emma.close()
    refused = (await http.emma.submit({})).errors.values()
    assert {each.split(": ", 1)[1] for each in refusals} == set(refused)


async def test_the_preview_of_what_can_be_saved_says_nothing_of_that(http: World) -> None:
    form = await open_form(http.emma, "/flows create")
    for label, value in REQUIRED_FIELDS.items():
        http.emma.fill(label, value)
    await http.emma.click(form, "Preview")
    assert "can't be saved" not in text_of(await http.emma.wait_for_view("As a subscriber sees it"))


async def test_an_edit_that_leaves_the_segment_says_that_it_is_not_told(http: World) -> None:
    add_flow(http)
    form = await open_form(http.emma, "/flows edit 1")
    await http.emma.click(form, "Preview")
    preview = text_of(await http.emma.wait_for_view("As a subscriber sees it"))
    for part in ("Website: Lale Moda", "Wait: 3 hours after", "Segment: Not shown by Enkapush"):
        assert part in preview


async def test_the_form_opens_at_once_and_is_filled_after(http: World) -> None:
    http.enkapush.faults.add(Fault.delay(0.3, path="/segments"))
    await http.emma.send(MARKETING, "/flows create")
    loading = await http.emma.wait_for_view("One moment")
    assert loading.submit is None
    assert http.slack.deliveries[-1].seconds < 2
    form = await http.emma.wait_for_view(is_form)
    assert form.id == loading.id
    assert tuple(http.emma.list_fields()) == LABELS
    assert submit_label(form) == "Create"


async def test_a_turkish_reader_gets_a_turkish_form(http: World) -> None:
    form = await open_form(http.ayse, "/flows oluştur")
    assert tuple(http.ayse.list_fields()) == TURKISH_LABELS
    assert submit_label(form) == "Oluştur"
    assert http.ayse.read_field("Bekleme birimi") == "gün"
    await http.ayse.submit({"Ad": "Bahar", "Başlık": "Bahar geldi", "Açıklama": "Yenilere bakın."})
    await wait_for_result(http.ayse, "oluşturuldu")


async def test_only_the_channels_websites_can_be_chosen_and_none_is_already(http: World) -> None:
    await http.emma.send(MARKETING, "/flows create")
    form = await http.emma.wait_for_view(is_form)
    assert http.emma.read_field("Website") is None
    assert "Choose a website" in json.dumps(form.blocks)
    refused = await http.emma.submit(REQUIRED_FIELDS)
    assert list(field_errors(http.emma, refused.errors)) == ["Website"]
    assert "Northbound Outdoor" in text_of(form)
    assert "Kitap" not in text_of(form)


async def test_another_website_brings_its_segments_and_keeps_what_was_typed(http: World) -> None:
    add_segments(http, 1, "Lale VIP")
    (trail,) = add_segments(http, 2, "Trail runners")
    emma = http.emma
    form = await choose_website(emma, await open_form(emma, "/flows create"))
    assert "Lale VIP" in text_of(form)
    assert "Trail runners" not in text_of(form)
    typed = {
        "Name": "N",
        "Title": "T",
        "Description": "D\nE",
        "URL": "https://north.example",
        "Wait": "7",
        "Wait unit": "hours",
        "Button 1 title": "B",
        "Button 1 URL": "https://north.example/b",
        "Silent": True,
        "Time to live": "1 hour",
        "UTM medium": "push",
        "Segment": "Lale VIP (0)",
    }
    for label, value in typed.items():
        emma.fill(label, value)
    emma.fill("Image", emma.upload("a.png", PNG))
    before = read_fields(emma)
    await emma.choose(form, "Website", "Northbound Outdoor")
    form = await emma.wait_for_view("Trail runners")
    assert "Lale VIP" not in text_of(form)
    assert read_fields(emma) == before | {"Website": "Northbound Outdoor", "Segment": "All subscribers"}
    await emma.submit({"Segment": "Trail runners (0)"})
    await wait_for_result(emma, "was created")
    assert sent_fields(http)["website_id"] == "2"
    assert sent_fields(http)["segment"] == str(trail)
    assert list_writes(http)[0].files["image"].content == PNG


async def test_a_thousand_segments_are_searched(http: World) -> None:
    add_segments(http, 1, *(f"Grup {number}" for number in range(1, 1001)), "İZMİR'liler")
    form = await choose_website(http.emma, await open_form(http.emma, "/flows create"))
    assert http.emma.read_field("Segment") == "All subscribers"
    found = await http.emma.search_options(form, "Segment", "grup 77")
    names = [option["text"]["text"] for option in found["options"]]
    assert names == ["Grup 77 (0)", *(f"Grup 77{number} (0)" for number in range(10))]
    assert len((await http.emma.search_options(form, "Segment", ""))["options"]) == 100
    (izmir,) = (await http.emma.search_options(form, "Segment", "izmir"))["options"]
    await http.emma.submit({**REQUIRED_FIELDS, "Segment": izmir})
    await wait_for_result(http.emma, "was created")
    assert sent_fields(http)["segment"] == "1001"


async def test_a_website_with_the_largest_of_ids_can_be_chosen(http: World) -> None:
    http.enkapush.store.websites[MAX_ID] = "Large"
    await http.import_policy(
        f'[websites]\n{MAX_ID} = "Large"\n[[channels]]\nid = "{MARKETING}"\nwebsites = [{MAX_ID}]\n'
        'viewers = ["*"]\neditors = ["U0EMMA"]\n'
    )
    await open_form(http.emma, "/flows create")
    assert http.emma.read_field("Website") == "Large"
    await http.emma.submit(REQUIRED_FIELDS)
    await http.emma.wait_until(lambda: list_writes(http))
    assert sent_fields(http)["website_id"] == str(MAX_ID)


async def test_many_websites_are_searched(http: World) -> None:
    names = {number: f"Site {number}" for number in range(1, 121)}
    http.enkapush.store.websites |= names
    listed = "\n".join(f'{number} = "{name}"' for number, name in names.items())
    await http.import_policy(
        f'[websites]\n{listed}\n[[channels]]\nid = "{MARKETING}"\nwebsites = {list(names)}\n'
        'viewers = ["*"]\neditors = ["U0EMMA"]\n'
    )
    form = await open_form(http.emma, "/flows create")
    assert http.emma.read_field("Website") is None
    (found,) = (await http.emma.search_options(form, "Website", "site 117"))["options"]
    await http.emma.choose(form, "Website", found)
    await http.emma.wait_until(lambda: http.emma.view and '"website":117' in http.emma.view.private_metadata)
    await http.emma.submit(REQUIRED_FIELDS)
    await wait_for_result(http.emma, "was created")
    assert sent_fields(http)["website_id"] == "117"


@pytest.mark.parametrize("trouble", ["refused", "silent"])
async def test_without_the_segments_the_form_still_works(http: World, trouble: str) -> None:
    where: FaultScope = {"path": "/segments", "times": None}
    http.enkapush.faults.add(Fault.status(403, **where) if trouble == "refused" else Fault.hang(**where))
    form = await open_form(http.emma, "/flows create")
    assert "isn't showing this website's segments right now" in text_of(form)
    assert tuple(http.emma.list_fields()) == LABELS
    await http.emma.submit(REQUIRED_FIELDS)
    await wait_for_result(http.emma, "was created")
    assert sent_fields(http)["segment"] == "all"


@pytest.mark.parametrize("command", ["create", "edit 1", "duplicate 1"])
@pytest.mark.parametrize(
    ("person", "channel", "said"),
    [
        ("U0BURAK", MARKETING, "yalnızca şu kişiler"),
        ("U0DENIZ", RANDOM, "isn't set up in"),
        ("U0JONAS", AGENCY, "Only people of this organisation"),
    ],
)
async def test_nobody_opens_a_form_without_the_right_to(
    http: World, command: str, person: str, channel: str, said: str
) -> None:
    add_flow(http)
    somebody = http.slack.person(person)
    await somebody.send(channel, f"/flows {command}")
    await somebody.wait_for_message(channel, said)
    assert somebody.view is None
    assert http.enkapush.requests == []


# --- duplicates ----------------------------------------------------------------------------------------------------


async def test_a_duplicate_begins_as_a_copy_and_is_a_new_disabled_flow(running: World) -> None:
    running.enkapush.store.add_flow(website_id=3)
    flow = add_flow(running, website_id=2, is_enabled=True, total_sent_push_notifications=9)
    form = await open_form(running.emma, f"/flows duplicate {flow}")
    assert submit_label(form) == "Create"
    assert {
        label: running.emma.read_field(label) for label in ("Website", "Name", "Title", "Wait", "Button 1 URL")
    } == {
        "Website": "Northbound Outdoor",
        "Name": "Old name (copy)",
        "Title": "Old title",
        "Wait": "3",
        "Button 1 URL": "https://lale.example/button",
    }
    await running.emma.submit({"Name": "New name"})
    await wait_for_result(running.emma, "Flow #3 was created")
    shown = await running.emma.wait_for_view("Flow #3 was created")
    assert shown.title is not None
    assert shown.title["text"] == "Duplicate flow"
    assert sent_fields(running) == {
        "website_id": "2",
        "name": "New name",
        "title": "Old title",
        "description": "Old text",
        "url": "https://lale.example/old",
        "wait_time": "3",
        "wait_time_type": "hours",
        "ttl": "86400",
        "is_silent": "1",
        "is_auto_hide": "0",
        "button_title_1": "Old button",
        "button_url_1": "https://lale.example/button",
        "segment": "all",
        "is_enabled": "0",
    }
    assert running.enkapush.store.flow(flow).name == "Old name"
    assert running.enkapush.store.flow(flow).is_enabled


async def test_a_shown_flow_and_a_new_one_can_be_duplicated_and_edited_by_a_button(http: World) -> None:
    add_flow(http)
    await http.emma.send(MARKETING, "/flows show 1")
    seen = await http.emma.wait_for_message(MARKETING, "Old title")
    await http.emma.click(seen, "Duplicate")
    await http.emma.wait_for_view(is_form)
    await http.emma.submit()
    created = await wait_for_result(http.emma, "Flow #2 was created")
    await http.emma.close()
    await http.emma.click(created, "Edit")
    await http.emma.wait_for_view(lambda view: is_form(view) and "#2" in text_of(view))
    await http.emma.submit({"Title": "Another"})
    await wait_for_result(http.emma, "Flow #2 was changed")
    assert [http.enkapush.store.flow(number).title for number in (1, 2)] == ["Old title", "Another"]


@pytest.mark.parametrize("command", ["edit", "duplicate"])
async def test_a_hidden_flow_is_like_a_missing_one(http: World, command: str) -> None:
    add_flow(http, website_id=3)
    said = []
    for flow in ("1", "2"):
        await http.emma.send(MARKETING, f"/flows {command} {flow}")
        said.append(text_of(await http.emma.wait_for_view(f"There is no flow #{flow} here.")).replace(flow, "N"))
    assert said[0] == said[1]


# --- what is wrong is said at its field ----------------------------------------------------------------------------

WRONG: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "blank name": ({"Name": " \t"}, "Name", "Fill this in."),
    "blank title": ({"Title": "\N{NO-BREAK SPACE}"}, "Title", "Fill this in."),
    "blank text": ({"Description": "\n\n"}, "Description", "Fill this in."),
    "a URL without a host": ({"URL": "https:///sale"}, "URL", "isn't a full web address"),
    "a button's URL without a host": (
        {"Button 1 title": "Go", "Button 1 URL": "https://?q"},
        "Button 1 URL",
        "isn't a full web address",
    ),
    "a button without a title": (
        {"Button 1 URL": "https://x.example"},
        "Button 1 title",
        "Add a title for this button",
    ),
    "a button without a URL": ({"Button 2 title": "Go"}, "Button 2 URL", "Add a URL for this button"),
    "too long a wait": ({"Wait": "366"}, "Wait", "At most 365 days"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(http: World, case: str) -> None:
    typed, label, said = WRONG[case]
    await open_form(http.emma, "/flows create")
    submitted = await http.emma.submit(REQUIRED_FIELDS | typed)
    assert submitted.delivered
    errors = field_errors(http.emma, submitted.errors)
    assert list(errors) == [label]
    assert said in errors[label]
    assert {name: http.emma.read_field(name) for name in typed} == typed
    assert list_writes(http) == []


async def test_what_is_wrong_is_said_in_the_readers_language_all_of_it_at_once(http: World) -> None:
    await open_form(http.ayse, "/flows oluştur")
    submitted = await http.ayse.submit({"Ad": " ", "Başlık": "T", "Açıklama": " ", "Bekleme": "400"})
    assert field_errors(http.ayse, submitted.errors) == {
        "Ad": "Burayı doldurun.",
        "Açıklama": "Burayı doldurun.",
        "Bekleme": "En çok 365 gün.",
    }
    assert list_writes(http) == []


async def test_after_a_slip_the_same_form_is_saved(http: World) -> None:
    await open_form(http.emma, "/flows create")
    assert (await http.emma.submit(REQUIRED_FIELDS | {"Name": " "})).response_action == "errors"
    assert (await http.emma.submit({"Name": "Spring"})).response_action == "update"
    await wait_for_result(http.emma, "was created")
    assert len(list_writes(http)) == 1


async def test_a_segment_of_the_website_that_was_left_is_refused(http: World) -> None:
    add_segments(http, 1, "VIP")
    await choose_website(http.emma, await open_form(http.emma, "/flows create"))
    # The person is faster than the segments of the new website.
    submitted = await http.emma.submit(REQUIRED_FIELDS | {"Segment": "VIP (0)", "Website": "Northbound Outdoor"})
    assert list(field_errors(http.emma, submitted.errors)) == ["Segment"]
    assert list_writes(http) == []
