"""What teams add to approvals, each told once: stages, stand-ins, escalation, audiences, remarks, steps, reasons."""

from itertools import pairwise
from typing import Final

from flowbot.sandbox.slack import Message, StepRun, text_of
from tests.journeys.audience_steps import OVER, add_flow_for, grow_to
from tests.journeys.form_steps import add_flow, is_form, open_form
from tests.journeys.request_steps import (
    WAITING,
    list_mentions,
    list_replies,
    submit_reason,
    wait_for_change_form,
    wait_for_notice,
    wait_for_status,
)
from tests.journeys.team_cell import BECAUSE, ENABLED, SKIPPER, Cell, Feature
from tests.journeys.test_escalation import CALLED
from tests.journeys.test_reason_required import NEEDED, REQUIRED
from tests.journeys.test_remarks import comment
from tests.journeys.test_shared_channels import MARK, PUSH
from tests.journeys.workflow_steps import run_step, wait_for_direct, wait_for_end, wait_until_asked
from tests.journeys.world import APPROVALS

TWO: Final = "quorum = 2"
HOUR: Final = 3600.0


class Stages(Feature):
    """One group after the other."""

    approvers = "[]"
    rule = ('stages = [["U0AYSE"], ["S0LEADS"]]',)
    approver_mentions = (("usergroup", "S0LEADS"), ("user", "U0AYSE"))

    async def begin(self, cell: Cell) -> None:
        await cell.refuse(cell.world.burak, "Approve", "It's not your turn yet: U0AYSE")
        await cell.approve(cell.world.ayse, "✅ Stage 1", stage=1)
        call = await wait_for_notice(cell.world, cell.request, "Your turn to approve")
        assert list_mentions(cell.world, call) == [("usergroup", "S0LEADS")]

    async def finish(self, cell: Cell) -> None:
        await cell.refuse(cell.world.ayse, "Approve", "Your stage is done. S0LEADS")
        await cell.approve(cell.world.burak, stage=2)

    async def check(self, cell: Cell, done: Message) -> None:
        calls = [each for each in list_replies(cell.world, cell.request) if "Your turn to approve" in text_of(each)]
        assert len(calls) == 1


class StandIn(Feature):
    """A vote in the place of somebody who is away."""

    approvers = '["U0BURAK", "U0NEW1"]'
    rule = (TWO,)
    approver_mentions = (("user", "U0AYSE"), ("user", "U0NEW1"))

    async def ask(self, cell: Cell) -> Message:
        said = await cell.ask_flowbot(cell.world.burak, "away until tomorrow @jonas")
        assert "People of another organisation can't stand in for you." in said
        assert await cell.list_events("person.away") == []
        assert "U0AYSE can approve" in await cell.ask_flowbot(cell.world.burak, "away until tomorrow @ayse")
        request = await super().ask(cell)
        assert list_mentions(cell.world, request) == [*self.approver_mentions]
        return request

    async def begin(self, cell: Cell) -> None:
        await cell.approve(cell.world.ayse, "1/2 approvals: U0AYSE for U0BURAK", right_of="U0BURAK")

    async def finish(self, cell: Cell) -> None:
        await cell.refuse(cell.world.burak, "Approve", "U0AYSE")
        await cell.approve(cell.world.slack.person("U0NEW1"))

    async def while_scheduled(self, cell: Cell) -> None:
        await cell.ask_flowbot(cell.world.burak, "back")

    async def check(self, cell: Cell, done: Message) -> None:
        if not cell.is_skipped:
            assert "approved by U0AYSE for U0BURAK, " in await cell.ask_flowbot(cell.world.emma, "history 1")


class Escalation(Feature):
    """People who may decide, too, once it has waited for long."""

    rule = ("escalate_after_hours = 1", 'escalate_to = ["U0AYSE"]')
    approver_mentions = (("usergroup", "S0LEADS"), ("user", "U0AYSE"))

    async def begin(self, cell: Cell) -> None:
        await cell.refuse(cell.world.ayse, "Approve", "Only")
        cell.world.time.ahead += HOUR + 10
        call = await wait_for_notice(cell.world, cell.request, CALLED)
        assert list_mentions(cell.world, call) == [("user", "U0AYSE")]
        await wait_for_status(cell.world, cell.request, "U0AYSE can decide, too.")

    async def finish(self, cell: Cell) -> None:
        await cell.approve(cell.world.ayse)

    async def check(self, cell: Cell, done: Message) -> None:
        (event,) = await cell.list_events("change.escalated")
        assert event["details"] == {"to": ["U0AYSE"]}
        assert "can decide, too" not in text_of(done)


class Audience(Feature):
    """An audience that grows between the votes, and again before the start."""

    rule = (OVER,)

    async def ask(self, cell: Cell) -> Message:
        await add_flow_for(cell.world, 9_000, **PUSH)
        request = await cell.command(f"enable 1{cell.condition.at} {BECAUSE}")
        assert "9,000 subscribers" in text_of(request)
        assert "0/1 approval" in text_of(request)
        return request

    async def begin(self, cell: Cell) -> None:
        grow_to(cell.world, 12_340)
        await cell.approve(cell.world.burak, "The audience grew to 12,340 subscribers: 1 more approval is needed.")
        shown = await wait_for_status(cell.world, cell.request, "1/2 approvals")
        assert "12,340 subscribers" in text_of(shown)

    async def finish(self, cell: Cell) -> None:
        await cell.approve(cell.world.slack.person("U0NEW1"))

    async def while_scheduled(self, cell: Cell) -> None:
        grow_to(cell.world, 52_000)

    async def at_start(self, cell: Cell) -> None:
        grew = "The audience grew to 52,000 subscribers: 1 more approval is needed."
        waiting = await wait_for_status(cell.world, cell.request, grew)
        assert WAITING in text_of(waiting)
        assert "2/3 approvals" in text_of(waiting)
        await wait_for_notice(cell.world, cell.request, grew)
        await cell.approve(cell.world.slack.person("U0NEW2"))


class Comments(Feature):
    """Comments, which change no vote."""

    async def begin(self, cell: Cell) -> None:
        await self._comment(cell, "one")
        await self._open(cell)

    async def finish(self, cell: Cell) -> None:
        await self._send(cell, "two")
        await cell.approve(cell.world.burak)

    async def while_scheduled(self, cell: Cell) -> None:
        await self._comment(cell, "three")
        await wait_for_status(cell.world, cell.request, "Scheduled")

    async def check(self, cell: Cell, done: Message) -> None:
        events = await cell.list_events("change.commented")
        said = [event["details"]["text"] for event in events]
        assert said == [f"{MARK} {word}" for word in ("one", "two", "three")[: len(said)]]
        assert {event["actor"] for event in events} == {"U0BURAK"}
        replies = [text_of(each) for each in list_replies(cell.world, cell.request)]
        assert len([each for each in replies if "commented on #1 Winter sale" in each]) == len(said)
        history = await cell.ask_flowbot(cell.world.emma, "history 1")
        assert all(text in history for text in said)

    async def _comment(self, cell: Cell, word: str) -> None:
        await self._open(cell)
        await self._send(cell, word)

    async def _open(self, cell: Cell) -> None:
        await cell.world.burak.click(cell.request, "Comment")
        await cell.world.burak.wait_for_view(lambda view: view.callback_id == "changes.reason")

    async def _send(self, cell: Cell, word: str) -> None:
        before = len(list_replies(cell.world, cell.request))
        assert await submit_reason(cell.world.burak, f"{MARK} {word}") == []
        await cell.world.deniz.wait_until(lambda: len(list_replies(cell.world, cell.request)) > before)
        reply = list_replies(cell.world, cell.request)[-1]
        assert "Burak Demir commented on #1 Winter sale" in text_of(reply)
        assert list_mentions(cell.world, reply) == [("user", "U0EMMA")]


class Revised(Feature):
    """A request that its author revises, whose votes then begin anew."""

    rule = (TWO,)

    def __init__(self) -> None:
        self.titles: list[str] = []

    async def finish(self, cell: Cell) -> None:
        await cell.approve(cell.world.burak, "1/2 approvals")
        await cell.approve(cell.world.slack.person("U0NEW1"))

    async def while_scheduled(self, cell: Cell) -> None:
        await open_form(cell.world.emma, "/flows edit 1", cell.channel)
        await self._save(cell, f"{MARK} again")
        assert WAITING in text_of(cell.request)
        await Revised.finish(self, cell)
        await wait_for_status(cell.world, cell.request, "Scheduled")

    async def check(self, cell: Cell, done: Message) -> None:
        revisions = [event["details"]["differences"] for event in await cell.list_events("change.revised")]
        assert revisions == [
            [{"field": "title", "before": before, "after": after}] for before, after in pairwise(self.titles)
        ]
        assert cell.world.enkapush.store.flow(1).title == self.titles[-1]

    async def _save(self, cell: Cell, title: str) -> None:
        """Save the open form, and wait until the request's votes begin anew."""
        told = len(self._list_notices(cell))
        assert cell.world.emma.read_field("Title") == self.titles[-1]
        assert (await cell.world.emma.submit({"Title": title})).errors == {}
        await wait_for_status(cell.world, cell.request, "0/2 approvals")
        await cell.world.deniz.wait_until(lambda: len(self._list_notices(cell)) == told + 1)
        self.titles.append(title)
        cell.votes.clear()

    def _list_notices(self, cell: Cell) -> list[Message]:
        anew = "Emma Clarke changed #1 Winter sale. Approval starts over."
        return [each for each in list_replies(cell.world, cell.request) if anew in text_of(each)]


class RevisedEdit(Revised):
    """An edit of which an approver asks for changes."""

    outcome = "Flow #1 Winter sale was changed"

    def writes(self, cell: Cell) -> list[dict[str, str]]:
        return [{"title": self.titles[-1]}]

    async def ask(self, cell: Cell) -> Message:
        world = cell.world
        add_flow(world, **PUSH, is_enabled=True)
        await open_form(world.emma, "/flows edit 1")
        self.titles.append(f"{MARK} first")
        assert (await world.emma.submit({"Title": self.titles[0], "Reason": BECAUSE})).errors == {}
        return await world.deniz.wait_for_message(APPROVALS, WAITING)

    async def begin(self, cell: Cell) -> None:
        await cell.approve(cell.world.burak, "1/2 approvals")
        assert await comment(cell.world.burak, cell.request, f"{MARK} wish", "Request changes") == []
        await wait_for_status(cell.world, cell.request, "Changes requested by U0BURAK")
        emma = cell.world.emma
        await emma.click(await wait_for_direct(cell.world, emma, f"{MARK} wish"), "Open form")
        await emma.wait_for_view(is_form)

    async def finish(self, cell: Cell) -> None:
        await self._save(cell, f"{MARK} second")
        await super().finish(cell)

    async def check(self, cell: Cell, done: Message) -> None:
        await super().check(cell, done)
        (event,) = await cell.list_events("change.changes_requested")
        assert (event["actor"], event["details"]["text"]) == ("U0BURAK", f"{MARK} wish")


class OwnEdit(Revised):
    """The requester's own edit of the flow while its enable waits, which is written at once."""

    def writes(self, cell: Cell) -> list[dict[str, str]]:
        return [*cell.written, ENABLED]

    async def begin(self, cell: Cell) -> None:
        self.titles.append(PUSH["title"])
        await cell.approve(cell.world.burak, "1/2 approvals")
        await open_form(cell.world.emma, "/flows edit 1", cell.channel)
        await self._save(cell, f"{MARK} second")

    async def _save(self, cell: Cell, title: str) -> None:
        cell.written.append({"title": title})
        await super()._save(cell, title)
        cell.check_nothing_early()
        assert not cell.world.enkapush.store.flow(1).is_enabled


class WorkflowStep(Feature):
    """A request that a step of a workflow asked for, by the form in which a time can be chosen."""

    rule = (REQUIRED, TWO)
    run: StepRun

    async def ask(self, cell: Cell) -> Message:
        world = cell.world
        add_flow(world, **PUSH)
        self.run = run_step(world, "enable_flow", world.emma, flow=1)
        asked = await wait_until_asked(world, world.emma)
        await cell.condition.before_request(cell)
        await world.emma.click(asked, "Request approval")
        await wait_for_change_form(world.emma)
        when = {"When": int(cell.condition.start.timestamp())} if cell.condition.at else {}
        assert (await world.emma.submit({"Reason": BECAUSE, **when})).errors == {}
        await wait_for_direct(world, world.emma, "You requested approval to enable flow #1 Winter sale")
        return await world.deniz.wait_for_message(APPROVALS, WAITING)

    async def begin(self, cell: Cell) -> None:
        await cell.approve(cell.world.slack.person("U0NEW1"), "1/2 approvals")
        assert self.run.state == "running"

    async def finish(self, cell: Cell) -> None:
        await cell.approve(cell.world.burak)

    async def while_scheduled(self, cell: Cell) -> None:
        assert self.run.state == "running"

    async def check(self, cell: Cell, done: Message) -> None:
        await wait_for_end(cell.world, self.run)
        decided_by = SKIPPER if cell.is_skipped else "U0BURAK"
        assert self.run.outputs == {"outcome": "applied", "flow": 1, "decided_by": decided_by}
        await wait_for_direct(cell.world, cell.world.emma, "Flow #1 Winter sale is live")


class ReasonRequired(Feature):
    """A reason without which nobody can ask."""

    rule = (REQUIRED,)

    async def ask(self, cell: Cell) -> Message:
        add_flow(cell.world, **PUSH)
        assert NEEDED in await cell.ask_flowbot(cell.world.emma, f"enable 1{cell.condition.at}")
        assert await cell.list_events("change.submitted") == []
        return await cell.command(f"enable 1{cell.condition.at} {BECAUSE}")

    async def finish(self, cell: Cell) -> None:
        await cell.approve(cell.world.burak)

    async def check(self, cell: Cell, done: Message) -> None:
        assert BECAUSE in text_of(done)
        (event,) = await cell.list_events("change.submitted")
        assert event["details"]["reason"] == BECAUSE
