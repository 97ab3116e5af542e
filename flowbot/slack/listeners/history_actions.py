"""The history of a channel or a flow, and its buttons."""

from dataclasses import dataclass

from flowbot.domain.ids import FlowId
from flowbot.services.history import History
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.payloads.button_values import HistoryValue, VersionValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.history import history_message


@dataclass(frozen=True, slots=True)
class HistoryActions:
    """The handlers that show a history, turn its pages, and open the form of an earlier version."""

    history: History
    links: ArchiveLinks
    opener: FormOpener

    async def show(
        self, interaction: Interaction, flow: FlowId | None, page: int = 1, *, replacing: bool = False
    ) -> Reply:
        """Show a page of the history of a flow, or of the channel where that is None.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        channel = interaction.target.require_channel()
        found = await self.history.load_page(interaction.user, channel, flow, page)
        links = await self.links.find(details.change for details in found.changes)
        return Reply(history_message(found, links, interaction.t), replacing=replacing)

    async def turn_page(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Put another page in the place of a history."""
        value = parse_value(HistoryValue, press.action.value)
        return await self.show(interaction, value.flow, value.page, replacing=True)

    async def restore_version(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form that edits a flow, filled with an earlier version of it."""
        value, channel = parse_value(VersionValue, press.action.value), interaction.target.require_channel()
        version = await self.history.find_version(interaction.user, channel, value.ref)
        return await self.opener.open_version(interaction, version, press.trigger_id)
