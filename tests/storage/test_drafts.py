"""Drafts: each form holds exactly what was typed last."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.draft import Draft, PolicyDraft
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.drafts import DraftRepository, PolicyDraftRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    ANYTHING,
    AYSE,
    C1,
    FLOW,
    FLOWS,
    MOMENTS,
    NOON,
    OURS,
    SECOND,
    TEXTS,
    move_through,
    new_event,
    new_request,
)

T1, T2 = FormToken("t1"), FormToken("t2")


@pytest.fixture
def drafts(database: Database) -> DraftRepository:
    return DraftRepository(database)


def new_draft(title: str, token: FormToken = T1, **other: Any) -> Draft:
    given: dict[str, Any] = {
        "user": AYSE, "channel": C1, "kind": ChangeKind.EDIT, "flow": FLOW, "before": None, "changed_at": NOON,
    }  # fmt: skip
    return Draft(token=token, typed={"title": title}, **given | other)


async def find_draft(drafts: DraftRepository, draft: Draft, since: datetime = NOON) -> Draft | None:
    return await drafts.find_latest(draft.user, draft.channel, draft.kind, draft.flow, since)


BOTH_KINDS_OF_FLOW = pytest.mark.parametrize("flow", [FLOW, None], ids=["a flow", "a new flow"])


@BOTH_KINDS_OF_FLOW
async def test_a_draft_is_found_by_its_form_and_by_its_place(drafts: DraftRepository, flow: FlowId | None) -> None:
    draft = new_draft("Merhaba", flow=flow)
    await drafts.save(draft)
    assert await drafts.get(T1) == draft
    assert await find_draft(drafts, draft) == draft


@BOTH_KINDS_OF_FLOW
async def test_the_newest_of_several_forms_is_found_and_the_others_stay(
    drafts: DraftRepository, flow: FlowId | None
) -> None:
    old, newer = new_draft("old", flow=flow), new_draft("new", T2, flow=flow, changed_at=NOON + SECOND)
    await drafts.save(newer)
    await drafts.save(old)
    assert await find_draft(drafts, newer) == newer
    assert await drafts.get(T1) == old
    await drafts.delete(T2)
    assert await find_draft(drafts, newer) == old


async def test_what_an_older_delivery_brings_late_changes_nothing(drafts: DraftRepository) -> None:
    newer = new_draft("new", changed_at=NOON + SECOND)
    await drafts.save(newer)
    await drafts.save(new_draft("old"))
    assert await drafts.get(T1) == newer


async def test_a_form_that_takes_over_what_was_typed_leaves_the_other_its_flow(drafts: DraftRepository) -> None:
    old, new = new_draft("mine"), new_draft("mine", T2, changed_at=NOON + SECOND)
    await drafts.save(old)
    await drafts.save(new, replaces=T1)
    await drafts.delete(T2)
    assert await find_draft(drafts, new) is None
    assert await drafts.get(T1) == replace(old, typed={})


async def test_a_form_that_nobody_typed_into_is_not_found(drafts: DraftRepository) -> None:
    await drafts.save(replace(new_draft("x"), typed={}))
    assert await find_draft(drafts, new_draft("x")) is None


async def test_a_form_keeps_what_was_typed_into_it_last(drafts: DraftRepository) -> None:
    await drafts.save(new_draft("a"))
    await drafts.save(new_draft("b"))
    assert await drafts.get(T1) == new_draft("b")


OTHERS = [
    ("another person", {"user": UserId("U2")}),
    ("another channel", {"channel": ChannelId("C2")}),
    ("another kind", {"kind": ChangeKind.CREATE}),
    ("another flow", {"flow": FlowId(99)}),
    ("a new flow", {"flow": None}),
]


@pytest.mark.parametrize("different", [row[1] for row in OTHERS], ids=[row[0] for row in OTHERS])
async def test_drafts_of_different_places_stand_side_by_side(
    drafts: DraftRepository, different: dict[str, Any]
) -> None:
    one, other = new_draft("one"), new_draft("other", T2, **different)
    await drafts.save(one)
    await drafts.save(other)
    assert await find_draft(drafts, one) == one
    assert await find_draft(drafts, other) == other


async def test_a_draft_that_is_too_old_is_not_found_in_its_place(drafts: DraftRepository) -> None:
    await drafts.save(new_draft("old"))
    assert await find_draft(drafts, new_draft("old"), NOON + SECOND) is None
    assert await drafts.get(T1) == new_draft("old")


async def test_a_dropped_draft_is_gone_and_dropping_it_again_does_no_harm(drafts: DraftRepository) -> None:
    await drafts.save(new_draft("a"))
    await drafts.save(new_draft("b", T2, flow=None))
    await drafts.delete(T1)
    await drafts.delete(T1)
    assert await drafts.get(T1) is None
    assert await drafts.get(T2) is not None


async def test_purging_forgets_what_is_older_and_counts_it(drafts: DraftRepository) -> None:
    for age in range(4):
        await drafts.save(new_draft("x", FormToken(f"t{age}"), flow=FlowId(age + 1), changed_at=NOON - age * SECOND))
    assert await drafts.delete_older_than(NOON - SECOND) == 2
    left = [await drafts.get(FormToken(f"t{age}")) is not None for age in range(4)]
    assert left == [True, True, False, False]


async def test_of_twenty_keystrokes_in_the_same_instant_the_last_stands(
    database: Database, elsewhere: Database
) -> None:
    processes = (DraftRepository(database), DraftRepository(elsewhere))
    written = [new_draft(f"{n}", changed_at=NOON + n * SECOND) for n in range(20)]
    await asyncio.gather(*(processes[n % 2].save(draft) for n, draft in enumerate(written)))
    assert await processes[0].get(T1) == written[-1]


@ANYTHING
@given(fields=st.dictionaries(TEXTS, TEXTS, max_size=4), before=st.none() | FLOWS, at=MOMENTS)
async def test_whatever_was_typed_comes_back_equal(
    drafts: DraftRepository, fields: dict[str, str], before: Flow | None, at: datetime
) -> None:
    draft = replace(new_draft(""), typed=fields, before=before, changed_at=at)
    await drafts.save(draft)
    assert await drafts.get(T1) == draft
    await drafts.delete(T1)


async def test_a_draft_of_a_policy_is_kept_beside_those_of_flows_and_ages_with_them(
    drafts: DraftRepository, database: Database
) -> None:
    policies = PolicyDraftRepository(database)
    draft = PolicyDraft(T1, AYSE, C1, {"websites": ["1"], "viewers": {"everyone": True}}, NOON)
    await policies.save(draft)
    await policies.save(changed := replace(draft, typed={"websites": []}, changed_at=NOON - SECOND))
    await drafts.save(new_draft("Merhaba", T2))
    assert await policies.get(T1) == changed
    assert (await policies.get(T2), await drafts.get(T1)) == (None, None)
    assert await drafts.delete_older_than(NOON) == 1
    assert await policies.get(T1) is None


@pytest.mark.parametrize(
    ("states", "is_kept"),
    [
        ([ChangeState.PENDING], False),
        ([ChangeState.FAILED], True),
        ([ChangeState.APPLYING], True),
        ([ChangeState.APPLYING, ChangeState.APPLIED], False),
    ],
)
async def test_the_draft_of_a_form_lasts_until_its_change_waits_or_is_applied(
    database: Database, drafts: DraftRepository, states: list[ChangeState], *, is_kept: bool
) -> None:
    store, draft = ChangeRepository(database, lambda: NOON), new_draft("sent")
    record, _ = await store.submit(new_request(T1, kind=ChangeKind.EDIT), OURS, new_event(), draft=draft)
    assert await drafts.get(T1) == draft
    await move_through(store, record.change, *states)
    assert await drafts.get(T1) == (draft if is_kept else None)


async def test_what_a_form_sent_twice_typed_last_is_kept(database: Database, drafts: DraftRepository) -> None:
    store, newer = ChangeRepository(database, lambda: NOON), new_draft("newer", changed_at=NOON + SECOND)
    await store.submit(new_request(T1, kind=ChangeKind.EDIT), OURS, new_event())
    await drafts.save(newer)
    _, is_new = await store.submit(new_request(T1, kind=ChangeKind.EDIT), OURS, new_event(), draft=new_draft("sent"))
    assert not is_new
    assert await drafts.get(T1) == newer
