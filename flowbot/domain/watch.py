"""The watch: how a flow as it is read differs from what flowbot knows of it, and what of that is flowbot's own."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.effects import is_as_sent, shows_effect
from flowbot.domain.flow import Flow, FlowContent
from flowbot.domain.late_effects import find_late_enables, may_take_effect, operations_since, request_as_stored
from flowbot.domain.operations import CreateOperation, DeleteOperation, FlowOperation, build_operation
from flowbot.domain.outcomes import TWIN, is_created_by

COMPARED_FIELDS: Final = tuple(sorted({*(each.name for each in fields(FlowContent)), "image_url", "is_enabled"}))
"""What a change outside flowbot is seen by. Totals and timestamps do not count."""
ALIKE_KINDS: Final = frozenset({ChangeKind.ENABLE, ChangeKind.DELETE})
"""Kinds of which, among several that may take effect, the last one has an effect that shows itself."""
_compared: Final = attrgetter(*COMPARED_FIELDS)


def has_same_content(one: Flow | None, other: Flow | None) -> bool:
    """Check whether two flows are alike in all that people set; None is a flow that is not there."""
    if one is None or other is None:
        return one is other
    return one is other or bool(_compared(one) == _compared(other))


def content_key(flow: Flow) -> str:
    """Return a short text that is the same for flows that are alike in all that people set."""
    return hashlib.blake2b(repr(_compared(flow)).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def expect_flow(known: Flow | None, settled: Iterable[Change], seen: Flow | None) -> Flow | None:
    """Return the flow that flowbot's own changes made of the one that it knew.

    Args:
        known: the flow before; None where there was none.
        settled: the changes that were applied since, in the order in which they were.
        seen: the flow as it was read. What it has of a field that was sent is expected, as far as that is what Enkapush
            may make of it.
    """
    flow = known
    for change in settled:
        operation = build_operation(request_as_stored(change))
        sent: dict[str, Any] = {}
        if isinstance(operation, DeleteOperation):
            flow = None
        elif isinstance(operation, CreateOperation) and change.outcome is not None and change.outcome.flow is not None:
            content = operation.wanted.content
            sent = {each.name: getattr(content, each.name) for each in fields(FlowContent)} | {"is_enabled": False}
            flow = Flow(id=change.outcome.flow, **sent)
        elif isinstance(operation, FlowOperation):
            sent = dict(operation.sent)
        if flow is None:
            continue
        if seen is not None:
            sent = {name: _as_stored(value, getattr(seen, name)) for name, value in sent.items()}
            if isinstance(operation, CreateOperation) or (operation is not None and operation.sends_image):
                # Enkapush names it, perhaps also where none was sent.
                sent["image_url"] = seen.image_url
        flow = replace(flow, **sent)
    return flow


def _as_stored(sent: Any, stored: Any) -> Any:
    return stored if is_as_sent(sent, stored) else sent


def is_in_hand(change: Change) -> bool:
    """Check whether a change was sent, and is being read back."""
    return change.state is ChangeState.APPLYING and change.sent_at is not None


def is_claimed(seen: Flow | None, writes: Sequence[Change], now: datetime) -> bool:
    """Check whether a flow shows what a write of flowbot's did whose effect was not known, and nothing else.

    Args:
        seen: the flow as it was read; None where it is gone.
        writes: the flow's writes of the last 24 hours, in the order in which they were submitted.
        now: the current time.
    """
    enables = {write.id for write in find_late_enables(writes, now)}
    last = {kind: [each.id for each in writes if each.request.kind is kind][-1:] for kind in ALIKE_KINDS}
    for write in writes:
        kind, operation = write.request.kind, build_operation(write.request)
        if not isinstance(operation, FlowOperation) or not may_take_effect(write, now):
            continue
        if (kind is ChangeKind.ENABLE and write.id not in enables) or (kind in last and [write.id] != last[kind]):
            continue
        if shows_effect(operation, seen, operations_since(write, writes, now)):
            return True
    return False


def made_by_create(create: Change, flow: Flow, now: datetime) -> bool:
    """Check whether a flow that was not known is that of a create whose end is not known, or its second one."""
    operation = build_operation(create.request)
    if not isinstance(operation, CreateOperation):
        return False
    if create.state is ChangeState.APPLIED:
        return create.outcome is not None and create.outcome.params.get(TWIN) == str(flow.id)
    is_open = is_in_hand(create) or may_take_effect(create, now)
    return is_open and is_created_by(operation, flow, create.newest_before)
