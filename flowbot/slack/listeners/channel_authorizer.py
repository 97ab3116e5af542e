"""Authorization for buttons that stand in another channel than the one whose policy decides."""

from dataclasses import dataclass, replace

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import Decision, Permission, Reason, decide
from flowbot.errors import Text, UserError
from flowbot.services.authorization import counts_in_full, decide_in_channel
from flowbot.services.ports.storage import PolicyStore
from flowbot.services.users import CurrentUser, UserService
from flowbot.slack.runner import Interaction
from flowbot.slack.views import sentences


@dataclass(frozen=True, slots=True)
class ChannelAuthorizer:
    """Moves an interaction to the channel that its button names, where the person is allowed to act there."""

    policies: PolicyStore
    users: UserService

    async def switch_channel(
        self, interaction: Interaction, channel: ChannelId | None, permission: Permission
    ) -> Interaction:
        """Return the interaction as one in `channel`; may ask Slack for the person's rights anew.

        Args:
            interaction: the press.
            channel: the channel that the button names; None for the one where it was pressed.
            permission: the permission that the button needs.

        Raises:
            UserError: not allowed there. What a policy grants to everyone in that channel needs membership.
            DependencyError: the database or Slack did not answer.
        """
        if channel is None or channel == interaction.target.channel:
            return interaction
        user = interaction.user
        decision = await self._decide(user, channel, permission)
        if not decision.allowed:
            # A right that was granted a moment ago counts here as it does in the channel itself.
            user = await self.users.reload_user(user)
            decision = await self._decide(user, channel, permission)
        if not decision.allowed:
            raise UserError(sentences.with_channel_name(Text(decision.reason.key), channel))
        return replace(interaction, user=user, target=replace(interaction.target, channel=channel))

    async def _decide(self, user: CurrentUser, channel: ChannelId, permission: Permission) -> Decision:
        policy, find_members = (await self.policies.get_scope(channel)).policy, self.users.find_members
        if policy is None or permission is not Permission.SHARE:
            return await decide_in_channel(policy, user, None, find_members, permission)
        # Nobody posts into a channel that they are not in, even if the policy names them.
        is_there = await counts_in_full(policy, user, None, find_members)
        return decide(policy, user.actor, permission) if is_there else Decision(allowed=False, reason=Reason.NOT_LISTED)
