"""The transitions of a change: from which state to which it may go."""

from collections.abc import Mapping
from typing import Final

from flowbot.domain.change import ChangeState

TRANSITIONS: Final[Mapping[ChangeState, frozenset[ChangeState]]] = {
    ChangeState.DRAFT: frozenset(
        {
            ChangeState.PENDING,
            ChangeState.SCHEDULED,
            ChangeState.APPLYING,
            ChangeState.APPLIED,
            ChangeState.FAILED,
            ChangeState.OUT_OF_DATE,
        }
    ),
    ChangeState.PENDING: frozenset(
        {
            ChangeState.SCHEDULED,
            ChangeState.APPLYING,
            ChangeState.REJECTED,
            ChangeState.WITHDRAWN,
            ChangeState.EXPIRED,
            ChangeState.OUT_OF_DATE,
        }
    ),
    ChangeState.SCHEDULED: frozenset(
        {
            ChangeState.PENDING,
            ChangeState.APPLYING,
            ChangeState.FAILED,
            ChangeState.REJECTED,
            ChangeState.WITHDRAWN,
            ChangeState.EXPIRED,
            ChangeState.OUT_OF_DATE,
        }
    ),
    ChangeState.APPLYING: frozenset(
        {
            ChangeState.PENDING,
            ChangeState.SCHEDULED,
            ChangeState.APPLIED,
            ChangeState.FAILED,
            ChangeState.UNKNOWN,
            ChangeState.EXPIRED,
            ChangeState.OUT_OF_DATE,
        }
    ),
    ChangeState.UNKNOWN: frozenset({ChangeState.APPLIED}),
    ChangeState.APPLIED: frozenset(),
    ChangeState.FAILED: frozenset(),
    ChangeState.REJECTED: frozenset(),
    ChangeState.WITHDRAWN: frozenset(),
    ChangeState.EXPIRED: frozenset(),
    ChangeState.OUT_OF_DATE: frozenset(),
}
"""Every allowed transition. `draft` is submitted and not evaluated yet; `unknown` is settled by a reading.

A draft is applied at once where it became the content of a request that waits.
"""
UNSENT_ONLY: Final = frozenset({ChangeState.PENDING, ChangeState.SCHEDULED, ChangeState.EXPIRED})
"""A change that is being applied gets back, or expires, only while nothing was sent."""


def can_transition(before: ChangeState, after: ChangeState) -> bool:
    """Check whether a change may go from `before` to `after`."""
    return after in TRANSITIONS[before]
