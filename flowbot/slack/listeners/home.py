"""The Home tab: opened and refreshed."""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.change import Change
from flowbot.domain.ids import ChangeId, UserId
from flowbot.errors import DependencyError, UserError
from flowbot.observability.logging import current_incident
from flowbot.services.inbox import HomeOverview, HomeOverviews
from flowbot.services.ttl_cache import TtlCache
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.payloads.incoming import HomeOpened
from flowbot.slack.runner import Handler, Interaction, Reply, Runner
from flowbot.slack.views import home as views
from flowbot.slack.views import sentences
from flowbot.slack.views.block_kit import View

LINK_SECONDS: Final = 3600.0
"""Where a message is does not change; Slack is asked once an hour at most."""


OVERTAKEN: Final = "hash_conflict"


log = structlog.get_logger(__name__)


class HomeTab:
    """Draws it.

    Args:
        desk: where requests are answered.
        client: the Web API, as the bot.
        overviews: what each person finds.
        telling: what is shown of a change, and where its message is.
    """

    def __init__(
        self, runner: Runner, client: AsyncWebClient, overviews: HomeOverviews, notifier: SlackNotifier
    ) -> None:
        self._runner = runner
        self._client = client
        self._overviews = overviews
        self._notifier = notifier
        self._links: TtlCache[ChangeId, str | None] = TtlCache(LINK_SECONDS)
        self._turns: WeakValueDictionary[UserId, _Turn] = WeakValueDictionary()

    def handle_opened(self, opened: HomeOpened) -> None:
        """Begin to draw the tab of somebody who looks at it: something at once, then the whole of it."""

        async def work(interaction: Interaction) -> Reply:
            if opened.is_blank:
                await self._publish(interaction, views.loading_view(interaction.t))
            await self._draw(interaction, "")
            return Reply()

        self._runner.start("home", request_label(opened), opened.caller, ReplyTarget(None, opened.event.user, ""), work)

    def refresh_after(self, work: Handler, *, seen: str = "") -> Handler:
        """The same work, after which the tab is drawn anew where it was begun there, however it ended.

        Args:
            work: what to do.
            seen: the hash of the tab as the person saw it.
        """

        async def whole(interaction: Interaction) -> Reply:
            if interaction.target.channel is not None:
                return await work(interaction)
            try:
                answer = await work(interaction)
            except Exception:
                await self._draw(interaction, seen)
                raise
            await self._draw(interaction, seen)
            return answer

        return whole

    async def close(self) -> None:
        """End what is under way."""
        await self._links.close()

    async def _draw(self, interaction: Interaction, seen: str) -> None:
        """Draw the tab as it is now. Who comes while another drawing waits for its turn is served by that one."""
        turn = self._turns.setdefault(interaction.user.id, _Turn())
        if turn.is_awaited:
            return
        turn.is_awaited = True
        try:
            await turn.lock.acquire()
        finally:
            turn.is_awaited = False
        try:
            if not await self._publish(interaction, await self._view(interaction), seen):
                await self._publish(interaction, await self._view(interaction))
        finally:
            turn.lock.release()

    async def _view(self, interaction: Interaction) -> View:
        """The tab, or in its place a sentence that says why there is none."""
        try:
            return await self._whole(interaction, await self._overviews.load_for(interaction.user))
        except UserError as error:
            return views.notice_view(sentences.sentence_message(interaction.t, error.key, error.params))
        except DependencyError as error:
            log.warning("home_tab.fault", key=str(error), cause=str(error.__cause__ or ""))
            return views.notice_view(sentences.fault_message(interaction.t, error.key, current_incident()))

    async def _whole(self, interaction: Interaction, overview: HomeOverview) -> View:
        listed = (overview.for_me[: views.WAITING_MAX], overview.by_me, overview.recent)
        shown = [[await self._notifier.request_message.load(change) for change in part] for part in listed]
        changes = {change.id: change for part in listed for change in part}
        links = await asyncio.gather(*(self._link(change) for change in changes.values()))
        data = views.HomeContent(
            for_me=shown[0],
            by_me=shown[1],
            recent=shown[2],
            more=len(overview.for_me) - len(shown[0]),
            reach=overview.channels,
            is_certain=overview.is_certain,
            links={change: link for change, link in zip(changes, links, strict=True) if link},
        )
        return views.home_view(data, interaction.t, self._runner.clock())

    async def _link(self, change: Change) -> str | None:
        """Where the change's message is; what is not known yet is asked again."""
        if change.message_ts is None:
            return None

        async def look_up() -> str | None:
            return (await self._notifier.find_permalinks((change,))).get(change.id)

        return await self._links.get(change.id, look_up)

    async def _publish(self, interaction: Interaction, view: View, seen: str = "") -> bool:
        """Show a view. False where the tab is not as it was `seen` any more: then `view` may be older than it."""
        only = {"hash": seen} if seen else {}
        try:
            await self._client.views_publish(user_id=interaction.user.id, view=view, **only)
        except SLACK_ERRORS as error:
            said = error_code(error)
            if said == OVERTAKEN:
                log.info("home_tab.overtaken")
                return False
            log.warning("home_tab.not_published", error=said)
        return True


@dataclass(eq=False)
class _Turn:
    """One person's: one drawing at a time, so that the last to read is the last to be shown."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_awaited: bool = False
