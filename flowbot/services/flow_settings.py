"""A flow's segment and UTM values, as far as they were set through flowbot."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowbot.domain.flow import Flow
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings, KnownValue
from flowbot.services.ports.known_settings import KnownSettingsStore
from flowbot.services.segments import SegmentCache


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """What is known of a flow's segment and UTM values.

    Attributes:
        changed_at: When the flow was last changed, as Enkapush dates it.
        segment_names: The names of the segments that are shown, as far as Enkapush tells them.
    """

    known: KnownSettings = NOTHING_KNOWN
    changed_at: datetime | None = None
    segment_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_certain(self) -> bool:
        """Check whether all of them are known, and none is doubtful."""
        return all(known for _, known in self.known.items()) and not self.known.doubtful(self.changed_at)

    def find(self, name: str) -> KnownValue | None:
        """Return what is known of a field; None where it was never set through flowbot."""
        known: KnownValue | None = getattr(self.known, name)
        return known

    def is_doubtful(self, name: str) -> bool:
        """Check whether somebody else may have set another value of a field since."""
        return name in self.known.doubtful(self.changed_at)


@dataclass(frozen=True, slots=True)
class FlowSettingsLoader:
    """Loads what is known of flows' segments and UTM values."""

    store: KnownSettingsStore
    segments: SegmentCache

    async def load(self, flow: Flow, *, sent_segment: str | None = None) -> FlowSettings:
        """Load what is known of a flow.

        Args:
            flow: the flow.
            sent_segment: a segment whose name is to be shown as well.

        Raises:
            DependencyError: the database did not answer.
        """
        return await self.name_segments(FlowSettings(await self.store.get(flow.id), flow.changed_at), sent_segment)

    async def name_segments(self, settings: FlowSettings, sent_segment: str | None) -> FlowSettings:
        """Add the names of the known segment and of the one that is sent, which Enkapush may have to be asked for."""
        names = await self.segments.find_names(settings.known.values.segment, sent_segment)
        return replace(settings, segment_names=names)

    async def load_restorable(self, flow: Flow) -> KnownSettings:
        """Load what is known of a deleted flow, without a segment that does not exist any more.

        Raises:
            DependencyError: the database did not answer.
        """
        known = await self.store.get(flow.id)
        if known.segment is not None and await self.segments.is_gone(known.segment.value):
            return replace(known, segment=None)
        return known
