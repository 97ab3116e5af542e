"""A cell of the table of combinations: one feature of approvals under one condition, and what holds in each of them."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    WAITING,
    click_and_read,
    list_mentions,
    list_replies,
    private_messages,
    read_audit_trail,
    request_change,
    wait_for_notice,
    wait_for_status,
)
from tests.journeys.test_shared_channels import PUSH
from tests.journeys.world import APPROVALS, MARKETING, World

BECAUSE: Final = "Because"
ENABLED: Final = {"is_enabled": "1"}
SKIPPER: Final = "U0DENIZ"


class Feature:
    """What a team's rule adds to approvals, told in steps around the moment at which the condition cuts in.

    Attributes:
        approvers: Those of the policy.
        rule: Lines of the policy's `[channels.approval]`.
        approver_mentions: How a message mentions all who may approve.
        outcome: How its end is told.
    """

    approvers: ClassVar[str] = '["S0LEADS"]'
    rule: ClassVar[tuple[str, ...]] = ()
    approver_mentions: ClassVar[tuple[tuple[str, str], ...]] = (("usergroup", "S0LEADS"),)
    outcome: ClassVar[str] = "Flow #1 Winter sale is live"

    def writes(self, cell: "Cell") -> list[dict[str, str]]:
        """Return what Enkapush gets in the end, one write after the other."""
        return [ENABLED]

    async def ask(self, cell: "Cell") -> Message:
        """Request to enable a flow whose push is marked, and return the message."""
        add_flow(cell.world, **PUSH)
        return await cell.command(f"enable 1{cell.condition.at} {BECAUSE}")

    async def begin(self, cell: "Cell") -> None:
        """Do what comes before the condition cuts in."""

    async def finish(self, cell: "Cell") -> None:
        """Give the approvals that are left."""

    async def while_scheduled(self, cell: "Cell") -> None:
        """Do what happens between the approvals and the start."""

    async def at_start(self, cell: "Cell") -> None:
        """Do what the start needs."""

    async def check(self, cell: "Cell", done: Message) -> None:
        """Check the feature's own effect on the finished request."""


class Condition:
    """What a request meets on its way.

    Attributes:
        at: When the change shall start, as typed; empty where nobody asks for a time.
        start: When it starts.
        rule: Lines that it adds to the policy's `[channels.approval]`.
        freezes: What it adds to the end of the policy.
    """

    at: ClassVar[str] = ""
    start: ClassVar[datetime]
    rule: ClassVar[tuple[str, ...]] = ()
    freezes: ClassVar[str] = ""

    def set_up(self, world: World) -> None:
        """Prepare the world before the bot starts."""

    async def before_request(self, cell: "Cell") -> None:
        """Happen between what leads to a request and the press that makes it."""

    async def check_request(self, cell: "Cell") -> None:
        """Check what the new request says."""

    async def approve(self, cell: "Cell", person: SandboxPerson) -> None:
        """Approve as somebody does there."""
        await person.click(cell.request, "Approve")

    async def cut_in(self, cell: "Cell") -> bool:
        """Happen in the middle of the approvals; True where no other is needed."""
        return False

    async def wait_for_effect(self, cell: "Cell") -> None:
        """Wait, once the approvals are given, until the change is applied."""

    async def check(self, cell: "Cell", done: Message) -> None:
        """Check the condition's own effect on the finished request."""


@dataclass(frozen=True, slots=True)
class GivenVote:
    """An approval that somebody gave, by whose right, in which stage."""

    person: str
    right_of: str | None = None
    stage: int | None = None

    @property
    def words(self) -> str:
        """Return how a message names whoever gave it."""
        return f"{self.person} for {self.right_of}" if self.right_of else self.person


@dataclass
class Cell:
    """One feature under one condition.

    Attributes:
        channel: Where people type their commands by now.
        votes: Those that count, in order.
        all_votes: Those of earlier rounds too.
        written: What Enkapush may have got so far.
        is_skipped: Whether the approvals that were missing were skipped.
    """

    world: World
    feature: Feature
    condition: Condition
    channel: str = MARKETING
    votes: list[GivenVote] = field(default_factory=list)
    all_votes: list[GivenVote] = field(default_factory=list)
    written: list[dict[str, str]] = field(default_factory=list)
    is_skipped: bool = False
    _request: Message | None = None

    @property
    def request(self) -> Message:
        """Return the request's message."""
        assert self._request is not None
        return self._request

    async def run(self) -> None:
        """Ask, approve and wait, and check what every cell promises: the right effect, once, and not before."""
        self._request = await self.feature.ask(self)
        assert BECAUSE in text_of(self.request)
        await self.condition.check_request(self)
        await self.feature.begin(self)
        assert WAITING in text_of(self.request)
        self.check_nothing_early()
        self.is_skipped = await self.condition.cut_in(self)
        if not self.is_skipped:
            await self.feature.finish(self)
        await self.condition.wait_for_effect(self)
        done = await wait_for_status(self.world, self.request, "Applied")
        await self.condition.check(self, done)
        await self._check_decision(done)
        await self.feature.check(self, done)
        await self._check_notice()
        assert self.world.enkapush.store.flow(1).is_enabled
        self.check_writes(self.feature.writes(self))

    async def command(self, text: str) -> Message:
        """Ask by a command, and return the request's message once flowbot knows where it is."""
        emma = self.world.emma
        before = len(private_messages(self.world, emma, MARKETING))
        request = await request_change(self.world, text, where=APPROVALS)
        await emma.wait_until(lambda: len(private_messages(self.world, emma, MARKETING)) > before)
        return request

    async def approve(
        self, person: SandboxPerson, expected: str = "", *, right_of: str | None = None, stage: int | None = None
    ) -> None:
        """Approve, and wait until the request says what is expected of a vote that was not the last."""
        self.check_nothing_early()
        await self.condition.approve(self, person)
        vote = GivenVote(person.id, right_of, stage)
        self.votes.append(vote)
        self.all_votes.append(vote)
        if expected:
            await wait_for_status(self.world, self.request, expected)
            self.check_nothing_early()

    async def refuse(self, person: SandboxPerson, label: str, sentence: str) -> None:
        """Press a button, and check that its private answer refuses."""
        said = await click_and_read(self.world, person, self.request, label, self.request.channel)
        assert sentence in said
        assert person.view is None

    async def ask_flowbot(self, person: SandboxPerson, text: str) -> str:
        """Type a command, and return the answer."""
        before = len(private_messages(self.world, person, self.channel))
        await person.send(self.channel, f"/flows {text}")
        await person.wait_until(lambda: len(private_messages(self.world, person, self.channel)) > before)
        return private_messages(self.world, person, self.channel)[-1]

    async def list_events(self, action: str) -> list[dict[str, Any]]:
        """List the audit trail's events of one kind."""
        return [event for event in await read_audit_trail(self.world) if event["action"] == action]

    async def find_applied(self) -> dict[str, Any]:
        """Return the event of the request's effect; what its author revised under it has one of its own."""
        asked, *_ = await self.list_events("change.submitted")
        (event,) = [each for each in await self.list_events("change.applied") if each["change"] == asked["change"]]
        return event

    def move_to(self, moment: datetime) -> None:
        """Move the clocks forward to a moment."""
        ahead = (moment - self.world.time.now()).total_seconds()
        assert ahead > 0
        self.world.time.ahead += ahead

    def check_nothing_early(self) -> None:
        """Check that Enkapush got nothing that is not allowed yet."""
        self.check_writes(self.written)

    def check_writes(self, expected: list[dict[str, str]]) -> None:
        """Check all that Enkapush got."""
        assert [(each.method, each.path, each.texts) for each in list_writes(self.world)] == [
            ("POST", "/flows/1", texts) for texts in expected
        ]

    async def _check_decision(self, done: Message) -> None:
        """Check who decided: in the message, in the trail, and whose votes counted."""
        votes = [
            GivenVote(event["actor"], event["details"].get("right_of"), event["details"].get("stage"))
            for event in await self.list_events("change.vote")
        ]
        assert votes == self.all_votes
        skips = await self.list_events("change.break_glass")
        if self.is_skipped:
            assert f"{SKIPPER} skipped approval" in text_of(done)
            assert "approved by" not in text_of(done)
            assert [event["actor"] for event in skips] == [SKIPPER]
        else:
            assert f"approved by {', '.join(vote.words for vote in self.votes)}" in text_of(done)
            assert skips == []
            *_, approved = await self.list_events("change.approved")
            assert approved["details"]["approvers"] == [vote.person for vote in self.votes]
            in_place_of = {vote.person: vote.right_of for vote in self.votes if vote.right_of}
            assert approved["details"].get("in_place_of", {}) == in_place_of
        assert (await self.find_applied())["flow"] == 1

    async def _check_notice(self) -> None:
        """Check that whoever asked is told of the outcome, once."""
        await wait_for_notice(self.world, self.request, self.feature.outcome)
        await settle()
        told = [each for each in list_replies(self.world, self.request) if self.feature.outcome in text_of(each)]
        assert [list_mentions(self.world, each) for each in told] == [[("user", "U0EMMA")]]


async def settle() -> None:
    """Give a bot that would do something too early the time for it."""
    await asyncio.sleep(0.2)
