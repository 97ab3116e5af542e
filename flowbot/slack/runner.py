"""The runner of handlers: who asks, each delivery once, errors to sentences, tasks tracked."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Self, TypeVar

import structlog
from structlog.contextvars import bind_contextvars

from flowbot.domain.ids import ChannelId
from flowbot.errors import (
    CommitUnsureError,
    DatabaseDamagedError,
    DatabaseFaultError,
    DatabaseFullError,
    DatabaseUnusableError,
    DependencyError,
    SlackFaultError,
    Text,
    UserError,
)
from flowbot.i18n.translator import Translator, Translators
from flowbot.observability.logging import current_incident
from flowbot.observability.metrics import Metrics
from flowbot.services.ports import Clock
from flowbot.services.ports.deliveries import DeliveryKey, DeliveryStore
from flowbot.services.users import Caller, CurrentUser, UserService
from flowbot.slack.api.messages import Responder
from flowbot.slack.payloads.incoming import FormEvent, ReplyTarget
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.views import sentences
from flowbot.slack.views.message import Message

ACK_SECONDS: Final = 2.3
"""The time for all that happens before an acknowledgement; Slack waits three seconds."""
SLOW_SECONDS: Final = 6.0
"""After this long without an answer the person is told that it takes longer."""
UNDO_SECONDS: Final = 0.5
"""A handler that is cancelled at a stop has this long to end."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a person.

    Attributes:
        message: None where nothing is left to say.
        replacing: Whether it takes the place of the message whose button was pressed.
        is_refusal: Whether it says why nothing was done.
    """

    message: Message | None = None
    replacing: bool = False
    is_refusal: bool = False


NO_REPLY: Final = Reply()
"""The reply where something else shows what was done: a request's message, a form."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request of a person: who, where the answer goes, and in which language."""

    user: CurrentUser
    target: ReplyTarget
    t: Translator

    def in_channel(self, channel: ChannelId) -> Self:
        """Return the interaction as one in a channel, whose policy decides."""
        return replace(self, target=replace(self.target, channel=channel))


Handler = Callable[[Interaction], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs handlers in the background, and holds what all of them need."""

    users: UserService
    deliveries: DeliveryStore
    responder: Responder
    locales: Translators
    tasks: TrackedTasks
    metrics: Metrics
    clock: Clock

    def start(
        self,
        kind: str,
        name: str,
        caller: Caller,
        target: ReplyTarget,
        handler: Handler,
        *,
        once: DeliveryKey | None = None,
    ) -> None:
        """Start to handle a request that was just acknowledged; its answer follows on its own.

        Args:
            kind: the sort of request, for log and metrics.
            name: the request among those of its sort, for the metrics: a command's word, or an id of a fixed set.
            caller: the sender.
            target: the place of the answer.
            handler: does what is asked for and returns the answer.
            once: the delivery's key, where the request changes something: a second delivery is refused.
        """

        async def run() -> None:
            started = time.perf_counter()
            with self.metrics.work_in_hand.track_inprogress():
                reply, outcome = await self._handle(caller, target, handler, once)
                delivered = await self._deliver(target, reply)
            seconds = time.perf_counter() - started
            self.metrics.requests.labels(kind, name, outcome if delivered else "undelivered").inc()
            self.metrics.answer_seconds.labels(kind, name).observe(seconds)
            log.info("request", outcome=outcome, delivered=delivered, ms=round(seconds * 1000, 1))

        bind_contextvars(request=kind, user=caller.user, channel=target.channel)
        self.tasks.start(run(), name=kind)

    async def store_submission(
        self, event: FormEvent, kind: str, name: str, store: Callable[[], Awaitable[T]], t: Translator
    ) -> T | Text:
        """Store what a form asks for before the form is acknowledged, so that a crash cannot lose it.

        Args:
            event: the form's delivery; a second one is refused.
            kind: the sort of request, for log and metrics.
            name: the form's id, for the metrics.
            store: stores it, and returns what was stored.
            t: the language of the person whose form it is.

        Returns:
            What was stored, or the sentence that says why nothing was, so that the form stays open with it.
        """

        async def store_once() -> T:
            key = event.delivery_key
            if key is not None and not await self.deliveries.record_once(key, self.clock()):
                raise UserError("form.repeated")
            return await store()

        try:
            return await self.tasks.run_within(ACK_SECONDS, store_once(), name=kind)
        except UserError as error:
            log.info("refused", reason=str(error))
            problem, outcome = error.text, "refused"
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            problem, outcome = explain_unsaved(error, t), "fault"
        self.metrics.requests.labels(kind, name, outcome).inc()
        return problem

    async def _handle(
        self, caller: Caller, target: ReplyTarget, handler: Handler, once: DeliveryKey | None
    ) -> tuple[Reply, str]:
        """Return the answer and the outcome: `done`, `refused`, `fault` or `stopped`."""
        user: CurrentUser | None = None
        try:
            # Recorded first: a request that fails from here on has failed, and its second delivery is no retry.
            try:
                is_new = once is None or await self.deliveries.record_once(once, self.clock())
            except DependencyError:
                # Told in the person's language.
                user = await self.users.identify(caller)
                raise
            user = await self.users.identify(caller)
            if not is_new:
                raise UserError("request.repeated")  # noqa: TRY301 - told like any other refusal
            interaction = Interaction(user, target, self._translator(user))
            reply = await self._wait_with_notice(handler(interaction), interaction)
        except UserError as error:
            log.info("refused", reason=str(error))
            return Reply(sentences.sentence_message(self._translator(user), error.text)), "refused"
        except DependencyError as error:
            log.warning("fault", key=str(error), cause=str(error.__cause__ or ""))
            return Reply(sentences.fault_message(self._translator(user), error.text, current_incident())), "fault"
        except asyncio.CancelledError:
            # Only a stop that has waited long enough cancels this.
            return Reply(sentences.sentence_message(self._translator(user), Text("slow.stopped"))), "stopped"
        except Exception:
            log.exception("unexpected")
            text = Text("fault.unexpected")
            return Reply(sentences.fault_message(self._translator(user), text, current_incident())), "fault"
        return reply, "refused" if reply.is_refusal else "done"

    def _translator(self, user: CurrentUser | None) -> Translator:
        """Return the words for a person, or for anybody as long as it is not known who it is."""
        return self.locales.for_reader(user.locale, user.timezone) if user else self.locales.for_reader(None)

    async def _wait_with_notice(self, work: Awaitable[Reply], interaction: Interaction) -> Reply:
        """Return the answer of `work`; tell the person meanwhile if it takes long."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=SLOW_SECONDS)
            if not done:
                notice = sentences.sentence_message(interaction.t, Text("slow.working"))
                await self._deliver(interaction.target, Reply(notice))
            return await task
        finally:
            if not task.done():
                # Its clean-up needs the database and the connections, which a stop closes next.
                task.cancel()
                await asyncio.wait({task}, timeout=UNDO_SECONDS)

    async def _deliver(self, target: ReplyTarget, reply: Reply) -> bool:
        if reply.message is None:
            return True
        try:
            await self.responder.reply_privately(target, reply.message, replacing=reply.replacing)
        except DependencyError as error:
            log.warning("answer.undelivered", error=str(error))
            return False
        return True


_UNSAVED_KEYS: Final[Mapping[type[Exception], str]] = {
    CommitUnsureError: "form.unsure",
    DatabaseFullError: DatabaseFullError.key,
    DatabaseUnusableError: DatabaseUnusableError.key,
    DatabaseDamagedError: DatabaseDamagedError.key,
}


def explain_unsaved(error: Exception, t: Translator) -> Text:
    """Log why a form was not saved, or not for certain, and return the sentence that says so.

    Args:
        error: raised while the form was being saved: a DependencyError, a TimeoutError, or anything unexpected.
        t: the language of the person whose form it is.

    Returns:
        A sentence with the incident's code, which the log has too.
    """
    match error:
        case DependencyError():
            log.warning("fault", key=str(error), cause=str(error.__cause__ or ""))
            key = _UNSAVED_KEYS.get(type(error), "form.not_kept")
        case TimeoutError():
            log.warning("fault", key="slow")
            key = "form.unsure"
        case _:
            log.error("unexpected", exc_info=error)
            key = "fault.unexpected"
    return Text("form.untaken", {"said": t(key), "incident": current_incident()})


@contextmanager
def continues_later() -> Iterator[None]:
    """Report a fault after a change was saved as one that flowbot recovers from by itself.

    Raises:
        DependencyError: the database or Slack did not answer; says that the work goes on later. Other faults as raised.
    """
    try:
        yield
    except DatabaseFaultError as fault:
        raise DependencyError("fault.goes_on") from (fault.__cause__ or fault)
    except SlackFaultError as fault:
        raise DependencyError("fault.goes_on_slack", error=fault.code) from (fault.__cause__ or fault)
