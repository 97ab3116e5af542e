"""Readings of the watch that are half, shifted or crossed by writes: what was done outside is told once, nothing else.

Each scene is told to a channel in English and to one in Turkish. Two bots are there: one makes the reading, and Slack's
requests go to the one or the other.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web
from sqlalchemy import func, select

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import FlowId
from flowbot.enkapush.client.resources import Resource
from flowbot.sandbox.enkapush import Fault, api, responses
from flowbot.sandbox.enkapush.responses import Page
from flowbot.sandbox.slack import Message, text_of
from flowbot.services.ports.readings import WatchRound, WatchState
from flowbot.services.watch.rounds import WatchRounds
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.storage.tables import changes, observed_flows, reports
from flowbot.storage.unit_of_work import Database
from flowbot.worker import recovery, watcher
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, open_form
from tests.journeys.late_steps import HOURS, MINUTES, NOT_KNOWN, delay_effect
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    request_change,
    sleep_briefly,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.watch_steps import INTERVAL, SLACK
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, World, new_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY: Final = timedelta(days=1)
PAGES: Final = 10
PAGE_SIZE: Final = 10
MIDDLE: Final = 4
"""The page at which something happens."""
Words = tuple[str, str]
"""Words in English, and in Turkish."""
MARKS: Final[Words] = ("outside flowbot", "flowbot dışında")
CREATED: Final[Words] = ("was created outside flowbot", "akışı flowbot dışında oluşturuldu")
DELETED: Final[Words] = ("was deleted outside flowbot", "akışı flowbot dışında silindi")
ENABLED: Final[Words] = ("was enabled outside flowbot", "akışı flowbot dışında etkinleştirildi")
EDITED: Final[Words] = ("was changed outside flowbot", "akışı flowbot dışında düzenlendi")
POLICY: Final = f"""
[[channels]]
id = "{AGENCY}"
websites = [1]
viewers = ["*"]
language = "tr"
"""
Payload = dict[str, Any]
Change = Callable[[Payload], object]
ALL_PAGES: Final = 0


@dataclass
class Twist:
    """What becomes of a page's answer, and how often."""

    change: Change
    times: int = 1000


@dataclass
class Stage:
    """A world with two bots, and the pages of its Enkapush.

    Attributes:
        origins: Where each bot takes requests.
        first: The name of the first one on leases.
        twists: What becomes of answers, by their page or for `ALL_PAGES`.
        told: The findings that earlier scenes told, by their channels.
        owner: Who makes the reading, or made the last one.
        done: Readings that have ended, in whatever way.
    """

    world: World
    database: Database
    origins: list[str] = field(default_factory=list)
    first: str = ""
    twists: dict[int, Twist] = field(default_factory=dict)
    told: dict[str, set[str]] = field(default_factory=dict)
    owner: str = ""
    done: int = 0
    flows: int = 0

    def take_flow(self) -> int:
        """Return a flow of the first pages that no scene has used."""
        self.flows += 1
        return self.flows

    def move_clock(self) -> int:
        """Let the time of the next reading come, and return how many have ended before."""
        self.world.time.ahead += INTERVAL + SLACK
        return self.done

    async def make_reading(self, times: int = 1) -> None:
        """Wait until another reading has ended, in whatever way, and all that it found is shown."""
        for _ in range(times):
            before = self.move_clock()
            await self.wait_for_end(before)

    async def wait_for_end(self, before: int) -> None:
        await wait_until(lambda: self.done > before)
        await wait_for(self._is_quiet)

    async def _is_quiet(self) -> bool:
        unshown = select(func.count()).where(reports.c.shown_version < reports.c.version)
        async with self.database.query() as connection:
            is_shown = (await connection.execute(unshown)).scalar_one() == 0
        return is_shown and (await self.watch.get_state()).lease is None

    async def is_read_back(self, flow: int) -> bool:
        """Check whether nothing that was sent to a flow is still read back."""
        in_hand = select(func.count()).where(changes.c.flow_id == flow, changes.c.state == ChangeState.APPLYING)
        async with self.database.query() as connection:
            return (await connection.execute(in_hand)).scalar_one() == 0

    @property
    def watch(self) -> ObservedFlowRepository:
        return ObservedFlowRepository(self.database, self.world.settings.zone)

    def list_findings(self, channel: str) -> dict[str, str]:
        """Return the findings of this scene by their timestamps."""
        shown = self.world.slack.workspace.list_visible_messages(channel, self.world.deniz.id)
        told = [each for each in shown if any(mark in text_of(each) for mark in MARKS) and not each.is_ephemeral]
        return {each.ts: text_of(each) for each in told if each.ts not in self.told.get(channel, set())}

    async def check_told(self, *findings: tuple[int, Words]) -> None:
        """Check that these findings were told in each channel, in its language, and nothing else."""
        for channel, language in ((APPROVALS, 0), (AGENCY, 1)):
            told = list(self.list_findings(channel).values())
            assert len(told) == len(findings), told
            for flow, words in findings:
                assert [text for text in told if f"#{flow} " in text and words[language] in text], (flow, words, told)

    async def deliver(self, *, elsewhere: bool) -> None:
        """Let Slack's requests go to the bot that makes the reading, or to the other one."""
        reader = 0 if self.owner == self.first else 1
        self.world.slack.deliver_to(f"{self.origins[1 - reader if elsewhere else reader]}/slack/events")


async def wait_for(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_stage(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Run two bots that watch a hundred flows, on ten pages, for all scenes."""
    file = tmp_path_factory.mktemp("readings") / "flowbot.db"
    shutil.copy(sqlite_template, file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watcher, "TICK_SECONDS", 0.05)
        patch.setattr(watcher, "LOOK_SECONDS", 0.3)
        patch.setattr(recovery, "ROUND_SECONDS", 0.1)
        patch.setattr(Resource.all_as, "__defaults__", (PAGE_SIZE, 3))
        async with new_world(f"sqlite:///{file}") as world, world.open_database() as database:
            world.sleep = sleep_briefly
            world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": INTERVAL})
            await world.import_policy(approval_policy() + POLICY)
            for _ in range(PAGES * PAGE_SIZE):
                add_flow(world)
            stage = Stage(world, database)
            count_readings(stage, patch)
            twist_pages(stage, patch)
            for _ in range(2):
                _, origin = await world.start_http()
                await wait_until(lambda: stage.done > 0)
                stage.first = stage.first or stage.owner
                stage.origins.append(origin)
            yield stage


def count_readings(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    """Note who begins a reading, and how many have ended."""
    run = WatchRounds.run

    async def counted(self: WatchRounds, state: WatchState) -> WatchRound:
        stage.owner = self.owner
        try:
            return await run(self, state)
        finally:
            stage.done += 1

    patch.setattr(WatchRounds, "run", counted)


def twist_pages(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    """Answer pages as the scene wants them."""
    answer = responses.list_response

    def answer_twisted(items: Any, page: Page, *rest: Any) -> web.Response:
        response = answer(items, page, *rest)
        twist = stage.twists.get(page.number) or stage.twists.get(ALL_PAGES)
        if twist is None or not twist.times or page.size != PAGE_SIZE:
            return response
        twist.times -= 1
        payload = json.loads(response.text or "")
        twist.change(payload)
        return web.json_response(payload)

    patch.setattr(api, "list_response", answer_twisted)


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared_stage: Stage) -> AsyncIterator[Stage]:
    """Begin another scene, with a reading of an account where nothing is wrong."""
    await shared_stage.make_reading()
    shared_stage.told = {
        channel: set(shared_stage.list_findings(channel)) | shared_stage.told.get(channel, set())
        for channel in (APPROVALS, AGENCY)
    }
    yield shared_stage
    shared_stage.world.enkapush.faults.clear()
    shared_stage.world.enkapush.release()
    shared_stage.twists.clear()


# --- readings that are not whole -----------------------------------------------------------------------------------


def fail(fault: Callable[..., Fault]) -> Callable[[Stage], None]:
    """Let Enkapush fail from the middle of the list on."""
    return lambda stage: stage.world.enkapush.faults.add(
        fault(method="GET", path="/flows", skip=MIDDLE - 1, times=None)
    )


def twist(change: Change, page: int = MIDDLE) -> Callable[[Stage], None]:
    """Let Enkapush answer a page, or all of them, in another way."""
    return lambda stage: stage.twists.update({page: Twist(change)})


def end_early(payload: Payload) -> None:
    """Let the list end before its middle, by its own word."""
    ended = MIDDLE - 1
    payload["meta"] |= {"total": ended * PAGE_SIZE, "total_pages": ended}
    if payload["meta"]["page"] > ended:
        payload["data"] = []


def lose_some(payload: Payload) -> None:
    """Leave some flows out, and count none of them."""
    payload["meta"] |= {"total": PAGES * PAGE_SIZE - 6}
    if payload["meta"]["page"] == MIDDLE:
        del payload["data"][2:8]


HALVES: Final[dict[str, Callable[[Stage], None]]] = {
    "an error": fail(partial(Fault.status, 500)),
    "no such page": fail(partial(Fault.status, 404)),
    "a page made for people": fail(partial(Fault.html, 200)),
    "half an answer": fail(Fault.truncated),
    "an empty answer": fail(Fault.empty),
    "a page without flows": twist(lambda payload: payload["data"].clear()),
    "half a page": twist(lambda payload: payload["data"].__delitem__(slice(5, None))),
    "flows that cannot be read": twist(lambda payload: [row.update(wait_time="soon") for row in payload["data"]]),
    "an end before the middle": twist(end_early, ALL_PAGES),
    "some flows that are not counted": twist(lose_some, ALL_PAGES),
}


@pytest.mark.parametrize("half", HALVES)
async def test_nothing_is_called_gone_where_half_is_read(stage: Stage, half: str) -> None:
    flow = stage.take_flow()
    HALVES[half](stage)
    stage.world.enkapush.store.update_flow(flow, title="Theirs")
    await stage.make_reading(2)
    stage.world.enkapush.faults.clear()
    stage.twists.clear()
    await stage.make_reading(2)
    await stage.check_told((flow, EDITED))
    async with stage.database.query() as connection:
        known = (await connection.execute(select(func.count()).select_from(observed_flows))).scalar_one()
    assert known == len(stage.world.enkapush.store.flows)


async def test_flows_that_slip_between_two_pages_are_not_gone(stage: Stage) -> None:
    store, gone = stage.world.enkapush.store, [stage.take_flow(), stage.take_flow()]
    # At both readings of the list another one is deleted before its middle.
    remaining = list(gone)
    stage.twists[MIDDLE] = Twist(lambda _: store.delete_flow(remaining.pop()), times=2)
    await stage.make_reading(2)
    assert not remaining
    await stage.check_told(*((flow, DELETED) for flow in gone))


async def test_a_flow_on_two_pages_that_crowds_out_another_is_one_and_the_other_is_there(stage: Stage) -> None:
    store, old = stage.world.enkapush.store, list[Any]()
    edited = list(store.flows)[MIDDLE * PAGE_SIZE - 1]

    def edit(payload: Payload) -> None:
        old[:] = payload["data"][-1:]
        store.update_flow(edited, title="Theirs")

    def repeat(payload: Payload) -> None:
        payload["data"][:] = [*old, *payload["data"][:-1]]

    stage.twists |= {MIDDLE: Twist(edit, times=2), MIDDLE + 1: Twist(repeat, times=2)}
    await stage.make_reading(2)
    await stage.check_told((edited, EDITED))


# --- writes of flowbot's own ---------------------------------------------------------------------------------------


async def request_and_approve(stage: Stage, what: str) -> None:
    request = await request_change(stage.world, what)
    await stage.world.burak.click(request, "Approve")
    await wait_for_status(stage.world, request, "Applied")


async def edit(stage: Stage, flow: int) -> None:
    """Edit a disabled flow, which needs approval only where it may yet go live."""
    world, store = stage.world, stage.world.enkapush.store
    await open_form(world.emma, f"/flows edit {flow}")
    await world.emma.submit({"Title": "Mine"})

    def is_request(message: Message) -> bool:
        return f"#{flow} " in text_of(message) and "Mine" in text_of(message) and WAITING in text_of(message)

    def find_request() -> Message | None:
        return next(filter(is_request, world.slack.workspace.list_visible_messages(APPROVALS, world.deniz.id)), None)

    await wait_until(lambda: store.flow(flow).title == "Mine" or find_request() is not None)
    if (request := find_request()) is not None:
        await world.burak.click(request, "Approve")
        await wait_until(lambda: store.flow(flow).title == "Mine")
    await wait_for(partial(stage.is_read_back, flow))


@pytest.mark.parametrize("elsewhere", [False, True], ids=["by the same process", "by another process"])
async def test_what_flowbot_writes_while_the_pages_are_read_is_not_told(stage: Stage, elsewhere: bool) -> None:
    world, store = stage.world, stage.world.enkapush.store
    enabled, edited, deleted, both = (stage.take_flow() for _ in range(4))
    world.enkapush.faults.add(Fault.hang(method="GET", path="/flows", skip=MIDDLE - 1))
    before = stage.move_clock()
    await wait_until(lambda: not world.enkapush.faults.pending)
    await stage.deliver(elsewhere=elsewhere)
    await request_and_approve(stage, f"enable {enabled}")
    await request_and_approve(stage, f"delete {deleted}")
    await edit(stage, edited)
    await edit(stage, both)
    store.update_flow(both, description="Theirs")
    newest = max(store.flows)
    await open_form(world.emma, "/flows create")
    await world.emma.submit(REQUIRED_FIELDS)
    await wait_until(lambda: max(store.flows) > newest)
    await wait_for_private_message(world.emma, f"#{max(store.flows)}", MARKETING)
    world.enkapush.release()
    await stage.wait_for_end(before)
    await stage.make_reading(2)
    await stage.check_told((both, EDITED))
    (told,) = stage.list_findings(APPROVALS).values()
    assert "Old text → Theirs" in told
    assert "Mine" not in told


LATE: Final = {"20 s": 20.0, "20 min": 20 * MINUTES, "2 h": 2 * HOURS}
BETWEEN: Final = ("nothing", "an edit through flowbot", "an edit outside")


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("after", LATE)
async def test_a_late_enable_is_told_only_where_more_differs(stage: Stage, after: str, between: str) -> None:
    world, flow, seconds = stage.world, stage.take_flow(), LATE[after]
    request = await request_change(world, f"enable {flow}")
    delay_effect(world, seconds, path=f"/flows/{flow}")
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, NOT_KNOWN)
    if between == "an edit through flowbot":
        await edit(stage, flow)
    elif between == "an edit outside":
        world.enkapush.store.update_flow(flow, title="Theirs")
        await stage.make_reading(2)
        await stage.check_told((flow, EDITED if seconds > 2 * INTERVAL + 2 * SLACK else ENABLED))
    world.time.ahead += seconds
    await stage.make_reading(2)
    if between == "an edit outside":
        await stage.check_told((flow, ENABLED))
        await wait_for_status(world, request, NOT_KNOWN)
    else:
        await wait_for_status(world, request, "Applied")
        await stage.check_told()


# --- counters and clocks -------------------------------------------------------------------------------------------


async def test_totals_that_shrink_are_no_change_and_no_negative_figures(stage: Stage) -> None:
    store, flow = stage.world.enkapush.store, FlowId(stage.take_flow())
    today = stage.world.time.now().astimezone(stage.world.settings.zone).date()
    for sent in (500, 20, 60):
        store.update_flow(flow, total_sent_push_notifications=sent)
        await stage.make_reading()
    moved = await FigureRepository(stage.database).flow_days(flow, today, today + DAY)
    assert sum(each.sent for each in moved.values()) == 540
    assert any(each.has_shrunk for each in moved.values())
    await stage.check_told()


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_clock_that_jumps_between_two_readings_tells_nothing_twice(stage: Stage, hours: int) -> None:
    world, flows = stage.world, [stage.take_flow() for _ in range(3)]
    for flow, jumped in zip(flows, (0, hours * HOURS, 0), strict=True):
        world.time.jumped = jumped
        world.enkapush.store.update_flow(flow, title="Theirs")
        await stage.make_reading(2)
    await stage.check_told(*((flow, EDITED) for flow in flows))
