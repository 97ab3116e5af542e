"""Fingerprints of a channel's rules, which say whether somebody changed them meanwhile."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy

_FIRST_KEYS: Final = frozenset(
    {"id", "websites", "viewers", "editors", "approvers"}
    | {"required_for", "quorum", "self_approval", "expires_after_hours", "channel", "break_glass"}
)
"""The keys of a policy that the first version knew."""


def policy_fingerprint(policy: ChannelPolicy | None, freezes: Iterable[Freeze] = ()) -> str:
    """Return a short text that is the same for policies that mean the same, however they were written.

    Args:
        policy: the policy; None where a channel has none.
        freezes: the channel's own.
    """
    documents = [freeze.document() for freeze in freezes]
    if policy is None and not documents:
        return hashlib.sha256(b"").hexdigest()[:32]
    if policy is None:
        return _hash({"freezes": documents})
    plain = policy.model_dump(mode="json")
    plain |= plain.pop("approval") | {"channel": str(approval_channel(policy))}
    set_keys = policy.model_dump(mode="json", exclude_defaults=True)
    set_keys |= set_keys.pop("approval", {})
    # Neither order nor repetition in a list matters, nor a default of a key that forms opened earlier do not know.
    # Stages follow one another: their order matters, that of the people in each does not.
    plain["stages"] = {str(number): _simplify(stage) for number, stage in enumerate(plain["stages"])}
    meaning = {key: _simplify(value) for key, value in plain.items() if key in _FIRST_KEYS or key in set_keys}
    return _hash(meaning | ({"freezes": documents} if documents else {}))


def _simplify(value: Any) -> Any:
    return sorted(set(value)) if isinstance(value, list) else value


def _hash(meaning: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:32]


def approval_channel(policy: ChannelPolicy) -> ChannelId:
    """Return the channel where requests are posted."""
    return policy.approval_channel
