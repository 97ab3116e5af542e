"""The Home tab: opened and refreshed."""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import UserId
from flowbot.errors import DependencyError, UserError
from flowbot.observability.logging import current_incident
from flowbot.services.inbox import HomeOverviews
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.setup_findings import SetupFindings
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.payloads.events import HomeOpened
from flowbot.slack.payloads.incoming import Incoming, ReplyTarget
from flowbot.slack.runner import NO_REPLY, Handler, Interaction, Reply, Runner
from flowbot.slack.views import home, sentences
from flowbot.slack.views.block_kit import View

OVERTAKEN: Final = "hash_conflict"

log = structlog.get_logger(__name__)


class HomeTab:
    """Publishes each person's Home tab.

    Args:
        runner: runs the handlers.
        client: the Web API, as the bot.
        overviews: loads what a person finds there.
        findings: knows what an admin has to put right.
        details: loads the requests among it.
        links: links to their messages.
    """

    def __init__(
        self,
        runner: Runner,
        client: AsyncWebClient,
        overviews: HomeOverviews,
        findings: SetupFindings,
        details: RequestDetailsLoader,
        links: ArchiveLinks,
    ) -> None:
        self._runner = runner
        self._client = client
        self._overviews = overviews
        self._findings = findings
        self._details = details
        self._links = links
        self._turns: WeakValueDictionary[UserId, _Turn] = WeakValueDictionary()

    def open(self, opened: Incoming) -> None:
        """Start to publish the tab of a person who opened it; a blank one says at once that it is loading."""
        if not isinstance(opened, HomeOpened) or opened.event.tab != "home":
            return

        async def handle(interaction: Interaction) -> Reply:
            if opened.is_blank:
                await self._publish(interaction, home.loading_view(interaction.t))
            await self._refresh(interaction, "")
            if interaction.user.actor.is_admin and await self._findings.refresh():
                await self._refresh(interaction, "")
            return NO_REPLY

        target = ReplyTarget(None, opened.event.user, "")
        self._runner.start("home", opened.metric_label, opened.caller, target, handle)

    def refresh_after(self, handler: Handler, *, seen: str = "") -> Handler:
        """Return the handler with a refresh of the tab after it. Errors get one, too.

        Args:
            handler: does what was pressed.
            seen: the hash of the tab as the person saw it.
        """

        async def handle(interaction: Interaction) -> Reply:
            try:
                reply = await handler(interaction)
            except Exception:
                await self._refresh(interaction, seen)
                raise
            await self._refresh(interaction, seen)
            return reply

        return handle

    async def _refresh(self, interaction: Interaction, seen: str) -> None:
        """Publish the tab as it is now. A refresh that already waits for its turn serves later callers, too."""
        turn = self._turns.setdefault(interaction.user.id, _Turn())
        if turn.is_awaited:
            return
        turn.is_awaited = True
        try:
            await turn.lock.acquire()
        finally:
            turn.is_awaited = False
        try:
            if not await self._publish(interaction, await self._build_view(interaction), seen):
                await self._publish(interaction, await self._build_view(interaction))
        finally:
            turn.lock.release()

    async def _build_view(self, interaction: Interaction) -> View:
        """Return the tab, or a sentence that says why there is none."""
        t = interaction.t
        try:
            overview = await self._overviews.load_for(interaction.user, t.language)
            waiting = (part[: home.WAITING_MAX] for part in (overview.for_me, overview.by_me, overview.scheduled))
            parts = await self._details.load_lists(
                *([each.id for each in part] for part in waiting), [change.id for change in overview.recent]
            )
            links = await self._links.find(details.change for part in parts for details in part)
        except UserError as error:
            return home.notice_view(sentences.sentence_message(t, error.text))
        except DependencyError as error:
            log.warning("home_tab.fault", key=str(error), cause=str(error.__cause__ or ""))
            return home.notice_view(sentences.fault_message(t, error.text, current_incident()))
        for_me, by_me, scheduled, recent = parts
        content = home.HomeContent(
            for_me=for_me,
            by_me=by_me,
            scheduled=scheduled,
            recent=recent,
            overview=overview,
            links=links,
            findings=self._findings.latest if interaction.user.actor.is_admin else (),
        )
        return home.home_view(content, t, self._runner.clock())

    async def _publish(self, interaction: Interaction, view: View, seen: str = "") -> bool:
        """Publish a view. Return False if the tab has changed since it was `seen`: then `view` may be outdated."""
        only = {"hash": seen} if seen else {}
        try:
            await self._client.views_publish(user_id=interaction.user.id, view=view, **only)
        except SLACK_ERRORS as error:
            code = error_code(error)
            if code == OVERTAKEN:
                log.info("home_tab.overtaken")
                return False
            log.warning("home_tab.not_published", error=code)
        return True


@dataclass(eq=False)
class _Turn:
    """The turn of a person's refreshes: one at a time, so that the last to load is the last to be shown."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_awaited: bool = False
