"""Submission of changes, with an approval to come or without: request one, request it again, restore, save a form."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Final

from flowbot.domain.approval import lacks_reason, requires_approval
from flowbot.domain.audit import Transition, submission_event
from flowbot.domain.change import WAITING_STATES, Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.disables import DecidedDisable, displaced_by
from flowbot.domain.draft import Draft
from flowbot.domain.fields import form_values
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, rebase_content
from flowbot.domain.ids import ChangeId, ChannelId, FormToken
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.text import is_blank
from flowbot.domain.validation import rebase_values
from flowbot.domain.when import Times, find_problem
from flowbot.errors import DatabaseFaultError, DependencyError, UserError
from flowbot.services.approvals.wish import (
    ChangePreview,
    FlowWish,
    ReasonNeededError,
    RequestOpenError,
    TimesPastError,
)
from flowbot.services.authorization import (
    RequestAuthorizer,
    load_visible_flow,
    require_for_request,
    require_permission,
    require_visible,
)
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.executor.preconditions import find_sought_blocker, may_go_live
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, FlowBusyError, RequestRecord
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.quorum import QuorumChecker
from flowbot.services.restores import find_restore
from flowbot.services.users import CurrentUser, UserService

FRESH_SECONDS: Final = 1.0
"""A form that shows a flow is sent with that flow where Enkapush does not answer within this."""
QUORUM_SECONDS: Final = 0.5
"""A form whose approvers Slack does not tell within this is taken, and its request evaluated after that."""


REPETITIONS: Final = 3
"""A disable that is repeated is tried so many times where Enkapush refuses it."""


@dataclass(frozen=True, slots=True)
class RequestSubmitter:
    """Stores what people request, also what needs no approval: the executor finds out whether it does, and goes on.

    Each change that is returned is leased by this process: execute it next, with its record.
    """

    store: ChangeStore
    settings: FlowSettingsLoader
    policies: PolicyStore
    source: FlowSource
    authorizer: RequestAuthorizer
    users: UserService
    quorum: QuorumChecker
    leases: LeaseKeeper
    clock: Clock

    async def submit(
        self, request: ChangeRequest, *, displacing: Transition | None = None, draft: Draft | None = None
    ) -> tuple[RequestRecord, bool]:
        """Store a change, so that a crash cannot lose it, and tell whether it is new: a form submitted twice is not.

        Args:
            request: the change.
            displacing: how an open change of the flow ends for it, as `ChangeStore.submit`.
            draft: what was typed into its form, kept until it is known that it was saved.

        Raises:
            FlowBusyError: the flow has an open change.
            DependencyError: the database did not store it.
        """
        event = submission_event(request, self.clock())
        return await self.store.submit(request, self.leases.new_lease(), event, displacing=displacing, draft=draft)

    async def preview_change(self, user: CurrentUser, channel: ChannelId, wish: FlowWish) -> ChangePreview:
        """Load what a request to enable, disable or delete a flow would do now.

        Raises:
            UserError: as `request_change`.
            DependencyError: as `request_change`.
        """
        preview = await self._prepare(user, channel, wish)
        current = await self.store.open_change_of(wish.flow)
        if current is not None and preview.needs_approval:
            raise RequestOpenError(current)
        is_waiting = current is not None and current.state in WAITING_STATES
        return replace(preview, displaces_request=is_waiting)

    async def request_change(
        self,
        user: CurrentUser,
        channel: ChannelId,
        wish: FlowWish,
        *,
        form: Draft | None = None,
        token: FormToken | None = None,
    ) -> RequestRecord:
        """Request to enable, disable or delete a flow.

        A disable that needs no approval takes the place of an open request, and follows one that is being applied. It
        is sent to a flow that reads disabled, too, where an earlier enable may take effect yet. One at a time blocks
        nothing and takes no place before it runs. An enable until a time of a flow that is live moves its end.

        Args:
            user: the requester.
            channel: the channel whose policy decides.
            wish: what is wanted of which flow.
            form: the form that requests it, if one does: sent twice, it is one change, and the flow that it showed
                counts where Enkapush is slow.
            token: the request's own, where something else than a form has one for it.

        Raises:
            ReasonNeededError: it needs an approval, and the policy a reason.
            UserError: not allowed, no such flow here, nothing to do, or a request is open already.
            DependencyError: Enkapush or the database did not answer.
        """
        preview = await self._prepare(user, channel, wish, form)
        if preview.needs_reason and is_blank(wish.reason):
            raise ReasonNeededError(wish, channel)
        displaces = wish.kind is ChangeKind.DISABLE and not preview.needs_approval and not wish.times
        token = form.token if form else token
        request = replace(preview.request, token=token) if token else preview.request
        return await self._submit(request, displaces=displaces)

    async def _prepare(
        self, user: CurrentUser, channel: ChannelId, wish: FlowWish, form: Draft | None = None
    ) -> ChangePreview:
        kind, flow_id, times = wish.kind, wish.flow, wish.times
        user = await self.users.reload_user(user)
        scope = await self.policies.get_scope(channel)
        policy = require_permission(scope.policy, user, Permission.EDIT)
        try:
            async with asyncio.timeout(FRESH_SECONDS if form else None):
                flow = await load_visible_flow(self.source, flow_id, policy)
        except (DependencyError, TimeoutError):
            if form is None:
                raise
            flow = require_visible(form.before, flow_id, policy)
        moves_end = times.ends_at is not None and times.not_before is None
        if kind is ChangeKind.ENABLE and flow.is_enabled and not moves_end:
            raise UserError("request.already_enabled", id=str(flow_id))
        if kind is ChangeKind.DISABLE and not flow.is_enabled and not await self._may_go_live(wish):
            raise UserError("request.already_disabled", id=str(flow_id))
        request = new_request(user, channel, kind, flow, wish.reason)
        request = replace(request, not_before=times.not_before, ends_at=times.ends_at)
        await self._require_approvers(request, policy, seconds=QUORUM_SECONDS if form else None)
        needs_approval = requires_approval(request, policy.approval)
        needs_reason = needs_approval and policy.approval.reason_required
        return ChangePreview(request, flow, needs_approval, scope.website_names, needs_reason=needs_reason)

    async def require_approvers(self, request: ChangeRequest) -> None:
        """Make sure that somebody can approve the change of a form, or skip that, as far as Slack tells at once.

        Raises:
            UserError: nobody can, or a reason is needed; says what is missing.
            DependencyError: the database did not answer.
        """
        policy = (await self.policies.get_scope(request.channel)).policy
        if policy is not None:
            await self._require_reason(request, policy)
            await self._require_approvers(request, policy, seconds=QUORUM_SECONDS)

    async def _require_reason(self, request: ChangeRequest, policy: ChannelPolicy) -> None:
        """Make sure that an edit that needs an approval says why, where the policy asks for that.

        Raises:
            UserError: it does not.
            DependencyError: the database did not answer.
        """
        rule = policy.approval
        if request.flow is None or not lacks_reason(request, rule, may_go_live=True):
            return
        if lacks_reason(request, rule) or await may_go_live(self.store, request.flow, self.clock()):
            raise UserError("request.reason_required")

    async def _require_approvers(
        self, request: ChangeRequest, policy: ChannelPolicy, *, seconds: float | None = None, is_elsewhere: bool = False
    ) -> None:
        if not requires_approval(request, policy.approval):
            return
        gap = await self.quorum.find_gap(policy, request.requester, seconds)
        if gap is None or gap.can_be_skipped:
            return
        raise UserError(gap.text_elsewhere(policy.id) if is_elsewhere else gap.text)

    async def _may_go_live(self, wish: FlowWish) -> bool:
        """Check whether an enable of the flow is being applied, or may take effect yet.

        Before the time of a disable, one that waits may be applied.
        """
        current = await self.store.open_change_of(wish.flow)
        is_in_time = wish.times.not_before is not None or (current and current.state is ChangeState.APPLYING)
        if current is not None and current.request.kind is ChangeKind.ENABLE and is_in_time:
            return True
        return await may_go_live(self.store, wish.flow, self.clock())

    async def request_again(
        self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None
    ) -> RequestRecord:
        """Request the same once more, of the flow as it is now.

        Raises:
            IncompleteWishError: it was asked for at a time that is past, or needs a reason by now.
            UserError: as `request_change`.
            DependencyError: as `request_change`.
        """
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_record(change_id)
        earlier, policy = record.change.request, await self.authorizer.find_policy(record, user, acting_from)
        policy = require_for_request(record, policy, user, Permission.EDIT)
        if earlier.flow is None:
            raise UserError("request.gone")
        again = replace(earlier, requester=user.id)
        await self._require_approvers(again, policy, is_elsewhere=acting_from != earlier.channel)
        if earlier.wanted is None or earlier.before is None:
            times = Times(earlier.not_before, earlier.ends_at)
            wish = FlowWish(earlier.kind, earlier.flow, earlier.reason, times)
            if find_problem(times, self.clock()) is not None:
                raise TimesPastError(wish, earlier.channel, self.clock())
            return await self.request_change(user, earlier.channel, wish)
        flow = await load_visible_flow(self.source, earlier.flow, policy)
        request = new_request(user, earlier.channel, ChangeKind.EDIT, flow, earlier.reason)
        if lacks_reason(request, policy.approval):
            raise UserError("request.reason_required_again")
        content = rebase_content(earlier.wanted.content, earlier.before, FlowContent.of(flow))
        wanted, typed = replace(earlier.wanted, content=content), earlier.typed or form_values(earlier.wanted.content)
        typed = rebase_values(typed, earlier.before, flow)
        return await self._submit(replace(request, wanted=wanted, typed=typed, picture=earlier.picture))

    async def restore(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> RequestRecord:
        """Request to create a deleted flow again, disabled, under a new id. Requested twice, it is created once.

        Raises:
            UserError: not allowed, or there is nothing to restore.
            DependencyError: the database did not answer.
        """
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_record(change_id)
        policy = await self.authorizer.find_policy(record, user, acting_from)
        require_for_request(record, policy, user, Permission.EDIT)
        deleted, before = record.change, record.change.request.before
        if deleted.request.kind is not ChangeKind.DELETE or deleted.state is not ChangeState.APPLIED or before is None:
            raise UserError("request.nothing_to_restore")
        request = new_request(user, deleted.request.channel, ChangeKind.RESTORE, before, "")
        known = await self.settings.load_restorable(before)
        wanted = DesiredFlow(FlowContent.of(before), known.values, deleted.progress.image)
        doubtful = known.doubtful(before.changed_at)
        token, _ = await find_restore(self.store, change_id, self.clock())
        return await self._submit(replace(request, flow=None, wanted=wanted, doubtful=doubtful, token=token))

    async def repeat_disable(self, disable: Change, current: Flow) -> RequestRecord | None:
        """Submit a disable once more, since an earlier enable took effect after it; None where that was done before.

        One that Enkapush refused is submitted again, a few times.

        Raises:
            DependencyError: the database did not answer.
        """
        for number in range(1, REPETITIONS + 1):
            token = FormToken(f"repeat.{disable.id}.{number}")
            earlier = await self.store.get_by_token(token)
            if earlier is None:
                plain = replace(disable.request, not_before=None, ends=None, cause=None)
                request = replace(plain, token=token, before=current, repeats=disable.id)
                record, is_new = await self.submit(request)
                return record if is_new else None
            if earlier.state is not ChangeState.FAILED:
                return None
        return None

    async def disable_now(self, decided: DecidedDisable) -> tuple[Change, bool]:
        """Submit a disable that nobody has to approve, once for its token.

        It takes the place of an open request, follows a change that is being applied, and is sent to a flow that reads
        disabled, too, where an earlier enable may take effect yet.

        Returns:
            The change, and whether it is new: then it is leased by this process, which executes it next.

        Raises:
            DependencyError: the database did not answer, or Slack never told who flowbot is.
        """
        request = decided.build_request((await self.users.get_organisation()).flowbot)
        try:
            record, is_new = await self.submit(request, displacing=displaced_by(request))
        except FlowBusyError as busy:
            raise DatabaseFaultError from busy
        return record.change, is_new

    async def submit_answer(self, request: ChangeRequest, policy: ChannelPolicy) -> RequestRecord:
        """Submit what reverts a finding, or disables its flow, under a policy.

        Raises:
            UserError: nobody can approve it, the flow has an open request, or it was submitted before.
            DependencyError: the database did not answer.
        """
        needs_approval = requires_approval(request, policy.approval)
        await self._require_approvers(request, policy, is_elsewhere=True)
        return await self._submit(request, displaces=request.kind is ChangeKind.DISABLE and not needs_approval)

    async def _submit(self, request: ChangeRequest, *, displaces: bool = False) -> RequestRecord:
        if blocker := await find_sought_blocker(self.store, request, self.clock()):
            raise UserError(blocker)
        try:
            record, is_new = await self.submit(request, displacing=displaced_by(request) if displaces else None)
        except FlowBusyError as busy:
            raise RequestOpenError(busy.current) from busy
        if not is_new:
            raise UserError("request.done_already")
        return record


def new_request(user: CurrentUser, channel: ChannelId, kind: ChangeKind, flow: Flow, reason: str) -> ChangeRequest:
    """Build a person's request about a flow as it is."""
    return ChangeRequest(
        token=FormToken(secrets.token_urlsafe(16)),
        kind=kind,
        requester=user.id,
        channel=channel,
        website=flow.website_id,
        flow=flow.id,
        before=flow,
        reason=reason,
        locale=user.locale,
        timezone=user.timezone,
    )
