"""The handler of the policy form."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from structlog.contextvars import bind_contextvars

from flowbot.domain.ids import UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator
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
from flowbot.slack.api.modals import AckArgs, Modals, ack_errors, ack_update
from flowbot.slack.forms.policy.form import PolicyForm, PolicyFormContent, PolicyFormMetadata, SubmittedPolicy
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockActions, BlockSuggestion, FormEvent, ReplyTarget
from flowbot.slack.runner import ACK_SECONDS, NO_REPLY, Interaction, Reply, Runner, explain_unsaved
from flowbot.slack.views import form_status, policy, sentences
from flowbot.slack.views.block_kit import View

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PolicyFormHandler:
    """Handles the policy form: opens it, answers its menus, saves what is submitted."""

    runner: Runner
    setup: PolicySetup
    modals: Modals

    async def open(self, interaction: Interaction, trigger: str) -> Reply:
        """Open the form for this channel's policy, at once, and fill it after; for admins alone.

        Without a trigger, the reply has a button that opens it.
        """
        user, t = interaction.user, interaction.t
        self.setup.require_setup(user)
        if not trigger:
            return Reply(form_status.offer_message(ActionId.SETUP_OPEN, "", t))
        view_id = await self.modals.open(trigger, policy.loading_view(t))
        channel = interaction.target.require_channel()
        try:
            context = await self.setup.load_form(channel)
        except DependencyError as fault:
            await self.modals.replace_loading(view_id, policy.sentence_view(t, fault.text))
            return NO_REPLY
        seen = policy_fingerprint(context.policy)
        metadata = PolicyFormMetadata(channel=channel, seen=seen, locale=user.locale, timezone=user.timezone)
        content = PolicyFormContent(context, PolicyInput.from_policy(context.policy, channel), metadata)
        await self.modals.replace_loading(view_id, PolicyForm.build(content, t))
        return NO_REPLY

    async def open_by_button(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form for the policy of the channel where the button was pressed."""
        return await self.open(interaction, press.trigger_id)

    async def submit(self, event: FormEvent) -> AckArgs:
        """Save a submitted policy. Return what to acknowledge it with.

        Its problems can be shown at its fields by the acknowledgement alone, so it is checked before that.
        """
        form = PolicyForm.parse(event.view)
        if form is None:
            return {}
        bind_contextvars(request="setup", user=event.user.id, channel=form.metadata.channel)
        t = self.runner.locales.for_reader(form.metadata.locale, form.metadata.timezone)
        problems: Mapping[PolicyField, Text]
        try:
            view = await self.runner.tasks.run_within(
                ACK_SECONDS, self._check_and_save(event, form, t), name="setup form"
            )
        except UserError as error:
            problems, outcome = {PolicyField.WEBSITES: error.text}, "refused"
        except PolicyRefusedError as refused:
            problems, outcome = refused.problems, "refused"
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            problems, outcome = {PolicyField.WEBSITES: explain_unsaved(error, t)}, "fault"
        else:
            problems, outcome = {}, "done"
        self.runner.metrics.requests.labels("setup", PolicyForm.CALLBACK, outcome).inc()
        return ack_errors(PolicyForm.field_errors(problems, event.view, t)) if problems else ack_update(view)

    async def suggest_options(self, question: BlockSuggestion) -> AckArgs:
        """Return the entries of a long menu that match what was typed; none where they cannot be had in time."""
        form = PolicyForm.parse(question.view)
        if form is None:
            return {"options": []}
        channel = form.metadata.channel
        t = self.runner.locales.for_reader(form.metadata.locale, form.metadata.timezone)

        async def load_context() -> PolicyFormData:
            self.setup.require_setup(await self.runner.users.identify(question.caller))
            return await self.setup.load_form(channel)

        try:
            context = await self.runner.tasks.run_within(ACK_SECONDS, load_context(), name="entries")
        except (UserError, DependencyError, TimeoutError) as error:
            log.warning("setup_form.no_suggestions", error=str(error) or "slow")
            return {"options": []}
        return PolicyForm.suggest_options(question.action_id, question.value, context, t)

    async def _check_and_save(self, event: FormEvent, form: SubmittedPolicy, t: Translator) -> View:
        """Save the policy. Return what takes the form's place: that it is saved, or the form over a newer policy.

        Raises:
            UserError: not allowed.
            PolicyRefusedError: the form has problems, or the policy could not work.
            DependencyError: the database or Slack did not answer.
        """
        problems, key = form.typed.find_problems(), event.delivery_key
        if not problems and key is not None and not await self.runner.deliveries.record_once(key, self.runner.clock()):
            problems = {PolicyField.WEBSITES: Text("form.repeated")}
        user = await self.runner.users.reload_user(await self.runner.users.identify(event.caller))
        self.setup.require_setup(user)
        if problems:
            raise PolicyRefusedError(problems)
        wanted = form.typed.to_policy(form.metadata.channel)
        await self.setup.require_workable(wanted)
        try:
            saved = await self._save(user, wanted, form.metadata.seen)
        except PolicyChangedError:
            # The form as it was filled in, over the policy that was saved meanwhile: saved again, it replaces that.
            context = await self.setup.load_form(wanted.id)
            metadata = form.metadata.model_copy(update={"seen": policy_fingerprint(context.policy)})
            typed = form.typed.fill_missing(context.policy)
            fields = policy.list_changed_fields(context.policy, typed.to_policy(wanted.id), t)
            if not fields:
                return policy.sentence_view(t, Text("setup.nothing_new"))
            problem = Text("setup.overtaken", {"fields": t.format_list(fields)})
            return PolicyForm.build(PolicyFormContent(context, typed, metadata, problem), t)
        return policy.sentence_view(t, Text("setup.saved" if saved.is_new else "setup.nothing_new"))

    async def _save(self, user: CurrentUser, wanted: ChannelPolicy, seen: str) -> SavedPolicy:
        """Save the policy and announce it in its channel, to the end even if that takes too long for Slack."""
        done: asyncio.Future[SavedPolicy] = asyncio.get_running_loop().create_future()

        async def save_and_announce() -> None:
            try:
                saved = await self.setup.save(user, wanted, seen)
            except (UserError, DependencyError, PolicyChangedError) as error:
                if not done.cancelled():
                    done.set_exception(error)
                return
            if not done.cancelled():
                done.set_result(saved)
            if saved.is_new:
                await self._announce(user, saved)

        self.runner.tasks.start(save_and_announce(), name="setup")
        return await done

    async def _announce(self, user: CurrentUser, saved: SavedPolicy) -> None:
        """Post the change to the channel; where that fails, notify the admin."""
        channel, locales = saved.after.id, self.runner.locales
        names = await self._load_names(saved)
        message = policy.policy_changed_message(
            user.id, saved.before, saved.after, names, locales.for_channel(user.locale)
        )
        try:
            await self.runner.responder.reply_publicly(ReplyTarget(channel, user.id, ""), message)
        except (UserError, DependencyError) as error:
            log.warning("setup_form.channel_not_told", error=str(error))
            t = locales.for_reader(user.locale, user.timezone)
            notice = sentences.sentence_message(t, Text("setup.untold"))
            try:
                await self.runner.responder.notify_person(channel, user.id, notice)
            except DependencyError as fault:
                log.warning("setup_form.admin_not_told", error=str(fault))

    async def _load_names(self, saved: SavedPolicy) -> policy.Names:
        """Load the names of the websites, user groups and people of both policies."""
        context = await self.setup.load_form(saved.after.id)
        groups = {id_: group.name or str(id_) for id_, group in (context.groups or {}).items()}
        people = {
            principal
            for each in (saved.before, saved.after)
            if each is not None
            for principal in (*each.viewers, *each.editors, *each.approvers, *each.approval.break_glass)
            if isinstance(principal, UserId)
        }
        return policy.Names(context.websites, groups, await self.setup.find_names(people))
