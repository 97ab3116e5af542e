"""A channel's policy, put there by somebody whose screen is never out of date."""

from flowbot.domain.policy import ChannelPolicy
from flowbot.services.ports.storage import PolicyStore


async def put(store: PolicyStore, policy: ChannelPolicy) -> None:
    """Put it in the place of the one that is there, whichever that is by then."""
    while not await store.replace_if_unchanged((await store.get_scope(policy.id)).policy, policy):
        pass
