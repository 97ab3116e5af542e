"""Checks of what flowbot says of its writes, by the effects that they had or may have yet."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.effects import is_as_sent
from flowbot.domain.flow import FlowContent, content_differences, fingerprint
from flowbot.domain.ids import ChangeId, FlowId
from tests.model.fake_enkapush import Effect, FakeEnkapush, Storage

LATE_EFFECTS: Final = timedelta(hours=24)
"""What shows itself within this time after a change was sent is the change's own."""
NEVER_WRITES: Final = frozenset(
    {
        ChangeState.DRAFT,
        ChangeState.PENDING,
        ChangeState.REJECTED,
        ChangeState.WITHDRAWN,
        ChangeState.EXPIRED,
        ChangeState.OUT_OF_DATE,
        ChangeState.FAILED,
    }
)


@dataclass
class EffectInvariants:
    """Checks of changes against the effects that they had at Enkapush.

    Attributes:
        checked_ends: Changes that are at an end and were checked.
        checked_effects: How many effects there were at the last check.
    """

    enkapush: FakeEnkapush
    checked_ends: set[ChangeId] = field(default_factory=set)
    checked_effects: int = 0

    def check(self, changes: Sequence[Change]) -> None:
        """Check all changes."""
        assert not self.enkapush.twice, f"sent again though answered: {self.enkapush.twice}"
        repeats = {change.id: change.request.repeats for change in changes if change.request.repeats is not None}
        assert len(set(repeats.values())) == len(repeats), f"disabled again and again: {repeats}"
        assert not repeats.keys() & repeats.values(), f"a repetition was repeated: {repeats}"
        known = {change.id: change for change in changes}
        for change in changes:
            self._check_change(change, known)
        self.checked_effects = len(self.enkapush.effects)

    def _check_change(self, change: Change, known: Mapping[ChangeId, Change]) -> None:
        effects = self.enkapush.of_change(change.id)
        sent = self.enkapush.sent[change.id]
        assert len(effects) <= sent, f"sent {sent} times, with {len(effects)} effects: {effects}"
        if change.state in NEVER_WRITES:
            assert not effects, f"{change.state} ({change.outcome}), and yet {effects}"
            assert not self.enkapush.may_still_land(change.id), f"{change.state} ({change.outcome}), and under way"
        if change.state is ChangeState.OUT_OF_DATE and change.id not in self.checked_ends:
            self.checked_ends.add(change.id)
            assert not self._differs_by_own_effects(change, known), (
                f"out of date by effects of flowbot's own: {describe(change)}"
            )
        if change.state is ChangeState.APPLYING and change.sent_at is not None:
            # The process broke off after the write, so the answer is unknown.
            self.enkapush.ambiguous.add(change.id)
        if change.state is ChangeState.UNKNOWN:
            is_nameless = change.request.flow is None and self.enkapush.stored_as.get(change.id) is Storage.CUT_SHORT
            assert is_nameless or change.id in self.enkapush.ambiguous, (
                f"not known, though all was answered: {change.outcome}"
            )
        if change.request.parent is not None and change.sent_at is None:
            # What it changes is the content of another request.
            return
        if change.state is ChangeState.APPLIED and change.id not in self.checked_ends:
            self.checked_ends.add(change.id)
            excused = not sent or change.id in self.enkapush.ambiguous or _changes_nothing(change)
            assert effects or excused, f"applied without an effect: {change.outcome}"
            assert self._is_in_effect(change) or self._was_overtaken(change), (
                f"applied, and not there: {describe(change)}"
            )

    def _differs_by_own_effects(self, change: Change, known: Mapping[ChangeId, Change]) -> bool:
        """Check whether a change is out of date though nobody but flowbot has changed its flow since."""
        if change.outcome is None or change.outcome.key != "out_of_date.edit":
            return False
        since = [
            effect
            for effect in self.enkapush.effects
            if flow_of(effect) == change.request.flow and effect.at is not None and effect.at >= change.created_at
        ]
        return all(effect.change and self._is_own(known[effect.change], change.changed_at) for effect in since)

    def _is_own(self, late: Change, at: datetime) -> bool:
        """Check whether an effect counts as flowbot's own: it is recognised, and seen in its time."""
        is_seen = late.state is ChangeState.APPLIED or is_recent(late, at)
        return is_seen and self.enkapush.stored_as.get(late.id) is not Storage.CUT_SHORT

    def _is_in_effect(self, change: Change) -> bool:
        asked, flows = change.request, self.enkapush.flows
        if asked.kind in {ChangeKind.RESTORE, ChangeKind.CREATE}:
            made = flows.get(change.outcome.flow) if change.outcome and change.outcome.flow else None
            return made is not None and not made.is_enabled
        flow = flows.get(asked.flow) if asked.flow else None
        if asked.kind is ChangeKind.DELETE:
            return flow is None
        if asked.kind is ChangeKind.EDIT:
            return flow is not None and (change.id in self.enkapush.stored_as or _has_content(flow, change))
        return flow is not None and flow.is_enabled is (asked.kind is ChangeKind.ENABLE)

    def _was_overtaken(self, change: Change) -> bool:
        """Check whether something else has changed its flow since the last check."""
        latest = self.enkapush.effects[self.checked_effects :]
        return any(effect.change != change.id and flow_of(effect) == change.flow_id for effect in latest)

    def find_shown(self, changes: Sequence[Change], now: datetime) -> set[ChangeId]:
        """Find the unknown changes whose effect a reading of all flows shows."""
        return {
            change.id
            for change in changes
            if change.state is ChangeState.UNKNOWN and self._is_shown(change, changes, now)
        }

    def check_settled(self, shown: set[ChangeId], settled: set[ChangeId], changes: Sequence[Change]) -> None:
        """Check that a reading settled what it showed: where two alike may have done it, one of them at least."""
        done = {(change.request.kind, change.flow_id) for change in changes if change.id in settled}
        for change in changes:
            if change.id in shown and change.state is ChangeState.UNKNOWN:
                assert (change.request.kind, change.flow_id) in done, (
                    f"shown by a reading, and not known: {describe(change)}"
                )

    def check_repeated(self, changes: Sequence[Change], now: datetime) -> None:
        """Check after a reading of all flows that none is live by an enable that shows itself after a disable."""
        for flow in self.enkapush.flows.values():
            effects = [effect for effect in self.enkapush.effects if flow_of(effect) == flow.id]
            if not effects or not flow.is_enabled:
                continue
            enable = next((change for change in changes if change.id == effects[-1].change), None)
            if enable is not None and enable.request.kind is ChangeKind.ENABLE and is_recent(enable, now):
                self._check_disabled_again(enable, effects[-1], [each for each in changes if each.flow_id == flow.id])

    def _check_disabled_again(self, enable: Change, effect: Effect, changes: Sequence[Change]) -> None:
        later = [
            change
            for change in changes
            if change.sent_at and enable.sent_at and effect.at and enable.sent_at < change.sent_at < effect.at
        ]
        done = [change for change in later if change.state is ChangeState.APPLIED]
        disables = [change for change in done if change.request.kind is ChangeKind.DISABLE]
        sent = [change for change in later if change.state not in NEVER_WRITES]
        if not disables or any(change.request.kind is ChangeKind.ENABLE for change in sent):
            return
        last = max(disables, key=lambda change: change.sent_at or change.created_at)
        repeats = {change.request.repeats for change in changes}
        assert last.request.repeats or last.id in repeats, (
            f"enabled after a disable, which was not repeated: {describe(last)}"
        )

    def _is_shown(self, change: Change, changes: Sequence[Change], now: datetime) -> bool:
        """Check whether the last that became of a flow is the change's effect, on the flow as it was asked of."""
        effects = [effect for effect in self.enkapush.effects if flow_of(effect) == self._flow_of(change)]
        if (
            not effects
            or effects[-1].change != change.id
            or self.enkapush.stored_as.get(change.id) is Storage.CUT_SHORT
        ):
            return False
        before, asked = effects[-1].before, change.request.before
        is_from_asked = before is None or (asked is not None and fingerprint(before) == fingerprint(asked))
        return is_from_asked and is_recent(change, now) and not was_overtaken(change, now, changes)

    def _flow_of(self, change: Change) -> FlowId | None:
        if change.request.flow is not None:
            return change.request.flow
        return next((flow_of(effect) for effect in self.enkapush.of_change(change.id)), None)


def describe(change: Change) -> str:
    """Name a change for the message of a check that fails."""
    outcome = change.outcome.key if change.outcome else None
    return f"{change.request.kind} of flow {change.flow_id} ({change.id}), {change.state}: {outcome}"


def flow_of(effect: Effect) -> FlowId | None:
    """Return the flow that an effect is about."""
    flow = effect.after or effect.before
    return flow.id if flow else None


def may_have_set(late: Change, name: str, value: Any, sent: int, since: datetime) -> bool:
    """Check whether a change that was not seen, or was seen `since`, may have set a field of its flow to `value`."""
    is_late = late.state is ChangeState.UNKNOWN or sent > 1 or late.changed_at >= since
    if late.state not in {ChangeState.UNKNOWN, ChangeState.APPLIED} or not is_late:
        return False
    if late.request.wanted is not None and late.request.kind is ChangeKind.EDIT:
        return name != "is_enabled" and is_as_sent(getattr(late.request.wanted.content, name, None), value)
    is_toggle = late.request.kind in {ChangeKind.ENABLE, ChangeKind.DISABLE}
    return is_toggle and name == "is_enabled" and value is (late.request.kind is ChangeKind.ENABLE)


def is_recent(change: Change, now: datetime) -> bool:
    """Check whether an effect that shows itself now is the change's own."""
    return change.sent_at is not None and now < change.sent_at + LATE_EFFECTS


def may_go_live(flow: FlowId, changes: Sequence[Change], sent: Counter[ChangeId | None], now: datetime) -> bool:
    """Check whether an enable of a flow may take effect yet that was not seen, and that no later one has overtaken."""
    enables = [change for change in changes if change.request.flow == flow and change.request.kind is ChangeKind.ENABLE]
    seen = max((each.sent_at for each in enables if each.state is ChangeState.APPLIED and each.sent_at), default=None)
    return any(
        is_recent(each, now)
        and (seen is None or (each.sent_at or now) >= seen)
        and (each.state is ChangeState.UNKNOWN or (each.state is ChangeState.APPLIED and sent[each.id] > 1))
        for each in enables
    )


def was_overtaken(enable: Change, at: datetime, changes: Iterable[Change]) -> bool:
    """Check whether a later enable of the flow was read back by then: what is seen after it was made outside."""
    return any(
        other.state is ChangeState.APPLIED
        and other.request.kind is enable.request.kind is ChangeKind.ENABLE
        and other.request.flow == enable.request.flow
        and (other.sent_at or at) > (enable.sent_at or at)
        and other.changed_at <= at
        for other in changes
    )


def _has_content(flow: FlowContent, change: Change) -> bool:
    """Check whether a flow has all that an edit has set."""
    wanted, before = change.request.wanted, change.request.before
    if wanted is None or before is None:
        return False
    sent = {each.field for each in content_differences(before, wanted.content)}
    return not sent & {each.field for each in content_differences(wanted.content, flow)}


def _changes_nothing(change: Change) -> bool:
    wanted, before = change.request.wanted, change.request.before
    if change.request.kind is ChangeKind.DISABLE:
        # At its time or its turn a flow may be off that was live, or was to be, when the disable was requested.
        is_later = change.request.is_timed_disable or change.request.cause is not None
        return before is not None and (not before.is_enabled or is_later)
    return wanted is not None and before is not None and wanted.content == FlowContent.of(before)
