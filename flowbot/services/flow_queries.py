"""Flow queries: lists and single flows, as a channel may see them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

import structlog

from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.search import PAGE_SIZE, FlowQuery, IndexedFlow, Page, match_website, paginate, search
from flowbot.errors import DependencyError, UserError
from flowbot.services.authorization import covers_unreadable, load_visible_flow, require_permission
from flowbot.services.flow_cache import FlowCache, Snapshot
from flowbot.services.flow_settings import FlowSettings, FlowSettingsLoader
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.policies import NO_FLOW_TIMES, ChannelScope, FlowTimes, PolicyStore
from flowbot.services.recent_figures import RecentFigures, WeekFigures
from flowbot.services.ttl_cache import SingleFlight
from flowbot.services.users import CurrentUser

STALE_SECONDS: Final = 60.0
"""A list that is older says so."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list as it was requested: the query, the website as it was typed, and the page.

    `website_at` is the number of words that were typed before the website: those after it may belong to its name.
    """

    query: FlowQuery = field(default_factory=FlowQuery)
    website: str | None = None
    website_at: int = 0
    page: int = 1


@dataclass(frozen=True, slots=True)
class FlowList:
    """One page of the flows that match.

    Attributes:
        websites: The channel's websites, by name where they have one.
        as_of: When Enkapush said so, where that is worth telling.
        unreadable: The number of flows of these websites that could not be read, and so may be missing.
        times: When flows go live and are disabled, as far as that is scheduled.
    """

    request: ListRequest
    page: Page[Flow]
    website_names: Mapping[WebsiteId, str]
    websites: Mapping[WebsiteId, str]
    may_share: bool
    as_of: datetime | None = None
    may_edit: bool = False
    unreadable: int = 0
    times: Mapping[FlowId, FlowTimes] = field(default_factory=dict)

    def without_content(self) -> Self:
        """Return the list for readers of another organisation: without the words that were looked for in pushes."""
        query = replace(self.request.query, words=())
        return replace(self, request=replace(self.request, query=query))


@dataclass(frozen=True, slots=True)
class FlowDetails:
    """One flow.

    Attributes:
        as_of: Set where Enkapush did not answer and this is a cached flow.
        shows_content: Whether its readers may see the push.
        times: When it goes live and is disabled, as far as that is scheduled.
        week: What it did in the last week, as far as that is known.
    """

    flow: Flow
    website_names: Mapping[WebsiteId, str]
    may_share: bool
    may_edit: bool
    as_of: datetime | None = None
    settings: FlowSettings = field(default_factory=FlowSettings)
    shows_content: bool = True
    times: FlowTimes = NO_FLOW_TIMES
    week: WeekFigures | None = None

    def without_content(self) -> Self:
        """Return the details for readers of another organisation: without the push and its settings."""
        return replace(self, settings=FlowSettings(), shows_content=False)


@dataclass(frozen=True, slots=True)
class VisibleFlows:
    """The flows of a channel's websites.

    Attributes:
        as_of: When Enkapush said so, where that is worth telling.
    """

    snapshot: Snapshot
    policy: ChannelPolicy
    website_names: Mapping[WebsiteId, str]
    as_of: datetime | None = None

    @property
    def websites(self) -> Collection[WebsiteId] | None:
        """Return the channel's websites; None where it has all of them."""
        return self.policy.named_websites

    def list_all(self) -> list[Flow]:
        """Return all of them, newest first."""
        return [entry.flow for entry in visible_flows(self.snapshot, self.policy)]

    def find(self, wanted: Collection[FlowId]) -> list[Flow]:
        """Return those of `wanted` that there are; quicker than looking among all."""
        found = [entry.flow for entry in self.snapshot.flows if entry.flow.id in wanted]
        return [flow for flow in found if self.policy.covers_website(flow.website_id)]


class FlowQueries:
    """The use cases that only read. Each checks the person's permissions in the channel anew."""

    def __init__(
        self,
        policies: PolicyStore,
        flow_cache: FlowCache,
        source: FlowSource,
        settings: FlowSettingsLoader,
        recent: RecentFigures,
    ) -> None:
        self._policies = policies
        self._scopes: SingleFlight[ChannelId, ChannelScope] = SingleFlight()
        self._settings = settings
        self._recent = recent
        self._flow_cache = flow_cache
        self._source = source

    async def list_flows(
        self, user: CurrentUser, channel: ChannelId, request: ListRequest, *, turning: bool = False
    ) -> FlowList:
        """List a page of the channel's flows that match.

        Args:
            user: the person.
            channel: the channel.
            request: the query and the page.
            turning: whether this turns a page of a list that is already there; then a page that is gone by now
                becomes the last one.

        Raises:
            UserError: not allowed, no such website here, or no such page.
            DependencyError: Enkapush or the database failed, and nothing is cached.
        """
        policy, scope = await self._require(user, channel, Permission.VIEW)
        snapshot = await (self._flow_cache.get_for_paging() if turning else self._flow_cache.get_latest())
        names = dict(scope.website_names)
        if policy.websites == "all":
            names = {website: str(website) for website in snapshot.websites} | names
        websites = visible_website_names(policy, names)
        request = _resolve_website(request, websites)
        found = search(visible_flows(snapshot, policy), request.query)
        pages = max(1, -(-len(found) // PAGE_SIZE))
        entries = paginate(found, min(request.page, pages) if turning else request.page)
        if entries is None:
            key = "list.no_such_page_yet" if snapshot.is_stale else "list.no_such_page"
            raise UserError(key, page=request.page, pages=pages, n=len(found))
        page = Page(tuple(entry.flow for entry in entries.items), entries.number, entries.pages, entries.total)
        return FlowList(
            request=replace(request, page=page.number),
            page=page,
            website_names=scope.website_names,
            websites=websites,
            may_share=decide(policy, user.actor, Permission.SHARE).allowed,
            may_edit=decide(policy, user.actor, Permission.EDIT).allowed,
            as_of=self._find_age(snapshot),
            unreadable=_count_unreadable(snapshot, policy, request.query.website),
            times=scope.times,
        )

    async def view_flows(self, user: CurrentUser, channel: ChannelId) -> VisibleFlows:
        """Return the flows of the channel.

        Raises:
            UserError: not allowed.
            DependencyError: Enkapush or the database failed, and nothing is cached.
        """
        policy, scope = await self._require(user, channel, Permission.VIEW)
        snapshot = await self._flow_cache.get_latest()
        return VisibleFlows(snapshot, policy, scope.website_names, self._find_age(snapshot))

    async def get_flow(self, user: CurrentUser, channel: ChannelId, flow_id: FlowId) -> FlowDetails:
        """Return a flow of the channel's websites; the cached one where Enkapush does not answer.

        Raises:
            UserError: not allowed; NoSuchFlowError where there is no such flow, or it is another website's.
            DependencyError: Enkapush or the database failed, and nothing is cached.
        """
        policy, scope = await self._require(user, channel, Permission.VIEW)
        as_of: datetime | None = None
        try:
            flow = await load_visible_flow(self._source, flow_id, policy)
        except DependencyError:
            snapshot = self._flow_cache.snapshot
            # Searched among visible flows only, so that a failure tells nothing about the others.
            visible = visible_flows(snapshot, policy) if snapshot else ()
            kept = next((entry.flow for entry in visible if entry.flow.id == flow_id), None)
            if snapshot is None or kept is None:
                raise
            log.warning("reading.from_kept", flow=flow_id)
            flow, as_of = kept, snapshot.taken_at
        return FlowDetails(
            flow=flow,
            settings=await self._settings.load(flow),
            website_names=scope.website_names,
            may_share=decide(policy, user.actor, Permission.SHARE).allowed,
            may_edit=decide(policy, user.actor, Permission.EDIT).allowed,
            as_of=as_of,
            times=scope.times.get(flow_id, NO_FLOW_TIMES),
            week=await self._recent.load(flow_id),
        )

    async def require_share(self, user: CurrentUser, channel: ChannelId) -> ChannelPolicy:
        """Return the channel's policy, where a person may post to the channel for all to see.

        Raises:
            UserError: not allowed.
        """
        policy, _ = await self._require(user, channel, Permission.SHARE)
        return policy

    def _find_age(self, snapshot: Snapshot) -> datetime | None:
        """Return when a list was read, where it is old enough to say so."""
        is_old = snapshot.is_stale or self._flow_cache.age(snapshot) > STALE_SECONDS
        return snapshot.taken_at if is_old else None

    async def _require(
        self, user: CurrentUser, channel: ChannelId, permission: Permission
    ) -> tuple[ChannelPolicy, ChannelScope]:
        # Whatever was stored before the person asked counts; a crowd that asks at once needs few queries.
        scope = await self._scopes.run_anew(channel, lambda: self._policies.get_scope(channel))
        return require_permission(scope.policy, user, permission), scope


def visible_flows(snapshot: Snapshot, policy: ChannelPolicy) -> Sequence[IndexedFlow]:
    """Drop the flows that the channel's policy does not name, before anything is counted."""
    # The policy is asked once a website: there are a few, and may be a hundred thousand flows.
    visible = {website for website in snapshot.websites if policy.covers_website(website)}
    if visible == snapshot.websites:
        return snapshot.flows
    return [entry for entry in snapshot.flows if entry.flow.website_id in visible]


def _count_unreadable(snapshot: Snapshot, policy: ChannelPolicy, wanted: WebsiteId | None) -> int:
    """Count the flows of the channel's websites, or of one of them, that could not be read."""
    is_visible = {website: covers_unreadable(policy, website) for website in set(snapshot.unreadable)}
    return sum(is_visible[website] and wanted in {None, website} for website in snapshot.unreadable)


def _resolve_website(request: ListRequest, visible: dict[WebsiteId, str]) -> ListRequest:
    """Return the request with the website that was named, which must be one of the channel's.

    A name of several words needs no quotes: as many of the words behind it as make up a name are taken for it.
    """
    if request.website is None:
        return request
    words, at = request.query.words, request.website_at
    if (found := match_website(request.website, words[at:], visible)) is not None:
        website, taken = found
        return replace(request, query=replace(request.query, website=website, words=words[:at] + words[at + taken :]))
    raise UserError("list.no_such_website", website=request.website, known=sorted(visible.values()))


def visible_website_names(policy: ChannelPolicy, names: Mapping[WebsiteId, str]) -> dict[WebsiteId, str]:
    """Return the names of the channel's websites; one without a name goes by its id."""
    if policy.websites == "all":
        return dict(names)
    return {website: names.get(website, str(website)) for website in policy.websites}
