"""The port of sent messages: which were sent beside a request's own, where they are, and what they show."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChangeId, ChannelId, ReportId, UserId

Place = tuple[ChannelId, str]
"""Where a message is: its channel, and its ts."""
NOWHERE: Final[Place] = (ChannelId("C0"), "")
"""The place of a message that can never be sent."""


class MessageRole(StrEnum):
    """The roles of messages."""

    REQUEST = "request"
    """The request's own message as it was posted first, which mentions the approvers."""
    DIRECT = "direct"
    """A direct copy of the request, for an approver."""
    ALARM = "alarm"
    """The announcement that an approval was skipped."""
    NOTICE = "notice"
    """The requester's notice in the thread of how a request ended; `for_state` says how."""
    DIRECT_NOTICE = "direct_notice"
    """The same as a direct message."""
    REFUSAL = "refusal"
    """The requester's notice that the channel takes no message of their request; `for_state` says of which state."""
    STAGE = "stage"
    """The call of the approvers of a later stage, followed by round and stage."""
    ESCALATION = "escalation"
    """The call of those who may decide, too, since a request has waited for long."""
    REPORT = "report"
    """The message of a report in a channel, which is the recipient."""
    STEP = "step"
    """The direct message to the person whom a workflow's step asks."""


@dataclass(frozen=True, slots=True)
class MessageKey:
    """What makes a message one of its kind.

    Attributes:
        subject: The change or report that it is about.
        role: A `MessageRole`, followed by a state for a notice.
        recipient: Whom it is for; None for everybody in the request's channel, and a report's channel.
    """

    subject: ChangeId | ReportId
    role: str
    recipient: UserId | ChannelId | None = None

    @classmethod
    def for_state(
        cls, subject: ChangeId, role: MessageRole, state: ChangeState, recipient: UserId | None = None
    ) -> "MessageKey":
        """Return the key of a notice of how a change ended: an end that is corrected later has another."""
        return cls(subject, f"{role}.{state}", recipient)

    @classmethod
    def for_round(cls, subject: ChangeId, role: MessageRole, number: int) -> "MessageKey":
        """Return the key of a message that is sent once in each round of votes; the first one's is the role alone."""
        return cls(subject, role if number == 1 else f"{role}.{number}")

    @classmethod
    def for_stage(cls, subject: ChangeId, number: int, stage: int) -> "MessageKey":
        """Return the key of the call of a stage in the round of votes of that number."""
        return cls(subject, f"{MessageRole.STAGE}.{number}.{stage}")


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that was sent, or is to be sent.

    Attributes:
        place: Its channel and ts; None where it was not sent yet, or Slack's answer is not known.
        shown_version: The version of its subject that it shows; 0 where nobody has begun to send it.
    """

    key: MessageKey
    place: Place | None
    shown_version: int

    @property
    def is_given_up(self) -> bool:
        """Check whether Slack does not take it, however often it is tried."""
        return self.place == NOWHERE


class MessageStore(Protocol):
    """The store of messages beside a request's own.

    Slack has no way to send a message once for certain: what is about to be sent is claimed before. A claim without a
    place is one that is being sent by somebody, or was cut off. Every method raises DependencyError where the database
    fails.
    """

    async def plan(
        self, subject: ChangeId, role: MessageRole, recipients: Collection[UserId], *, seen: int = 0
    ) -> None:
        """Note further recipients of a role, unless more than the `seen` ones are noted by now."""

    async def claim(self, key: MessageKey, version: int) -> bool:
        """Note that a message is about to be sent; return whether nobody has noted that before."""

    async def release(self, key: MessageKey) -> None:
        """Take back a claim: for certain nothing was sent."""

    async def record(self, key: MessageKey, place: Place, version: int) -> None:
        """Note where a message is, and the version that it shows."""

    async def get(self, key: MessageKey) -> SentMessage | None:
        """Return a message."""

    async def list_of(self, subject: ChangeId | ReportId, role: MessageRole) -> tuple[SentMessage, ...]:
        """List the messages of one role, by their recipients."""
