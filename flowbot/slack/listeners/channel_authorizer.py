"""Authorization for buttons that stand in another channel than the one whose policy decides."""

from dataclasses import dataclass, replace

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import Permission, Reason, decide
from flowbot.errors import Text, UserError
from flowbot.services.authorization import counts_in_full, decide_in_channel, explain_denial
from flowbot.services.ports.policies import PolicyStore
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
        denial = await self._find_denial(user, channel, permission)
        if denial is not None:
            # A right that was granted a moment ago counts here as it does in the channel itself.
            user = await self.users.reload_user(user)
            denial = await self._find_denial(user, channel, permission)
        if denial is not None:
            raise UserError(sentences.with_channel_name(denial, channel))
        return replace(interaction, user=user).in_channel(channel)

    async def _find_denial(self, user: CurrentUser, channel: ChannelId, permission: Permission) -> Text | None:
        policy, find_members = (await self.policies.get_scope(channel)).policy, self.users.find_members
        if policy is None or permission is not Permission.SHARE:
            decision = await decide_in_channel(policy, user, None, find_members, permission)
        elif await counts_in_full(policy, user, None, find_members):
            decision = decide(policy, user.actor, permission)
        else:
            # Nobody posts into a channel that they are not in, even if the policy names them.
            return Text(Reason.NOT_LISTED.key)
        return None if decision.allowed else explain_denial(decision, policy, permission)
