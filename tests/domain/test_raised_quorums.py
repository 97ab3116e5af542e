"""Quorums raised by an audience: by its size, as far as the people of each stage allow."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.ids import UserId
from flowbot.domain.quorum import bound_quorums
from flowbot.domain.votes import Vote, VoteChoice

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B, C, D = (UserId(f"U{name}") for name in "ABCD")


def vote(person: UserId, stage: int = 0, right_of: UserId | None = None) -> Vote:
    return Vote(person, VoteChoice.APPROVE, NOON, stage, right_of)


@pytest.mark.parametrize(
    ("audience", "quorum"), [(0, 1), (9_999, 1), (10_000, 2), (49_999, 2), (50_000, 3), (10**15, 3), (None, 3)]
)
def test_the_audience_raises_the_quorum_from_each_line_on(audience: int | None, quorum: int) -> None:
    assert ApprovalRule(quorum_over={50_000: 3, 10_000: 2}).quorum_for(audience) == quorum


def test_a_line_below_the_quorum_lowers_nothing() -> None:
    assert ApprovalRule(quorum=2, quorum_over={10: 1}).quorum_for(None) == 2


@pytest.mark.parametrize(
    ("able", "votes", "quorums"),
    [
        pytest.param([{A, B, C}], [], (2,), id="enough people"),
        pytest.param([{A}], [], (1,), id="fewer people than the audience asks for"),
        pytest.param([set()], [], (1,), id="nobody: the quorum stays"),
        pytest.param([None], [], (2,), id="everyone in the channel"),
        pytest.param([{A, B}, {C, D}], [], (2, 2), id="stages of their own people"),
        pytest.param([{A, B}, {A, B}], [], (1, 1), id="nobody counts in two stages"),
        pytest.param([{A, B}, {A, B, C}], [], (2, 1), id="one stage has somebody more"),
        pytest.param([{A, B}, {B, C}], [vote(A), vote(B)], (2, 1), id="whoever voted counts in that stage alone"),
        pytest.param([{A, B}, None], [], (2, 2), id="only one stage is bound"),
        pytest.param([{A}], [vote(B, right_of=A)], (1,), id="a stand-in's vote is the absent person's"),
        pytest.param([{A, B}], [vote(C)], (2,), id="the vote of who may no longer approve is no person more"),
    ],
)
def test_no_stage_needs_more_than_can_approve_in_it(
    able: Sequence[set[UserId] | None], votes: list[Vote], quorums: tuple[int, ...]
) -> None:
    assert bound_quorums(1, 2, able, votes) == quorums


people = st.sets(st.sampled_from([A, B, C, D, UserId("UE")]))


@given(st.integers(1, 3), st.integers(0, 2), st.lists(st.none() | people, min_size=1, max_size=3))
def test_what_is_needed_is_bounded_by_the_quorum_and_by_who_can_come_together(
    quorum: int, more: int, able: list[set[UserId] | None]
) -> None:
    raised = quorum + more
    needed = bound_quorums(quorum, raised, able, ())
    for stage, group in enumerate(able):
        assert quorum <= needed[stage] <= raised
        assert group is not None or needed[stage] == raised
        assert group is None or needed[stage] <= max(quorum, len(group))
    if all(group is None or len(group) >= quorum for group in able) and _can_meet([quorum] * len(able), able):
        assert _can_meet(needed, able)
        # None of them could be higher.
        for stage, group in enumerate(able):
            if group is not None and needed[stage] < raised:
                assert not _can_meet([*needed[:stage], needed[stage] + 1, *needed[stage + 1 :]], able)


def _can_meet(needed: Sequence[int], able: list[set[UserId] | None]) -> bool:
    """Check by trying every way to give people to the places of stages."""
    places = [group for count, group in zip(needed, able, strict=True) if group is not None for _ in range(count)]
    everybody = sorted({person for group in places for person in group})
    return any(
        all(person in group for person, group in zip(chosen, places, strict=True))
        for chosen in permutations(everybody, len(places))
    )
