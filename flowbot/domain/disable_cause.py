"""What decided a disable at once that nobody has to approve."""

from enum import StrEnum


class DisableCause(StrEnum):
    """What decided a disable that no policy gates. The words are stored, so none of them ever changes."""

    STOP = "stop"
    """Somebody stopped all live flows of a website or channel."""
    BREAKER = "breaker"
    """flowbot itself did, since a flow's figures were out of bounds."""
    REVERT = "revert"
    """Somebody reverted an enable that was made outside flowbot."""

    @property
    def is_reported(self) -> bool:
        """Check whether a report tells of it, so that it has no message of its own."""
        return self is not DisableCause.REVERT
