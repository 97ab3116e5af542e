"""Absences: said by command or at Home, with a stand-in or without, and ended again."""

from datetime import date, timedelta

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.sandbox.slack.models import Person
from tests.journeys.request_steps import approval_policy, list_mentions, private_messages, read_audit_trail
from tests.journeys.test_guests import add_guest
from tests.journeys.world import MARKETING, World, in_both_modes

BURAK, EMMA = "@burak", "@emma"


def day_from_now(world: World, days: int) -> date:
    """Return a day in Istanbul."""
    return world.time.now().astimezone(world.settings.zone).date() + timedelta(days=days)


async def ask(world: World, person: SandboxPerson, text: str) -> str:
    """Type a command, and return the answer."""
    before = len(private_messages(world, person, MARKETING))
    await person.send(MARKETING, f"/flows {text}")
    await person.wait_until(lambda: len(private_messages(world, person, MARKETING)) > before)
    return private_messages(world, person, MARKETING)[-1]


async def wait_for_direct(world: World, person: SandboxPerson, sentence: str) -> Message:
    """Wait for a direct message of flowbot's."""
    return await person.wait_for_message(world.slack.workspace.open_direct_message(person.id).id, sentence)


@in_both_modes
async def test_a_stand_in_is_named_told_and_thanked(running: World) -> None:
    answer = await ask(running, running.deniz, f"away until {day_from_now(running, 3)} {EMMA}")
    assert "You're away until" in answer
    assert "U0EMMA can approve in your place." in answer
    assert "type /flows back" in answer
    told = await wait_for_direct(running, running.emma, "You can approve requests in their place.")
    assert text_of(told).startswith("You stand in for U0DENIZ until")
    assert "U0EMMA no longer stands in for you." in await ask(running, running.deniz, "back")
    await wait_for_direct(running, running.emma, "U0DENIZ is back. You no longer stand in for them.")
    assert "You aren't away." in await ask(running, running.deniz, "back")
    away, back = (event for event in await read_audit_trail(running) if event["action"].startswith("person."))
    assert (away["action"], away["actor"], away["details"]["stand_in"]) == ("person.away", "U0DENIZ", "U0EMMA")
    assert (back["action"], back["actor"], back["details"]) == ("person.back", "U0DENIZ", {})


@in_both_modes
async def test_it_is_said_in_turkish_too(running: World) -> None:
    answer = await ask(running, running.ayse, f"izin bitiş {day_from_now(running, 3)} {BURAK}")
    assert "İzindesiniz, son gün:" in answer
    assert "U0BURAK sizin yerinize onaylayabilir." in answer
    await wait_for_direct(running, running.burak, "İstekleri onun yerine onaylayabilirsiniz.")
    assert "Hoş geldiniz. U0BURAK artık vekiliniz değil." in await ask(running, running.ayse, "dön")
    await wait_for_direct(running, running.burak, "U0AYSE döndü. Artık vekili değilsiniz.")


async def test_somebody_else_is_named_in_place_of_the_first(http: World) -> None:
    await ask(http, http.deniz, f"away until {day_from_now(http, 3)} {EMMA}")
    assert "U0BURAK can approve in your place." in await ask(http, http.deniz, f"away tomorrow {BURAK}")
    await wait_for_direct(http, http.emma, "You no longer stand in for U0DENIZ.")
    await wait_for_direct(http, http.burak, "U0DENIZ izinde, vekili sizsiniz;")
    assert "U0BURAK no longer stands in for you." in await ask(http, http.deniz, "back")


async def test_without_a_stand_in_one_is_just_not_mentioned(http: World) -> None:
    answer = await ask(http, http.emma, "away until fri")
    assert "Requests don't mention you." in answer
    # Her zone is known: nothing is said of it.
    assert "time zone" not in answer
    http.emma.person.tz = ""
    assert "Welcome back. Requests mention you again." in await ask(http, http.emma, "back")


async def test_it_is_said_after_a_mention_of_flowbot_too(http: World) -> None:
    await http.deniz.send(MARKETING, f"@flowbot away until tomorrow {EMMA}")
    await http.deniz.wait_for_message(MARKETING, "U0EMMA can approve in your place.")
    await wait_for_direct(http, http.emma, "You stand in for U0DENIZ until")


async def test_the_day_is_one_of_the_persons_own_zone(http: World) -> None:
    http.emma.person.tz = "Pacific/Kiritimati"
    await ask(http, http.emma, f"away until {(http.time.now() + timedelta(days=4)).date()}")
    (event,) = (event for event in await read_audit_trail(http) if event["action"] == "person.away")
    assert event["details"]["until"].endswith("T10:00:00+00:00")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("away", "Add your last day away, as in /flows away until fri."),
        ("away until", "Add your last day away, as in /flows away until fri."),
        (f"away until {EMMA}", "Name a stand-in after it: /flows away until fri @name."),
        ("izin", "/flows izin until fri"),
        ("away until soon", "“soon” isn't a day."),
        ("away until 2020-01-01", "That day is past."),
        ("away until 2199-01-01", "You can be away for 30 days at most."),
        ("away until fri @deniz", "You can't stand in for yourself."),
        (f"away until fri {EMMA} {BURAK}", "Name only one stand-in."),
        ("away until fri @nobody", "Slack doesn't know “@nobody”."),
        ("away until fri @guest", "Guests can't stand in for you."),
        ("away until fri @flowbot", "Bots can't stand in for you."),
        ("away until fri @jonas", "People of another organisation can't stand in for you."),
        ("away until fri @gone", "That account is deactivated."),
        (f"away until fri {EMMA}", "That person is away, too."),
    ],
)
async def test_what_is_refused_says_why_and_changes_nothing(http: World, typed: str, said: str) -> None:
    add_guest(http)
    workspace = http.slack.workspace
    workspace.people["U0GONE"] = Person("U0GONE", "gone", "Can Gitti", workspace.team, deleted=True)
    if "away, too" in said:
        await ask(http, http.emma, "away until sat")
    before = len(await read_audit_trail(http))
    assert said in await ask(http, http.deniz, typed)
    assert len(await read_audit_trail(http)) == before


async def test_a_slip_in_turkish_is_answered_in_turkish(http: World) -> None:
    assert "/flows izin bitiş cuma @ad" in await ask(http, http.ayse, "izin")
    assert "“yakında” bir gün değil." in await ask(http, http.ayse, "izin bitiş yakında")


@pytest.mark.parametrize("locale", ["en-US", "tr-TR"])
async def test_guests_and_people_of_another_organisation_cannot_be_away(http: World, locale: str) -> None:
    guest = add_guest(http, locale=locale)
    said = "Konuklar vekil seçemez." if locale == "tr-TR" else "Guests can't name a stand-in."
    assert said in await ask(http, guest, f"away until fri {EMMA}")
    http.slack.workspace.channels[MARKETING].members.append("U0JONAS")
    assert "Only people of this organisation" in await ask(http, http.jonas, f"away until fri {EMMA}")
    assert not [event for event in await read_audit_trail(http) if event["action"] == "person.away"]


async def test_channels_whose_rules_allow_no_stand_in_are_named(http: World) -> None:
    await http.import_policy(approval_policy("stand_ins = false"))
    answer = await ask(http, http.burak, f"izin bitiş cuma {EMMA}")
    assert "Vekiller şu kanallarda onaylayamaz: C0MARKETING." in answer
    http.burak.person.locale = "en-GB"
    http.time.ahead += 61
    assert "Stand-ins can't approve in C0MARKETING." in await ask(http, http.burak, f"away until fri {EMMA}")


async def test_a_stand_in_who_takes_no_message_is_named(http: World) -> None:
    http.slack.faults.add("chat.postMessage", error="user_not_found")
    answer = await ask(http, http.deniz, f"away until fri {EMMA}")
    assert "flowbot couldn't message U0EMMA. Please tell them yourself." in answer
    assert "U0EMMA can approve in your place." in answer


@in_both_modes
async def test_the_button_of_the_answer_ends_it(running: World) -> None:
    await ask(running, running.emma, "away until fri")
    answer = (await running.emma.list_messages(MARKETING))[-1]
    await running.emma.click(answer, "I'm back")
    await running.emma.wait_for_message(MARKETING, "Welcome back.")


@in_both_modes
async def test_one_goes_away_and_comes_back_at_home(running: World) -> None:
    running.burak.person.locale = "en-GB"
    await running.burak.open_home()
    await running.burak.click(await running.burak.wait_for_home("As of"), "I'm going away")
    await running.burak.wait_for_view("Last day")
    refused = await running.burak.submit({"Last day": str(day_from_now(running, -1))})
    assert list(refused.errors.values()) == ["That day is past. Choose today or a later day."]
    refused = await running.burak.submit({"Last day": str(day_from_now(running, 2)), "Stand-in": "U0BURAK"})
    assert refused.errors == {"stand_in": "You can't stand in for yourself. Choose somebody else."}
    await running.burak.submit({"Stand-in": "U0EMMA"})
    home = await running.burak.wait_for_home("You're away until")
    assert "U0EMMA can approve in your place." in text_of(home)
    await wait_for_direct(running, running.emma, "You stand in for U0BURAK until")
    await running.emma.open_home()
    assert ("user", "U0BURAK") in list_mentions(running, await running.emma.wait_for_home("You stand in for"))
    await running.burak.click(home, "I'm back")
    await running.burak.wait_for_home(lambda view: "You're away" not in text_of(view))
    await wait_for_direct(running, running.emma, "U0BURAK is back.")


async def test_home_says_it_in_turkish_and_asks_for_the_day(http: World) -> None:
    await http.burak.open_home()
    await http.burak.click(await http.burak.wait_for_home("İzne çıkıyorum"), "İzne çıkıyorum")
    await http.burak.wait_for_view("Vekil")
    assert list((await http.burak.submit({"Vekil": "U0AYSE"})).errors) == ["day"]
    await http.burak.submit({"Son gün": str(day_from_now(http, 2))})
    await http.burak.wait_for_home("U0AYSE sizin yerinize onaylayabilir.")
    await http.ayse.open_home()
    await http.ayse.wait_for_home("U0BURAK izinde, vekili sizsiniz;")


async def test_who_approves_nowhere_is_not_offered_to_be_away(http: World) -> None:
    await http.emma.open_home()
    assert "I'm going away" not in http.emma.list_buttons(await http.emma.wait_for_home("As of"))
