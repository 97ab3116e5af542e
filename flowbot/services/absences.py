"""Absences: who is away, until when, and who stands in for them."""

from dataclasses import dataclass
from datetime import date, tzinfo

from flowbot.domain.absences import Absence, absences_at, find_absence, plan_absence
from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.policy import Permission, decide, without_everyone
from flowbot.errors import UserError
from flowbot.services.authorization import require_admissible
from flowbot.services.ports import Clock
from flowbot.services.ports.absences import AbsenceStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.quorum import Fitness, QuorumChecker
from flowbot.services.users import CurrentUser


@dataclass(frozen=True, slots=True)
class NewAbsence:
    """A person's new absence, and what it changes.

    Attributes:
        replaced: Their earlier absence, which it ends; None where they were not away.
        without_stand_ins: The channels in which they approve, and whose rules allow no stand-in.
    """

    absence: Absence
    replaced: Absence | None
    without_stand_ins: tuple[ChannelId, ...]


@dataclass(frozen=True, slots=True)
class PersonAbsences:
    """What absences mean for a person.

    Attributes:
        own: The person's own absence; None where they are not away.
        stands_in: The absences in which they stand in for others, the first to end first.
    """

    own: Absence | None = None
    stands_in: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class AbsenceService:
    """The use cases of absences. Every method raises DependencyError where the database did not answer."""

    store: AbsenceStore
    policies: PolicyStore
    quorum: QuorumChecker
    clock: Clock

    async def load_for(self, person: UserId) -> PersonAbsences:
        """Load what absences mean for a person now."""
        absences = absences_at(await self.store.get_all(), self.clock())
        stands_in = sorted((each for each in absences if each.stand_in == person), key=lambda each: each.until)
        return PersonAbsences(find_absence(absences, person), tuple(stands_in))

    async def begin(self, user: CurrentUser, last_day: date, stand_in: UserId | None, zone: tzinfo) -> NewAbsence:
        """Note that a person is away to the end of a day, in place of what was noted before.

        Args:
            user: the person.
            last_day: the day, in `zone`.
            stand_in: who may approve in their place; None for nobody.
            zone: the person's own zone.

        Raises:
            UserError: they may not be away, the day is not possible, or the other cannot stand in.
        """
        require_admissible(user.actor)
        if user.actor.is_guest:
            raise UserError("absence.guest")
        now = self.clock()
        absence = plan_absence(user.id, last_day, stand_in, now, zone)
        absences = absences_at(await self.store.get_all(), now)
        if stand_in is not None:
            await self._require_fit(stand_in)
            if find_absence(absences, stand_in) is not None:
                raise UserError("absence.stand_in_away")
        details = {"until": absence.until.isoformat(), "stand_in": stand_in and str(stand_in)}
        event = AuditEvent(at=now, action=AuditAction.PERSON_AWAY, actor=user.id, details=details)
        await self.store.save(absence, event)
        excepted = () if stand_in is None else await self._find_channels_without_stand_ins(user)
        return NewAbsence(absence, find_absence(absences, user.id), excepted)

    async def end(self, user: CurrentUser) -> Absence:
        """Note that a person is back, and return the absence that ends by it.

        Raises:
            UserError: they are not away.
        """
        now = self.clock()
        own = find_absence(absences_at(await self.store.get_all(), now), user.id)
        event = AuditEvent(at=now, action=AuditAction.PERSON_BACK, actor=user.id)
        if own is None or not await self.store.delete(user.id, event):
            raise UserError("absence.not_away")
        return own

    async def _require_fit(self, stand_in: UserId) -> None:
        """Make sure that a person may stand in for others: an active full member of this organisation.

        Raises:
            UserError: they may not.
        """
        fitness = (await self.quorum.find_fitness([stand_in]))[stand_in]
        if fitness is not Fitness.FIT:
            # Keys: absence.stand_in_bot, absence.stand_in_external, absence.stand_in_deactivated,
            # absence.stand_in_nobody, absence.stand_in_unknown
            raise UserError(f"absence.stand_in_{fitness}")
        if (await self.quorum.users.get_profile(stand_in)).is_guest:
            raise UserError("absence.stand_in_guest")

    async def _find_channels_without_stand_ins(self, user: CurrentUser) -> tuple[ChannelId, ...]:
        """Find the channels that a person may approve in, and whose rules allow no stand-in."""
        book = await self.policies.get_book()
        strict = (policy for policy in book.channels if not policy.approval.stand_ins)
        named = ((policy.id, decide(without_everyone(policy), user.actor, Permission.APPROVE)) for policy in strict)
        return tuple(channel for channel, decision in named if decision.allowed)
