"""All that can be done with requests, by subject."""

from dataclasses import dataclass
from functools import partial

from flowbot.domain.change import Change
from flowbot.services.approvals.asking import Asking
from flowbot.services.approvals.checking import Checking
from flowbot.services.approvals.deciding import Deciding
from flowbot.services.approvals.rights import Rights
from flowbot.services.changes import Changes
from flowbot.services.people import Members, Reader
from flowbot.services.ports.flows import FlowSource
from flowbot.services.ports.people import Teller


@dataclass(frozen=True, slots=True)
class Approvals:
    """The use cases around requests."""

    changes: Changes
    asking: Asking
    deciding: Deciding
    checking: Checking

    @classmethod
    def of(cls, changes: Changes, source: FlowSource, members: Members) -> "Approvals":
        """The use cases, joined.

        Args:
            changes: keeps and carries out changes.
            source: tells what flows are.
            members: who is in a channel at this moment, for a policy's "everyone in the channel" when somebody decides
                from elsewhere.
        """
        rights = Rights(changes, members)
        return cls(changes, Asking(changes, source, rights), Deciding(changes, rights), Checking(changes, rights))

    async def carry_out(self, change: Change, tell: Teller, reader: Reader | None = None) -> Change:
        """Do what was asked for, or decided, as far as it goes by itself, and tell how it ended.

        Args:
            change: one that this process holds, as it was given by what was asked or decided.
            tell: how to tell people.
            reader: who asked, where they did just now.

        Raises:
            Fault: the database did not answer, or it could not be told; it will be tried again.
        """
        return await self.changes.carry_out(change, tell, partial(_known, reader) if reader else None)


async def _known(reader: Reader) -> Reader:
    return reader
