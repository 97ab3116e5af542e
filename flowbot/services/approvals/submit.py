"""Submission of changes, with an approval to come or without: request one, request it again, restore, save a form."""

import secrets
from dataclasses import dataclass, replace

from flowbot.domain.audit import submission_event
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, rebase_content
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken
from flowbot.domain.policy import Permission
from flowbot.domain.validation import rebase_values
from flowbot.errors import UserError
from flowbot.services.authorization import RequestAuthorizer, load_visible_flow, require_for_request, require_permission
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.executor.preconditions import find_unsettled_blocker
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.storage import ChangeStore, FlowBusyError, PolicyStore
from flowbot.services.users import CurrentUser, UserService


class RequestOpenError(UserError):
    """The flow has an open request: `current`."""

    def __init__(self, current: Change) -> None:
        super().__init__("request.open_already", id=str(current.request.flow))
        self.current = current


@dataclass(frozen=True, slots=True)
class RequestSubmitter:
    """Stores what people request, also what needs no approval: the executor finds out whether it does, and goes on.

    Each change that is returned is leased by this process: execute it next.
    """

    store: ChangeStore
    policies: PolicyStore
    source: FlowSource
    authorizer: RequestAuthorizer
    users: UserService
    leases: LeaseKeeper
    clock: Clock

    async def submit(self, request: ChangeRequest) -> tuple[Change, bool]:
        """Store a change, so that a crash cannot lose it, and tell whether it is new: a form submitted twice is not.

        Raises:
            FlowBusyError: the flow has an open change.
            DependencyError: the database did not store it.
        """
        return await self.store.submit(request, self.leases.new_lease(), submission_event(request, self.clock()))

    async def request_change(
        self, user: CurrentUser, channel: ChannelId, kind: ChangeKind, flow_id: FlowId, reason: str
    ) -> Change:
        """Request to enable, disable or delete a flow.

        Raises:
            UserError: not allowed, no such flow here, nothing to do, or a request is open already.
            DependencyError: Enkapush or the database did not answer.
        """
        user = await self.users.reload_user(user)
        scope = await self.policies.get_scope(channel)
        policy = require_permission(scope.policy, user, Permission.EDIT)
        flow = await load_visible_flow(self.source, flow_id, policy)
        if kind in {ChangeKind.ENABLE, ChangeKind.DISABLE} and flow.is_enabled is (kind is ChangeKind.ENABLE):
            key = "request.already_enabled" if flow.is_enabled else "request.already_disabled"
            raise UserError(key, id=str(flow_id))
        return await self._submit(_new_request(user, channel, kind, flow, reason))

    async def request_again(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Request the same once more, of the flow as it is now.

        Raises:
            UserError: as `request_change`.
            DependencyError: as `request_change`.
        """
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_record(change_id)
        earlier, policy = record.change.request, await self.authorizer.find_policy(record, user, acting_from)
        policy = require_for_request(policy, user, Permission.EDIT)
        if earlier.flow is None:
            raise UserError("request.gone")
        if earlier.wanted is None or earlier.before is None:
            return await self.request_change(user, earlier.channel, earlier.kind, earlier.flow, earlier.reason)
        flow = await load_visible_flow(self.source, earlier.flow, policy)
        request = _new_request(user, earlier.channel, ChangeKind.EDIT, flow, earlier.reason)
        content = rebase_content(earlier.wanted.content, earlier.before, FlowContent.of(flow))
        wanted, typed = replace(earlier.wanted, content=content), rebase_values(earlier.typed, earlier.before, flow)
        return await self._submit(replace(request, wanted=wanted, typed=typed, picture=earlier.picture))

    async def restore(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Request to create a deleted flow again, disabled, under a new id. Requested twice, it is created once.

        Raises:
            UserError: not allowed, or there is nothing to restore.
            DependencyError: the database did not answer.
        """
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_record(change_id)
        require_for_request(await self.authorizer.find_policy(record, user, acting_from), user, Permission.EDIT)
        deleted, before = record.change, record.change.request.before
        if deleted.request.kind is not ChangeKind.DELETE or deleted.state is not ChangeState.APPLIED or before is None:
            raise UserError("request.nothing_to_restore")
        request = _new_request(user, deleted.request.channel, ChangeKind.RESTORE, before, "")
        wanted = DesiredFlow(FlowContent.of(before), image=deleted.progress.image)
        token = await self._find_restore_token(change_id)
        return await self._submit(replace(request, flow=None, wanted=wanted, token=token))

    async def _find_restore_token(self, deleted: ChangeId) -> FormToken:
        """Return the token under which a flow is restored once; another one after each try that failed."""
        token, number = FormToken(f"restore.{deleted}"), 1
        while (earlier := await self.store.get_by_token(token)) and earlier.state is ChangeState.FAILED:
            number += 1
            token = FormToken(f"restore.{deleted}.{number}")
        return token

    async def _submit(self, request: ChangeRequest) -> Change:
        if blocker := await find_unsettled_blocker(self.store, request, self.clock()):
            raise UserError(blocker)
        try:
            change, is_new = await self.submit(request)
        except FlowBusyError as busy:
            raise RequestOpenError(busy.current) from busy
        if not is_new:
            raise UserError("request.done_already")
        return change


def _new_request(user: CurrentUser, channel: ChannelId, kind: ChangeKind, flow: Flow, reason: str) -> ChangeRequest:
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
