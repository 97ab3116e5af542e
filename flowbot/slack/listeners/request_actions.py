"""Buttons of requests, and the reason form. Every press is authorised afresh, and answered."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, FlowId, SlackId
from flowbot.domain.policy import Permission
from flowbot.errors import DependencyError, UserError
from flowbot.i18n.translator import Translator
from flowbot.observability.logging import bind_incident
from flowbot.services.approvals.approvals import ApprovalServices
from flowbot.services.approvals.decide import AlreadyDecidedError
from flowbot.services.approvals.submit import RequestOpenError
from flowbot.services.inbox import RequestQueue
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.reason import ReasonForm, ReasonMetadata, ReasonPurpose, SubmittedReason
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue, FlowValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions, FormEvent
from flowbot.slack.runner import ACK_SECONDS, Interaction, Reply, Runner, explain_unsaved
from flowbot.slack.views import notices as views
from flowbot.slack.views import sentences
from flowbot.slack.views.request_blocks import outcome_params

ActionHandler = Callable[[Interaction, BlockActions], Awaitable[Reply]]


UNNAMED_KEYS: Final = {
    "form.website_gone_in": "form.website_gone",
    "request.late_by_rejected": "request.late_rejected",
    "request.late_by_withdrawn": "request.late_withdrawn",
    "request.late_by_break_glass": "request.late_break_glass",
}
"""Refusals that name somebody, and what says the same without a name."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestActions:
    """Serves requests."""

    runner: Runner
    approvals: ApprovalServices
    queue: RequestQueue
    modals: Modals
    notifier: SlackNotifier
    home: HomeTab

    def handlers(self) -> Mapping[str, ActionHandler]:
        """What each button of a request, and those that ask for one, does."""
        return {
            ActionId.FLOW_ENABLE: self._asking(ChangeKind.ENABLE),
            ActionId.FLOW_DISABLE: self._asking(ChangeKind.DISABLE),
            ActionId.FLOW_DELETE: self._asking(ChangeKind.DELETE),
            ActionId.APPROVE: self._with_message_location(self._approve),
            ActionId.REJECT: self._with_message_location(self._reject),
            ActionId.WITHDRAW: self._with_message_location(self._withdraw),
            ActionId.BREAK_GLASS: self._with_message_location(self._break_glass),
            ActionId.CHECK_AGAIN: self._check_again,
            ActionId.ASK_AGAIN: self._ask_again,
            ActionId.RESTORE: self._restore,
        }

    async def request_change(self, interaction: Interaction, kind: ChangeKind, flow: FlowId, reason: str) -> Reply:
        """Ask to enable, disable or delete a flow; what needs no approval is done at once."""
        asking = self.approvals.asking
        return await self._submitted(
            interaction, asking.submit(interaction.user, interaction.target.require_channel(), kind, flow, reason)
        )

    async def list_approvals(self, interaction: Interaction) -> Reply:
        """What waits: for this person, by this person, in this channel."""
        lists = await self.queue.load_for(interaction.user, interaction.target.require_channel())
        for_me, by_me, here = [[await self.notifier.request_message.load(change) for change in part] for part in lists]
        links = await self.notifier.find_permalinks(tuple(change for part in lists for change in part))
        return Reply(views.approvals_message(for_me, by_me, here, links, interaction.t, self.runner.clock()))

    async def handle_reason(self, event: FormEvent) -> dict[str, Any] | None:
        """A reason was given in its small form: what to acknowledge it with. None where it is another form.

        By the time it is acknowledged the decision is kept, so that a crash cannot lose it. Where it cannot be, the
        form stays open with what was typed, and says why.
        """
        given = ReasonForm.parse(event.view)
        if given is None:
            return None
        t = self.runner.locales.for_reader(given.metadata.locale)
        errors = ReasonForm.field_errors(given, t) or await self._decide(event, given, t)
        return {"response_action": "errors", "errors": errors} if errors else {}

    def _with_message_location(self, handler: ActionHandler) -> ActionHandler:
        """The button of a request's message: who posted it may not have noted yet where it is."""

        async def knowing(interaction: Interaction, press: BlockActions) -> Reply:
            if press.message_ts is None or press.channel is None:
                return await handler(interaction, press)
            request_message, change_id = self.notifier.request_message, _pressed_change(press)
            is_twin = await request_message.record_location(change_id, press.channel.id, press.message_ts)
            try:
                return await handler(interaction, press)
            finally:
                if is_twin:
                    await request_message.sync_duplicate(change_id, press.channel.id, press.message_ts)

        return knowing

    def _asking(self, kind: ChangeKind) -> ActionHandler:
        async def handler(interaction: Interaction, press: BlockActions) -> Reply:
            value = parse_value(FlowValue, press.action.value)
            there = await self.runner.switch_channel(interaction, value.channel, Permission.EDIT)
            asking = self.approvals.asking.submit(there.user, there.target.require_channel(), kind, value.flow, "")
            return await self._submitted(replace(there, target=interaction.target), asking)

        return handler

    async def _submitted(self, interaction: Interaction, asking: Awaitable[Change]) -> Reply:
        """Begin with what is asked for; where a request for the same flow is open, lead to its message instead."""
        try:
            change = await asking
        except RequestOpenError as error:
            link = (await self.notifier.find_permalinks((error.current,))).get(error.current.id)
            return Reply(views.request_open_message(error.current, link, interaction.t))
        return await self._started(interaction, change)

    async def _started(self, interaction: Interaction, change: Change) -> Reply:
        """Carry out what was just submitted, as far as it goes by itself, and say so to the one who asked."""
        with _continues_later():
            settled = await self.approvals.carry_out(change, self.notifier.notify, interaction.user)
            if settled.state is ChangeState.PENDING:
                shown = await self.notifier.request_message.load(settled)
                link = (await self.notifier.find_permalinks((settled,))).get(settled.id)
                return Reply(views.request_sent_message(shown, link, interaction.t))
        # Without an outcome another process has it in hand: the message will tell.
        outcome = settled.outcome or Outcome("request.under_way")
        key, params = outcome.key, outcome_params(settled, interaction.t)
        if interaction.target.channel != settled.request.channel:
            key, params = sentences.with_channel_name(settled.request.channel, key, params)
        return Reply(sentences.sentence_message(interaction.t, key, params))

    async def _approve(self, interaction: Interaction, press: BlockActions) -> Reply:
        ballot = await self.approvals.deciding.approve(
            interaction.user, _pressed_change(press), interaction.target.channel
        )
        if not ballot.is_new:
            raise UserError("request.voted_already")
        if ballot.change.state is ChangeState.APPLYING:
            with _continues_later():
                await self.approvals.carry_out(ballot.change, self.notifier.notify)
        else:
            await self.notifier.notify(ballot.change, None)
        return Reply()

    async def _reject(self, interaction: Interaction, press: BlockActions) -> Reply:
        change = await self.approvals.deciding.require_reject(
            interaction.user, _pressed_change(press), interaction.target.channel
        )
        return await self._ask_reason(interaction, press, change, ReasonPurpose.REJECT)

    async def _break_glass(self, interaction: Interaction, press: BlockActions) -> Reply:
        change = await self.approvals.deciding.require_skip(interaction.user, _pressed_change(press))
        return await self._ask_reason(interaction, press, change, ReasonPurpose.BREAK_GLASS)

    async def _ask_reason(
        self, interaction: Interaction, press: BlockActions, change: Change, purpose: ReasonPurpose
    ) -> Reply:
        metadata = ReasonMetadata(
            purpose=purpose, change=change.id, channel=interaction.target.channel, locale=interaction.user.locale
        )
        await self.modals.open(press.trigger_id, ReasonForm.build(metadata, change, interaction.t))
        return Reply()

    async def _decide(self, event: FormEvent, given: SubmittedReason, t: Translator) -> dict[str, str]:
        """Decide, and begin with what follows; what is wrong, where it cannot be decided."""
        channel, name = given.metadata.channel, request_label(event)
        bind_incident(request="reason", user=event.user.id, channel=channel)
        try:
            change = await self.runner.tasks.run_within(ACK_SECONDS, self._decided(event, given), name="reason")
        except AlreadyDecidedError:
            return {}
        except UserError as error:
            log.info("refused", reason=str(error))
            return self._undecided(name, "refused", _without_names(error, t))
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            problem = explain_unsaved(error, t)
            return self._undecided(name, "fault", t(problem.key, **problem.params))
        work = self.home.refresh_after(lambda _interaction: self._followed(change))
        self.runner.start("reason", name, event.caller, ReplyTarget(channel, event.user.id, ""), work)
        return {}

    def _undecided(self, name: str, outcome: str, sentence: str) -> dict[str, str]:
        self.runner.metrics.requests.labels("reason", name, outcome).inc()
        return ReasonForm.field_error(sentence)

    async def _decided(self, event: FormEvent, given: SubmittedReason) -> Change:
        """The change as it is once the decision is kept."""
        if event.delivery_key is not None and not await self.runner.deliveries.record_once(
            event.delivery_key, self.runner.clock()
        ):
            raise UserError("form.repeated")
        reader, metadata = await self.runner.users.identify(event.caller), given.metadata
        if metadata.purpose is ReasonPurpose.BREAK_GLASS:
            return await self.approvals.deciding.skip_approval(reader, metadata.change, given.reason)
        # From nowhere: who had the form open may have left the channel since.
        return await self.approvals.deciding.reject(reader, metadata.change, given.reason, None)

    async def _followed(self, change: Change) -> Reply:
        """Do what was decided, and tell."""
        with _continues_later():
            if change.state is ChangeState.APPLYING:
                await self.approvals.carry_out(change, self.notifier.notify)
            else:
                await self.notifier.notify(change, None)
        return Reply()

    async def _withdraw(self, interaction: Interaction, press: BlockActions) -> Reply:
        await self.notifier.notify(
            await self.approvals.deciding.withdraw(interaction.user, _pressed_change(press)), None
        )
        return Reply()

    async def _check_again(self, interaction: Interaction, press: BlockActions) -> Reply:
        change = await self.approvals.checking.recheck(
            interaction.user, _pressed_change(press), interaction.target.require_channel()
        )
        await self.notifier.notify(change, None)
        still = change.state is ChangeState.UNKNOWN
        return Reply(sentences.sentence_message(interaction.t, "request.still_unknown")) if still else Reply()

    async def _ask_again(self, interaction: Interaction, press: BlockActions) -> Reply:
        asking = self.approvals.asking
        return await self._submitted(
            interaction, asking.resubmit(interaction.user, _pressed_change(press), interaction.target.require_channel())
        )

    async def _restore(self, interaction: Interaction, press: BlockActions) -> Reply:
        asking = self.approvals.asking
        return await self._submitted(
            interaction, asking.restore(interaction.user, _pressed_change(press), interaction.target.require_channel())
        )


def _without_names(error: UserError, t: Translator) -> str:
    """A refusal as Slack can show it at a field, where it shows no names."""
    named = any(isinstance(value, SlackId) for value in error.params.values())
    return t(UNNAMED_KEYS.get(error.key, error.key) if named else error.key, **error.params)


@contextmanager
def _continues_later() -> Iterator[None]:
    """What was asked or decided is kept by now: where the database or Slack is away, it goes on by itself later."""
    try:
        yield
    except DependencyError as fault:
        if fault.key.startswith("fault.database"):
            raise DependencyError("fault.goes_on") from (fault.__cause__ or fault)
        if fault.key == "fault.slack":
            raise DependencyError("fault.goes_on_slack", **fault.params) from (fault.__cause__ or fault)
        raise


def _pressed_change(press: BlockActions) -> ChangeId:
    return parse_value(ChangeValue, press.action.value).change
