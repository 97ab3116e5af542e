"""How soon Slack is answered, and how many requests a second, by HTTP and by Socket Mode, beside two controls."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from benchmarks.lab import Lab, lab
from benchmarks.load import HttpTarget, SocketHub, Target
from benchmarks.processes import apart, everywhere, middle, percentile, running
from benchmarks.report import Findings, Goal, Table, ms, number, say
from benchmarks.wire import Shot, What

FLOWBOT, BOLT, BARE, FLOOR = "flowbot", "bolt", "aiohttp", "nothing"
IN_HAND: Final = "SELECT count(*) FROM changes WHERE state IN ('draft', 'applying')"
LOOK_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 120.0
DONE: Final = (What.LIST, What.NEXT, What.SUBMIT)


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: Turns of everybody, for latency.
        shots: Requests a turn.
        volleys: Turns of everybody, for throughput.
        volley: Requests a turn.
        forms: Of either, the share that a form's turn has: behind each a flow is made, which takes its time.
        at_once: How many of them are under way.
        flows: What the account has.
        apart: Whether those who answer have cores of their own.
    """

    rounds: int = 8
    shots: int = 15
    volleys: int = 3
    volley: int = 150
    forms: float = 1 / 3
    at_once: int = 50
    flows: int = 1000
    apart: bool = True

    def of(self, what: What, count: int) -> int:
        """How many of a turn's `count` requests are sent of this kind."""
        return max(1, round(count * self.forms)) if what is What.SUBMIT else count


QUICK: Final = Plan(rounds=1, shots=3, volleys=1, volley=4, at_once=2, flows=300, apart=False)


@dataclass
class Measured:
    """One kind of request of one target, by round."""

    taken: list[list[float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    volleys: list[list[float]] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """A percentile over all rounds, in seconds."""
        return percentile([taken for turn in self.taken for taken in turn], share)

    def volley_at(self, share: float) -> float:
        """The same of those that were all due at the same moment."""
        return percentile([taken for turn in self.volleys for taken in turn], share)


Board = Mapping[tuple[str, What], Measured]


def ratio(one: Measured, other: Measured) -> float:
    """How many times longer `one` takes: the middle of the rounds' own ratios, each of two neighbours in time."""
    pairs = zip(one.taken, other.taken, strict=True)
    return middle([middle(mine) / middle(theirs) for mine, theirs in pairs])


def share(one: Measured, other: Measured) -> float:
    """How many times more `one` acknowledges, likewise."""
    return middle([mine / theirs for mine, theirs in zip(one.rates, other.rates, strict=True)])


async def run(plan: Plan) -> Findings:
    """Measure both modes."""
    with apart() if plan.apart else nullcontext(everywhere()) as cores:
        async with lab(plan.flows) as here:
            say("acks: HTTP")
            async with by_http(here, cores) as targets:
                http = await measure(here, targets, plan)
            say("acks: Socket Mode")
            async with by_socket(here, cores) as targets:
                socket = await measure(here, targets, plan)
    return findings({"HTTP": http, "Socket Mode": socket}, plan)


@asynccontextmanager
async def by_http(here: Lab, cores: frozenset[int]) -> AsyncIterator[Sequence[Target]]:
    """Everybody who answers by HTTP, ready; what is repeated has been done once by hand."""
    async with AsyncExitStack() as stack:
        process, bot = await stack.enter_async_context(here.serving())
        process.move(cores)
        targets = [bot]
        for name, control in ((BOLT, "bolt-http"), (BARE, "aiohttp-http"), (FLOOR, "nothing")):
            process = await stack.enter_async_context(running("benchmarks.controls", control, folder=here.folder))
            targets.append(HttpTarget(name, int((await process.says(r"port=(\d+)"))[1])))
            process.move(cores)
        for target in targets:
            stack.callback(target.close)
        await here.stage.begin(bot)
        yield targets


@asynccontextmanager
async def by_socket(here: Lab, cores: frozenset[int]) -> AsyncIterator[Sequence[Target]]:
    """Everybody who answers by Socket Mode, connected to this process."""
    hub, slack = SocketHub(), here.stage.addresses.slack
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hub.listening())
        await here.stage.lead_sockets(hub.url)
        (await stack.enter_async_context(here.connected())).move(cores)
        for control, where in (("bolt-socket", slack), ("aiohttp-socket", f"{hub.url}/{BARE}")):
            process = await stack.enter_async_context(
                running("benchmarks.controls", control, where, folder=here.folder)
            )
            await process.says("connected")
            process.move(cores)
        yield [await hub.target(name) for name in (FLOWBOT, BOLT, BARE)]


async def measure(here: Lab, targets: Sequence[Target], plan: Plan) -> Board:
    """Let everybody have their turns, another one first each time."""
    board: Board = {(target.name, what): Measured() for target, what in product(targets, DONE)}
    for what in DONE:
        await alone(here, targets, what, {target.name: [] for target in targets}, 3)
    for _, what in product(range(plan.rounds), DONE):
        taken: dict[str, list[float]] = {target.name: [] for target in targets}
        await alone(here, targets, what, taken, plan.of(what, plan.shots))
        for name, seconds in taken.items():
            board[name, what].taken.append(seconds)
        await here.stage.forget()
    for number_, what in product(range(plan.volleys), DONE):
        for target in turned(targets, number_):
            await volleys(here, target, what, plan, board[target.name, what])
        await here.stage.forget()
    return board


async def alone(here: Lab, targets: Sequence[Target], what: What, taken: Mapping[str, list[float]], count: int) -> None:
    """So many requests to each, by turns; each waits until all that followed the one before is done."""
    piles = {target.name: await here.stage.shots(what, count) for target in targets}
    for number_ in range(count):
        for target in turned(targets, number_):
            shot = piles[target.name][number_]
            taken[target.name].append(await target.alone(shot))
            await settled(here, target, [shot])


async def volleys(here: Lab, target: Target, what: What, plan: Plan, measured: Measured) -> None:
    """A crowd at the same moment, then a stream with as many under way."""
    shots = await here.stage.shots(what, plan.at_once)
    measured.volleys.append(await target.together(shots, plan.at_once))
    await settled(here, target, shots)
    shots = await here.stage.shots(what, plan.of(what, plan.volley))
    began = here.stage.now()
    times = await target.together(shots, plan.at_once)
    measured.rates.append(len(shots) / max(times))
    if target.name == FLOWBOT:
        measured.finished.append(len(shots) / (await settled(here, target, shots) - began))


async def settled(here: Lab, target: Target, shots: Sequence[Shot]) -> float:
    """Wait until the work that follows these is done, so that it is nobody else's burden; when it was."""
    if target.name != FLOWBOT:
        return here.stage.now()
    if shots[0].answer_at:
        return max((await here.stage.finished(shots)).values())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await here.number(IN_HAND):  # noqa: ASYNC110 - another process writes there
            await asyncio.sleep(LOOK_SECONDS)
    return (await here.stage.quiet()).last


def turned(targets: Sequence[Target], number_: int) -> list[Target]:
    """The same, beginning with another one."""
    first = number_ % len(targets)
    return [*targets[first:], *targets[:first]]


def findings(boards: Mapping[str, Board], plan: Plan) -> Findings:
    """The tables, and what was wanted."""
    cells = list(product(boards.items(), DONE))
    latency = Table(
        "From a request to its acknowledgement",
        "Milliseconds, p50 / p99, one request at a time, when all that followed the one before is done. The last "
        "two columns compare p50. "
        f"The client's own share, against a server of fixed bytes: {floor(boards['HTTP'])} ms.",
        ("Mode", "What", "bare aiohttp", "Bolt's defaults", "flowbot", "flowbot : bare", "Bolt : flowbot"),
        tuple(latency_row(mode, board, what) for (mode, board), what in cells),
    )
    rates = Table(
        f"With {plan.at_once} under way",
        "Acknowledgements a second. flowbot does its work behind them at the same time on the same core (the controls "
        "have none): *finished* counts requests with all that follows. The last column is the p99 of a crowd, "
        f"{plan.at_once} requests all due at the same moment, in ms: bare / Bolt / flowbot.",
        (
            "Mode",
            "What",
            "bare aiohttp",
            "Bolt's defaults",
            "flowbot",
            "flowbot : bare",
            "finished a second",
            "a crowd",
        ),
        tuple(rate_row(mode, board, what) for (mode, board), what in cells),
    )
    goals = [goal for (mode, board), what in cells for goal in wanted(mode, board, what, plan)]
    return Findings("Acknowledgements", (latency, rates), tuple(goals))


def floor(board: Board) -> str:
    """The client's own share."""
    return f"{ms(board[FLOOR, What.LIST].at(0.5))} / {ms(board[FLOOR, What.LIST].at(0.99))}"


def latency_row(mode: str, board: Board, what: What) -> tuple[str, ...]:
    """One mode, one kind of request."""
    bare, bolt, flowbot = (board[name, what] for name in (BARE, BOLT, FLOWBOT))
    times = (f"{ms(each.at(0.5))} / {ms(each.at(0.99))}" for each in (bare, bolt, flowbot))
    return (mode, f"{what}", *times, f"{ratio(flowbot, bare):.2f}", f"{ratio(bolt, flowbot):.1f}")


def rate_row(mode: str, board: Board, what: What) -> tuple[str, ...]:
    """One mode, one kind of request."""
    parties = bare, _, flowbot = [board[name, what] for name in (BARE, BOLT, FLOWBOT)]
    crowd = " / ".join(ms(each.volley_at(0.99)) for each in parties)
    finished = number(middle(flowbot.finished)) if flowbot.finished else "–"
    rates = (number(middle(each.rates)) for each in parties)
    return (mode, f"{what}", *rates, f"{share(flowbot, bare):.2f}", finished, crowd)


def wanted(mode: str, board: Board, what: What, plan: Plan) -> list[Goal]:
    """The goals of one mode and kind of request."""
    bare, bolt, flowbot = (board[name, what] for name in (BARE, BOLT, FLOWBOT))
    return [
        Goal(f"{mode}, {what}: p50 against the bare handler", ratio(flowbot, bare), 2, " ×"),
        Goal(f"{mode}, {what}: times quicker than Bolt's defaults", ratio(bolt, flowbot), 20, " ×", at_least=True),
        Goal(
            f"{mode}, {what}: throughput at {plan.at_once}, of the bare handler's",
            share(flowbot, bare),
            0.5,
            " ×",
            at_least=True,
        ),
    ]
