"""Mutations that break what flowbot tells and does by itself."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from flowbot.domain.breaker import report_token
from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId, ReportToken
from flowbot.domain.watch import expect_flow
from flowbot.services.findings import FindingService
from flowbot.services.ports.readings import RoundRecord, WatchRound
from flowbot.services.stop import StopService
from flowbot.services.users import CurrentUser
from flowbot.services.watch.judge import ChangeJudge
from flowbot.services.watch.rounds import WatchRounds
from flowbot.storage.repositories import observed_flows
from tests.model.mutation_registry import Mutations, Patch, replace_everywhere

MUTATIONS: Final = Mutations()
PROMPT: Final = timedelta(seconds=1)


@MUTATIONS.register
def a_finding_is_stored_after_its_observation(patch: Patch) -> None:
    build, store = WatchRounds._build_record, WatchRounds._store
    untold: list[RoundRecord] = []

    async def build_record(self: WatchRounds, *given: Any) -> RoundRecord:
        record = await build(self, *given)
        untold[:] = [record]
        return replace(record, findings=())

    async def store_in_turn(self: WatchRounds, *given: Any) -> WatchRound:
        watched = await store(self, *given)
        told = [(await self.reports.submit(new))[0] for new in untold.pop().findings]
        return replace(watched, reports=(*watched.reports, *told))

    patch.setattr(WatchRounds, "_build_record", build_record)
    patch.setattr(WatchRounds, "_store", store_in_turn)


@MUTATIONS.register
def what_flowbot_did_is_told_as_done_outside(patch: Patch) -> None:
    def forget(known: Flow | None, _settled: Iterable[object], _seen: Flow | None) -> Flow | None:
        return known

    replace_everywhere(patch, expect_flow, forget)


@MUTATIONS.register
def a_late_effect_is_told_as_done_outside(patch: Patch) -> None:
    async def never(*_: object) -> bool:
        return False

    def forget_late(known: Flow | None, settled: Iterable[Change], seen: Flow | None) -> Flow | None:
        prompt = [each for each in settled if each.sent_at and each.changed_at < each.sent_at + PROMPT]
        return expect_flow(known, prompt, seen)

    patch.setattr(ChangeJudge, "_is_claimed", never)
    replace_everywhere(patch, expect_flow, forget_late)


@MUTATIONS.register
def what_flowbot_wrote_meanwhile_is_told(patch: Patch) -> None:
    async def overlook(*_: object) -> None:
        return None

    patch.setattr(observed_flows, "_require_unmoved", overlook)


@MUTATIONS.register
def the_breaker_trips_again_and_again(patch: Patch) -> None:
    def forgetful(flow: FlowId, _live_since: datetime) -> ReportToken:
        return ReportToken(f"breaker.{flow}.{secrets.token_hex(4)}")

    replace_everywhere(patch, report_token, forgetful)


@MUTATIONS.register
def a_stop_forgets_an_enable_that_is_not_known(patch: Patch) -> None:
    async def nothing(*_: object) -> frozenset[FlowId]:
        return frozenset()

    patch.setattr(StopService, "_find_possibly_live", nothing)


@MUTATIONS.register
def anybody_answers_a_finding(patch: Patch) -> None:
    async def everybody(_self: FindingService, _policy: object, user: CurrentUser, *_: object) -> CurrentUser:
        return user

    patch.setattr(FindingService, "_require", everybody)
