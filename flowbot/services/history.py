"""History: the audit trail for people in a channel, and its whole export."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import ChannelId, FlowId, UserId, WebsiteId
from flowbot.domain.policy import Permission
from flowbot.services.authorization import require_permission
from flowbot.services.ports.storage import ChangeStore, EventFilter, PolicyStore
from flowbot.services.users import CurrentUser

EVENTS_LIMIT: Final = 20
HIDDEN_ACTIONS: Final = frozenset(
    {AuditAction.APPLYING, AuditAction.POLICY_CHANGED, AuditAction.POLICY_IMPORTED, AuditAction.CHANNEL_MOVED}
)
"""Steps that say nothing to people, and the set-up of other channels; the audit trail has them."""
COLUMNS: Final = ("number", "at", "action", "actor", "channel", "change", "kind", "flow", "website", "details")


class Format(StrEnum):
    """A file format of the exported audit trail."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of a flow through flowbot: when, and who requested it."""

    flow: FlowId
    at: datetime
    requester: UserId


@dataclass(frozen=True, slots=True)
class History:
    """The use cases that look back."""

    policies: PolicyStore
    store: ChangeStore

    async def latest_events(self, user: CurrentUser, channel: ChannelId, flow: FlowId | None) -> tuple[AuditEvent, ...]:
        """Return the latest events of the channel's websites, or of one flow, newest first.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        scope = EventFilter(await self._load_websites(user, channel), flow, HIDDEN_ACTIONS)
        events = await self.store.latest_events(scope, limit=3 * EVENTS_LIMIT)
        return tuple(merge_click_events(events))[:EVENTS_LIMIT]

    async def find_deletion(self, user: CurrentUser, channel: ChannelId, flow: FlowId) -> Deletion | None:
        """Find out how a flow of the channel's websites was deleted through flowbot, if it was.

        A deletion that was unknown at first does not count: somebody else may have deleted the flow before the recheck.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        websites = await self._load_websites(user, channel)
        scope = EventFilter(websites, flow, frozenset(AuditAction) - {AuditAction.APPLIED})
        ends = await self.store.latest_events(scope, limit=EVENTS_LIMIT)
        last = next((event for event in ends if event.flow == flow), None)
        if last is None or last.kind is not ChangeKind.DELETE or last.change is None:
            return None
        change = await self.store.get(last.change)
        return Deletion(flow, last.at, change.request.requester) if change else None

    async def _load_websites(self, user: CurrentUser, channel: ChannelId) -> frozenset[WebsiteId] | None:
        """Load the websites whose history a person may see in the channel; None for all."""
        policy = require_permission((await self.policies.get_scope(channel)).policy, user, Permission.VIEW)
        return None if policy.websites == "all" else frozenset(policy.websites)


def merge_click_events(events: Sequence[AuditEvent]) -> Iterator[AuditEvent]:
    """Merge the events of one click into a line for the person who clicked; newest first.

    A request for approval is not also shown as a submission, nor the last approval as a vote.
    """
    submitted = {event.change: event for event in events if event.action == AuditAction.SUBMITTED}
    pending = {event.change for event in events if event.action == AuditAction.PENDING}
    last_votes = {(event.change, event.actor) for event in events if event.action == AuditAction.APPROVED}
    for event in events:
        is_left_out = event.action == AuditAction.SUBMITTED and event.change in pending
        is_left_out |= event.action == AuditAction.VOTE and (event.change, event.actor) in last_votes
        if is_left_out:
            continue
        submission = submitted.get(event.change) if event.action == AuditAction.PENDING else None
        yield replace(event, actor=submission.actor, details=submission.details) if submission else event


async def export(events: AsyncIterator[AuditEvent], file_format: Format, write: Callable[[str], object]) -> int:
    """Write all events, oldest first, a line each, and return their number."""
    is_csv = file_format is Format.CSV
    if is_csv:
        write(_csv_line({column: column for column in COLUMNS}))
    count = 0
    async for event in events:
        row = {column: getattr(event, column) for column in COLUMNS} | {"at": event.at.isoformat()}
        details = dict(event.details)
        if is_csv:
            write(_csv_line(row | {"details": json.dumps(details, ensure_ascii=False)}))
        else:
            write(json.dumps(row | {"details": details}, ensure_ascii=False) + "\n")
        count += 1
    return count


def _csv_line(values: Mapping[str, Any]) -> str:
    buffer = io.StringIO()
    csv.DictWriter(buffer, COLUMNS).writerow(values)
    return buffer.getvalue()
