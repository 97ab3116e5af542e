"""`/flows setup`: an admin edits a channel's own freezes, and those of all channels stay."""

from typing import Final

from flowbot.domain.freezes import Freeze
from flowbot.sandbox.slack import SandboxPerson, View, text_of
from flowbot.services.policy_files import parse_book
from flowbot.storage.repositories.policies import PolicyRepository
from tests.journeys.request_steps import approval_policy
from tests.journeys.setup_steps import open_setup, press, show_more
from tests.journeys.test_setup import policy_events
from tests.journeys.world import MARKETING, World, in_both_modes

WEEKENDS: Final = '[[freezes]]\nname = "Weekends"\nweekly = ["sat", "sun"]\n'
OWN: Final = f'[[freezes]]\nname = "Nights"\nchannels = ["{MARKETING}"]\nweekly = ["mon 20:00-24:00"]\n'


async def stored_freezes(world: World) -> tuple[Freeze, ...]:
    async with world.open_database() as database:
        return (await PolicyRepository(database, world.time.now).get_book()).freezes


def parse_freezes(text: str) -> tuple[Freeze, ...]:
    return parse_book(f'[[channels]]\nid = "{MARKETING}"\nwebsites = [1]\n{text}').freezes


async def open_last_step(person: SandboxPerson) -> View:
    await open_setup(person, MARKETING)
    for _ in range(2):
        assert not (await person.submit()).errors
    view = person.view
    assert view is not None
    return view


async def choose_country(person: SandboxPerson, label: str, typed: str) -> None:
    assert person.view is not None
    (found,) = (await person.search_options(person.view, label, typed))["options"]
    person.fill(label, found)


async def remove(person: SandboxPerson, number: int, name: str) -> None:
    assert person.view is not None
    await person.click(person.view, f"Remove freeze {number}")
    await person.wait_for_view(lambda view: name not in str(view.blocks))


async def save(person: SandboxPerson) -> str:
    assert not (await person.submit()).errors
    assert person.view is not None
    return text_of(person.view)


@in_both_modes
async def test_a_channels_own_freezes_are_added_and_removed_and_the_others_stay(running: World) -> None:
    deniz = running.deniz
    await running.import_policy(approval_policy() + WEEKENDS)
    await open_last_step(deniz)
    assert "In all channels: Weekends (Sat, Sun)" in text_of(await show_more(deniz))
    await press(deniz, "Add weekly hours", "Freeze 1: days and hours")
    deniz.fill("Freeze 1: name", "Evenings")
    deniz.fill("Freeze 1: days and hours", "every evening")
    await press(deniz, "Add dates", "Freeze 2: first day")
    assert deniz.read_field("Freeze 1: days and hours") == "every evening"
    deniz.fill("Freeze 2: name", "Year's end")
    deniz.fill("Freeze 2: first day", "2026-12-30")
    deniz.fill("Freeze 2: last day", "2027-01-02")
    await press(deniz, "Add public holidays", "Freeze 3: half days from")
    assert deniz.read_field("Freeze 3: name") == "Public holidays"
    await choose_country(deniz, "Freeze 3: public holidays of", "türk")
    deniz.fill("Freeze 3: half days from", "13:00")
    assert "Freeze 1: type days and hours as in the example." in await save(deniz)
    deniz.fill("Freeze 1: days and hours", "Mon-Tue 20-24")
    assert "Saved. The new rules apply now" in await save(deniz)
    told = await running.emma.wait_for_message(MARKETING, "This channel's rules were changed")
    assert (
        "Freezes: Evenings (Mon 20:00–24:00, Tue 20:00–24:00), Year's end (Dec 30, 2026 – Jan 2, 2027), and "
        "Public holidays (public holidays in Türkiye, half days from 13:00)"
    ) in text_of(told)
    here = f'channels = ["{MARKETING}"]\n'
    added = (
        f'[[freezes]]\nname = "Evenings"\n{here}weekly = ["mon 20:00-24:00", "tue 20:00-24:00"]\n'
        f'[[freezes]]\nname = "Year\'s end"\n{here}from = 2026-12-30\nto = 2027-01-02\n'
        f'[[freezes]]\nname = "Public holidays"\n{here}holidays = "TR"\nhalf_day_from = "13:00"\n'
    )
    assert await stored_freezes(running) == parse_freezes(WEEKENDS + added)
    (event,) = await policy_events(running)
    assert [freeze["name"] for freeze in event.details["freezes"]["after"]] == [
        "Evenings", "Year's end", "Public holidays",
    ]  # fmt: skip
    await open_last_step(deniz)
    assert deniz.read_field("Freeze 1: days and hours") == "Mon 20:00–24:00, Tue 20:00–24:00"
    assert deniz.read_field("Freeze 3: public holidays of") == "Türkiye"
    assert "You didn't change any rules." in await save(deniz)
    await open_last_step(deniz)
    await remove(deniz, 2, "Year's end")
    await remove(deniz, 1, "Evenings")
    assert "Saved." in await save(deniz)
    assert [freeze.name for freeze in await stored_freezes(running)] == ["Weekends", "Public holidays"]


async def test_freezes_that_leave_no_time_are_refused(http: World) -> None:
    await http.import_policy(approval_policy() + WEEKENDS)
    await open_last_step(http.deniz)
    await show_more(http.deniz)
    await press(http.deniz, "Add weekly hours", "Freeze 1: days and hours")
    http.deniz.fill("Freeze 1: name", "Work")
    http.deniz.fill("Freeze 1: days and hours", "Mon-Fri")
    assert "would never end" in await save(http.deniz)
    assert await stored_freezes(http) == parse_freezes(WEEKENDS)


async def test_freezes_that_somebody_changed_meanwhile_are_not_overwritten_unseen(http: World) -> None:
    await http.import_policy(approval_policy() + OWN)
    await open_last_step(http.deniz)
    http.deniz.fill("Freeze 1: name", "Evenings")
    await http.import_policy(approval_policy() + OWN.replace("mon 20", "mon 21"))
    assert "yours weren't saved. Save again to replace theirs in: Freezes" in await save(http.deniz)
    assert "Saved." in await save(http.deniz)
    assert await stored_freezes(http) == parse_freezes(OWN.replace("Nights", "Evenings"))


async def test_a_turkish_admin_types_turkish_days(http: World) -> None:
    http.slack.workspace.people["U0DENIZ"].locale = "tr-TR"
    await http.import_policy(approval_policy())
    await open_last_step(http.deniz)
    await show_more(http.deniz)
    await press(http.deniz, "Haftalık saat ekle", "1. dönem: gün ve saatler")
    http.deniz.fill("1. dönem: adı", "Hafta sonu")
    http.deniz.fill("1. dönem: gün ve saatler", "Cuma 17.00-24.00, Cmt, Pazar")
    assert "Kaydedildi" in await save(http.deniz)
    (stored,) = await stored_freezes(http)
    assert stored.weekly == ("fri 17:00-24:00", "sat", "sun")
    await open_last_step(http.deniz)
    assert http.deniz.read_field("1. dönem: gün ve saatler") == "Cum 17:00–24:00, Cmt, Paz"
