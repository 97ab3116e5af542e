"""Policy set-up: loads a channel's policy for the form, checks it and saves it."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.draft import PolicyDraft
from flowbot.domain.freezes import Freeze, find_endless
from flowbot.domain.ids import ChannelId, FormToken, GroupId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, PolicyBook, WebsiteRename, decide
from flowbot.domain.website_names import find_name_problems
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.flow_cache import FlowCache
from flowbot.services.policy_checks import PolicyChecker, PolicyField
from flowbot.services.policy_fingerprint import policy_fingerprint
from flowbot.services.ports import Clock
from flowbot.services.ports.form_storage import PolicyDraftStore
from flowbot.services.ports.policies import FreezeReplacement, PolicyStore
from flowbot.services.ports.slack import UserGroup
from flowbot.services.quorum import QuorumChecker
from flowbot.services.users import DECIDING_SECONDS, CurrentUser, UserService

WEBSITES_SECONDS: Final = 1.5
"""The form waits this long for the websites that flows are on, beyond those that have a name."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PolicyFormData:
    """What the form is made of.

    Attributes:
        policy: The channel's policy as it is; None where it has none.
        websites: Those with a name, those that flows are on, those of the policy; in order of their names.
        groups: All user groups; None where Slack did not tell them.
        names: The names that websites were given.
        others: The other channels with a policy, where this one has none yet.
        freezes: Those that cover the channel, its own among them.
        are_flows_known: Whether the websites that flows are on are among them: Enkapush may not tell.
    """

    policy: ChannelPolicy | None
    websites: Mapping[WebsiteId, str]
    groups: Mapping[GroupId, UserGroup] | None
    names: Mapping[WebsiteId, str] = field(default_factory=dict)
    others: tuple[ChannelId, ...] = ()
    are_flows_known: bool = True
    freezes: tuple[Freeze, ...] = ()

    def list_own_freezes(self, channel: ChannelId) -> tuple[Freeze, ...]:
        """List the freezes of the channel that are of no other."""
        return tuple(freeze for freeze in self.freezes if freeze.is_own_of(channel))


@dataclass(frozen=True, slots=True)
class SavedPolicy:
    """The policy before and after it was saved, and whether anything is new.

    Attributes:
        renames: Those of its websites.
        freezes: The channel's own; None where they stay.
    """

    before: ChannelPolicy | None
    after: ChannelPolicy
    is_new: bool
    renames: tuple[WebsiteRename, ...] = ()
    freezes: FreezeReplacement | None = None


class PolicyRefusedError(Exception):
    """The policy could not work as it is. `problems` say why, by field."""

    def __init__(self, problems: Mapping[PolicyField, Text]) -> None:
        super().__init__(", ".join(f"{field}: {problem.key}" for field, problem in problems.items()))
        self.problems = problems


class PolicyChangedError(Exception):
    """Somebody has changed the policy, or a name, since the form showed it; nothing was written."""


class PolicySetup:
    """The use cases of `/flows setup`.

    Args:
        policies: where policies are stored, with their audit trail.
        drafts: where forms are stored that are not saved yet.
        users: looks people up.
        flow_cache: the flows, whose websites may be chosen.
        clock: tells the time of an event.
    """

    def __init__(
        self,
        *,
        policies: PolicyStore,
        drafts: PolicyDraftStore,
        users: UserService,
        flow_cache: FlowCache,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._drafts = drafts
        self._checker = PolicyChecker(users, QuorumChecker(users))
        self._flow_cache = flow_cache
        self._clock = clock

    async def load_draft(self, user: UserId, token: FormToken) -> PolicyDraft:
        """Load what a person has chosen in all steps of a form.

        Raises:
            UserError: it is not stored any more, or it is somebody else's.
            DependencyError: the database did not answer.
        """
        draft = await self._drafts.get(token)
        if draft is None or draft.user != user:
            raise UserError("setup.draft_gone")
        return draft

    async def save_draft(self, user: UserId, token: FormToken, channel: ChannelId, typed: Mapping[str, Any]) -> None:
        """Store what a form shows at first, or what is chosen in it by now.

        Raises:
            DependencyError: the database did not answer.
        """
        await self._drafts.save(PolicyDraft(token, user, channel, typed, self._clock()))

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
        names = {website: str(website) for website in (*(seen or ()), *named)} | dict(scope.website_names)
        ordered = dict(sorted(names.items(), key=lambda item: (item[1].casefold(), item[0])))
        others = () if scope.policy else await self._list_other_channels(channel)
        return PolicyFormData(
            scope.policy, ordered, groups, scope.website_names, others, seen is not None, scope.freezes
        )

    async def find_policy(self, channel: ChannelId) -> ChannelPolicy | None:
        """Find the policy of another channel, to start with.

        Raises:
            DependencyError: the database did not answer.
        """
        return (await self._policies.get_scope(channel)).policy

    async def find_groups(self, within: float | None = None) -> Mapping[GroupId, UserGroup] | None:
        """Find all user groups, at most a minute old, or `within` seconds; None where Slack did not tell them."""
        try:
            return await self._checker.users.load_user_groups(within=within)
        except DependencyError as error:
            log.warning("setup_form.groups_untold", error=str(error))
            return None

    async def find_group_names(self) -> dict[GroupId, str]:
        """Find the names of all user groups; of none where Slack did not tell them."""
        return {group: found.name for group, found in (await self.find_groups() or {}).items()}

    async def find_names(self, people: Iterable[UserId]) -> dict[UserId, str]:
        """Find the names of people; a person whom Slack does not tell goes by their id."""
        return await self._checker.users.find_names(people)

    async def find_people_problems(self, wanted: ChannelPolicy) -> Mapping[PolicyField, Text]:
        """Find the fields with people and groups who cannot be chosen, or of whom Slack did not tell."""
        return await self._checker.find_people_problems(wanted, await self.find_groups())

    async def find_taken_name(self, channel: ChannelId, renames: Iterable[WebsiteRename]) -> Mapping[PolicyField, Text]:
        """Find the first new name that means another website, too.

        Raises:
            DependencyError: the database did not answer.
        """
        names = dict((await self._policies.get_scope(channel)).website_names)
        # The new ones last: of two that look alike the new one is wrong.
        new = {each.website: each.after for each in renames if each.after and each.before != each.after}
        kept = {website: name for website, name in names.items() if website not in new}
        wrong = next((website for website in find_name_problems(kept | new) if website in new), None)
        return {} if wrong is None else {PolicyField.NAMES: Text("setup.problem_name_taken", {"name": new[wrong]})}

    async def require_workable(self, wanted: ChannelPolicy) -> None:
        """Make sure that a policy names only people whom it may, and that its requests can be approved.

        Raises:
            PolicyRefusedError: it does not, they cannot, or Slack did not tell.
        """
        if problems := await self._checker.find_problems(wanted, await self.find_groups(DECIDING_SECONDS)):
            raise PolicyRefusedError(problems)

    async def find_unapprovable(self, book: PolicyBook) -> tuple[ChannelId, ...]:
        """Find the channels whose requests nobody could ever approve, as far as Slack tells."""
        if (groups := await self.find_groups()) is None:
            return ()
        members = {group: found.members for group, found in groups.items()}
        return tuple(await self._checker.find_unapprovable(book.channels, members))

    async def require_ends(self, channel: ChannelId, own: Collection[Freeze] | None) -> None:
        """Make sure that with a channel's new own freezes something may go live within a year; None for no new ones.

        Raises:
            PolicyRefusedError: nothing would.
            DependencyError: the database did not answer.
        """
        if own is None:
            return
        freezes = (await self._policies.get_scope(channel)).freezes
        endless = find_endless([*(freeze for freeze in freezes if not freeze.is_own_of(channel)), *own])
        if endless is not None:
            raise PolicyRefusedError({PolicyField.FREEZES: Text("setup.problem_freeze_endless", {"name": endless})})

    async def save(
        self,
        user: CurrentUser,
        wanted: ChannelPolicy,
        seen: str,
        renames: Iterable[WebsiteRename] = (),
        freezes: tuple[Freeze, ...] | None = None,
    ) -> SavedPolicy:
        """Replace the policy that the form showed, whose `policy_fingerprint` is `seen`, with an audit event.

        Args:
            user: who saves it.
            wanted: the new policy.
            seen: the fingerprint.
            renames: the names of websites that the form showed, and those that take their place.
            freezes: the channel's new own ones; None where they stay.

        Raises:
            UserError: not allowed.
            PolicyChangedError: it is another by now, or a website was given another name.
            DependencyError: the database did not answer.
        """
        self.require_setup(user)
        scope = await self._policies.get_scope(wanted.id)
        before, is_same = scope.policy, policy_fingerprint(scope.policy) == policy_fingerprint(wanted)
        own = tuple(freeze for freeze in scope.freezes if freeze.is_own_of(wanted.id))
        replacement = None if freezes in {None, own} else FreezeReplacement(own, freezes or ())
        new_names = tuple(
            each for each in renames if each.before != each.after != scope.website_names.get(each.website)
        )
        if is_same and not new_names and replacement is None:
            return SavedPolicy(before, wanted, is_new=False)
        details: dict[str, Any] = {
            "before": before and before.model_dump(mode="json"),
            "after": wanted.model_dump(mode="json"),
        }
        if new_names:
            details["websites"] = {
                str(each.website): {"before": each.before, "after": each.after} for each in new_names
            }
        if replacement is not None:
            details["freezes"] = {
                name: [freeze.document() for freeze in getattr(replacement, name)] for name in ("before", "after")
            }
        event = AuditEvent(self._clock(), AuditAction.POLICY_CHANGED, user.id, wanted.id, details=details)
        is_current = (is_same and replacement is None) or policy_fingerprint(before, own) == seen
        policy = before if before and is_same else wanted
        if not is_current or not await self._policies.replace_if_unchanged(
            before, policy, event, renames=new_names, freezes=replacement
        ):
            raise PolicyChangedError
        return SavedPolicy(before, wanted, is_new=True, renames=new_names, freezes=replacement)

    async def _list_other_channels(self, channel: ChannelId) -> tuple[ChannelId, ...]:
        try:
            book = await self._policies.get_book()
        except DependencyError as error:
            # A policy of a newer flowbot's, perhaps: the form does without.
            log.warning("setup_form.no_other_channels", error=str(error))
            return ()
        return tuple(policy.id for policy in book.channels if policy.id != channel)

    async def _find_websites_of_flows(self) -> set[WebsiteId] | None:
        """Find the websites that flows are on; None where they are not known soon enough."""
        try:
            async with asyncio.timeout(WEBSITES_SECONDS):
                flows = (await self._flow_cache.get_for_paging()).flows
        except (DependencyError, TimeoutError) as error:
            log.warning("setup_form.no_flows", error=str(error) or "slow")
            return None
        return {entry.flow.website_id for entry in flows if entry.flow.website_id > 0}
