"""Roles of the policy form: who holds one, to and from a policy's entries."""

from dataclasses import dataclass

from flowbot.domain.approval_rule import EVERYONE, Principal
from flowbot.domain.ids import GroupId, UserId


@dataclass(frozen=True, slots=True)
class PolicyRole:
    """The holders of a role."""

    everyone: bool = False
    people: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()

    @classmethod
    def from_principals(cls, entries: tuple[Principal, ...]) -> "PolicyRole":
        """Return the role as the form has it."""
        people = tuple(entry for entry in entries if isinstance(entry, UserId))
        groups = tuple(entry for entry in entries if isinstance(entry, GroupId))
        return cls(EVERYONE in entries, people, groups)

    @property
    def principals(self) -> tuple[Principal, ...]:
        """The role as a policy has it."""
        everyone: tuple[Principal, ...] = (EVERYONE,) if self.everyone else ()
        return (*everyone, *self.people, *self.groups)


@dataclass(frozen=True, slots=True)
class StageInput:
    """A stage of approvals: who approves in it.

    Attributes:
        key: Tells it from the form's others.
    """

    key: int
    role: PolicyRole = PolicyRole()

    @classmethod
    def list_stages(cls, stages: tuple[tuple[Principal, ...], ...]) -> tuple["StageInput", ...]:
        """Return the stages of a policy."""
        return tuple(cls(key, PolicyRole.from_principals(entries)) for key, entries in enumerate(stages))
