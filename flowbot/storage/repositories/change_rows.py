"""Rows to and from changes, votes and events."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Text, and_, cast, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import OPEN_STATES, Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, UserId, WebsiteId
from flowbot.domain.progress import Progress
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.services.ports.changes import WaitingRequest
from flowbot.storage.documents import Document, join_buttons, split_buttons, to_plain
from flowbot.storage.tables import changes, events, votes
from flowbot.storage.unreadable import MalformedCellError, row_reader

_REQUEST: Final = Document(ChangeRequest)
_RULE: Final = Document(ApprovalRule)
_OUTCOME: Final = Document(Outcome)
_PROGRESS: Final = Document(Progress)
_DETAILS: Final = Document(dict[str, Any])
_NO_PROGRESS: Final = Progress()
WAITING_COLUMNS: Final = (
    changes.c.id,
    changes.c.state,
    changes.c.requester,
    changes.c.channel_id,
    changes.c.website_id,
    changes.c.flow_id,
    changes.c.created_at,
    cast(changes.c.rule, Text).label("rule"),
    changes.c.message_channel,
    changes.c.progress,
)
RULES_KEPT: Final = 100
_OMITTED_WHERE_NONE: Final = frozenset({"answers", "parent"})
"""What a request's document is written without, as by versions that did not know it."""
_CONTENT: Final = ("before", "wanted", "typed", "picture", "reason")
"""What a revision replaces of a request."""
MAX_NUMBER: Final = 2**62
"""Events are numbered on from the highest number below this."""


def change_row(change: Change) -> dict[str, Any]:
    """Build the whole row of a new change."""
    request = change.request
    return {
        "id": change.id,
        "token": request.token,
        "kind": request.kind.value,
        "flow_id": request.flow,
        "website_id": request.website,
        "requester": str(request.requester),
        "channel_id": str(request.channel),
        "created_at": change.created_at,
        "not_before": request.not_before,
        "sent_at": change.sent_at,
        "newest_before": change.newest_before,
        "shown_version": change.shown_version,
        "message_channel": change.message_channel,
        "message_ts": change.message_ts,
        "follows": change.follows,
        "parent": request.parent,
    } | _request_columns(request) | _state_columns(change)  # fmt: skip


def changed_columns(seen: Change, moved: Change) -> dict[str, Any]:
    """Build the columns that `replace_if_unchanged` writes: those that differ, in the version after the seen one.

    What is as it was seen is left out, since it may have changed without a new version: a longer lease, a
    postponement, a note of progress. For the same reason `sent_at` and `newest_before` stay once they are set.
    """
    before, after = _state_columns(seen), _state_columns(replace(moved, version=seen.version + 1))
    changed = {name: value for name, value in after.items() if value != before[name]}
    revised = {name: getattr(moved.request, name) for name in _CONTENT}
    was_revised, is_revised = (each.progress.revised_by is not None for each in (seen, moved))
    if (request := replace(seen.request, **revised)) != seen.request or was_revised != is_revised:
        changed |= _request_columns(request, is_revised=is_revised)
    return changed | {
        "sent_at": func.coalesce(changes.c.sent_at, literal(moved.sent_at, changes.c.sent_at.type)),
        "newest_before": func.coalesce(changes.c.newest_before, moved.newest_before),
    }


def progress_columns(progress: Progress) -> dict[str, Any]:
    """Build the columns of a change's progress, with its image in a column of its own, to be searched by.

    PostgreSQL cannot look into a document of the type `json` in which foreign text holds a NUL.
    """
    document = None if progress == _NO_PROGRESS else _PROGRESS.write(progress)
    return {"progress": document, "kept_image_id": progress.image}


def _state_columns(change: Change) -> dict[str, Any]:
    """Build the columns that may change with a version."""
    return {
        "state": change.state.value,
        "version": change.version,
        "rule": None if change.rule is None else _RULE.write(change.rule),
        "outcome": None if change.outcome is None else _OUTCOME.write(change.outcome),
        "due_at": change.due_at,
        "lease_owner": change.lease_owner,
        "lease_until": change.lease_until,
        "changed_at": change.changed_at,
    } | progress_columns(change.progress)  # fmt: skip


@row_reader(changes)
def read_change(row: Row[Any]) -> Change:
    """Read the change from its whole row.

    Raises:
        UnreadableRowError: the row cannot be read.
    """
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by its columns
    channel = columns["message_channel"]
    request = _read_request(columns["asked"])
    if (request.kind, request.flow, request.website) != (columns["kind"], columns["flow_id"], columns["website_id"]):
        raise MalformedCellError("asked is about something else than its columns")
    if columns["state"] == ChangeState.PENDING and columns["rule"] is None:
        raise MalformedCellError("rule holds nothing, and the state needs one")
    if columns["follows"] == columns["id"]:
        raise MalformedCellError("follows is its own id")
    return Change(
        id=ChangeId(columns["id"]),
        request=request,
        state=ChangeState(columns["state"]),
        version=columns["version"],
        created_at=columns["created_at"],
        changed_at=columns["changed_at"],
        rule=None if columns["rule"] is None else _RULE.read(columns["rule"]),
        progress=_NO_PROGRESS if columns["progress"] is None else _PROGRESS.read(columns["progress"]),
        outcome=None if columns["outcome"] is None else _OUTCOME.read(columns["outcome"]),
        sent_at=columns["sent_at"],
        newest_before=columns["newest_before"],
        due_at=columns["due_at"],
        lease_owner=columns["lease_owner"],
        lease_until=columns["lease_until"],
        shown_version=columns["shown_version"],
        message_channel=None if channel is None else ChannelId(channel),
        message_ts=columns["message_ts"],
        follows=None if columns["follows"] is None else ChangeId(columns["follows"]),
    )


@row_reader(changes)
def read_waiting(row: Row[Any]) -> WaitingRequest:
    """Read the waiting request from `WAITING_COLUMNS`; the change's other columns may be unreadable yet."""
    cells: Sequence[Any] = row
    change, state, requester, channel, website, flow, created_at, rule_text, posted_channel, progress = cells
    rule = None if rule_text is None else _read_rule(rule_text)
    if rule is None and state == ChangeState.PENDING:
        raise MalformedCellError("rule holds nothing, and the state needs one")
    return WaitingRequest(
        id=ChangeId(change),
        state=ChangeState(state),
        requester=UserId(requester),
        channel=ChannelId(channel),
        website=WebsiteId(website),
        flow=None if flow is None else FlowId(flow),
        created_at=created_at,
        rule=rule,
        posted_channel=ChannelId(posted_channel or (rule.channel if rule else None) or channel),
        progress=_NO_PROGRESS if progress is None else _PROGRESS.read(progress),
    )


@lru_cache(maxsize=RULES_KEPT)
def _read_rule(text: str) -> ApprovalRule | None:
    """Read a rule from its column's text; those of most requests are alike."""
    document = json.loads(text)
    return None if document is None else _RULE.read(document)


def _request_columns(request: ChangeRequest, *, is_revised: bool = False) -> dict[str, Any]:
    """Build the columns of what is requested, with its image in a column of its own, to be searched by.

    While its requester's edit is written to its flow (`is_revised`) no older process can read it, and let it go on.
    """
    document = _REQUEST.write(request)
    asked = {**document, "before": join_buttons(document["before"])}
    if (cause := asked.pop("cause")) is not None:
        # To an older process it is a repetition, which it does not gate, either.
        asked |= {"cause": cause, "repeats": cause}
    asked = {name: value for name, value in asked.items() if value is not None or name not in _OMITTED_WHERE_NONE}
    # An older process beside this one cannot read the inner document, and leaves it alone.
    if request.is_timed:
        asked = {"timed": asked}
    if is_revised or request.parent is not None:
        asked = {"revision": asked}
    return {
        "asked": asked,
        "image_id": request.image,
    }


def _read_request(document: Any) -> ChangeRequest:
    match document:
        case {"timed": inner} | {"revision": inner}:
            return _read_request(inner)
        case {"before": before}:
            repeats = {"repeats": None} if document.get("cause") else {}
            return _REQUEST.read({**document, "before": split_buttons(before), **repeats})
        case _:
            return _REQUEST.read(document)


def vote_row(change: ChangeId, vote: Vote) -> dict[str, Any]:
    """Build the row of a vote."""
    return {
        "change_id": change,
        "person": str(vote.person),
        "vote": vote.choice.value,
        "at": vote.at,
        "stage": vote.stage,
        "right_of": None if vote.right_of is None else str(vote.right_of),
    }


@row_reader(votes)
def read_vote(row: Row[Any]) -> Vote:
    """Read the vote from its row."""
    right_of = None if row.right_of is None else UserId(row.right_of)
    return Vote(UserId(row.person), VoteChoice(row.vote), row.at, row.stage, right_of)


def is_open_and_shown() -> ColumnElement[bool]:
    """Match open changes whose newest version was shown to people."""
    is_open = changes.c.state.in_(sorted(state.value for state in OPEN_STATES))
    return and_(is_open, changes.c.shown_version >= changes.c.version)


async def mark_unshown(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    """Let the open changes that fulfil the condition count as not shown in their newest version."""
    shown = update(changes).where(and_(condition, is_open_and_shown()))
    await connection.execute(shown.values(shown_version=changes.c.version - 1))


async def append_events(
    connection: AsyncConnection, appended: Iterable[AuditEvent], *, change: ChangeId | None = None
) -> None:
    """Write events, in their order, in the transaction of `connection`; of `change`, where it is named."""
    rows = [
        {
            "at": event.at,
            "action": str(event.action),
            "actor": None if event.actor is None else str(event.actor),
            "channel_id": None if event.channel is None else str(event.channel),
            "change_id": change or event.change,
            "kind": None if event.kind is None else event.kind.value,
            "flow_id": event.flow,
            "website_id": event.website,
            "details": to_plain(event.details),
        }
        for event in appended
    ]
    if not rows:
        return
    statement = insert(events)
    if connection.dialect.name == "sqlite":
        # Left to itself, SQLite has no number to give once a row has its highest, as a hand may leave one.
        highest = select(func.coalesce(func.max(events.c.number), 0)).where(events.c.number < MAX_NUMBER)
        statement = statement.values(number=highest.scalar_subquery() + 1)
    await connection.execute(statement, rows)


@row_reader(events)
def read_event(row: Row[Any]) -> AuditEvent:
    """Read the event from its row."""
    return AuditEvent(
        at=row.at,
        action=row.action,
        actor=None if row.actor is None else UserId(row.actor),
        channel=None if row.channel_id is None else ChannelId(row.channel_id),
        change=None if row.change_id is None else ChangeId(row.change_id),
        kind=None if row.kind is None else ChangeKind(row.kind),
        flow=None if row.flow_id is None else FlowId(row.flow_id),
        website=None if row.website_id is None else WebsiteId(row.website_id),
        details=_DETAILS.read(row.details),
        number=row.number,
    )
