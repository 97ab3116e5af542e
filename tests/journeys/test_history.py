"""`/flows history`: who did what, when, on this channel's websites."""

import re
from typing import Any

import pytest

from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.ids import FlowId, ReportToken, UserId
from flowbot.domain.report import NewReport, ReportKind, ReportState
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.reader import EnkapushReader
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.storage.repositories.reports import ReportRepository
from tests.journeys.form_steps import (
    REQUIRED_FIELDS,
    add_flow,
    is_form,
    open_form,
    wait_for_reopened_form,
    wait_for_result,
)
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    request_change,
    submit_reason,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import (
    AGENCY,
    API_KEY,
    APPROVALS,
    MARKETING,
    POLICY,
    RANDOM,
    World,
    in_both_modes,
    on_both_databases,
)

WHEN = re.compile(r"[A-Z][a-z]{2} \d+, \d{4} [\d:]+\s[AP]M|\d+ \w{3} \d{4} \d\d:\d\d")
OTHERS = POLICY.replace('viewers = ["S0LEADS"]', 'viewers = ["*"]\neditors = ["S0EDITORS"]')


async def show_history(person: SandboxPerson, command: str = "/flows history", channel: str = MARKETING) -> Message:
    """Type the command; return the answer."""
    before = len(await person.list_messages(channel))
    await person.send(channel, command)
    await person.wait_until(lambda: len(person._context.workspace.list_visible_messages(channel, person.id)) > before)
    answer = (await person.list_messages(channel))[-1]
    assert answer.is_ephemeral
    return answer


async def read_history(person: SandboxPerson, command: str = "/flows history", channel: str = MARKETING) -> list[str]:
    """Type the command; return the lines below the title, newest first, without years and times."""
    return read_lines(await show_history(person, command, channel))


def read_lines(answer: Message) -> list[str]:
    """Return the lines of a history below its title, without their times."""
    return [WHEN.sub("WHEN", line) for line in text_of(answer).splitlines()[1:]]


async def save_form(person: SandboxPerson, command: str, typed: dict[str, str], channel: str = MARKETING) -> None:
    await open_form(person, command, channel)
    await person.submit(typed)
    await person.wait_for_message(channel, "#")
    await person.close()


@in_both_modes
async def test_it_tells_who_did_what_newest_first(running: World) -> None:
    await save_form(running.emma, "/flows create", REQUIRED_FIELDS)
    await open_form(running.ayse, "/flows düzenle 1")
    await running.ayse.submit({"Başlık": "Yeni"})
    await wait_for_result(running.ayse, "düzenlendi")
    assert await read_history(running.emma) == [
        "✅ Flow #1 Spring was changed · by U0AYSE · WHEN",
        "✅ Flow #1 Spring was created · by U0EMMA · WHEN",
    ]
    answer = await show_history(running.burak, "/flows geçmiş 1")
    assert text_of(answer).splitlines()[0] == "#1 Spring akışının geçmişi"
    assert read_lines(answer) == [
        "✅ Düzenleme · Uygulandı",
        "İsteyen: U0AYSE, WHEN · Uygulandı, WHEN",
        "Değişiklikler",
        "Başlık: Spring is here → Yeni",
        "✅ Yeni akış · Uygulandı",
        "İsteyen: U0EMMA, WHEN · Uygulandı, WHEN",
    ]


async def test_it_turns_pages_and_leads_to_each_request(http: World) -> None:
    await http.import_policy(approval_policy())
    requests = [await request_change(http) for _ in range(11)]
    await http.burak.click(requests[0], "Approve")
    await wait_for_status(http, requests[0], "Applied")
    first = await show_history(http.emma)
    assert (
        read_lines(first)[0]
        == "✅ Flow #1 Old name was enabled · approved by U0BURAK · requested by U0EMMA · WHEN · Open"
    )
    assert read_lines(first)[1] == "⏳ U0EMMA asks to enable flow #11 Old name · WHEN · Open"
    links = [element["url"] for element in find_elements(first, "link")]
    assert len(links) == 10
    assert links[0].endswith(f"/archives/{APPROVALS}/p{requests[0].ts.replace('.', '')}")
    assert http.emma.list_buttons(first) == ["Next"]
    await http.emma.click(first, "Next")
    second = await http.emma.wait_for_message(MARKETING, "to enable flow #2 Old name")
    assert len(find_elements(second, "link")) == 1
    await http.emma.click(second, "Previous")
    assert len(find_elements(await http.emma.wait_for_message(MARKETING, "to enable flow #11"), "link")) == 10


def find_elements(answer: Message, kind: str) -> list[dict[str, Any]]:
    """Return the elements of a kind in the rich texts of a message."""
    parts = [part for block in answer.blocks or () if block["type"] == "rich_text" for part in block["elements"]]
    lines = [line for part in parts for line in (part["elements"] if part["type"] == "rich_text_list" else [part])]
    return [element for line in lines for element in line["elements"] if element["type"] == kind]


@in_both_modes
async def test_an_earlier_version_is_asked_for_again(running: World) -> None:
    flow = add_flow(running, title="One")
    for title in ("Two", "Three"):
        await save_form(running.emma, f"/flows edit {flow}", {"Title": title})
        await running.emma.wait_for_message(MARKETING, title)
    shown = await show_history(running.emma, f"/flows history {flow}")
    assert running.emma.list_buttons(shown) == ["Restore this version"] * 2
    assert [line for line in read_lines(shown) if line.startswith("Title")] == [
        "Title: Two → Three", "Title: One → Two", "Title since WHEN: Two", "Title until WHEN: One",
    ]  # fmt: skip
    await running.emma.click(shown, "Restore this version", 1)
    form = await running.emma.wait_for_view(is_form)
    assert "Segment, UTM values and picture stay as they are now." in text_of(form)
    assert running.emma.read_field("Title") == "One"
    await running.emma.submit({})
    await wait_until(lambda: running.enkapush.store.flow(flow).title == "One")
    assert running.enkapush.store.flow(flow).segment == "7"


async def see_outside(world: World, flow: int, **changed: Any) -> None:
    """Change a flow outside flowbot, and store what the watch makes of that."""
    async with EnkapushClient(world.settings.enkapush_api_url, API_KEY) as client:
        reader = EnkapushReader(client, world.settings.zone)
        before = await reader.get_flow(FlowId(flow))
        world.enkapush.store.update_flow(flow, **changed)
        after = await reader.get_flow(FlowId(flow))
    assert after is not None
    content = Finding(before, after, closing=FindingClosing(FindingEnd.ACCEPTED, UserId("U0BURAK")))
    new = NewReport(
        ReportToken(f"{flow}.{changed}"), ReportKind.FINDING, content, after.id, after.website_id,
        state=ReportState.CLOSED,
    )  # fmt: skip
    async with world.open_database() as database:
        await ReportRepository(database, world.time.now).submit(new)


@on_both_databases
async def test_what_was_changed_outside_flowbot_is_a_version_too(world: World) -> None:
    await world.start_http()
    flow = add_flow(world, title="One")
    await save_form(world.emma, f"/flows edit {flow}", {"Title": "Two"})
    await see_outside(world, flow, title="Theirs")
    await see_outside(world, flow, title="Theirs again", is_enabled=True)
    shown = await show_history(world.emma, f"/flows history {flow}")
    told = ("👀", "✅", "Seen", "Title", "State")
    assert [line for line in read_lines(shown) if line.startswith(told)] == [
        "👀 Enabled outside flowbot", "Seen WHEN · Accepted by U0BURAK",
        "Title: Theirs → Theirs again", "State: Disabled → Enabled",
        "👀 Changed outside flowbot", "Seen WHEN · Accepted by U0BURAK",
        "Title: Two → Theirs", "Title since WHEN: Theirs",
        "✅ Edit · Applied", "Title: One → Two", "Title since WHEN: Two", "Title until WHEN: One",
    ]  # fmt: skip
    await world.emma.click(shown, "Restore this version")
    form = await world.emma.wait_for_view(is_form)
    assert "Segment, UTM values and picture stay as they are now." in text_of(form)
    assert world.emma.read_field("Title") == "Theirs"
    await world.emma.submit({})
    await world.emma.wait_for_message(MARKETING, "Waiting for approval")
    lines = await read_history(world.ayse, f"/flows geçmiş {flow}")
    assert "👀 flowbot dışında etkinleştirildi" in lines
    assert "Görüldü: WHEN · Kabul eden: U0BURAK" in lines


async def test_changes_from_outside_are_on_pages_among_the_others(http: World) -> None:
    flow = add_flow(http, title="0")
    for number in range(1, 5):
        await save_form(http.emma, f"/flows edit {flow}", {"Title": f"Mine {number}"})
        await http.emma.wait_for_message(MARKETING, f"Mine {number}")
        await see_outside(http, flow, title=f"Theirs {number}")
    first = await show_history(http.emma, f"/flows history {flow}")
    assert [text_of(first).count(word) for word in ("👀", "✅")] == [3, 2]
    await http.emma.click(first, "Next")
    second = await http.emma.wait_for_message(MARKETING, "Title: 0 → Mine 1")
    assert [text_of(second).count(word) for word in ("👀", "✅")] == [1, 2]
    assert http.emma.list_buttons(second)[-1] == "Previous"


async def test_only_an_editor_restores_a_version_and_only_of_a_flow_that_is_there(http: World) -> None:
    flow = add_flow(http, title="One")
    await save_form(http.emma, f"/flows edit {flow}", {"Title": "Two"})
    assert http.deniz.list_buttons(await show_history(http.deniz, f"/flows history {flow}")) == []
    shown = await show_history(http.emma, f"/flows history {flow}")
    http.enkapush.store.update_flow(flow, website_id=3)
    assert http.emma.list_buttons(await show_history(http.emma, f"/flows history {flow}")) == []
    await http.emma.click(shown, "Restore this version")
    await http.emma.wait_for_view(f"There is no flow #{flow} here.")
    await http.emma.close()
    await http.import_policy(POLICY.replace('editors = ["S0EDITORS"]', 'editors = ["U0DENIZ"]'))
    await http.emma.click(shown, "Restore this version")
    await http.emma.wait_for_message(MARKETING, "Only U0DENIZ can do this.")


async def test_it_names_people_without_calling_them(http: World) -> None:
    await save_form(http.emma, "/flows create", REQUIRED_FIELDS | {"Name": "<!channel> <@U0BURAK>"})
    await http.ayse.send(MARKETING, "/flows geçmiş")
    answer = await http.ayse.wait_for_message(MARKETING, "U0EMMA")
    assert [(mention.kind, mention.value) for mention in http.slack.find_mentions(answer)] == [("user", "U0EMMA")]


async def test_it_has_what_was_not_done_too(http: World) -> None:
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, name="Theirs")
    await http.emma.submit({"Title": "Mine"})
    await wait_for_reopened_form(http.emma, "was changed while you were editing")
    await submit_again_refused(http)
    lines = await read_history(http.burak, "/flows history 1")
    assert [line for line in lines if "Düzenleme" in line] == [
        "❌ Düzenleme · Başarısız",
        "🔁 Düzenleme · Güncel değil",
    ]
    assert "title: No." in "\n".join(lines)


async def submit_again_refused(http: World) -> None:
    http.enkapush.faults.add(Fault.status(422, '{"errors": {"title": ["No."]}}', method="POST"))
    await http.emma.submit({"Name": "Theirs"})
    await wait_for_reopened_form(http.emma, "title: No.")


async def test_it_says_whose_each_reason_is(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.send(MARKETING, "/flows delete 1 Nobody comes back")
    request = await http.burak.wait_for_message(APPROVALS, WAITING)
    await http.burak.click(request, "Reject")
    await submit_reason(http.burak, "It still sells")
    await wait_for_status(http, request, "Rejected")
    told = text_of(await show_history(http.emma, "/flows history 1"))
    assert "Reason: “Nobody comes back”" in told
    assert "Reason for rejecting: “It still sells”" in told


async def test_hidden_websites_events_are_not_there(http: World) -> None:
    await http.import_policy(OTHERS)
    await save_form(http.emma, "/flows create", REQUIRED_FIELDS, AGENCY)
    hidden = http.enkapush.store.flow(1)
    assert hidden.website_id == 3
    assert [text_of(await show_history(http.emma))] == [
        "Nothing was changed through flowbot on this channel's websites yet."
    ]
    assert len(await read_history(http.emma, channel=AGENCY)) == 1


async def test_a_hidden_flows_history_is_like_a_missing_ones(http: World) -> None:
    await http.import_policy(OTHERS)
    await save_form(http.emma, "/flows create", REQUIRED_FIELDS, AGENCY)
    hidden = text_of(await show_history(http.emma, "/flows history 1"))
    missing = text_of(await show_history(http.emma, "/flows history 2"))
    assert hidden.replace("1", "N") == missing.replace("2", "N") == "Flow #N was never changed through flowbot here."


async def test_a_flow_that_nobody_touched_through_flowbot_has_none(http: World) -> None:
    add_flow(http)
    assert [text_of(await show_history(http.emma, "/flows history 1"))] == [
        "Flow #1 was never changed through flowbot here."
    ]


@on_both_databases
async def test_a_restored_flow_and_the_one_that_it_was_tell_of_each_other(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    await http.emma.click(over, "Restore")
    await http.deniz.wait_for_message(MARKETING, "Restored from #1 as #2")
    for flow in (1, 2):
        lines = await read_history(http.emma, f"/flows history {flow}")
        assert (lines[0], lines[2]) == ("✅ Restore · Applied", "Flow #1 Old name was restored as #2 · by U0EMMA")
    assert (await read_history(http.ayse, "/flows geçmiş"))[0].startswith("✅ #1 Old name akışı #2 numarasıyla geri")


@pytest.mark.parametrize(("channel", "said"), [(AGENCY, "can see flows."), (RANDOM, "isn't set up in")])
async def test_only_those_who_may_view_see_it(http: World, channel: str, said: str) -> None:
    await http.emma.send(channel, "/flows history")
    await http.emma.wait_for_message(channel, said)
