"""The runner: who asks, once, in their words, with a sentence for whatever goes wrong, tracked to the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import structlog

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import Permission, Reason
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator, Translators
from flowbot.observability.logging import bind_incident, current_incident
from flowbot.observability.metrics import Metrics
from flowbot.services.authorization import effective_policy
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import DeliveryKey, DeliveryStore
from flowbot.services.users import Caller, CurrentUser, UserService
from flowbot.slack.api.messages import ReplyTarget, Responder
from flowbot.slack.views import sentences
from flowbot.slack.views.block_kit import Message

log = structlog.get_logger(__name__)


T = TypeVar("T")


ACK_SECONDS: Final = 2.3
"""All that happens before the acknowledgement, of the three seconds that Slack waits."""


LAST_SECONDS: Final = 1.5
"""What was cancelled has this long to say so."""


class TrackedTasks:
    """Runs coroutines in the background and knows which are still under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Begin `work`, which answers for its own errors; one that escapes it is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def run_within(self, seconds: float, work: Coroutine[Any, Any, T], *, name: str) -> T:
        """The result of `work`, which may raise what it likes.

        Raises:
            TimeoutError: there is none after `seconds`. The work is cancelled by then, and not waited for: what hangs
                in a database that says nothing takes its time for that, too. Where the caller is cancelled, the
                work goes on.
        """
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.add_done_callback(_given_up)
            task.cancel()
            raise TimeoutError
        return task.result()

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way, for `seconds` at most, then cancel what is left.

        Not for ever even then: a database that says nothing holds up who gives up waiting for it.
        """
        end = time.monotonic() + seconds
        while self._tasks and (left := end - time.monotonic()) > 0:
            # What ends may have begun something else before.
            await asyncio.wait(self._tasks, timeout=left)
        end, cancelled = time.monotonic() + LAST_SECONDS, set[asyncio.Task[Any]]()
        while self._tasks and (left := end - time.monotonic()) > 0:
            for task in self._tasks - cancelled:
                log.warning("task.cancelled", task=task.get_name())
                task.cancel()
            cancelled |= self._tasks
            await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)


def _given_up(task: asyncio.Task[Any]) -> None:
    """Nobody waits for it any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("task.failed_late", task=task.get_name(), error=type(error).__name__)


SLOW_SECONDS: Final = 6.0
"""After this long without an answer the person is told that one is on its way."""


UNDOING_SECONDS: Final = 0.5
"""What is given up at a stop has this long to end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, and whether it takes the place of the message that was pressed. None: it was said otherwise."""

    message: Message | None = None
    replacing: bool = False


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request of one person: who, where, and in which words to answer."""

    user: CurrentUser
    target: ReplyTarget
    t: Translator


Handler = Callable[[Interaction], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Runner:
    """What the handlers share."""

    users: UserService
    flow_queries: FlowQueries
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
        place: ReplyTarget,
        work: Handler,
        *,
        once: DeliveryKey | None = None,
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
        bind_incident(request=kind, user=caller.user, channel=place.channel)
        self.tasks.start(self._serve((kind, name), caller, place, work, once), name=kind)

    async def switch_channel(
        self, interaction: Interaction, channel: ChannelId | None, permission: Permission
    ) -> Interaction:
        """Return the interaction as one in the channel whose policy decides, where a button stands elsewhere.

        Args:
            interaction: the press.
            channel: the one that the button names; None where it is the one that it stands in.
            permission: what the button needs.

        Raises:
            UserError: not allowed there; what is everyone's in that channel is not for who is not in it.
            DependencyError: the database or Slack did not answer.
        """
        if channel is None or channel == interaction.target.channel:
            return interaction
        there = await self.flow_queries.rights(interaction.user, channel)
        if not there.may(permission):
            # Who has just been given the right has it, as where they press in the channel itself.
            interaction = replace(interaction, user=await self.users.reload_user(interaction.user))
            there = await self.flow_queries.rights(interaction.user, channel)
        policy, reason = there.policy, there.decisions[permission].reason
        if (
            policy is not None
            and await effective_policy(policy, interaction.user, None, self.users.find_members) is not policy
        ):
            reason = Reason.NOT_LISTED
        if reason is not Reason.GRANTED:
            key, params = sentences.with_channel_name(channel, reason.key, {})
            raise UserError(key, **params)
        return replace(interaction, target=replace(interaction.target, channel=channel))

    async def _serve(
        self, request: tuple[str, str], caller: Caller, place: ReplyTarget, work: Handler, once: DeliveryKey | None
    ) -> None:
        started = time.perf_counter()
        with self.metrics.work_in_hand.track_inprogress():
            answer, outcome = await self._answer(caller, place, work, once)
            delivered = await self._deliver(place, answer)
        seconds = time.perf_counter() - started
        self.metrics.requests.labels(*request, outcome if delivered else "undelivered").inc()
        self.metrics.answer_seconds.labels(*request).observe(seconds)
        log.info("request", outcome=outcome, delivered=delivered, ms=round(seconds * 1000, 1))

    async def _answer(
        self, caller: Caller, place: ReplyTarget, work: Handler, once: DeliveryKey | None
    ) -> tuple[Reply, str]:
        """The answer to give, and how it ended: `done`, `refused`, `fault` or `stopped`."""
        t = self.locales.for_reader(None)
        try:
            # First of all: what fails from here on has failed, and no recording of it is another try.
            refusal = await self._refusal(once)
            reader = await self.users.identify(caller)
            t = self.locales.for_reader(reader.locale, reader.timezone)
            working = work(Interaction(reader, place, t)) if refusal is None else _raise_refusal(refusal)
            return await self._patiently(working, place, t), "done"
        except UserError as error:
            log.info("refused", reason=str(error))
            return Reply(sentences.sentence_message(t, error.key, error.params)), "refused"
        except DependencyError as error:
            log.warning("fault", key=str(error), cause=str(error.__cause__ or ""))
            return Reply(sentences.fault_message(t, error.key, current_incident())), "fault"
        except asyncio.CancelledError:
            # Nothing else cancels this than a stop that has waited long enough.
            return Reply(sentences.sentence_message(t, "slow.stopped")), "stopped"
        except Exception:
            log.exception("unexpected")
            return Reply(sentences.fault_message(t, "fault.unexpected", current_incident())), "fault"

    async def _refusal(self, once: DeliveryKey | None) -> UserError | DependencyError | None:
        """Why a request is not carried out, in the person's words once these are known."""
        try:
            if once is None or await self.deliveries.record_once(once, self.clock()):
                return None
        except DependencyError as fault:
            return fault
        return UserError("request.repeated")

    async def _patiently(self, work: Awaitable[Reply], place: ReplyTarget, t: Translator) -> Reply:
        """The answer of `work`; where it takes long the person is told so meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=SLOW_SECONDS)
            if not done:
                await self._deliver(place, Reply(sentences.sentence_message(t, "slow.working")))
            return await task
        finally:
            if not task.done():
                # Whatever it undoes on its way out needs the database and the connections that a stop closes next.
                task.cancel()
                await asyncio.wait({task}, timeout=UNDOING_SECONDS)

    async def _deliver(self, place: ReplyTarget, answer: Reply) -> bool:
        if answer.message is None:
            return True
        try:
            await self.responder.reply_privately(place, answer.message, replacing=answer.replacing)
        except DependencyError as fault:
            log.warning("answer.undelivered", error=str(fault))
            return False
        return True


async def _raise_refusal(refusal: UserError | DependencyError) -> Reply:
    raise refusal


_UNSAVED_KEYS: Final = {"fault.database_unsure": "form.unsure", "fault.database_full": "fault.database_full"}


def explain_unsaved(error: Exception, t: Translator) -> Text:
    """What to say of a form of which nothing is kept, or not for certain; `error` is written down.

    Args:
        error: what was raised while it was being taken in: a fault, a TimeoutError, or something unexpected.
        t: the words of the person whose form it is.

    Returns:
        A sentence with the incident's code, which the log has too.
    """
    return Text("form.untaken", {"said": t(_unsaved_key(error)), "incident": current_incident()})


def _unsaved_key(error: Exception) -> str:
    if isinstance(error, DependencyError):
        log.warning("fault", key=str(error), cause=str(error.__cause__ or ""))
        return _UNSAVED_KEYS.get(error.key, "form.not_kept")
    if isinstance(error, TimeoutError):
        log.warning("fault", key="slow")
        return "form.unsure"
    log.error("unexpected", exc_info=error)
    return "fault.unexpected"
