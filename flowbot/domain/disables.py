"""Disables at once: those that nobody has to approve, and what they do to an open request."""

from dataclasses import dataclass

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FormToken, UserId
from flowbot.domain.outcomes import DISABLED_AS_PLANNED, DISABLED_MEANWHILE


@dataclass(frozen=True, slots=True)
class DecidedDisable:
    """A disable at once that nobody has to approve.

    Attributes:
        flow: The flow as it was read.
        token: The same again is the same disable.
        channel: The channel whose policy has to name the flow's website until it is done.
        person: Who decided it; None for flowbot itself.
        locale: The person's, for messages.
        timezone: The person's, for messages.
    """

    cause: DisableCause
    flow: Flow
    token: FormToken
    channel: ChannelId
    person: UserId | None = None
    reason: str = ""
    locale: str | None = None
    timezone: str | None = None

    def build_request(self, flowbot: UserId) -> ChangeRequest:
        """Build the change that is submitted; `flowbot` is flowbot's own user, who requests what nobody did."""
        return ChangeRequest(
            token=self.token,
            kind=ChangeKind.DISABLE,
            requester=self.person or flowbot,
            channel=self.channel,
            website=self.flow.website_id,
            flow=self.flow.id,
            before=self.flow,
            reason=self.reason,
            locale=self.locale,
            timezone=self.timezone,
            cause=self.cause,
        )


def displaced_by(request: ChangeRequest) -> Transition:
    """Return how an open request ends whose flow is disabled, by a person now or at the time that was set for it."""
    params = {"id": str(request.flow), "person": str(request.requester)}
    outcome = Outcome(DISABLED_AS_PLANNED if request.is_timed_disable else DISABLED_MEANWHILE, params)
    return Transition(ChangeState.OUT_OF_DATE, AuditAction.OUT_OF_DATE, request.requester, outcome)
