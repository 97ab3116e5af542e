"""The handler of the form behind Approve beside a push that a channel's messages do not show."""

from dataclasses import dataclass
from functools import partial

from structlog.contextvars import bind_contextvars

from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.ports.changes import VoteResult
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.slack.api.modals import AckArgs, Modals, ack_update
from flowbot.slack.forms.approval import ApprovalForm, ApprovalFormMetadata
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.payloads.button_values import ChangeValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions, FormEvent, ReplyTarget
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner
from flowbot.slack.views import sentences


@dataclass(frozen=True, slots=True)
class ApprovalFormHandler:
    """Opens the form that shows a request to one approver, and approves it when the form is sent."""

    runner: Runner
    decisions: DecisionService
    details: RequestDetailsLoader
    requests: RequestActions
    modals: Modals

    async def approve(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Count an approval, or open the form first where the button's message does not show the push."""
        value = parse_value(ChangeValue, press.action.value)
        if not value.is_unseen:
            return await self.requests.approve(interaction, press)
        async with self.requests.recording_location(press) as change_id:
            await self.decisions.require_uncounted(interaction.user, change_id, interaction.target.channel)
            await self._open_form(interaction, press.trigger_id, change_id)
        return NO_REPLY

    async def _open_form(self, interaction: Interaction, trigger: str, change: ChangeId) -> None:
        user, target, t = interaction.user, interaction.target, interaction.t
        view_id = await self.modals.open(trigger, ApprovalForm.build_loading(t))
        try:
            details = await self.details.load_newest(change)
        except DependencyError as error:
            view = ApprovalForm.build_refusal(sentences.sentence_message(t, error.text), t)
        else:
            metadata = ApprovalFormMetadata(
                change=change,
                channel=target.channel,
                thread=target.thread,
                locale=user.locale,
                timezone=user.timezone,
                round=details.change.progress.round,
            )
            view = ApprovalForm.build(metadata, details, t, self.runner.clock())
        await self.modals.replace_loading(view_id, view)

    async def submit(self, event: FormEvent) -> AckArgs:
        """Store the vote, then start what follows from it. Return what to acknowledge with.

        The vote is stored before the acknowledgement, so a crash cannot lose it. Where it cannot be stored, the form's
        place says why.
        """
        metadata = ApprovalForm.parse(event.view)
        if metadata is None:
            return {}
        t = self.runner.locales.for_reader(metadata.locale, metadata.timezone)
        bind_contextvars(request="approval", user=event.user.id, channel=metadata.channel)
        store = partial(self._vote, event, metadata)
        vote = await self.runner.store_submission(event, "approval", ApprovalForm.CALLBACK, store, t)
        if isinstance(vote, Text):
            return ack_update(ApprovalForm.build_refusal(sentences.sentence_message(t, vote), t))

        async def follow_up(_interaction: Interaction) -> Reply:
            await self.requests.follow_up(vote.change, vote.record)
            return NO_REPLY

        target = ReplyTarget(metadata.channel, event.user.id, "", metadata.thread)
        self.runner.start("approval", ApprovalForm.CALLBACK, event.caller, target, follow_up)
        return {}

    async def _vote(self, event: FormEvent, metadata: ApprovalFormMetadata) -> VoteResult:
        user = await self.runner.users.identify(event.caller)
        # From no channel: whoever had the form open may have left the channel since.
        vote = await self.decisions.approve(user, metadata.change, None, metadata.round)
        if not vote.is_new:
            raise UserError("request.voted_already")
        return vote
