"""Remarks on requests that wait: comments, and changes that an approver asks for."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from flowbot.domain.audit import AuditAction, event_for_change
from flowbot.domain.change import Change
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.progress import ChangeWish, Progress
from flowbot.domain.remarks import Remark
from flowbot.domain.revisions import is_revisable
from flowbot.errors import UserError
from flowbot.services.approvals.decide import AlreadyDecidedError, DecisionService
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, VersionConflictError
from flowbot.services.users import CurrentUser


@dataclass(frozen=True, slots=True)
class RemarkService:
    """Stores remarks. A new version of the request goes with each, so that it is told after a crash, too."""

    decisions: DecisionService

    @property
    def store(self) -> ChangeStore:
        """Return the store of changes."""
        return self.decisions.store

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        return self.decisions.clock

    async def require_comment(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Make sure that a person may comment on a request: who may see it may.

        Raises:
            UserError: not allowed, or it does not wait any more.
            DependencyError: the database did not answer.
        """
        authorizer = self.decisions.authorizer
        user = await self.decisions.users.reload_user(user)
        change = (await authorizer.load_waiting(change_id)).change
        await authorizer.load_visible(user, change_id, acting_from)
        return change

    async def require_wish(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Make sure that a person may ask for changes: who may decide on the request now may.

        Raises:
            UserError: not allowed, it does not wait any more, or nobody could make changes to it in a form.
            DependencyError: the database did not answer.
        """
        change = await self.decisions.require_decidable(user, change_id, acting_from)
        if not is_revisable(change.request):
            raise UserError("remark.nothing_to_change")
        return change

    async def comment(self, user: CurrentUser, change_id: ChangeId, text: str, form: str) -> Change:
        """Store a comment, once for its form. No other vote or comment gets lost by it.

        Raises:
            AlreadyDecidedError: this form's is stored already.
            UserError: as `require_comment`.
        """
        remark = Remark(AuditAction.COMMENTED, user.id, self.clock(), text, form)
        return await self._store(remark, lambda: self.require_comment(user, change_id, None))

    async def request_changes(self, user: CurrentUser, change_id: ChangeId, text: str, form: str) -> Change:
        """Ask the author of a request for changes, once for its form; the request stays open.

        Raises:
            AlreadyDecidedError: this form's is stored already.
            UserError: as `require_wish`.
        """
        remark = Remark(AuditAction.CHANGES_REQUESTED, user.id, self.clock(), text, form)
        return await self._store(remark, lambda: self.require_wish(user, change_id, None))

    async def _store(self, remark: Remark, load: Callable[[], Awaitable[Change]]) -> Change:
        while True:
            # Each time afresh: what came in between may be the end of the request, or of their right.
            change = await load()
            # Read after the change: one that is stored after this meets another version.
            stored = (await self.store.list_remarks([change]))[change.id]
            if any((each.by, each.form) == (remark.by, remark.form) for each in stored):
                raise AlreadyDecidedError
            remarked = replace(change, changed_at=remark.at, progress=_remarked(change.progress, remark))
            event = event_for_change(change, remark.at, AuditAction(remark.action), remark.by, remark.details)
            with suppress(VersionConflictError):
                return await self.store.replace_if_unchanged(change, remarked, event)


def _remarked(progress: Progress, remark: Remark) -> Progress:
    wish = ChangeWish(remark.by, remark.text, remark.at) if remark.asks_for_changes else progress.wish
    return replace(progress, remarks=progress.remarks + 1, wish=wish)
