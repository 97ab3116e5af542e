"""Where every request is answered: who it is, in their words, and with a sentence for whatever goes wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from flowbot import logs
from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import Permission, Reason
from flowbot.errors import Fault, UserError
from flowbot.locales import Locales, Translator
from flowbot.metrics import Metrics
from flowbot.services.authorization import effective_policy
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import DeliveryKey, DeliveryStore
from flowbot.services.users import Caller, CurrentUser, UserService
from flowbot.slack.replies import Place, Replies
from flowbot.slack.tasks import TrackedTasks
from flowbot.slack.views import sentences
from flowbot.slack.views.kit import Message

SLOW_SECONDS: Final = 6.0
"""After this long without an answer the person is told that one is on its way."""

UNDOING_SECONDS: Final = 0.5
"""What is given up at a stop has this long to end."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and whether it takes the place of the message that was pressed. None: it was said otherwise."""

    message: Message | None = None
    replacing: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one person: who, where, and in which words to answer."""

    reader: CurrentUser
    place: Place
    t: Translator


Work = Callable[[Visit], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the handlers share."""

    people: UserService
    reading: FlowQueries
    deliveries: DeliveryStore
    replies: Replies
    locales: Locales
    tasks: TrackedTasks
    metrics: Metrics
    clock: Clock

    def take(
        self, kind: str, name: str, caller: Caller, place: Place, work: Work, *, once: DeliveryKey | None = None
    ) -> None:
        """Take a request that was just acknowledged in hand, and answer it in the background.

        Args:
            kind: what sort of request it is, for log and metrics.
            name: which of that sort (`slack.names`), for the metrics.
            caller: whose it is.
            place: where the answer belongs.
            work: finds the answer.
            once: the request's key, where it changes something: delivered again, it does nothing any more.
        """
        logs.bind_incident(request=kind, user=caller.user, channel=place.where)
        self.tasks.start(self._serve((kind, name), caller, place, work, once), name=kind)

    async def where_it_counts(self, visit: Visit, channel: ChannelId | None, permission: Permission) -> Visit:
        """The visit as one to the channel whose policy decides, where a button stands elsewhere, in a direct message.

        Args:
            visit: the press.
            channel: the one that the button names; None where it is the one that it stands in.
            permission: what the button needs.

        Raises:
            UserError: not allowed there; what is everyone's in that channel is not for who is not in it.
            Fault: the database or Slack did not answer.
        """
        if channel is None or channel == visit.place.where:
            return visit
        there = await self.reading.rights(visit.reader, channel)
        if not there.may(permission):
            # Who has just been given the right has it, as where they press in the channel itself.
            visit = replace(visit, reader=await self.people.anew(visit.reader))
            there = await self.reading.rights(visit.reader, channel)
        policy, reason = there.policy, there.decisions[permission].reason
        if policy is not None and await effective_policy(policy, visit.reader, None, self.people.members) is not policy:
            reason = Reason.NOT_LISTED
        if reason is not Reason.GRANTED:
            key, params = sentences.naming(channel, reason.key, {})
            raise UserError(key, **params)
        return replace(visit, place=replace(visit.place, where=channel))

    async def _serve(
        self, request: tuple[str, str], caller: Caller, place: Place, work: Work, once: DeliveryKey | None
    ) -> None:
        started = time.perf_counter()
        with self.metrics.in_hand.track_inprogress():
            answer, outcome = await self._answer(caller, place, work, once)
            delivered = await self._deliver(place, answer)
        seconds = time.perf_counter() - started
        self.metrics.requests.labels(*request, outcome if delivered else "undelivered").inc()
        self.metrics.answers.labels(*request).observe(seconds)
        log.info("request", outcome=outcome, delivered=delivered, ms=round(seconds * 1000, 1))

    async def _answer(self, caller: Caller, place: Place, work: Work, once: DeliveryKey | None) -> tuple[Answer, str]:
        """The answer to give, and how it ended: `done`, `refused`, `fault` or `stopped`."""
        t = self.locales.translator(None)
        try:
            # First of all: what fails from here on has failed, and no recording of it is another try.
            refusal = await self._refusal(once)
            reader = await self.people.reader(caller)
            t = self.locales.translator(reader.locale, reader.timezone)
            working = work(Visit(reader, place, t)) if refusal is None else _refused(refusal)
            return await self._patiently(working, place, t), "done"
        except UserError as error:
            log.info("refused", reason=str(error))
            return Answer(sentences.sentence(t, error.key, error.params)), "refused"
        except Fault as error:
            log.warning("fault", key=str(error), cause=str(error.__cause__ or ""))
            return Answer(sentences.fault(t, error.key, logs.current_incident())), "fault"
        except asyncio.CancelledError:
            # Nothing else cancels this than a stop that has waited long enough.
            return Answer(sentences.sentence(t, "slow.stopped")), "stopped"
        except Exception:
            log.exception("unexpected")
            return Answer(sentences.fault(t, "fault.unexpected", logs.current_incident())), "fault"

    async def _refusal(self, once: DeliveryKey | None) -> UserError | Fault | None:
        """Why a request is not carried out, in the person's words once these are known."""
        try:
            if once is None or await self.deliveries.take(once, self.clock()):
                return None
        except Fault as fault:
            return fault
        return UserError("request.repeated")

    async def _patiently(self, work: Awaitable[Answer], place: Place, t: Translator) -> Answer:
        """The answer of `work`; where it takes long the person is told so meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=SLOW_SECONDS)
            if not done:
                await self._deliver(place, Answer(sentences.sentence(t, "slow.working")))
            return await task
        finally:
            if not task.done():
                # Whatever it undoes on its way out needs the database and the connections that a stop closes next.
                task.cancel()
                await asyncio.wait({task}, timeout=UNDOING_SECONDS)

    async def _deliver(self, place: Place, answer: Answer) -> bool:
        if answer.message is None:
            return True
        try:
            await self.replies.privately(place, answer.message, replacing=answer.replacing)
        except Fault as fault:
            log.warning("answer.undelivered", error=str(fault))
            return False
        return True


async def _refused(refusal: UserError | Fault) -> Answer:
    raise refusal
