"""Creating and editing flows in a failing Enkapush: one effect, or an outcome that is said to be unknown."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeState, Lease, Outcome
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, WriteOnlyFields
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.services.executor.context import IMAGES_AT_ONCE, store_new_image
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.ports.enkapush import FlowUpdate
from flowbot.storage.unit_of_work import Database
from tests.services.executor_harness import CONTENT, HERE, NEW, NOON, Harness, flow_of


@pytest.fixture
def harness(database: Database) -> Harness:
    return Harness(database)


# --- making --------------------------------------------------------------------------------------------------------


async def test_a_flow_is_sent_once_and_read_back(harness: Harness) -> None:
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.flow) == (ChangeState.APPLIED, 1)
    assert result.flow == harness.enkapush.flows[1]
    assert harness.enkapush.created == [CONTENT]


@pytest.mark.parametrize(("how", "looks"), [("mute", 1), ("late", 3)])
async def test_a_flow_that_comes_without_an_answer_is_found(harness: Harness, how: str, looks: int) -> None:
    harness.enkapush.flows[7] = flow_of(CONTENT, 7)
    harness.enkapush.write_effects = [how]
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.flow) == (ChangeState.APPLIED, 8)
    assert len(harness.enkapush.pauses) == looks
    assert len(harness.enkapush.created) == 1


async def submit_lost(harness: Harness, newest: int) -> Change:
    """Submit a change whose flow was sent when `newest` was the highest id, and was never seen."""
    change = await harness.submit(ChangeKind.RESTORE, NEW)
    assert await harness.store.mark_sent_once(change.id, HERE.owner, NOON, FlowId(newest))
    kept = await harness.store.get(change.id)
    assert kept is not None
    return kept


DIFFERENT: Final = replace(CONTENT, title="Spring is here!")
"""What a flow may be like that was made as it was wanted: edited since, or kept otherwise by Enkapush."""


async def look_for_lost(harness: Harness, newest: int) -> FlowId | None:
    """Look for a flow that was sent when `newest` was the highest id, and return its id where it was found."""
    found = await harness.writer.build_write(await submit_lost(harness, newest)).recheck()
    return None if found is None else found.outcome.flow


async def test_a_flow_that_came_since_with_its_name_is_the_one(harness: Harness) -> None:
    harness.enkapush.flows = {3: flow_of(CONTENT, 3), 4: flow_of(DIFFERENT, 4)}
    assert await look_for_lost(harness, 3) == 4


async def test_of_two_that_came_since_the_one_with_the_whole_content_is_taken(harness: Harness) -> None:
    harness.enkapush.flows = {4: flow_of(DIFFERENT, 4), 5: flow_of(CONTENT, 5), 6: flow_of(CONTENT, 6)}
    assert await look_for_lost(harness, 3) == 5


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({}, id="none"),
        pytest.param({3: flow_of(DIFFERENT, 3)}, id="one that was there before"),
        pytest.param({4: flow_of(replace(CONTENT, website_id=WebsiteId(2)), 4)}, id="one of another website"),
        pytest.param({4: flow_of(replace(CONTENT, name="Theirs"), 4)}, id="one by another name"),
    ],
)
async def test_a_flow_that_is_not_among_those_that_are_there_stays_unknown(
    harness: Harness, others: dict[int, Flow]
) -> None:
    harness.enkapush.flows = others
    assert await look_for_lost(harness, 3) is None


async def test_a_flow_that_another_change_has_made_is_not_taken_for_one_that_was_lost(harness: Harness) -> None:
    change = await submit_lost(harness, 3)
    other = await harness.submit(ChangeKind.CREATE, NEW, number=2)
    made = Outcome("applied.create", flow=FlowId(4))
    told = AuditEvent(NOON, "change.applied", None, change=other.id, kind=ChangeKind.CREATE, flow=made.flow)
    await harness.store.replace_if_unchanged(other, replace(other, state=ChangeState.APPLIED, outcome=made), told)
    harness.enkapush.flows = {4: flow_of(DIFFERENT, 4)}
    assert await harness.writer.build_write(change).recheck() is None


@pytest.mark.parametrize(
    "named",
    [
        pytest.param(flow_of(CONTENT, 3), id="one that was there before"),
        pytest.param(flow_of(replace(CONTENT, website_id=WebsiteId(2)), 9), id="one of another website"),
        pytest.param(flow_of(replace(CONTENT, name="Theirs"), 9), id="somebody else's"),
        pytest.param(None, id="one that is not there"),
    ],
)
async def test_a_create_is_not_taken_for_the_flow_that_enkapush_names_by_mistake(
    harness: Harness, named: Flow | None
) -> None:
    """The answer to a create names a flow that is not what was sent."""
    harness.enkapush.flows[7] = flow_of(CONTENT, 7)

    async def create(content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        if named is not None:
            harness.enkapush.flows[named.id] = named
        return FlowId(8) if named is None else named.id

    harness.enkapush.create = create  # type: ignore[method-assign]  # Enkapush is mistaken
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome, result.flow) == (ChangeState.UNKNOWN, Outcome("unknown.create"), None)


@pytest.mark.parametrize(("away", "key"), [(0, "unknown.create"), (99, "unknown.create_unseen")])
async def test_a_flow_that_is_not_found_is_not_sent_again(harness: Harness, away: int, key: str) -> None:
    harness.enkapush.flows[7] = flow_of(CONTENT, 7)
    harness.enkapush.write_effects = ["lost"]
    change = await harness.submit(ChangeKind.CREATE, NEW)
    real = harness.enkapush.create

    async def create(content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        harness.enkapush.failing_reads = away
        return await real(content, write_only, image)

    harness.enkapush.create = create  # type: ignore[method-assign]  # Enkapush goes away in that moment
    result = await harness.writer.apply(change)
    assert (result.state, result.outcome) == (ChangeState.UNKNOWN, Outcome(key))
    assert len(harness.enkapush.created) == 1


async def test_what_was_sent_by_a_process_that_died_is_looked_for_and_never_sent(harness: Harness) -> None:
    change = await harness.submit(ChangeKind.CREATE, NEW)
    assert await harness.store.mark_sent_once(change.id, HERE.owner, NOON, FlowId(3))
    kept = await harness.store.get(change.id)
    assert kept is not None
    assert (await harness.writer.apply(kept)).state is ChangeState.UNKNOWN
    harness.enkapush.flows = {3: flow_of(CONTENT, 3), 4: flow_of(CONTENT, 4)}
    assert (await harness.writer.apply(kept)).outcome.flow == 4
    assert harness.enkapush.created == []


async def test_of_two_alike_none_finds_a_flow_while_the_other_is_sent(harness: Harness) -> None:
    harness.enkapush.write_effects = ["mute"]
    first = await harness.submit(ChangeKind.CREATE, NEW)
    second = await harness.submit(ChangeKind.CREATE, NEW, number=2)
    assert await harness.store.mark_sent_once(second.id, HERE.owner, NOON, None)
    assert (await harness.writer.apply(first)).state is ChangeState.UNKNOWN
    sent = await harness.store.get(second.id)
    assert sent is not None
    second = await harness.store.replace_if_unchanged(sent, replace(sent, state=ChangeState.UNKNOWN))
    current = await harness.store.get(first.id)
    assert current is not None
    found = await harness.writer.build_write(current).recheck()
    assert found is not None
    told = AuditEvent(NOON, "change.applied", None, change=first.id, kind=ChangeKind.CREATE, flow=found.outcome.flow)
    await harness.store.replace_if_unchanged(current, replace(current, state=found.state, outcome=found.outcome), told)
    assert await harness.writer.build_write(second).recheck() is None


async def test_a_flow_made_elsewhere_a_moment_before_is_not_taken_for_it(harness: Harness) -> None:
    await harness.flow_cache.get_latest()
    harness.enkapush.flows[5] = flow_of(CONTENT, 5)
    harness.enkapush.write_effects = ["lost"]
    assert (await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))).state is ChangeState.UNKNOWN


async def test_nothing_is_sent_where_enkapush_is_away_beforehand(harness: Harness) -> None:
    harness.enkapush.failing_reads = 1
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.down")
    assert harness.enkapush.created == []


async def test_a_flow_that_is_enabled_against_the_wish_is_said_loudly(harness: Harness) -> None:
    harness.enkapush.write_effects = ["enabled"]
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.enabled")


async def test_a_process_that_lost_its_lease_sends_nothing(harness: Harness) -> None:
    change = await harness.submit(ChangeKind.CREATE, NEW)
    await harness.store.release_lease(change.id, HERE.owner)
    free = replace(change, lease_owner=None, lease_until=None)
    assert await harness.store.claim_lapsed([free], Lease("there", NOON + timedelta(hours=3)))
    with pytest.raises(LeaseLostError):
        await harness.writer.apply(change)
    assert harness.enkapush.created == []


@pytest.mark.parametrize("reason", ["not_done.refused", "not_done.key", "not_done.busy"])
async def test_a_refusal_is_the_outcome(harness: Harness, reason: str) -> None:
    harness.enkapush.write_effects = [reason]
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, NEW))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, reason)


async def test_some_pictures_are_in_memory_at_a_time_and_the_others_wait(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way: list[int] = [0]

    async def fetch(upload: ImageUpload) -> ImageFile:
        under_way.append(under_way[-1] + 1)
        await asyncio.sleep(0.01)
        under_way.append(under_way[-1] - 1)
        return ImageFile(b"\x89PNG", "image/png", upload.name)

    monkeypatch.setattr(harness.enkapush, "fetch", fetch)
    picture = ImageUpload("F1", "", "a.png")
    changes = [
        await harness.submit(ChangeKind.CREATE, NEW, number=number, picture=picture)
        for number in range(2 * IMAGES_AT_ONCE)
    ]
    stored = await asyncio.gather(*(store_new_image(harness.writer.context, change) for change in changes))
    assert all(change.request.image for change in stored)
    assert max(under_way) == IMAGES_AT_ONCE


async def test_a_picture_that_is_none_stops_it_before_anything_is_sent(harness: Harness) -> None:
    change = await harness.submit(ChangeKind.CREATE, NEW, picture=ImageUpload("F1", "", "none"))
    result = await harness.writer.apply(change)
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "form.problem_image_type")
    result = await harness.writer.apply(await harness.submit(ChangeKind.CREATE, replace(NEW, image="gone"), number=2))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.image_gone")
    assert harness.enkapush.created == []


# --- editing -------------------------------------------------------------------------------------------------------

BEFORE: Final = flow_of(CONTENT, 7)
EDITED: Final = DesiredFlow(replace(CONTENT, title="New", button_1=FlowButton("Go", "https://x.example")))


async def test_an_edit_is_sent_once_and_read_back(harness: Harness) -> None:
    harness.enkapush.flows[7] = replace(BEFORE, changed_at=NOON)
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert result.state is ChangeState.APPLIED
    assert result.details["changed"] == ["title", "button_1"]
    assert [update.wanted for update in harness.enkapush.updates] == [EDITED.content]


@pytest.mark.parametrize(("writing", "sent"), [(["mute"], 1), (["lost"], 2), (["lost", "mute"], 2)])
async def test_an_edit_without_an_answer_is_there_in_the_end(harness: Harness, writing: list[str], sent: int) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = list(writing)
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert result.state is ChangeState.APPLIED
    assert FlowContent.of(harness.enkapush.flows[7]) == EDITED.content
    assert len(harness.enkapush.updates) == sent


async def test_an_edit_that_is_lost_again_and_again_is_not_known(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["lost"] * 9
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(harness.enkapush.updates) == 2


async def test_a_refusal_after_silence_proves_nothing(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["lost", "not_done.refused"]
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(harness.enkapush.updates) == 2


async def test_a_flow_that_somebody_changed_after_silence_is_not_called_out_of_date(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["lost"]
    original_update = harness.enkapush.update

    async def update(flow: FlowId, update: FlowUpdate) -> None:
        try:
            await original_update(flow, update)
        finally:
            harness.enkapush.flows[7] = replace(BEFORE, name="Theirs")

    harness.enkapush.update = update  # type: ignore[method-assign]  # somebody is at work in Enkapush just then
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(harness.enkapush.updates) == 1


UNREADABLE: Final = DesiredFlow(CONTENT, WriteOnlyFields(segment="all"))


async def test_what_leaves_no_trace_is_not_sent_twice_where_the_flow_was_touched_since(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["mute"]
    result = await harness.writer.apply(await harness.submit_edit(UNREADABLE, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")
    assert len(harness.enkapush.updates) == 1


async def test_what_leaves_no_trace_is_sent_once_more_where_nobody_touched_the_flow(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["lost"]
    result = await harness.writer.apply(await harness.submit_edit(UNREADABLE, BEFORE))
    assert result.state is ChangeState.APPLIED
    assert [update.write_only for update in harness.enkapush.updates] == [UNREADABLE.unread] * 2


async def test_what_was_written_together_with_what_is_seen_is_not_sent_again(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["mute"]
    result = await harness.writer.apply(await harness.submit_edit(replace(EDITED, unread=UNREADABLE.unread), BEFORE))
    assert result.state is ChangeState.APPLIED
    assert len(harness.enkapush.updates) == 1


@pytest.mark.parametrize("change", [{"name": "Theirs"}, {"is_enabled": True}, {"image_url": "https://x.example/a"}])
async def test_a_flow_that_changed_since_is_out_of_date(harness: Harness, change: dict[str, Any]) -> None:
    harness.enkapush.flows[7] = replace(BEFORE, **change)
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert result.state is ChangeState.OUT_OF_DATE
    assert result.outcome.params["fields"] == list(change)
    assert harness.enkapush.updates == []


async def test_a_yes_without_an_effect_is_no_success(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    harness.enkapush.write_effects = ["deaf"]
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.UNKNOWN, "unknown.edit")


async def test_a_flow_that_is_gone_is_not_edited(harness: Harness) -> None:
    result = await harness.writer.apply(await harness.submit_edit(EDITED, BEFORE))
    assert (result.state, result.outcome.key) == (ChangeState.FAILED, "not_done.gone")


async def test_an_edit_that_changes_nothing_writes_nothing(harness: Harness) -> None:
    harness.enkapush.flows[7] = BEFORE
    result = await harness.writer.apply(await harness.submit_edit(DesiredFlow(CONTENT), BEFORE))
    assert result.state is ChangeState.APPLIED
    assert harness.enkapush.updates == []
