"""Opening and submitting the policy form."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator
from flowbot.observability.logging import bind_incident
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import (
    PolicyChangedError,
    PolicyFormData,
    PolicyRefusedError,
    PolicySetup,
    SavedPolicy,
    policy_fingerprint,
)
from flowbot.services.users import CurrentUser
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.policy.form import PolicyForm, PolicyFormContent, PolicyFormMetadata, SubmittedPolicy
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.incoming import BlockSuggestion, FormEvent
from flowbot.slack.runner import ACK_SECONDS, Interaction, Reply, Runner, explain_unsaved
from flowbot.slack.views import policy as views
from flowbot.slack.views import sentences

AckArgs = dict[str, Any]


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PolicyFormViews:
    """Serves `/flows setup`."""

    runner: Runner
    setup: PolicySetup
    modals: Modals

    async def open(self, interaction: Interaction, trigger: str) -> Reply:
        """Open the form for this channel's policy, at once, and fill it after; for admins alone."""
        self.setup.require_setup(interaction.user)
        view_id = await self.modals.open(trigger, views.loading(interaction.t))
        channel, reader, t = interaction.target.require_channel(), interaction.user, interaction.t
        try:
            ready = await self.setup.load_form(channel)
        except DependencyError as fault:
            await self.modals.replace_loading(view_id, views.sentence_view(t, fault.key, fault.params))
            return Reply()
        seen = policy_fingerprint(ready.policy)
        metadata = PolicyFormMetadata(channel=channel, seen=seen, locale=reader.locale, timezone=reader.timezone)
        data = PolicyFormContent(ready, PolicyInput.from_policy(ready.policy, channel), metadata)
        await self.modals.replace_loading(view_id, PolicyForm.build(data, t))
        return Reply()

    async def accept(self, event: FormEvent) -> AckArgs | None:
        """What to acknowledge a submitted form with. None where this is no such form.

        Its problems can be shown at its fields by the acknowledgement alone, so it is checked before that.
        """
        submitted = PolicyForm.parse(event.view)
        if submitted is None:
            return None
        bind_incident(request="setup", user=event.user.id, channel=submitted.metadata.channel)
        t = self.runner.locales.translator(submitted.metadata.locale, submitted.metadata.timezone)
        try:
            answer = await self.runner.tasks.run_within(ACK_SECONDS, self._take(event, submitted, t), name="setup form")
        except UserError as error:
            answer = _ack_errors({PolicyField.WEBSITES: Text(error.key, error.params)}, event, t)
        except PolicyRefusedError as refused:
            answer = _ack_errors(refused.problems, event, t)
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            self._count(event, "fault")
            return _ack_errors({PolicyField.WEBSITES: explain_unsaved(error, t)}, event, t)
        self._count(event, "refused" if answer["response_action"] == "errors" else "done")
        return answer

    def _count(self, event: FormEvent, outcome: str) -> None:
        self.runner.metrics.requests.labels("setup", request_label(event), outcome).inc()

    async def suggest_options(self, question: BlockSuggestion) -> dict[str, Any] | None:
        """The entries of a long menu that match what was typed, none where they cannot be had; None: no such form."""
        submitted = PolicyForm.parse(question.view)
        if submitted is None:
            return None
        metadata = submitted.metadata
        t = self.runner.locales.translator(metadata.locale, metadata.timezone)
        try:
            ready = await self.runner.tasks.run_within(
                ACK_SECONDS, self._entries(question, metadata.channel), name="entries"
            )
        except (UserError, DependencyError, TimeoutError) as error:
            log.warning("setup_form.no_suggestions", error=str(error) or "slow")
            return {"options": []}
        return PolicyForm.suggest_options(question.action_id, question.value, ready, t)

    async def _entries(self, question: BlockSuggestion, channel: ChannelId) -> PolicyFormData:
        self.setup.require_setup(await self.runner.users.identify(question.caller))
        return await self.setup.load_form(channel)

    async def _take(self, event: FormEvent, submitted: SubmittedPolicy, t: Translator) -> AckArgs:
        problems = submitted.typed.find_problems()
        if not problems and not await self._is_first(event):
            problems = {PolicyField.WEBSITES: Text("form.repeated")}
        reader = await self.runner.users.reload_user(await self.runner.users.identify(event.caller))
        self.setup.require_setup(reader)
        if problems:
            return _ack_errors(problems, event, t)
        wanted = submitted.typed.to_policy(submitted.metadata.channel)
        await self.setup.require_workable(wanted)
        try:
            saved = await self._save(reader, wanted, submitted.metadata.seen)
        except PolicyChangedError:
            return await self._again(submitted, wanted, t)
        said = "setup.saved" if saved.is_new else "setup.nothing_new"
        return {"response_action": "update", "view": views.sentence_view(t, said)}

    async def _is_first(self, event: FormEvent) -> bool:
        """Whether this submit was not delivered before: then it counts, whatever the policy is by now."""
        return event.delivery_key is None or await self.runner.deliveries.record_once(
            event.delivery_key, self.runner.clock()
        )

    async def _save(self, reader: CurrentUser, wanted: ChannelPolicy, seen: str) -> SavedPolicy:
        """Save and tell the channel. Saving goes on to its end, and is told, even if it takes too long for Slack."""
        done: asyncio.Future[SavedPolicy] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            try:
                saved = await self.setup.save(reader, wanted, seen)
            except (UserError, DependencyError, PolicyChangedError) as error:
                _settle(done, error)
                return
            _settle(done, saved)
            if saved.is_new:
                await self._tell(reader, saved)

        self.runner.tasks.start(work(), name="setup")
        return await done

    async def _again(self, submitted: SubmittedPolicy, wanted: ChannelPolicy, t: Translator) -> AckArgs:
        """The form as it was filled in, with what happened on top; saving it now replaces what is kept now."""
        ready = await self.setup.load_form(wanted.id)
        fields = t.listed(views.differing(ready.policy, wanted, t))
        metadata = submitted.metadata.model_copy(update={"seen": policy_fingerprint(ready.policy)})
        data = PolicyFormContent(ready, submitted.typed, metadata, problem=t("setup.overtaken", fields=fields))
        return {"response_action": "update", "view": PolicyForm.build(data, t)}

    async def _tell(self, reader: CurrentUser, saved: SavedPolicy) -> None:
        """Tell the channel; where that cannot be, tell the admin so."""
        place = ReplyTarget(saved.after.id, reader.id, "")
        t = self.runner.locales.channel(reader.locale)
        message = views.policy_changed_message(reader.id, saved.before, saved.after, await self._names(saved), t)
        try:
            await self.runner.responder.reply_publicly(place, message)
        except (UserError, DependencyError) as error:
            log.warning("setup_form.channel_not_told", error=str(error))
            t = self.runner.locales.translator(reader.locale, reader.timezone)
            await self._tell_admin(place, t)

    async def _tell_admin(self, place: ReplyTarget, t: Translator) -> None:
        try:
            await self.runner.responder.notify_person(
                place.require_channel(), place.user, sentences.sentence(t, "setup.untold")
            )
        except DependencyError as fault:
            log.warning("setup_form.admin_not_told", error=str(fault))

    async def _names(self, saved: SavedPolicy) -> views.Names:
        """What the ids of both policies are called."""
        ready = await self.setup.load_form(saved.after.id)
        groups = {id_: group.name or str(id_) for id_, group in (ready.groups or {}).items()}
        return views.Names(ready.websites, groups, await self.setup.find_names(_people(saved)))


def _people(saved: SavedPolicy) -> set[UserId]:
    policies = [policy for policy in (saved.before, saved.after) if policy is not None]
    entries = (
        entry
        for policy in policies
        for entry in (*policy.viewers, *policy.editors, *policy.approvers, *policy.approval.break_glass)
    )
    return {entry for entry in entries if isinstance(entry, UserId)}


def _settle(done: "asyncio.Future[SavedPolicy]", outcome: SavedPolicy | Exception) -> None:
    """Hand the outcome to whoever waits, if they still do."""
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _ack_errors(problems: Mapping[PolicyField, Text], event: FormEvent, t: Translator) -> AckArgs:
    return {"response_action": "errors", "errors": PolicyForm.field_errors(problems, event.view, t)}
