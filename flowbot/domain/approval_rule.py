"""The approval rule of a channel: what needs approvals, whose, how many, and how long a request waits for them."""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowbot.domain.ids import ChannelId, GroupId, UserId

EVERYONE: Final = "*"

Principal = Literal["*"] | UserId | GroupId
"""`"*"` is everyone in the channel but guests and bots, `U…`/`W…` a person, `S…` a user group."""


class Gate(StrEnum):
    """The changes that a policy may require an approval for."""

    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    EDIT_ENABLED = "edit_enabled"


class NotifyMode(StrEnum):
    """The ways in which approvers hear of a new request."""

    MENTION = "mention"
    DIRECT = "dm"
    NONE = "none"


ALWAYS_GATED: Final = frozenset({Gate.ENABLE, Gate.DELETE})
MAX_QUORUM: Final = 100
MAX_EXPIRY_HOURS: Final = 8760
MAX_SUBSCRIBERS: Final = 999_999_999

Quorum = Annotated[int, Field(strict=True, ge=1, le=MAX_QUORUM)]
Hours = Annotated[int, Field(strict=True, ge=1, le=MAX_EXPIRY_HOURS)]
Subscribers = Annotated[int, Field(ge=1, le=MAX_SUBSCRIBERS)]
"""An audience's size; the keys of TOML and JSON are texts."""
Approvers = Annotated[tuple[Principal, ...], Field(min_length=1)]


class PolicyModel(BaseModel):
    """Base of all parts of a policy: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ApprovalRule(PolicyModel):
    """The rule by which a channel's requests are approved.

    Attributes:
        stages: The groups that approve one after the other, in place of the policy's approvers; none for one stage.
        quorum: The approvals that each stage needs.
        quorum_over: By the size of an audience, in subscribers: the approvals that each stage needs from there on.
        escalate_to: Those who may decide, too, once a request has waited for `escalate_after_hours`.
        stand_ins: Whether somebody whom an absent approver has named may approve in their place.
        reason_required: Whether who requests a change has to say why.
    """

    required_for: tuple[Gate, ...] = (Gate.ENABLE, Gate.DELETE, Gate.EDIT_ENABLED)
    quorum: Quorum = 1
    self_approval: Annotated[bool, Field(strict=True)] = False
    expires_after_hours: Hours = 72
    channel: ChannelId | None = None
    break_glass: tuple[UserId, ...] = ()
    notify: NotifyMode = NotifyMode.MENTION
    escalate_after_hours: Hours | None = None
    escalate_to: tuple[Principal, ...] = ()
    stages: tuple[Approvers, ...] = ()
    quorum_over: dict[Subscribers, Quorum] = {}
    stand_ins: Annotated[bool, Field(strict=True)] = True
    reason_required: Annotated[bool, Field(strict=True)] = False
    outsiders_may_read: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _require_gates(self) -> Self:
        missing = sorted(ALWAYS_GATED - set(self.required_for))
        if missing:
            raise ValueError(f"required_for cannot leave out {' and '.join(map(repr, map(str, missing)))}")
        return self

    def quorum_for(self, audience: int | None) -> int:
        """Return how many approvals a stage needs for an audience of so many subscribers.

        None is everybody, or an audience that is not known: it counts as the largest.
        """
        thresholds = self.quorum_over.items()
        return max((self.quorum, *(quorum for size, quorum in thresholds if audience is None or size <= audience)))
