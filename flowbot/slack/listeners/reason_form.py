"""The handler of the reason form."""

from dataclasses import dataclass
from functools import partial

from structlog.contextvars import bind_contextvars

from flowbot.domain.change import Change
from flowbot.errors import Text
from flowbot.services.approvals.decide import AlreadyDecidedError, DecisionService
from flowbot.services.approvals.remarks import RemarkService
from flowbot.slack.api.modals import AckArgs, ack_errors
from flowbot.slack.forms.reason import ReasonForm, ReasonPurpose, SubmittedReason, reason_error
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.payloads.incoming import FormEvent, ReplyTarget
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner


@dataclass(frozen=True, slots=True)
class ReasonFormHandler:
    """Handles the form that asks why somebody rejects a request or skips its approval, or what they say about it."""

    runner: Runner
    decisions: DecisionService
    remarks: RemarkService
    requests: RequestActions
    home: HomeTab

    async def submit(self, event: FormEvent) -> AckArgs:
        """Save the decision, then start what follows from it. Return what to acknowledge with.

        The decision is saved before the acknowledgement, so a crash cannot lose it. If it cannot be saved, the form
        stays open with what was typed, and says why.
        """
        submitted = ReasonForm.parse(event.view)
        if submitted is None:
            return {}
        channel, t = submitted.metadata.channel, self.runner.locales.for_reader(submitted.metadata.locale)
        if errors := ReasonForm.field_errors(submitted, t):
            return ack_errors(errors)
        bind_contextvars(request="reason", user=event.user.id, channel=channel)
        store = partial(self._decide, event, submitted)
        change = await self.runner.store_submission(event, "reason", ReasonForm.CALLBACK, store, t)
        if isinstance(change, Text):
            return ack_errors(reason_error(change, t))
        if change is None:
            return {}

        async def follow_up(_interaction: Interaction) -> Reply:
            await self.requests.follow_up(change)
            return NO_REPLY

        target = ReplyTarget(channel, event.user.id, "")
        handler = self.home.refresh_after(follow_up) if channel is None else follow_up
        self.runner.start("reason", ReasonForm.CALLBACK, event.caller, target, handler)
        return {}

    async def _decide(self, event: FormEvent, submitted: SubmittedReason) -> Change | None:
        """Save the decision or remark; None where it was saved already, and whoever saved it does the rest."""
        user, metadata = await self.runner.users.identify(event.caller), submitted.metadata
        change, text, form = metadata.change, submitted.reason, event.view.id
        try:
            # From no channel: whoever had the form open may have left the channel since.
            match metadata.purpose:
                case ReasonPurpose.BREAK_GLASS:
                    return await self.decisions.skip_approval(user, change, text, metadata.round)
                case ReasonPurpose.COMMENT:
                    return await self.remarks.comment(user, change, text, form)
                case ReasonPurpose.REQUEST_CHANGES:
                    return await self.remarks.request_changes(user, change, text, form)
                case _:
                    return await self.decisions.reject(user, change, text, None)
        except AlreadyDecidedError:
            return None
