"""Who did what, when: for people in a channel, and whole for the audit."""

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
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.services.authorization import require
from flowbot.services.ports.storage import ChangeStore, EventFilter, PolicyStore
from flowbot.services.users import CurrentUser

MOST_EVENTS: Final = 20
HIDDEN_ACTIONS: Final = frozenset({AuditAction.APPLYING, AuditAction.POLICY_CHANGED, AuditAction.POLICY_IMPORTED})
"""Steps that say nothing to people, and what other channels set up; the audit has them."""
COLUMNS: Final = ("number", "at", "action", "actor", "channel", "change", "kind", "flow", "website", "details")


class Format(StrEnum):
    """How the audit trail is written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Deletion:
    """That a flow was deleted through flowbot: when, and who had asked for it."""

    flow: FlowId
    at: datetime
    requester: UserId


@dataclass(frozen=True, slots=True)
class History:
    """The use cases that look back."""

    policies: PolicyStore
    store: ChangeStore

    async def latest_events(
        self, reader: CurrentUser, channel: ChannelId, flow: FlowId | None
    ) -> tuple[AuditEvent, ...]:
        """The latest events of the channel's websites, newest first; of one flow, where it is named.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        websites = _websites(await self._policy(reader, channel))
        events = await self.store.latest_events(EventFilter(websites, flow, HIDDEN_ACTIONS), limit=3 * MOST_EVENTS)
        return tuple(merge_click_events(events))[:MOST_EVENTS]

    async def find_deletion(self, reader: CurrentUser, channel: ChannelId, flow: FlowId) -> Deletion | None:
        """How a flow of the channel's websites was deleted through flowbot, if it was.

        What was not known at first does not count: somebody else may have deleted it before flowbot looked again.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        websites = _websites(await self._policy(reader, channel))
        scope = EventFilter(websites, flow, frozenset(AuditAction) - {AuditAction.APPLIED})
        ends = await self.store.latest_events(scope, limit=MOST_EVENTS)
        last = next((event for event in ends if event.flow == flow), None)
        if last is None or last.kind is not ChangeKind.DELETE or last.change is None:
            return None
        change = await self.store.get(last.change)
        return Deletion(flow, last.at, change.request.requester) if change else None

    async def _policy(self, reader: CurrentUser, channel: ChannelId) -> ChannelPolicy:
        return require((await self.policies.get_scope(channel)).policy, reader, Permission.VIEW)


def _websites(policy: ChannelPolicy) -> frozenset[WebsiteId] | None:
    return None if policy.websites == "all" else frozenset(policy.websites)


def merge_click_events(events: Sequence[AuditEvent]) -> Iterator[AuditEvent]:
    """Merge the events of one click into a line for the person who clicked; newest first.

    Who asked for an approval did not also submit something, and the last approval is no vote besides.
    """
    submitted = {event.change: event for event in events if event.action == AuditAction.SUBMITTED}
    waiting = {event.change for event in events if event.action == AuditAction.PENDING}
    last_votes = {(event.change, event.actor) for event in events if event.action == AuditAction.APPROVED}
    for event in events:
        is_left_out = event.action == AuditAction.SUBMITTED and event.change in waiting
        is_left_out |= event.action == AuditAction.VOTE and (event.change, event.actor) in last_votes
        if is_left_out:
            continue
        asking = submitted.get(event.change) if event.action == AuditAction.PENDING else None
        yield replace(event, actor=asking.actor, details=asking.details) if asking else event


async def export(events: AsyncIterator[AuditEvent], form: Format, write: Callable[[str], object]) -> int:
    """Write all events, oldest first, a line each; how many there were."""
    write_row = _csv_writer(write) if form is Format.CSV else _jsonl_writer(write)
    count = 0
    async for event in events:
        write_row(_row(event))
        count += 1
    return count


def _row(event: AuditEvent) -> dict[str, Any]:
    row = {column: getattr(event, column) for column in COLUMNS}
    return row | {"at": event.at.isoformat(), "details": dict(event.details)}


def _jsonl_writer(write: Callable[[str], object]) -> Callable[[Mapping[str, Any]], None]:
    def line(row: Mapping[str, Any]) -> None:
        write(json.dumps(row, ensure_ascii=False) + "\n")

    return line


def _csv_writer(write: Callable[[str], object]) -> Callable[[Mapping[str, Any]], None]:
    def line(values: Mapping[str, Any]) -> None:
        buffer = io.StringIO()
        csv.DictWriter(buffer, COLUMNS).writerow(values)
        write(buffer.getvalue())

    line({column: column for column in COLUMNS})
    return lambda row: line({**row, "details": json.dumps(row["details"], ensure_ascii=False)})
