"""Anything at all in a flow, a row and Slack's answers: it costs itself alone, and the others are served."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Table, text

from flowbot.bootstrap import Flowbot
from flowbot.errors import REFUSED_TOKEN
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.sandbox.slack.client_actions import ClientError
from flowbot.slack.api import client
from flowbot.storage import tables
from flowbot.storage.unit_of_work import Database
from tests.enkapush.scripted_server import flow_json, page_body
from tests.enkapush.test_odd_flows import any_changes
from tests.faults.fault_checks import NOT_FOR_PEOPLE, PATIENCE
from tests.hostile.attack_steps import no_errors_logged, wait_until_idle
from tests.hostile.malformed_payloads import EXAMPLES, MANY, mutated_payloads
from tests.hostile.malformed_payloads import JSON as ANY_JSON
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import approval_policy, speed_up
from tests.journeys.world import APPROVALS, MARKETING, World
from tests.slack.test_slack_answers import ANY, BODIES, ERRORS
from tests.storage.odd_rows import NO_TEXT, Row, odd_cells, recorded_rows

RECORDED: Final = cache(recorded_rows)
FEW: Final = settings(MANY, max_examples=max(EXAMPLES // 5, 1), phases=[Phase.generate])
INSIDE: Final = ("went wrong inside", "bir hata oluştu")
"""What people read where flowbot itself fails."""
ROUND: Final = 20.0
"""Seconds of the bot's own time after which what is kept of Enkapush is read anew, and leases have run out."""
LONG: Final = 700.0
"""Seconds of the bot's own time after which everything that failed is tried again."""


# --- what is odd ---------------------------------------------------------------------------------------------------

CELLS: Final = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary(max_size=20) | st.text(max_size=20)
)


@dataclass(frozen=True)
class OddRow:
    """A row to put in, with its cells as a hand may leave them."""

    table: Table
    cells: Row


@dataclass(frozen=True)
class SlackFault:
    """What Slack answers to the next calls of a method."""

    method: str
    how: dict[str, Any]


@st.composite
def odd_values(draw: st.DrawFn, table: Table, base: Row) -> Row:
    """Draw odd values for one to three columns of a row."""
    names = draw(st.lists(st.sampled_from(table.columns.keys()), min_size=1, max_size=3, unique=True))
    return {name: draw(_cells(table, name, base[name])) for name in names}


def _cells(table: Table, name: str, value: Any) -> st.SearchStrategy[Any]:
    column = table.columns[name]
    cells = st.sampled_from(list(odd_cells(column))) | CELLS
    if isinstance(column.type, JSON) and isinstance(value, str):
        document = json.loads(value)
        if isinstance(document, dict):
            return mutated_payloads(document).map(json.dumps) | ANY_JSON.map(json.dumps) | cells
    return cells


@st.composite
def odd_rows(draw: st.DrawFn) -> OddRow:
    """Draw a row that flowbot stored once, with something odd in it."""
    bases = RECORDED()
    table = draw(st.sampled_from([each for each in tables.metadata.sorted_tables if bases[each.name]]))
    base = draw(st.sampled_from(bases[table.name]))
    return OddRow(table, base | draw(odd_values(table, base)))


@st.composite
def slack_faults(draw: st.DrawFn) -> SlackFault:
    """Draw an answer of Slack's; one that takes the token away stops flowbot, and is left out."""
    method = draw(st.sampled_from(sorted(ERRORS)))
    errors = sorted({*ERRORS[method].split(), *ANY.split()} - REFUSED_TOKEN)
    hows: st.SearchStrategy[dict[str, Any]] = st.one_of(
        st.sampled_from(errors).map(lambda error: {"error": error}),
        (st.sampled_from(sorted(BODIES.values())) | ANY_JSON.map(json.dumps)).map(lambda body: {"body": body}),
        st.sampled_from(
            [{"status": 503}, {"status": 302}, {"retry_after": 0}, {"retry_after": 3}, {"lose_answer": True}]
        ),
    )
    return SlackFault(method, draw(hows) | {"times": draw(st.sampled_from([1, 2, None]))})


# --- one bot for all of it -----------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A bot, and a second way into its database."""

    world: World
    bot: Flowbot
    database: Database
    number: int = 0
    odd: int = 0
    even: int = 0

    @property
    def people(self) -> list[SandboxPerson]:
        return [self.world.emma, self.world.burak, self.world.deniz]

    async def begin(self) -> None:
        """Forget what the last example left, and add a flow that will be odd and one that will not."""
        workspace = self.world.slack.workspace
        self.world.slack.faults.clear()
        self.world.enkapush.faults.clear()
        await wait_until_idle(self.bot)
        for kept in (workspace.messages, workspace.modals, workspace.homes):
            kept.clear()
        async with self.database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table not in {tables.channel_policies, tables.websites}:
                    await connection.execute(table.delete())
            await connection.execute(text("DELETE FROM channel_policies WHERE channel_id <> 'C0MARKETING'"))
        for flow in list(self.world.enkapush.store.flows):
            self.world.enkapush.store.delete_flow(flow)
        self.number += 1
        self.odd = add_flow(self.world, name=f"Odd {self.number}")
        self.even = add_flow(self.world, name=f"Even {self.number}")
        self.world.time.ahead += ROUND

    def answer_oddly(self, changes: dict[str, Any], body: str | None) -> None:
        """Let Enkapush show a flow as an odd one from now on, or answer with something else for it."""
        odd = flow_json(self.odd, website_id=1) | changes
        even = flow_json(self.even, website_id=1, name=f"Even {self.number}", is_enabled=False)
        single = json.dumps({"data": odd}) if body is None else body
        faults = self.world.enkapush.faults
        faults.add(Fault.status(200, single, method="GET", path=f"/flows/{self.odd}", times=None))
        faults.add(Fault.status(200, page_body(odd, even), method="GET", path="/flows", times=None))

    async def insert(self, row: OddRow) -> None:
        """Put a row in, unless what is odd in it is refused by the database itself."""
        cells = dict(row.cells)
        if row.table in {tables.channel_policies, tables.channels} and cells["channel_id"] == MARKETING:
            cells["channel_id"] = "C0ODD"
        await self._execute(row.table, cells, "INSERT OR REPLACE INTO {table} ({names}) VALUES ({values})")

    async def damage_own(self, cells: Row) -> None:
        """Put odd cells into the row of the odd flow's request, if there is one."""
        await self._execute(
            tables.changes,
            cells,
            f"UPDATE OR IGNORE {{table}} SET ({{names}}) = ({{values}}) WHERE flow_id = {self.odd}",
        )

    async def _execute(self, table: Table, cells: Row, statement: str) -> None:
        values = ", ".join("CAST(? AS TEXT)" if value == NO_TEXT else "?" for value in cells.values())
        filled = statement.format(table=table.name, names=", ".join(cells), values=values)
        async with self.database.write() as connection:
            with suppress(Exception):
                await connection.exec_driver_sql(filled, tuple(cells.values()))

    async def act(self, person: SandboxPerson, what: str) -> None:
        """Type a command, open Home, press some button, or send the open form."""
        with dead_ends():
            if what == "home":
                await person.open_home()
            elif what.startswith("press"):
                await self._press(person, int(what.removeprefix("press ")))
            elif what == "submit":
                if person.view is not None and person.view.submit is not None:
                    await person.submit(dict.fromkeys({"Reason", "Title"}.intersection(person.list_fields()), "Why"))
            else:
                await person.send(MARKETING, f"/flows {what.format(odd=self.odd, even=self.even)}")
        await wait_until_idle(self.bot)

    async def _press(self, person: SandboxPerson, number: int) -> None:
        things: list[Message | View | None] = [person.view, person.home]
        for channel in (MARKETING, APPROVALS):
            things += await person.list_messages(channel)
        buttons = [(thing, at) for thing in things if thing for at in enumerate(person.list_buttons(thing))]
        if buttons:
            thing, (at, label) = buttons[number % len(buttons)]
            await person.click(thing, label, person.list_buttons(thing)[:at].count(label))

    def texts(self) -> Iterator[str]:
        """Yield everything that stands in Slack."""
        workspace = self.world.slack.workspace
        for messages in workspace.messages.values():
            yield from map(text_of, messages)
        for views in (*workspace.modals.values(), workspace.homes.values()):
            yield from map(text_of, views)

    async def check_round(self) -> None:
        """Check that the recovery goes on."""
        rounds = self.bot.metrics.recovery_rounds
        before = rounds.labels("done")._value.get()
        self.world.time.ahead += ROUND
        async with asyncio.timeout(10):
            while rounds.labels("done")._value.get() < before + 2:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
        assert rounds.labels("failed")._value.get() == 0

    async def check_others_served(self) -> None:
        """Check that the other flow is listed, shown, enabled with an approval, and waits in Home meanwhile."""
        world, burak = self.world, self.world.burak
        name = f"Even {self.number}"
        for command in ("list", f"show {self.even}"):
            await self._read(command, name)
        change = await self._ask()
        await burak.open_home()
        await burak.wait_for_home(name)
        await burak.click(change, "Approve")
        await burak.wait_until(lambda: world.enkapush.store.flows[self.even].is_enabled)
        await wait_until_idle(self.bot)
        await self._read(f"history {self.even}", name)

    async def _read(self, command: str, name: str) -> None:
        """Type a command, and check that an answer names the flow."""
        emma = self.world.emma
        before = set(map(id, await emma.list_messages(MARKETING)))
        await emma.send(MARKETING, f"/flows {command}")
        await emma.wait_for_message(MARKETING, lambda message: id(message) not in before and name in text_of(message))

    async def _ask(self) -> Message:
        def is_request(message: Message) -> bool:
            return f"Even {self.number}" in text_of(message) and "Approve" in self.world.burak.list_buttons(message)

        if not any(is_request(message) for message in await self.world.burak.list_messages(APPROVALS)):
            await self.world.emma.send(MARKETING, f"/flows enable {self.even} Why not")
        return await self.world.burak.wait_for_message(APPROVALS, is_request)


@contextmanager
def dead_ends() -> Iterator[None]:
    """Let a person stand before what is not there any more; an answer that lacks or is late is none of that."""
    try:
        yield
    except LookupError:
        pass
    except ClientError as error:
        if error.code not in {"not_found", "not_in_channel"}:
            raise


@pytest.fixture
async def bench(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    speed_up(world, monkeypatch)
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", PATIENCE)
    await world.import_policy(approval_policy())
    for person in world.slack.workspace.people.values():
        person.locale = "en-GB"
    bot, _ = await world.start_http()
    async with world.open_database() as database:
        yield Bench(world, bot, database)


REQUESTS: Final = ("enable {odd} Why", "disable {odd} Why", "delete {odd} Why", "edit {odd}")
COMMANDS: Final = (
    *REQUESTS, "list", "list enabled", "show {odd}", "show {even}", "duplicate {odd}", "history", "history {odd}",
    "approvals", "setup", "create",
)  # fmt: skip
STEPS: Final = st.tuples(
    st.integers(0, 2),
    st.sampled_from([*COMMANDS, "home", "submit"]) | st.integers(0, 40).map(lambda number: f"press {number}"),
)


@dataclass(frozen=True)
class Odd:
    """Everything that is odd in one example, and what people do meanwhile.

    Attributes:
        flow: What differs in the odd flow.
        body: What Enkapush answers with instead of it; None for the flow.
        is_odd_at_once: Whether the flow is odd before it is asked about, or only then.
        own_cells: What is odd in the stored request about it.
    """

    flow: dict[str, Any]
    body: str | None
    is_odd_at_once: bool
    first: str
    rows: list[OddRow]
    own_cells: Row
    slack: list[SlackFault]
    steps: list[tuple[int, str]]


@st.composite
def anything(draw: st.DrawFn) -> Odd:
    """Draw everything before anything is done with it: what is done may not decide on what is drawn."""
    return Odd(
        draw(any_changes()),
        draw(st.none() | ANY_JSON.map(json.dumps)),
        draw(st.booleans()),
        draw(st.sampled_from(REQUESTS)),
        draw(st.lists(odd_rows(), max_size=3)),
        draw(st.just({}) | odd_values(tables.changes, RECORDED()["changes"][0])),
        draw(st.lists(slack_faults(), max_size=3)),
        draw(st.lists(STEPS, min_size=2, max_size=5)),
    )


@FEW
@given(odd=anything())
async def test_anything_at_all_costs_itself_alone(bench: Bench, odd: Odd) -> None:
    await bench.begin()
    with no_errors_logged():
        if odd.is_odd_at_once:
            bench.answer_oddly(odd.flow, odd.body)
        for row in odd.rows:
            await bench.insert(row)
        await bench.act(bench.world.emma, odd.first)
        if not odd.is_odd_at_once:
            bench.answer_oddly(odd.flow, odd.body)
        if odd.own_cells:
            await bench.damage_own(odd.own_cells)
        for fault in odd.slack:
            bench.world.slack.faults.add(fault.method, **fault.how)
        for who, what in odd.steps:
            await bench.act(bench.people[who], what)
        await bench.check_round()
        bench.world.slack.faults.clear()
        bench.world.time.ahead += LONG
        await bench.check_round()
        await bench.check_others_served()
    for said in bench.texts():
        assert not any(words in said for words in INSIDE), said
        assert not NOT_FOR_PEOPLE.search(said), said
