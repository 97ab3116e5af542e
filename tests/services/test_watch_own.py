"""What the watch takes for flowbot's own: what its changes sent, as it was sent, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.domain.change import STORED_OTHERWISE, ChangeKind, ChangeState, Outcome
from flowbot.domain.findings import Finding
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent
from flowbot.domain.ids import FlowId
from flowbot.domain.outcomes import TWIN
from flowbot.storage.engine import open_database
from tests.services.test_flow_cache import new_flow
from tests.services.watch_harness import NOON, Account, Watching
from tests.storage.change_cases import OURS, move_through, new_event, new_request

APPLIED, UNKNOWN, APPLYING, FAILED = (
    ChangeState.APPLIED,
    ChangeState.UNKNOWN,
    ChangeState.APPLYING,
    ChangeState.FAILED,
)
LIVE: Final = {"is_enabled": True}
OFF: Final = {"is_enabled": False}
MINE: Final[dict[str, Any]] = {"title": "Mine for you"}
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Write:
    """A change of flow 1 that was sent.

    Attributes:
        title: What an edit sends.
        before: What the flow was otherwise when it was requested.
        outcome: More about its end.
        age: How long ago it was sent.
    """

    kind: ChangeKind
    state: ChangeState
    title: str = MINE["title"]
    before: dict[str, Any] = field(default_factory=dict)
    outcome: dict[str, Any] = field(default_factory=dict)
    age: timedelta = timedelta()


def edit(state: ChangeState = APPLIED, title: str = MINE["title"], **more: Any) -> Write:
    return Write(ChangeKind.EDIT, state, title, **more)


def enable(state: ChangeState = APPLIED, **more: Any) -> Write:
    return Write(ChangeKind.ENABLE, state, **more)


def disable(state: ChangeState = APPLIED) -> Write:
    return Write(ChangeKind.DISABLE, state, before=LIVE)


DELETE: Final = Write(ChangeKind.DELETE, APPLIED)
SHORTENED: Final = {STORED_OTHERWISE: [{"field": "title", "before": "Mine for you", "after": "Mine, odd"}]}

CASES: Final[dict[str, tuple[list[Write], dict[str, Any] | None, list[str]]]] = {
    "as sent": ([edit()], MINE, []),
    "shortened": ([edit()], {"title": "Mine for"}, []),
    "with entities": ([edit(title="A & B")], {"title": "A &amp; B"}, []),
    "cut to less than half": ([edit()], {"title": "Mine"}, ["edit 1"]),
    "as it was read back": ([edit(outcome=SHORTENED)], {"title": "Mine, odd"}, []),
    "otherwise than it was read back": ([edit(outcome=SHORTENED)], MINE, ["edit 1"]),
    "and one field more": ([edit()], {**MINE, "name": "Theirs"}, ["edit 1"]),
    "undone outside": ([edit()], {}, ["edit 1"]),
    "two one after the other": ([edit(), edit(title="Mine again")], {"title": "Mine again"}, []),
    "the first of two, restored outside": ([edit(), edit(title="Mine again")], MINE, ["edit 1"]),
    "enabled": ([enable()], LIVE, []),
    "enabled and edited": ([enable(), edit()], {**LIVE, **MINE}, []),
    "enabled and disabled": ([enable(), disable()], {}, []),
    "disabled, and enabled outside": ([enable(), disable()], LIVE, ["enable 1"]),
    "deleted": ([DELETE], None, []),
    "deleted, and there again": ([DELETE], {}, ["create 1"]),
    "deleted outside": ([edit()], None, ["delete 1"]),
    "not known, and seen": ([edit(UNKNOWN)], MINE, []),
    "not known, seen in part": ([edit(UNKNOWN)], {"title": "Mine for"}, []),
    "not known, and another": ([edit(UNKNOWN)], {"title": "Theirs"}, ["edit 1"]),
    "not known, and one field more": ([enable(UNKNOWN)], {**LIVE, **MINE}, ["enable 1"]),
    "both not known": ([edit(UNKNOWN), enable(UNKNOWN)], {**LIVE, **MINE}, []),
    "one of both not known": ([edit(UNKNOWN), enable(UNKNOWN)], LIVE, []),
    "not known for a day": ([enable(UNKNOWN, age=DAY)], LIVE, ["enable 1"]),
    "not known, and a later one was read back": ([enable(UNKNOWN), enable(), disable()], LIVE, ["enable 1"]),
    "not known before it was disabled": ([enable(UNKNOWN), disable()], LIVE, []),
    "refused": ([edit(FAILED)], MINE, ["edit 1"]),
    "in hand": ([edit(APPLYING)], {"title": "Theirs"}, []),
}


@pytest.fixture
async def watching(sqlite_url: str) -> AsyncIterator[Watching]:
    """Yield a watch that knows one flow."""
    account = Account()
    account.add(1)
    database = open_database(sqlite_url)
    watching = Watching(database, account)
    await watching.run()
    yield watching
    await database.close()


async def send(watching: Watching, number: int, write: Write, flow_id: int = 1) -> None:
    """Store a change that was sent, and its end."""
    store, flow = watching.changes, replace(new_flow(flow_id), **write.before)
    content = replace(FlowContent.of(flow), title=write.title)
    wanted = DesiredFlow(content) if write.kind is ChangeKind.EDIT else None
    watching.now = NOON + timedelta(minutes=5, seconds=number)
    request = new_request(f"t{number}", kind=write.kind, flow=flow.id, before=flow, wanted=wanted)
    record, _ = await store.submit(request, OURS, new_event(flow=flow.id))
    change = record.change
    change = await move_through(store, change, APPLYING)
    assert change.lease_owner is not None
    assert await store.mark_sent_once(change.id, change.lease_owner, watching.now - write.age, None)
    change = await store.get(change.id) or change
    if write.state is not APPLYING:
        outcome = Outcome(f"applied.{write.kind}", write.outcome, flow.id)
        await move_through(store, change, write.state, outcome=outcome, changed_at=watching.now)


def read(fields: dict[str, Any] | None) -> Flow | None:
    return None if fields is None else replace(new_flow(1), **fields)


@pytest.mark.parametrize("case", CASES)
async def test_what_flowbot_sent_is_its_own_and_all_else_is_told(watching: Watching, case: str) -> None:
    writes, fields, told = CASES[case]
    for number, write in enumerate(writes):
        await send(watching, number, write)
    flow = read(fields)
    watching.account.flows = {} if flow is None else {1: flow}
    assert await watching.tell() == told
    unfinished = {write.state for write in writes} & {APPLYING, UNKNOWN}
    if not unfinished:
        assert await watching.changes.unobserved() == ()
    assert await watching.tell() == []


async def test_what_was_in_hand_is_counted_at_the_next_reading(watching: Watching) -> None:
    await send(watching, 0, edit(APPLYING))
    watching.account.change(1, **MINE)
    assert await watching.tell() == []
    (change,) = await watching.changes.unobserved()
    await move_through(watching.changes, change, APPLIED, outcome=Outcome("applied.edit", {}, FlowId(1)))
    watching.account.change(1, name="Theirs")
    assert await watching.tell() == ["edit 1"]
    assert await watching.changes.unobserved() == ()


async def test_a_finding_takes_over_what_flowbot_did_since(watching: Watching) -> None:
    watching.account.change(1, name="Theirs")
    assert await watching.tell() == ["edit 1"]
    await send(watching, 0, replace(edit(), before={"name": "Theirs"}))
    watching.account.change(1, **MINE)
    assert await watching.tell() == ["edit again 1"]
    finding = (await watching.reports.findings(flow=FlowId(1)))[0].told.content
    assert isinstance(finding, Finding)
    assert finding.before == replace(new_flow(1), **MINE)
    watching.account.change(1, name="Flow 1")
    assert await watching.tell() == ["gone again 1"]


async def test_a_flow_that_was_created_outside_is_told_though_a_late_effect_shows_in_it(watching: Watching) -> None:
    await send(watching, 0, enable(UNKNOWN), 2)
    watching.account.add(2, is_enabled=True)
    assert await watching.tell() == ["create 2"]


CREATES: Final[dict[str, tuple[ChangeState, dict[str, Any], dict[str, Any], list[str]]]] = {
    "as sent": (APPLIED, {}, {}, []),
    "with Enkapush's own picture": (APPLIED, {}, {"image_url": "https://enkapush.example/default.png"}, []),
    "changed since": (APPLIED, {}, {"title": "Theirs"}, ["edit 2"]),
    "enabled since": (APPLIED, {}, LIVE, ["enable 2"]),
    "not known": (UNKNOWN, {}, {}, []),
    "not known, under another name": (UNKNOWN, {}, {"name": "Theirs"}, ["create 2"]),
    "in hand": (APPLYING, {}, {}, []),
    "the second of one": (APPLIED, {"flow": 3, TWIN: "2"}, {}, []),
    "as one of before": (APPLIED, {"flow": 3}, {}, ["create 2"]),
}


@pytest.mark.parametrize("kind", [ChangeKind.CREATE, ChangeKind.RESTORE])
@pytest.mark.parametrize("case", CREATES)
async def test_a_flow_that_flowbot_created_is_its_own(watching: Watching, case: str, kind: ChangeKind) -> None:
    state, params, fields, told = CREATES[case]
    store, flow, params = watching.changes, replace(new_flow(2), name="Mine"), dict(params)
    made = FlowId(params.pop("flow", 2))
    request = new_request("t", kind=kind, flow=None, wanted=DesiredFlow(FlowContent.of(flow)))
    record, _ = await store.submit(request, OURS, new_event(flow=None))
    change = await move_through(store, record.change, APPLYING)
    assert change.lease_owner is not None
    assert await store.mark_sent_once(change.id, change.lease_owner, watching.now, FlowId(1))
    change = await store.get(change.id) or change
    if state is not APPLYING:
        outcome = Outcome(f"applied.{kind}", params, made if state is APPLIED else None)
        await move_through(store, change, state, outcome=outcome)
    if made != 2:
        watching.account.add(int(made), name="Mine")
        await watching.run()
    watching.account.flows[2] = replace(flow, **fields)
    assert await watching.tell() == told
    assert await watching.tell() == []
