"""The result of a form, for its author."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from flowbot.domain.change import Change, ChangeRequest, ChangeState, Draft, Outcome
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow, FlowContent
from flowbot.domain.lint import lint
from flowbot.domain.policy import Permission
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.authorization import Permissions
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.forms import FormService
from flowbot.services.ports import Clock
from flowbot.services.ports.slack import ImageSource, Notifier
from flowbot.services.ports.storage import ImageStore
from flowbot.services.users import Caller, CurrentUser, UserService
from flowbot.slack.api.messages import Responder
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.flow.opening import FormOpener, draft_form_kind
from flowbot.slack.notify.request_message import RequestMessage, is_public
from flowbot.slack.views import form_status as views
from flowbot.slack.views import push, sentences
from flowbot.slack.views.block_kit import Message, View
from flowbot.slack.views.notices import request_sent_message
from flowbot.slack.views.request_blocks import outcome_params
from flowbot.slack.views.sentences import format_segment, format_website

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FormResult:
    """Says how forms ended."""

    forms: FormService
    opening: FormOpener
    modals: Modals
    replies: Responder
    people: UserService
    reading: FlowQueries
    images: ImageStore
    pictures: ImageSource
    request_message: RequestMessage
    locales: Translators
    clock: Clock

    def for_open_form(self, view_id: str) -> Notifier:
        """Tells in the place of a form that is probably still open."""

        async def tell(change: Change, shown: Flow | None) -> None:
            if is_public(change):
                change = await self.request_message.sync(change)
            if change.state is ChangeState.PENDING:
                await self._tell_waiting(change, view_id)
                return
            if change.state in {ChangeState.FAILED, ChangeState.OUT_OF_DATE}:
                await self._tell_failure(change, view_id)
            else:
                message = await self._message(change, shown)
                kind = await self._kind(change.request)
                await self.modals.update(view_id, views.result_view(kind, self._t(change.request), message))
                await self._send(change.request, message)

        return tell

    async def notify_by_message(self, change: Change, shown: Flow | None) -> None:
        """Tell by a message, where no form is known to be open.

        Keep the draft if the change failed; drop it once applied.

        Raises:
            DependencyError: Slack did not take it.
        """
        message = await self._message(change, shown)
        if change.state is ChangeState.APPLIED:
            await self.forms.discard_draft(change.request.token)
        else:
            await self.forms.save_draft(await self._draft(change.request))
        await self._send(change.request, message)

    async def _tell_waiting(self, change: Change, view_id: str) -> None:
        """The form asked for an approval: where it is waited for, in its place and by a message that stays."""
        kind, t = await self._kind(change.request), self._t(change.request)
        view = views.sentence_view(kind, t, "request.edit_asked_in", {"channel": change.posted_channel})
        await self.modals.update(view_id, view)
        shown, link = await self.request_message.load(change), await self.request_message.link(change)
        await self._send(change.request, request_sent_message(shown, link, t))

    async def _tell_failure(self, change: Change, view_id: str) -> None:
        """The form again, as it was typed, with the reason on top; a message where it cannot be shown."""
        draft, t = await self._draft(change.request), self._t(change.request)
        outcome = _outcome(change, t)
        await self.forms.save_draft(draft)
        view = await self._form_again(change.request, draft, outcome)
        if view is None:
            kind = await self._kind(change.request)
            await self.modals.update(view_id, views.sentence_view(kind, t, outcome.key, outcome.params))
        if view is None or not await self.modals.update(view_id, view):
            message = _failed(change.request, outcome, t)
            await self.forms.save_draft(replace(draft, changed_at=self.clock()))
            await self._send(change.request, message)

    async def _form_again(self, asked: ChangeRequest, draft: Draft, outcome: Outcome) -> View | None:
        try:
            reader = await self.people.identify(Caller(asked.requester, None))
            return await self.opening.recreate_form(reader, self._t(asked), draft, Text(outcome.key, outcome.params))
        except (UserError, DependencyError) as error:
            log.info("forms.not_shown_again", error=str(error))
            return None

    async def _message(self, change: Change, shown: Flow | None) -> Message:
        asked, t = change.request, self._t(change.request)
        outcome = _outcome(change, t)
        if change.state is ChangeState.APPLIED and shown is not None:
            return await self._saved(asked, shown, t)
        if change.state is ChangeState.APPLIED:
            return sentences.sentence_message(t, outcome.key, outcome.params)
        return _failed(asked, outcome, t)

    async def _saved(self, asked: ChangeRequest, shown: Flow, t: Translator) -> Message:
        rights = await self._rights(asked)
        website = format_website(shown.website_id, rights.website_names if rights else {}, t)
        reached = push.audience_block(website, shown.wait, self._segment(asked, t), t)
        below = (reached, *push.remark_blocks(self._remarks(asked, shown), t))
        may_share = rights is not None and rights.may(Permission.SHARE)
        return views.saved_message(await self._kind(asked), shown, below, t, may_share=may_share, channel=asked.channel)

    def _segment(self, asked: ChangeRequest, t: Translator) -> str | None:
        """The segment that was sent, in words; None where none was."""
        sent = asked.wanted.unread.segment if asked.wanted else None
        return None if sent is None else format_segment(sent, self.forms.find_segment_name(sent), t)

    def _remarks(self, asked: ChangeRequest, shown: Flow) -> tuple[Text, ...]:
        if asked.wanted is None:
            return ()
        hosts = self.forms.known_hosts(shown.website_id, shown.id)
        edited = asked.flow is not None
        return lint(FlowContent.of(shown), asked.wanted.unread, sibling_hosts=hosts, utm_may_be_set=edited)

    async def _rights(self, asked: ChangeRequest) -> Permissions | None:
        """What the author may do in the channel of the form; None where that is not known."""
        try:
            reader: CurrentUser = await self.people.identify(Caller(asked.requester, None))
            return await self.reading.rights(reader, asked.channel)
        except (UserError, DependencyError):
            return None

    async def _send(self, asked: ChangeRequest, message: Message) -> None:
        await self.replies.notify_person(asked.channel, asked.requester, message)

    async def _draft(self, asked: ChangeRequest) -> Draft:
        """What was typed, with the picture kept too, so that nothing has to be done again."""
        kept = await self._kept_draft(asked)
        before = kept.before if kept else asked.before
        flow = kept.flow if kept else asked.flow
        typed: Mapping[str, str] = asked.typed
        if asked.picture is not None and not typed.get("image"):
            typed = {**typed, **await self._picture(asked)}
        return Draft(asked.token, asked.requester, asked.channel, asked.kind, flow, before, typed, self.clock())

    async def _kept_draft(self, asked: ChangeRequest) -> Draft | None:
        return await self.forms.find_draft(asked.token)

    async def _picture(self, asked: ChangeRequest) -> dict[str, str]:
        if asked.picture is None:
            return {}
        try:
            return {"image": await self.images.add(await self.pictures.fetch(asked.picture), self.clock())}
        except (UserError, DependencyError):
            return {}

    async def _kind(self, asked: ChangeRequest) -> FormKind:
        kept = await self._kept_draft(asked)
        if kept is not None:
            return draft_form_kind(kept)
        return FormKind.EDIT if asked.flow is not None else FormKind.CREATE

    def _t(self, asked: ChangeRequest) -> Translator:
        return self.locales.for_reader(asked.locale, asked.timezone)


def _failed(asked: ChangeRequest, outcome: Outcome, t: Translator) -> Message:
    """Why nothing came of a form, for its author: maybe in a direct message."""
    key, params = sentences.with_channel_name(asked.channel, outcome.key, outcome.params)
    return views.failed_message(asked.token, t, key, params)


def _outcome(change: Change, t: Translator) -> Outcome:
    return replace(change.outcome or Outcome("fault.unexpected"), params=outcome_params(change, t))
