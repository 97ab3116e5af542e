"""Reads around a write: the last one before it, and those after it until its effect is seen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import DesiredFlow, Flow
from flowbot.domain.ids import FlowId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.domain.progress import ImageFault
from flowbot.errors import DependencyError
from flowbot.services.executor import writer
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.ports.enkapush import ImageLostError
from flowbot.storage.unit_of_work import Database
from tests.services.executor_harness import CONTENT, HERE, NOON, Harness, flow_of

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
def harness(database: Database) -> Harness:
    return Harness(database)


async def submit_change(harness: Harness, kind: ChangeKind, **other: Any) -> Change:
    """Submit a change of flow 7, which is there, about to be written; a disable was approved."""
    before = harness.enkapush.flows[7] = BEFORES[kind]
    wanted = EDITED if kind is ChangeKind.EDIT else None
    change = await harness.submit(kind, wanted, flow=before.id, before=before, **other)
    rule = ApprovalRule() if kind is ChangeKind.DISABLE else None
    return await harness.store.replace_if_unchanged(change, replace(change, rule=rule))


def count_writes(harness: Harness) -> int:
    return len(harness.enkapush.updates) + len(harness.enkapush.switched)


def rewrite_flow(harness: Harness) -> None:
    """Rewrite the flow in Enkapush as somebody else would, and enable or disable it."""
    now = harness.enkapush.flows[7]
    harness.enkapush.flows[7] = replace(now, title="Theirs", is_enabled=not now.is_enabled)


def run_before(step: Callable[[], object], then: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return `then`, with `step` taken before it."""

    async def both(*given: Any) -> Any:
        step()
        return await then(*given)

    return both


def failing(error: Exception) -> Callable[[Flow], Awaitable[ImageFile | None]]:
    """Return a source of images that raises the error."""

    async def fetch_for(_flow: Flow) -> ImageFile | None:
        raise error

    return fetch_for


# --- before the write ----------------------------------------------------------------------------------------------


@KINDS
async def test_a_flow_that_changes_while_the_sending_is_noted_is_left_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind
) -> None:
    change = await submit_change(harness, kind)
    monkeypatch.setattr(
        harness.store, "mark_sent_once", run_before(lambda: rewrite_flow(harness), harness.store.mark_sent_once)
    )
    result = await harness.writer.apply(change)
    assert result.state is ChangeState.OUT_OF_DATE
    assert result.outcome.params["fields"] == ["title", "is_enabled"]
    assert count_writes(harness) == 0


async def test_a_disable_that_needs_no_approval_is_sent_whatever_the_flow_is_by_now(harness: Harness) -> None:
    before = replace(BEFORE, is_enabled=True)
    harness.enkapush.flows[7] = replace(before, title="Theirs")
    change = await harness.submit(ChangeKind.DISABLE, flow=before.id, before=before)
    assert (await harness.writer.apply(change)).state is ChangeState.APPLIED
    assert not harness.enkapush.flows[7].is_enabled


@pytest.mark.parametrize(("enable", "writes"), [(ChangeState.UNKNOWN, 1), (ChangeState.FAILED, 0)])
async def test_a_flow_that_reads_disabled_is_disabled_while_an_enable_may_take_effect(
    harness: Harness, enable: ChangeState, writes: int
) -> None:
    harness.enkapush.flows[7] = BEFORE
    earlier = await harness.submit(ChangeKind.ENABLE, flow=BEFORE.id, before=BEFORE)
    assert await harness.store.mark_sent_once(earlier.id, HERE.owner, NOON, None)
    await harness.store.replace_if_unchanged(earlier, replace(earlier, state=enable))
    change = await harness.submit(ChangeKind.DISABLE, flow=BEFORE.id, before=BEFORE, number=2)
    assert (await harness.writer.apply(change)).state is ChangeState.APPLIED
    assert count_writes(harness) == writes


@KINDS
async def test_what_is_sent_more_than_once_is_marked(harness: Harness, kind: ChangeKind) -> None:
    change = await submit_change(harness, kind)
    harness.enkapush.write_effects = ["lost"]
    assert (await harness.writer.apply(change)).state is ChangeState.APPLIED
    kept = await harness.store.get(change.id)
    assert kept is not None
    assert kept.progress.is_resent


async def test_a_flow_that_changes_while_its_picture_is_kept_is_not_deleted(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await submit_change(harness, ChangeKind.DELETE)
    monkeypatch.setattr(
        harness.enkapush, "fetch_for", run_before(lambda: rewrite_flow(harness), harness.enkapush.fetch_for)
    )
    assert (await harness.writer.apply(change)).state is ChangeState.OUT_OF_DATE
    assert harness.enkapush.flows[7].title == "Theirs"
    assert count_writes(harness) == 0


async def test_a_flow_that_changes_while_a_new_picture_is_fetched_is_not_edited(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await submit_change(
        harness, ChangeKind.EDIT, picture=ImageUpload("F1", "https://files.example/F1", "a.png")
    )
    monkeypatch.setattr(harness.enkapush, "fetch", run_before(lambda: rewrite_flow(harness), harness.enkapush.fetch))
    assert (await harness.writer.apply(change)).state is ChangeState.OUT_OF_DATE
    assert count_writes(harness) == 0


async def test_the_picture_of_a_flow_that_has_changed_is_not_asked_for(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = await submit_change(harness, ChangeKind.DELETE)
    rewrite_flow(harness)

    async def fetch_for(flow: Flow) -> ImageFile | None:
        raise AssertionError(f"the picture of flow {flow.id} is of no use")

    monkeypatch.setattr(harness.enkapush, "fetch_for", fetch_for)
    assert (await harness.writer.apply(change)).state is ChangeState.OUT_OF_DATE


async def test_a_delete_keeps_the_picture_first(harness: Harness) -> None:
    change = await submit_change(harness, ChangeKind.DELETE)
    assert (await harness.writer.apply(change)).state is ChangeState.APPLIED
    kept = await harness.store.get(change.id)
    assert kept is not None
    assert kept.progress.image is not None
    assert harness.enkapush.flows == {}


@pytest.mark.parametrize("error", [ImageLostError("HTTP 404"), DependencyError("fault.picture", error="ReadTimeout")])
async def test_a_picture_that_cannot_be_had_is_noted_and_stops_no_ungated_delete(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, error: DependencyError
) -> None:
    change = await submit_change(harness, ChangeKind.DELETE)
    monkeypatch.setattr(harness.enkapush, "fetch_for", failing(error))
    assert change.rule is None
    assert (await harness.writer.apply(change)).state is ChangeState.APPLIED
    noted = await harness.store.get(change.id)
    assert noted is not None
    assert noted.progress.image_fault is ImageFault.LOST
    assert noted.lacks_image
    assert harness.enkapush.flows == {}


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ImageLostError("HTTP 404"), ImageFault.LOST),
        (DependencyError("fault.picture", error="ReadTimeout"), ImageFault.LATE),
    ],
)
async def test_a_request_to_delete_notes_what_is_wrong_with_the_picture_once(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, error: DependencyError, fault: ImageFault
) -> None:
    change = await submit_change(harness, ChangeKind.DELETE)
    monkeypatch.setattr(harness.enkapush, "fetch_for", failing(error))
    noted = await harness.writer.keep_image_early(change)
    assert noted.progress.image_fault is fault
    assert await harness.writer.keep_image_early(noted) == noted


async def test_a_request_to_delete_waits_for_no_picture(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    change = await submit_change(harness, ChangeKind.DELETE)
    fetch_for = harness.enkapush.fetch_for

    async def hang(_flow: Flow) -> ImageFile | None:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(writer, "IMAGE_SECONDS", 0.05)
    monkeypatch.setattr(harness.enkapush, "fetch_for", hang)
    async with asyncio.timeout(5):
        noted = await harness.writer.keep_image_early(change)
    assert noted.progress.image_fault is ImageFault.LATE
    monkeypatch.setattr(harness.enkapush, "fetch_for", fetch_for)
    assert (await harness.writer.apply(noted)).state is ChangeState.APPLIED
    kept = await harness.store.get(change.id)
    assert kept is not None
    assert kept.progress.image_fault is None
    assert not kept.lacks_image


@pytest.mark.parametrize("kind", [ChangeKind.ENABLE, ChangeKind.DISABLE, ChangeKind.EDIT])
async def test_other_requests_keep_no_picture(harness: Harness, kind: ChangeKind) -> None:
    change = await submit_change(harness, kind)
    assert await harness.writer.keep_image_early(change) == change


@KINDS
async def test_whoever_may_have_lost_the_change_while_the_flow_was_read_writes_nothing(
    harness: Harness, kind: ChangeKind
) -> None:
    change = await submit_change(harness, kind)
    harness.is_sure = False
    with pytest.raises(LeaseLostError):
        await harness.writer.apply(change)
    assert count_writes(harness) == 0


@KINDS
@pytest.mark.parametrize(
    ("is_rewritten", "state", "writes"), [(False, ChangeState.APPLIED, 1), (True, ChangeState.UNKNOWN, 0)]
)
async def test_what_was_noted_by_a_process_that_died_is_sent_only_where_nobody_touched_the_flow(
    harness: Harness, kind: ChangeKind, is_rewritten: bool, state: ChangeState, writes: int
) -> None:
    change = await submit_change(harness, kind)
    assert await harness.store.mark_sent_once(change.id, HERE.owner, NOON, None)
    if is_rewritten:
        harness.enkapush.flows[7] = replace(harness.enkapush.flows[7], title="Theirs")
    kept = await harness.store.get(change.id)
    assert kept is not None
    assert (await harness.writer.apply(kept)).state is state
    assert count_writes(harness) == writes


@KINDS
async def test_the_sending_is_noted_before_the_flow_is_read_for_the_last_time(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind
) -> None:
    change = await submit_change(harness, kind)
    steps: list[str] = []

    def recording(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        return run_before(lambda: steps.append(name), method)

    monkeypatch.setattr(harness.store, "mark_sent_once", recording("note", harness.store.mark_sent_once))
    monkeypatch.setattr(harness.enkapush, "get_flow", recording("read", harness.enkapush.get_flow))
    for name in ("update", "set_enabled", "delete"):
        monkeypatch.setattr(harness.enkapush, name, recording("write", getattr(harness.enkapush, name)))
    await harness.writer.apply(change)
    picture = ["read"] if kind is ChangeKind.DELETE else []
    assert steps == [*picture, "note", "read", "write", "read"]


# --- after it ------------------------------------------------------------------------------------------------------


def delay_reads(harness: Harness, patch: pytest.MonkeyPatch, looks: int) -> None:
    """Let Enkapush show the flow as it was before for so many reads after the first write."""
    before, seen = harness.enkapush.flows[7], harness.enkapush.get_flow
    left = [looks]

    async def get_flow(flow_id: FlowId) -> Flow | None:
        now = await seen(flow_id)
        if count_writes(harness) == 0 or left[0] <= 0:
            return now
        left[0] -= 1
        return before

    patch.setattr(harness.enkapush, "get_flow", get_flow)


@KINDS
@pytest.mark.parametrize(
    ("looks", "state", "pauses"),
    [
        (0, ChangeState.APPLIED, []),
        (1, ChangeState.APPLIED, [1.0]),
        (2, ChangeState.APPLIED, [1.0, 2.0]),
        (3, ChangeState.UNKNOWN, [1.0, 2.0]),
    ],
)
async def test_what_was_answered_and_is_seen_late_is_looked_for(
    harness: Harness,
    monkeypatch: pytest.MonkeyPatch,
    kind: ChangeKind,
    looks: int,
    state: ChangeState,
    pauses: list[float],
) -> None:
    change = await submit_change(harness, kind)
    delay_reads(harness, monkeypatch, looks)
    assert (await harness.writer.apply(change)).state is state
    assert harness.enkapush.pauses == pauses
    assert count_writes(harness) == 1


@KINDS
async def test_what_was_answered_once_and_not_before_is_not_called_failed(harness: Harness, kind: ChangeKind) -> None:
    change = await submit_change(harness, kind)
    harness.enkapush.write_effects = ["lost", "deaf"]
    result = await harness.writer.apply(change)
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, f"unknown.{kind}")
    assert count_writes(harness) == 2


@KINDS
async def test_what_is_otherwise_than_before_is_not_waited_for(harness: Harness, kind: ChangeKind) -> None:
    change = await submit_change(harness, kind)
    harness.enkapush.write_effects = ["deaf"]
    seen, changed = harness.enkapush.get_flow, replace(BEFORES[kind], name="Theirs")

    async def get_flow(flow_id: FlowId) -> Flow | None:
        return changed if count_writes(harness) else await seen(flow_id)

    harness.enkapush.get_flow = get_flow  # type: ignore[method-assign]  # somebody is busy in Enkapush
    assert (await harness.writer.apply(change)).state is ChangeState.UNKNOWN
    assert harness.enkapush.pauses == []
