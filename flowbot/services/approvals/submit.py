"""Submission of requests: ask, ask again, restore."""

import secrets
from dataclasses import dataclass, replace

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, rebase_content
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken
from flowbot.domain.policy import Permission
from flowbot.domain.validation import rebase_values
from flowbot.errors import UserError
from flowbot.services.authorization import RequestAuthorizer, require, require_in_channel, visible_flow
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.preconditions import find_unsettled_change
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.storage import FlowBusyError
from flowbot.services.users import CurrentUser


class RequestOpenError(UserError):
    """The flow has an open request: `current`."""

    def __init__(self, current: Change) -> None:
        super().__init__("request.open_already", id=str(current.request.flow))
        self.current = current


@dataclass(frozen=True, slots=True)
class RequestSubmitter:
    """Submits what is asked for. Each change that is given back is held by this process: carry it out next."""

    executor: ChangeExecutor
    source: FlowSource
    authorizer: RequestAuthorizer

    async def submit(
        self, reader: CurrentUser, channel: ChannelId, kind: ChangeKind, flow_id: FlowId, reason: str
    ) -> Change:
        """Ask to enable, disable or delete a flow.

        Raises:
            UserError: not allowed, no such flow here, nothing to do, or a request is open already.
            DependencyError: Enkapush or the database did not answer.
        """
        reader = await self.authorizer.reload_user(reader)
        policy = require(await self.authorizer.get_policy(channel), reader, Permission.EDIT)
        flow = await visible_flow(self.source, flow_id, policy)
        if kind in {ChangeKind.ENABLE, ChangeKind.DISABLE} and flow.is_enabled is (kind is ChangeKind.ENABLE):
            raise UserError(
                "request.already_enabled" if flow.is_enabled else "request.already_disabled", id=str(flow_id)
            )
        return await self._submit(_new_change(reader, channel, kind, flow, reason))

    async def resubmit(self, reader: CurrentUser, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Ask for the same once more, of the flow as it is now.

        Raises:
            UserError, DependencyError: as `submit`.
        """
        reader = await self.authorizer.reload_user(reader)
        asked = (await self.authorizer.load_change(change_id)).request
        policy = require_in_channel(
            await self.authorizer.get_policy_for(reader, asked.channel, clicked_in), reader, Permission.EDIT
        )
        if asked.flow is None:
            raise UserError("request.gone")
        if asked.wanted is None or asked.before is None:
            return await self.submit(reader, asked.channel, asked.kind, asked.flow, asked.reason)
        flow = await visible_flow(self.source, asked.flow, policy)
        new = _new_change(reader, asked.channel, ChangeKind.EDIT, flow, asked.reason)
        content = rebase_content(asked.wanted.content, FlowContent.of(asked.before), FlowContent.of(flow))
        wanted, typed = replace(asked.wanted, content=content), rebase_values(asked.typed, asked.before, flow)
        return await self._submit(replace(new, wanted=wanted, typed=typed, picture=asked.picture))

    async def restore(self, reader: CurrentUser, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Make a deleted flow again, disabled, under a new id. Asked twice, it is made once.

        Raises:
            UserError: not allowed, or there is nothing to restore.
            DependencyError: the database did not answer.
        """
        reader = await self.authorizer.reload_user(reader)
        deleted = await self.authorizer.load_change(change_id)
        channel, before = deleted.request.channel, deleted.request.before
        require_in_channel(await self.authorizer.get_policy_for(reader, channel, clicked_in), reader, Permission.EDIT)
        if deleted.request.kind is not ChangeKind.DELETE or deleted.state is not ChangeState.APPLIED or before is None:
            raise UserError("request.nothing_to_restore")
        new = _new_change(reader, channel, ChangeKind.RESTORE, before, "")
        wanted = DesiredFlow(FlowContent.of(before), image=deleted.progress.image)
        restoring = replace(new, flow=None, wanted=wanted, token=await self._restoring(change_id))
        return await self._submit(restoring)

    async def _restoring(self, deleted: ChangeId) -> FormToken:
        """The token under which a flow is restored once; another one where it was tried and not done."""
        token, number = FormToken(f"restore.{deleted}"), 1
        while (tried := await self.executor.store.get_by_token(token)) and tried.state is ChangeState.FAILED:
            number += 1
            token = FormToken(f"restore.{deleted}.{number}")
        return token

    async def _submit(self, new: ChangeRequest) -> Change:
        if wait := await find_unsettled_change(self.executor.store, new, self.executor.clock()):
            raise UserError(wait.key, **wait.params)
        try:
            change, is_new = await self.executor.submit(new)
        except FlowBusyError as taken:
            raise RequestOpenError(taken.current) from taken
        if not is_new:
            raise UserError("request.done_already")
        return change


def _new_change(reader: CurrentUser, channel: ChannelId, kind: ChangeKind, flow: Flow, reason: str) -> ChangeRequest:
    return ChangeRequest(
        token=FormToken(secrets.token_urlsafe(16)),
        kind=kind,
        requester=reader.id,
        channel=channel,
        website=flow.website_id,
        flow=flow.id,
        before=flow,
        reason=reason,
        locale=reader.locale,
        timezone=reader.timezone,
    )
