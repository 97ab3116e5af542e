"""The port of the watch: what flowbot knows of all flows, as it read them last."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from flowbot.domain.change import ChangeState, Lease
from flowbot.domain.figures import FlowMove
from flowbot.domain.findings import Finding
from flowbot.domain.flow import Flow, Totals
from flowbot.domain.ids import ChangeId, FlowId, ReportToken, WebsiteId
from flowbot.domain.policy import BreakerRule
from flowbot.domain.report import NewReport, Report
from flowbot.services.ports.leases import LeaseStore

WATCH: Final = ChangeId("watch")
"""The id under which the lease of the watch is kept."""


@dataclass(frozen=True, slots=True)
class WatchState:
    """The watch as it is stored, with its lease: a `Leasable`.

    Attributes:
        version: The number of rounds that were stored.
        read_at: When the last of them began; None before the first.
        has_baseline: Whether all flows of the account were read once.
    """

    version: int = 0
    lease: Lease | None = None
    read_at: datetime | None = None
    has_baseline: bool = False

    @property
    def id(self) -> ChangeId:
        """Return the id of its lease."""
        return WATCH


@dataclass(frozen=True, slots=True)
class KnownFlow:
    """What is loaded of a flow to find out whether it has changed: the `content_key` of its content, and its totals."""

    website_id: WebsiteId
    key: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class LiveFlow:
    """A flow that is live, with what it did since it was enabled.

    Attributes:
        live_since: When a reading first showed it live, which is the same for as long as it stays so.
        counted: Its totals since then, or since they shrank.
        tripped_at: When the breaker disabled it, since it was enabled; None where it did not.
    """

    flow: FlowId
    website: WebsiteId
    live_since: datetime
    counted: Totals
    tripped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A flow as it was read, to be stored.

    Attributes:
        has_new_content: Whether more than its totals is new.
        counts_anew: Whether its count since it was enabled begins with this reading.
        is_enabled_anew: Whether it was enabled since the last reading: a breaker that tripped may trip again.
    """

    flow: Flow
    has_new_content: bool = True
    counts_anew: bool = False
    is_enabled_anew: bool = False


@dataclass(frozen=True, slots=True)
class NewSummary:
    """The findings of one round that are told together.

    Attributes:
        findings: New ones; those first that were read once more by their id.
        updates: Open ones that an earlier summary told, as they were and as they are to be.
    """

    token: ReportToken
    findings: tuple[NewReport, ...]
    updates: tuple[tuple[Report, NewReport], ...] = ()


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """What a round of the watch stores, in one transaction.

    Attributes:
        state: The watch as it was when the round began.
        owner: Who has its lease.
        read_at: When the reading began.
        observed: The flows that are new or changed.
        gone: The flows that are there no more.
        moves: The totals that moved.
        counted: The changes that are counted in what is known from now on.
        sent: The states, by their ids, of the sent changes that were known before the flows of findings were read: they
            hold only while there are no others.
        findings: New findings, told one by one.
        summary: New findings, told together.
        updates: Open findings that are brought up to date or end.
    """

    state: WatchState
    owner: str
    read_at: datetime
    observed: Sequence[Observation] = ()
    gone: Collection[FlowId] = ()
    moves: Sequence[FlowMove] = ()
    counted: Collection[ChangeId] = ()
    sent: Mapping[ChangeId, ChangeState] = field(default_factory=dict)
    findings: Sequence[NewReport] = ()
    summary: NewSummary | None = None
    updates: Sequence[tuple[Report, NewReport]] = ()

    @property
    def told(self) -> Mapping[FlowId, Finding]:
        """Return the findings by their flow."""
        told = [*self.findings, *(new for _, new in self.updates)]
        if self.summary is not None:
            told += [*self.summary.findings, *(new for _, new in self.summary.updates)]
        return {each.flow: each.content for each in told if each.flow is not None and isinstance(each.content, Finding)}


@dataclass(frozen=True, slots=True)
class WatchRound:
    """A round of the watch that is stored.

    Attributes:
        number: Grows with every round, whichever process makes it.
        read_at: When the reading began.
        previous_at: When that of the round before began; None for the first.
        reports: The findings that are new or brought up to date, the summary first.
    """

    number: int
    read_at: datetime
    previous_at: datetime | None
    reports: tuple[Report, ...] = ()


class FlowsMovedError(Exception):
    """Flowbot has written to some flows, or somebody has dealt with their findings, since they were read.

    Attributes:
        flows: Those flows. Nothing of the round was stored.
    """

    def __init__(self, flows: Collection[FlowId]) -> None:
        super().__init__(f"moved: {sorted(flows)}")
        self.flows = frozenset(flows)


class WatchLostError(Exception):
    """Another process has the watch. Nothing was stored."""


class WatchStore(LeaseStore, Protocol):
    """The store of what the watch knows. Whoever has its lease writes, besides the breaker.

    Every method is one transaction, and raises DependencyError where the database fails.
    """

    async def get_state(self) -> WatchState:
        """Return the watch as it is."""

    def list_known(self) -> AsyncIterator[Mapping[FlowId, KnownFlow]]:
        """Yield what is known of all flows, some hundred at a time."""

    async def get_flows(self, flows: Collection[FlowId]) -> Mapping[FlowId, Flow]:
        """Return those of `flows` that are known with all that is compared, as they were stored last."""

    async def count_settled(self, at: datetime) -> None:
        """Count all changes that were settled by now in the reading that follows."""

    async def store_baseline(self, flows: Sequence[Flow], read_at: datetime) -> None:
        """Store some flows of the account's first reading, or store them again."""

    async def store_round(self, record: RoundRecord) -> WatchRound:
        """Store a round, with its findings and figures.

        Raises:
            FlowsMovedError: some findings do not hold; nothing was stored.
            WatchLostError: another process has the watch; nothing was stored.
        """

    async def list_live(
        self, websites: frozenset[WebsiteId] | None = None, *, beyond: BreakerRule | None = None
    ) -> Sequence[LiveFlow]:
        """List the live flows of `websites` (None: of all), or those alone that are about `beyond` a rule's limits.

        Those that the breaker has disabled since they were enabled are left out.
        """

    async def list_live_since(self, websites: frozenset[WebsiteId] | None, since: datetime) -> frozenset[FlowId]:
        """List the flows of `websites` (None: of all) that have been live since then at the latest."""

    async def mark_tripped(self, flow: FlowId, live_since: datetime, at: datetime) -> bool:
        """Note that the breaker disables a flow that is live since then; return whether it is the first time."""


class RoundObserver(Protocol):
    """A consumer of stored rounds."""

    async def after_round(self, watched: WatchRound) -> None:
        """Do what follows from a round. It runs in the process that made it, after its transaction, perhaps never.

        Raises:
            DependencyError: something did not answer; the next round has the rest.
        """
