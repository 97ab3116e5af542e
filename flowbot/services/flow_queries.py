"""Queries of flows: lists and single flows, as a channel may see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from flowbot.domain.flow import Flow
from flowbot.domain.ids import MAX_ID, ChannelId, FlowId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.search import PAGE_SIZE, FlowQuery, IndexedFlow, Page, find_website, paginate, search
from flowbot.errors import DependencyError, UserError
from flowbot.services.authorization import Permissions, require, require_visible
from flowbot.services.flow_cache import FlowCache, Snapshot
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.storage import ChannelScope, PolicyStore
from flowbot.services.users import CurrentUser

STALE_SECONDS: Final = 60.0
"""A list older than this says so."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list as it was asked for: what to look for, the website as it was typed, and the page.

    `website_at` is the number of words that were typed before the website: those after it may belong to its name.
    """

    query: FlowQuery = field(default_factory=FlowQuery)
    website: str | None = None
    website_at: int = 0
    page: int = 1


@dataclass(frozen=True, slots=True)
class FlowList:
    """One page of the flows that match. `as_of` is when Enkapush said so, where that is worth telling.

    `unread` is how many flows of these websites could not be read, and so may be missing.
    """

    request: ListRequest
    page: Page[Flow]
    website_names: Mapping[WebsiteId, str]
    may_share: bool
    as_of: datetime | None = None
    may_edit: bool = False
    unread: int = 0


@dataclass(frozen=True, slots=True)
class FlowDetails:
    """One flow whole. `as_of` is set where Enkapush did not answer and this is what was kept from before."""

    flow: Flow
    website_names: Mapping[WebsiteId, str]
    may_share: bool
    may_edit: bool
    as_of: datetime | None = None


class FlowQueries:
    """The use cases that only read. Each decides afresh whether this person may, here, now."""

    def __init__(self, policies: PolicyStore, catalog: FlowCache, source: FlowSource) -> None:
        self._policies = policies
        self._catalog = catalog
        self._source = source

    async def rights(self, reader: CurrentUser, channel: ChannelId) -> Permissions:
        """What `reader` may do in `channel`.

        Raises:
            DependencyError: the database did not answer.
        """
        scope = await self._policies.get_scope(channel)
        decisions = {permission: decide(scope.policy, reader.actor, permission) for permission in Permission}
        return Permissions(decisions, scope.policy, scope.website_names)

    async def list_flows(
        self, reader: CurrentUser, channel: ChannelId, request: ListRequest, *, turning: bool = False
    ) -> FlowList:
        """A page of the channel's flows that match `request`.

        Args:
            reader: who asks.
            channel: where.
            request: what for.
            turning: whether this turns a page of a list that is already there; then a page that is gone by now
                becomes the last one.

        Raises:
            UserError: not allowed, no such website here, or no such page.
            DependencyError: Enkapush or the database failed, and nothing was kept.
        """
        policy, scope = await self._allowed(reader, channel, Permission.VIEW)
        snapshot = await (self._catalog.get_for_paging() if turning else self._catalog.get_latest())
        names = _all_website_names(scope.website_names, snapshot) if policy.websites == "all" else scope.website_names
        request = _resolve_website(request, policy, names)
        found = search(_visible_flows(snapshot.flows, policy), request.query)
        pages = max(1, -(-len(found) // PAGE_SIZE))
        entries = paginate(found, min(request.page, pages) if turning else request.page)
        if entries is None:
            said = "list.no_such_page_yet" if snapshot.is_stale else "list.no_such_page"
            raise UserError(said, page=request.page, pages=pages, n=len(found))
        page = Page(tuple(entry.flow for entry in entries.items), entries.number, entries.pages, entries.total)
        return FlowList(
            request=replace(request, page=page.number),
            page=page,
            website_names=scope.website_names,
            may_share=decide(policy, reader.actor, Permission.SHARE).allowed,
            may_edit=decide(policy, reader.actor, Permission.EDIT).allowed,
            as_of=snapshot.taken_at if snapshot.is_stale or self._catalog.age(snapshot) > STALE_SECONDS else None,
            unread=_count_unread(snapshot, policy, request.query.website),
        )

    async def get_flow(self, reader: CurrentUser, channel: ChannelId, flow_id: FlowId) -> FlowDetails:
        """One flow of the channel's websites.

        Raises:
            UserError: not allowed; or no such flow, which is also the answer for a flow of another website.
            DependencyError: Enkapush or the database failed, and nothing was kept.
        """
        policy, scope = await self._allowed(reader, channel, Permission.VIEW)
        found, as_of = await self._flow(flow_id, policy)
        flow = require_visible(found, flow_id, policy)
        may_share = decide(policy, reader.actor, Permission.SHARE).allowed
        may_edit = decide(policy, reader.actor, Permission.EDIT).allowed
        return FlowDetails(flow, scope.website_names, may_share, may_edit, as_of)

    async def require_share(self, reader: CurrentUser, channel: ChannelId) -> None:
        """Make sure that `reader` may post to `channel` for all to see.

        Raises:
            UserError: not allowed.
        """
        await self._allowed(reader, channel, Permission.SHARE)

    async def _allowed(
        self, reader: CurrentUser, channel: ChannelId, permission: Permission
    ) -> tuple[ChannelPolicy, ChannelScope]:
        scope = await self._policies.get_scope(channel)
        return require(scope.policy, reader, permission), scope

    async def _flow(self, flow_id: FlowId, policy: ChannelPolicy) -> tuple[Flow | None, datetime | None]:
        """The flow as it is, or as it was when Enkapush last answered, with that time.

        What the channel may not see is not looked for in what was kept, so that a failure tells nothing about it.
        """
        if not 0 < flow_id <= MAX_ID:
            return None, None
        try:
            return await self._source.get_flow(flow_id), None
        except DependencyError:
            kept = _find_cached(self._catalog.snapshot, flow_id, policy)
            if kept is None:
                raise
            log.warning("reading.from_kept", flow=flow_id)
            return kept


def _find_cached(snapshot: Snapshot | None, flow_id: FlowId, policy: ChannelPolicy) -> tuple[Flow, datetime] | None:
    if snapshot is None:
        return None
    visible = _visible_flows(snapshot.flows, policy)
    return next(((entry.flow, snapshot.taken_at) for entry in visible if entry.flow.id == flow_id), None)


def _visible_flows(flows: Sequence[IndexedFlow], policy: ChannelPolicy) -> Sequence[IndexedFlow]:
    """What the channel's policy does not name is gone before anything is counted."""
    # The policy is asked once a website: there are a few, and may be a hundred thousand flows.
    websites = {entry.flow.website_id for entry in flows}
    named = {website for website in websites if policy.covers_website(website)}
    return [entry for entry in flows if entry.flow.website_id in named]


def _count_unread(snapshot: Snapshot, policy: ChannelPolicy, website: WebsiteId | None) -> int:
    """How many flows of the channel's websites, or of one of them, could not be read.

    One whose website could not be read either may be of any: only a channel that works with all of them is told.
    """
    is_told = {
        place: policy.websites == "all" if place is None else policy.covers_website(place)
        for place in set(snapshot.unread)
    }
    return sum(is_told[place] and website in {None, place} for place in snapshot.unread)


def _resolve_website(request: ListRequest, policy: ChannelPolicy, names: Mapping[WebsiteId, str]) -> ListRequest:
    """The request with the website that the person named, which must be one of the channel's.

    A name of several words needs no quotes: as many of the words behind it as make up a name are taken for it.
    """
    if request.website is None:
        return request
    visible, words, at = visible_website_names(policy, names), request.query.words, request.website_at
    for end in range(len(words), at - 1, -1):
        website = find_website(" ".join((request.website, *words[at:end])), visible)
        if website is not None:
            return replace(request, query=replace(request.query, website=website, words=words[:at] + words[end:]))
    raise UserError("list.no_such_website", website=request.website, known=sorted(visible.values()))


def _all_website_names(names: Mapping[WebsiteId, str], snapshot: Snapshot) -> dict[WebsiteId, str]:
    """Of a channel that works with all websites: those with a name, and those that flows are on."""
    return {entry.flow.website_id: str(entry.flow.website_id) for entry in snapshot.flows} | dict(names)


def visible_website_names(policy: ChannelPolicy, names: Mapping[WebsiteId, str]) -> dict[WebsiteId, str]:
    """The names of the channel's websites; one without a name goes by its id."""
    if policy.websites == "all":
        return dict(names)
    return {website: names.get(website, str(website)) for website in policy.websites}
