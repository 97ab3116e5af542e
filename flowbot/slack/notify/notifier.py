"""The notifier: tells people how far a change has come."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from flowbot.domain.change import Change
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ReportId
from flowbot.domain.step import parse_step_token
from flowbot.errors import DependencyError
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.slack import NotifyCallback
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.notify.report_sync import ReportMessageSync
from flowbot.slack.notify.team_notifier import TeamNotifier

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """Notifies the team, or the form's author of a change that the team sees in no message; shows reports.

    Attributes:
        reported: Notes a change that a report tells of, by its cause.
    """

    store: ChangeStore
    team: TeamNotifier
    form_result: FormResult
    reports: ReportMessageSync
    reported: Mapping[DisableCause, Callable[[Change], Awaitable[None]]]

    async def notify(self, change: Change, flow: Flow | None = None) -> Change:
        """Notify people of how far the change has come.

        Args:
            change: as it is now.
            flow: the flow as it is now, where it was read.

        Returns:
            The change as it is then.

        Raises:
            DependencyError: something could not be sent; it will be sent again.
        """
        shown = await self._notify(change, flow)
        await self._show_step(change)
        return shown

    def notifier_for_form(self, view_id: str, kind: FormKind) -> NotifyCallback:
        """Return a notifier that shows the result in the place of a form that is probably still open."""
        notify_author = self.form_result.notifier_for_form(view_id, kind)

        async def notify(change: Change, flow: Flow | None = None) -> Change:
            shown = await notify_author(change, flow)
            await self._show_step(change)
            return shown

        return notify

    async def _show_step(self, change: Change) -> None:
        """Show the step of a workflow by which a change was requested; what fails now, the recovery shows."""
        if (step := parse_step_token(change.request.token)) is None:
            return
        try:
            await self.show_report(step)
        except DependencyError as fault:
            log.warning("step.later", report=step, error=str(fault))

    async def _notify(self, change: Change, flow: Flow | None) -> Change:
        if change.has_team_message:
            return await self.team.notify(change)
        if (cause := change.request.cause) is None:
            await self.form_result.notify_by_message(change, flow)
        elif cause in self.reported:
            await self.reported[cause](change)
        return await self.store.mark_shown(change.id, change.version, owner=change.lease_owner)

    async def remind(self, change: Change) -> None:
        """Remind approvers of a request.

        Raises:
            DependencyError: Slack did not take it.
        """
        await self.team.remind(change)

    async def show_report(self, report: ReportId) -> None:
        """Bring a report's messages up to date, as `ReportNotifier`."""
        await self.reports.sync(report)
