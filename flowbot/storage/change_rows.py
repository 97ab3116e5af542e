"""A change and its row."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, func, literal

from flowbot.domain.change import Change, ChangeState, Lease, NewChange, Outcome, Progress
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import ApprovalRule
from flowbot.storage.documents import Document, new_id
from flowbot.storage.tables import changes

_ASKED: Final = Document(NewChange)
_RULE: Final = Document(ApprovalRule)
_OUTCOME: Final = Document(Outcome)
_PROGRESS: Final = Document(Progress)
_NOTHING_YET: Final = Progress()


def new_change(new: NewChange, lease: Lease, now: datetime) -> Change:
    """The first version of a change, under a fresh id, in the hands of who submitted it."""
    return Change(
        id=ChangeId(new_id()),
        asked=new,
        state=ChangeState.DRAFT,
        version=1,
        created_at=now,
        changed_at=now,
        due_at=now,
        lease_owner=lease.owner,
        lease_until=lease.until,
    )


def new_row(change: Change) -> dict[str, Any]:
    """Every column of a change that was not kept before."""
    return _identity(change) | _position(change) | {
        "sent_at": change.sent_at,
        "newest_before": change.newest_before,
        "shown_version": change.shown_version,
        "message_channel": change.message_channel,
        "message_ts": change.message_ts,
    }  # fmt: skip


def moved_columns(seen: Change, moved: Change) -> dict[str, Any]:
    """What a move writes: how far it has come, in the version after the one that was seen.

    What was shown is left to `shown`. What the mover leaves as they saw it stays as it is: a longer lease, a
    postponement or a note of progress makes no new version. For the same reason the latch never opens.
    """
    before, after = _position(seen), _position(replace(moved, version=seen.version + 1))
    position = {name: value for name, value in after.items() if value != before[name]}
    return position | {
        "sent_at": func.coalesce(changes.c.sent_at, literal(moved.sent_at, changes.c.sent_at.type)),
        "newest_before": func.coalesce(changes.c.newest_before, moved.newest_before),
    }


def progress_columns(progress: Progress) -> dict[str, Any]:
    """What is remembered of a change on its way, and the picture in it by itself, to be searched by.

    PostgreSQL cannot look into a document of the type `json` in which foreign text holds a NUL.
    """
    document = None if progress == _NOTHING_YET else _PROGRESS.write(progress)
    return {"progress": document, "kept_image_id": progress.image}


def read_change(row: Row[Any]) -> Change:
    """The change that a whole row holds.

    Raises:
        Fault: the row cannot be read.
    """
    kept = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by its columns
    return Change(
        id=ChangeId(kept["id"]),
        asked=_ASKED.read(kept["asked"]),
        state=ChangeState(kept["state"]),
        version=kept["version"],
        created_at=kept["created_at"],
        changed_at=kept["changed_at"],
        rule=None if kept["rule"] is None else _RULE.read(kept["rule"]),
        progress=_NOTHING_YET if kept["progress"] is None else _PROGRESS.read(kept["progress"]),
        outcome=None if kept["outcome"] is None else _OUTCOME.read(kept["outcome"]),
        **_plain(kept),
    )


def _plain(kept: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields that stand in the row as they are."""
    same = ("sent_at", "newest_before", "due_at", "lease_owner", "lease_until", "shown_version", "message_ts")
    channel = kept["message_channel"]
    return {name: kept[name] for name in same} | {"message_channel": None if channel is None else ChannelId(channel)}


def _identity(change: Change) -> dict[str, Any]:
    asked = change.asked
    return {
        "id": change.id,
        "token": asked.token,
        "kind": asked.kind.value,
        "flow_id": asked.flow,
        "website_id": asked.website,
        "requester": str(asked.requester),
        "channel_id": str(asked.channel),
        "image_id": None if asked.wanted is None else asked.wanted.image,
        "asked": _ASKED.write(asked),
        "created_at": change.created_at,
    }


def _position(change: Change) -> dict[str, Any]:
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
