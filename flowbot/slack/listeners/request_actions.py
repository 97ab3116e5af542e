"""Buttons of requests, and the requests of commands and forms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from flowbot.domain.change import WAITING_STATES, Change, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.remarks import RemarkService
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.approvals.wish import FlowWish, RequestOpenError
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.reason import ReasonForm, ReasonMetadata, ReasonPurpose
from flowbot.slack.notify.message_sync import RequestMessageSync
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.payloads.button_values import ChangeValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, continues_later
from flowbot.slack.views import flow_settings, notices, sentences
from flowbot.slack.views.message import Message
from flowbot.slack.views.request_blocks import outcome_text


@dataclass(frozen=True, slots=True)
class RequestActions:
    """The handlers of requests: submit, approve, withdraw, and the like."""

    submitter: RequestSubmitter
    decisions: DecisionService
    remarks: RemarkService
    late_effects: LateEffects
    executor: ChangeExecutor
    notifier: SlackNotifier
    message_sync: RequestMessageSync
    details: RequestDetailsLoader
    links: ArchiveLinks
    modals: Modals
    clock: Clock

    async def request_change(self, interaction: Interaction, wish: FlowWish) -> Reply:
        """Request to enable, disable or delete a flow; what needs no approval is done at once."""
        channel = interaction.target.require_channel()
        try:
            record = await self.submitter.request_change(interaction.user, channel, wish)
        except RequestOpenError as error:
            return Reply(await self.point_to_open_request(interaction, error.current))
        return await self.execute(interaction, record)

    async def approve(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Count an approval, and apply the change with the last one that it needs."""
        try:
            value = parse_value(ChangeValue, press.action.value)
            channel = interaction.target.channel
            vote = await self.decisions.approve(interaction.user, value.change, channel, value.round)
        except (UserError, DependencyError):
            async with self.recording_location(press):
                raise
        async with self.recording_location(press, vote.change):
            if not vote.is_new:
                raise UserError("request.voted_already")
            await self.follow_up(vote.change, vote.record)
            return NO_REPLY

    async def follow_up(self, change: Change, record: RequestRecord | None = None) -> None:
        """Execute a change whose last vote is in, or else notify people of the decision.

        Args:
            change: the change as the decision left it.
            record: its votes and its channel's scope, where they were read with the vote.

        Raises:
            DependencyError: the decision is saved; flowbot goes on with it later.
        """
        with continues_later():
            match change.state:
                case ChangeState.APPLYING:
                    await self.executor.execute(change, self.notifier.notify, record=record)
                case ChangeState.PENDING | ChangeState.SCHEDULED:
                    # Under no lease: whoever votes next takes it.
                    await self.notifier.notify(change)
                case _:
                    await self.executor.notify_again(change, self.notifier.notify)

    async def ask_rejection_reason(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the reason form, where the person may reject."""
        async with self.recording_location(press) as change_id:
            change = await self.decisions.require_decidable(interaction.user, change_id, interaction.target.channel)
            return await self._ask_reason(interaction, press, change, ReasonPurpose.REJECT)

    async def ask_skip_reason(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the reason form, where the person may skip the approval."""
        async with self.recording_location(press) as change_id:
            seen_round = parse_value(ChangeValue, press.action.value).round
            change = await self.decisions.load_skippable(interaction.user, change_id, seen_round)
            return await self._ask_reason(interaction, press, change, ReasonPurpose.BREAK_GLASS)

    async def ask_comment(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form of a comment, where the person may see the request."""
        async with self.recording_location(press) as change_id:
            change = await self.remarks.require_comment(interaction.user, change_id, interaction.target.channel)
            return await self._ask_reason(interaction, press, change, ReasonPurpose.COMMENT)

    async def ask_changes(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form that asks the author for changes, where the person may decide."""
        async with self.recording_location(press) as change_id:
            change = await self.remarks.require_wish(interaction.user, change_id, interaction.target.channel)
            return await self._ask_reason(interaction, press, change, ReasonPurpose.REQUEST_CHANGES)

    async def withdraw(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Withdraw the person's own request."""
        async with self.recording_location(press) as change_id:
            await self.follow_up(await self.decisions.withdraw(interaction.user, change_id))
            return NO_REPLY

    async def recheck(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Check again how a change ended, where that is unknown."""
        channel = interaction.target.require_channel()
        check = self.late_effects.check_again
        change = await check(interaction.user, _change_id(press), channel, self.notifier.notify)
        if change.state is ChangeState.UNKNOWN:
            return Reply(sentences.sentence_message(interaction.t, Text("request.still_unknown")))
        return NO_REPLY

    async def resubmit(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Request the same change once more."""
        channel = interaction.target.require_channel()
        try:
            record = await self.submitter.request_again(interaction.user, _change_id(press), channel)
        except RequestOpenError as error:
            return Reply(await self.point_to_open_request(interaction, error.current))
        return await self.execute(interaction, record)

    async def restore(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Create a deleted flow again."""
        channel = interaction.target.require_channel()
        record = await self.submitter.restore(interaction.user, _change_id(press), channel)
        return await self.execute(interaction, record)

    @asynccontextmanager
    async def recording_location(self, press: BlockActions, change: Change | None = None) -> AsyncIterator[ChangeId]:
        """Record where the change's message is, and yield the change's id.

        A process that died between posting and recording may have left a second message: that one is updated, too.

        Args:
            press: a press of one of the message's buttons.
            change: the change, where it has just been read.
        """
        change_id = _change_id(press)
        if press.message_ts is None or press.channel is None:
            yield change_id
            return
        location = (change_id, press.channel.id, press.message_ts)
        is_duplicate = await self.message_sync.record_location(*location, press.user.id, change)
        try:
            yield change_id
        finally:
            if is_duplicate:
                await self.message_sync.sync_duplicate(*location)

    async def point_to_open_request(self, interaction: Interaction, current: Change) -> Message:
        """Build the answer to a second request for a flow: it leads to the first."""
        link = await self.links.find_one(current)
        return notices.request_open_message(current, link, interaction.t)

    async def execute(self, interaction: Interaction, record: RequestRecord) -> Reply:
        """Apply what needs no approval, and say how far it came."""
        with continues_later():
            notify, requester = self.notifier.notify, interaction.user
            settled = await self.executor.execute(record.change, notify, requester, record=record)
            if settled.state in WAITING_STATES:
                link = await self.links.find_one(settled)
                details = await self.details.load(settled)
                return Reply(notices.request_sent_message(details, link, interaction.t, self.clock()))
        # Without an outcome another process is at work on it; the message will tell.
        text = outcome_text(settled, interaction.t, otherwise="request.under_way")
        if interaction.target.channel != settled.request.channel:
            text = sentences.with_channel_name(text, settled.request.channel)
        message = sentences.sentence_message(interaction.t, text)
        is_applied = settled.state is ChangeState.APPLIED
        remarks = flow_settings.restore_remark_blocks(settled, interaction.t) if is_applied else []
        return Reply(replace(message, blocks=(*message.blocks, *remarks)))

    async def _ask_reason(
        self, interaction: Interaction, press: BlockActions, change: Change, purpose: ReasonPurpose
    ) -> Reply:
        metadata = ReasonMetadata(
            purpose=purpose,
            change=change.id,
            channel=interaction.target.channel,
            locale=interaction.user.locale,
            round=change.progress.round,
        )
        await self.modals.open(press.trigger_id, ReasonForm.build(metadata, change, interaction.t))
        return NO_REPLY


def _change_id(press: BlockActions) -> ChangeId:
    return parse_value(ChangeValue, press.action.value).change
