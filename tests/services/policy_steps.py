"""Steps of tests with a channel's policy."""

from flowbot.domain.policy import ChannelPolicy
from flowbot.services.ports.policies import PolicyStore


async def replace_policy(store: PolicyStore, policy: ChannelPolicy) -> None:
    """Replace a channel's policy, whatever it is by then."""
    while not await store.replace_if_unchanged((await store.get_scope(policy.id)).policy, policy):
        pass
