"""Forms of flows: what they are made of, drafts of what was typed, and the check of a submission."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

from flowbot.domain.approval_rule import Gate
from flowbot.domain.change import UNSUCCESSFUL, WAITING_STATES, Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.draft import Draft
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId, parse_website_id
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.revisions import may_revise
from flowbot.domain.validation import matches_flow
from flowbot.errors import DependencyError, UserError
from flowbot.services.authorization import decide_in_channel, explain_denial, load_visible_flow, require_permission
from flowbot.services.executor.preconditions import may_go_live
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_queries import visible_website_names
from flowbot.services.flow_settings import FlowSettings, FlowSettingsLoader
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.enkapush import FlowSource, Segment
from flowbot.services.ports.form_storage import DraftStore
from flowbot.services.ports.policies import ChannelScope, PolicyStore
from flowbot.services.users import CurrentUser, MemberLookup

KEEP_DRAFTS: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FormContext:
    """What a form is made of.

    Attributes:
        websites: The channel's websites by name, in order of their names.
        segments: The segments of all these websites; None where Enkapush did not say.
        before: The flow that is edited or duplicated.
        draft: What this person typed before and did not save; not what is being saved, or may be saved.
        open_request: The request for this flow that waits: until it is decided, nobody but its requester may edit it.
        revises: Whether an edit revises that request, whose approval begins anew.
        settings: What is known of that flow's segment and UTM values.
        needs_approval: Whether an edit of the flow needs approval.
        needs_reason: Whether whoever requests that has to say why.
    """

    websites: Mapping[WebsiteId, str]
    segments: Sequence[Segment] | None
    before: Flow | None
    draft: Draft | None
    open_request: Change | None = None
    revises: bool = False
    settings: FlowSettings = field(default_factory=FlowSettings)
    needs_approval: bool = False
    needs_reason: bool = False

    def is_of_request(self, draft: Draft) -> bool:
        """Check whether a draft is what the open request is about, which was saved."""
        return self.open_request is not None and draft.token == self.open_request.request.token

    def segments_of(self, website: WebsiteId | None) -> list[Segment] | None:
        """Return the segments of one of the channel's websites, none of any other; None where Enkapush did not say."""
        if self.segments is None:
            return None
        return [each for each in self.segments if each.website_id == website and website in self.websites]


@dataclass(frozen=True, slots=True)
class SubmissionContext:
    """What a submitted form is checked against.

    Attributes:
        channel: The channel of the form: Slack may have given it another id since the form was opened.
        before: The flow that the form showed.
        website: The chosen website; None where none was chosen, or one that is not the channel's.
    """

    channel: ChannelId
    before: Flow | None
    website: WebsiteId | None


class FormService:
    """The use cases around forms that do not write to Enkapush.

    Attributes:
        drafts: What was typed and not saved.
        flow_cache: The account's flows, also of other channels.
        settings: What is known of flows' segments and UTM values.
    """

    def __init__(  # noqa: PLR0913 - what a form needs comes from many places; they are joined here once
        self,
        *,
        policies: PolicyStore,
        store: ChangeStore,
        flow_cache: FlowCache,
        source: FlowSource,
        settings: FlowSettingsLoader,
        drafts: DraftStore,
        find_members: MemberLookup,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._store = store
        self.flow_cache = flow_cache
        self._source = source
        self.settings = settings
        self.drafts = drafts
        self._find_members = find_members
        self._clock = clock
        self._locks: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    async def require_edit(self, user: CurrentUser, channel: ChannelId, acting_from: ChannelId | None) -> None:
        """Make sure that a person may create and edit flows in a channel.

        Args:
            user: the person.
            channel: the channel whose policy decides.
            acting_from: the channel that they act from; None where that is not known.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        policy = (await self._policies.get_scope(channel)).policy
        decision = await decide_in_channel(policy, user, acting_from, self._find_members, Permission.EDIT)
        if not decision.allowed:
            raise UserError(explain_denial(decision, policy, Permission.EDIT))

    async def load_form(
        self, user: CurrentUser, channel: ChannelId, kind: ChangeKind, flow_id: FlowId | None, *, fresh: bool = False
    ) -> FormContext:
        """Load what a form is made of: a new flow's, an edit's, or a duplicate's (a new flow that begins as another).

        Args:
            user: the person who opens it.
            channel: the channel.
            kind: CREATE or EDIT.
            flow_id: the flow to edit or to duplicate.
            fresh: whether to leave alone what was typed before.

        Raises:
            UserError: not allowed, no such flow here (NoSuchFlowError), or a flow that may not be edited.
            DependencyError: Enkapush or the database did not answer.
        """
        policy, scope = await self._require(user, channel)
        flow = None if flow_id is None else await load_visible_flow(self._source, flow_id, policy)
        segments, websites = await asyncio.gather(self.settings.segments.get_all(), self._list_websites(policy, scope))
        if not websites:
            raise UserError("form.no_known_website" if policy.websites == "all" else "form.no_website")
        draft = None if fresh else await self._find_unsaved_draft(user, channel, kind, flow_id)
        # Only a pending request lasts; whatever else is done to the flow is over in a moment.
        needs_approval, waiting = False, None
        if kind is ChangeKind.EDIT and flow is not None:
            current = await self._store.open_change_of(flow.id)
            if Gate.EDIT_ENABLED in policy.approval.required_for:
                needs_approval = flow.is_enabled or await may_go_live(self._store, flow.id, self._clock())
            waiting = current if current is not None and current.state in WAITING_STATES else None
        revises = waiting is not None and may_revise(waiting, kind, user.id)
        if revises and waiting is not None and draft is None and not fresh:
            draft = draft_of_waiting(waiting)
        settings = await self.load_settings(flow, kind)
        needs_reason = needs_approval and policy.approval.reason_required
        return FormContext(
            websites=websites,
            segments=segments,
            before=flow,
            draft=draft,
            open_request=waiting,
            revises=revises,
            settings=settings,
            needs_approval=needs_approval,
            needs_reason=needs_reason,
        )

    async def load_settings(self, flow: Flow | None, kind: ChangeKind) -> FlowSettings:
        """Load what is known of the flow that a form edits or duplicates; a copy takes no segment that is gone.

        Raises:
            DependencyError: the database did not answer.
        """
        if flow is None:
            return FlowSettings()
        settings = await self.settings.load(flow)
        if kind is ChangeKind.EDIT:
            return settings
        return replace(settings, known=await self.settings.load_restorable(flow))

    async def load_draft(self, user: CurrentUser, token: FormToken) -> Draft:
        """Load what a person typed into one form.

        Where the form's draft is gone, since another form took it over or the request was pending, a change that was
        not saved as it was typed, may not be, or waits, still tells what was typed. An own request to enable a flow
        stands for the form of that flow, in the channel that the request is of by now; nothing was typed for it.

        Raises:
            UserError: it is not stored any more, or somebody else typed it.
        """
        draft = await self.drafts.get(token)
        if draft is None or not draft.typed:
            change = await self._store.get_by_token(token)
            if change is not None and (waiting := draft_of_waiting(change)) and waiting.user == user.id:
                # However long that has waited.
                return waiting
            if change is not None and change.request.kind is ChangeKind.ENABLE and change.request.requester == user.id:
                return replace(draft_from_change(change.request, None, self._clock()), kind=ChangeKind.EDIT)
            draft = None if change is None else draft_of_unsaved(change)
        if draft is None or draft.user != user.id or draft.changed_at < self._clock() - KEEP_DRAFTS:
            raise UserError("form.draft_gone")
        return draft

    async def save_input(
        self, user: UserId, token: FormToken, typed: Mapping[str, str], at: datetime, name_copy: Callable[[str], str]
    ) -> None:
        """Store what a person has typed, by `at`, into a form that is open, or was until just now.

        Nothing is stored where the form was started over or saved meanwhile, maybe in another window. A form that shows
        what it showed at first has no draft.

        Args:
            user: the person.
            token: the form's own.
            typed: its values.
            at: the moment.
            name_copy: returns the name that a duplicate's form showed at first.
        """
        async with self._lock(user):
            draft = await self.drafts.get(token)
            if draft is None or draft.user != user:
                return
            is_untouched = False
            if (before := draft.before) is not None:
                known = (await self.load_settings(before, draft.kind)).known.values
                shown = before if draft.kind is ChangeKind.EDIT else replace(before, name=name_copy(before.name))
                is_untouched = matches_flow(typed, shown, draft.kind, known)
            await self.drafts.save(replace(draft, typed={} if is_untouched else typed, changed_at=at))

    async def load_menus(self, user: CurrentUser, channel: ChannelId) -> FormContext:
        """Load what the menus of an open form may offer now.

        Raises:
            UserError: not allowed any more.
            DependencyError: the database did not answer.
        """
        policy, scope = await self._require(user, channel)
        segments, websites = await asyncio.gather(self.settings.segments.get_all(), self._list_websites(policy, scope))
        return FormContext(websites, segments, None, None)

    async def load_submission_context(self, opened_in: ChannelId, token: FormToken, website: str) -> SubmissionContext:
        """Load what a submitted form is checked against.

        Rights are not checked: whoever executes the change does that.

        Args:
            opened_in: the channel where the form was opened.
            token: the form's own.
            website: the website that was chosen, as typed.

        Raises:
            DependencyError: the database did not answer.
        """
        draft = await self.drafts.get(token)
        channel = draft.channel if draft else opened_in
        policy = (await self._policies.get_scope(channel)).policy
        chosen = parse_website_id(website)
        is_allowed = chosen is not None and policy is not None and policy.covers_website(chosen)
        return SubmissionContext(channel, draft.before if draft else None, chosen if is_allowed else None)

    async def _require(self, user: CurrentUser, channel: ChannelId) -> tuple[ChannelPolicy, ChannelScope]:
        scope = await self._policies.get_scope(channel)
        return require_permission(scope.policy, user, Permission.EDIT), scope

    async def _list_websites(self, policy: ChannelPolicy, scope: ChannelScope) -> dict[WebsiteId, str]:
        """List the channel's websites by name. For a channel with all: those with a name, and those of flows."""
        names = visible_website_names(policy, scope.website_names)
        if policy.websites == "all":
            try:
                flows = (await self.flow_cache.get_for_paging()).flows
            except DependencyError:
                flows = ()
            seen = {entry.flow.website_id for entry in flows}
            names |= {website: str(website) for website in seen if website not in names}
        return dict(sorted(names.items(), key=lambda item: (item[1].casefold(), item[0])))

    async def _find_unsaved_draft(
        self, user: CurrentUser, channel: ChannelId, kind: ChangeKind, flow_id: FlowId | None
    ) -> Draft | None:
        """Find what a person typed before and did not submit, unless nothing came of the submission for certain."""
        async with self._lock(user.id):
            draft = await self.drafts.find_latest(user.id, channel, kind, flow_id, self._clock() - KEEP_DRAFTS)
        if draft is None:
            return None
        change = await self._store.get_by_token(draft.token)
        return draft if change is None or change.state in UNSUCCESSFUL else None

    def _lock(self, user: UserId) -> asyncio.Lock:
        """Return the lock of one person's drafts: who types and opens the form again at once finds all of it."""
        return self._locks.setdefault(user, asyncio.Lock())


def draft_of_unsaved(change: Change) -> Draft | None:
    """Return what was typed for a change that is not saved as it was typed, or may not be; None where it is.

    What was typed for a flow that was made otherwise is for an edit of that flow.
    """
    if change.state is not ChangeState.UNKNOWN and not change.has_unsaved_form:
        return None
    draft = draft_from_change(change.request, change.request.before, change.changed_at)
    made = change.outcome.flow if change.outcome and change.request.kind is ChangeKind.CREATE else None
    if change.is_stored_otherwise and made is not None:
        return replace(draft, kind=ChangeKind.EDIT, flow=made, before=None)
    return draft


def draft_of_waiting(change: Change) -> Draft | None:
    """Return what was typed for an edit that waits, which its author may change; None where it does not."""
    if change.request.kind is not ChangeKind.EDIT or change.state not in WAITING_STATES:
        return None
    return draft_from_change(change.request, change.request.before, change.created_at)


def draft_from_change(request: ChangeRequest, before: Flow | None, at: datetime) -> Draft:
    """Return what was typed for a change, as a draft of that moment. A duplicate's flow is the one it began as."""
    flow = request.flow or (before.id if before else None)
    return Draft(request.token, request.requester, request.channel, request.kind, flow, before, request.typed, at)
