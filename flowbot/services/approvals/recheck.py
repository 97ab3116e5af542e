"""Look again at a change whose outcome is not known."""

from dataclasses import dataclass

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import Permission
from flowbot.services.authorization import RequestAuthorizer, require_in_channel
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.preconditions import IN_FLIGHT_AT_MOST
from flowbot.services.users import CurrentUser


@dataclass(frozen=True, slots=True)
class Rechecker:
    """Looks once more."""

    executor: ChangeExecutor
    authorizer: RequestAuthorizer

    async def recheck(self, reader: CurrentUser, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Look once more what became of a change of which it is not known.

        Raises:
            UserError: not allowed.
            DependencyError: Enkapush or the database did not answer.
        """
        change = await self.authorizer.load_change(change_id)
        policy = await self.authorizer.get_policy_for(reader, change.request.channel, clicked_in)
        require_in_channel(policy, reader, Permission.EDIT, Permission.APPROVE)
        if change.state is not ChangeState.UNKNOWN:
            return change
        # Not counted from `sent_at`: who took the change over may have sent it once more.
        since = self.executor.clock() - change.changed_at
        return await self.executor.recheck(change, is_final=since > IN_FLIGHT_AT_MOST)
