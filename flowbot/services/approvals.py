"""Asking for approval, deciding, and what a decision starts. Every click is authorised afresh."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from flowbot.domain.changes import (
    Change,
    ChangeId,
    Choice,
    Closing,
    Ending,
    Event,
    FormToken,
    Kind,
    NewChange,
    State,
    Vote,
)
from flowbot.domain.content import Content, Wanted, rebased
from flowbot.domain.flows import Flow
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.types import ChannelId, FlowId, UserId
from flowbot.errors import UserError
from flowbot.services.changes import Changes
from flowbot.services.people import Members, Reader, policy_from
from flowbot.services.ports import Ballot, Conflict, FlowSource, FlowTaken
from flowbot.services.requests import expiry, reminders
from flowbot.services.rulings import tightened

SETTLES_AFTER: Final = timedelta(minutes=1)
"""A request of this age is not under way at Enkapush any more: what it did not do by then it will not do."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Approvals:
    """The use cases around requests.

    Attributes:
        changes: Keeps and carries out changes.
        source: Tells what flows are.
        members: Who is in a channel: for a policy's "everyone in the channel", when somebody decides from elsewhere.
    """

    changes: Changes
    source: FlowSource
    members: Members

    # --- asking ----------------------------------------------------------------------------------------------------

    async def ask(self, reader: Reader, channel: ChannelId, kind: Kind, flow_id: FlowId, reason: str) -> Change:
        """Ask to enable, disable or delete a flow. The change is held by this process: carry it out next.

        Raises:
            UserError: not allowed, no such flow here, nothing to do, or a request is open already.
            Fault: Enkapush or the database did not answer.
        """
        policy = await self._policy(channel)
        self._require(policy, reader, Permission.EDIT)
        flow = await self._flow(flow_id, policy)
        if kind in {Kind.ENABLE, Kind.DISABLE} and flow.is_enabled is (kind is Kind.ENABLE):
            raise UserError(
                "request.already_enabled" if flow.is_enabled else "request.already_disabled", id=str(flow_id)
            )
        return await self._submit(self._new(reader, channel, kind, flow, reason))

    async def ask_again(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Ask for the same once more, of the flow as it is now.

        Raises:
            UserError, Fault: as `ask`.
        """
        old = await self._change(change_id)
        asked = old.asked
        policy = await self._policy_for(reader, asked.channel, clicked_in)
        self._require(policy, reader, Permission.EDIT)
        if asked.flow is None:
            raise UserError("request.gone")
        if asked.wanted is None or asked.before is None:
            return await self.ask(reader, asked.channel, asked.kind, asked.flow, asked.reason)
        flow = await self._flow(asked.flow, policy)
        new = self._new(reader, asked.channel, Kind.EDIT, flow, asked.reason)
        content = rebased(asked.wanted.content, Content.of(asked.before), Content.of(flow))
        wanted = replace(asked.wanted, content=content)
        return await self._submit(replace(new, wanted=wanted, typed=asked.typed, picture=asked.picture))

    async def restore(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Make a deleted flow again, disabled, under a new id. Asked twice, it is made once.

        Raises:
            UserError: not allowed, or there is nothing to restore.
            Fault: the database did not answer.
        """
        deleted = await self._change(change_id)
        policy = await self._policy_for(reader, deleted.asked.channel, clicked_in)
        self._require(policy, reader, Permission.EDIT)
        before = deleted.asked.before
        if deleted.asked.kind is not Kind.DELETE or deleted.state is not State.APPLIED or before is None:
            raise UserError("request.nothing_to_restore")
        new = self._new(reader, deleted.asked.channel, Kind.RESTORE, before, "")
        wanted = Wanted(Content.of(before), image=deleted.progress.image)
        restoring = replace(new, flow=None, wanted=wanted, token=await self._restoring(change_id))
        return await self._submit(restoring)

    # --- deciding --------------------------------------------------------------------------------------------------

    async def approve(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Ballot:
        """Count an approval. Where it was the last one needed, the change is held by this process: carry it out next.

        Raises:
            UserError: not allowed, one's own request, or too late.
            Fault: the database did not answer.
        """
        change = await self._decidable(reader, change_id, clicked_in)
        vote = Vote(reader.user, Choice.APPROVE, self.changes.clock())
        event = self.changes.event(change, "change.vote", reader.user, {"choice": str(Choice.APPROVE)})
        try:
            return await self.changes.store.vote(change_id, vote, self.changes.lease(), event)
        except Conflict as conflict:
            raise _too_late(conflict.current) from conflict

    async def may_reject(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Make sure that `reader` may reject, before they are asked for a reason. The change.

        Raises:
            UserError: as `approve`.
        """
        return await self._decidable(reader, change_id, clicked_in)

    async def reject(self, reader: Reader, change_id: ChangeId, reason: str, clicked_in: ChannelId | None) -> Change:
        """End a request: it will not be done.

        Raises:
            UserError: as `approve`.
        """
        change = await self._decidable(reader, change_id, clicked_in)
        return await self._close(change, State.REJECTED, Closing(reader.user, Ending.REJECTED, reason))

    async def withdraw(self, reader: Reader, change_id: ChangeId) -> Change:
        """Take one's own request back.

        Raises:
            UserError: it is another's, or too late.
        """
        change = await self._pending(change_id)
        if reader.user != change.asked.requester:
            raise UserError("request.not_yours")
        return await self._close(change, State.WITHDRAWN, Closing(reader.user, Ending.WITHDRAWN))

    async def may_break_glass(self, reader: Reader, change_id: ChangeId) -> Change:
        """Make sure that `reader` is named for it, before they are asked for a reason. The change.

        Raises:
            UserError: not named, or too late.
        """
        reader = await self.changes.people.anew(reader)
        change = await self._pending(change_id)
        policy = await self._policy(change.asked.channel)
        self._require(policy, reader, Permission.BREAK_GLASS)
        self._in_bounds(policy, change)
        return change

    async def break_glass(self, reader: Reader, change_id: ChangeId, reason: str) -> Change:
        """Skip the approvals, with a reason. The change is held by this process: carry it out next.

        Raises:
            UserError: not named, no reason, or too late.
        """
        change = await self.may_break_glass(reader, change_id)
        if not reason.strip():
            raise UserError("request.needs_reason")
        closing = Closing(reader.user, Ending.BREAK_GLASS, reason)
        return await self._close(change, State.APPLYING, closing, held=True)

    # --- time ------------------------------------------------------------------------------------------------------

    async def expire(self, change: Change) -> Change | None:
        """End a request whose time is over; None where somebody was faster."""
        try:
            return await self._moved(change, State.EXPIRED, "change.expired", None, {})
        except Conflict as conflict:
            # A vote that was not enough came in between: the time is over all the same.
            still = conflict.current.state is State.PENDING
            return await self.expire(conflict.current) if still else None

    async def remind(self, change: Change) -> bool:
        """Whether this process is the one that reminds of a request now. Its next moment is set.

        What has no message yet stays due, and is reminded of once it has one.
        """
        if change.rule is None or change.message_ts is None:
            return False
        now = self.changes.clock()
        later = [moment for moment in reminders(change.created_at, change.rule) if moment > now]
        progress = replace(change.progress, reminders=change.progress.reminders + 1)
        return await self.changes.store.postpone(change, later[0] if later else expiry(change), progress)

    # --- finding out -----------------------------------------------------------------------------------------------

    async def check_again(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Look once more what became of a change of which it is not known.

        Raises:
            UserError: not allowed.
            Fault: Enkapush or the database did not answer.
        """
        change = await self._change(change_id)
        policy = await self._policy_for(reader, change.asked.channel, clicked_in)
        if not any(decide(policy, reader.actor, right).allowed for right in (Permission.EDIT, Permission.APPROVE)):
            self._require(policy, reader, Permission.EDIT)
        if change.state is not State.UNKNOWN:
            return change
        # Not counted from `sent_at`: who took the change over may have sent it once more.
        since = self.changes.clock() - change.changed_at
        return await self.changes.look_again(change, is_final=since > SETTLES_AFTER)

    async def _restoring(self, deleted: ChangeId) -> FormToken:
        """The token under which a flow is restored once; another one where it was tried and not done."""
        token, number = FormToken(f"restore.{deleted}"), 1
        while (tried := await self.changes.store.by_token(token)) and tried.state is State.FAILED:
            number += 1
            token = FormToken(f"restore.{deleted}.{number}")
        return token

    # --- common ----------------------------------------------------------------------------------------------------

    async def _submit(self, new: NewChange) -> Change:
        try:
            change, is_new = await self.changes.submit(new)
        except FlowTaken as taken:
            raise UserError("request.open_already", id=str(new.flow), change=taken.current.id) from taken
        if not is_new:
            raise UserError("request.done_already")
        return change

    def _new(self, reader: Reader, channel: ChannelId, kind: Kind, flow: Flow, reason: str) -> NewChange:
        return NewChange(
            token=FormToken(secrets.token_urlsafe(16)),
            kind=kind,
            requester=reader.user,
            channel=channel,
            website=flow.website_id,
            flow=flow.id,
            before=flow,
            reason=reason,
            locale=reader.locale,
            timezone=reader.timezone,
        )

    async def _decidable(self, reader: Reader, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """The pending change, where `reader` may decide on it; under today's rule, where that asks for more."""
        reader = await self.changes.people.anew(reader)
        change = await self._pending(change_id)
        policy = await self._policy_for(reader, change.asked.channel, clicked_in)
        self._require(policy, reader, Permission.APPROVE)
        self._in_bounds(policy, change)
        change = await self._tightened(change, policy)
        if reader.user == change.asked.requester and not (change.rule and change.rule.self_approval):
            raise UserError("request.own")
        return change

    async def _tightened(self, change: Change, policy: ChannelPolicy | None) -> Change:
        """The change under a rule that is no weaker than today's."""
        if change.rule is None or policy is None:
            return change
        rule = tightened(change.rule, policy.approval)
        if rule == change.rule:
            return change
        try:
            return await self.changes.store.move(change, replace(change, rule=rule))
        except Conflict as conflict:
            if conflict.current.state is not State.PENDING:
                raise _too_late(conflict.current) from conflict
            return await self._tightened(conflict.current, policy)

    async def _pending(self, change_id: ChangeId) -> Change:
        change = await self._change(change_id)
        if change.state is not State.PENDING:
            raise _too_late(change)
        if (ends := expiry(change)) is not None and ends <= self.changes.clock():
            raise UserError("request.late_expired")
        return change

    async def _change(self, change_id: ChangeId) -> Change:
        change = await self.changes.store.get(change_id)
        if change is None:
            raise UserError("request.gone")
        return change

    async def _policy_for(
        self, reader: Reader, channel: ChannelId, clicked_in: ChannelId | None
    ) -> ChannelPolicy | None:
        """A channel's policy, for somebody who may act from elsewhere."""
        policy = await self._policy(channel)
        return policy and await policy_from(policy, reader, clicked_in, self.members)

    async def _policy(self, channel: ChannelId) -> ChannelPolicy | None:
        return (await self.changes.policies.scope(channel)).policy

    @staticmethod
    def _require(policy: ChannelPolicy | None, reader: Reader, permission: Permission) -> str | None:
        """The entry of the policy that grants it."""
        decision = decide(policy, reader.actor, permission)
        if not decision.allowed:
            raise UserError(f"denied.{decision.reason}")
        return decision.basis

    @staticmethod
    def _in_bounds(policy: ChannelPolicy | None, change: Change) -> None:
        if policy is None or not policy.names_website(change.asked.website):
            raise UserError("form.website_gone")

    async def _flow(self, flow_id: FlowId, policy: ChannelPolicy | None) -> Flow:
        flow = await self.source.flow(flow_id)
        if flow is None or policy is None or not policy.names_website(flow.website_id):
            raise UserError("show.no_such_flow", id=str(flow_id))
        return flow

    async def _close(self, change: Change, to: State, closing: Closing, *, held: bool = False) -> Change:
        details = {"reason": closing.reason} if closing.reason else {}
        progress = replace(change.progress, closing=closing)
        closed = replace(change, progress=progress)
        try:
            return await self._moved(closed, to, f"change.{closing.how}", closing.by, details, held=held)
        except Conflict as conflict:
            if conflict.current.state is State.PENDING:
                # A vote that was not enough came in between.
                return await self._close(conflict.current, to, closing, held=held)
            raise _too_late(conflict.current) from conflict

    async def _moved(
        self,
        change: Change,
        to: State,
        action: str,
        actor: UserId | None,
        details: dict[str, str],
        *,
        held: bool = False,
    ) -> Change:
        event: Event = self.changes.event(change, action, actor, details)
        lease = self.changes.lease() if held else None
        moved = replace(
            change,
            state=to,
            due_at=None,
            changed_at=self.changes.clock(),
            lease_owner=lease.owner if lease else None,
            lease_until=lease.until if lease else None,
        )
        kept = await self.changes.store.move(change, moved, event)
        log.info("change.moved", change=change.id, state=to)
        return kept


def _too_late(change: Change) -> UserError:
    """Somebody was faster: says what has become of it, and who did it where a person did."""
    closing = change.progress.closing
    params = {"by": closing.by} if closing else {}
    return UserError(f"request.late_by_{closing.how}" if closing else f"request.late_{change.state}", **params)
