"""A watch with a real database, and flows that a test changes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flowbot.domain.change import Change, Lease
from flowbot.domain.findings import Finding, Summary
from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.report import Report, ReportKind
from flowbot.errors import EnkapushFaultError
from flowbot.services.approvals.outdated import OutdatedRequests
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports.enkapush import AllFlows
from flowbot.services.ports.readings import WatchRound
from flowbot.services.watch.judge import ChangeJudge
from flowbot.services.watch.known_flows import KnownFlows
from flowbot.services.watch.rounds import WatchRounds
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from tests.services.test_flow_cache import new_flow

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISTANBUL: Final = ZoneInfo("Europe/Istanbul")


@dataclass
class Account:
    """An Enkapush: its flows, and which of them its list lacks or cannot be read.

    Attributes:
        stale: What its list tells instead.
        read: The flows that were read by their id.
    """

    flows: dict[int, Flow] = field(default_factory=dict)
    stale: dict[int, Flow] | None = None
    hidden: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    is_stable: bool = True
    is_down: bool = False
    read: list[int] = field(default_factory=list)

    def add(self, *numbers: int, **fields: Any) -> None:
        """Add flows, or others in their place."""
        for number in numbers:
            self.flows[number] = replace(new_flow(number), **fields)

    def change(self, *numbers: int, **fields: Any) -> None:
        """Change flows."""
        for number in numbers:
            self.flows[number] = replace(self.flows[number], **fields)

    async def list_flows(self) -> AllFlows:
        if self.is_down:
            raise EnkapushFaultError("down")
        flows = self.flows if self.stale is None else self.stale
        listed = [flow for number, flow in flows.items() if number not in self.hidden | self.broken]
        return AllFlows(listed, tuple(WebsiteId(1) for _ in self.broken), self.is_stable)

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        self.read.append(int(flow_id))
        if flow_id in self.broken:
            raise EnkapushFaultError("broken")
        return self.flows.get(flow_id)


class NoLateEffects:
    """An observer to whom no reading tells anything."""

    async def observe_flow(self, *_: Any) -> None: ...

    async def observe_all(self, *_: Any) -> None: ...


class Watching:
    """A watch, round by round, five minutes apart."""

    def __init__(self, database: Database, account: Account) -> None:
        self.account = account
        self.now = NOON
        self.store = ObservedFlowRepository(database, ISTANBUL)
        self.changes = ChangeRepository(database, lambda: self.now)
        self.reports = ReportRepository(database, lambda: self.now)
        self._policies = PolicyRepository(database, lambda: self.now)
        self.figures = FigureRepository(database)
        self.ended: list[Change] = []
        self.rounds = self.restart()

    def restart(self) -> WatchRounds:
        """Forget what this process knows."""
        cache = FlowCache(self.account, clock=lambda: self.now)
        late = NoLateEffects()

        async def notify(change: Change, flow: Flow | None = None) -> Change:
            raise AssertionError((change, flow))

        self.rounds = WatchRounds(
            store=self.store,
            reports=self.reports,
            flow_cache=cache,
            judge=ChangeJudge(self.changes, self.account, late, notify, lambda: self.now),
            outdated=OutdatedRequests(self.changes, self._policies, lambda: self.now),
            known=KnownFlows(self.store),
            clock=lambda: self.now,
            owner="one",
            show_changes=self.ended.extend,
            show_reports=lambda _: None,
        )
        return self.rounds

    async def run(self) -> WatchRound:
        """Make a round."""
        state = await self.store.get_state()
        if state.lease is None:
            assert await self.store.try_acquire_lease(state, Lease("one", self.now))
        self.now += timedelta(minutes=5)
        return await self.rounds.run(await self.store.get_state())

    async def tell(self) -> list[str]:
        """Make a round, and describe what it tells."""
        return [await self._describe(report) for report in (await self.run()).reports]

    async def _describe(self, report: Report) -> str:
        match report.told.content:
            case Summary(findings=findings):
                return f"summary of {len(findings)}"
            case Finding() as finding:
                how = finding.closing.how if finding.closing else finding.kind
                again = "" if report.version == 1 else " again"
                return f"{how}{again} {report.told.flow}"
            case other:
                raise AssertionError(other)


def named(reports: Iterable[Report]) -> list[int]:
    """List the flows of findings."""
    return [int(report.told.flow or 0) for report in reports if report.told.kind is ReportKind.FINDING]
