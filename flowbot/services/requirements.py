"""Requirements: how many approvals each stage of a request needs, by its audience and by who may approve."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from flowbot.domain.approval_rule import EVERYONE, ApprovalRule, Principal
from flowbot.domain.audience import find_segment, find_website
from flowbot.domain.change import Change, ChangeRequest
from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.domain.ids import UserId
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings, SettingsWrite
from flowbot.domain.late_effects import LATE_EFFECTS, find_late_edits
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.quorum import bound_quorums
from flowbot.domain.votes import Vote
from flowbot.errors import DependencyError, EnkapushFaultError, SlackFaultError
from flowbot.services.executor.rights import FINAL_SLACK_ERRORS
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.quorum import Fitness, QuorumChecker, list_fit, load_people
from flowbot.services.users import DECIDING_SECONDS

VOTE_SECONDS: Final = 1.0
"""A vote waits this long for the audience; then the one that is known counts until the change is written."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApprovalRequirements:
    """Finds the audience of a request, and how many approvals each stage needs for it.

    Attributes:
        flows: The source of flows as they are right before a write.
    """

    settings: FlowSettingsLoader
    flows: FlowSource
    quorum: QuorumChecker
    store: ChangeStore
    clock: Clock

    async def assess(self, change: Change, policy: ChannelPolicy, write: SettingsWrite | None = None) -> Change:
        """Return a request with the audience of its content, and the approvals that it needs before anybody votes.

        Args:
            change: the request, under a rule with the stages of the policy.
            policy: today's policy.
            write: what is about to be known of its flow, by another change.

        Raises:
            DependencyError: the database did not answer.
        """
        audience, quorums = await self.find_audience(change.request, write), tuple[int, ...]()
        if change.rule is not None:
            quorums = await self.find_quorums(policy, change.rule, change.request.requester, audience)
        return replace(change, progress=replace(change.progress, audience=audience, quorums=quorums, has_grown=False))

    async def find_audience(self, request: ChangeRequest, write: SettingsWrite | None = None) -> int | None:
        """Find the size of a request's audience, by what was read in the last minute.

        Args:
            request: the request.
            write: what is about to be known of its flow, by another change.

        Returns:
            None where these are all, or where that is not known soon.

        Raises:
            DependencyError: the database did not answer.
        """
        known, late = await self._load_known(request)
        known = known if write is None else known.after(write)
        segment = find_segment(request, known, request.before, late)
        if segment in {None, ALL_SUBSCRIBERS}:
            return None
        return await self.settings.segments.find_size(segment, find_website(request))

    async def read_audience(self, request: ChangeRequest) -> int | None:
        """Read the size of a request's audience from Enkapush, as it is now.

        A flow that was changed since its segment was set may have another: its audience is not known.

        Raises:
            DependencyError: Enkapush or the database did not answer.
        """
        known, late = await self._load_known(request)
        segment = find_segment(request, known, request.before, late)
        if segment in {None, ALL_SUBSCRIBERS}:
            return None
        size = await self.settings.segments.read_size(segment, find_website(request))
        is_sent = find_segment(request, NOTHING_KNOWN, None) is not None
        if size is None or is_sent or request.flow is None:
            return size
        # Read last: while Enkapush counts slowly somebody may set another segment.
        flow = await self.flows.get_flow(request.flow)
        return None if find_segment(request, known, flow or request.before) is None else size

    async def _load_known(self, request: ChangeRequest) -> tuple[KnownSettings, list[Change]]:
        """Load what is known of a request's flow, and the edits of it that may take effect yet.

        Raises:
            DependencyError: the database did not answer.
        """
        if request.flow is None:
            return NOTHING_KNOWN, []
        now = self.clock()
        async with self.store.snapshot():
            known = await self.settings.store.get(request.flow)
            writes = await self.store.sent_since(request.flow, now - LATE_EFFECTS)
        return known, find_late_edits(writes, now)

    async def renew(self, change: Change, policy: ChannelPolicy, votes: Sequence[Vote]) -> Change:
        """Return a waiting change with the approvals that it needs now.

        Where Enkapush does not answer in time, the audience that is known counts.

        Args:
            change: the change, under a rule with the stages of the policy.
            policy: today's policy.
            votes: the votes that count.

        Raises:
            DependencyError: the database did not answer.
        """
        rule, progress, quorums = change.rule, change.progress, tuple[int, ...]()
        if rule is not None and rule.quorum_over:
            try:
                async with asyncio.timeout(VOTE_SECONDS):
                    audience = await self.read_audience(change.request)
            except (EnkapushFaultError, TimeoutError) as error:
                log.warning("requirements.no_audience", change=change.id, error=str(error) or "slow")
                audience = progress.audience
            difference = rule.quorum_for(audience) - rule.quorum_for(progress.audience)
            has_grown = difference > 0 or (progress.has_grown and difference == 0)
            progress = replace(progress, audience=audience, has_grown=has_grown)
            quorums = await self.find_quorums(policy, rule, change.request.requester, audience, votes)
        return replace(change, progress=replace(progress, quorums=quorums))

    async def find_quorums(
        self,
        policy: ChannelPolicy,
        rule: ApprovalRule,
        requester: UserId,
        audience: int | None,
        votes: Sequence[Vote] = (),
        *,
        is_final: bool = False,
    ) -> tuple[int, ...]:
        """Find how many approvals each stage needs; nothing where the audience raises none of them.

        People are looked up only until there are enough of them.

        Args:
            policy: today's policy, whose stages count.
            rule: the rule that the request is approved by.
            requester: who asks, and is none of those who may approve.
            audience: the number of subscribers; None for all of them, or where that is not known.
            votes: the votes so far.
            is_final: whether the change is written next. Before, people whom Slack does not tell are no bound.

        Raises:
            DependencyError: Slack does not tell now who may approve, and the change is written next.
        """
        raised = rule.quorum_for(audience)
        if raised == rule.quorum:
            return ()
        able: list[frozenset[UserId] | None] = []
        for number, entries in enumerate(policy.stages, start=1):
            try:
                able.append(await self._find_able(entries, requester, raised * number, votes))
            except DependencyError as error:
                may_pass = not isinstance(error, SlackFaultError) or error.code not in FINAL_SLACK_ERRORS
                if is_final and may_pass:
                    raise
                log.warning("requirements.people_unknown", channel=policy.id, error=str(error))
                able.append(None)
        quorums = bound_quorums(rule.quorum, raised, able, votes)
        return quorums if max(quorums) > rule.quorum else ()

    async def _find_able(
        self, entries: Sequence[Principal], requester: UserId, enough: int, votes: Sequence[Vote]
    ) -> frozenset[UserId] | None:
        """Find people who may approve in a stage, those who voted first; None for everyone in the channel.

        Raises:
            DependencyError: Slack does not tell.
        """
        if EVERYONE in entries:
            return None
        named = await load_people(self.quorum.users, entries, within=DECIDING_SECONDS)
        voters = {vote.right_of or vote.person for vote in votes}
        first = [person for person in named if person in voters]
        others = (person for person in named if person != requester)
        wanted = enough + len(first)
        found = await self.quorum.find_fitness([*first, *others], wanted, within=DECIDING_SECONDS)
        fit = list_fit(found)
        if Fitness.UNKNOWN in found.values() and len(fit) < wanted:
            raise SlackFaultError("people unknown")
        return frozenset(fit - {requester})
