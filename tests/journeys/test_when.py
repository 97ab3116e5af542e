"""Times in commands and in the small form: what is taken, what is asked about, and what is answered."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, list_writes, submit_label
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    request_change,
    speed_up,
    wait_for_change_form,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.test_change_form import show
from tests.journeys.world import APPROVALS, MARKETING, World

EVE: Final = datetime(2026, 10, 24, 9, 0, tzinfo=UTC)
"""A Saturday, ten o'clock in London, where Emma is; next night clocks go back there."""


@pytest.fixture
async def eve(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot at that moment."""
    speed_up(world, monkeypatch)
    world.time.ahead = (EVE - datetime.now(UTC)).total_seconds()
    await world.import_policy(approval_policy())
    await world.start_http()
    return world


def move_to(world: World, person: SandboxPerson, zone: str) -> None:
    """Let Slack say that somebody lives in another zone."""
    world.slack.workspace.people[person.id].tz = zone


async def ask(world: World, person: SandboxPerson, command: str, where: str = MARKETING) -> Message:
    """Send a command, and return the private answer."""
    before = {message.ts for message in await person.list_messages(where)}
    await person.send(where, command)
    return await person.wait_for_message(where, lambda each: each.is_ephemeral and each.ts not in before)


def lines(message: Message) -> list[str]:
    return text_of(message).splitlines()


def list_moments(message: Message) -> list[datetime]:
    """List the moments that a message shows in each reader's zone."""
    assert message.blocks is not None
    elements = message.blocks[1]["elements"][0]["elements"]
    return [datetime.fromtimestamp(each["timestamp"], UTC) for each in elements if each["type"] == "date"]


async def test_a_time_is_read_in_the_persons_own_zone(eve: World) -> None:
    add_flow(eve)
    request = await request_change(eve, "enable 1 at mon 09:00 until 2026-12-24 18:00 The sale, at last")
    told = await wait_for_private_message(eve.emma, "Approval requested in", MARKETING)
    assert lines(told)[1:] == [
        "It goes live 26 Oct 2026 09:00, once approved. It ends 24 Dec 2026 18:00.",
        "Open",
    ]
    assert "Reason: The sale, at last" in text_of(request)
    add_flow(eve)
    move_to(eve, eve.ayse, "America/New_York")
    told = await ask(eve, eve.ayse, "/flows etkinleştir 2 kampanya bitiş cuma 18:00 saat 09:00")
    assert lines(told)[1:] == ["Onaylanınca yayına giriş: 24 Eki 2026 09:00. Bitiş: 30 Eki 2026 18:00.", "Mesaja git"]
    moments = list_moments(told)
    new_york = ZoneInfo("America/New_York")
    assert moments == [datetime(2026, 10, day, hour, tzinfo=new_york) for day, hour in ((24, 9), (30, 18))]


async def test_where_slack_knows_no_zone_it_is_said_which_counts(eve: World) -> None:
    add_flow(eve)
    move_to(eve, eve.emma, "")
    told = await ask(eve, eve.emma, "/flows enable 1 at 18:00")
    zone = "Slack doesn't know your time zone, so times are in Europe/Istanbul."
    assert lines(told)[1:] == ["It goes live 24 Oct 2026 18:00, once approved.", "Open", zone]
    assert zone in lines(await ask(eve, eve.emma, "/flows enable 1 at 6"))
    assert zone not in lines(await ask(eve, eve.emma, "/flows enable 1"))


async def test_an_hour_that_comes_twice_is_asked_about_and_its_button_answers(eve: World) -> None:
    add_flow(eve)
    move_to(eve, eve.emma, "Europe/Berlin")
    asked = await ask(eve, eve.emma, "/flows enable 1 The sale at sun 02:30")
    assert lines(asked)[0] == "Clocks go back then, so “at sun 02:30” comes twice. Choose the first or the second."
    first, second, form = eve.emma.list_buttons(asked)
    assert (first, form) == ("enable 1 at 2026-10-25 02:30+02:00 The sale", "Open form")
    assert list_writes(eve) == []
    await eve.emma.click(asked, second)
    request = await eve.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Reason: The sale" in lines(request)
    told = await wait_for_private_message(eve.emma, "Approval requested in", MARKETING)
    assert list_moments(told) == [datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]


QUESTIONS: Final = [
    ("enable 1 at 9 we said",
     "“at 9” isn't a time. Write 09:00, mon 09:00 or 2026-12-24 09:00, or open the form.",
     ["enable 1 at 09:00 we said", "Open form"]),
    ("enable 1 at 2026-10-23 09:00", "“at 2026-10-23 09:00” is in the past. Choose a later time.", ["Open form"]),
    ("enable 1 until 2028-01-01 09:00",
     "“until 2028-01-01 09:00” is over a year away. Choose an earlier time.", ["Open form"]),
    ("enable 1 at fri 09:00 until 08:00 as asked",
     "“until 08:00” isn't after the start. Choose a later end.",
     ["enable 1 at fri 09:00 until 2026-10-31 08:00 as asked", "Open form"]),
    ("disable 1 until mon 09:00",
     "Only enabling has an end. If “until mon 09:00” is part of your reason, open the form.", ["Open form"]),
    ("delete 1 at 9",
     "Deleting can't be scheduled. If “at 9” is part of your reason, open the form.", ["Open form"]),
    ("enable 1 at 09:00 or at 10:00",
     "You wrote two start times. If “at 10:00” is part of your reason, open the form.", ["Open form"]),
    ("etkinleştir 1 saat 9'da",
     "“saat 9'da” bir zaman değil. 09:00, pzt 09:00 veya 2026-12-24 09:00 yazın ya da formu açın.",
     ["etkinleştir 1 saat 09:00", "Formu aç"]),
    ("etkinleştir 1 saat 2026-10-23 09:00",
     "“saat 2026-10-23 09:00” geçmişte kaldı. Daha geç bir zaman seçin.", ["Formu aç"]),
    ("sil 1 bitiş pazartesi",
     "Silme işleminin bitişi olmaz. “bitiş pazartesi” gerekçenizdeyse formu açın.", ["Formu aç"]),
]  # fmt: skip


async def test_what_is_not_clear_is_asked_about(eve: World) -> None:
    add_flow(eve)
    for command, answer, buttons in QUESTIONS:
        person = eve.ayse if buttons[-1] == "Formu aç" else eve.emma
        asked = await ask(eve, person, f"/flows {command}")
        assert (lines(asked)[0], person.list_buttons(asked)) == (answer, buttons)
    assert list_writes(eve) == []


async def test_the_form_behind_a_question_takes_times_and_any_reason(eve: World) -> None:
    add_flow(eve)
    asked = await ask(eve, eve.emma, "/flows enable 1 at 9 we open")
    await eve.emma.click(asked, "Open form")
    form = await wait_for_change_form(eve.emma)
    assert (submit_label(form), eve.emma.list_fields()) == ("Request approval", ["When", "Until", "Reason"])
    assert "Leave empty to start as soon as it's approved." in text_of(form)
    seconds = int(EVE.timestamp())
    for times, errors in (
        ({"When": seconds - 60}, {"at": "Choose a time in the future."}),
        ({"When": seconds + 60 * 60, "Until": seconds + 60 * 60}, {"until": "Choose an end after the start."}),
        ({"When": None, "Until": seconds + 400 * 24 * 60 * 60}, {"until": "Choose a time within a year."}),
    ):
        assert (await eve.emma.submit({"Reason": "at 9 we open", **times})).errors == errors
    await eve.emma.submit({"When": seconds + 2 * 60 * 60, "Until": seconds + 24 * 60 * 60})
    request = await eve.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Reason: at 9 we open" in text_of(request)
    told = await wait_for_private_message(eve.emma, "Approval requested in", MARKETING)
    assert lines(told)[1] == "It goes live 24 Oct 2026 12:00, once approved. It ends 25 Oct 2026 09:00."


async def test_a_disable_has_a_time_and_a_delete_has_none(eve: World) -> None:
    add_flow(eve, is_enabled=True)
    await eve.ayse.click(await show(eve.ayse, "/flows göster 1"), "Durdur")
    form = await wait_for_change_form(eve.ayse)
    assert (submit_label(form), eve.ayse.list_fields()) == ("Durdur", ["Ne zaman", "Gerekçe"])
    assert "Boş bırakırsanız hemen uygulanır." in text_of(form)
    await eve.ayse.close()
    await eve.emma.click(await show(eve.emma), "Delete")
    await wait_for_change_form(eve.emma)
    assert eve.emma.list_fields() == ["Reason"]


async def test_what_is_scheduled_stands_in_lists_and_in_home(eve: World) -> None:
    add_flow(eve, is_enabled=True)
    told = await ask(eve, eve.emma, "/flows disable 1 at fri 18:00 the sale ends")
    assert lines(told)[0] == "Flow #1 Old name will be disabled 30 Oct 2026 18:00"
    shown = await ask(eve, eve.emma, "/flows list")
    assert "#1 Old name · Enabled · ends 30 Oct 18:00" in text_of(shown)
    assert "bitiş 30 Eki 21:00" in text_of(await show(eve.ayse, "/flows göster 1"))
    listed = lines(await ask(eve, eve.ayse, "/flows onaylar"))
    assert listed[:2] == ["Zamanlananlar", "🕒 Durdurma #1 Old name"]
    assert listed[3] == "Bitiş: 30 Eki 2026 21:00"
    await eve.emma.open_home()
    home = text_of(await eve.emma.wait_for_home("As of")).splitlines()
    assert home[home.index("Scheduled") + 1].startswith("🕒 Flow #1 Old name will be disabled 30 Oct 2026 18:00")
    assert list_writes(eve) == []


async def test_disables_to_come_of_one_flow_are_told_apart_in_lists(eve: World) -> None:
    await eve.import_policy(approval_policy('required_for = ["enable", "delete", "disable"]'))
    add_flow(eve, is_enabled=True)
    first = await request_change(eve, "disable 1 at 15:00")
    await request_change(eve, "disable 1 at 16:00")
    for person in (eve.burak, eve.emma):
        await ask(eve, person, "/flows approvals")
        await person.open_home()
        assert "Old name" in text_of(await person.wait_for_home("Old name"))
    await eve.burak.click(first, "Approve")
    await wait_for_status(eve, first, "Scheduled")
    assert "Ends 24 Oct 2026 15:00" in lines(await ask(eve, eve.emma, "/flows approvals"))


async def test_asking_again_after_the_time_asks_for_a_new_one(eve: World) -> None:
    add_flow(eve)
    request = await request_change(eve, "enable 1 at 18:00 until fri 18:00 The sale begins")
    await eve.burak.click(request, "Approve")
    request = await wait_for_status(eve, request, "Scheduled")
    assert "Starts 24 Oct 2026 18:00 · Ends 30 Oct 2026 18:00" in lines(await ask(eve, eve.emma, "/flows history 1"))
    # An hour too late, as after an outage.
    eve.time.ahead += timedelta(hours=9).total_seconds()
    request = await wait_for_status(eve, request, "Expired")
    await eve.emma.click(request, "Ask again")
    await wait_for_change_form(eve.emma)
    shown = {label: eve.emma.read_field(label) for label in eve.emma.list_fields()}
    end = datetime(2026, 10, 30, 18, tzinfo=UTC).timestamp()
    assert shown == {"When": None, "Until": end, "Reason": "The sale begins"}
    tomorrow = eve.time.now() + timedelta(days=1)
    await eve.emma.submit({"When": int(tomorrow.timestamp())})
    again = await eve.deniz.wait_for_message(APPROVALS, lambda each: each.ts > request.ts and WAITING in text_of(each))
    assert "Reason: The sale begins" in text_of(again)
    await wait_for_private_message(eve.emma, "Approval requested in", APPROVALS)


async def test_a_live_flow_gets_an_end_and_no_start(eve: World) -> None:
    add_flow(eve, is_enabled=True)
    assert "already enabled" in text_of(await ask(eve, eve.emma, "/flows enable 1 at 18:00"))
    assert "already enabled" in text_of(await ask(eve, eve.emma, "/flows enable 1 at 18:00 until mon 18:00"))
    request = await request_change(eve, "enable 1 until fri 18:00 The sale ends")
    assert "Emma Clarke asks to set an end for flow #1 Old name" in request.text
    told = await wait_for_private_message(eve.emma, "Approval requested in", MARKETING)
    assert lines(told)[1] == "It ends 30 Oct 2026 18:00."
    await eve.burak.click(request, "Approve")
    await wait_for_status(eve, request, "Applied")
    assert list_writes(eve) == []
    assert "#1 Old name · Enabled · ends 30 Oct 18:00" in text_of(await ask(eve, eve.emma, "/flows list"))


async def test_a_disable_at_a_time_is_taken_where_the_flow_may_be_live_by_then(eve: World) -> None:
    add_flow(eve)
    assert "already disabled" in text_of(await ask(eve, eve.emma, "/flows disable 1 at fri 18:00"))
    await request_change(eve, "enable 1 at mon 09:00")
    told = await ask(eve, eve.ayse, "/flows durdur 1 saat cum 18:00")
    assert lines(told)[0] == "#1 Old name akışı 30 Eki 2026 18:00 durdurulacak"
