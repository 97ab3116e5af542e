"""Channel policy: who may do what with which websites' flows, and the pure decision about it.

The shape is in README, "Channel policy": a book of channel policies and website names, which a person may keep as TOML.
Whatever was not written is not invented when the book is written out again: unset keys stay unset
(`PolicyBook.document`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowbot.domain.ids import ChannelId, GroupId, UserId, WebsiteId, WebsiteNumber

EVERYONE: Final = "*"

Principal = Literal["*"] | UserId | GroupId
"""`"*"` is everyone in the channel, `U…`/`W…` a person, `S…` a user group."""


class Gate(StrEnum):
    """What a policy may put behind an approval."""

    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    EDIT_ENABLED = "edit_enabled"


ALWAYS_GATED: Final = frozenset({Gate.ENABLE, Gate.DELETE})
MAX_QUORUM: Final = 100
MAX_EXPIRY_HOURS: Final = 8760


class _Written(BaseModel):
    """A part of the book as somebody wrote it: frozen, and with no key that flowbot does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ApprovalRule(_Written):
    """How a channel's requests are approved."""

    required_for: tuple[Gate, ...] = (Gate.ENABLE, Gate.DELETE, Gate.EDIT_ENABLED)
    quorum: Annotated[int, Field(strict=True, ge=1, le=MAX_QUORUM)] = 1
    self_approval: Annotated[bool, Field(strict=True)] = False
    expires_after_hours: Annotated[int, Field(strict=True, ge=1, le=MAX_EXPIRY_HOURS)] = 72
    channel: ChannelId | None = None
    break_glass: tuple[UserId, ...] = ()

    @model_validator(mode="after")
    def _gates_that_stay(self) -> Self:
        missing = sorted(ALWAYS_GATED - set(self.required_for))
        if missing:
            raise ValueError(f"required_for cannot leave out {' and '.join(map(repr, map(str, missing)))}")
        return self


class ChannelPolicy(_Written):
    """What one channel may do. A channel without a policy can do nothing."""

    id: ChannelId
    websites: tuple[WebsiteNumber, ...] | Literal["all"]
    viewers: tuple[Principal, ...] = ()
    editors: tuple[Principal, ...] = ()
    approvers: tuple[Principal, ...] = ()
    approval: ApprovalRule = ApprovalRule()

    def covers_website(self, website: WebsiteId) -> bool:
        """Whether flows of `website` exist at all as far as this channel is concerned."""
        return self.websites == "all" or website in self.websites

    @property
    def is_open_to_everyone(self) -> bool:
        """Whether everyone in the channel may view, so that a flow may be posted for all to see."""
        return EVERYONE in self.viewers


def names_everyone(policy: ChannelPolicy) -> bool:
    """Whether some right is everyone's in the channel."""
    return EVERYONE in (*policy.viewers, *policy.editors, *policy.approvers)


def without_everyone(policy: ChannelPolicy) -> ChannelPolicy:
    """The policy as it is for somebody who is not in the channel: they have to be named, or be in a group that is."""
    roles = {"viewers": policy.viewers, "editors": policy.editors, "approvers": policy.approvers}
    named = {role: tuple(entry for entry in entries if entry != EVERYONE) for role, entries in roles.items()}
    return policy.model_copy(update=named)


class PolicyBook(_Written):
    """All policies and the names of the websites; what `policy import` reads and `policy export` writes."""

    websites: dict[Annotated[WebsiteId, Field(gt=0)], Annotated[str, Field(min_length=1, max_length=75)]] = {}
    channels: tuple[ChannelPolicy, ...] = ()

    @model_validator(mode="after")
    def _one_policy_a_channel(self) -> Self:
        ids = [channel.id for channel in self.channels]
        twice = sorted({channel for channel in ids if ids.count(channel) > 1})
        if twice:
            raise ValueError(f"more than one policy for {', '.join(twice)}")
        return self

    def document(self) -> dict[str, Any]:
        """The book as plain data, with just the keys that were written: reading it again gives an equal book."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def groups(self) -> frozenset[GroupId]:
        """Every user group that some policy names."""
        named = (entry for policy in self.channels for entry in (*policy.viewers, *policy.editors, *policy.approvers))
        return frozenset(entry for entry in named if isinstance(entry, GroupId))

    def policy(self, channel: ChannelId) -> ChannelPolicy | None:
        """The policy of `channel`, or None where it has none."""
        return next((policy for policy in self.channels if policy.id == channel), None)


class Permission(StrEnum):
    """What a person may be allowed to do in a channel."""

    VIEW = "view"
    SHARE = "share"
    EDIT = "edit"
    APPROVE = "approve"
    BREAK_GLASS = "break_glass"
    SETUP = "setup"


class Reason(StrEnum):
    """Why a decision is as it is."""

    GRANTED = "granted"
    NO_POLICY = "no_policy"
    EXTERNAL = "external"
    INACTIVE = "inactive"
    NOT_LISTED = "not_listed"
    NOT_ADMIN = "not_admin"
    NOT_OPEN = "not_open"
    UNCERTAIN = "uncertain"

    @property
    def key(self) -> str:
        """The id of its words for people in the locales; who is granted something is told none."""
        return f"denied.{self}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as far as a decision needs to know them.

    `groups` holds the user groups they are in, or None when that could not be found out; `is_external` means of another
    organisation; `is_active` is false for deactivated people and for bots.
    """

    user: UserId
    groups: frozenset[GroupId] | None = frozenset()
    is_admin: bool = False
    is_external: bool = False
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer with its reason, and with the entry of the policy that it rests on (None where nothing granted it)."""

    allowed: bool
    reason: Reason
    basis: str | None = None


def decide(policy: ChannelPolicy | None, actor: Actor, permission: Permission) -> Decision:
    """Whether `actor` may do `permission` under `policy`. Default deny; what is uncertain is denied.

    Roles include what they need: who may edit or approve may view too.
    """
    if (obstacle := _obstacle(policy, actor, permission)) is not None:
        return Decision(allowed=False, reason=obstacle)
    if permission is Permission.SETUP:
        return Decision(allowed=True, reason=Reason.GRANTED, basis="admin")
    return _listed(_entitled(policy)[permission] if policy else (), actor)


def _obstacle(policy: ChannelPolicy | None, actor: Actor, permission: Permission) -> Reason | None:
    """What forbids it before anybody's name is looked up."""
    setup = permission is Permission.SETUP
    obstacles = {
        Reason.EXTERNAL: actor.is_external,
        Reason.INACTIVE: not actor.is_active,
        Reason.NOT_ADMIN: setup and not actor.is_admin,
        Reason.NO_POLICY: policy is None and not setup,
        Reason.NOT_OPEN: permission is Permission.SHARE and policy is not None and not policy.is_open_to_everyone,
    }
    return next((reason for reason, stands in obstacles.items() if stands), None)


def _entitled(policy: ChannelPolicy) -> Mapping[Permission, tuple[Principal, ...]]:
    """The entries that grant each permission."""
    view = policy.viewers + policy.editors + policy.approvers
    return {
        Permission.VIEW: view,
        Permission.SHARE: view,
        Permission.EDIT: policy.editors,
        Permission.APPROVE: policy.approvers,
        Permission.BREAK_GLASS: policy.approval.break_glass,
    }


def _listed(entries: tuple[Principal, ...], actor: Actor) -> Decision:
    """Whether one of `entries` names the actor: as a person first, then everyone, then a group."""
    groups = {entry for entry in entries if isinstance(entry, GroupId)}
    mine = sorted(groups & (actor.groups or frozenset()))
    basis = next((entry for entry in (actor.user, EVERYONE) if entry in entries), mine[0] if mine else None)
    if basis is not None:
        return Decision(allowed=True, reason=Reason.GRANTED, basis=str(basis))
    reason = Reason.UNCERTAIN if groups and actor.groups is None else Reason.NOT_LISTED
    return Decision(allowed=False, reason=reason)
