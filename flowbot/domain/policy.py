"""Channel policies, and the pure decision about a person's permission under one.

README, "Channel policy", shows the format. A policy is written out with the keys that it was read with, and no others.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from flowbot.domain.approval_rule import EVERYONE, ApprovalRule, PolicyModel, Principal
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId, GroupId, UserId, WebsiteId, WebsiteNumber
from flowbot.domain.weekly_time import WeeklyTime

MAX_MIN_SENT: Final = 999_999_999
MAX_WEBSITE_NAME: Final = 75
"""In characters: as long as an entry of Slack's menus."""


class WatchTell(StrEnum):
    """The changes made outside flowbot that a channel is told."""

    ALL = "all"
    LIVE = "live"
    NONE = "none"


class WatchRule(PolicyModel):
    """Which changes made outside flowbot a channel is told; `live` are those of live flows, or that make one live."""

    tell: WatchTell = WatchTell.ALL


Rate = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
"""A part of what was displayed, from 0 to 1."""


class BreakerRule(PolicyModel):
    """When a flow is disabled by itself.

    Attributes:
        min_sent: How many must have been sent since it was enabled.
        min_click_rate: The click rate below which it is disabled.
        max_close_rate: The close rate above which it is disabled.
    """

    min_sent: Annotated[int, Field(strict=True, ge=1, le=MAX_MIN_SENT)] = 1000
    min_click_rate: Rate | None = None
    max_close_rate: Rate | None = None

    @model_validator(mode="after")
    def _require_rate(self) -> Self:
        if self.min_click_rate is None and self.max_close_rate is None:
            raise ValueError("needs min_click_rate or max_close_rate")
        return self


def _require_weekly_time(text: str) -> str:
    WeeklyTime.parse(text)
    return text


class DigestRule(PolicyModel):
    """When a channel gets its weekly digest: `mon 09:00`."""

    at: Annotated[str, Field(strict=True), AfterValidator(_require_weekly_time)]

    @property
    def time(self) -> WeeklyTime:
        """Return the day and time."""
        return WeeklyTime.parse(self.at)


class ChannelPolicy(PolicyModel):
    """The policy of a channel. A channel without one can do nothing.

    Attributes:
        language: That of the channel's messages, such as `tr`; None for the configured one, or the requester's.
    """

    id: ChannelId
    websites: tuple[WebsiteNumber, ...] | Literal["all"]
    language: Annotated[str, Field(strict=True, pattern=r"^[a-z]{2,3}$")] | None = None
    viewers: tuple[Principal, ...] = ()
    editors: tuple[Principal, ...] = ()
    approvers: tuple[Principal, ...] = ()
    approval: ApprovalRule = ApprovalRule()
    watch: WatchRule = WatchRule()
    breaker: BreakerRule | None = None
    digest: DigestRule | None = None

    @model_validator(mode="after")
    def _require_one_way(self) -> Self:
        if self.approvers and self.approval.stages:
            raise ValueError("has approvers and approval.stages: only one of them may name who approves")
        return self

    @property
    def stages(self) -> tuple[tuple[Principal, ...], ...]:
        """Return who approves, one group after the other: just the approvers where the rule names no stages."""
        return self.approval.stages or (self.approvers,)

    @property
    def all_approvers(self) -> tuple[Principal, ...]:
        """Return who approves, in whichever stage."""
        return tuple(dict.fromkeys(entry for stage in self.stages for entry in stage))

    @property
    def approval_channel(self) -> ChannelId:
        """Return the channel that its requests are posted in."""
        return self.approval.channel or self.id

    def covers_website(self, website: WebsiteId) -> bool:
        """Check whether the channel may know of flows of `website`."""
        return self.websites == "all" or website in self.websites

    @property
    def named_websites(self) -> frozenset[WebsiteId] | None:
        """Return the websites that the policy names; None for all."""
        return None if self.websites == "all" else frozenset(self.websites)

    @property
    def is_open_to_everyone(self) -> bool:
        """Check whether everyone in the channel may view, so that a flow may be posted in it."""
        return EVERYONE in self.viewers


def names_everyone(policy: ChannelPolicy) -> bool:
    """Check whether the policy grants anything to everyone in the channel."""
    return EVERYONE in list_entitled(policy, Permission.VIEW)


def without_everyone(policy: ChannelPolicy) -> ChannelPolicy:
    """Return the policy for people outside the channel: only persons and groups that it lists count."""

    def name(entries: tuple[Principal, ...]) -> tuple[Principal, ...]:
        return tuple(entry for entry in entries if entry != EVERYONE)

    rule = policy.approval
    named = {"stages": tuple(map(name, rule.stages)), "escalate_to": name(rule.escalate_to)}
    roles = {"viewers": policy.viewers, "editors": policy.editors, "approvers": policy.approvers}
    approval = rule.model_copy(update=named)
    return policy.model_copy(update={role: name(entries) for role, entries in roles.items()} | {"approval": approval})


class PolicyBook(PolicyModel):
    """All policies, website names and freezes; what `policy import` reads and `policy export` writes."""

    websites: dict[
        Annotated[WebsiteId, Field(gt=0)], Annotated[str, Field(min_length=1, max_length=MAX_WEBSITE_NAME)]
    ] = Field(default_factory=dict)
    channels: tuple[ChannelPolicy, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    @model_validator(mode="after")
    def _require_unique_channels(self) -> Self:
        ids = [channel.id for channel in self.channels]
        twice = sorted({channel for channel in ids if ids.count(channel) > 1})
        if twice:
            raise ValueError(f"more than one policy for {', '.join(twice)}")
        return self

    def document(self) -> dict[str, Any]:
        """Return the book as plain data with the keys that were written, so that it reads back equal."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def groups(self) -> frozenset[GroupId]:
        """Return every user group that a policy lists."""
        named = (entry for policy in self.channels for entry in list_entitled(policy, Permission.VIEW))
        return frozenset(entry for entry in named if isinstance(entry, GroupId))

    def policy(self, channel: ChannelId) -> ChannelPolicy | None:
        """Return the policy of `channel`, or None."""
        return next((policy for policy in self.channels if policy.id == channel), None)


@dataclass(frozen=True, slots=True)
class WebsiteRename:
    """A website's name before and after it is edited; None where it has none."""

    website: WebsiteId
    before: str | None
    after: str | None


class Permission(StrEnum):
    """The permissions of a person in a channel."""

    VIEW = "view"
    SHARE = "share"
    EDIT = "edit"
    APPROVE = "approve"
    BREAK_GLASS = "break_glass"
    SETUP = "setup"


class Reason(StrEnum):
    """The reasons of decisions."""

    GRANTED = "granted"
    NO_POLICY = "no_policy"
    EXTERNAL = "external"
    INACTIVE = "inactive"
    NOT_LISTED = "not_listed"
    NOT_ADMIN = "not_admin"
    NOT_OPEN = "not_open"
    GUEST = "guest"
    UNCERTAIN = "uncertain"

    @property
    def key(self) -> str:
        """Return the message's key for people; there is none for GRANTED."""
        # Keys: denied.no_policy, denied.external, denied.inactive, denied.not_listed, denied.not_admin,
        # denied.not_open, denied.guest, denied.uncertain
        return f"denied.{self}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, as far as a decision needs to know them.

    Attributes:
        groups: Their user groups; None where Slack did not tell.
        is_external: Whether they are of another organisation.
        is_active: False for deactivated people and for bots.
        is_guest: Whether they are a guest, whom a policy has to name: "everyone" leaves them out.
    """

    user: UserId
    groups: frozenset[GroupId] | None = frozenset()
    is_admin: bool = False
    is_external: bool = False
    is_active: bool = True
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision with its reason, and the policy's entry that grants it (None where denied)."""

    allowed: bool
    reason: Reason
    basis: str | None = None


def decide(policy: ChannelPolicy | None, actor: Actor, permission: Permission) -> Decision:
    """Decide whether `actor` has `permission` under `policy`. Deny by default and in doubt.

    Editors and approvers may view too.
    """
    if (denial := _find_denial(policy, actor, permission)) is not None:
        return Decision(allowed=False, reason=denial)
    if policy is None or permission is Permission.SETUP:
        return Decision(allowed=True, reason=Reason.GRANTED, basis="admin")
    return decide_among(list_entitled(policy, permission), actor)


def decide_among(entries: Collection[Principal], actor: Actor) -> Decision:
    """Decide whether one of a policy's entries covers a person. Deny in doubt.

    Of the entries that do, the person's own counts as the basis, then everyone's, then a group's.
    """
    if (denial := _find_personal_denial(actor)) is not None:
        return Decision(allowed=False, reason=denial)
    groups = {entry for entry in entries if isinstance(entry, GroupId)}
    own_groups = sorted(groups & (actor.groups or frozenset()))
    everyone = () if actor.is_guest else (EVERYONE,)
    basis = next((entry for entry in (actor.user, *everyone, *own_groups) if entry in entries), None)
    if basis is not None:
        return Decision(allowed=True, reason=Reason.GRANTED, basis=str(basis))
    if groups and actor.groups is None:
        return Decision(allowed=False, reason=Reason.UNCERTAIN)
    return Decision(allowed=False, reason=Reason.GUEST if EVERYONE in entries else Reason.NOT_LISTED)


def list_entitled(policy: ChannelPolicy, permission: Permission) -> tuple[Principal, ...]:
    """List the policy's entries that grant a permission; SETUP is granted by none."""
    approvers = policy.all_approvers
    viewers = (*policy.viewers, *policy.editors, *approvers, *policy.approval.escalate_to)
    entries: dict[Permission, tuple[Principal, ...]] = {
        Permission.VIEW: viewers,
        Permission.SHARE: viewers,
        Permission.EDIT: policy.editors,
        Permission.APPROVE: approvers,
        Permission.BREAK_GLASS: policy.approval.break_glass,
    }
    return entries.get(permission, ())


def _find_denial(policy: ChannelPolicy | None, actor: Actor, permission: Permission) -> Reason | None:
    """Find what denies the permission whatever the policy's entries say; without a policy only SETUP is left."""
    if (denial := _find_personal_denial(actor)) is not None:
        return denial
    is_setup = permission is Permission.SETUP
    denials = {
        Reason.NOT_ADMIN: is_setup and not actor.is_admin,
        Reason.NO_POLICY: policy is None and not is_setup,
        Reason.NOT_OPEN: permission is Permission.SHARE and policy is not None and not policy.is_open_to_everyone,
    }
    return next((reason for reason, applies in denials.items() if applies), None)


def _find_personal_denial(actor: Actor) -> Reason | None:
    """Find what denies a person everything."""
    if actor.is_external:
        return Reason.EXTERNAL
    return None if actor.is_active else Reason.INACTIVE
