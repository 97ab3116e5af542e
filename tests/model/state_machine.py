"""The base of the state machine: a world, the check after every step, and what happens around flowbot."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChannelId, FlowId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.storage.unit_of_work import Database
from tests.model.fake_directory import MEMBERS
from tests.model.fake_enkapush import Effect
from tests.model.processes import Process
from tests.model.strategies import (
    EDITS,
    FAULT_PLANS,
    FLOWS,
    NUMBERS,
    PAUSES,
    PEOPLE,
    POLICIES,
    PROCESSES,
    TEAM_POLICIES,
    FaultPlan,
)
from tests.model.world import Work, World, new_world

T = TypeVar("T")


class ModelMachine(RuleBasedStateMachine):
    """Rules for what changes and breaks around flowbot. Subclasses add requests and decisions."""

    loop: asyncio.Runner
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.world: World = self._run(new_world(self.database))
        self.known: list[Change] = []
        self._is_checked = False

    def teardown(self) -> None:
        self._run(self.world.recover())
        self._run(self.world.check_at_rest())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        self._is_checked = False
        return self.loop.run(work)

    def _run_steps(self, *works: Work) -> None:
        self._run(self.world.run_concurrently(*works))

    @invariant()
    def the_promises_hold(self) -> None:
        if not self._is_checked:
            self.known = self._run(self.world.check_invariants())
            self._is_checked = True

    def _find_change(self, number: int, *states: ChangeState) -> Change | None:
        fitting = [change for change in self.known if not states or change.state in states]
        return fitting[-1 - number % len(fitting)] if fitting else None

    # --- rules around flowbot --------------------------------------------------------------------------------------

    @rule(pause=PAUSES)
    def time_passes(self, pause: timedelta) -> None:
        self._run(self.world.pass_time(pause))

    @rule(policy=POLICIES | TEAM_POLICIES)
    def the_policy_is_edited(self, policy: ChannelPolicy | None) -> None:
        self._run(self.world.set_policy(policy))

    @rule(flow=FLOWS, what=st.sampled_from(["delete", *EDITS]))
    def somebody_is_busy_in_enkapush(self, flow: FlowId, what: str) -> None:
        self._edit_in_enkapush(flow, what)

    def _edit_in_enkapush(self, flow: FlowId, what: str) -> None:
        now = self.world.enkapush.flows.get(flow)
        if now is not None:
            after = None if what == "delete" else EDITS[what](now)
            self.world.enkapush.set_flow(Effect(None, now, after))

    @rule()
    def what_is_under_way_lands(self) -> None:
        self.world.enkapush.complete_late_writes()

    @rule(is_away=st.booleans())
    def slack_comes_and_goes(self, is_away: bool) -> None:
        self.world.slack.is_away = is_away

    @rule(channel=st.sampled_from(sorted(MEMBERS)), is_in=st.booleans())
    def the_bot_leaves_or_joins(self, channel: ChannelId, is_in: bool) -> None:
        without = self.world.slack.without_bot
        without.discard(channel) if is_in else without.add(channel)

    @rule(person=PEOPLE, is_closed=st.booleans())
    def direct_messages_are_closed_or_opened(self, person: UserId, is_closed: bool) -> None:
        closed = self.world.slack.closed
        closed.add(person) if is_closed else closed.discard(person)

    @rule(number=NUMBERS)
    def somebody_deletes_a_message(self, number: int) -> None:
        change = self._find_change(number)
        if change is not None and change.message_channel is not None and change.message_ts is not None:
            message = self.world.slack.find(change.message_channel, change.message_ts)
            if message is not None:
                message.is_deleted = True

    @rule(process=PROCESSES, faults=FAULT_PLANS)
    def something_is_about_to_go_wrong(self, process: int, faults: FaultPlan) -> None:
        faults.inject(self.world, process)

    @rule(process=PROCESSES)
    def a_process_looks_after_what_is_left(self, process: int) -> None:
        self._run_steps((process, Process.recover))

    @rule()
    def everything_recovers(self) -> None:
        self._run(self.world.recover())
        self._run(self.world.check_at_rest())
