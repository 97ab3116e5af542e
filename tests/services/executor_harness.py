"""A harness of the executor: a fake Enkapush whose writes go wrong on demand, and a real database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import submission_event
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease, Outcome
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.images import ImageFile, ImageUpload
from flowbot.errors import EnkapushFaultError, UserError
from flowbot.services.executor.context import IMAGES_AT_ONCE, ExecutionContext
from flowbot.services.executor.writer import ChangeWriter
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports.enkapush import AllFlows, FlowUpdate, Segment, WriteRefusedError, WriteUnclearError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.unit_of_work import Database

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE: Final = Lease("here", NOON + timedelta(hours=1))
CONTENT: Final = FlowContent(WebsiteId(1), "Name", "Title", "Text", WaitTime(1, "days"), url="https://x.example")
NEW: Final = DesiredFlow(CONTENT, WriteOnlyFields(segment="all"))


def flow_of(content: FlowContent, number: int, **other: Any) -> Flow:
    return Flow(
        id=FlowId(number),
        website_id=content.website_id,
        name=content.name,
        title=content.title,
        description=content.description,
        wait=content.wait,
        url=content.url,
        ttl=content.ttl,
        is_silent=content.is_silent,
        is_auto_hide=content.is_auto_hide,
        button_1=content.button_1,
        button_2=content.button_2,
        **({"is_enabled": False} | other),
    )


@dataclass
class FakeEnkapush:
    """A fake Enkapush: its flows, what was written, and how the next writes and reads end.

    An entry of `write_effects` is `lost` (no effect, no answer), `mute` (effect, no answer), `late` (no answer, and the
    effect comes two reads later), `deaf` (an answer, no effect), `enabled` (made enabled) or a reason why it is
    refused.
    """

    flows: dict[int, Flow] = field(default_factory=dict)
    created: list[FlowContent] = field(default_factory=list)
    updates: list[FlowUpdate] = field(default_factory=list)
    switched: list[FlowId] = field(default_factory=list)
    write_effects: list[str] = field(default_factory=list)
    failing_reads: int = 0
    pauses: list[float] = field(default_factory=list)
    arriving: list[Flow] = field(default_factory=list)

    def now(self) -> datetime:
        return NOON

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.arriving and len(self.pauses) > 2:
            arrived = self.arriving.pop()
            self.flows[arrived.id] = arrived

    async def list_segments(self) -> Sequence[Segment]:
        return ()

    async def get_segment(self, segment: int) -> Segment | None:
        return None

    async def list_flows(self) -> AllFlows:
        self._check_reachable()
        return AllFlows(list(self.flows.values()))

    async def find_newest(self) -> FlowId | None:
        self._check_reachable()
        return max((flow.id for flow in self.flows.values()), default=None)

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        self._check_reachable()
        return self.flows.get(flow_id)

    def _check_reachable(self) -> None:
        if self.failing_reads:
            self.failing_reads -= 1
            raise EnkapushFaultError("down")

    async def create(self, content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        self.created.append(content)
        how = self._start_write()
        made = flow_of(content, max(self.flows, default=0) + 1, is_enabled=how == "enabled")
        if how == "late":
            self.arriving.append(made)
        elif how != "lost":
            self.flows[made.id] = made
        self._end_write(how)
        return made.id

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        self.updates.append(update)
        how = self._start_write()
        if how not in {"lost", "deaf"}:
            image_url = "https://x.example/new.png" if update.image else self.flows[flow].image_url
            noted = NOON + timedelta(seconds=len(self.updates))
            self.flows[flow] = flow_of(update.wanted, flow, image_url=image_url, changed_at=noted)
        self._end_write(how)

    def _start_write(self) -> str:
        how = self.write_effects.pop(0) if self.write_effects else "well"
        if how.startswith("not_done"):
            raise WriteRefusedError(how)
        return how

    def _end_write(self, how: str) -> None:
        if how in {"lost", "mute", "late"}:
            raise WriteUnclearError

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        self._switch(flow, replace(self.flows[flow], is_enabled=enabled))

    async def delete(self, flow: FlowId) -> None:
        self._switch(flow, None)

    def _switch(self, flow: FlowId, after: Flow | None) -> None:
        self.switched.append(flow)
        how = self._start_write()
        if how not in {"lost", "deaf"}:
            self.flows.pop(flow)
            self.flows |= {flow: after} if after else {}
        self._end_write(how)

    async def fetch_for(self, flow: Flow) -> ImageFile | None:
        return ImageFile(b"\x89PNG\r\n\x1a\n", "image/png", f"{flow.id}.png")

    async def fetch(self, upload: ImageUpload) -> ImageFile:
        if upload.name == "none":
            raise UserError("form.problem_image_type")
        return ImageFile(b"\x89PNG\r\n\x1a\n", "image/png", upload.name)


async def allow(_change: Change, _now: datetime) -> Outcome | None:
    """Find nothing that stands against a change."""
    return None


class Harness:
    """A fake Enkapush, a database, and changes to execute.

    Attributes:
        is_sure: Whether this process knows that it still holds the lease.
    """

    def __init__(self, database: Database) -> None:
        self.enkapush = FakeEnkapush()
        self.is_sure = True
        self.store = ChangeRepository(database, self.enkapush.now)
        account = self.enkapush
        self.flow_cache = FlowCache(account, clock=account.now, monotonic=lambda: 0.0)
        context = ExecutionContext(
            store=self.store,
            images=ImageRepository(database),
            form_images=account,
            flow_images=account,
            source=account,
            writer=account,
            flow_cache=self.flow_cache,
            clock=account.now,
            monotonic=lambda: 0.0,
            owner=HERE.owner,
            holds_lease=lambda _: self.is_sure,
            find_blocker=allow,
            image_slots=asyncio.Semaphore(IMAGES_AT_ONCE),
            sleep=account.sleep,
        )
        self.writer = ChangeWriter(context)

    async def submit(
        self,
        kind: ChangeKind,
        wanted: DesiredFlow | None = None,
        *,
        state: ChangeState = ChangeState.APPLYING,
        **other: Any,
    ) -> Change:
        """Submit a change that this process has in hand, about to be written where no other state is given."""
        new = ChangeRequest(
            token=FormToken(f"t{kind}{other.pop('number', 1)}"),
            kind=kind,
            requester=UserId("U0EMMA"),
            channel=ChannelId("C1"),
            website=WebsiteId(1),
            wanted=wanted,
            **other,
        )
        record, _ = await self.store.submit(new, HERE, submission_event(new, NOON))
        change = record.change
        rule = ApprovalRule() if state is ChangeState.PENDING else None
        return await self.store.replace_if_unchanged(change, replace(change, state=state, rule=rule))

    async def submit_edit(self, wanted: DesiredFlow, before: Flow, **other: Any) -> Change:
        """Submit an edit of `before`."""
        return await self.submit(ChangeKind.EDIT, wanted, flow=before.id, before=before, **other)
