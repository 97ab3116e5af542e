"""What the watch knows of all flows: stored with the findings of a round, or not at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.breaker import find_breaches
from flowbot.domain.change import Change, ChangeKind, ChangeState, Lease
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd, Summary
from flowbot.domain.flow import Flow, Totals
from flowbot.domain.ids import FlowId, ReportToken, WebsiteId
from flowbot.domain.policy import BreakerRule
from flowbot.domain.report import NewReport, ReportKind, ReportState
from flowbot.domain.watch import content_key
from flowbot.services.ports.readings import (
    FlowsMovedError,
    KnownFlow,
    NewSummary,
    Observation,
    RoundRecord,
    WatchLostError,
    WatchRound,
    WatchState,
)
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from tests.services.test_flow_cache import new_flow
from tests.storage.change_cases import move_through, submit_change

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISTANBUL: Final = ZoneInfo("Europe/Istanbul")
HOUR: Final = timedelta(hours=1)
OWNER: Final = "one"


def live_flow(number: int, **totals: int) -> Flow:
    return replace(new_flow(number), is_enabled=True, totals=Totals(**totals))


def new_finding(before: Flow | None, after: Flow | None) -> NewReport:
    flow = after or before
    assert flow is not None
    token = ReportToken(f"finding.{flow.id}")
    return NewReport(token, ReportKind.FINDING, Finding(before, after), flow.id, flow.website_id)


class Rounds:
    """Rounds of the watch of one process, an hour apart."""

    def __init__(self, database: Database) -> None:
        self.store = ObservedFlowRepository(database, ISTANBUL)
        self.reports = ReportRepository(database, lambda: NOON)

    async def run(self, **what: Any) -> WatchRound:
        state = await self.store.get_state()
        if state.lease is None:
            assert await self.store.try_acquire_lease(state, Lease(OWNER, NOON))
        at = NOON + state.version * HOUR
        return await self.store.store_round(RoundRecord(state, OWNER, at, **what))

    async def known(self) -> dict[FlowId, KnownFlow]:
        return {flow: known async for page in self.store.list_known() for flow, known in page.items()}


@pytest.fixture
def rounds(database: Database) -> Rounds:
    return Rounds(database)


async def test_what_is_known_of_a_flow_is_what_was_read_last(rounds: Rounds) -> None:
    flow, gone = live_flow(1, sent=10), new_flow(2)
    await rounds.store.store_baseline([flow, gone], NOON)
    assert await rounds.known() == {
        each.id: KnownFlow(WebsiteId(1), content_key(each), each.totals) for each in (flow, gone)
    }
    moved = replace(flow, totals=Totals(sent=12, displayed=7))
    await rounds.run(observed=[Observation(moved, has_new_content=False)], gone=[gone.id])
    assert await rounds.store.get_flows([FlowId(1), FlowId(2)]) == {FlowId(1): moved}
    renamed = replace(moved, name="Kış ☃ \x00", created_at=NOON)
    await rounds.run(observed=[Observation(renamed)])
    assert await rounds.store.get_flows([FlowId(1)]) == {FlowId(1): renamed}
    assert (await rounds.known())[FlowId(1)].key == content_key(renamed) != content_key(flow)


async def test_more_flows_than_fit_in_a_page_are_known(rounds: Rounds) -> None:
    flows = [new_flow(number) for number in range(1, 2500)]
    await rounds.store.store_baseline(flows, NOON)
    await rounds.store.store_baseline(flows[:10], NOON)
    assert list(await rounds.known()) == [flow.id for flow in flows]
    assert len(await rounds.store.get_flows([flow.id for flow in flows])) == len(flows)
    await rounds.run(gone=[flow.id for flow in flows[5:]])
    assert len(await rounds.known()) == 5


async def test_a_round_counts_what_a_flow_did_since_it_was_enabled(rounds: Rounds) -> None:
    first = live_flow(1, sent=100, clicked=5)
    await rounds.store.store_baseline([first, new_flow(2)], NOON)
    await rounds.run(observed=[Observation(live_flow(1, sent=140, clicked=6), has_new_content=False)])
    (live,) = await rounds.store.list_live()
    assert (live.flow, live.live_since, live.counted) == (FlowId(1), NOON, Totals(sent=40, clicked=1))
    assert await rounds.store.list_live(frozenset({WebsiteId(2)})) == ()
    shrunk = Observation(live_flow(1, sent=3), has_new_content=False, counts_anew=True)
    await rounds.run(observed=[shrunk])
    (live,) = await rounds.store.list_live(frozenset({WebsiteId(1)}))
    assert (live.live_since, live.counted) == (NOON, Totals())
    assert await rounds.store.mark_tripped(live.flow, live.live_since, NOON)
    assert not await rounds.store.mark_tripped(live.flow, live.live_since, NOON)
    assert await rounds.store.list_live() == ()
    await rounds.run(observed=[Observation(replace(new_flow(1), totals=Totals(sent=3)))])
    assert await rounds.store.list_live() == ()
    enabled = Observation(live_flow(1, sent=5), counts_anew=True, is_enabled_anew=True)
    await rounds.run(observed=[enabled])
    (live,) = await rounds.store.list_live()
    assert (live.live_since, live.counted, live.tripped_at) == (NOON + 3 * HOUR, Totals(), None)
    assert not await rounds.store.mark_tripped(live.flow, NOON, NOON)


async def test_a_round_is_numbered_and_needs_the_lease_that_it_began_with(rounds: Rounds, elsewhere: Database) -> None:
    assert await rounds.store.get_state() == await rounds.store.get_state() == WatchState()
    first, second = await rounds.run(), await rounds.run()
    assert (first.number, first.previous_at, second.number, second.previous_at) == (1, None, 2, NOON)
    state = await rounds.store.get_state()
    assert (state.version, state.read_at, state.has_baseline) == (2, NOON + HOUR, True)
    theirs = ObservedFlowRepository(elsewhere, ISTANBUL)
    assert not await theirs.try_acquire_lease(WatchState(version=2), Lease("two", NOON))
    assert await theirs.try_acquire_lease(state, Lease("two", NOON))
    assert not await rounds.store.renew_lease(state.id, Lease(OWNER, NOON))
    with pytest.raises(WatchLostError):
        await rounds.store.store_round(RoundRecord(state, OWNER, NOON, observed=[Observation(new_flow(1))]))
    assert await rounds.known() == {}
    await rounds.store.release_lease(state.id, OWNER)
    assert (await theirs.get_state()).lease == Lease("two", NOON)
    await theirs.release_lease(state.id, "two")
    assert (await theirs.get_state()).lease is None


async def test_findings_are_stored_with_their_round(rounds: Rounds) -> None:
    before, after = new_flow(1), live_flow(1)
    first = await rounds.run(observed=[Observation(after)], findings=[new_finding(before, after)])
    (found,) = first.reports
    assert await rounds.reports.open_finding(FlowId(1)) == found
    undone = Finding(before, before, closing=FindingClosing(FindingEnd.GONE))
    ended = replace(found.told, content=undone, state=ReportState.CLOSED)
    second = await rounds.run(updates=[(found, ended)])
    assert [(each.version, each.told) for each in second.reports] == [(2, ended)]
    with pytest.raises(FlowsMovedError) as moved:
        await rounds.run(updates=[(found, ended)], observed=[Observation(new_flow(9))])
    assert moved.value.flows == {FlowId(1)}
    assert await rounds.known() == {FlowId(1): KnownFlow(WebsiteId(1), content_key(after), after.totals)}
    assert (await rounds.store.get_state()).version == 2


async def test_a_summary_names_its_findings_and_they_are_not_shown_one_by_one(rounds: Rounds) -> None:
    flows = [new_flow(number) for number in range(1, 251)]
    findings = tuple(new_finding(None, flow) for flow in flows)
    summary = NewSummary(ReportToken("summary.1"), findings)
    watched = await rounds.run(summary=summary)
    (told,) = watched.reports
    assert told.told.kind is ReportKind.SUMMARY
    assert isinstance(told.told.content, Summary)
    assert await rounds.reports.unshown() == (told,)
    stored = {each.id: each for each in await rounds.reports.get_many(told.told.content.findings)}
    named = [stored[each] for each in told.told.content.findings]
    assert [each.told.content for each in named] == [Finding(None, flow, told.id) for flow in flows]


async def _send(store: ChangeRepository, token: str, **other: Any) -> Change:
    change = await submit_change(store, token, **other)
    change = await move_through(store, change, ChangeState.APPLYING)
    assert change.lease_owner is not None
    assert await store.mark_sent_once(change.id, change.lease_owner, NOON, None)
    return (await store.get(change.id)) or change


async def test_changes_that_were_sent_are_counted_once(rounds: Rounds, store: ChangeRepository) -> None:
    in_hand = await _send(store, "t1", flow=FlowId(1))
    done = await move_through(store, await _send(store, "t2", flow=FlowId(2)), ChangeState.APPLIED)
    await submit_change(store, "t3", flow=FlowId(3))
    assert {change.id for change in await store.unobserved()} == {in_hand.id, done.id}
    await rounds.store.count_settled(NOON)
    assert [change.id for change in await store.unobserved()] == [in_hand.id]
    await rounds.run(counted=[in_hand.id])
    assert await store.unobserved() == ()


async def test_a_finding_does_not_hold_once_flowbot_has_written_to_its_flow(
    rounds: Rounds, store: ChangeRepository
) -> None:
    known = await move_through(store, await _send(store, "t1", flow=FlowId(1)), ChangeState.APPLIED)
    findings = [new_finding(new_flow(number), live_flow(number)) for number in (1, 2)]
    findings += [new_finding(None, new_flow(3))]
    sent = {known.id: known.state}
    await _send(store, "t2", flow=FlowId(2))
    with pytest.raises(FlowsMovedError) as moved:
        await rounds.run(sent=sent, findings=findings)
    assert moved.value.flows == {FlowId(2)}
    with pytest.raises(FlowsMovedError) as moved:
        await rounds.run(findings=findings[:1])
    assert moved.value.flows == {FlowId(1)}
    create = {"kind": ChangeKind.CREATE, "flow": None, "before": None}
    await _send(store, "t4", **create)
    with pytest.raises(FlowsMovedError) as moved:
        await rounds.run(sent=sent, findings=[findings[0], findings[2]])
    assert moved.value.flows == {FlowId(3)}
    assert len((await rounds.run(sent=sent, findings=findings[:1])).reports) == 1


@pytest.mark.parametrize(
    "rule",
    [
        BreakerRule(min_sent=10, min_click_rate=0.07),
        BreakerRule(min_sent=10, max_close_rate=0.3),
        BreakerRule(min_sent=20, min_click_rate=0.1, max_close_rate=0.9),
    ],
)
async def test_every_flow_beyond_the_limits_is_found(rounds: Rounds, rule: BreakerRule) -> None:
    cases = product((9, 10, 20), (0, 10, 100), (0, 1, 2, 7), (0, 3, 9, 30))
    flows = {
        FlowId(number): live_flow(number, sent=sent, displayed=displayed, clicked=clicked, closed=closed)
        for number, (sent, displayed, clicked, closed) in enumerate(cases, 1)
    }
    await rounds.store.store_baseline([live_flow(number) for number in flows], NOON)
    await rounds.run(observed=[Observation(flow, has_new_content=False) for flow in flows.values()])
    # A database may round a rate right at its limit otherwise: the breaker judges what it finds.
    found = [live for live in await rounds.store.list_live(beyond=rule) if find_breaches(rule, live.counted)]
    assert [live.flow for live in found] == [each for each in flows if find_breaches(rule, flows[each].totals)]
