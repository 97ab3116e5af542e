"""Known settings: what was last set through flowbot of a flow's fields that cannot be read back."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.outcomes import ChangeResult


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value as it was last sent.

    Attributes:
        value: The value; empty where a new flow was given none.
        set_at: When it was sent.
        change: The change that sent it.
        flow_changed_at: When the flow was last changed, as Enkapush dated it after flowbot's last write; None where
            that is not known.
        was_overtaken: Somebody else had changed the flow when flowbot wrote to it next.
    """

    value: str
    set_at: datetime
    change: ChangeId
    flow_changed_at: datetime | None = None
    was_overtaken: bool = False

    def is_doubtful(self, changed_at: datetime | None) -> bool:
        """Check whether somebody else may have set another value: the flow was changed after flowbot's last write.

        Args:
            changed_at: when the flow was last changed, as Enkapush dates it.
        """
        if self.was_overtaken or changed_at is None:
            return self.was_overtaken
        return self.flow_changed_at is None or changed_at > self.flow_changed_at


@dataclass(frozen=True, slots=True)
class SettingsWrite:
    """What an applied change tells of a flow's write-only fields.

    Attributes:
        values: The values that it sent; empty where a new flow was given none, None where the field was left alone.
        sent_at: When it was sent.
        before_changed_at: When the flow was last changed before, as Enkapush dates it.
        changed_at: The same as it was read back; None of a deleted flow.
    """

    flow: FlowId
    change: ChangeId
    values: WriteOnlyFields
    sent_at: datetime
    before_changed_at: datetime | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownSettings:
    """The known values of a flow's write-only fields, each None where it was never set through flowbot."""

    segment: KnownValue | None = None
    utm_source: KnownValue | None = None
    utm_medium: KnownValue | None = None
    utm_campaign: KnownValue | None = None

    @property
    def values(self) -> WriteOnlyFields:
        """Return the values, None where they are not known."""
        return WriteOnlyFields(**{name: known.value if known else None for name, known in self.items()})

    def items(self) -> Iterator[tuple[str, KnownValue | None]]:
        """Yield each field's name and what is known of it."""
        return ((field.name, getattr(self, field.name)) for field in fields(KnownSettings))

    def doubtful(self, changed_at: datetime | None) -> tuple[str, ...]:
        """Return the names of the fields that somebody else may have set since, as `KnownValue.is_doubtful`."""
        return tuple(name for name, known in self.items() if known is not None and known.is_doubtful(changed_at))

    def after(self, write: SettingsWrite) -> "KnownSettings":
        """Return what is known after a write."""
        return KnownSettings(**{name: _revise(known, name, write) for name, known in self.items()})


NOTHING_KNOWN = KnownSettings()


def _revise(known: KnownValue | None, name: str, write: SettingsWrite) -> KnownValue | None:
    """Return what is known of one field after a write; a doubt that there was before stays."""
    value = getattr(write.values, name)
    if value is not None:
        is_outdated = known is not None and known.set_at > write.sent_at
        return known if is_outdated else KnownValue(value, write.sent_at, write.change, write.changed_at)
    if known is None:
        return None
    if known.is_doubtful(write.before_changed_at):
        return replace(known, was_overtaken=True)
    if write.changed_at is None:
        return known
    latest = max(known.flow_changed_at or write.changed_at, write.changed_at)
    return replace(known, flow_changed_at=latest)


def settings_write(change: Change, result: ChangeResult) -> SettingsWrite | None:
    """Return what an applied change tells of its flow's write-only fields; None for any other.

    A deletion sets nothing, and tells whether somebody else changed the flow before it.

    Args:
        change: the change as it was sent.
        result: its result, with the flow as it was read back.
    """
    request, flow = change.request, result.flow
    flow_id = flow.id if flow else request.flow
    if result.state is not ChangeState.APPLIED or flow_id is None:
        return None
    # A write that was sent twice may have found its own effect.
    before = request.before if result.before is None or change.progress.is_resent else result.before
    return SettingsWrite(
        flow=flow_id,
        change=change.id,
        values=_sent_values(change),
        sent_at=change.sent_at or change.changed_at,
        before_changed_at=before.changed_at if before else None,
        changed_at=flow.changed_at if flow else None,
    )


def _sent_values(change: Change) -> WriteOnlyFields:
    wanted = change.request.wanted
    if wanted is None:
        return WriteOnlyFields()
    sent = wanted.write_only
    if change.request.kind is not ChangeKind.CREATE:
        return sent
    return WriteOnlyFields(sent.segment, sent.utm_source or "", sent.utm_medium or "", sent.utm_campaign or "")
