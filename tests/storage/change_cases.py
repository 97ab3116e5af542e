"""Cases for tests of changes: a fixed clock, a requester, requests, and strategies for all of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from flowbot.domain.approval_rule import ApprovalRule, Gate, NotifyMode
from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease, Outcome
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, Totals, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.services.ports.changes import WaitingRequest
from flowbot.services.ports.leases import ChangeInProgress, Leasable
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database

NOON: Final = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=timezone(timedelta(hours=3)))
SECOND: Final = timedelta(seconds=1)
AYSE, C1 = UserId("U0AYSE"), ChannelId("C1")
SHOP, FLOW = WebsiteId(1), FlowId(12)
OURS: Final = Lease("here", NOON + 20 * SECOND)
THEIRS: Final = Lease("there", NOON + 40 * SECOND)


def new_request(token: str = "t1", **other: Any) -> ChangeRequest:
    """Build Ayşe's request to enable the flow."""
    given: dict[str, Any] = {"kind": ChangeKind.ENABLE, "requester": AYSE, "channel": C1, "website": SHOP, "flow": FLOW}
    return ChangeRequest(token=FormToken(token), **given | other)


def new_event(action: str = "change.submitted", **other: Any) -> AuditEvent:
    """Build an event of Ayşe's."""
    given: dict[str, Any] = {"actor": AYSE, "channel": C1, "flow": FLOW, "website": SHOP, "kind": ChangeKind.ENABLE}
    return AuditEvent(at=NOON, action=action, **given | other)


async def submit_change(store: ChangeRepository, token: str = "t1", **other: Any) -> Change:
    """Submit a new change that this process has in hand."""
    record, is_new = await store.submit(new_request(token, **other), OURS, new_event())
    assert is_new
    return record.change


async def move_through(store: ChangeRepository, change: Change, *states: ChangeState, **other: Any) -> Change:
    """Move the change through `states`, under a rule where approval is waited for."""
    for state in states:
        rule = change.rule or (ApprovalRule() if state is ChangeState.PENDING else None)
        change = await store.replace_if_unchanged(change, replace(change, **{"state": state, "rule": rule, **other}))
    return change


def waiting_request(change: Change) -> WaitingRequest:
    """Return what lists go by of a change."""
    request = change.request
    return WaitingRequest(
        change.id,
        change.state,
        request.requester,
        request.channel,
        request.website,
        request.flow,
        change.created_at,
        change.rule,
        change.posted_channel,
        change.progress,
    )


async def claim(
    store: ChangeRepository, lease: Lease = THEIRS, *, seen: Sequence[Leasable] | None = None, limit: int = 20
) -> tuple[Change, ...]:
    """Take over what was `seen` in progress, by default all that is, as if every lease had run out."""
    lapsed = (await store.find_backlog(NOON)).in_progress if seen is None else seen
    return await store.claim_lapsed(lapsed, lease, limit=limit)


def in_progress(change: Change) -> ChangeInProgress:
    """Return what the recovery sees of a change."""
    return ChangeInProgress(change.id, change.version, change.lease)


async def list_actions(store: ChangeRepository) -> list[str]:
    """List the actions of the whole audit trail, oldest first."""
    return [event.action async for event in store.all_events()]


async def append_event(store: ChangeRepository, event: AuditEvent) -> None:
    """Write an event by itself, such as one that belongs to no change."""
    async with store._database.write() as connection:
        await append_events(connection, [event])


def open_stores(*databases: Database) -> list[ChangeRepository]:
    """Return a store on each database, as separate processes have them."""
    return [ChangeRepository(database, lambda: NOON) for database in databases]


# --- anything that may be kept -------------------------------------------------------------------------------------

ANYTHING: Final = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def _as_stored_in_json(text: str) -> str:
    """Join two halves of a character side by side, as JSON does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


TEXTS: Final = st.text(st.characters(exclude_categories=[]), max_size=20).map(_as_stored_in_json)
"""Any text, with NUL and lone halves of surrogate pairs."""
NUMBERS: Final = st.integers(1, 2**63 - 1)
PLAIN: Final = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS), max_size=3)
ZONES: Final = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS: Final = st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - Hypothesis adds the zones
PEOPLE: Final = st.from_regex(r"[UW][A-Z0-9_]{1,62}", fullmatch=True).map(UserId)
CHANNELS: Final = st.from_regex(r"[CGD][A-Z0-9_]{1,62}", fullmatch=True).map(ChannelId)
BUTTONS: Final = st.builds(FlowButton, TEXTS, TEXTS)
FLOWS: Final = st.builds(
    Flow, id=NUMBERS, website_id=NUMBERS, name=TEXTS, title=TEXTS, description=TEXTS, url=TEXTS,
    wait=st.builds(WaitTime, st.integers(), TEXTS), image_url=st.none() | TEXTS, ttl=st.none() | st.integers(),
    button_1=BUTTONS, button_2=BUTTONS, totals=st.builds(Totals, *[st.integers()] * 4),
    last_sent_at=st.none() | MOMENTS, changed_at=st.none() | MOMENTS, created_at=st.none() | MOMENTS,
)  # fmt: skip
CONTENTS: Final = FLOWS.map(FlowContent.of)
ANY_WRITE_ONLY: Final = st.builds(WriteOnlyFields, *[st.none() | TEXTS] * 4)
ANY_DESIRED_FLOW: Final = st.builds(
    DesiredFlow, CONTENTS, ANY_WRITE_ONLY, st.none() | st.from_regex(r"[a-z0-9]{1,32}", fullmatch=True)
)
ANY_REQUEST: Final = st.builds(
    ChangeRequest, token=st.uuids().map(str), requester=PEOPLE, channel=CHANNELS, website=NUMBERS,
    flow=st.none() | NUMBERS, before=st.none() | FLOWS, wanted=st.none() | ANY_DESIRED_FLOW,
    picture=st.none() | st.builds(ImageUpload, TEXTS, TEXTS, TEXTS), typed=st.dictionaries(TEXTS, TEXTS, max_size=3),
    reason=TEXTS, locale=st.none() | TEXTS, timezone=st.none() | TEXTS,
    not_before=st.none() | MOMENTS, ends_at=st.none() | MOMENTS,
)  # fmt: skip
RULES: Final = st.builds(
    ApprovalRule, required_for=st.just(tuple(Gate)), quorum=st.integers(1, 100), self_approval=st.booleans(),
    expires_after_hours=st.integers(1, 8760), channel=st.none() | CHANNELS,
    break_glass=st.lists(PEOPLE, max_size=2).map(tuple),
    notify=st.sampled_from(NotifyMode),
)  # fmt: skip
OUTCOMES: Final = st.builds(Outcome, TEXTS, PLAIN, st.none() | NUMBERS)
PROGRESS: Final = st.builds(
    Progress, st.none() | st.builds(Closure, PEOPLE, st.sampled_from(ClosureKind), TEXTS),
    st.none() | st.from_regex(r"[a-z0-9]{1,32}", fullmatch=True), st.integers(0, 9), st.booleans(),
    starts_at=st.none() | MOMENTS, waits_since=st.none() | MOMENTS, put_off_version=st.integers(0, 9),
)  # fmt: skip
IMAGES: Final = st.builds(ImageFile, st.binary(max_size=100), st.just("image/png"), TEXTS)
ANY_UPDATE: Final = st.fixed_dictionaries(
    {}, optional={
        "rule": RULES, "progress": PROGRESS, "outcome": OUTCOMES, "due_at": MOMENTS, "sent_at": MOMENTS,
        "changed_at": MOMENTS, "newest_before": NUMBERS, "lease_owner": st.none() | st.just("another"),
        "lease_until": st.none() | MOMENTS,
    },
)  # fmt: skip
"""What a move may bring besides the state."""
