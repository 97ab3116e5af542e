"""Time to the acknowledgement, and processor time of a finished answer, by HTTP and by Socket Mode."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from benchmarks.load import HttpTarget, SocketHub, Target
from benchmarks.processes import Process, allowed_cores, median, percentile, separate_cores
from benchmarks.protocol import RequestKind
from benchmarks.report import Findings, Goal, Table, format_ms, log_progress
from benchmarks.testbed import Testbed, open_testbed

FLOWBOT, NAIVE = "flowbot", "naive"
KINDS: Final = (RequestKind.LIST, RequestKind.NEXT)
WARM_UP: Final = 3
MOST_OF_NAIVE: Final = 0.5
"""The goal: a finished answer of flowbot's takes at most this share of the naive bot's processor time."""


@dataclass(frozen=True)
class Plan:
    """The extent of a run.

    Attributes:
        rounds: Rounds of single requests.
        requests: Requests of each kind in a round.
        batches: Batches of each kind and bot.
        batch: Requests of a batch.
        concurrency: Requests of a batch that are under way at once, until the answer is finished.
        flows: Flows of the account.
        has_own_cores: Whether the bots run on cores of their own.
    """

    rounds: int = 8
    requests: int = 15
    batches: int = 3
    batch: int = 200
    concurrency: int = 20
    flows: int = 1000
    has_own_cores: bool = True


QUICK: Final = Plan(rounds=1, requests=3, batches=1, batch=4, concurrency=2, flows=300, has_own_cores=False)


@dataclass
class Measurement:
    """Seconds of each bot: to each acknowledgement, by round, and of processor time an answer, by batch."""

    times: dict[str, list[list[float]]] = field(default_factory=lambda: {FLOWBOT: [], NAIVE: []})
    costs: dict[str, list[float]] = field(default_factory=lambda: {FLOWBOT: [], NAIVE: []})

    def percentile(self, name: str, share: float) -> float:
        """Return a percentile of the times over all rounds, in seconds."""
        return percentile([time for times in self.times[name] for time in times], share)

    def share_of_naive(self) -> float:
        """Return flowbot's cost as a share of the naive bot's: the median of the batches' own ratios."""
        pairs = zip(self.costs[FLOWBOT], self.costs[NAIVE], strict=True)
        return median([flowbot / naive for flowbot, naive in pairs])


Measurements = Mapping[RequestKind, Measurement]


async def run(plan: Plan) -> Findings:
    """Measure both modes."""
    with separate_cores() if plan.has_own_cores else nullcontext(allowed_cores()) as cores:
        async with open_testbed(plan.flows) as testbed:
            log_progress("answers: HTTP")
            async with connect_http(testbed, cores) as bots:
                http = await measure(testbed, bots, plan)
            log_progress("answers: Socket Mode")
            async with connect_sockets(testbed, cores) as bots:
                socket = await measure(testbed, bots, plan)
    return build_findings({"HTTP": http, "Socket Mode": socket}, plan)


Bots = Sequence[tuple[Process, Target]]


@asynccontextmanager
async def connect_http(testbed: Testbed, cores: frozenset[int]) -> AsyncIterator[Bots]:
    """Start both bots as HTTP servers, and record what is repeated."""
    async with AsyncExitStack() as stack:
        process, bot = await stack.enter_async_context(testbed.serve())
        naive = await stack.enter_async_context(testbed.start_naive("http"))
        naive_bot = HttpTarget(NAIVE, int((await naive.wait_for_output(r"port=(\d+)"))[1]))
        for each in (process, naive):
            each.move(cores)
        stack.callback(bot.close)
        stack.callback(naive_bot.close)
        await testbed.servers.record(bot, with_form=False)
        yield (process, bot), (naive, naive_bot)


@asynccontextmanager
async def connect_sockets(testbed: Testbed, cores: frozenset[int]) -> AsyncIterator[Bots]:
    """Start both bots in Socket Mode, connected to this process."""
    hub = SocketHub()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hub.listen())
        await testbed.servers.set_socket_url(hub.url)
        process = await stack.enter_async_context(testbed.connect_socket())
        naive = await stack.enter_async_context(testbed.start_naive("socket"))
        await naive.wait_for_output("connected")
        for each in (process, naive):
            each.move(cores)
        yield (process, await hub.wait_for_target(FLOWBOT)), (naive, await hub.wait_for_target(NAIVE))


async def measure(testbed: Testbed, bots: Bots, plan: Plan) -> Measurements:
    """Measure single requests by turns, then batches by turns."""
    measurements = {kind: Measurement() for kind in KINDS}
    targets = [target for _, target in bots]
    for kind in KINDS:
        await measure_round(testbed, targets, kind, WARM_UP)
    for _, kind in product(range(plan.rounds), KINDS):
        for name, times in (await measure_round(testbed, targets, kind, plan.requests)).items():
            measurements[kind].times[name].append(times)
        await testbed.servers.clear()
    for _, kind, (process, target) in product(range(plan.batches), KINDS, bots):
        measurements[kind].costs[target.name].append(await measure_cost(testbed, process, target, kind, plan))
    return measurements


async def measure_cost(testbed: Testbed, process: Process, target: Target, kind: RequestKind, plan: Plan) -> float:
    """Return the seconds of processor time that each of a batch of answers takes, with all that follows it."""
    began = process.cpu()
    for _ in range(0, plan.batch, plan.concurrency):
        requests = await testbed.servers.requests(kind, plan.concurrency)
        await target.send_concurrently(requests, plan.concurrency)
        await testbed.servers.wait_for_answers(requests)
    await testbed.servers.wait_until_quiet()
    spent = process.cpu() - began
    await testbed.servers.clear()
    return spent / plan.batch


async def measure_round(
    testbed: Testbed, targets: Sequence[Target], kind: RequestKind, count: int
) -> dict[str, list[float]]:
    """Send `count` requests to each target by turns, each when the answer before it is finished."""
    requests = {target.name: await testbed.servers.requests(kind, count) for target in targets}
    times: dict[str, list[float]] = {target.name: [] for target in targets}
    for number in range(count):
        for target in targets if number % 2 else reversed(targets):
            request = requests[target.name][number]
            times[target.name].append(await target.send(request))
            await testbed.servers.wait_for_answers([request])
    return times


def build_findings(modes: Mapping[str, Measurements], plan: Plan) -> Findings:
    """Return the tables and the goals."""
    cells = [(mode, kind, measurements[kind]) for mode, measurements in modes.items() for kind in KINDS]
    cost = Table(
        f"A finished answer, {plan.concurrency} at a time",
        "Milliseconds of processor time of the whole process, user and system, for one answer and all that follows. "
        "The naive bot asks Enkapush for a page each time, and posts ten flows with their buttons.",
        ("Mode", "What", "naive bot", "flowbot", "flowbot : naive bot"),
        tuple(
            (
                mode,
                f"{kind}",
                *(format_ms(median(cell.costs[name])) for name in (NAIVE, FLOWBOT)),
                f"{cell.share_of_naive():.2f}",
            )
            for mode, kind, cell in cells
        ),
    )
    latency = Table(
        "From a request to its acknowledgement",
        "Milliseconds, p50 / p99, one request at a time, when all that followed the one before is done.",
        ("Mode", "What", "naive bot", "flowbot"),
        tuple(
            (
                mode,
                f"{kind}",
                *(
                    f"{format_ms(cell.percentile(name, 0.5))} / {format_ms(cell.percentile(name, 0.99))}"
                    for name in (NAIVE, FLOWBOT)
                ),
            )
            for mode, kind, cell in cells
        ),
    )
    goals = tuple(
        Goal(f"{mode}, {kind}: processor time against the naive bot's", cell.share_of_naive(), MOST_OF_NAIVE, " ×")
        for mode, kind, cell in cells
    )
    return Findings("Answers", (cost, latency), goals)
