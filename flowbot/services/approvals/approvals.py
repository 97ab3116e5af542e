"""All that can be done with requests, by subject."""

from dataclasses import dataclass
from functools import partial

from flowbot.domain.change import Change
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import RequestAuthorizer
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.slack import Notifier
from flowbot.services.users import CurrentUser, MemberLookup


@dataclass(frozen=True, slots=True)
class ApprovalServices:
    """The use cases around requests."""

    changes: ChangeExecutor
    asking: RequestSubmitter
    deciding: DecisionService
    checking: Rechecker

    @classmethod
    def of(cls, changes: ChangeExecutor, source: FlowSource, members: MemberLookup) -> "ApprovalServices":
        """The use cases, joined.

        Args:
            changes: keeps and carries out changes.
            source: tells what flows are.
            members: who is in a channel at this moment, for a policy's "everyone in the channel" when somebody decides
                from elsewhere.
        """
        rights = RequestAuthorizer(changes.store, changes.policies, changes.users, changes.clock, members)
        return cls(
            changes,
            RequestSubmitter(changes, source, rights),
            DecisionService(changes, rights),
            Rechecker(changes, rights),
        )

    async def carry_out(self, change: Change, tell: Notifier, reader: CurrentUser | None = None) -> Change:
        """Do what was asked for, or decided, as far as it goes by itself, and tell how it ended.

        Args:
            change: one that this process holds, as it was given by what was asked or decided.
            tell: how to tell people.
            reader: who asked, where they did just now.

        Raises:
            DependencyError: the database did not answer, or it could not be told; it will be tried again.
        """
        return await self.changes.execute(change, tell, partial(_known, reader) if reader else None)


async def _known(reader: CurrentUser) -> CurrentUser:
    return reader
