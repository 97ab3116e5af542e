"""The question before a stop, and its button."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowbot.domain.ids import FormToken, WebsiteId
from flowbot.services.stop import StopService
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.views import stop


@dataclass(frozen=True, slots=True)
class StopActions:
    """The handlers that ask about a stop, and begin it."""

    stops: StopService
    notifier: SlackNotifier
    tasks: TrackedTasks

    async def find_website(self, interaction: Interaction, typed: str, words: Sequence[str]) -> tuple[WebsiteId, int]:
        """Find the website that was named, and how many of the words after it belong to its name."""
        return await self.stops.find_website(interaction.user, interaction.target.require_channel(), typed, words)

    async def ask(self, interaction: Interaction, website: WebsiteId | None, reason: str) -> Reply:
        """Ask whether to disable the live flows of a website, or of the channel where that is None."""
        channel = interaction.target.require_channel()
        question = await self.stops.ask(interaction.user, channel, website, reason)
        return Reply(stop.question_message(question, channel, interaction.t))

    async def stop_all(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Begin the stop that was asked about; its report tells what becomes of each flow."""
        report = await self.stops.start(interaction.user, FormToken(press.action.value))
        self.tasks.start(self.stops.carry_out(report, self.notifier.notify, self.notifier.show_report), name="stop")
        return Reply(stop.started_message(report, interaction.t), replacing=True)
