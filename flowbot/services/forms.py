"""What a form needs before it can be shown, and what was typed into one and not saved."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

import structlog

from flowbot.domain.change import UNSUCCESSFUL, ChangeKind, ChangeRequest, ChangeState, Draft
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId, parse_website_id
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.urls import hostname
from flowbot.domain.validation import matches_flow
from flowbot.errors import DependencyError, UserError
from flowbot.services.authorization import decide_in_channel, load_visible_flow, require
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_queries import visible_website_names
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.enkapush import FlowSource, Segment, SegmentSource
from flowbot.services.ports.storage import ChangeStore, ChannelScope, DraftStore, PolicyStore
from flowbot.services.ttl_cache import TtlCache
from flowbot.services.users import CurrentUser, MemberLookup

KEEP_DRAFTS: Final = timedelta(days=1)
SEGMENTS_SECONDS: Final = 60.0
SEGMENTS_PATIENCE_SECONDS: Final = 3.0
"""How long a form waits for the segments; then it opens without them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FormContext:
    """What a form is made of.

    Attributes:
        kind: CREATE (a duplicate too) or EDIT.
        websites: The channel's websites by name, in order of their names.
        segments: Those of all these websites; None where Enkapush did not say.
        before: The flow that is edited or duplicated.
        draft: What this person typed before and did not save, if anything; not what is being saved, or may be saved.
        has_open_request: Whether a request for this flow waits: until it is decided, no edit of it is taken.
    """

    kind: ChangeKind
    websites: Mapping[WebsiteId, str]
    segments: Sequence[Segment] | None
    before: Flow | None
    draft: Draft | None
    has_open_request: bool = False

    def segments_of(self, website: WebsiteId | None) -> list[Segment] | None:
        """One website's segments, or None where Enkapush did not say."""
        if self.segments is None:
            return None
        return [segment for segment in self.segments if segment.website_id == website]


class FormService:
    """The use cases around forms that do not write to Enkapush."""

    def __init__(  # noqa: PLR0913 - what a form needs comes from many places; they are joined here once
        self,
        *,
        policies: PolicyStore,
        changes: ChangeStore,
        catalog: FlowCache,
        source: FlowSource,
        segments: SegmentSource,
        drafts: DraftStore,
        members: MemberLookup,
        clock: Clock,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._policies = policies
        self._changes = changes
        self._catalog = catalog
        self._source = source
        self._segments = segments
        self._drafts = drafts
        self._members = members
        self._clock = clock
        self._turns: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()
        self._kept: TtlCache[str, Sequence[Segment]] = TtlCache(SEGMENTS_SECONDS, monotonic=monotonic)

    async def require_edit(self, reader: CurrentUser, channel: ChannelId, where: ChannelId | None) -> None:
        """Make sure that `reader` may make and edit flows in `channel`.

        Args:
            reader: who wants to.
            channel: the one whose policy decides.
            where: the one that they act from; None where that is not known.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        policy = (await self._policies.get_scope(channel)).policy
        decision = await decide_in_channel(policy, reader, where, self._members, Permission.EDIT)
        if not decision.allowed:
            raise UserError(decision.reason.key)

    async def load_form(
        self, reader: CurrentUser, channel: ChannelId, kind: ChangeKind, flow_id: FlowId | None, *, fresh: bool = False
    ) -> FormContext:
        """What the form is made of: a new flow's, an edit's, or a duplicate's (a new flow that begins as another).

        Args:
            reader: who opens it.
            channel: where.
            kind: CREATE or EDIT.
            flow_id: the flow to edit or to duplicate.
            fresh: whether what was typed before is left alone.

        Raises:
            UserError: not allowed, no such flow here, or a flow that may not be edited.
            DependencyError: Enkapush or the database did not answer.
        """
        policy, scope = await self._allowed(reader, channel)
        flow = None if flow_id is None else await load_visible_flow(self._source, flow_id, policy)
        segments, websites = await asyncio.gather(self._all_segments(), self._websites(policy, scope))
        if not websites:
            raise UserError("form.no_website")
        draft = None if fresh else await self._draft(reader, channel, kind, flow_id)
        is_asked = kind is ChangeKind.EDIT and flow_id is not None and await self._is_asked(flow_id)
        return FormContext(kind, websites, segments, flow, draft, is_asked)

    async def load_draft(self, reader: CurrentUser, token: FormToken) -> Draft:
        """What this person typed into one form.

        Raises:
            UserError: it is not kept any more, or somebody else typed it.
        """
        kept = await self._drafts.get(token)
        draft = kept if kept and kept.typed else await self._submitted(token)
        if draft is None or draft.user != reader.id or draft.changed_at < self._clock() - KEEP_DRAFTS:
            raise UserError("form.draft_gone")
        return draft

    async def find_draft(self, token: FormToken) -> Draft | None:
        """What was typed into one form, whoever asks: for telling its author."""
        return await self._drafts.get(token)

    async def save_draft(self, draft: Draft, *, instead_of: FormToken | None = None) -> None:
        """Keep what was typed so far; `instead_of` is the form that it was typed into before, if another."""
        await self._drafts.save(draft, replaces=instead_of)

    async def save_input(self, user: UserId, token: FormToken, typed: Mapping[str, str], at: datetime) -> None:
        """Keep what `user` has typed, by `at`, into a form that is open, or was until just now.

        What was started over or saved meanwhile, maybe in another window, is no draft any more; nor is a form that
        holds what it showed at first.
        """
        async with self._turn(user):
            kept = await self._drafts.get(token)
            if kept is None or kept.user != user:
                return
            untouched = kept.before is not None and matches_flow(typed, kept.before, kept.kind)
            await self._drafts.save(replace(kept, typed={} if untouched else typed, changed_at=at))

    async def discard_draft(self, token: FormToken) -> None:
        """Forget what was typed."""
        await self._drafts.delete(token)

    async def load_menus(self, reader: CurrentUser, channel: ChannelId) -> FormContext:
        """What an open form may offer now.

        Raises:
            UserError: not allowed any more.
            DependencyError: the database did not answer.
        """
        policy, scope = await self._allowed(reader, channel)
        segments, websites = await asyncio.gather(self._all_segments(), self._websites(policy, scope))
        return FormContext(ChangeKind.CREATE, websites, segments, None, None)

    async def load_submission_context(
        self, channel: ChannelId, token: FormToken, website: str
    ) -> tuple[Flow | None, frozenset[WebsiteId]]:
        """What a submitted form is checked against: the flow that it showed, and the websites that may be chosen now.

        Rights are not looked at: whoever carries the change out judges them.

        Args:
            channel: where the form was opened.
            token: the form's own.
            website: the website that was chosen, as typed.

        Raises:
            DependencyError: the database did not answer.
        """
        scope = await self._policies.get_scope(channel)
        draft = await self._drafts.get(token)
        chosen = parse_website_id(website)
        may = chosen is not None and scope.policy is not None and scope.policy.covers_website(chosen)
        return (draft.before if draft else None), frozenset({chosen} if chosen and may else ())

    def known_hosts(self, website: WebsiteId, but: FlowId | None) -> frozenset[str]:
        """The hosts that the website's other flows lead to, as far as is known without asking."""
        kept = self._catalog.snapshot
        flows = (entry.flow for entry in kept.flows) if kept else ()
        links = (flow.url for flow in flows if flow.website_id == website and flow.id != but)
        return frozenset(host for host in map(hostname, links) if host)

    def find_segment_name(self, segment: str) -> str | None:
        """A segment's name, as far as is known without asking."""
        return next((each.name for each in self._kept.peek("all") or () if str(each.id) == segment), None)

    async def close(self) -> None:
        """End what is under way."""
        await self._kept.close()

    async def _allowed(self, reader: CurrentUser, channel: ChannelId) -> tuple[ChannelPolicy, ChannelScope]:
        scope = await self._policies.get_scope(channel)
        return require(scope.policy, reader, Permission.EDIT), scope

    async def _is_asked(self, flow: FlowId) -> bool:
        """Whether a request for the flow waits. Whatever else is done to it is over in a moment."""
        current = await self._changes.open_change_of(flow)
        return current is not None and current.state is ChangeState.PENDING

    async def _all_segments(self) -> Sequence[Segment] | None:
        try:
            async with asyncio.timeout(SEGMENTS_PATIENCE_SECONDS):
                return await self._kept.get("all", self._segments.list_segments)
        except (DependencyError, TimeoutError) as error:
            log.warning("forms.no_segments", error=str(error) or "slow")
            return None

    async def _websites(self, policy: ChannelPolicy, scope: ChannelScope) -> dict[WebsiteId, str]:
        """The channel's websites by name. Where it works with all: those with a name, and those that flows are on."""
        names = visible_website_names(policy, scope.website_names)
        if policy.websites == "all":
            try:
                flows = (await self._catalog.get_latest()).flows
            except DependencyError:
                flows = ()
            seen = {entry.flow.website_id for entry in flows}
            names |= {website: str(website) for website in seen if website not in names}
        return dict(sorted(names.items(), key=lambda item: (item[1].casefold(), item[0])))

    async def _draft(
        self, reader: CurrentUser, channel: ChannelId, kind: ChangeKind, flow_id: FlowId | None
    ) -> Draft | None:
        """What was typed before and not saved."""
        async with self._turn(reader.id):
            draft = await self._drafts.find_latest(reader.id, channel, kind, flow_id, self._clock() - KEEP_DRAFTS)
        if draft is None:
            return None
        return None if await self._may_be_saved(draft.token) else draft

    def _turn(self, user: UserId) -> asyncio.Lock:
        """Held while one person's typing is kept or looked for: who types and comes back at once finds it all."""
        return self._turns.setdefault(user, asyncio.Lock())

    async def _may_be_saved(self, token: FormToken) -> bool:
        """Whether the form was submitted, and it is not certain that nothing comes of that."""
        change = await self._changes.get_by_token(token)
        return change is not None and change.state not in UNSUCCESSFUL

    async def _submitted(self, token: FormToken) -> Draft | None:
        """What was submitted by a form that was not saved, or of which that is not known.

        A form that was opened meanwhile has taken its draft over, and what waited for approval has none: the change
        still tells what was typed.
        """
        change = await self._changes.get_by_token(token)
        if change is None or change.state not in {ChangeState.UNKNOWN, *UNSUCCESSFUL}:
            return None
        return draft_from_change(change.request, change.request.before, change.changed_at)


def draft_from_change(asked: ChangeRequest, before: Flow | None, at: datetime) -> Draft:
    """What was typed for a change, as a draft of that moment. A duplicate's flow is the one that it began as."""
    flow = asked.flow or (before.id if before else None)
    return Draft(asked.token, asked.requester, asked.channel, asked.kind, flow, before, asked.typed, at)
