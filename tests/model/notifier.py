"""The real notifier of a process, on the fake Slack."""

from collections.abc import Awaitable, Callable
from typing import cast
from zoneinfo import ZoneInfo

from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, GroupId
from flowbot.i18n.translator import Translators
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.channels import ChannelSharing, ChannelStore
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.channels import SlackChannelDirectory
from flowbot.slack.api.message_sender import MessageSender
from flowbot.slack.api.messages import MessagePoster, Responder
from flowbot.slack.notify.approver_calls import ApproverCalls
from flowbot.slack.notify.direct_copies import DirectCopies
from flowbot.slack.notify.message_sync import RequestMessageSync
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.notify.outcome_notices import OutcomeNotices
from flowbot.slack.notify.remark_notices import RemarkNotices
from flowbot.slack.notify.team_notifier import TeamNotifier
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.messages import MessageRepository
from tests.model.fake_slack import FakeSlack, notifying
from tests.model.message_ports import MessageStorePort
from tests.model.process_faults import ProcessFaults


async def find_no_names() -> dict[GroupId, str]:
    """Find no names: Slack tells no groups here."""
    return {}


class TrackedNotifier:
    """The notifier of a process, which tells the fake Slack whom it notifies of what.

    Attributes:
        record: Notes a change that a report tells of.
    """

    def __init__(self, slack: FakeSlack, store: ChangeRepository, team: TeamNotifier, life: ProcessFaults) -> None:
        self.team = team
        self.record: Callable[[Change], Awaitable[None]] = _record_nowhere
        self._slack = slack
        self._store = store
        self._life = life

    async def notify(self, change: Change, flow: Flow | None = None) -> Change:
        """Notify the team; of a form's change, which it sees in no message, only note that the author was told."""
        if change.has_team_message:
            with notifying(change):
                return await self.team.notify(change)
        if change.request.cause is not None:
            await self.record(change)
            return await self._store.mark_shown(change.id, change.version, owner=change.lease_owner)
        self._life.count_call()
        self._slack.show_form(await self._store.get(change.id) or change)
        return await self._store.mark_shown(change.id, change.version)

    async def remind(self, change: Change) -> None:
        """Remind of a request."""
        with notifying(change, reminds=True):
            await self.team.remind(change)


async def _record_nowhere(_change: Change) -> None:
    """Do nothing: there are no reports yet."""


class OwnChannels:
    """Channels that are never shared with another organisation, as Slack said a moment ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def get_sharing(self, channel: ChannelId) -> ChannelSharing:
        """Return what Slack said of a channel."""
        return ChannelSharing(is_shared=False, answered_at=self._clock())


def build_team(
    store: ChangeRepository,
    messages: MessageStorePort,
    details: RequestDetailsLoader,
    people: UserService,
    client: AsyncWebClient,
    clock: Clock,
    monotonic: Monotonic,
) -> TeamNotifier:
    """Join the notifier of the team, as flowbot does."""
    message_sender = MessageSender(client)
    poster = MessagePoster(message_sender)
    locales = Translators(fixed="en", zone=ZoneInfo("UTC"))
    responder, links = Responder(message_sender, cast("ClientSession", None), ""), ArchiveLinks(client)
    kept = cast("MessageRepository", messages)
    sender = OnceSender(kept, poster, monotonic)
    channels = cast("ChannelStore", OwnChannels(clock))
    privacy = ChannelPrivacy(channels, SlackChannelDirectory(client), clock)
    outcomes = OutcomeNotices(kept, details, people, sender, responder, links, locales, privacy, clock)
    copies = DirectCopies(kept, details, people, sender, poster, locales, clock)
    return TeamNotifier(
        store=store,
        details=details,
        users=people,
        message_sync=RequestMessageSync(
            store, kept, details, people, find_no_names, sender, poster, responder, locales, privacy, clock
        ),
        copies=copies,
        outcomes=outcomes,
        remarks=RemarkNotices(store, outcomes, poster),
        calls=ApproverCalls(details, copies, people, sender, locales, clock),
        sender=sender,
        poster=poster,
        clock=clock,
    )
