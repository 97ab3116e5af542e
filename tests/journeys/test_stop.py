"""`/flows stop`: one question, then every live flow is disabled once, and one message tells of each."""

import asyncio
from typing import Final

import pytest

from flowbot.domain.ids import ChannelId, FlowId, ReportToken, UserId
from flowbot.domain.report import NewReport, ReportKind
from flowbot.domain.stop import Stop, StoppedFlow
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.worker import recovery
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.late_steps import DISABLE, approve_with_late_effect, delay_effect
from tests.journeys.request_steps import (
    all_sent_fields,
    approval_policy,
    list_alarms,
    list_mentions,
    private_messages,
    read_audit_trail,
    request_change,
    speed_up,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

GATED: Final = (
    'required_for = ["enable", "delete", "edit_enabled", "disable"]',
    'break_glass = ["U0DENIZ"]',
)


async def ask(person: SandboxPerson, command: str = "/flows stop all", said: str = "Stop all") -> Message:
    """Type the command, and wait for the question."""
    await person.send(MARKETING, command)
    return await wait_for_private_message(person, said, MARKETING)


async def refuse(world: World, person: SandboxPerson, command: str) -> str:
    """Type the command, and return why it is refused."""
    before = len(private_messages(world, person, MARKETING))
    await person.send(MARKETING, command)
    await person.wait_until(lambda: len(private_messages(world, person, MARKETING)) > before)
    return private_messages(world, person, MARKETING)[-1]


async def wait_for_report(world: World, sentence: str) -> Message:
    """Wait until the report in the channel of approvals says the sentence."""
    return await world.deniz.wait_for_message(
        APPROVALS, lambda message: all(said in text_of(message) for said in ("🛑", sentence))
    )


def list_live(world: World) -> list[int]:
    return [flow.id for flow in world.enkapush.store.flows.values() if flow.is_enabled]


@in_both_modes
async def test_what_was_named_is_disabled_and_one_message_tells_of_each(running: World) -> None:
    await running.import_policy(approval_policy())
    for name in ("Winter sale", "Cart"):
        add_flow(running, name=name, is_enabled=True)
    add_flow(running, name="Quiet", is_enabled=False)
    add_flow(running, name="Elsewhere", is_enabled=True, website_id=3)
    pending = await request_change(running, "delete 1")
    question = text_of(shown := await ask(running.emma, "/flows stop all Wrong prices"))
    assert "Stop 2 live flows of C0MARKETING?" in question
    assert [name in question for name in ("#1 Winter sale", "#2 Cart", "Quiet", "Elsewhere")] == [
        True,
        True,
        False,
        False,
    ]
    assert "Wrong prices" in question
    await running.emma.click(shown, "Stop all")
    report = await wait_for_report(running, "stopped 2 live flows of C0MARKETING")
    assert all(said in text_of(report) for said in ("Disabled (2)", "#1 Winter sale", "#2 Cart", "Wrong prices"))
    assert list_live(running) == [4]
    assert "U0EMMA disabled the flow" in text_of(await wait_for_status(running, pending, "Out of date"))
    posted = [each.ts for each in running.slack.workspace.messages[APPROVALS] if each.thread_ts is None]
    assert posted == [pending.ts, report.ts]
    assert "Stopping 2 flows" in private_messages(running, running.emma, MARKETING)[-1]
    history = await refuse(running, running.emma, "/flows history 1")
    assert "Stopped together with other live flows." in history
    stopped = next(each for each in await read_audit_trail(running) if each["action"] == "flows.stopped")
    assert (stopped["actor"], stopped["details"]) == ("U0EMMA", {"flows": [2, 1], "reason": "Wrong prices"})


async def test_the_team_reads_it_in_its_own_language(world: World) -> None:
    world.settings = world.settings.model_copy(update={"flowbot_language": "tr"})
    await world.import_policy(approval_policy())
    await world.start_http()
    add_flow(world, name="Kış indirimi", is_enabled=True)
    add_flow(world, name="Sepet", is_enabled=True)
    add_flow(world, name="Diğeri", is_enabled=True, website_id=2)
    world.enkapush.faults.add(Fault.status(500, method="POST", path="/flows/2", times=None))
    question = await ask(world.ayse, "/flows hepsinidurdur site:Lale Moda Yanlış fiyat", "Hepsini durdur")
    assert "Lale Moda web sitesinde yayında olan 2 akış durdurulsun mu?" in text_of(question)
    assert "Gerekçe: Yanlış fiyat" in text_of(question)
    await world.ayse.click(question, "Hepsini durdur")
    report = text_of(await wait_for_report(world, "Lale Moda web sitesinde yayında olan 2 akıştan 1 tanesini durdurdu"))
    assert "Kontrol edilmeli (1)" in report
    assert "Durduruldu (1)" in report
    assert "2 akış durduruluyor." in private_messages(world, world.ayse, MARKETING)[-1]
    assert list_live(world) == [2, 3]


async def test_who_may_not_or_says_too_little_is_told_why(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, website_id=2, is_enabled=True)
    for person, command, said in (
        (http.emma, "/flows stop", "Say which flows to stop: /flows stop website:NAME or /flows stop all."),
        (http.emma, "/flows stop 12", "To disable one flow, type /flows disable 12."),
        (http.emma, "/flows stop website:", "Add the website's name or number after website:"),
        (http.emma, "/flows stop website:Nowhere now", "This channel has no website “Nowhere”."),
        (http.emma, '/flows stop website:"Lale Moda"', "Nothing to stop: no flow is live there."),
        (http.burak, "/flows stop all", "Bunu yalnızca şu kişiler yapabilir: S0EDITORS."),
    ):
        assert said in await refuse(http, person, command)
    await http.import_policy(approval_policy(*GATED))
    for person, command, said in (
        (http.emma, "/flows stop all Wrong prices", "Only U0DENIZ can skip approval."),
        (http.deniz, "/flows stop all", "To skip it, add a reason, as in /flows stop all wrong prices."),
    ):
        assert said in await refuse(http, person, command)
    assert list_writes(http) == []


async def test_where_disabling_needs_approval_its_skipping_is_said_and_recorded(http: World) -> None:
    await http.import_policy(approval_policy(*GATED))
    add_flow(http, is_enabled=True)
    question = await ask(http.deniz, "/flows stop website:lale Wrong prices")
    assert "This skips approval, and your team sees it." in text_of(question)
    await http.deniz.click(question, "Stop all")
    report = await wait_for_report(http, "stopped 1 live flow of Lale Moda")
    assert "Approval was skipped (emergency)." in text_of(report)
    assert set(list_mentions(http, report)) == {("user", "U0DENIZ")}
    assert list_alarms(http, report) == []
    trail = await read_audit_trail(http)
    stopped = next(each for each in trail if each["action"] == "flows.stopped")
    assert stopped["details"]["break_glass"] == "U0DENIZ"
    submitted = next(each for each in trail if each["action"] == "change.submitted")
    assert submitted["details"] == {"reason": "Wrong prices", "cause": "stop"}


async def test_the_set_is_that_of_the_question_and_what_is_still_live(http: World) -> None:
    await http.import_policy(approval_policy())
    for _ in range(2):
        add_flow(http, is_enabled=True)
    question = await ask(http.emma)
    http.enkapush.store.update_flow(1, is_enabled=False)
    later = add_flow(http, is_enabled=True)
    await http.emma.send(MARKETING, "/flows list")
    await wait_until(lambda: http.enkapush.request_count("GET", "/flows/") > 0)
    http.time.ahead += 10
    await http.emma.click(question, "Stop all")
    report = text_of(await wait_for_report(http, "stopped 1 live flow"))
    assert "#2 Old name" in report
    assert list_live(http) == [later]
    assert [record.path for record in list_writes(http)] == ["/flows/2"]


async def test_a_mention_asks_and_a_second_press_does_nothing(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=True)
    question = await ask(http.emma, "@flowbot stop all")
    await asyncio.gather(http.emma.click(question, "Stop all"), http.emma.click(question, "Stop all"))
    await wait_for_report(http, "stopped 1 live flow")
    await wait_until(lambda: any("already" in said for said in private_messages(http, http.emma, MARKETING)))
    assert all_sent_fields(http) == [DISABLE]


async def test_an_enable_that_is_not_known_counts_as_live(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    await world.start_http()
    await approve_with_late_effect(world)
    question = await ask(world.emma)
    assert "Stop 1 live flow of" in text_of(question)
    await world.emma.click(question, "Stop all")
    await wait_for_report(world, "stopped 1 live flow")
    assert all_sent_fields(world)[-1] == DISABLE
    world.enkapush.store.land_writes()
    world.time.ahead += 60
    await wait_until(lambda: all_sent_fields(world)[-2:] == [DISABLE, DISABLE] and list_live(world) == [])


async def test_what_is_not_known_is_corrected_in_the_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    await world.start_http()
    for _ in range(2):
        add_flow(world, is_enabled=True)
    delay_effect(world, None)
    await world.emma.click(await ask(world.emma), "Stop all")
    report = await wait_for_report(world, "stopped 1 of 2 live flows")
    assert "#1 Old name: Flow #1 doesn't show as disabled in Enkapush yet." in text_of(report)
    world.enkapush.store.land_writes()
    world.time.ahead += 60
    corrected = await wait_for_report(world, "stopped 2 live flows")
    assert corrected.ts == report.ts


@on_both_databases
async def test_what_a_process_left_is_done_once_by_whichever_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    monkeypatch.setattr(recovery, "STOP_ROUNDS", 2)
    await world.import_policy(approval_policy())
    flows = [add_flow(world, is_enabled=True) for _ in range(12)]
    left = (*(StoppedFlow(FlowId(each), f"Flow {each}") for each in flows), StoppedFlow(FlowId(99), "Gone"))
    stop = Stop(UserId("U0EMMA"), ChannelId(MARKETING), None, left)
    async with world.open_database() as database:
        new = NewReport(ReportToken("stop.left"), ReportKind.STOP, stop, channel=ChannelId(APPROVALS))
        await ReportRepository(database, world.time.now).submit(new)
    for _ in range(2 if world.settings.database_url.get_secret_value().startswith("postgresql") else 1):
        await world.start_http()
    report = await wait_for_report(world, "stopped 12 of 13 live flows")
    assert "#99 Gone" in text_of(report)
    assert list_live(world) == []
    assert sorted(record.path for record in list_writes(world)) == sorted(f"/flows/{each}" for each in flows)
    assert len([each for each in world.slack.workspace.messages[APPROVALS] if each.bot_id]) == 1


async def test_many_flows_are_disabled_gently_and_told_by_number(http: World) -> None:
    await http.import_policy(approval_policy())
    http.add_flows(60)
    for flow in http.enkapush.store.flows:
        http.enkapush.store.update_flow(flow, is_enabled=True)
    question = await ask(http.emma)
    assert "Stop 60 live flows" in text_of(question)
    assert "50 more" in text_of(question)
    await http.emma.click(question, "Stop all")
    report = await wait_for_report(http, "stopped 60 live flows")
    assert "Disabled (60)" in text_of(report)
    assert "#60, #59, #58" in text_of(report)
    assert list_live(http) == []
