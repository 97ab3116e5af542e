"""Policy set-up: loads a channel's policy for the form, checks it and saves it."""

import asyncio
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import ChannelId, GroupId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, PolicyBook, decide
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.flow_cache import FlowCache
from flowbot.services.policy_checks import UNTOLD_KEY, PolicyChecker, PolicyField, UserGroup
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.storage import PolicyStore
from flowbot.services.quorum import QuorumChecker
from flowbot.services.ttl_cache import TtlCache
from flowbot.services.users import KEEP_SECONDS, CurrentUser, UserService

WEBSITES_SECONDS: Final = 1.5
"""The form waits this long for the websites that flows are on, beyond those that have a name."""

_FIRST_KEYS: Final = frozenset(
    {"id", "websites", "viewers", "editors", "approvers"}
    | {"required_for", "quorum", "self_approval", "expires_after_hours", "channel", "break_glass"}
)
"""The keys of a policy that the first version knew."""

log = structlog.get_logger(__name__)


class UserGroupRoster(Protocol):
    """The user groups, to choose from."""

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        """List every user group in use.

        Raises:
            DependencyError: Slack did not say.
        """


@dataclass(frozen=True, slots=True)
class PolicyFormData:
    """What the form is made of.

    Attributes:
        policy: The channel's policy as it is; None where it has none.
        websites: Those with a name, those that flows are on, those of the policy; in order of their names.
        groups: All user groups; None where Slack did not tell them.
    """

    policy: ChannelPolicy | None
    websites: Mapping[WebsiteId, str]
    groups: Mapping[GroupId, UserGroup] | None


@dataclass(frozen=True, slots=True)
class SavedPolicy:
    """The policy before and after it was saved, and whether the two differ."""

    before: ChannelPolicy | None
    after: ChannelPolicy
    is_new: bool


class PolicyRefusedError(Exception):
    """The policy could not work as it is. `problems` say why, by field."""

    def __init__(self, problems: Mapping[PolicyField, Text]) -> None:
        super().__init__(", ".join(f"{field}: {problem.key}" for field, problem in problems.items()))
        self.problems = problems


class PolicyChangedError(Exception):
    """Somebody has changed the policy since the form showed it; nothing was written."""


class PolicySetup:
    """The use cases of `/flows setup`.

    Args:
        policies: where policies are stored, with their audit trail.
        users: looks people up.
        roster: the user groups.
        flow_cache: the flows, whose websites may be chosen.
        clock: tells the time of an event.
        monotonic: seconds that only grow, for the age of what is cached.
    """

    def __init__(
        self,
        *,
        policies: PolicyStore,
        users: UserService,
        roster: UserGroupRoster,
        flow_cache: FlowCache,
        clock: Clock,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._policies = policies
        self._checker = PolicyChecker(users, QuorumChecker(users))
        self._roster = roster
        self._flow_cache = flow_cache
        self._clock = clock
        self._groups: TtlCache[str, Mapping[GroupId, UserGroup]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)

    def require_setup(self, user: CurrentUser) -> None:
        """Make sure that a person may set up channels.

        Raises:
            UserError: not allowed.
        """
        decision = decide(None, user.actor, Permission.SETUP)
        if not decision.allowed:
            raise UserError(decision.reason.key)

    async def load_form(self, channel: ChannelId) -> PolicyFormData:
        """Load what the form is made of.

        Raises:
            DependencyError: the database did not answer.
        """
        scope, groups, seen = await asyncio.gather(
            self._policies.get_scope(channel), self.find_groups(), self._find_websites_of_flows()
        )
        named = scope.policy.websites if scope.policy and scope.policy.websites != "all" else ()
        names = {website: str(website) for website in (*seen, *named)} | dict(scope.website_names)
        ordered = dict(sorted(names.items(), key=lambda item: (item[1].casefold(), item[0])))
        return PolicyFormData(scope.policy, ordered, groups)

    async def find_groups(self) -> Mapping[GroupId, UserGroup] | None:
        """Find all user groups, at most a minute old; None where Slack did not tell them."""
        try:
            return await self._groups.get("groups", self._roster.list_groups)
        except DependencyError as error:
            log.warning("setup_form.groups_untold", error=str(error))
            return None

    async def find_names(self, people: Iterable[UserId]) -> dict[UserId, str]:
        """Find the names of people; a person whom Slack does not tell goes by their id."""
        return await self._checker.users.find_names(people)

    async def require_workable(self, wanted: ChannelPolicy) -> None:
        """Make sure that a policy names only people whom it may, and that its requests can be approved.

        Raises:
            PolicyRefusedError: it does not, they cannot, or Slack did not tell.
        """
        if problems := await self._checker.find_problems(wanted, await self.find_groups()):
            raise PolicyRefusedError(problems)

    async def find_unapprovable(self, book: PolicyBook) -> tuple[ChannelId, ...]:
        """Find the channels whose requests nobody could ever approve, as far as Slack tells."""
        if (groups := await self.find_groups()) is None:
            return ()
        members = {group: found.members for group, found in groups.items()}
        problems = [await self._checker.find_approval_problem(policy, members) for policy in book.channels]
        return tuple(
            policy.id
            for policy, found in zip(book.channels, problems, strict=True)
            if any(problem.key != UNTOLD_KEY for problem in found.values())
        )

    async def save(self, user: CurrentUser, wanted: ChannelPolicy, seen: str) -> SavedPolicy:
        """Replace the policy that the form showed, whose `policy_fingerprint` is `seen`, with an audit event.

        Raises:
            UserError: not allowed.
            PolicyChangedError: it is another by now.
            DependencyError: the database did not answer.
        """
        self.require_setup(user)
        before = (await self._policies.get_scope(wanted.id)).policy
        if policy_fingerprint(before) == policy_fingerprint(wanted):
            return SavedPolicy(before, wanted, is_new=False)
        details = {"before": before and before.model_dump(mode="json"), "after": wanted.model_dump(mode="json")}
        event = AuditEvent(self._clock(), AuditAction.POLICY_CHANGED, user.id, wanted.id, details=details)
        is_current = policy_fingerprint(before) == seen
        if not is_current or not await self._policies.replace_if_unchanged(before, wanted, event):
            raise PolicyChangedError
        return SavedPolicy(before, wanted, is_new=True)

    async def close(self) -> None:
        """End running look-ups."""
        await self._groups.close()

    async def _find_websites_of_flows(self) -> set[WebsiteId]:
        """Find the websites that flows are on, as far as they are known soon enough."""
        try:
            async with asyncio.timeout(WEBSITES_SECONDS):
                flows = (await self._flow_cache.get_for_paging()).flows
        except (DependencyError, TimeoutError) as error:
            log.warning("setup_form.no_flows", error=str(error) or "slow")
            return set()
        return {entry.flow.website_id for entry in flows if entry.flow.website_id > 0}


def policy_fingerprint(policy: ChannelPolicy | None) -> str:
    """Return a short text that is the same for policies that mean the same, however they were written."""
    if policy is None:
        return hashlib.sha256(b"").hexdigest()[:32]
    plain = policy.model_dump(mode="json")
    plain |= plain.pop("approval") | {"channel": str(approval_channel(policy))}
    set_keys = policy.model_dump(mode="json", exclude_defaults=True)
    set_keys |= set_keys.pop("approval", {})
    # Neither order nor repetition in a list matters, nor a default of a key that forms opened earlier do not know.
    meaning = {
        key: sorted(set(value)) if isinstance(value, list) else value
        for key, value in plain.items()
        if key in _FIRST_KEYS or key in set_keys
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:32]


def approval_channel(policy: ChannelPolicy) -> ChannelId:
    """Return the channel where requests are posted."""
    return policy.approval.channel or policy.id
