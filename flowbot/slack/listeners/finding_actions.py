"""Buttons of findings: accept, revert, disable."""

from dataclasses import dataclass
from functools import partial

from flowbot.domain.change import ChangeKind
from flowbot.domain.ids import ReportId
from flowbot.errors import Text
from flowbot.i18n.translator import Translators
from flowbot.services.approvals.wish import RequestOpenError
from flowbot.services.findings import FindingPress, FindingService, OpenFinding
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.ports.reports import ReportNotifier
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.payloads.button_values import ReportValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, continues_later
from flowbot.slack.views import sentences


@dataclass(frozen=True, slots=True)
class FindingActions:
    """The handlers of the buttons of findings and summaries."""

    findings: FindingService
    requests: RequestActions
    show_report: ReportNotifier
    locales: Translators

    async def accept(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Accept a finding, or all of a summary."""
        pressed = _parse_press(interaction, press)
        moved = await self.findings.accept(interaction.user, pressed)
        with continues_later():
            for report in moved:
                await self.show_report(report)
        if pressed.policy is None:
            return NO_REPLY
        return Reply(sentences.sentence_message(interaction.t, Text("outside.accepted")))

    async def revert(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Revert a finding, or ask for that."""
        pressed = _parse_press(interaction, press)
        try:
            record = await self.findings.revert(interaction.user, pressed, partial(self._explain, interaction))
        except RequestOpenError as error:
            return Reply(await self.requests.point_to_open_request(interaction, error.current))
        return await self._execute(interaction, record, pressed.report)

    async def disable(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Disable the flow of a finding, or ask for that."""
        pressed = _parse_press(interaction, press)
        try:
            record = await self.findings.disable(interaction.user, pressed)
        except RequestOpenError as error:
            return Reply(await self.requests.point_to_open_request(interaction, error.current))
        return await self._execute(interaction, record, pressed.report)

    async def _execute(self, interaction: Interaction, record: RequestRecord, report: ReportId) -> Reply:
        """Execute what answers a finding, and show both."""
        reply = await self.requests.execute(interaction, record)
        with continues_later():
            await self.show_report(report)
        return reply

    def _explain(self, interaction: Interaction, found: OpenFinding) -> str:
        """Say why a request is made, and what it leaves as it is, in the language of its message."""
        t, finding = self.locales.for_channel(found.policy, interaction.user.locale), found.finding
        sentences = [t("outside.reason")]
        if finding.kind is ChangeKind.EDIT:
            if any(each.field == "image_url" for each in finding.differences):
                sentences.append(t("outside.keeps_picture"))
            sentences.append(t("outside.keeps_unreadable"))
        return " ".join(sentences)


def _parse_press(interaction: Interaction, press: BlockActions) -> FindingPress:
    value = parse_value(ReportValue, press.action.value)
    return FindingPress(value.report, value.version, interaction.target.channel, value.channel)
