"""What becomes of the channels when all policies are replaced at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy, PolicyBook


@dataclass(frozen=True, slots=True)
class Replacement:
    """The channels whose policy is new, another, gone, or the same as before, each in the order of its book."""

    added: tuple[ChannelId, ...]
    changed: tuple[ChannelId, ...]
    removed: tuple[ChannelId, ...]
    same: tuple[ChannelId, ...]

    @property
    def takes_all(self) -> bool:
        """Whether there were policies and there is none any more."""
        return bool(self.removed) and not (self.added or self.changed or self.same)

    def __str__(self) -> str:
        parts = (("added", self.added), ("changed", self.changed), ("removed", self.removed))
        said = [f"{len(channels)} {what} ({', '.join(channels)})" for what, channels in parts if channels]
        return ", ".join([*said, f"{len(self.same)} as before"])


def replacement(before: PolicyBook, after: PolicyBook) -> Replacement:
    """What it means for the channels to put `after` in the place of `before`."""
    old = {policy.id: policy for policy in before.channels}
    new = {policy.id: policy for policy in after.channels}
    return Replacement(
        added=tuple(channel for channel in new if channel not in old),
        changed=tuple(channel for channel in new if channel in old and new[channel] != old[channel]),
        removed=tuple(channel for channel in old if channel not in new),
        same=tuple(channel for channel in new if old.get(channel) == new[channel]),
    )


def told(before: PolicyBook, after: PolicyBook, done: Replacement) -> Mapping[str, Any]:
    """What the audit says of it: the rules that came and went, and of a changed policy what is different now."""
    old = {policy.id: _rules(policy) for policy in before.channels}
    new = {policy.id: _rules(policy) for policy in after.channels}
    return {
        "channels": [str(channel) for channel in new],
        "added": {str(channel): new[channel] for channel in done.added},
        "changed": {str(channel): _differences(old[channel], new[channel]) for channel in done.changed},
        "removed": {str(channel): old[channel] for channel in done.removed},
    }


def _rules(policy: ChannelPolicy) -> dict[str, Any]:
    """A policy as plain data, its approval's rules beside the others."""
    plain = policy.model_dump(mode="json", exclude={"id", "approval"})
    return plain | {f"approval.{key}": value for key, value in policy.approval.model_dump(mode="json").items()}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {"before": before[key], "after": after[key]} for key in after if before[key] != after[key]}
