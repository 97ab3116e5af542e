"""Time to the acknowledgement, and finished answers a second, by HTTP and by Socket Mode."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from benchmarks.load import HttpTarget, SocketHub, Target
from benchmarks.processes import allowed_cores, median, percentile, separate_cores, start_module
from benchmarks.protocol import RequestKind
from benchmarks.report import Findings, Goal, Table, format_ms, format_number, log_progress
from benchmarks.testbed import Testbed, open_testbed

FLOWBOT, BOLT = "flowbot", "bolt"
KINDS: Final = (RequestKind.LIST, RequestKind.NEXT)
WARM_UP: Final = 3
TIMES_QUICKER: Final = 5
"""The goal: flowbot's p50 is at most a fifth of the p50 of Bolt's defaults."""


@dataclass(frozen=True)
class Plan:
    """The extent of a run.

    Attributes:
        rounds: Rounds of single requests.
        requests: Requests of each kind in a round.
        batches: Batches of concurrent requests.
        batch: Requests of a batch.
        concurrency: Requests of a batch that are under way at once.
        flows: Flows of the account.
        has_own_cores: Whether the bots run on cores of their own.
    """

    rounds: int = 8
    requests: int = 15
    batches: int = 3
    batch: int = 150
    concurrency: int = 50
    flows: int = 1000
    has_own_cores: bool = True


QUICK: Final = Plan(rounds=1, requests=3, batches=1, batch=4, concurrency=2, flows=300, has_own_cores=False)


@dataclass
class Measurement:
    """Times in seconds of flowbot and Bolt by round, and flowbot's finished answers a second by batch."""

    times: dict[str, list[list[float]]] = field(default_factory=lambda: {FLOWBOT: [], BOLT: []})
    finished: list[float] = field(default_factory=list)

    def percentile(self, name: str, share: float) -> float:
        """Return a percentile over all rounds, in seconds."""
        return percentile([time for times in self.times[name] for time in times], share)

    def times_quicker(self) -> float:
        """Return how many times quicker flowbot is: the median of the rounds' own ratios."""
        rounds = zip(self.times[BOLT], self.times[FLOWBOT], strict=True)
        return median([median(bolt) / median(flowbot) for bolt, flowbot in rounds])


Measurements = Mapping[RequestKind, Measurement]


async def run(plan: Plan) -> Findings:
    """Measure both modes."""
    with separate_cores() if plan.has_own_cores else nullcontext(allowed_cores()) as cores:
        async with open_testbed(plan.flows) as testbed:
            log_progress("acks: HTTP")
            async with connect_http(testbed, cores) as targets:
                http = await measure(testbed, targets, plan)
            log_progress("acks: Socket Mode")
            async with connect_sockets(testbed, cores) as targets:
                socket = await measure(testbed, targets, plan)
    return build_findings({"HTTP": http, "Socket Mode": socket}, plan)


@asynccontextmanager
async def connect_http(testbed: Testbed, cores: frozenset[int]) -> AsyncIterator[Sequence[Target]]:
    """Start both bots as HTTP servers, and record what is repeated."""
    async with AsyncExitStack() as stack:
        process, bot = await stack.enter_async_context(testbed.serve())
        process.move(cores)
        bolt = await stack.enter_async_context(start_module("benchmarks.bolt_defaults", "http", folder=testbed.folder))
        bolt_target = HttpTarget(BOLT, int((await bolt.wait_for_output(r"port=(\d+)"))[1]))
        bolt.move(cores)
        stack.callback(bot.close)
        stack.callback(bolt_target.close)
        await testbed.servers.record(bot, with_form=False)
        yield bot, bolt_target


@asynccontextmanager
async def connect_sockets(testbed: Testbed, cores: frozenset[int]) -> AsyncIterator[Sequence[Target]]:
    """Start both bots in Socket Mode, connected to this process."""
    hub = SocketHub()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hub.listen())
        await testbed.servers.set_socket_url(hub.url)
        (await stack.enter_async_context(testbed.connect_socket())).move(cores)
        arguments = ("benchmarks.bolt_defaults", "socket", testbed.servers.addresses.slack)
        bolt = await stack.enter_async_context(start_module(*arguments, folder=testbed.folder))
        await bolt.wait_for_output("connected")
        bolt.move(cores)
        yield [await hub.wait_for_target(name) for name in (FLOWBOT, BOLT)]


async def measure(testbed: Testbed, targets: Sequence[Target], plan: Plan) -> Measurements:
    """Measure single requests by turns, then batches of flowbot's."""
    measurements = {kind: Measurement() for kind in KINDS}
    for kind in KINDS:
        await measure_round(testbed, targets, kind, WARM_UP)
    for _, kind in product(range(plan.rounds), KINDS):
        for name, times in (await measure_round(testbed, targets, kind, plan.requests)).items():
            measurements[kind].times[name].append(times)
        await testbed.servers.clear()
    (flowbot,) = (target for target in targets if target.name == FLOWBOT)
    for _, kind in product(range(plan.batches), KINDS):
        requests = await testbed.servers.requests(kind, plan.batch)
        began = time.monotonic()
        await flowbot.send_concurrently(requests, plan.concurrency)
        answered_at = await testbed.servers.wait_for_answers(requests)
        measurements[kind].finished.append(len(requests) / (max(answered_at.values()) - began))
        await testbed.servers.clear()
    return measurements


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
            if target.name == FLOWBOT:
                await testbed.servers.wait_for_answers([request])
    return times


def build_findings(modes: Mapping[str, Measurements], plan: Plan) -> Findings:
    """Return the tables and the goals."""
    cells = [(mode, kind, measurements[kind]) for mode, measurements in modes.items() for kind in KINDS]
    latency = Table(
        "From a request to its acknowledgement",
        "Milliseconds, p50 / p99, one request at a time, when all that followed the one before is done. The last "
        "column compares p50.",
        ("Mode", "What", "Bolt's defaults", "flowbot", "Bolt : flowbot"),
        tuple(
            (
                mode,
                f"{kind}",
                *(
                    f"{format_ms(cell.percentile(name, 0.5))} / {format_ms(cell.percentile(name, 0.99))}"
                    for name in (BOLT, FLOWBOT)
                ),
                f"{cell.times_quicker():.1f}",
            )
            for mode, kind, cell in cells
        ),
    )
    finished = Table(
        f"With {plan.concurrency} under way",
        "Requests a second that flowbot finishes, with all that follows the acknowledgement.",
        ("Mode", "What", "finished a second"),
        tuple((mode, f"{kind}", format_number(median(cell.finished))) for mode, kind, cell in cells),
    )
    goals = tuple(
        Goal(
            f"{mode}, {kind}: times quicker than Bolt's defaults",
            cell.times_quicker(),
            TIMES_QUICKER,
            " ×",
            at_least=True,
        )
        for mode, kind, cell in cells
    )
    return Findings("Acknowledgements", (latency, finished), goals)
