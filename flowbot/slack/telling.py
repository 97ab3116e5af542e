"""How a change is told to people, whatever led to it: by its message for the team, or to its author alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.changes import Change, ChangeId, Ending, State
from flowbot.domain.flows import Flow
from flowbot.domain.types import ChannelId
from flowbot.errors import Fault
from flowbot.slack.forms.telling import FormTelling
from flowbot.slack.posts import PostRefusedError, Posts
from flowbot.slack.projection import Projection, is_public
from flowbot.slack.views import request_notices as views
from flowbot.slack.views.kit import Message

TOLD_APART: Final = frozenset(
    {State.APPLIED, State.FAILED, State.UNKNOWN, State.REJECTED, State.EXPIRED, State.OUT_OF_DATE}
)
"""Ends of which the one who asked is told where the message is in another channel than they asked in."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells."""

    projection: Projection
    forms: FormTelling
    posts: Posts

    async def __call__(self, change: Change, shown: Flow | None) -> None:
        """Tell how far a change has come.

        Raises:
            Fault: it could not be told; it will be tried again.
        """
        if not is_public(change):
            await self.forms.by_message(change, shown)
            return
        if change.state in TOLD_APART and _broke_glass(change):
            await self._alarm(change)
        drawn = await self.projection.draw(change)
        if drawn.state in TOLD_APART and drawn.message_channel not in {None, change.asked.channel}:
            await self._tell_apart(drawn)

    async def remind(self, change: Change) -> None:
        """Remind approvers in the thread of a request.

        Raises:
            Fault: Slack did not take it.
        """
        if change.message_channel is None or change.message_ts is None:
            return
        shown = await self.projection.shown(change)
        message = views.reminder(shown, self.projection.words(change), self.projection.clock())
        await self._post(change.message_channel, change.message_ts, message)

    async def _alarm(self, change: Change) -> None:
        """Tell the approvers, loudly, that somebody broke the glass: before the change counts as told.

        Raises:
            Fault: Slack did not take it.
        """
        message = views.break_glass_alarm(await self.projection.shown(change), self.projection.words(change))
        channel = change.message_channel or (change.rule.channel if change.rule else None) or change.asked.channel
        # In the channel itself: a thread is for those who look.
        await self._post(channel, None, message)

    async def _post(self, channel: ChannelId, ts: str | None, message: Message) -> None:
        try:
            await self.posts.post(channel, message, thread=ts)
        except PostRefusedError as refusal:
            raise Fault("fault.slack", error=refusal.reason) from refusal

    async def _tell_apart(self, change: Change) -> None:
        asked = change.asked
        t = self.projection.locales.translator(asked.locale, asked.timezone)
        message = views.ended(await self.projection.shown(change), await self.projection.link(change), t)
        await self.posts.to_person(asked.channel, asked.requester, message)

    async def links(self, changes: tuple[Change, ...]) -> Mapping[ChangeId, str]:
        """The addresses of the changes' messages, where they are known."""
        found = {change.id: await self.projection.link(change) for change in changes}
        return {change_id: link for change_id, link in found.items() if link}


def _broke_glass(change: Change) -> bool:
    closing = change.progress.closing
    return closing is not None and closing.how is Ending.BREAK_GLASS
