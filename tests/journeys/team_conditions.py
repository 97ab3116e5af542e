"""What a request of a team meets: a time, a freeze, a skip, readers of another company, channels that move."""

import json
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import submit_label
from tests.journeys.request_steps import list_alarms, list_mentions, submit_reason, wait_for_status
from tests.journeys.team_cell import SKIPPER, Cell, Condition, settle
from tests.journeys.test_freeze_holds import FRIDAY, WEEKENDS
from tests.journeys.test_schedules import MONDAY
from tests.journeys.test_shared_channels import MARK, open_approval, read_as_outsider, share
from tests.journeys.world import APPROVALS, MARKETING, World

MINUTE: Final = timedelta(minutes=1)
SEGMENT: Final = "VIP"


class Timed(Condition):
    """A change that starts later than it is approved."""

    now: ClassVar[datetime]
    start_words: ClassVar[str]

    def set_up(self, world: World) -> None:
        world.time.ahead = (self.now - datetime.now(UTC)).total_seconds()

    async def check_request(self, cell: Cell) -> None:
        assert self.start_words in text_of(cell.request)

    async def wait_for_effect(self, cell: Cell) -> None:
        scheduled = await wait_for_status(cell.world, cell.request, "Scheduled")
        assert self.start_words in text_of(scheduled)
        cell.move_to(self.start - MINUTE)
        await settle()
        cell.check_nothing_early()
        await cell.feature.while_scheduled(cell)
        await settle()
        cell.check_nothing_early()
        cell.move_to(self.start + MINUTE)
        await cell.feature.at_start(cell)

    async def check(self, cell: Cell, done: Message) -> None:
        assert await cell.list_events("change.scheduled")
        assert datetime.fromisoformat((await cell.find_applied())["at"]) >= self.start


class Scheduled(Timed):
    """A time that was asked for: eleven in London."""

    at = " at 11:00"
    now = MONDAY
    start = MONDAY + timedelta(hours=3)
    start_words = "2 Nov 2026 14:00"


class Frozen(Timed):
    """A freeze that holds what would go live."""

    freezes = WEEKENDS
    now = FRIDAY
    start = datetime(2026, 11, 8, 21, 0, tzinfo=UTC)
    start_words = "9 Nov 2026 00:00"

    async def check_request(self, cell: Cell) -> None:
        await super().check_request(cell)
        assert "Weekends" in text_of(cell.request)


class Skipped(Condition):
    """Somebody in `break_glass` who does not wait for the other approvals."""

    rule = (f'break_glass = ["{SKIPPER}"]',)

    async def cut_in(self, cell: Cell) -> bool:
        await cell.world.deniz.click(cell.request, "Skip approval")
        assert await submit_reason(cell.world.deniz, "The shop is full") == []
        return True

    async def check(self, cell: Cell, done: Message) -> None:
        assert "The shop is full" in text_of(done)
        await cell.world.deniz.wait_until(lambda: list_alarms(cell.world, cell.request))
        (alarm,) = list_alarms(cell.world, cell.request)
        assert "Deniz Kaya skipped approval" in text_of(alarm)
        assert list_mentions(cell.world, alarm) == [*cell.feature.approver_mentions]
        (event,) = await cell.list_events("change.break_glass")
        assert event["details"]["reason"] == "The shop is full"


async def approve_by_form(cell: Cell, person: SandboxPerson) -> None:
    """Approve by the form that shows the push to one person."""
    form = await open_approval(person, cell.request)
    assert MARK in text_of(form)
    assert submit_label(form) == "Approve"
    await settle()
    cell.check_nothing_early()
    await person.submit()


class Shared(Condition):
    """A channel of requests that people of another company read."""

    def set_up(self, world: World) -> None:
        share(world, is_told=False)

    async def check_request(self, cell: Cell) -> None:
        assert "Winter sale" in text_of(cell.request)
        for label in ("Approve", "Reject", "Comment"):
            await cell.refuse(cell.world.jonas, label, "Only people of this organisation can use flowbot.")

    async def approve(self, cell: Cell, person: SandboxPerson) -> None:
        await approve_by_form(cell, person)

    async def check(self, cell: Cell, done: Message) -> None:
        await cell.world.slack.dispatcher.wait_until_idle()
        seen = read_as_outsider(cell.world)
        assert "Winter sale" in seen
        assert MARK not in seen
        assert SEGMENT not in seen


class Moved(Condition):
    """Channels that get other ids while approvals are missing: where it was asked, and where it is decided."""

    channels: ClassVar[dict[str, str]] = {APPROVALS: "C0DECIDED", MARKETING: "C0ASKED"}

    async def before_request(self, cell: Cell) -> None:
        await self._move(cell, MARKETING)

    async def cut_in(self, cell: Cell) -> bool:
        before = cell.request.edited_ts
        await self._move(cell, APPROVALS)
        if cell.channel == MARKETING:
            await self._move(cell, MARKETING)
        await cell.world.deniz.wait_until(lambda: cell.request.edited_ts != before)
        return False

    async def _move(self, cell: Cell, channel: str) -> None:
        cell.world.slack.admin.change_channel_id(channel, self.channels[channel])
        await cell.world.slack.dispatcher.wait_until_idle()
        if channel == MARKETING:
            cell.channel = self.channels[channel]

    async def check(self, cell: Cell, done: Message) -> None:
        assert done.channel == self.channels[APPROVALS]
        posted = cell.world.slack.workspace.messages[done.channel]
        assert [each.ts for each in posted if each.thread_ts is None and not each.is_ephemeral] == [done.ts]
        assert not {*self.channels} & {*cell.world.slack.workspace.messages}
        assert len(await cell.list_events("channel.moved")) == len(self.channels)


class Opened(Moved):
    """A channel that is shared with another company only now, for which Slack gives it another id."""

    async def approve(self, cell: Cell, person: SandboxPerson) -> None:
        if cell.world.slack.workspace.channels[cell.request.channel].is_shared:
            await approve_by_form(cell, person)
        else:
            await super().approve(cell, person)

    async def cut_in(self, cell: Cell) -> bool:
        await super().cut_in(cell)
        share(cell.world, self.channels[APPROVALS])
        await cell.world.deniz.wait_until(lambda: not self._find_content(cell))
        return False

    async def check(self, cell: Cell, done: Message) -> None:
        await super().check(cell, done)
        assert self._find_content(cell) == []
        assert MARK not in read_as_outsider(cell.world)

    def _find_content(self, cell: Cell) -> list[str]:
        """List what people of the other company can read of a push, in texts and blocks, in threads too."""
        posted = cell.world.slack.workspace.messages[self.channels[APPROVALS]]
        seen = [json.dumps([each.text, each.blocks]) for each in posted if not each.is_ephemeral]
        return [each for each in seen if MARK in each or SEGMENT in each]
