"""Statistics of the changes, for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flowbot.domain.change import ChangeState


@dataclass(frozen=True, slots=True)
class ChangeStatistics:
    """The changes as they are at one moment.

    Attributes:
        states: How many there are in each state; every state is there.
        oldest_pending: When the longest waiting request was made; None where none waits.
        oldest_in_progress: When the change that is being evaluated or applied for longest was begun; None: nothing is.
        unshown: How many have a newest version that was not shown to people.
        oldest_unshown: When the longest unshown of those versions came to be; None where there is none.
        unreadable: How many rows of the database this process has set aside, by table.
    """

    states: Mapping[ChangeState, int]
    oldest_pending: datetime | None
    oldest_in_progress: datetime | None
    unshown: int
    oldest_unshown: datetime | None
    unreadable: Mapping[str, int] = field(default_factory=dict)
