"""The states of a change: from which to which it may go."""

import pytest

from flowbot.domain.change import OPEN_STATES, ChangeState
from flowbot.domain.transitions import can_transition

ALLOWED = {
    "draft": "pending scheduled applying applied failed out_of_date",
    "pending": "scheduled applying rejected withdrawn expired out_of_date",
    "scheduled": "pending applying failed rejected withdrawn expired out_of_date",
    "applying": "pending scheduled applied failed unknown expired out_of_date",
    "unknown": "applied",
}


@pytest.mark.parametrize("before", ChangeState)
def test_a_change_goes_only_where_the_table_says(before: ChangeState) -> None:
    assert {after for after in ChangeState if can_transition(before, after)} == set(ALLOWED.get(before, "").split())


def test_what_ended_is_not_open() -> None:
    assert set(ChangeState) - OPEN_STATES == {
        "applied", "failed", "unknown", "rejected", "withdrawn", "expired", "out_of_date",
    }  # fmt: skip
