"""What the database tells an engineer about work that waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flowbot.domain.change import ChangeState


@dataclass(frozen=True, slots=True)
class Figures:
    """The changes as they are at one moment.

    Attributes:
        states: How many there are in each state; every state is there.
        oldest_pending: When the longest waiting request was made; None where none waits.
        oldest_in_hand: When the change that is being judged or applied for longest came into hand; None: nothing is.
        untold: How many have a newest version that people were not told about.
        oldest_untold: When the longest untold of those versions came to be; None where there is none.
    """

    states: Mapping[ChangeState, int]
    oldest_pending: datetime | None
    oldest_in_hand: datetime | None
    untold: int
    oldest_untold: datetime | None
