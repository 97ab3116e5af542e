"""The promises after a soak: how often each was broken, by what Enkapush did, Slack showed and the database holds."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from flowbot.sandbox.enkapush import LoggedRequest
from tests.crashes.bot_processes import Deployment
from tests.soak.people import Diary

Rows = Sequence[Mapping[str, Any]]
ENDED: Final = frozenset({"applied", "failed", "unknown", "rejected", "expired", "out_of_date"})
"""The ends that somebody is told who did not bring them about."""
NO_END: Final = ("Approval requested", "Your request is saved", "Waiting for approval")
"""Words of messages about a request that is not at its end."""
COLUMNS: Final = (
    "id", "kind", "state", "flow_id", "requester", "asked", "rule", "progress", "outcome", "sent_at", "created_at",
    "message_channel", "message_ts", "version", "shown_version", "lease_until",
)  # fmt: skip


@dataclass
class Effect:
    """A write that took effect at Enkapush: its kind, and the flow's state before it."""

    kind: str
    flow: int
    texts: Mapping[str, str]
    was_live: bool


@dataclass
class Broken:
    """What was found: for each promise, a line for each time that it was broken."""

    double_effects: list[str] = field(default_factory=list)
    lost_changes: list[str] = field(default_factory=list)
    silent_ends: list[str] = field(default_factory=list)
    stuck_rows: list[str] = field(default_factory=list)
    live_without_approval: list[str] = field(default_factory=list)
    unexpected_errors: list[str] = field(default_factory=list)


async def find_broken(deployment: Deployment, diary: Diary, now: datetime) -> Broken:
    """Find every promise that was broken, once nothing goes wrong any more and all has settled."""
    found = await deployment.query(f"SELECT {', '.join(COLUMNS)} FROM changes")
    changes: Rows = [dict(zip(COLUMNS, row, strict=True)) for row in found]
    votes = await deployment.query("SELECT change_id, person FROM votes WHERE vote = 'approve'")
    effects = list_effects(deployment.enkapush.requests)
    approved = {change["id"] for change in changes if _is_approved(change, votes)}
    broken = Broken()
    broken.double_effects += find_double_effects(effects, changes)
    broken.lost_changes += find_lost_changes(diary, changes)
    broken.silent_ends += [
        f"{_describe(each)}; told instead: {_list_told(diary, each)}"
        for each in changes
        if is_silent(deployment, diary, each)
    ]
    broken.stuck_rows += [_describe(each) for each in changes if is_stuck(each, now)]
    broken.live_without_approval += find_unapproved(effects, changes, approved)
    broken.unexpected_errors += [
        line for process in deployment.processes for line in process.log.splitlines() if "Traceback" in line
    ]
    return broken


def _describe(change: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={change[name]}" for name in COLUMNS if name not in {"asked", "rule"})


# --- effects -------------------------------------------------------------------------------------------------------


def list_effects(requests: Iterable[LoggedRequest]) -> list[Effect]:
    """List what took effect, in the order of the requests, and whether each flow was live by then."""
    live: dict[int, bool] = defaultdict(bool)
    effects = []
    for request in requests:
        for flow in request.changed:
            effects.append(Effect(_kind_of(request), flow, request.texts, live[flow]))
            if "is_enabled" in request.texts:
                live[flow] = request.texts["is_enabled"] not in {"0", "false"}
    return effects


def _kind_of(request: LoggedRequest) -> str:
    if request.method == "DELETE":
        return "delete"
    if request.path.rstrip("/") == "/flows":
        return "create"
    if "is_enabled" in request.texts:
        return "disable" if request.texts["is_enabled"] in {"0", "false"} else "enable"
    return "edit"


def find_double_effects(effects: list[Effect], changes: Rows) -> list[str]:
    """Find what took effect more often than it was asked for.

    A change that says of itself that it was sent again, since nobody answered, may take effect once more.
    """
    done = Counter(_key(effect) for effect in effects)
    allowed: Counter[tuple[str, str]] = Counter()
    for change in changes:
        if change["sent_at"] is not None:
            allowed[_key_of(change)] += 2 if _read(change["progress"]).get("is_resent") else 1
    return [
        f"{key}: {number} effects, {allowed[key]} asked for" for key, number in done.items() if number > allowed[key]
    ]


def _key(effect: Effect) -> tuple[str, str]:
    """Return what tells the effect's change from others, or the kind and flow, which several may share."""
    marks = {"create": effect.texts.get("name"), "edit": effect.texts.get("title")}
    return effect.kind, marks.get(effect.kind) or str(effect.flow)


def _key_of(change: Mapping[str, Any]) -> tuple[str, str]:
    wanted = (_read(change["asked"]).get("wanted") or {}).get("content", {})
    marks = {"create": wanted.get("name"), "edit": wanted.get("title")}
    return change["kind"], marks.get(change["kind"]) or str(change["flow_id"])


def _read(document: Any) -> dict[str, Any]:
    read = json.loads(document) if isinstance(document, str) else document
    return read if isinstance(read, dict) else {}


def _is_approved(change: Mapping[str, Any], votes: list[tuple[Any, ...]]) -> bool:
    return any(change["id"] == of and person != change["requester"] for of, person in votes)


def find_unapproved(effects: list[Effect], changes: Rows, approved: set[str]) -> list[str]:
    """Find what subscribers got and nobody else had approved: enables, deletions, edits of what was live."""
    granted: Counter[tuple[str, str]] = Counter()
    for change in changes:
        # An edit of what was not live may come late, and the flow be live by then: who approved that was shown it.
        if change["id"] in approved or (change["kind"] == "edit" and change["state"] == "unknown"):
            granted[_key_of(change)] += 2
    gated = Counter(_key(effect) for effect in effects if effect.kind in {"enable", "delete"})
    gated += Counter(_key(effect) for effect in effects if effect.kind == "edit" and effect.was_live)
    return [f"{key}: {number} times, {granted[key]} granted" for key, number in gated.items() if number > granted[key]]


# --- what people saw -----------------------------------------------------------------------------------------------


def find_lost_changes(diary: Diary, changes: Rows) -> list[str]:
    """Find the forms that were acknowledged, and then neither stored nor answered by a message that names them."""
    stored = json.dumps([_read(change["asked"]) for change in changes])
    return [
        f"{each}; told instead: {diary.list_private_texts(each.person, each.at)[:5]}"
        for each in diary.submissions
        if each.mark not in stored
        and not any(
            each.subject in said or each.mark in said for said in diary.list_private_texts(each.person, each.at)
        )
    ]


def is_silent(deployment: Deployment, diary: Diary, change: Mapping[str, Any]) -> bool:
    """Check whether a change is at its end, and its requester was told nothing of that."""
    if change["state"] not in ENDED:
        return False
    posted = deployment.slack.workspace.messages[change["message_channel"] or ""]
    if any(message.thread_ts == change["message_ts"] for message in posted if change["message_ts"]):
        return False
    _, name = _key_of(change)
    subjects = {name if not name.isdecimal() else f"#{name}", f"#{change['flow_id']}"}
    told = _list_told(diary, change)
    return not any(
        subject in said and not any(words in said for words in NO_END) for said in told for subject in subjects
    )


def _list_told(diary: Diary, change: Mapping[str, Any]) -> list[str]:
    return diary.list_private_texts(change["requester"], change["created_at"].timestamp())


def is_stuck(change: Mapping[str, Any], now: datetime) -> bool:
    """Check whether a change is left in hand or untold, or somebody's lease on it has run out."""
    is_in_hand = change["state"] in {"draft", "applying"}
    has_lapsed = change["lease_until"] is not None and change["lease_until"] < now
    return is_in_hand or has_lapsed or change["shown_version"] < change["version"]
