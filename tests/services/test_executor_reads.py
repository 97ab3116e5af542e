"""What a write relies on is read last before it, and what came of it is looked for until it can be seen."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import DesiredFlow, Flow
from flowbot.domain.ids import FlowId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.services.executor.lease import LeaseLostError
from flowbot.storage.unit_of_work import Database
from tests.services.executor_harness import CONTENT, HERE, NOON, Bench, flow_of

BEFORE: Final = flow_of(CONTENT, 7, image_url="https://x.example/7.png")
BEFORES: Final = {
    ChangeKind.EDIT: BEFORE,
    ChangeKind.ENABLE: BEFORE,
    ChangeKind.DISABLE: replace(BEFORE, is_enabled=True),
    ChangeKind.DELETE: BEFORE,
}
EDITED: Final = DesiredFlow(replace(CONTENT, title="New"))
KINDS: Final = pytest.mark.parametrize("kind", list(BEFORES), ids=str)


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def asked(bench: Bench, kind: ChangeKind, **other: Any) -> Change:
    """A change of flow 7, which is there, about to be written."""
    before = bench.account.flows[7] = BEFORES[kind]
    wanted = EDITED if kind is ChangeKind.EDIT else None
    return await bench.asks(kind, wanted, flow=before.id, before=before, **other)


def written(bench: Bench) -> int:
    return len(bench.account.updates) + len(bench.account.switched)


def rewritten(bench: Bench) -> None:
    """Somebody rewrites the flow in Enkapush, and enables or disables it."""
    now = bench.account.flows[7]
    bench.account.flows[7] = replace(now, title="Theirs", is_enabled=not now.is_enabled)


def first(step: Callable[[], object], then: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """`then`, before which `step` is taken."""

    async def both(*given: Any) -> Any:
        step()
        return await then(*given)

    return both


# --- before the write ----------------------------------------------------------------------------------------------


@KINDS
async def test_a_flow_that_changes_while_the_sending_is_noted_is_left_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind
) -> None:
    change = await asked(bench, kind)
    monkeypatch.setattr(bench.store, "mark_sent_once", first(lambda: rewritten(bench), bench.store.mark_sent_once))
    result = await bench.writer.apply(change)
    assert result.state is ChangeState.OUT_OF_DATE
    assert result.outcome.params["fields"] == ["title", "is_enabled"]
    assert written(bench) == 0


async def test_a_flow_that_changes_while_its_picture_is_kept_is_not_deleted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await asked(bench, ChangeKind.DELETE)
    monkeypatch.setattr(bench.account, "fetch_for", first(lambda: rewritten(bench), bench.account.fetch_for))
    assert (await bench.writer.apply(change)).state is ChangeState.OUT_OF_DATE
    assert bench.account.flows[7].title == "Theirs"
    assert written(bench) == 0


async def test_a_flow_that_changes_while_a_new_picture_is_fetched_is_not_edited(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await asked(bench, ChangeKind.EDIT, picture=ImageUpload("F1", "https://files.example/F1", "a.png"))
    monkeypatch.setattr(bench.account, "fetch", first(lambda: rewritten(bench), bench.account.fetch))
    assert (await bench.writer.apply(change)).state is ChangeState.OUT_OF_DATE
    assert written(bench) == 0


async def test_the_picture_of_a_flow_that_has_changed_is_not_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await asked(bench, ChangeKind.DELETE)
    rewritten(bench)

    async def fetch_for(flow: Flow) -> ImageFile | None:
        raise AssertionError(f"the picture of flow {flow.id} is of no use")

    monkeypatch.setattr(bench.account, "fetch_for", fetch_for)
    assert (await bench.writer.apply(change)).state is ChangeState.OUT_OF_DATE


async def test_a_delete_keeps_the_picture_first(bench: Bench) -> None:
    change = await asked(bench, ChangeKind.DELETE)
    assert (await bench.writer.apply(change)).state is ChangeState.APPLIED
    kept = await bench.store.get(change.id)
    assert kept is not None
    assert kept.progress.image is not None
    assert bench.account.flows == {}


@KINDS
async def test_whoever_may_have_lost_the_change_while_the_flow_was_read_writes_nothing(
    bench: Bench, kind: ChangeKind
) -> None:
    change = await asked(bench, kind)
    bench.is_sure = False
    with pytest.raises(LeaseLostError):
        await bench.writer.apply(change)
    assert written(bench) == 0


@KINDS
@pytest.mark.parametrize(
    ("is_rewritten", "state", "writes"), [(False, ChangeState.APPLIED, 1), (True, ChangeState.UNKNOWN, 0)]
)
async def test_what_was_noted_by_a_process_that_died_is_sent_only_where_nobody_touched_the_flow(
    bench: Bench, kind: ChangeKind, is_rewritten: bool, state: ChangeState, writes: int
) -> None:
    change = await asked(bench, kind)
    assert await bench.store.mark_sent_once(change.id, HERE.owner, NOON, None)
    if is_rewritten:
        bench.account.flows[7] = replace(bench.account.flows[7], title="Theirs")
    kept = await bench.store.get(change.id)
    assert kept is not None
    assert (await bench.writer.apply(kept)).state is state
    assert written(bench) == writes


@KINDS
async def test_the_sending_is_noted_before_the_flow_is_read_for_the_last_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind
) -> None:
    change = await asked(bench, kind)
    steps: list[str] = []

    def noting(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        return first(lambda: steps.append(name), method)

    monkeypatch.setattr(bench.store, "mark_sent_once", noting("note", bench.store.mark_sent_once))
    monkeypatch.setattr(bench.account, "get_flow", noting("read", bench.account.get_flow))
    for name in ("update", "set_enabled", "delete"):
        monkeypatch.setattr(bench.account, name, noting("write", getattr(bench.account, name)))
    await bench.writer.apply(change)
    picture = ["read"] if kind is ChangeKind.DELETE else []
    assert steps == [*picture, "note", "read", "write", "read"]


# --- after it ------------------------------------------------------------------------------------------------------


def lags(bench: Bench, patch: pytest.MonkeyPatch, looks: int) -> None:
    """Let Enkapush show the flow as it was before for so many looks after the first write."""
    before, seen = bench.account.flows[7], bench.account.get_flow
    left = [looks]

    async def get_flow(flow_id: FlowId) -> Flow | None:
        now = await seen(flow_id)
        if written(bench) == 0 or left[0] <= 0:
            return now
        left[0] -= 1
        return before

    patch.setattr(bench.account, "get_flow", get_flow)


@KINDS
@pytest.mark.parametrize(
    ("looks", "state", "pauses"),
    [
        (0, ChangeState.APPLIED, []),
        (1, ChangeState.APPLIED, [1.0]),
        (2, ChangeState.APPLIED, [1.0, 2.0]),
        (3, ChangeState.FAILED, [1.0, 2.0]),
    ],
)
async def test_what_was_answered_and_is_seen_late_is_looked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind, looks: int, state: ChangeState, pauses: list[float]
) -> None:
    change = await asked(bench, kind)
    lags(bench, monkeypatch, looks)
    assert (await bench.writer.apply(change)).state is state
    assert bench.account.pauses == pauses
    assert written(bench) == 1


@KINDS
async def test_what_was_answered_once_and_not_before_is_not_called_failed(bench: Bench, kind: ChangeKind) -> None:
    change = await asked(bench, kind)
    bench.account.writing = ["lost", "deaf"]
    result = await bench.writer.apply(change)
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, f"unknown.{kind}")
    assert written(bench) == 2


@KINDS
async def test_what_is_otherwise_than_before_is_not_waited_for(bench: Bench, kind: ChangeKind) -> None:
    change = await asked(bench, kind)
    bench.account.writing = ["deaf"]
    seen, changed = bench.account.get_flow, replace(BEFORES[kind], name="Theirs")

    async def get_flow(flow_id: FlowId) -> Flow | None:
        return changed if written(bench) else await seen(flow_id)

    bench.account.get_flow = get_flow  # type: ignore[method-assign]  # somebody is busy in Enkapush
    assert (await bench.writer.apply(change)).state is ChangeState.UNKNOWN
    assert bench.account.pauses == []
