"""The handler of the policy form."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog
from structlog.contextvars import bind_contextvars

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_fingerprint import policy_fingerprint
from flowbot.services.policy_setup import (
    PolicyChangedError,
    PolicyFormData,
    PolicyRefusedError,
    PolicySetup,
    SavedPolicy,
)
from flowbot.services.users import CurrentUser
from flowbot.slack.api.modals import AckArgs, Modals, ack_errors, ack_update
from flowbot.slack.forms.flow.opening import new_form_token
from flowbot.slack.forms.policy.form import PolicyForm, SubmittedPolicy
from flowbot.slack.forms.policy.freeze_blocks import ADDED_KINDS
from flowbot.slack.forms.policy.freeze_input import FreezeKind
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.forms.policy.steps import (
    STEP_FIELDS,
    PolicyFormContent,
    PolicyFormMetadata,
    Step,
    step_of,
)
from flowbot.slack.notify.policy_notifier import PolicyNotifier
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChannelValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions, BlockSuggestion, FormEvent, ReplyTarget
from flowbot.slack.runner import ACK_SECONDS, NO_REPLY, Interaction, Reply, Runner, explain_unsaved
from flowbot.slack.views import form_status, policy
from flowbot.slack.views.block_kit import View

log = structlog.get_logger(__name__)

_OLD_FORM: Final = PolicyInput(notify="")
"""What a form of an earlier version says where it lacks a field."""


@dataclass(frozen=True, slots=True)
class OpenPolicy:
    """An open form with all that was chosen in it by now."""

    channel: ChannelId
    metadata: PolicyFormMetadata
    typed: PolicyInput


@dataclass(frozen=True, slots=True)
class PolicyFormHandler:
    """Handles the policy form: opens it, turns its steps, answers its menus, saves what is submitted."""

    runner: Runner
    setup: PolicySetup
    modals: Modals
    notifier: PolicyNotifier

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
            form = OpenPolicy(
                channel,
                PolicyFormMetadata(
                    channel=channel,
                    seen=policy_fingerprint(context.policy, context.list_own_freezes(channel)),
                    locale=user.locale,
                    timezone=user.timezone,
                    token=new_form_token(),
                    step=Step.WEBSITES,
                ),
                PolicyInput.from_policy(context.policy, channel, context.list_own_freezes(channel)),
            )
            view = await self._keep_and_build(user, form, t, context=context)
        except DependencyError as fault:
            view = policy.sentence_view(t, fault.text)
        await self.modals.replace_loading(view_id, view)
        return NO_REPLY

    async def open_by_button(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form for the policy of the channel where the button was pressed."""
        return await self.open(interaction, press.trigger_id)

    def start_turn(self, press: BlockActions) -> None:
        """Start to do what a button of the form says; what goes wrong is answered in the form's channel."""
        submitted = PolicyForm.parse(press.view) if press.view else None
        if submitted is None:
            return

        async def handle(interaction: Interaction) -> Reply:
            return await self._turn(interaction, submitted, press)

        target = ReplyTarget(submitted.metadata.channel, press.user.id, "")
        self.runner.start("form_action", press.metric_label, press.caller, target, handle)

    async def submit(self, event: FormEvent) -> AckArgs:
        """Take in a step; after the last one save the policy. Return what to acknowledge it with.

        Its problems can be shown at its fields by the acknowledgement alone, so it is checked before that.
        """
        form = PolicyForm.parse(event.view)
        if form is None:
            return {}
        bind_contextvars(request="setup", user=event.user.id, channel=form.metadata.channel)
        t = self.runner.locales.for_reader(form.metadata.locale, form.metadata.timezone)
        errors: Mapping[str, str] = {}
        try:
            answer, outcome = await self.runner.tasks.run_within(
                ACK_SECONDS, self._take(event, form, t), name="setup form"
            )
        except UserError as error:
            errors, outcome = form.form_error(error.text, t), "refused"
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            errors, outcome = form.form_error(explain_unsaved(error, t), t), "fault"
        self.runner.metrics.requests.labels("setup", event.metric_label, outcome).inc()
        return ack_errors(errors) if errors else answer

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

    async def _turn(self, interaction: Interaction, submitted: SubmittedPolicy, press: BlockActions) -> Reply:
        """Do what a button of the form says, with what is chosen so far: go back, or show more."""
        user = await self.runner.users.reload_user(interaction.user)
        self.setup.require_setup(user)
        form = await self._read(user, submitted)
        context = await self.setup.load_form(form.channel)
        metadata, typed = form.metadata, form.typed
        match press.action.action_id:
            case ActionId.SETUP_BACK:
                metadata = metadata.model_copy(update={"step": Step(max(Step.WEBSITES, metadata.step - 1))})
            case ActionId.SETUP_MORE:
                metadata = metadata.model_copy(update={"more": True})
            case ActionId.SETUP_NAMES:
                typed = typed.show_names(context)
            case ActionId.SETUP_SAME:
                other = await self.setup.find_policy(parse_value(ChannelValue, press.action.value).channel)
                if other is None:
                    raise UserError("setup.same_gone")
                same = PolicyInput.from_policy(other.model_copy(update={"id": form.channel}), form.channel)
                metadata = metadata.model_copy(update={"turn": metadata.turn + 1})
                typed = replace(same, renames=typed.renames, freezes=typed.freezes)
            case _:
                typed = _edit_rows(typed, press, interaction.t)
        form = OpenPolicy(form.channel, metadata, typed)
        view = await self._keep_and_build(user, form, interaction.t, context=context)
        try:
            await self.modals.replace_loading(press.view_id, view)
        except UserError as error:
            raise UserError("setup.not_shown") from error
        return NO_REPLY

    async def _take(self, event: FormEvent, submitted: SubmittedPolicy, t: Translator) -> tuple[AckArgs, str]:
        """Take in a step. Return the acknowledgement, and whether the step was refused or is done.

        Raises:
            UserError: not allowed.
            DependencyError: the database or Slack did not answer.
        """
        user = await self.runner.users.reload_user(await self.runner.users.identify(event.caller))
        self.setup.require_setup(user)
        form = await self._read(user, submitted)
        try:
            return ack_update(await self._go_on(event, user, form, t)), "done"
        except PolicyRefusedError as refused:
            problems = refused.problems
        if (errors := submitted.field_errors(problems, t)) is not None:
            return ack_errors(errors), "refused"
        # A field of an earlier step, or one that is not shown: there it is, with what is wrong.
        step = min(map(step_of, problems))
        metadata = form.metadata.model_copy(update={"step": step, "more": step is Step.APPROVALS or form.metadata.more})
        view = await self._keep_and_build(user, replace(form, metadata=metadata), t, problems=problems)
        return ack_update(view), "refused"

    async def _read(self, user: CurrentUser, submitted: SubmittedPolicy) -> OpenPolicy:
        """Read what was chosen in a form, in this step and before.

        Raises:
            UserError: what was chosen before is not stored any more.
        """
        metadata = submitted.metadata
        if metadata.token is None:
            metadata = metadata.model_copy(update={"token": new_form_token()})
            return OpenPolicy(metadata.channel, metadata, submitted.read(_OLD_FORM))
        draft = await self.setup.load_draft(user.id, metadata.token)
        # Slack may have given the channel another id since the form was opened: the draft has it.
        return OpenPolicy(draft.channel, metadata, submitted.read(PolicyInput.load(draft.typed)))

    async def _go_on(self, event: FormEvent, user: CurrentUser, form: OpenPolicy, t: Translator) -> View:
        """Return the next step, or what takes the form's place after the last one.

        Raises:
            UserError: it was submitted twice.
            PolicyRefusedError: the step has problems, or the policy could not work.
            DependencyError: the database or Slack did not answer.
        """
        problems, step = form.typed.find_problems(), form.metadata.step
        if step in STEP_FIELDS:
            problems = {**await self.setup.find_taken_name(form.channel, form.typed.renames), **problems}
            problems = {name: problem for name, problem in problems.items() if name in STEP_FIELDS[step]}
            if step is Step.PEOPLE and not problems:
                wanted = form.typed.with_valid_numbers().to_policy(form.channel)
                found = await self.setup.find_people_problems(wanted)
                problems = {name: problem for name, problem in found.items() if name in STEP_FIELDS[step]}
            if problems:
                raise PolicyRefusedError(problems)
            metadata = form.metadata.model_copy(update={"step": Step(step + 1)})
            return await self._keep_and_build(user, replace(form, metadata=metadata), t)
        if problems:
            raise PolicyRefusedError(problems)
        key = event.delivery_key
        if key is not None and not await self.runner.deliveries.record_once(key, self.runner.clock()):
            raise UserError("form.repeated")
        await self.setup.require_ends(form.channel, form.typed.to_freezes(form.channel))
        await self.setup.require_workable(form.typed.to_policy(form.channel))
        return await self._save(user, form, t)

    async def _save(self, user: CurrentUser, form: OpenPolicy, t: Translator) -> View:
        """Save the policy. Return what takes the form's place: that it is saved, or the form over a newer policy."""
        try:
            saved = await self._save_and_announce(user, form)
        except PolicyChangedError:
            # The form as it was filled in, over the policy that was saved meanwhile: saved again, it replaces that.
            context = await self.setup.load_form(form.channel)
            own = context.list_own_freezes(form.channel)
            seen = policy_fingerprint(context.policy, own)
            typed = form.typed.fill_missing(context.policy, own).refresh_names(context.names)
            wanted, freezes = typed.to_policy(form.channel), typed.to_freezes(form.channel)
            if seen == policy_fingerprint(wanted, freezes or ()) and not any(
                each.before != each.after for each in typed.renames
            ):
                return policy.sentence_view(t, Text("setup.nothing_new"))
            fields = [] if seen == form.metadata.seen else policy.list_changed_fields(context.policy, wanted, t)
            if seen != form.metadata.seen and freezes != own:
                fields.append(policy.format_label(PolicyField.FREEZES, t))
            fields += [
                policy.format_name_label(new.website, t)
                for old, new in zip(form.typed.renames, typed.renames, strict=True)
                if old.before != new.before != new.after
            ]
            metadata = form.metadata.model_copy(update={"seen": seen, "step": Step.APPROVALS})
            form, problem = OpenPolicy(form.channel, metadata, typed), policy.overtaken_text(fields, t)
            return await self._keep_and_build(user, form, t, context=context, problem=problem)
        return policy.sentence_view(t, Text("setup.saved" if saved.is_new else "setup.nothing_new"))

    async def _keep_and_build(
        self,
        user: CurrentUser,
        form: OpenPolicy,
        t: Translator,
        *,
        context: PolicyFormData | None = None,
        problem: Text | None = None,
        problems: Mapping[PolicyField, Text] | None = None,
    ) -> View:
        """Store what is chosen by now, and return the form at its step."""
        context = context or await self.setup.load_form(form.channel)
        if form.metadata.token is not None:
            await self.setup.save_draft(user.id, form.metadata.token, form.channel, form.typed.dump())
        return PolicyForm.build(PolicyFormContent(context, form.typed, form.metadata, problem, problems or {}), t)

    async def _save_and_announce(self, user: CurrentUser, form: OpenPolicy) -> SavedPolicy:
        """Save the policy and announce it in its channel, to the end even if that takes too long for Slack."""
        done: asyncio.Future[SavedPolicy] = asyncio.get_running_loop().create_future()
        wanted: ChannelPolicy = form.typed.to_policy(form.channel)
        freezes = form.typed.to_freezes(form.channel)

        async def save_and_announce() -> None:
            try:
                saved = await self.setup.save(user, wanted, form.metadata.seen, form.typed.renames, freezes)
            except (UserError, DependencyError, PolicyChangedError) as error:
                if not done.cancelled():
                    done.set_exception(error)
                return
            if not done.cancelled():
                done.set_result(saved)
            if saved.is_new:
                await self.notifier.announce(user, saved)

        self.runner.tasks.start(save_and_announce(), name="setup")
        return await done


def _edit_rows(typed: PolicyInput, press: BlockActions, t: Translator) -> PolicyInput:
    """Return the values with a stage or a freeze more or less, as a button says."""
    match press.action.action_id:
        case ActionId.SETUP_ADD_STAGE:
            return typed.add_stage()
        case ActionId.SETUP_REMOVE_STAGE:
            return typed.remove_stage(press.action.value)
        case ActionId.SETUP_REMOVE_FREEZE:
            return typed.remove_freeze(press.action.value)
        case action if (kind := ADDED_KINDS.get(action)) is not None:
            return typed.add_freeze(kind, t("setup.freeze_holidays_name") if kind is FreezeKind.HOLIDAYS else "")
        case _:
            return typed
