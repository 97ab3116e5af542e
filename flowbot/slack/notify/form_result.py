"""The result of a form, for its author."""

from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from flowbot.domain.change import LEASED_STATES, Change, ChangeRequest, ChangeState, with_lease
from flowbot.domain.draft import Draft
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow
from flowbot.domain.lint import lint
from flowbot.domain.policy import Permission, decide
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.forms import FormService
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.policies import ChannelScope, PolicyStore
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import Caller, UserService
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.messages import Responder
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.notify.team_notifier import TeamNotifier
from flowbot.slack.views import flow_settings, form_status, push, sentences
from flowbot.slack.views.message import Message
from flowbot.slack.views.notices import request_sent_message
from flowbot.slack.views.request_blocks import outcome_text
from flowbot.slack.views.sentences import format_website

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FormResult:
    """Shows authors how their forms ended, in the form's place or by a message."""

    store: ChangeStore
    details: RequestDetailsLoader
    forms: FormService
    opener: FormOpener
    modals: Modals
    responder: Responder
    links: ArchiveLinks
    users: UserService
    policies: PolicyStore
    team: TeamNotifier
    locales: Translators
    clock: Clock

    def notifier_for_form(self, view_id: str, kind: FormKind) -> NotifyCallback:
        """Return a notifier that shows the result in the place of a form that is probably still open."""

        async def notify(change: Change, flow: Flow | None = None) -> Change:
            if change.has_team_message:
                # It keeps its lease until its form is shown.
                change = await self.team.notify(with_lease(None, change))
            request, t = change.request, self._translator(change.request)
            match change.state:
                case ChangeState.PENDING | ChangeState.SCHEDULED:
                    is_asked = change.state is ChangeState.PENDING
                    key = "request.edit_asked_in" if is_asked else "request.edit_scheduled_in"
                    text = Text(key, {"channel": change.posted_channel})
                    view = form_status.sentence_view(kind, t, text)
                    await self.modals.update(view_id, view)
                    link = await self.links.find_one(change)
                    details = await self.details.load(change)
                    await self._send(request, request_sent_message(details, link, t, self.clock()))
                case ChangeState.FAILED | ChangeState.OUT_OF_DATE:
                    await self._show_form_again(change, view_id, kind)
                case _:
                    message = await self._build_message(change, flow)
                    view = form_status.result_view(kind, t, message)
                    await self.modals.update(view_id, view)
                    await self._send(request, message)
            await self._show_revised(change)
            return (
                change
                if change.has_team_message
                else await self.store.mark_shown(change.id, change.version, owner=change.lease_owner)
            )

        return notify

    async def notify_by_message(self, change: Change, flow: Flow | None) -> None:
        """Send the result as a message, where no form is known to be open.

        What was typed is saved as a draft where the change was not applied.

        Raises:
            DependencyError: Slack did not take it.
        """
        message = await self._build_message(change, flow)
        if change.state is not ChangeState.APPLIED:
            await self.forms.drafts.save(await self._restore_draft(change.request))
        await self._send(change.request, message)
        await self._show_revised(change)

    async def _show_revised(self, change: Change) -> None:
        """Show what has become of the request that a form revises; where that fails, the recovery does it."""
        parent = None if change.request.parent is None else await self.store.get(change.request.parent)
        if parent is None or parent.state in LEASED_STATES or parent.shown_version >= parent.version:
            return
        with suppress(DependencyError):
            await self.team.notify(parent)

    async def _show_form_again(self, change: Change, view_id: str, kind: FormKind) -> None:
        """Show the form as it was typed with the reason on top, or a message where it cannot be shown."""
        request, t = change.request, self._translator(change.request)
        draft, text = await self._restore_draft(request), outcome_text(change, t)
        await self.forms.drafts.save(draft)
        try:
            user = await self.users.identify(Caller(request.requester, None))
            view = await self.opener.recreate_form(user, t, draft, text)
        except (UserError, DependencyError) as error:
            log.info("forms.not_shown_again", error=str(error))
            await self.modals.update(view_id, form_status.sentence_view(kind, t, text))
        else:
            if await self.modals.update(view_id, view):
                return
        await self.forms.drafts.save(replace(draft, changed_at=self.clock()))
        await self._send(request, _failed_message(change, text, t))

    async def _build_message(self, change: Change, flow: Flow | None) -> Message:
        request, t = change.request, self._translator(change.request)
        if change.state is not ChangeState.APPLIED:
            return _failed_message(change, outcome_text(change, t), t)
        if change.sent_at is None:
            return sentences.sentence_message(t, outcome_text(change, t))
        scope = await self.policies.get_scope(request.channel)
        if flow is None:
            message = sentences.sentence_message(t, outcome_text(change, t))
        else:
            message = await self._build_saved_message(request, flow, scope, t)
        return form_status.with_remarks(message, change, scope.website_names, t)

    async def _build_saved_message(
        self, request: ChangeRequest, flow: Flow, scope: ChannelScope, t: Translator
    ) -> Message:
        try:
            user = await self.users.identify(Caller(request.requester, None))
            may_share = decide(scope.policy, user.actor, Permission.SHARE).allowed
        except (UserError, DependencyError):
            may_share = False
        segment: str | None = None
        remarks: tuple[Text, ...] = ()
        if request.wanted is not None:
            write_only = request.wanted.write_only
            settings = await self.forms.settings.load(flow, sent_segment=write_only.segment)
            segment = flow_settings.format_after("segment", write_only, settings, t)
            hosts = self.forms.flow_cache.find_hosts(flow.website_id, flow.id)
            edited = request.flow is not None
            remarks = lint(flow, write_only, sibling_hosts=hosts, utm_may_be_set=edited)
        website = format_website(flow.website_id, scope.website_names, t)
        below = (push.audience_block(website, flow.wait, segment, t), *push.remark_blocks(remarks, t))
        kind = FormKind.EDIT if request.flow is not None else FormKind.CREATE
        return form_status.saved_message(kind, flow, below, t, may_share=may_share, channel=request.channel)

    async def _restore_draft(self, request: ChangeRequest) -> Draft:
        """Rebuild the draft of a form, about the flow that the form showed where that is still known."""
        saved = await self.forms.drafts.get(request.token)
        before, flow = (saved.before, saved.flow) if saved else (request.before, request.flow)
        typed, at = request.typed, self.clock()
        return Draft(request.token, request.requester, request.channel, request.kind, flow, before, typed, at)

    async def _send(self, request: ChangeRequest, message: Message) -> None:
        await self.responder.notify_person(request.channel, request.requester, message)

    def _translator(self, request: ChangeRequest) -> Translator:
        return self.locales.for_reader(request.locale, request.timezone)


def _failed_message(change: Change, text: Text, t: Translator) -> Message:
    """Return the reason why a form was not saved. The message may be a direct one, so the channel is named."""
    return form_status.failed_message(change, t, sentences.with_channel_name(text, change.request.channel))
