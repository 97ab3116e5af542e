"""A change: every write to Enkapush, from the request to its known outcome, as a state machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from flowbot.domain.flow import DesiredFlow, Flow
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, ImageId, UserId, WebsiteId
from flowbot.domain.images import ImageUpload
from flowbot.domain.policy import ApprovalRule


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a change, and until when; it is renewed while they do."""

    owner: str
    until: datetime


class ChangeKind(StrEnum):
    """What a change does to a flow."""

    CREATE = "create"
    EDIT = "edit"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    RESTORE = "restore"


class ChangeState(StrEnum):
    """How far a change has come."""

    DRAFT = "draft"
    PENDING = "pending"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OUT_OF_DATE = "out_of_date"


TRANSITIONS: Final[Mapping[ChangeState, frozenset[ChangeState]]] = {
    ChangeState.DRAFT: frozenset(
        {ChangeState.PENDING, ChangeState.APPLYING, ChangeState.FAILED, ChangeState.OUT_OF_DATE}
    ),
    ChangeState.PENDING: frozenset(
        {
            ChangeState.APPLYING,
            ChangeState.REJECTED,
            ChangeState.WITHDRAWN,
            ChangeState.EXPIRED,
            ChangeState.OUT_OF_DATE,
        }
    ),
    ChangeState.APPLYING: frozenset(
        {ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.OUT_OF_DATE}
    ),
    ChangeState.UNKNOWN: frozenset({ChangeState.APPLIED, ChangeState.FAILED}),
    ChangeState.APPLIED: frozenset(),
    ChangeState.FAILED: frozenset(),
    ChangeState.REJECTED: frozenset(),
    ChangeState.WITHDRAWN: frozenset(),
    ChangeState.EXPIRED: frozenset(),
    ChangeState.OUT_OF_DATE: frozenset(),
}
"""Every move that there is. `draft` is submitted and not judged yet; `unknown` may still turn out, by another look."""


OPEN_STATES: Final = frozenset({ChangeState.DRAFT, ChangeState.PENDING, ChangeState.APPLYING})
"""While a change is in one of these, its flow takes no other."""


LEASED_STATES: Final = frozenset({ChangeState.DRAFT, ChangeState.APPLYING})
"""In these, a process works on the change under a lease; when the lease runs out, another takes over."""


UNSUCCESSFUL: Final = frozenset(
    {ChangeState.FAILED, ChangeState.REJECTED, ChangeState.WITHDRAWN, ChangeState.EXPIRED, ChangeState.OUT_OF_DATE}
)
"""What has ended in one of these has changed nothing: what was typed for it is not saved."""


def can_transition(before: ChangeState, after: ChangeState) -> bool:
    """Whether a change in `before` may become `after`."""
    return after in TRANSITIONS[before]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a change ended, for people: a message's key with its parameters, and the flow that came of it."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)
    flow: FlowId | None = None


class VoteChoice(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person says of one change; they may change it while the change is pending."""

    person: UserId
    choice: VoteChoice
    at: datetime


class ClosureKind(StrEnum):
    """How a person ended the waiting of a change, other than by the last approval."""

    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class Closure:
    """Who ended the waiting of a change, how, and why."""

    by: UserId
    how: ClosureKind
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is remembered of a change on its way.

    Attributes:
        closing: Who ended its waiting, if a person did.
        image: The picture of a flow that is deleted, kept so that it can be restored.
        reminders: How many reminders were sent.
        is_alarmed: Whether the alarm of its broken glass has rung.
        told_apart: The version of which the one who asked was told apart, where not all could be told of it.
    """

    closing: Closure | None = None
    image: ImageId | None = None
    reminders: int = 0
    is_alarmed: bool = False
    told_apart: int = 0

    @property
    def skipped_by(self) -> UserId | None:
        """Who skipped the approvals; None where nobody did."""
        closing = self.closing
        return closing.by if closing is not None and closing.how is ClosureKind.BREAK_GLASS else None


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change as it is submitted.

    Attributes:
        token: The form's own; a second change with the same token is the same change.
        requester: Who asks; `locale` and `timezone` are how they read, for what is told them later.
        channel: Where it was asked: whose policy counts.
        flow: The flow that it is about; None for a flow to be made.
        website: The flow's website.
        before: The flow as it was when the change was asked for.
        wanted: What it shall be; None where only its state changes.
        picture: A new picture that was not fetched yet; one that was is among what is wanted.
        typed: What was typed into the form, as the form's own fields, so that it can be shown again.
    """

    token: FormToken
    kind: ChangeKind
    requester: UserId
    channel: ChannelId
    website: WebsiteId
    flow: FlowId | None = None
    before: Flow | None = None
    wanted: DesiredFlow | None = None
    picture: ImageUpload | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    locale: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it is kept.

    Attributes:
        request: What was submitted.
        version: Grows with every move; who moves a change names the version that they saw.
        rule: The policy's approval rule as it was when approval was asked for; None where none was needed.
        sent_at: When it was noted that the write goes out, if the flow is still as it was; None before.
        newest_before: For a flow to be made: the highest flow id that there was just before it was sent.
        due_at: When somebody has to look at it next; None where time changes nothing.
        lease_owner: The process that works on it until `lease_until`.
        shown_version: The version that people were last told about.
        message_channel, message_ts: The message that shows it in Slack, if there is one.
    """

    id: ChangeId
    request: ChangeRequest
    state: ChangeState
    version: int
    created_at: datetime
    changed_at: datetime
    rule: ApprovalRule | None = None
    progress: Progress = field(default_factory=Progress)
    outcome: Outcome | None = None
    sent_at: datetime | None = None
    newest_before: FlowId | None = None
    due_at: datetime | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
    shown_version: int = 0
    message_channel: ChannelId | None = None
    message_ts: str | None = None

    @property
    def approval_channel(self) -> ChannelId:
        """Where its message is posted: in the channel that its rule names, else where it was asked."""
        return (self.rule.channel if self.rule else None) or self.request.channel

    @property
    def posted_channel(self) -> ChannelId:
        """Where its message is, or will be."""
        return self.message_channel or self.approval_channel

    @property
    def has_unsaved_form(self) -> bool:
        """Whether somebody filled a form for it, of which nothing has come."""
        return self.request.kind in {ChangeKind.CREATE, ChangeKind.EDIT} and self.state in UNSUCCESSFUL


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed into a form and has not saved, kept for a day.

    Attributes:
        token: The form's own.
        before: The flow that is edited, or that a duplicate begins as, as the form showed it; None for a new flow.
        typed: By the form's fields.
    """

    token: FormToken
    user: UserId
    channel: ChannelId
    kind: ChangeKind
    flow: FlowId | None
    before: Flow | None
    typed: Mapping[str, str]
    changed_at: datetime


def with_lease(lease: Lease | None, change: Change) -> Change:
    """The change under `lease`; free for all where that is None."""
    return replace(change, lease_owner=lease.owner if lease else None, lease_until=lease.until if lease else None)
