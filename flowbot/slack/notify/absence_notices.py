"""Notices to stand-ins: for whom they stand in from now on, and for whom no more."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from flowbot.domain.absences import Absence
from flowbot.domain.ids import UserId
from flowbot.errors import DependencyError
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.absences import NewAbsence
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessagePoster, MessageRefusedError
from flowbot.slack.views.absences import stand_in_ended_message, stand_in_message
from flowbot.slack.views.message import Message

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AbsenceNotices:
    """Tells stand-ins directly what an absence means for them."""

    users: UserService
    poster: MessagePoster
    locales: Translators

    async def announce(self, new: NewAbsence) -> tuple[UserId, ...]:
        """Tell who stands in from now on, and who does no more; return those who could not be told."""
        absence, replaced = new.absence, new.replaced
        messages = dict[UserId, Callable[[Translator], Message]]()
        if replaced is not None and replaced.stand_in is not None:
            messages[replaced.stand_in] = partial(stand_in_ended_message, replaced.person, is_back=False)
        if absence.stand_in is not None:
            messages[absence.stand_in] = partial(stand_in_message, absence)
        return tuple([person for person, build in messages.items() if not await self._send(person, build)])

    async def announce_return(self, ended: Absence) -> tuple[UserId, ...]:
        """Tell who stood in that the person is back; return who could not be told."""
        build = partial(stand_in_ended_message, ended.person, is_back=True)
        return () if ended.stand_in is None or await self._send(ended.stand_in, build) else (ended.stand_in,)

    async def _send(self, person: UserId, build: Callable[[Translator], Message]) -> bool:
        """Send a direct message; return whether Slack took it."""
        try:
            profile = await self.users.get_profile(person)
            await self.poster.post(person, build(self.locales.for_reader(profile.locale, profile.timezone)))
        except (DependencyError, MessageRefusedError) as error:
            log.warning("absence.untold", user=person, error=str(error))
            return False
        return True
