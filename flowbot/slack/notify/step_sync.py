"""The sync of a workflow's step with its row: the direct message to its person, and its end for the workflow."""

from dataclasses import dataclass
from typing import Final

import structlog

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.report import Report
from flowbot.domain.step import Step, StepEnd
from flowbot.errors import DependencyError, Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.steps import StepService
from flowbot.services.users import UserService
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.messages import MessageGoneError, MessagePoster, MessageRefusedError
from flowbot.slack.api.step_runs import StepRuns
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views.step import StepDetails, format_problem, list_outputs, step_message

PATIENCE_SECONDS: Final = 5.0
"""A message that somebody else has begun to send is left to them for this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StepSync:
    """Asks the person of a step, keeps that message in step with its request, and tells the workflow how it ended."""

    steps: StepService
    store: ChangeStore
    messages: MessageStore
    policies: PolicyStore
    users: UserService
    sender: OnceSender
    poster: MessagePoster
    runs: StepRuns
    links: ArchiveLinks
    locales: Translators

    async def show(self, report: Report) -> None:
        """Bring everybody to a step's newest version. One that nobody was asked about yet is admitted first.

        Raises:
            DependencyError: not all could be told; it will be tried again.
        """
        step, channel = report.told.content_as(Step), report.told.require_channel()
        if step.end is None and not step.is_admitted:
            # That writes the next version, which is shown next.
            await self.steps.admit(report)
            return
        fault: DependencyError | None = None
        if step.end is not None:
            try:
                await self._end(step, step.end, (await self.policies.get_scope(channel)).policy)
            except DependencyError as error:
                # The person hears of it all the same.
                fault = error
        if step.is_admitted:
            await self._show_message(report, step, channel)
        if fault is not None:
            raise fault

    async def _end(self, step: Step, end: StepEnd, policy: ChannelPolicy | None) -> None:
        """Tell the workflow how its step ended, in the channel's language where that takes a sentence."""
        sentence = format_problem(end, self.locales.for_channel(policy))
        if end.outcome is None:
            await self.runs.fail(step.execution, sentence)
        else:
            await self.runs.complete(step.execution, list_outputs(end), otherwise=sentence)

    async def _show_message(self, report: Report, step: Step, channel: ChannelId) -> None:
        """Send the person's message, or put the newest in its place."""
        key = MessageKey(report.id, MessageRole.STEP, step.person)
        sent = await self.messages.get(key)
        if sent is not None and sent.place is not None and sent.shown_version >= report.version:
            return
        if sent is None and step.end is not None:
            return
        change = None if step.change is None else await self.store.get(step.change)
        link = None if change is None else await self.links.find_one(change)
        details = StepDetails(step, report.id, channel, change, link)
        message = step_message(details, await self._translator(step))
        try:
            if sent is None or sent.place is None:
                await self.sender.send(key, report.version, step.person, lambda _: message, patience=PATIENCE_SECONDS)
            else:
                await self.poster.edit(*sent.place, message)
                await self.messages.record(key, sent.place, report.version)
        except MessageGoneError:
            log.warning("step.message_gone", report=report.id)
        except MessageRefusedError as refusal:
            log.warning("step.message_refused", report=report.id, error=refusal.reason)
            await self.steps.fail(report, Text("workflow.unreachable"))

    async def _translator(self, step: Step) -> Translator:
        """Return the person's language; the configured one where Slack does not tell theirs now."""
        try:
            profile = await self.users.get_profile(step.person)
        except DependencyError:
            return self.locales.for_reader(None)
        return self.locales.for_reader(profile.locale, profile.timezone)
