"""Effects: how a write shows itself in a flow that is read back."""

import unicodedata
from collections.abc import Iterable
from html import unescape
from typing import Any

from flowbot.domain.flow import FieldDifference, Flow, FlowButton, FlowContent, content_differences, flow_differences
from flowbot.domain.operations import DeleteOperation, FlowOperation


def is_as_sent(sent: Any, stored: Any) -> bool:
    """Check whether `stored` is what was sent, or what Enkapush may make of it (README, "Requests").

    A text may be trimmed, composed (Unicode NFC), without HTML entities, or cut to at least half its length.
    """
    if isinstance(sent, FlowButton) and isinstance(stored, FlowButton):
        return is_as_sent(sent.title, stored.title) and is_as_sent(sent.url, stored.url)
    if not (isinstance(sent, str) and isinstance(stored, str)):
        return bool(sent == stored)
    sent, stored = _normalize(sent), _normalize(stored)
    return sent == stored or (2 * len(stored) >= len(sent) and sent.startswith(stored))


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFC", unescape(text)).strip()


def is_touched(operation: FlowOperation, flow: Flow) -> bool:
    """Check whether any field that was sent is not as before any more, whatever it is now."""
    before = operation.before
    is_new_image = operation.sends_image and flow.image_url not in {None, before.image_url}
    return is_new_image or any(getattr(flow, field) != getattr(before, field) for field in operation.sent)


def shows_effect(operation: FlowOperation, flow: Flow | None, others: Iterable[FlowOperation] = ()) -> bool:
    """Check whether `flow` shows that the operation was done, and nothing that flowbot did not send.

    Args:
        operation: the operation.
        flow: the flow as it was read; None where it is gone, as only a deletion leaves it.
        others: what else flowbot sent to this flow since `operation.before` was read, or may have sent.
    """
    if flow is None or isinstance(operation, DeleteOperation):
        return flow is None and isinstance(operation, DeleteOperation)
    is_shown = any(_accounts_for(operation, found) for found in flow_differences(operation.before, flow))
    return is_shown and is_explained(operation.before, flow, (operation, *others))


def is_explained(before: Flow, flow: Flow, operations: Iterable[FlowOperation]) -> bool:
    """Check whether every field of `flow` is as before, or as one of the operations sent it."""
    sent = tuple(operations)
    return all(any(_accounts_for(each, found) for each in sent) for found in flow_differences(before, flow))


def _accounts_for(operation: FlowOperation, found: FieldDifference) -> bool:
    if found.field == "image_url":
        return operation.sends_image and found.after is not None
    return found.field in operation.sent and is_as_sent(operation.sent[found.field], found.after)


def stored_otherwise(wanted: FlowContent, flow: FlowContent) -> tuple[FieldDifference, ...]:
    """List the fields that Enkapush stores otherwise than they were sent, but for blank space around texts."""
    return tuple(each for each in content_differences(wanted, flow) if not _is_trimmed(each.before, each.after))


def _is_trimmed(sent: Any, stored: Any) -> bool:
    return isinstance(sent, str) and isinstance(stored, str) and sent.strip() == stored.strip()
