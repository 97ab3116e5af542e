"""The sync of reports' messages with their rows: one message a channel, posted once and edited in place."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from flowbot.domain.absences import absences_at
from flowbot.domain.ids import ChannelId, ReportId
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.domain.report import Report, ReportKind, list_websites
from flowbot.errors import DependencyError
from flowbot.i18n.translator import Translators
from flowbot.observability.metrics import Metrics
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.ports import Clock
from flowbot.services.ports.absences import AbsenceStore
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore, Place, SentMessage
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.reports import ReportStore
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessageGoneError, MessagePoster, MessageRefusedError
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.report import ReportAudience, ReportView

MOST_ROUNDS: Final = 5
PATIENCE_SECONDS: Final = 5.0
"""A message that somebody else has begun to post is left to them for this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A message to edit another into; to post as a new one; and the same with mentions."""

    edited: Message
    quiet: Message
    calling: Message


@dataclass(frozen=True, slots=True)
class ReportMessageSync:
    """Posts and edits the messages of reports.

    Attributes:
        show_step: Shows the step of a workflow, whose message is for one person.
        views: How the messages of each other kind are built.
    """

    store: ReportStore
    messages: MessageStore
    policies: PolicyStore
    absences: AbsenceStore
    users: UserService
    sender: OnceSender
    poster: MessagePoster
    locales: Translators
    privacy: ChannelPrivacy
    metrics: Metrics
    clock: Clock
    show_step: Callable[[Report], Awaitable[None]]
    views: Mapping[ReportKind, ReportView]
    _locks: WeakValueDictionary[ReportId, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def sync(self, report_id: ReportId) -> None:
        """Post or edit the messages of a report until all channels show its newest version.

        A channel that refuses its message counts as shown: the others hear of it all the same.

        Raises:
            DependencyError: a channel could not be told; it will be tried again.
        """
        async with self._locks.setdefault(report_id, asyncio.Lock()):
            for _ in range(MOST_ROUNDS):
                report = await self.store.get(report_id)
                if report is None or report.shown_version >= report.version:
                    return
                await (self.show_step(report) if report.told.kind is ReportKind.STEP else self._show(report))
                await self.store.mark_shown(report.id, report.version)

    async def _show(self, report: Report) -> None:
        """Show a report in each of its channels, even if one of them fails."""
        view, book = self.views[report.told.kind], await self.policies.get_book()
        details = await view.load(report)
        absences = absences_at(await self.absences.get_all(), self.clock())
        told = await self.messages.list_of(report.id, MessageRole.REPORT)
        sent = {message.key.recipient: message for message in told}
        faults: list[DependencyError] = []
        channels = _group_by_channel(book, report)
        for left in told:
            if left.key.recipient not in channels:
                await self._leave(left, report)
        for channel, policies in channels.items():
            message = sent.get(channel)
            if message is not None and message.place is not None and message.shown_version >= report.version:
                continue
            audience = ReportAudience(
                channel=channel,
                policies=policies,
                website_names=book.websites,
                now=self.clock(),
                is_told=message is not None and message.place is not None,
                shows_content=False,
                absences=absences,
            )
            try:
                await self._show_in(audience, report, details, message)
            except DependencyError as fault:
                log.warning("report.later", report=report.id, channel=channel, error=str(fault))
                self.metrics.report_messages.labels(report.told.kind, "failed").inc()
                faults.append(fault)
        if faults:
            raise faults[0]

    async def _show_in(self, audience: ReportAudience, report: Report, details: Any, sent: SentMessage | None) -> None:
        """Post or edit a report's message in one channel, until it shows what that channel may see.

        Raises:
            DependencyError: Slack did not take it, or the database did not answer.
        """
        place = None if sent is None else sent.place
        for _ in range(MOST_ROUNDS):
            may_show = await self._may_show(audience)
            drawn = await self._draw(replace(audience, shows_content=may_show), report, details)
            if drawn is None:
                if sent is not None:
                    await self._leave(sent, report)
                return
            key, result = MessageKey(report.id, MessageRole.REPORT, audience.channel), "sent"
            try:
                place = await self._post_or_edit(key, report, drawn, place)
            except MessageRefusedError as refusal:
                log.warning("report.refused", report=report.id, channel=audience.channel, error=refusal.reason)
                result = "refused"
            self.metrics.report_messages.labels(report.told.kind, result).inc()
            if place is None:
                return
            await self.messages.record(key, place, report.version)
            # Shown: nobody has shared the channel while its message was sent.
            if await self._may_show(audience) == may_show:
                return

    async def _leave(self, message: SentMessage, report: Report) -> None:
        """Leave a message as it is, in a channel that is told nothing more of its report."""
        if message.place is not None and message.shown_version < report.version:
            await self.messages.record(message.key, message.place, report.version)

    async def _may_show(self, audience: ReportAudience) -> bool:
        """Check whether the channel may see a push: one of its policies that keeps it from outsiders is enough."""
        policies = audience.policies
        strict = next((each for each in policies if not each.approval.outsiders_may_read), next(iter(policies), None))
        return await self.privacy.may_show(audience.channel, strict)

    async def _draw(self, audience: ReportAudience, report: Report, details: Any) -> _Drawn | None:
        """Draw a report's message for a channel; None where that is told nothing."""
        view = self.views[report.told.kind]
        t = self.locales.for_channel(next((each for each in audience.policies if each.language), None))
        # A mention in a new message would notify people.
        new = replace(audience, people=People(await self.users.find_names(view.find_people(details))))
        edited, quiet = view.render(details, audience, t), view.render(details, new, t)
        calling = view.render(details, replace(new, mentions=True), t)
        return None if edited is None or quiet is None or calling is None else _Drawn(edited, quiet, calling)

    async def _post_or_edit(self, key: MessageKey, report: Report, drawn: _Drawn, place: Place | None) -> Place:
        """Edit the message, or post one where there is none; return where it is.

        One that is gone is posted anew, once, as long as its report is open.

        Raises:
            MessageRefusedError: the channel does not take it.
            DependencyError: Slack did not take it, or the database did not answer.
        """
        if place is None:
            place, is_new = await self._post_once(key, report.version, drawn)
            if is_new:
                return place
        try:
            await self.poster.edit(*place, drawn.edited)
        except MessageGoneError:
            log.warning("report.message_gone", report=report.id, channel=key.recipient)
            if report.is_open:
                again = replace(key, role=f"{MessageRole.REPORT}.{place[1]}")
                place, _ = await self._post_once(again, report.version, replace(drawn, calling=drawn.quiet))
        return place

    async def _post_once(self, key: MessageKey, version: int, drawn: _Drawn) -> tuple[Place, bool]:
        """Post a message once, whichever processes try; return where it is, and whether it was posted just now."""
        is_new = False

        def build(mentions: bool) -> Message:
            nonlocal is_new
            is_new = True
            return drawn.calling if mentions else drawn.quiet

        channel = ChannelId(str(key.recipient))
        return await self.sender.send(key, version, channel, build, patience=PATIENCE_SECONDS), is_new


def _group_by_channel(book: PolicyBook, report: Report) -> dict[ChannelId, tuple[ChannelPolicy, ...]]:
    """Group the policies that name a website of the report by the channel that it goes to."""
    websites = list_websites(report.told)
    policies = [each for each in book.channels if not websites or any(map(each.covers_website, websites))]
    if report.told.channel is not None:
        channel = report.told.channel
        named = (each for each in policies if channel in {each.id, each.approval_channel})
        # The channel's own before those that are posted there: the first one's language counts.
        return {channel: tuple(sorted(named, key=lambda each: each.id != channel))}
    grouped: dict[ChannelId, tuple[ChannelPolicy, ...]] = {}
    for policy in policies:
        grouped[policy.approval_channel] = (*grouped.get(policy.approval_channel, ()), policy)
    return grouped
