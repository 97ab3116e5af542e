"""Where the content of live flows comes from, and whether anybody approved it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from flowbot.domain.approval_rule import Gate
from flowbot.domain.change import Change
from flowbot.domain.flow import Flow, FlowContent, flow_differences
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.policy import ChannelPolicy
from flowbot.services.ports import Clock
from tests.model.effect_invariants import was_overtaken
from tests.model.fake_enkapush import Effect

COVERED: Final = (*(each.name for each in fields(FlowContent)), "image_url", "is_enabled")
"""The fields that a fingerprint covers."""
Sources = Mapping[str, ChangeId | None]
"""The change that each field of a flow comes from; None where it was set outside flowbot."""


@dataclass(frozen=True)
class LiveMoment:
    """A flow at a moment at which it was live by a change of flowbot's."""

    at: datetime
    flow: Flow
    enabled_by: ChangeId
    sources: Sources


@dataclass(frozen=True)
class Shown:
    """What is shown to those who decide on a change: the flow, and what earlier edits may change in it yet."""

    flow: Flow | None
    late_edits: Mapping[str, Any]

    def names(self, name: str, value: Any, edit: Change) -> bool:
        """Check whether it shows a field's value, or that an edit may set it yet."""
        if self.flow is not None and getattr(self.flow, name) == value:
            return True
        wanted = edit.request.wanted
        return wanted is not None and name in self.late_edits and self.late_edits[name] == getattr(wanted.content, name)


@dataclass
class LiveContent:
    """Follows every field of every flow from the change that set it to each moment at which it is live.

    Attributes:
        moments: What was live after each effect, and is not checked yet.
        shown: What was shown to those who approved each change or skipped its approval.
        free_edits: Changes that were written while the policy asked for no approval of edits of live flows.
    """

    clock: Clock
    moments: list[LiveMoment] = field(default_factory=list)
    shown: dict[ChangeId, list[Shown]] = field(default_factory=dict)
    free_edits: set[ChangeId] = field(default_factory=set)
    enabled_by: dict[FlowId, ChangeId | None] = field(default_factory=dict)
    _sources: dict[FlowId, dict[str, ChangeId | None]] = field(default_factory=dict)

    def note_write(self, change: ChangeId, policy: ChannelPolicy | None) -> None:
        """Note whether the policy of the moment lets everybody edit live flows."""
        if policy is not None and Gate.EDIT_ENABLED not in policy.approval.required_for:
            self.free_edits.add(change)

    def note_effect(self, effect: Effect) -> None:
        """Follow the fields that an effect has set."""
        before, after = effect.before, effect.after
        if after is None:
            return
        sources = self._sources.setdefault(after.id, {})
        changed = COVERED if before is None else [each.field for each in flow_differences(before, after)]
        sources.update(dict.fromkeys(changed, effect.change))
        if "is_enabled" in changed:
            self.enabled_by[after.id] = effect.change if after.is_enabled else None
        if (enabled_by := self.enabled_by.get(after.id)) is not None:
            self.moments.append(LiveMoment(self.clock(), after, enabled_by, dict(sources)))

    def find_source(self, flow: FlowId, name: str) -> ChangeId | None:
        """Return the change that a field of a flow comes from; None where it was set outside flowbot."""
        return self._sources.get(flow, {}).get(name)

    def find_unapproved(self, changes: Mapping[ChangeId, Change]) -> list[str]:
        """Find what was live and approved by nobody, and forget the moments that were looked at."""
        moments, self.moments = self.moments, []
        return [
            f"flow {moment.flow.id} is live by {moment.enabled_by} with {name} of {source}: {moment.flow}"
            for moment in moments
            for name, source in moment.sources.items()
            if name != "is_enabled" and not self._is_approved(moment, name, source, changes)
        ]

    def _is_approved(
        self, moment: LiveMoment, name: str, source: ChangeId | None, changes: Mapping[ChangeId, Change]
    ) -> bool:
        enable = changes[moment.enabled_by]
        if source is None or changes[source].rule is not None or source in self.free_edits:
            return True
        if enable.rule is None or was_overtaken(enable, moment.at, changes.values()):
            return True
        value = getattr(moment.flow, name)
        return any(each.names(name, value, changes[source]) for each in self.shown.get(enable.id, []))
