"""Request details: everything that a request's message shows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from flowbot.domain.absences import Absence, absences_at
from flowbot.domain.approval import (
    approval_terms,
    mentioned_approvers,
    required_quorums,
    stage_policy,
    stricter_rule,
    waiting_stage,
)
from flowbot.domain.approval_rule import Principal
from flowbot.domain.approval_terms import ApprovalTerms, ChangedRights
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.deadlines import expires_at
from flowbot.domain.flow import (
    FieldDifference,
    Flow,
    FlowContent,
    WaitTime,
    WriteOnlyFields,
    content_differences,
    hide_values,
)
from flowbot.domain.freezes import FreezeCalendar
from flowbot.domain.ids import GroupId, UserId, WebsiteId
from flowbot.domain.images import ImageInfo
from flowbot.domain.known_settings import KnownSettings
from flowbot.domain.outcomes import DISABLED_MEANWHILE, UNCOUNTED_VOTERS, hide_outcome_content, stored_content
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.remarks import Remark
from flowbot.domain.votes import Decider, Vote, approvals_in, find_stage, list_deciders
from flowbot.errors import Text
from flowbot.services.flow_settings import FlowSettings
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.recent_figures import WeekFigures

_DECIDED: Final = frozenset(
    {
        ChangeState.SCHEDULED,
        ChangeState.APPLYING,
        ChangeState.APPLIED,
        ChangeState.FAILED,
        ChangeState.UNKNOWN,
        ChangeState.OUT_OF_DATE,
    }
)


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """A change, and what is shown beside it.

    Attributes:
        change: As it is stored.
        votes: On it, oldest first.
        website_names: Names of websites, for those that have one.
        remarks: What is worth another look.
        since_approved: What differs from the flow as it was last approved; None where it never was.
        approvers: Those whom the policy names for approval now, in the stage that waits.
        restore: The restore of the flow that the change deleted, unless it failed; None where there is none.
        new_image: The type and size of the stored image that the flow is to have.
        late_edits: What earlier edits of the flow may change yet.
        settings: What is known of the flow's segment and UTM values while the change is pending, and segments' names.
        policy: The policy that decides on it now.
        calendar: The freezes of its channel.
        week: What the flow did in the last week, as far as that is known, while the change is pending.
        absences: Those that are on now.
        groups: The members of user groups, where the stand-ins of those who are away are to be mentioned.
        revision: The last revision of the pending request by its requester.
        shows_content: Whether its readers may see the push: else `content` is None, and no value of it is here.
    """

    change: Change
    votes: tuple[Vote, ...]
    website_names: Mapping[WebsiteId, str]
    remarks: tuple[Text, ...] = ()
    since_approved: tuple[FieldDifference, ...] | None = None
    approvers: tuple[Principal, ...] = ()
    restore: Change | None = None
    new_image: ImageInfo | None = None
    late_edits: tuple[FieldDifference, ...] = ()
    settings: FlowSettings = field(default_factory=FlowSettings)
    policy: ChannelPolicy | None = None
    calendar: FreezeCalendar | None = None
    week: WeekFigures | None = None
    absences: tuple[Absence, ...] = ()
    groups: Mapping[GroupId, frozenset[UserId]] = field(default_factory=dict)
    shows_content: bool = True
    revision: Remark | None = None

    @classmethod
    def of(cls, record: RequestRecord, zone: ZoneInfo, now: datetime) -> Self:
        """Return the details that the record of a change has at a moment; `zone` is that of freezes."""
        scope = record.scope
        return cls(
            record.change,
            record.votes,
            scope.website_names,
            approvers=list_approvers(record),
            policy=scope.policy,
            calendar=FreezeCalendar(scope.freezes, zone),
            absences=absences_at(scope.absences, now),
        )

    def without_content(self) -> Self:
        """Return the details for readers of another organisation: without the push, and without values of its fields.

        The change keeps them; views read them here.
        """
        return replace(
            self,
            change=replace(self.change, outcome=hide_outcome_content(self.change.outcome)),
            remarks=(),
            since_approved=self.since_approved and hide_values(self.since_approved),
            new_image=None,
            late_edits=hide_values(self.late_edits),
            # Its number alone is no content: it tells whose audience counts.
            settings=FlowSettings(KnownSettings(segment=self.settings.known.segment), self.settings.changed_at),
            shows_content=False,
        )

    @property
    def hides_push(self) -> bool:
        """Check whether readers miss the push that a request shows to others."""
        return not self.shows_content and self.change.rule is not None

    @property
    def flow(self) -> Flow | None:
        """Return the flow as it was at the time of the request; of a restore, the deleted flow."""
        return self.change.request.before

    @property
    def content(self) -> FlowContent | None:
        """Return what subscribers would see once the change is applied; of an applied one, as Enkapush stores it.

        None where readers may not see it.
        """
        if not self.shows_content:
            return None
        wanted, outcome = self.change.request.wanted, self.change.outcome
        if wanted is not None:
            return stored_content(wanted.content, outcome) if outcome else wanted.content
        return self.flow

    @property
    def website(self) -> WebsiteId:
        """Return the flow's website, as of after the change."""
        wanted = self.change.request.wanted
        return wanted.content.website_id if wanted else self.change.request.website

    @property
    def wait(self) -> WaitTime | None:
        """Return the time after which subscribers get it, as of after the change."""
        content = self.change.request.wanted.content if self.change.request.wanted else self.flow
        return content.wait if content else None

    @property
    def sent(self) -> WriteOnlyFields:
        """Return the write-only fields that the change sends."""
        wanted = self.change.request.wanted
        return wanted.write_only if wanted else WriteOnlyFields()

    @property
    def edits(self) -> tuple[FieldDifference, ...]:
        """Return what an edit changes, field by field."""
        wanted = self.change.request.wanted
        if self.change.request.kind is not ChangeKind.EDIT or self.flow is None or wanted is None:
            return ()
        edits = content_differences(self.flow, wanted.content)
        return edits if self.shows_content else hide_values(edits)

    @property
    def may_go_live(self) -> bool:
        """Check whether an edit of a disabled flow needs approval, since an earlier enable may take effect yet."""
        request, flow = self.change.request, self.flow
        is_gated_edit = request.kind is ChangeKind.EDIT and self.change.rule is not None
        return is_gated_edit and flow is not None and not flow.is_enabled

    @property
    def approvals(self) -> tuple[Decider, ...]:
        """Return the people who approve, in the stage that waits; of a lapsed change, those who counted to the end."""
        stage = self.stage
        votes = self.counted_votes if stage is None else approvals_in(self.counted_votes, stage)
        return list_deciders(votes)

    @property
    def counted_votes(self) -> tuple[Vote, ...]:
        """Return the votes but for those that did not count any more when the change was to be applied."""
        return tuple(vote for vote in self.votes if vote.person not in self._uncounted)

    @property
    def stage(self) -> int | None:
        """Return the stage that a pending request waits for, from 0; None where it does not wait."""
        is_pending = self.change.state is ChangeState.PENDING
        return find_stage(self.quorums, self.votes) if is_pending else None

    @property
    def has_stages(self) -> bool:
        """Check whether one group after the other approves."""
        return len(self.quorums) > 1

    @property
    def quorums(self) -> tuple[int, ...]:
        """Return how many approvals each stage needs, or needed in the end."""
        change, policy = self.change, self.policy
        if change.rule is None or policy is None or change.state is not ChangeState.PENDING:
            return required_quorums(change.rule, change.progress)
        return required_quorums(stricter_rule(change.rule, policy.approval), change.progress)

    @property
    def missing_approvals(self) -> int:
        """Return how many approvals are missing, in all stages."""
        counts = [len(approvals_in(self.votes, stage)) for stage in range(len(self.quorums))]
        return sum(max(0, quorum - given) for quorum, given in zip(self.quorums, counts, strict=True))

    @property
    def uncounted(self) -> tuple[Decider, ...]:
        """Return the people whose approvals did not count any more when the change was to be applied."""
        return tuple(each for each in list_deciders(self.votes) if each.person in self._uncounted)

    @property
    def _uncounted(self) -> frozenset[str]:
        outcome = self.change.outcome
        return frozenset(outcome.params.get(UNCOUNTED_VOTERS, ())) if outcome else frozenset()

    @property
    def terms(self) -> ApprovalTerms:
        """Return the terms on which it is decided now."""
        return approval_terms(self.change, self.policy)

    @property
    def changed_rights(self) -> ChangedRights:
        """Return who got or lost a right on the pending request since it was requested."""
        first = self.change.progress.first_terms
        is_pending = self.change.state is ChangeState.PENDING
        return ChangedRights() if first is None or not is_pending else self.terms.compare_rights(first)

    @property
    def quorum(self) -> int:
        """Return the number of approvals that the stage which waits needs, or that were needed; 0 where none was."""
        stage = self.stage
        return sum(self.quorums) if stage is None else self.quorums[stage]

    @property
    def is_approved(self) -> bool:
        """Check whether the needed approvals were given and nobody skipped them."""
        enough = self.change.rule is not None and find_stage(self.quorums, self.counted_votes) is None
        return enough and self.change.state in _DECIDED and self.change.progress.skipped_by is None

    @property
    def people(self) -> tuple[UserId, ...]:
        """Return everybody who may stand in the message: who asked, who decided or may, whose rights changed."""
        closing, wish = self.change.progress.closing, self.change.progress.wish
        deciders = (*list_deciders(self.votes), *(() if closing is None else (closing.decider,)))
        decided = [person for decider in deciders for person in decider if person is not None]
        decided += [wish.by] if wish else []
        named = [entry for entries in self.changed_rights for entry in entries]
        named += self.policy.all_approvers if self.policy is not None and self.stage is not None else ()
        people = (entry for entry in named if isinstance(entry, UserId))
        return tuple(dict.fromkeys((self.change.request.requester, *decided, *self.disabled_by, *people)))

    @property
    def disabled_by(self) -> tuple[UserId, ...]:
        """Return who disabled the flow, where that is why the request is out of date."""
        outcome = self.change.outcome
        if outcome is None or outcome.key != DISABLED_MEANWHILE:
            return ()
        return (UserId(str(outcome.params.get("person", ""))),)

    @property
    def mentioned(self) -> tuple[Principal, ...]:
        """Return whom a notice to the approvers mentions: in place of who is away their stand-in."""
        return self.list_mentioned(self.approvers)

    def list_mentioned(self, entries: Collection[Principal]) -> tuple[Principal, ...]:
        """List whom a notice to some of a policy's entries mentions, as `mentioned`."""
        requester, has_stand_ins = self.change.request.requester, self.terms.stand_ins
        return mentioned_approvers(entries, requester, self.absences, self.groups, has_stand_ins=has_stand_ins)

    @property
    def expires_at(self) -> datetime | None:
        """Return when it expires if nobody decides; None where it waits for nobody."""
        return expires_at(self.change)


def list_approvers(record: RequestRecord) -> tuple[Principal, ...]:
    """List those who may approve a request now, in the stage that waits; where none does, those of all stages."""
    change, policy = record.change, record.scope.policy
    if policy is None:
        return ()
    stage = waiting_stage(change, record.votes) if change.state is ChangeState.PENDING else None
    return stage_policy(policy, stage, is_escalated=change.progress.is_escalated).all_approvers
