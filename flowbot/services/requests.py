"""A change as a team sees it: everything that its message, a list of requests or the Home tab shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.changes import Change, Choice, Kind, Vote
from flowbot.domain.content import Content, Difference, differences
from flowbot.domain.flows import Flow
from flowbot.domain.lint import Remark
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, Principal
from flowbot.domain.types import UserId, WebsiteId
from flowbot.domain.verdicts import UNCOUNTED

REMINDER_FRACTIONS: Final = (0.25, 0.5, 0.75)
"""Reminders go out at these fractions of a request's lifetime."""


@dataclass(frozen=True, slots=True)
class RequestShown:
    """A change, and what is shown beside it.

    Attributes:
        change: As it is kept.
        votes: On it, oldest first.
        website_names: Names of websites, for what has one.
        remarks: What is worth another look, as of the request.
        since_approved: What differs from the flow as it was last approved; None where it never was.
        approvers: Whom the policy names for approval now.
    """

    change: Change
    votes: tuple[Vote, ...]
    website_names: Mapping[WebsiteId, str]
    remarks: tuple[Remark, ...] = ()
    since_approved: tuple[Difference, ...] | None = None
    approvers: tuple[Principal, ...] = ()

    @property
    def flow(self) -> Flow | None:
        """The flow as it was when the change was asked for; a deleted one that is restored, too."""
        return self.change.asked.before

    @property
    def content(self) -> Content | None:
        """What subscribers would see once the change is applied."""
        if self.change.asked.wanted is not None:
            return self.change.asked.wanted.content
        return Content.of(self.flow) if self.flow else None

    @property
    def edits(self) -> tuple[Difference, ...]:
        """What an edit changes, field by field."""
        if self.change.asked.kind is not Kind.EDIT or self.flow is None or self.content is None:
            return ()
        return differences(Content.of(self.flow), self.content)

    @property
    def approvals(self) -> tuple[UserId, ...]:
        """Who approves; of a change that lapsed, those whose approvals counted to the end."""
        return tuple(person for person in self._approvers if person not in self._uncounted)

    @property
    def uncounted(self) -> tuple[UserId, ...]:
        """Whose approvals did not count any more when the change was to be applied."""
        return tuple(person for person in self._approvers if person in self._uncounted)

    @property
    def _approvers(self) -> tuple[UserId, ...]:
        return tuple(vote.person for vote in self.votes if vote.choice is Choice.APPROVE)

    @property
    def _uncounted(self) -> frozenset[str]:
        outcome = self.change.outcome
        return frozenset(outcome.params.get(UNCOUNTED, ())) if outcome else frozenset()

    @property
    def quorum(self) -> int:
        """How many approvals are needed; 0 where none was."""
        return self.change.rule.quorum if self.change.rule else 0

    @property
    def expires_at(self) -> datetime | None:
        """When it expires if nobody decides; None where it waits for nobody."""
        return expiry(self.change)


def expiry(change: Change) -> datetime | None:
    """When a change expires if nobody decides."""
    if change.rule is None:
        return None
    return change.created_at + timedelta(hours=change.rule.expires_after_hours)


def reminders(asked_at: datetime, rule: ApprovalRule) -> list[datetime]:
    """The moments at which something is due while a request waits: the reminders, and its expiry at last."""
    lifetime = timedelta(hours=rule.expires_after_hours)
    return [*(asked_at + lifetime * fraction for fraction in REMINDER_FRACTIONS), asked_at + lifetime]


def since_approved(
    change: Change, approved: Change | None, policy: ChannelPolicy | None
) -> tuple[Difference, ...] | None:
    """What differs between the flow that a change is about and the flow as it was last approved.

    Returns:
        None if it never was, or was on a website that the channel's policy does not name: nothing is told of that.
    """
    flow = change.asked.before
    if approved is None or flow is None:
        return None
    last = approved.asked.wanted.content if approved.asked.wanted else None
    if last is None and approved.asked.before is not None:
        last = Content.of(approved.asked.before)
    if last is None or policy is None or not policy.names_website(last.website_id):
        return None
    return differences(last, Content.of(flow))
