"""What goes wrong between an approval and its time, and over a planned end: nothing early, nothing twice, all told.

Each scene is played for a requester who reads English and one who reads Turkish, whose requests are in their languages.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from flowbot.domain.schedule import LATE
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.services.approvals import schedule
from flowbot.services.clock import DOUBT_SECONDS
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import (
    approval_policy,
    list_mentions,
    list_replies,
    request_change,
    speed_up,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World, new_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONDAY: Final = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
HOURS_TO_TIME: Final = 4
"""The time that scenes ask for is this far away."""
AT_ONCE: Final = 0
WITHIN_THE_HOUR: Final = 61
"""Minutes until people have to know."""
TWO_APPROVERS: Final = '["S0LEADS", "U0DENIZ"]'
STOCK_COUNT: Final = """
[[freezes]]
name = "Stock count"
from = {day}
to = {day}
"""
HOUR: Final = 3600.0
Words = tuple[str, ...]
Both = tuple[Words, Words]
"""Words in English, and in Turkish."""
Happening = Callable[[World], Awaitable[None]]

SCHEDULED: Final[Both] = ("Approved · Scheduled",), ("Onaylandı · Zamanlandı",)
LIVE_UNTIL: Final[Both] = ("is live until",), ("yayında, bitiş",)
LIVE: Final[Both] = ("is live · approved by", "New subscribers get it"), ("akışı yayında · onaylayan", "Yeni aboneler")
DISABLED: Final[Both] = ("is disabled", "It no longer reaches"), ("durduruldu", "artık yeni abonelere gitmiyor")
DISABLED_LATER: Final[Both] = ("will be disabled",), ("durdurulacak",)
OUT_OF_DATE: Final[Both] = ("out of date",), ("güncel değil",)
TOO_LATE: Final[Both] = ("within an hour of its start",), ("sonraki bir saat içinde uygulanamadı",)
AFTER_ITS_END: Final[Both] = ("would have started after its end",), ("bitişinden sonraya kaldığı",)


@dataclass
class Stage:
    """A world, and the bot that runs in it.

    Attributes:
        world: The world; its clock only goes forward, and each request has a flow of its own.
        bot: Ends the bot.
    """

    world: World
    bot: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start_bot(self) -> None:
        await replace(self.world, stack=self.bot).start_http()

    async def stop_bot(self) -> None:
        await self.bot.aclose()
        self.bot = AsyncExitStack()

    async def reset(self) -> None:
        """Undo what the last scene did."""
        world, workspace = self.world, self.world.slack.workspace
        world.enkapush.faults.clear()
        world.time.jumped = 0
        workspace.channels[APPROVALS].is_archived = False
        for person in (world.emma, world.ayse, world.burak):
            person.person.deleted = False
        workspace.groups["S0EDITORS"].users[:] = ["U0AYSE", "U0EMMA"]
        workspace.groups["S0LEADS"].users[:] = ["U0BURAK"]
        await world.import_policy(approval_policy())

    def pass_time(self, **units: float) -> None:
        self.world.time.ahead += timedelta(**units).total_seconds()

    def read_clock(self, person: SandboxPerson, **later: float) -> str:
        """Return what a person's clock shows then, as they would type it."""
        zone = ZoneInfo(person.person.tz)
        return (self.world.time.now() + timedelta(**later)).astimezone(zone).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True)
class Asked:
    """A request of one person, about a flow of its own."""

    world: World
    person: SandboxPerson
    flow: int
    request: Message

    @property
    def is_turkish(self) -> bool:
        return self.person.id == "U0AYSE"

    @property
    def is_live(self) -> bool:
        flow = self.world.enkapush.store.flows.get(self.flow)
        return flow is not None and flow.is_enabled

    @property
    def writes(self) -> list[str]:
        """List what the writes of its flow set `is_enabled` to."""
        records = [each for each in self.world.enkapush.requests if each.method == "POST"]
        return [each.texts["is_enabled"] for each in records if each.path.strip("/") == f"flows/{self.flow}"]

    async def check_message(self, english: Words, turkish: Words) -> Message:
        """Wait until the request's message says all of these."""
        return await self._wait(english, turkish, lambda message: message.ts == self.request.ts)

    async def check_notice(self, english: Words, turkish: Words) -> Message:
        """Wait until a notice in the thread says all of these to who asked, whom it mentions."""
        mention = ("user", self.person.id)

        def is_notice(message: Message) -> bool:
            return message.thread_ts == self.request.ts and mention in list_mentions(self.world, message)

        return await self._wait(english, turkish, is_notice)

    async def check_direct(self, english: Words, turkish: Words) -> Message:
        """Wait until a direct message to who asked says all of these."""
        channel, number = self.world.slack.workspace.open_direct_message(self.person.id).id, f"#{self.flow} "
        return await self._wait(english, turkish, lambda message: number in text_of(message), channel)

    async def check_expired(self, english: Words, turkish: Words) -> None:
        """Wait until it is expired, and check that who asked was told, may ask again, and nothing was sent."""
        words = add((english, turkish), (("expired",), ("süresi doldu",)))
        over = await self.check_message(*words)
        await self.check_notice(*words)
        assert self.person.list_buttons(over) == ["Yeniden iste" if self.is_turkish else "Ask again"]
        assert self.writes == []

    async def approve(self, person: SandboxPerson) -> None:
        await person.click(self.request, "Onayla" if self.is_turkish else "Approve")

    async def _wait(
        self, english: Words, turkish: Words, is_it: Callable[[Message], bool], channel: str = ""
    ) -> Message:
        words = turkish if self.is_turkish else english
        return await self.person.wait_for_message(
            channel or self.request.channel,
            lambda message: is_it(message) and all(word in text_of(message) for word in words),
            15,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_stage(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Run a bot for all scenes."""
    file = tmp_path_factory.mktemp("schedules") / "flowbot.db"
    shutil.copy(sqlite_template, file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
        async with new_world(f"sqlite:///{file}") as world:
            speed_up(world, patch)
            world.time.ahead = (MONDAY - datetime.now(UTC)).total_seconds()
            stage = Stage(world)
            await stage.start_bot()
            yield stage
            await stage.stop_bot()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared_stage: Stage) -> Stage:
    """Begin another scene at eight in the morning of another day."""
    await shared_stage.reset()
    now = shared_stage.world.time.now()
    shared_stage.pass_time(seconds=(now.replace(hour=8, minute=0, second=0) + timedelta(days=1) - now).total_seconds())
    return shared_stage


async def ask(stage: Stage, person: SandboxPerson, what: str) -> Asked:
    """Request to enable a flow, at a time or until it, and approve it. `{at}` stands for the time."""
    world, flow = stage.world, add_flow(stage.world)
    times = [stage.read_clock(person, hours=HOURS_TO_TIME, minutes=minutes) for minutes in (0, 15)]
    request = await request_change(world, f"enable {flow} {what.format(*times)}", by=person)
    asked = Asked(world, person, flow, request)
    await asked.approve(world.burak)
    await asked.check_message(*(SCHEDULED if "at" in what else LIVE_UNTIL))
    return asked


async def ask_both(stage: Stage, what: str = "at {0}") -> list[Asked]:
    """Let both people ask."""
    return [await ask(stage, person, what) for person in (stage.world.emma, stage.world.ayse)]


def add(first: Both, second: Both) -> Both:
    """Join words of both languages."""
    return first[0] + second[0], first[1] + second[1]


def say_late(minutes: int) -> Both:
    return (f"{minutes} minutes after its planned time",), (f"Planlanan zamandan {minutes} dakika sonra",)


async def is_calm() -> None:
    """Wait for some rounds of the recovery, in which nothing is to happen."""
    await asyncio.sleep(0.5)


# --- rights and rules between the approval and the time --------------------------------------------------------------


def change_policy(*approval: str, more: str = "", **other: str) -> Happening:
    """Return a function that puts another policy in force."""

    async def change(world: World) -> None:
        await world.import_policy(approval_policy(*approval, **other) + more.format(day=world.time.now().date()))

    return change


def empty_group(group: str) -> Happening:
    """Return a function that empties a user group in Slack, of which flowbot hears nothing."""

    async def empty(world: World) -> None:
        world.slack.workspace.groups[group].users.clear()

    return empty


@dataclass(frozen=True)
class Loss:
    """What makes an approved change impossible before its time, and what people read of it.

    Attributes:
        happen: Lets it happen.
        minutes: So soon they read it.
        why: Words of both languages.
    """

    happen: Happening
    minutes: int
    why: Both


NO_WEBSITE: Final = (("no longer has that website",), ("artık o web sitesi yok",))
NO_REQUESTER: Final = (
    ("The requester may no longer change flows here",),
    ("İsteği yapanın artık burada akışları değiştirme yetkisi yok",),
)
NO_APPROVER: Final = (
    ("No longer counted: ", "the approvals no longer suffice"),
    ("Artık sayılmayan onaylar: ", "onaylar artık yetmiyor"),
)
FAILED: Final = (("could not be enabled",), ("etkinleştirilemedi",))
LOSSES: Final = {
    "website": Loss(change_policy(websites="[2]"), AT_ONCE, NO_WEBSITE),
    "requester": Loss(change_policy(editors='["U0DENIZ"]'), AT_ONCE, NO_REQUESTER),
    "requester in Slack": Loss(empty_group("S0EDITORS"), WITHIN_THE_HOUR, NO_REQUESTER),
    "approver": Loss(change_policy(approvers='["U0DENIZ"]'), AT_ONCE, NO_APPROVER),
    "approver in Slack": Loss(empty_group("S0LEADS"), WITHIN_THE_HOUR, NO_APPROVER),
}


@pytest.mark.parametrize("name", LOSSES)
async def test_what_makes_it_impossible_is_told_at_once_or_within_the_hour(stage: Stage, name: str) -> None:
    loss = LOSSES[name]
    both = await ask_both(stage)
    await loss.happen(stage.world)
    stage.pass_time(minutes=loss.minutes)
    for each in both:
        await each.check_message(*add(FAILED, loss.why))
        await each.check_notice(*add(FAILED, loss.why))
    stage.pass_time(hours=HOURS_TO_TIME)
    await is_calm()
    assert [each.writes for each in both] == [[], []]


async def test_a_quorum_that_rises_calls_the_approvers_again_and_tells_who_asked(stage: Stage) -> None:
    both = await ask_both(stage)
    await change_policy("quorum = 2", approvers=TWO_APPROVERS)(stage.world)
    for each in both:
        await each.check_message(("1/2 approvals",), ("1/2 onay",))
        notice = await each.check_notice(
            ("Waiting for approval: enable flow", "1/2 approvals: Burak Demir", "now ask for more approvals"),
            ("Onay bekliyor: ", "1/2 onay: Burak Demir", "Kurallar artık daha çok onay istiyor"),
        )
        assert ("user", "U0DENIZ") in list_mentions(stage.world, notice)
        await each.approve(stage.world.deniz)
        await each.check_message(*SCHEDULED)
    stage.pass_time(hours=HOURS_TO_TIME, minutes=1)
    for each in both:
        await each.check_notice(*LIVE)
        assert len(list_replies(stage.world, each.request)) == 2


async def test_what_needed_no_approval_calls_the_approvers_where_the_rules_ask_for_one_by_now(stage: Stage) -> None:
    world, both = stage.world, []
    for person in (world.emma, world.ayse):
        flow = add_flow(world, is_enabled=True)
        await person.send(MARKETING, f"/flows disable {flow} at {stage.read_clock(person, hours=HOURS_TO_TIME)}")
        posted = await world.deniz.wait_for_message(MARKETING, f"#{flow} ")
        both.append(Asked(world, person, flow, posted))
        await both[-1].check_message(*DISABLED_LATER)
    await change_policy('required_for = ["enable", "disable", "delete"]')(world)
    for each in both:
        notice = await each.check_notice(
            ("Waiting for approval: disable flow", "0/1 approval", "now ask for more approvals"),
            ("Onay bekliyor: ", "0/1 onay", "Kurallar artık daha çok onay istiyor"),
        )
        assert ("usergroup", "S0LEADS") in list_mentions(world, notice)
        await each.approve(world.burak)
    stage.pass_time(hours=HOURS_TO_TIME, minutes=1)
    for each in both:
        await each.check_notice(*DISABLED)


async def test_a_freeze_that_is_added_puts_it_off_and_tells_who_asked_until_when(stage: Stage) -> None:
    both = await ask_both(stage)
    await change_policy(more=STOCK_COUNT)(stage.world)
    said = (
        ("goes live", "00:00", "❄ Frozen until", "Stock count"),
        ("yayına girecek", "00:00", "❄ Donduruldu, bitiş:", "Stock count"),
    )
    for each in both:
        await each.check_message(*said)
        await each.check_notice(*add(said, (("Its start has changed.",), ("Başlangıcı değişti.",))))
    stage.pass_time(hours=HOURS_TO_TIME, minutes=30)
    await is_calm()
    assert [each.writes for each in both] == [[], []]
    await stage.world.import_policy(approval_policy())
    for each in both:
        await each.check_notice(*LIVE)
        assert each.writes == ["1"]


async def test_a_flow_that_is_changed_outside_meanwhile_is_left_alone(stage: Stage) -> None:
    edited, enabled, deleted = await ask_both(stage), await ask_both(stage), await ask_both(stage)
    flows = stage.world.enkapush.store
    for each in edited:
        flows.update_flow(each.flow, title="Another")
    for each in enabled:
        flows.update_flow(each.flow, is_enabled=True)
    for each in deleted:
        flows.delete_flow(each.flow)
    stage.pass_time(hours=HOURS_TO_TIME, minutes=1)
    for changed, what in (
        (edited, (("Title: Old title → Another",), ("Başlık: Old title → Another",))),
        (enabled, (("State: Disabled → Enabled",), ("Durum: Devre dışı → Etkin",))),
        (deleted, (("no longer exists",), ("artık Enkapush'ta yok",))),
    ):
        for each in changed:
            await each.check_message(*add(OUT_OF_DATE, what))
            await each.check_notice(*add(OUT_OF_DATE, what))
            assert each.writes == []


# --- planned ends ----------------------------------------------------------------------------------------------------


async def test_an_end_is_done_whatever_else_has_become_of_rules_people_and_flow(stage: Stage) -> None:
    both = await ask_both(stage, "until {0}")
    await change_policy("quorum = 2", approvers='["U0DENIZ", "U0JONAS"]', editors='["U0DENIZ"]', more=STOCK_COUNT)(
        stage.world
    )
    for each in both:
        stage.world.enkapush.store.update_flow(each.flow, title="Another")
    stage.pass_time(hours=HOURS_TO_TIME, minutes=1)
    for each in both:
        await each.check_notice(*DISABLED)
        assert each.writes == ["1", "0"]


async def test_an_end_whose_flow_was_disabled_or_deleted_outside_is_cancelled_within_the_hour(stage: Stage) -> None:
    disabled, deleted = await ask_both(stage, "until {0}"), await ask_both(stage, "until {0}")
    for each in disabled:
        stage.world.enkapush.store.update_flow(each.flow, is_enabled=False)
    for each in deleted:
        stage.world.enkapush.store.delete_flow(each.flow)
    stage.pass_time(minutes=WITHIN_THE_HOUR)
    for each in disabled + deleted:
        await each.check_notice(
            ("The planned end of flow", "no longer counts", "disabled or deleted before this time"),
            ("planlanan bitişi artık geçerli değil", "bu zamandan önce durduruldu ya da silindi"),
        )


async def test_an_end_whose_website_is_lost_says_that_the_flow_stays_live(stage: Stage) -> None:
    both = await ask_both(stage, "until {0}")
    await change_policy(websites="[2]")(stage.world)
    for each in both:
        await each.check_notice(
            ("could not be disabled", "no longer has that website", "It now runs until somebody disables it."),
            ("durdurulamadı", "artık o web sitesi yok", "Artık biri durdurana kadar yayında kalır."),
        )


# --- Enkapush or flowbot is down over the time -----------------------------------------------------------------------


@pytest.mark.parametrize("who", ["Enkapush", "flowbot"])
@pytest.mark.parametrize("minutes", [20, 70])
async def test_what_could_not_be_done_in_time_is_done_late_or_expires_and_an_end_is_done(
    stage: Stage, who: str, minutes: int
) -> None:
    starts, ends, short = [await ask_both(stage, what) for what in ("at {0}", "until {0}", "at {0} until {1}")]
    if who == "Enkapush":
        stage.world.enkapush.faults.add(Fault.status(503, times=None))
    else:
        await stage.stop_bot()
    stage.pass_time(hours=HOURS_TO_TIME)
    if who == "Enkapush":
        asked = len(stage.world.enkapush.requests)
        await wait_until(lambda: len(stage.world.enkapush.requests) > asked)
    stage.pass_time(minutes=minutes)
    if who == "Enkapush":
        stage.world.enkapush.faults.clear()
    else:
        await stage.start_bot()
    for each in ends:
        await each.check_notice(*add(DISABLED, say_late(minutes)))
        assert each.writes == ["1", "0"]
    for each in starts:
        if timedelta(minutes=minutes) < LATE:
            await each.check_notice(*add(LIVE, say_late(minutes)))
            assert each.writes == ["1"]
        else:
            await each.check_expired(*TOO_LATE)
    for each in short:
        await each.check_expired(*AFTER_ITS_END)


# --- the clock -------------------------------------------------------------------------------------------------------


async def test_a_clock_that_is_set_back_an_hour_starts_nothing_early_and_nothing_twice(stage: Stage) -> None:
    starts, ends = await ask_both(stage), await ask_both(stage, "until {0}")
    stage.pass_time(hours=HOURS_TO_TIME, minutes=-5)
    stage.world.time.jumped = -HOUR
    stage.pass_time(minutes=6)
    await is_calm()
    stage.pass_time(seconds=DOUBT_SECONDS)
    await is_calm()
    assert [each.writes for each in starts + ends] == [[], [], ["1"], ["1"]]
    stage.pass_time(minutes=50)
    for each, words in [*((each, LIVE) for each in starts), *((each, DISABLED) for each in ends)]:
        await each.check_notice(*words)
    for jump in (0, -HOUR):
        stage.world.time.jumped = jump
        stage.pass_time(seconds=DOUBT_SECONDS)
        await is_calm()
    assert [each.writes for each in starts + ends] == [["1"], ["1"], ["1", "0"], ["1", "0"]]


# --- the channel -----------------------------------------------------------------------------------------------------


async def test_in_an_archived_channel_all_is_done_and_who_asked_is_told_directly(stage: Stage) -> None:
    starts, ends = await ask_both(stage), await ask_both(stage, "until {0}")
    stage.world.slack.workspace.channels[APPROVALS].is_archived = True
    await change_policy(more=STOCK_COUNT)(stage.world)
    for each in starts:
        await each.check_direct(
            ("goes live", "Its start has changed.", "is archived"), ("yayına girecek", "Başlangıcı değişti.", "arşiv")
        )
    await stage.world.import_policy(approval_policy())
    stage.pass_time(hours=HOURS_TO_TIME, minutes=1)
    for each, words in [*((each, LIVE) for each in starts), *((each, DISABLED) for each in ends)]:
        await each.check_direct(*words)
    assert [each.writes for each in starts + ends] == [["1"], ["1"], ["1", "0"], ["1", "0"]]
