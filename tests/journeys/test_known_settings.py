"""Segment and UTM values that were set through flowbot: remembered, shown with their date, and used again."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.known_settings import SettingsWrite
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.storage.repositories.known_settings import record_settings
from flowbot.storage.unit_of_work import Database
from tests.journeys.form_steps import (
    REQUIRED_FIELDS,
    add_flow,
    add_segments,
    choose_website,
    list_writes,
    open_form,
    read_fields,
    wait_for_result,
)
from tests.journeys.late_steps import delay_effect
from tests.journeys.request_steps import (
    approval_policy,
    request_change,
    speed_up,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import MARKETING, World, in_both_modes, on_both_databases

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
UTM = {"UTM source": "slack", "UTM medium": "push", "UTM campaign": "spring"}
SET = r"\(set \d+ \w+ \d{4} \d\d:\d\d\)"
DOUBTFUL = r"\(set \d+ \w+ \d{4} \d\d:\d\d, may have changed since\)"
LIVE_EDIT = 'required_for = ["enable", "delete", "edit_enabled"]'


async def create_flow(world: World, **values: Any) -> None:
    """Create flow 1 with the segment VIP and UTM values, through its form."""
    if not world.enkapush.store.segments:
        add_segments(world, 1, "VIP", "Newsletter")
    await choose_website(world.emma, await open_form(world.emma, "/flows create"))
    await world.emma.submit(REQUIRED_FIELDS | {"Segment": "VIP (0)"} | UTM | values)
    await wait_for_result(world.emma, "was created")


async def edit_flow(world: World, said: str = "was changed", **values: Any) -> None:
    """Edit flow 1, which is disabled."""
    await open_form(world.emma, "/flows edit 1")
    await world.emma.submit({label.replace("_", " "): value for label, value in values.items()})
    await wait_for_result(world.emma, said)


def change_outside(world: World, **fields: Any) -> None:
    """Change flow 1 in Enkapush itself, a minute later."""
    world.time.ahead += 60
    world.enkapush.store.update_flow(1, **fields)


async def show_flow(person: SandboxPerson, flow: int = 1) -> str:
    """Return what `/flows show` answers now."""
    before = {message.ts for message in await person.list_messages(MARKETING)}
    await person.send(MARKETING, f"/flows show {flow}")
    return text_of(await person.wait_for_message(MARKETING, lambda message: message.ts not in before))


def hints(view: View) -> dict[str, str]:
    """Return the hint under each field of a form."""
    inputs = [block for block in view.blocks if block["type"] == "input"]
    return {block["label"]["text"]: block.get("hint", {}).get("text", "") for block in inputs}


def confirmation(request: Message) -> str:
    """Return what is asked before an approval counts."""
    buttons = [each for block in request.blocks or () if block["type"] == "actions" for each in block["elements"]]
    return next(str(each["confirm"]["text"]["text"]) for each in buttons if "confirm" in each)


@in_both_modes
async def test_what_was_set_is_shown_with_its_date_and_kept_field_by_field(running: World) -> None:
    await create_flow(running)
    seen = await show_flow(running.emma)
    assert re.search(f"Segment: .?VIP.? {SET}", seen)
    assert re.search(f"UTM medium: .?push.? {SET}", seen)
    await edit_flow(running, Segment="Newsletter (0)", UTM_source="mail")
    seen = await show_flow(running.emma)
    for line in (f"Segment: .?Newsletter.? {SET}", f"UTM source: .?mail.? {SET}", f"UTM campaign: .?spring.? {SET}"):
        assert re.search(line, seen), line
    await running.emma.send(MARKETING, "/flows history 1")
    assert "Segment: → Newsletter" in text_of(await running.emma.wait_for_message(MARKETING, "History of flow #1"))


async def test_what_flowbot_never_set_is_unknown_and_what_it_left_out_is_not_listed(http: World) -> None:
    add_flow(http)
    seen = await show_flow(http.emma)
    assert "Segment: Not shown by Enkapush" in seen
    assert "UTM values: Not shown by Enkapush" in seen
    await edit_flow(http, UTM_source="mail")
    seen = await show_flow(http.emma)
    assert re.search(f"UTM source: .?mail.? {SET}", seen)
    assert "Segment: Not shown by Enkapush" in seen
    assert "UTM medium: Not shown by Enkapush" in seen
    await open_form(http.emma, "/flows create")
    await http.emma.submit(REQUIRED_FIELDS)
    await wait_for_result(http.emma, "was created")
    seen = await show_flow(http.emma, 2)
    assert re.search(f"Segment: All subscribers {SET}", seen)
    assert "UTM" not in seen


@on_both_databases
async def test_a_change_made_outside_makes_it_doubtful_also_after_flowbots_next_write(http: World) -> None:
    await http.import_policy(approval_policy())
    await create_flow(http)
    change_outside(http, segment="2")
    assert re.search(f"Segment: .?VIP.? {DOUBTFUL}", await show_flow(http.emma))
    request = await request_change(http, "enable 1")
    assert re.search(f"Segment: .?VIP.? {DOUBTFUL}", text_of(request))
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert re.search(f"Segment: .?VIP.? {DOUBTFUL}", await show_flow(http.emma))


async def test_flowbots_own_writes_leave_no_doubt(http: World) -> None:
    await http.import_policy(approval_policy())
    await create_flow(http)
    http.time.ahead += 60
    request = await request_change(http, "enable 1")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert re.search(f"Segment: .?VIP.? {SET}", await show_flow(http.emma))


@in_both_modes
async def test_who_decides_sees_old_and_new_and_is_asked_with_the_segment(running: World) -> None:
    await running.import_policy(approval_policy(LIVE_EDIT))
    await create_flow(running)
    enable = await request_change(running, "enable 1")
    assert re.search(f"Segment: .?VIP.? {SET}", text_of(enable))
    assert re.search(f"Segment: .?VIP.? {SET}", confirmation(enable))
    await running.burak.click(enable, "Approve")
    await wait_for_status(running, enable, "Applied")
    await open_form(running.emma, "/flows edit 1")
    await running.emma.submit({"Segment": "Newsletter (0)", "UTM source": "mail"})
    edit = await running.deniz.wait_for_message(enable.channel, lambda each: "Waiting" in text_of(each))
    assert re.search(f"Segment: .?VIP.? {SET} → .?Newsletter", text_of(edit))
    assert re.search(f"UTM source: .?slack.? {SET} → .?mail", text_of(edit))
    assert re.search(r"Segment: .?Newsletter.?\n?", text_of(edit))
    await running.burak.click(edit, "Approve")
    await wait_for_status(running, edit, "Applied")
    await running.emma.send(MARKETING, "/flows delete 1")
    delete = await running.deniz.wait_for_message(enable.channel, lambda each: "Waiting" in text_of(each))
    assert re.search(f"Segment: .?Newsletter.? {SET}", text_of(delete))
    assert "segment" not in confirmation(delete).lower()


async def test_a_delete_says_what_would_not_come_back(http: World) -> None:
    await http.import_policy(approval_policy())
    assert "without segment and UTM values set outside flowbot" in confirmation(await request_change(http, "delete"))


async def test_an_edit_form_hints_at_it_and_changes_nothing_by_itself(http: World) -> None:
    await create_flow(http, **{"UTM campaign": ""})
    form = await open_form(http.emma, "/flows edit 1")
    assert [read_fields(http.emma)[label] or "" for label in ("Segment", "UTM source")] == ["", ""]
    shown = hints(form)
    assert re.search(r"Set on .*: .?VIP.?\. Leave empty to keep it\.", shown["Segment"])
    assert re.search(r"Set on .*: .?slack.?\. Leave empty", shown["UTM source"])
    assert shown["UTM campaign"] == "No value is set. Leave empty to keep it that way."
    await http.emma.click(form, "Preview")
    preview = text_of(await http.emma.wait_for_view("As a subscriber sees it"))
    assert re.search(f"Segment: .?VIP.? {SET}", preview)
    await http.emma.close()
    await http.emma.submit({"Title": "Another"})
    await wait_for_result(http.emma, "was changed")
    assert not {"segment", "utm_source"} & set(list_writes(http)[-1].texts)
    change_outside(http, utm_source="theirs")
    shown = hints(await open_form(http.emma, "/flows edit 1"))
    assert re.search(r"Set on .*: .?slack.?; it may have changed since\.", shown["UTM source"])
    assert "current value isn't shown" in shown["UTM campaign"]


@in_both_modes
async def test_a_duplicate_is_filled_with_it(running: World) -> None:
    await create_flow(running)
    form = await open_form(running.emma, "/flows duplicate 1")
    fields = read_fields(running.emma)
    assert [fields[label] for label in ("Segment", *UTM)] == ["VIP (0)", *UTM.values()]
    assert "Copied: last set with flowbot" in hints(form)["Segment"]
    await running.emma.submit({"Name": "Copy"})
    await running.deniz.wait_until(lambda: 2 in running.enkapush.store.flows)
    copy = running.enkapush.store.flow(2)
    assert (copy.segment, copy.utm_source, copy.utm_medium, copy.utm_campaign) == ("1", *UTM.values())


async def test_an_untouched_duplicate_leaves_no_draft_and_another_website_takes_all_subscribers(http: World) -> None:
    await create_flow(http)
    await open_form(http.emma, "/flows duplicate 1")
    await http.emma.close()
    form = await open_form(http.emma, "/flows duplicate 1")
    assert "Start over" not in text_of(form)
    await http.emma.choose(form, "Website", "Northbound Outdoor")
    await http.emma.wait_until(lambda: http.emma.read_field("Segment") == "All subscribers")
    assert http.emma.view is not None
    assert "Copied" not in hints(http.emma.view)["Segment"]


@on_both_databases
async def test_restore_sets_it_again_and_says_nothing_is_missing(http: World) -> None:
    await http.import_policy(approval_policy())
    await create_flow(http, **{"UTM campaign": ""})
    request = await request_change(http, "delete 1")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    await http.emma.click(over, "Restore")
    told = text_of(await wait_for_private_message(http.emma, "Restored as #2, disabled."))
    assert "before enabling" not in told
    sent = list_writes(http)[-1].texts
    assert (sent["segment"], sent["utm_source"], "utm_campaign" in sent) == ("1", "slack", False)
    seen = await show_flow(http.emma, 2)
    assert re.search(f"Segment: .?VIP.? {SET}", seen)
    assert "UTM campaign" not in seen


async def test_restore_says_what_may_be_otherwise_and_what_is_unknown(http: World) -> None:
    await http.import_policy(approval_policy())
    add_segments(http, 1, "VIP")
    add_flow(http)
    await edit_flow(http, Segment="VIP (0)", UTM_source="mail")
    change_outside(http, segment="7")
    request = await request_change(http, "delete 1")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    await http.emma.click(over, "Restore")
    told = text_of(await wait_for_private_message(http.emma, "Restored as #2, disabled."))
    assert "Set these before enabling: UTM medium and UTM campaign." in told
    assert "These may have changed before the delete. Check them: Segment and UTM source." in told
    public = text_of(await http.deniz.wait_for_message(MARKETING, "Restored from #1 as #2"))
    assert "Check them: Segment and UTM source." in public


async def test_a_flow_is_restored_without_a_segment_that_is_gone(http: World) -> None:
    await http.import_policy(approval_policy())
    add_segments(http, 1, "VIP")
    add_flow(http)
    async with http.open_database() as database:
        await _know_segment(database, "77")
    request = await request_change(http, "delete 1")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    await http.emma.click(over, "Restore")
    told = text_of(await wait_for_private_message(http.emma, "Restored as #2, disabled."))
    assert "Set these before enabling: Segment and UTM values." in told
    assert "segment" not in list_writes(http)[-1].texts


async def test_a_duplicate_does_not_take_a_segment_that_is_gone(http: World) -> None:
    add_segments(http, 1, "VIP")
    add_flow(http)
    async with http.open_database() as database:
        await _know_segment(database, "77")
    form = await open_form(http.emma, "/flows duplicate 1")
    assert http.emma.read_field("Segment") == "All subscribers"
    assert "77" not in hints(form)["Segment"]
    await http.emma.close()
    assert "Start over" not in text_of(await open_form(http.emma, "/flows duplicate 1"))


async def _know_segment(database: Database, segment: str) -> None:
    write = SettingsWrite(FlowId(1), ChangeId("c"), WriteOnlyFields(segment), NOON, None, NOON)
    async with database.write() as connection:
        await record_settings(connection, write)


async def test_what_somebody_set_while_a_delete_waited_makes_the_restore_doubtful(http: World) -> None:
    await http.import_policy(approval_policy())
    await create_flow(http)
    request = await request_change(http, "delete 1")
    change_outside(http, segment="2")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    await http.emma.click(over, "Restore")
    told = text_of(await wait_for_private_message(http.emma, "Restored as #2, disabled."))
    assert "Check them: Segment" in told


@on_both_databases
async def test_what_shows_itself_late_is_known_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    add_segments(world, 1, "VIP")
    add_flow(world)
    delay_effect(world, None, method="POST")
    await open_form(world.emma, "/flows edit 1")
    await world.emma.submit({"Title": "Mine", "Segment": "VIP (0)"})
    await wait_for_private_message(world.emma, "doesn't show in Enkapush yet", MARKETING)
    assert "Segment: Not shown by Enkapush" in await show_flow(world.emma)
    world.enkapush.store.land_writes()
    await wait_until(lambda: world.enkapush.store.flow(1).segment == "1")
    await show_flow(world.emma)
    await wait_for_private_message(world.emma, "Flow #1 was changed.", MARKETING)
    assert re.search(f"Segment: .?VIP.? {SET}", await show_flow(world.emma))


async def test_a_turkish_reader_gets_it_in_turkish(http: World) -> None:
    await create_flow(http)
    seen = await show_flow(http.ayse)
    assert re.search(r"Segment: .?VIP.? \(.* tarihinde ayarlandı\)", seen)
    shown = hints(await open_form(http.ayse, "/flows düzenle 1"))
    assert re.search(r".* tarihinde ayarlanan değer: .?slack.?\. Boş", shown["UTM kaynağı"])
