"""Making and editing flows in an Enkapush that does what it likes: one effect, or what is not known is said."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeState, Lease, Outcome
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, WriteOnlyFields
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.ports.enkapush import FlowUpdate
from flowbot.storage.unit_of_work import Database
from tests.services.executor_harness import CONTENT, HERE, NEW, NOON, Bench, flow_of


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


# --- making --------------------------------------------------------------------------------------------------------


async def test_a_flow_is_sent_once_and_read_back(bench: Bench) -> None:
    result = await bench.writer.apply(await bench.asks(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.flow) == (ChangeState.APPLIED, 1)
    assert result.flow == bench.account.flows[1]
    assert bench.account.created == [CONTENT]


@pytest.mark.parametrize(("how", "looks"), [("mute", 1), ("late", 3)])
async def test_a_flow_that_comes_without_an_answer_is_found(bench: Bench, how: str, looks: int) -> None:
    bench.account.flows[7] = flow_of(CONTENT, 7)
    bench.account.writing = [how]
    result = await bench.writer.apply(await bench.asks(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.flow) == (ChangeState.APPLIED, 8)
    assert len(bench.account.pauses) == looks
    assert len(bench.account.created) == 1


async def lost(bench: Bench, newest: int) -> Change:
    """A change whose flow was sent when `newest` was the highest id, and was never seen."""
    change = await bench.asks(ChangeKind.RESTORE, NEW)
    assert await bench.store.mark_sent_once(change.id, HERE.owner, NOON, FlowId(newest))
    kept = await bench.store.get(change.id)
    assert kept is not None
    return kept


OTHERWISE: Final = replace(CONTENT, title="Spring is here!")
"""What a flow may be like that was made as it was wanted: edited since, or kept otherwise by Enkapush."""


async def test_a_flow_that_came_since_and_is_not_quite_alike_may_be_the_one(bench: Bench) -> None:
    bench.account.flows = {3: flow_of(CONTENT, 3), 4: flow_of(OTHERWISE, 4)}
    result = await bench.writer.recheck(await lost(bench, 3), is_final=True)
    assert result.state is ChangeState.UNKNOWN


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({}, id="none"),
        pytest.param({3: flow_of(OTHERWISE, 3)}, id="one that was there before"),
        pytest.param({4: flow_of(replace(OTHERWISE, website_id=WebsiteId(2)), 4)}, id="one of another website"),
    ],
)
async def test_a_flow_that_cannot_be_among_those_that_are_there_was_not_made(
    bench: Bench, others: dict[int, Flow]
) -> None:
    bench.account.flows = others
    result = await bench.writer.recheck(await lost(bench, 3), is_final=True)
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.looked")


async def test_a_flow_that_another_change_has_made_is_not_taken_for_one_that_was_lost(bench: Bench) -> None:
    change = await lost(bench, 3)
    other = await bench.asks(ChangeKind.CREATE, NEW, number=2)
    made = Outcome("applied.create", flow=FlowId(4))
    told = AuditEvent(NOON, "change.applied", None, change=other.id, kind=ChangeKind.CREATE, flow=made.flow)
    await bench.store.transition(other, replace(other, state=ChangeState.APPLIED, outcome=made), told)
    bench.account.flows = {4: flow_of(OTHERWISE, 4)}
    assert (await bench.writer.recheck(change, is_final=True)).state is ChangeState.FAILED


@pytest.mark.parametrize(("away", "key"), [(0, "unknown.create"), (99, "unknown.create_unseen")])
async def test_a_flow_that_is_not_found_is_not_sent_again(bench: Bench, away: int, key: str) -> None:
    bench.account.flows[7] = flow_of(CONTENT, 7)
    bench.account.writing = ["lost"]
    change = await bench.asks(ChangeKind.CREATE, NEW)
    real = bench.account.create

    async def create(content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        bench.account.away = away
        return await real(content, write_only, image)

    bench.account.create = create  # type: ignore[method-assign]  # Enkapush goes away in that moment
    result = await bench.writer.apply(change)
    assert (result.state, result.outcome) == (ChangeState.UNKNOWN, Outcome(key))
    assert len(bench.account.created) == 1


async def test_what_was_sent_by_a_process_that_died_is_looked_for_and_never_sent(bench: Bench) -> None:
    change = await bench.asks(ChangeKind.CREATE, NEW)
    assert await bench.store.mark_sent_once(change.id, HERE.owner, NOON, FlowId(3))
    kept = await bench.store.get(change.id)
    assert kept is not None
    assert (await bench.writer.apply(kept)).state is ChangeState.UNKNOWN
    bench.account.flows = {3: flow_of(CONTENT, 3), 4: flow_of(CONTENT, 4)}
    assert (await bench.writer.apply(kept)).outcome.flow == 4
    assert bench.account.created == []


async def test_of_two_alike_each_finds_its_own(bench: Bench) -> None:
    bench.account.writing = ["mute", "lost"]
    first = await bench.asks(ChangeKind.CREATE, NEW)
    second = await bench.asks(ChangeKind.CREATE, NEW, number=2)
    assert await bench.store.mark_sent_once(second.id, HERE.owner, NOON, None)
    result = await bench.writer.apply(first)
    told = AuditEvent(NOON, "change.applied", None, change=first.id, kind=ChangeKind.CREATE, flow=result.outcome.flow)
    await bench.store.transition(first, replace(first, state=result.state, outcome=result.outcome), told)
    kept = await bench.store.get(second.id)
    assert kept is not None
    assert (await bench.writer.apply(kept)).state is ChangeState.UNKNOWN


async def test_a_flow_made_elsewhere_a_moment_before_is_not_taken_for_it(bench: Bench) -> None:
    await bench.flow_cache.get_latest()
    bench.account.flows[5] = flow_of(CONTENT, 5)
    bench.account.writing = ["lost"]
    assert (await bench.writer.apply(await bench.asks(ChangeKind.CREATE, NEW))).state is ChangeState.UNKNOWN


async def test_nothing_is_sent_where_enkapush_is_away_beforehand(bench: Bench) -> None:
    bench.account.away = 1
    result = await bench.writer.apply(await bench.asks(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.down")
    assert bench.account.created == []


async def test_a_flow_that_is_enabled_against_the_wish_is_said_loudly(bench: Bench) -> None:
    bench.account.writing = ["enabled"]
    result = await bench.writer.apply(await bench.asks(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.enabled")


async def test_a_process_that_lost_its_lease_sends_nothing(bench: Bench) -> None:
    change = await bench.asks(ChangeKind.CREATE, NEW)
    await bench.store.release_lease(change.id, HERE.owner)
    assert await bench.store.claim_lapsed(NOON + timedelta(hours=2), Lease("there", NOON + timedelta(hours=3)))
    with pytest.raises(LeaseLostError):
        await bench.writer.apply(change)
    assert bench.account.created == []


@pytest.mark.parametrize("reason", ["not_done.refused", "not_done.key", "not_done.busy"])
async def test_a_refusal_is_the_outcome(bench: Bench, reason: str) -> None:
    bench.account.writing = [reason]
    result = await bench.writer.apply(await bench.asks(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, reason)


async def test_a_picture_that_is_none_stops_it_before_anything_is_sent(bench: Bench) -> None:
    change = await bench.asks(ChangeKind.CREATE, NEW, picture=ImageUpload("F1", "", "none"))
    result = await bench.writer.apply(change)
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "form.problem_image_type")
    result = await bench.writer.apply(await bench.asks(ChangeKind.CREATE, replace(NEW, image="gone"), number=2))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.image_gone")
    assert bench.account.created == []


# --- editing -------------------------------------------------------------------------------------------------------

BEFORE: Final = flow_of(CONTENT, 7)
EDITED: Final = DesiredFlow(replace(CONTENT, title="New", button_1=FlowButton("Go", "https://x.example")))


async def test_an_edit_is_sent_once_and_read_back(bench: Bench) -> None:
    bench.account.flows[7] = replace(BEFORE, changed_at=NOON)
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert result.state is ChangeState.APPLIED
    assert result.details["changed"] == ["title", "button_1"]
    assert [update.wanted for update in bench.account.updates] == [EDITED.content]


@pytest.mark.parametrize(("writing", "sent"), [(["mute"], 1), (["lost"], 2), (["lost", "mute"], 2)])
async def test_an_edit_without_an_answer_is_there_in_the_end(bench: Bench, writing: list[str], sent: int) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = list(writing)
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert result.state is ChangeState.APPLIED
    assert FlowContent.of(bench.account.flows[7]) == EDITED.content
    assert len(bench.account.updates) == sent


async def test_an_edit_that_is_lost_again_and_again_is_not_known(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["lost"] * 9
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(bench.account.updates) == 2


async def test_a_refusal_after_silence_proves_nothing(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["lost", "not_done.refused"]
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(bench.account.updates) == 2


async def test_a_flow_that_somebody_changed_after_silence_is_not_called_out_of_date(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["lost"]
    lost = bench.account.update

    async def update(flow: FlowId, update: FlowUpdate) -> None:
        try:
            await lost(flow, update)
        finally:
            bench.account.flows[7] = replace(BEFORE, name="Theirs")

    bench.account.update = update  # type: ignore[method-assign]  # somebody is at work in Enkapush just then
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(bench.account.updates) == 1


UNREADABLE: Final = DesiredFlow(CONTENT, WriteOnlyFields(segment="all"))


@pytest.mark.parametrize("picture", [None, ImageUpload("F1", "", "a.png")])
async def test_what_leaves_no_trace_is_not_sent_twice_where_the_flow_was_touched_since(
    bench: Bench, picture: ImageUpload | None
) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["mute"]
    result = await bench.writer.apply(await bench.edits(UNREADABLE, BEFORE, picture=picture))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(bench.account.updates) == 1


async def test_what_leaves_no_trace_is_sent_once_more_where_nobody_touched_the_flow(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["lost"]
    result = await bench.writer.apply(await bench.edits(UNREADABLE, BEFORE))
    assert result.state is ChangeState.APPLIED
    assert [update.write_only for update in bench.account.updates] == [UNREADABLE.unread] * 2


async def test_what_was_written_together_with_what_is_seen_is_not_sent_again(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["mute"]
    result = await bench.writer.apply(await bench.edits(replace(EDITED, unread=UNREADABLE.unread), BEFORE))
    assert result.state is ChangeState.APPLIED
    assert len(bench.account.updates) == 1


@pytest.mark.parametrize("change", [{"name": "Theirs"}, {"is_enabled": True}, {"image_url": "https://x.example/a"}])
async def test_a_flow_that_changed_since_is_out_of_date(bench: Bench, change: dict[str, Any]) -> None:
    bench.account.flows[7] = replace(BEFORE, **change)
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert result.state is ChangeState.OUT_OF_DATE
    assert result.outcome.params["fields"] == list(change)
    assert bench.account.updates == []


async def test_a_yes_without_an_effect_is_no_success(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    bench.account.writing = ["deaf"]
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.ignored")
    assert result.outcome.params["fields"] == ["title", "button_1"]


async def test_a_flow_that_is_gone_is_not_edited(bench: Bench) -> None:
    result = await bench.writer.apply(await bench.edits(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.gone")


async def test_an_edit_that_changes_nothing_writes_nothing(bench: Bench) -> None:
    bench.account.flows[7] = BEFORE
    result = await bench.writer.apply(await bench.edits(DesiredFlow(CONTENT), BEFORE))
    assert result.state is ChangeState.APPLIED
    assert bench.account.updates == []
