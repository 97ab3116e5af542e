"""Finding out what became of a change."""

from dataclasses import dataclass

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import Permission
from flowbot.services.approvals.rights import Rights, require_there
from flowbot.services.changes import Changes
from flowbot.services.people import Reader
from flowbot.services.under_way import SETTLES_AFTER


@dataclass(frozen=True, slots=True)
class Checking:
    """Looks once more."""

    changes: Changes
    rights: Rights

    async def check_again(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Look once more what became of a change of which it is not known.

        Raises:
            UserError: not allowed.
            Fault: Enkapush or the database did not answer.
        """
        change = await self.rights.change(change_id)
        policy = await self.rights.policy_for(reader, change.asked.channel, clicked_in)
        require_there(policy, reader, Permission.EDIT, Permission.APPROVE)
        if change.state is not ChangeState.UNKNOWN:
            return change
        # Not counted from `sent_at`: who took the change over may have sent it once more.
        since = self.changes.clock() - change.changed_at
        return await self.changes.look_again(change, is_final=since > SETTLES_AFTER)
