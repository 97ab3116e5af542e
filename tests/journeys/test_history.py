"""`/flows history`: who did what, when, on this channel's websites."""

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import SandboxPerson, text_of
from flowbot.services.history import EVENTS_LIMIT
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, open_form, wait_for_reopened_form, wait_for_result
from tests.journeys.request_steps import approval_policy, request_change, wait_for_status
from tests.journeys.world import (
    AGENCY,
    MARKETING,
    POLICY,
    RANDOM,
    World,
    in_both_modes,
    on_both_databases,
)

OTHERS = POLICY.replace('viewers = ["S0LEADS"]', 'viewers = ["*"]\neditors = ["S0EDITORS"]')


async def read_history(person: SandboxPerson, command: str = "/flows history", channel: str = MARKETING) -> list[str]:
    """Type the command; return the lines of the answer, newest first, without their times."""
    before = len(await person.list_messages(channel))
    await person.send(channel, command)
    await person.wait_until(lambda: len(person._context.workspace.list_visible_messages(channel, person.id)) > before)
    answer = (await person.list_messages(channel))[-1]
    assert answer.is_ephemeral
    return [line.split(" · ", 1)[-1] for line in text_of(answer).splitlines()[1:]]


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
    await wait_for_result(running.ayse, "değiştirildi")
    assert await read_history(running.emma) == [
        "flowbot · Edit: applied #1",
        "U0AYSE · Edit: submitted #1",
        "flowbot · New flow: applied #1",
        "U0EMMA · New flow: submitted",
    ]
    assert await read_history(running.burak, "/flows geçmiş 1") == [
        "flowbot · Düzenleme: uygulandı #1",
        "U0AYSE · Düzenleme: gönderildi #1",
        "flowbot · Yeni akış: uygulandı #1",
        "U0EMMA · Yeni akış: gönderildi",
    ]


async def test_what_was_done_is_found_behind_a_row_of_policies(http: World) -> None:
    await http.import_policy(POLICY.replace("websites = [1, 2]", 'websites = "all"'))
    await save_form(http.emma, "/flows create", REQUIRED_FIELDS)
    for number in range(3 * EVENTS_LIMIT):
        await http.import_policy(approval_policy(f"quorum = {number % 2 + 1}", websites='"all"'))
    assert await read_history(http.emma) == ["flowbot · New flow: applied #1", "U0EMMA · New flow: submitted"]


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
    await wait_for_reopened_form(http.emma, "was changed by somebody else")
    await submit_again_refused(http)
    assert await read_history(http.burak, "/flows history 1") == [
        "flowbot · Düzenleme: yapılmadı #1",
        "U0EMMA · Düzenleme: gönderildi #1",
        "flowbot · Düzenleme: güncel değil, yapılmadı #1",
        "U0EMMA · Düzenleme: gönderildi #1",
    ]


async def submit_again_refused(http: World) -> None:
    http.enkapush.faults.add(Fault.status(422, '{"errors": {"title": ["No."]}}', method="POST"))
    await http.emma.submit({"Name": "Theirs"})
    await wait_for_reopened_form(http.emma, "title: No.")


async def test_hidden_websites_events_are_not_there(http: World) -> None:
    await http.import_policy(OTHERS)
    await save_form(http.emma, "/flows create", REQUIRED_FIELDS, AGENCY)
    hidden = http.enkapush.store.flow(1)
    assert hidden.website_id == 3
    assert await read_history(http.emma) == ["Nothing was changed through flowbot on this channel's websites yet."]
    assert len(await read_history(http.emma, channel=AGENCY)) == 2


async def test_a_hidden_flows_history_is_like_a_missing_ones(http: World) -> None:
    await http.import_policy(OTHERS)
    await save_form(http.emma, "/flows create", REQUIRED_FIELDS, AGENCY)
    (hidden,) = await read_history(http.emma, "/flows history 1")
    (missing,) = await read_history(http.emma, "/flows history 2")
    assert hidden.replace("1", "N") == missing.replace("2", "N") == "Nothing was done to flow N through flowbot here."


async def test_a_flow_that_nobody_touched_through_flowbot_has_none(http: World) -> None:
    add_flow(http)
    assert await read_history(http.emma, "/flows history 1") == ["Nothing was done to flow 1 through flowbot here."]


@on_both_databases
async def test_a_restored_flow_and_the_one_that_it_was_tell_of_each_other(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    await http.emma.click(over, "Restore")
    await http.deniz.wait_for_message(MARKETING, "Restored from #1 as #2")
    restored = ["flowbot · Restore: applied #2 – from #1", "U0EMMA · Restore: submitted #1"]
    assert (await read_history(http.emma, "/flows history 1"))[:2] == restored
    assert await read_history(http.emma, "/flows history 2") == restored
    assert (await read_history(http.ayse, "/flows geçmiş 2"))[0] == (
        "flowbot · Geri yükleme: uygulandı #2 – #1 numaralı akıştan"
    )


@pytest.mark.parametrize(("channel", "said"), [(AGENCY, "does not let you"), (RANDOM, "no policy yet")])
async def test_only_those_who_may_view_see_it(http: World, channel: str, said: str) -> None:
    await http.emma.send(channel, "/flows history")
    await http.emma.wait_for_message(channel, said)


async def test_it_ends_after_the_latest(http: World) -> None:
    for number in range(1, 13):
        await open_form(http.emma, "/flows create")
        await http.emma.submit(REQUIRED_FIELDS)
        await wait_for_result(http.emma, f"Flow #{number} was created")
        await http.emma.close()
    lines = await read_history(http.emma)
    assert len(lines) == 20
    assert lines[0] == "flowbot · New flow: applied #12"
