"""Submission of edits, which may revise a request of their author."""

from dataclasses import dataclass, replace

from flowbot.domain.change import Change, ChangeKind, ChangeRequest
from flowbot.domain.draft import Draft
from flowbot.domain.flow import fingerprint
from flowbot.domain.revisions import may_revise
from flowbot.errors import UserError
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.ports.changes import FlowBusyError, RequestRecord


@dataclass(frozen=True, slots=True)
class EditSubmitter:
    """Stores the changes of forms; an edit of a flow by the requester of its open request as a revision of that."""

    submitter: RequestSubmitter

    async def submit(self, request: ChangeRequest, draft: Draft) -> tuple[RequestRecord, bool]:
        """Store the change of a form, and tell whether it is new: a form submitted twice is not.

        Raises:
            FlowBusyError: the flow has an open change that this does not revise.
            UserError: it changes nothing in the request that it would revise.
            DependencyError: the database did not store it.
        """
        try:
            return await self.submitter.submit(request, draft=draft)
        except FlowBusyError as busy:
            parent = busy.current
            if not may_revise(parent, request.kind, request.requester):
                raise
            if _is_unchanged(parent, request):
                raise UserError("form.nothing_changed") from busy
            return await self.submitter.submit(replace(request, parent=parent.id), draft=draft)


def _is_unchanged(parent: Change, request: ChangeRequest) -> bool:
    """Check whether an edit is the same as the one that waits, whose approval would start over for nothing."""
    earlier = parent.request
    if earlier.kind is not ChangeKind.EDIT or earlier.before is None or request.before is None:
        return False
    is_alike = request.picture is None and earlier.wanted == request.wanted
    return is_alike and fingerprint(earlier.before) == fingerprint(request.before)
