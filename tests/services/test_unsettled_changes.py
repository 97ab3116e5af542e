"""Changes whose effect was not seen: what waits for them, and what may come of them yet."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent
from flowbot.domain.ids import FlowId
from flowbot.domain.late_effects import (
    LATE_EFFECTS,
    LOOKS,
    SEARCH_TIME,
    find_flow_before_repeat,
    find_late_edits,
    find_late_enables,
    find_repeatable_disable,
    next_look,
    operations_since,
)
from flowbot.services.executor.preconditions import find_sought_blocker
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.segments import SegmentCache
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.repositories.known_settings import KnownSettingsRepository
from flowbot.storage.unit_of_work import Database
from tests.services.executor_harness import CONTENT, HERE, NOON, Harness, flow_of

OFF: Final = flow_of(CONTENT, 7)


@pytest.fixture
def harness(database: Database) -> Harness:
    return Harness(database)


async def send(
    harness: Harness,
    kind: ChangeKind,
    state: ChangeState = ChangeState.UNKNOWN,
    *,
    number: int = 1,
    age: timedelta = timedelta(seconds=1),
    is_resent: bool = False,
    wanted: FlowContent = CONTENT,
) -> Change:
    """Submit a change of flow 7 that was sent, and came into `state`, so long ago."""
    change = await harness.submit(kind, DesiredFlow(wanted), flow=OFF.id, before=OFF, number=number)
    assert await harness.store.mark_sent_once(change.id, HERE.owner, NOON - age, None)
    if is_resent:
        await harness.store.mark_resent(change.id)
    current = await harness.store.get(change.id)
    assert current is not None
    return await harness.store.replace_if_unchanged(current, replace(current, state=state, changed_at=NOON - age))


async def is_blocked(harness: Harness, asked: ChangeKind, *, flow: Flow = OFF) -> bool:
    """Check whether a change of `flow` has to wait for those that were sent."""
    change = await harness.submit(asked, DesiredFlow(CONTENT), flow=flow.id, before=flow, number=9)
    return await find_sought_blocker(harness.store, change.request, NOON) is not None


@pytest.mark.parametrize("asked", [ChangeKind.EDIT, ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE])
@pytest.mark.parametrize("behind", [ChangeKind.EDIT, ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.DELETE])
async def test_only_the_same_kind_waits_and_a_disable_for_nothing(
    harness: Harness, asked: ChangeKind, behind: ChangeKind
) -> None:
    await send(harness, behind)
    assert await is_blocked(harness, asked) is (asked is behind and asked is not ChangeKind.DISABLE)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"state": ChangeState.APPLIED}, id="done"),
        pytest.param({"state": ChangeState.FAILED}, id="refused"),
        pytest.param({"age": SEARCH_TIME}, id="looked for in vain"),
        pytest.param({"age": -timedelta(hours=1)}, id="by a clock that was put back since"),
    ],
)
async def test_nothing_waits_for_what_is_not_looked_for_any_more(harness: Harness, known: dict[str, Any]) -> None:
    await send(harness, ChangeKind.ENABLE, **known)
    assert not await is_blocked(harness, ChangeKind.ENABLE)


async def test_nothing_waits_for_a_change_of_another_flow(harness: Harness) -> None:
    await send(harness, ChangeKind.ENABLE)
    assert not await is_blocked(harness, ChangeKind.ENABLE, flow=replace(OFF, id=FlowId(8)))


async def find_enables(harness: Harness) -> list[Change]:
    return find_late_enables(await harness.store.sent_since(OFF.id, NOON - LATE_EFFECTS), NOON)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({}, True, id="not seen"),
        pytest.param({"age": LATE_EFFECTS - timedelta(minutes=1)}, True, id="not seen for almost a day"),
        pytest.param({"age": LATE_EFFECTS}, False, id="not seen for a day"),
        pytest.param({"state": ChangeState.APPLIED}, False, id="seen"),
        pytest.param({"state": ChangeState.APPLIED, "is_resent": True}, True, id="seen, and sent twice"),
        pytest.param({"state": ChangeState.FAILED}, False, id="refused"),
    ],
)
async def test_an_enable_may_take_effect_for_a_day(harness: Harness, sent: dict[str, Any], expected: bool) -> None:
    enable = await send(harness, ChangeKind.ENABLE, **sent)
    assert [each.id for each in await find_enables(harness)] == ([enable.id] if expected else [])


async def test_an_enable_takes_no_effect_any_more_once_a_later_one_was_seen(harness: Harness) -> None:
    await send(harness, ChangeKind.ENABLE, age=timedelta(hours=1))
    await send(harness, ChangeKind.ENABLE, ChangeState.APPLIED, number=2, age=timedelta(minutes=30))
    assert await find_enables(harness) == []
    last = await send(harness, ChangeKind.ENABLE, number=3)
    assert [each.id for each in await find_enables(harness)] == [last.id]


async def test_edits_that_may_take_effect_are_found(harness: Harness) -> None:
    await send(harness, ChangeKind.EDIT, ChangeState.APPLIED, number=1)
    late = await send(harness, ChangeKind.EDIT, number=2)
    writes = await harness.store.sent_since(OFF.id, NOON - LATE_EFFECTS)
    assert [each.id for each in find_late_edits(writes, NOON)] == [late.id]


@pytest.mark.parametrize(
    ("age", "sends"), [(timedelta(minutes=1), 1), (SEARCH_TIME, 1), (SEARCH_TIME + timedelta(seconds=1), 0)]
)
async def test_what_was_sent_long_ago_is_not_sent_again(harness: Harness, age: timedelta, sends: int) -> None:
    harness.enkapush.flows[OFF.id] = OFF
    change = await harness.submit(ChangeKind.ENABLE, None, flow=OFF.id, before=OFF)
    assert await harness.store.mark_sent_once(change.id, HERE.owner, NOON - age, None)
    result = await harness.writer.apply(await harness.store.get(change.id) or change)
    assert len(harness.enkapush.switched) == sends
    assert result.state is (ChangeState.APPLIED if sends else ChangeState.UNKNOWN)


async def test_a_request_names_all_that_earlier_edits_may_change_yet(harness: Harness, database: Database) -> None:
    for number, title in enumerate(["First", "Second", "Second"], 1):
        age = timedelta(minutes=9 - number)
        await send(harness, ChangeKind.EDIT, number=number, age=age, wanted=replace(CONTENT, title=title))
    waiting = await harness.submit(ChangeKind.ENABLE, state=ChangeState.PENDING, flow=OFF.id, before=OFF)
    settings = FlowSettingsLoader(KnownSettingsRepository(database), SegmentCache(harness.enkapush))
    images, now = ImageRepository(database), harness.enkapush.now
    zone = ZoneInfo("UTC")
    recent = RecentFigures(FigureRepository(database), now, zone)
    loader = RequestDetailsLoader(harness.store, images, harness.flow_cache, settings, recent, now, zone)
    details = await loader.load_newest(waiting.id)
    assert [(each.field, each.after) for each in details.late_edits] == [("title", "First"), ("title", "Second")]


async def test_a_late_effect_of_an_earlier_edit_stands_against_no_enable(harness: Harness) -> None:
    await send(harness, ChangeKind.EDIT, wanted=replace(CONTENT, title="Late"))
    harness.enkapush.flows[OFF.id] = replace(OFF, title="Late")
    enable = await harness.submit(ChangeKind.ENABLE, None, flow=OFF.id, before=OFF, number=2)
    assert (await harness.writer.apply(enable)).state is ChangeState.APPLIED


async def test_an_edit_explains_a_difference_for_a_day_and_for_ever_once_it_was_seen(harness: Harness) -> None:
    late = await send(harness, ChangeKind.EDIT, age=timedelta(hours=1))
    enable = await harness.submit(ChangeKind.ENABLE, None, flow=OFF.id, before=OFF, number=2)
    tomorrow = NOON + timedelta(hours=23)
    assert len(operations_since(enable, [late, enable], NOON)) == 1
    assert operations_since(enable, [late, enable], tomorrow) == ()
    seen = replace(late, state=ChangeState.APPLIED, changed_at=NOON + timedelta(hours=2))
    assert len(operations_since(enable, [seen, enable], tomorrow)) == 1


async def test_the_last_disable_after_an_enable_is_repeated_and_no_repetition(harness: Harness) -> None:
    enable = await send(harness, ChangeKind.ENABLE, age=timedelta(hours=2))
    assert find_repeatable_disable([enable]) is None
    before = await send(harness, ChangeKind.DISABLE, ChangeState.APPLIED, number=2, age=timedelta(hours=3))
    first = await send(harness, ChangeKind.DISABLE, ChangeState.APPLIED, number=3, age=timedelta(hours=1))
    last = await send(harness, ChangeKind.DISABLE, number=4)
    assert find_repeatable_disable([before, enable, first, last]) == last
    repeated = replace(last, request=replace(last.request, repeats=first.id))
    assert find_repeatable_disable([enable, first, repeated]) is None


async def test_no_disable_is_repeated_once_another_enable_was_sent(harness: Harness) -> None:
    enable = await send(harness, ChangeKind.ENABLE, age=timedelta(hours=2))
    disable = await send(harness, ChangeKind.DISABLE, ChangeState.APPLIED, number=2, age=timedelta(hours=1))
    for state in (ChangeState.APPLYING, ChangeState.UNKNOWN, ChangeState.APPLIED):
        newer = replace(enable, state=state, sent_at=NOON)
        assert find_repeatable_disable([enable, disable, newer]) is None


async def test_a_repeated_disable_tells_that_the_enable_was_seen_before_it(harness: Harness) -> None:
    enable = await send(harness, ChangeKind.ENABLE, age=timedelta(hours=2))
    disable = await send(harness, ChangeKind.DISABLE, ChangeState.APPLIED, number=2, age=timedelta(hours=1))
    assert find_flow_before_repeat(enable, [enable, disable]) is None
    live = replace(OFF, is_enabled=True)
    repeated = replace(disable, request=replace(disable.request, repeats=disable.id, before=live))
    assert find_flow_before_repeat(enable, [enable, disable, repeated]) == live
    assert find_flow_before_repeat(replace(enable, changed_at=repeated.created_at), [repeated]) is None


async def test_an_effect_is_looked_for_ever_more_rarely_and_at_last_no_more(harness: Harness) -> None:
    change = await send(harness, ChangeKind.ENABLE, age=timedelta(0))
    looks, now = [], NOON
    while (look := next_look(change, now)) is not None:
        looks.append(look - now)
        now = look
    assert looks == sorted(looks)
    assert now - NOON == LOOKS[-1] == SEARCH_TIME
