"""A change: every write to Enkapush, from the request to its known outcome, as a state machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from flowbot.domain.approval_rule import ApprovalRule, NotifyMode
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.flow import DesiredFlow, Flow
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, ImageId, ReportId, UserId, WebsiteId
from flowbot.domain.images import ImageUpload
from flowbot.domain.progress import Progress
from flowbot.errors import Text


@dataclass(frozen=True, slots=True)
class Lease:
    """A process's hold on a change, renewed while the process works on it.

    Attributes:
        owner: The process.
        until: When it runs out, by the owner's clock. Another one each time: others watch whether it changes.
    """

    owner: str
    until: datetime

    @classmethod
    def of(cls, owner: str | None, until: datetime | None) -> Self | None:
        """Return the lease of a stored change; None where it has none."""
        return None if owner is None or until is None else cls(owner, until)


class ChangeKind(StrEnum):
    """The kinds of change."""

    CREATE = "create"
    EDIT = "edit"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    RESTORE = "restore"


CREATING_KINDS: Final = frozenset({ChangeKind.CREATE, ChangeKind.RESTORE})
"""Kinds that make a new flow."""
FORM_KINDS: Final = frozenset({ChangeKind.CREATE, ChangeKind.EDIT})
"""Kinds that are requested by a form. It may be sent long after it was opened, by somebody who has left the channel."""


class ChangeState(StrEnum):
    """The states of a change."""

    DRAFT = "draft"
    PENDING = "pending"
    SCHEDULED = "scheduled"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OUT_OF_DATE = "out_of_date"


WAITING_STATES: Final = frozenset({ChangeState.PENDING, ChangeState.SCHEDULED})
"""In these states a change waits for people or for its time, and people decide on it."""
SAVED_STATES: Final = WAITING_STATES | {ChangeState.APPLIED}
"""A form whose change is in these states is saved: no draft of it is kept."""
OPEN_STATES: Final = WAITING_STATES | {ChangeState.DRAFT, ChangeState.APPLYING}
"""A flow has at most one change in these states, besides timed disables that wait."""
LEASED_STATES: Final = frozenset({ChangeState.DRAFT, ChangeState.APPLYING})
"""In these states a process works on the change under a lease; when that runs out, another takes over."""
UNSUCCESSFUL: Final = frozenset(
    {ChangeState.FAILED, ChangeState.REJECTED, ChangeState.WITHDRAWN, ChangeState.EXPIRED, ChangeState.OUT_OF_DATE}
)
"""The final states of a change that changed nothing."""
STORED_OTHERWISE: Final = "stored_otherwise"
"""The outcome's parameter that lists what Enkapush stores otherwise than it was sent."""


@dataclass(frozen=True, slots=True)
class Outcome(Text):
    """The end of a change, as a text for people, with the resulting flow."""

    flow: FlowId | None = None

    @classmethod
    def of(cls, text: Text) -> Self:
        """Return the outcome that says `text`; no flow results from it."""
        return cls(text.key, text.params)


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change as it is submitted.

    Attributes:
        token: The form's own; a second change with the same token is the same change.
        requester: Who submits it; `locale` and `timezone` are theirs, for later messages.
        channel: The channel it was requested in, whose policy counts.
        flow: The flow that it is about; None for a create or restore.
        website: The flow's website.
        before: The flow as it was at submission.
        wanted: The desired flow; None for enable, disable and delete.
        picture: A new image as it was uploaded; once it is stored, `wanted` names it, and this is only shown.
        typed: The form's values by field, so that the form can be shown again.
        repeats: The disable that this one repeats, because an earlier enable took effect after it.
        doubtful: The write-only fields of a restore that somebody may have set otherwise before the flow was deleted.
        not_before: The time that was asked for; None for at once.
        ends_at: When a flow that is enabled is disabled again, by the same approval.
        ends: The enable that planned this disable as its end.
        cause: What decided this disable, so that nobody has to approve it; None for a request.
        answers: The finding that it reverts, or whose flow it disables; it may be requested by approvers, too.
        parent: The waiting request that this edit revises: its requester's own edit of what that is about.
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
    repeats: ChangeId | None = None
    doubtful: tuple[str, ...] = ()
    not_before: datetime | None = None
    ends_at: datetime | None = None
    ends: ChangeId | None = None
    cause: DisableCause | None = None
    answers: ReportId | None = None
    parent: ChangeId | None = None

    @property
    def is_timed(self) -> bool:
        """Check whether it is about a time, which an older flowbot would not wait for."""
        return self.not_before is not None or self.ends_at is not None

    @property
    def is_timed_disable(self) -> bool:
        """Check whether it is a disable at a time, or a planned end: it blocks nothing before it runs."""
        return self.kind is ChangeKind.DISABLE and self.not_before is not None

    @property
    def image(self) -> ImageId | None:
        """Return the id of the stored image that the flow is to have, if any."""
        return ImageId(self.wanted.image) if self.wanted is not None and self.wanted.image is not None else None

    def with_image(self, image: ImageId) -> Self:
        """Return the request with a stored image, which its form has too when it is shown again."""
        wanted = None if self.wanted is None else replace(self.wanted, image=image)
        file = {} if self.picture is None else {"image_file": self.picture.file}
        return replace(self, wanted=wanted, typed={**self.typed, "image": image, **file})


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it is stored.

    Attributes:
        version: Grows with every replacement, which names the version that it starts from.
        rule: The policy's approval rule as it was when approval was requested; None where none was needed.
        sent_at: When the write was marked as about to be sent; None before.
        newest_before: For a create or restore: the highest flow id just before it was sent.
        due_at: The moment at which something has to be done next; None where time changes nothing.
        lease_owner, lease_until: Its lease, both None where nobody has one.
        shown_version: The version that everybody concerned was last told about.
        message_channel, message_ts: Its message in Slack, if it has one.
        follows: The change of the same flow that was being applied when it was submitted, and has to end before.
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
    follows: ChangeId | None = None

    @property
    def lease(self) -> Lease | None:
        """Return the lease under which a process works on it; None where nobody does."""
        return Lease.of(self.lease_owner, self.lease_until)

    @property
    def notify_mode(self) -> NotifyMode | None:
        """Return how approvers hear of it; None where it needs no approval."""
        return None if self.rule is None else self.rule.notify

    @property
    def approval_channel(self) -> ChannelId:
        """Return the channel that its message goes to: the one that its rule names, else the request's."""
        return (self.rule.channel if self.rule else None) or self.request.channel

    @property
    def posted_channel(self) -> ChannelId:
        """Return the channel that its message is in, or will go to."""
        return self.message_channel or self.approval_channel

    @property
    def flow_id(self) -> FlowId | None:
        """Return the id of the flow that it is about: of the deleted flow for a restore."""
        if self.request.flow is not None:
            return self.request.flow
        if self.request.before is not None:
            return self.request.before.id
        return self.outcome.flow if self.outcome else None

    @property
    def lacks_image(self) -> bool:
        """Check whether the flow had an image that is not stored; of an applied delete or restore, it stays lost."""
        request = self.request
        stored = self.progress.image if request.wanted is None else request.image
        is_meant = request.kind in {ChangeKind.DELETE, ChangeKind.RESTORE}
        return is_meant and request.before is not None and bool(request.before.image_url) and stored is None

    @property
    def has_waited(self) -> bool:
        """Check whether it waits for people or for its time, or did so."""
        return self.rule is not None or self.progress.starts_at is not None

    @property
    def snapshot_at(self) -> datetime:
        """Return as of when it remembers its flow."""
        return self.progress.snapshot_at or self.created_at

    @property
    def is_put_off(self) -> bool:
        """Check whether it was put off after its approval, and waits."""
        return self.state in WAITING_STATES and self.progress.put_off_version > 0

    @property
    def has_team_message(self) -> bool:
        """Check whether the team sees it in a message of its own: it waits or waited, or changes a flow's state."""
        is_reported = self.request.cause is not None and self.request.cause.is_reported
        return self.has_waited or (self.request.kind not in FORM_KINDS and not is_reported)

    @property
    def is_stored_otherwise(self) -> bool:
        """Check whether it was applied, and Enkapush stores something otherwise than it was sent."""
        is_applied = self.state is ChangeState.APPLIED
        return is_applied and self.outcome is not None and STORED_OTHERWISE in self.outcome.params

    @property
    def has_unsaved_form(self) -> bool:
        """Check whether the form that was filled for it was not saved, or not as it was filled."""
        return self.request.kind in FORM_KINDS and (self.state in UNSUCCESSFUL or self.is_stored_otherwise)


def with_lease(lease: Lease | None, change: Change) -> Change:
    """Return the change under `lease`, or free to take where that is None."""
    return replace(change, lease_owner=lease.owner if lease else None, lease_until=lease.until if lease else None)
