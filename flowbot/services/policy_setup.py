"""Policy set-up: load a channel's policy for the form, check it and save it."""

import asyncio
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import ChannelId, GroupId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.flow_cache import FlowCache
from flowbot.services.policy_checks import PolicyChecker, PolicyField, UserGroup
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.storage import PolicyStore
from flowbot.services.ttl_cache import TtlCache
from flowbot.services.users import KEEP_SECONDS, CurrentUser, UserService

WEBSITES_SECONDS: Final = 1.5
"""How long the form waits for the websites that flows are on, beyond those that have a name."""


log = structlog.get_logger(__name__)


class UserGroupRoster(Protocol):
    """The user groups, to choose from."""

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        """Every user group in use.

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
    """What came of saving: the policy before and after, and whether they differ at all."""

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
        policies: where they are kept, with the audit trail of them.
        people: who somebody is.
        roster: the user groups.
        catalog: the flows, whose websites may be chosen.
        clock: tells the time of an event.
        monotonic: seconds that only grow, for the age of what is kept.
    """

    def __init__(
        self,
        *,
        policies: PolicyStore,
        people: UserService,
        roster: UserGroupRoster,
        catalog: FlowCache,
        clock: Clock,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._policies = policies
        self._check = PolicyChecker(people)
        self._roster = roster
        self._catalog = catalog
        self._clock = clock
        self._groups: TtlCache[str, Mapping[GroupId, UserGroup]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)

    def require_setup(self, reader: CurrentUser) -> None:
        """Make sure that `reader` may set up channels.

        Raises:
            UserError: not allowed.
        """
        decision = decide(None, reader.actor, Permission.SETUP)
        if not decision.allowed:
            raise UserError(decision.reason.key)

    async def load_form(self, channel: ChannelId) -> PolicyFormData:
        """What the form is made of.

        Raises:
            DependencyError: the database did not answer.
        """
        scope, groups, seen = await asyncio.gather(
            self._policies.get_scope(channel), self.find_groups(), self._websites_of_flows()
        )
        named = scope.policy.websites if scope.policy and scope.policy.websites != "all" else ()
        names = {website: str(website) for website in (*seen, *named)} | dict(scope.website_names)
        ordered = dict(sorted(names.items(), key=lambda item: (item[1].casefold(), item[0])))
        return PolicyFormData(scope.policy, ordered, groups)

    async def find_groups(self) -> Mapping[GroupId, UserGroup] | None:
        """All user groups, at most a minute old; None where Slack did not tell them."""
        try:
            return await self._groups.get("groups", self._roster.list_groups)
        except DependencyError as fault:
            log.warning("setup_form.groups_untold", error=str(fault))
            return None

    async def find_names(self, people: Iterable[UserId]) -> dict[UserId, str]:
        """The names of `people`; who Slack does not tell goes by their id."""
        users = list(people)
        return dict(zip(users, await asyncio.gather(*map(self._check.find_name, users)), strict=True))

    async def require_workable(self, wanted: ChannelPolicy) -> None:
        """Make sure that a policy names only whom it may, and that its requests can be approved.

        Raises:
            Refused: it does not, they cannot, or Slack did not tell.
        """
        if problems := await self._check.find_problems(wanted, await self.find_groups()):
            raise PolicyRefusedError(problems)

    async def save(self, reader: CurrentUser, wanted: ChannelPolicy, seen: str) -> SavedPolicy:
        """Replace the policy that the form showed, whose `policy_fingerprint` is `seen`, and note who did it.

        Raises:
            UserError: not allowed.
            Overtaken: it is another by now.
            DependencyError: the database did not answer.
        """
        self.require_setup(reader)
        before = (await self._policies.get_scope(wanted.id)).policy
        if policy_fingerprint(before) == policy_fingerprint(wanted):
            return SavedPolicy(before, wanted, is_new=False)
        if policy_fingerprint(before) != seen or not await self._policies.replace_if_unchanged(
            before, wanted, self._event(reader, before, wanted)
        ):
            raise PolicyChangedError
        return SavedPolicy(before, wanted, is_new=True)

    async def close(self) -> None:
        """End what is under way."""
        await self._groups.close()

    def _event(self, reader: CurrentUser, before: ChannelPolicy | None, after: ChannelPolicy) -> AuditEvent:
        details = {"before": before and before.model_dump(mode="json"), "after": after.model_dump(mode="json")}
        return AuditEvent(self._clock(), AuditAction.POLICY_CHANGED, reader.id, after.id, details=details)

    async def _websites_of_flows(self) -> set[WebsiteId]:
        """The websites that flows are on, as far as that is known soon enough."""
        try:
            async with asyncio.timeout(WEBSITES_SECONDS):
                flows = (await self._catalog.get_for_paging()).flows
        except (DependencyError, TimeoutError) as error:
            log.warning("setup_form.no_flows", error=str(error) or "slow")
            return set()
        return {entry.flow.website_id for entry in flows if entry.flow.website_id > 0}


def policy_fingerprint(policy: ChannelPolicy | None) -> str:
    """A short text that is the same for policies that mean the same, however they were written."""
    plain = "" if policy is None else json.dumps(_meaning(policy), sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def approval_channel(policy: ChannelPolicy) -> ChannelId:
    """Where requests are posted."""
    return policy.approval.channel or policy.id


def _meaning(policy: ChannelPolicy) -> dict[str, Any]:
    """The policy as plain data, in which only what matters differs: no order, nothing twice, nothing unsaid."""
    plain = policy.model_dump(mode="json")
    plain |= plain.pop("approval") | {"channel": str(approval_channel(policy))}
    return {key: sorted(set(value)) if isinstance(value, list) else value for key, value in plain.items()}
