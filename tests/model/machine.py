"""The state machine under the promises: a world, the look at it after every step, and what happens around flowbot."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import FlowId
from flowbot.domain.policy import ChannelPolicy
from flowbot.storage.database import Database
from tests.model.chances import EDITS, FLOWS, MISHAPS, PAUSES, POLICIES, PROCESSES, Mishap
from tests.model.processes import Process
from tests.model.world import Work, World, world

T = TypeVar("T")


class Machine(RuleBasedStateMachine):
    """Things change and break around flowbot; who asks and decides is told by those who build on it."""

    loop: asyncio.Runner
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.world: World = self._run(world(self.database))
        self.known: list[Change] = []
        self._is_looked_at = False

    def teardown(self) -> None:
        self._run(self.world.recovers())
        self._run(self.world.is_at_rest())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        self._is_looked_at = False
        return self.loop.run(work)

    def _does(self, *works: Work) -> None:
        self._run(self.world.runs(*works))

    @invariant()
    def the_promises_hold(self) -> None:
        if not self._is_looked_at:
            self.known = self._run(self.world.holds())
            self._is_looked_at = True

    def _one(self, number: int, *states: ChangeState) -> Change | None:
        fitting = [change for change in self.known if not states or change.state in states]
        return fitting[-1 - number % len(fitting)] if fitting else None

    # --- what happens around it ------------------------------------------------------------------------------------

    @rule(pause=PAUSES)
    def time_passes(self, pause: timedelta) -> None:
        self.world.passes(pause)

    @rule(policy=POLICIES)
    def the_policy_is_edited(self, policy: ChannelPolicy | None) -> None:
        self._run(self.world.decree(policy))

    @rule(flow=FLOWS, what=st.sampled_from(["delete", *EDITS]))
    def somebody_is_busy_in_enkapush(self, flow: FlowId, what: str) -> None:
        self._meddles(flow, what)

    def _meddles(self, flow: FlowId, what: str) -> None:
        flows = self.world.enkapush.flows
        now = flows.get(flow)
        if now is None:
            return
        if what == "delete":
            del flows[flow]
        else:
            flows[flow] = self.world.enkapush.noted(EDITS[what](now))

    @rule()
    def what_is_under_way_lands(self) -> None:
        self.world.enkapush.lands()

    @rule(is_away=st.booleans())
    def slack_comes_and_goes(self, is_away: bool) -> None:
        self.world.slack.is_away = is_away

    @rule(process=PROCESSES, mishap=MISHAPS)
    def something_is_about_to_go_wrong(self, process: int, mishap: Mishap) -> None:
        mishap.strikes(self.world, process)

    @rule(process=PROCESSES)
    def a_process_looks_after_what_is_left(self, process: int) -> None:
        self._does((process, Process.looks_after_what_is_left))

    @rule()
    def everything_recovers(self) -> None:
        self._run(self.world.recovers())
        self._run(self.world.is_at_rest())
