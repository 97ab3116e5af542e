"""The handlers of absences: by command, on the Home tab, and by the small form."""

from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from structlog.contextvars import bind_contextvars

from flowbot.domain.ids import UserId
from flowbot.errors import Text, UserError
from flowbot.services.absences import AbsenceService, NewAbsence
from flowbot.slack.api.modals import AckArgs, Modals, ack_errors
from flowbot.slack.forms.absence import AbsenceForm, AbsenceFormMetadata, SubmittedAbsence
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.notify.absence_notices import AbsenceNotices
from flowbot.slack.payloads.incoming import BlockActions, FormEvent, ReplyTarget
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner
from flowbot.slack.views.absences import away_message, back_message, untold_blocks
from flowbot.slack.views.message import Message


@dataclass(frozen=True, slots=True)
class AbsenceActions:
    """Begins and ends a person's absence, and tells the stand-in."""

    runner: Runner
    absences: AbsenceService
    notices: AbsenceNotices
    modals: Modals
    home: HomeTab

    async def begin(self, interaction: Interaction, last_day: date, stand_in: UserId | None) -> Reply:
        """Begin the person's absence, in the place of an earlier one.

        Raises:
            UserError: the day is not possible, or the other cannot stand in.
        """
        user, t = interaction.user, interaction.t
        new = await self.absences.begin(user, last_day, stand_in, t.zone)
        return Reply(away_message(new, await self.notices.announce(new), user.timezone, t))

    async def end(self, interaction: Interaction) -> Reply:
        """End the person's absence.

        Raises:
            UserError: they are not away.
        """
        ended = await self.absences.end(interaction.user)
        return Reply(back_message(ended, await self.notices.announce_return(ended), interaction.t))

    async def end_by_button(self, interaction: Interaction, press: BlockActions) -> Reply:
        """End the person's absence; the Home tab shows it by itself."""
        reply = await self.end(interaction)
        return NO_REPLY if press.is_on_home_tab else replace(reply, replacing=True)

    async def open_form(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form that asks until when, and for the stand-in."""
        metadata = AbsenceFormMetadata(locale=interaction.user.locale, timezone=interaction.user.timezone)
        await self.modals.open(press.trigger_id, AbsenceForm.build(metadata, interaction.t))
        return NO_REPLY

    async def submit(self, event: FormEvent) -> AckArgs:
        """Store the absence, then tell the stand-in. Return what to acknowledge with.

        It is stored before the acknowledgement. If it cannot be, the form stays open, and says why.
        """
        submitted = AbsenceForm.parse(event.view)
        if submitted is None:
            return {}
        metadata = submitted.metadata
        t = self.runner.locales.for_reader(metadata.locale, metadata.timezone)
        bind_contextvars(request="absence", user=event.user.id, channel=None)
        store = partial(self._begin_submitted, event, submitted)
        new = await self.runner.store_submission(event, "absence", AbsenceForm.CALLBACK, store, t)
        if isinstance(new, Text):
            return ack_errors(AbsenceForm.field_errors(new, t))

        async def tell(interaction: Interaction) -> Reply:
            blocks = untold_blocks(await self.notices.announce(new), interaction.t)
            return Reply(Message(tuple(blocks))) if blocks else NO_REPLY

        target = ReplyTarget(None, event.user.id, "")
        self.runner.start("absence", AbsenceForm.CALLBACK, event.caller, target, self.home.refresh_after(tell))
        return {}

    async def _begin_submitted(self, event: FormEvent, submitted: SubmittedAbsence) -> NewAbsence:
        if submitted.last_day is None:
            raise UserError("form.problem_required")
        user = await self.runner.users.identify(event.caller)
        zone = self.runner.locales.for_reader(user.locale, user.timezone).zone
        return await self.absences.begin(user, submitted.last_day, submitted.stand_in, zone)
