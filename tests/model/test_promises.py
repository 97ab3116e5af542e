"""Whatever people, clocks, policies, networks and crashes do: the promises about approvals hold after every step."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from flowbot.domain.change import ChangeKind
from flowbot.storage.engine import open_database
from tests.model.fake_directory import APPROVALS, AYSE, CAN, DENIZ
from tests.model.fake_enkapush import WriteFault
from tests.model.fake_slack import SlackFault
from tests.model.scenarios import ApprovalMachine
from tests.model.strategies import FaultPlan

EXAMPLES: Final = int(os.environ.get("FLOWBOT_MODEL_EXAMPLES", "5"))
STEPS: Final = int(os.environ.get("FLOWBOT_MODEL_STEPS", "18"))
SETTINGS: Final = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize="FLOWBOT_MODEL_EXAMPLES" not in os.environ,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
"""FLOWBOT_MODEL_EXAMPLES=2000 looks for an hour, and elsewhere each time."""


@contextmanager
def open_model(url: str) -> Iterator[type[ApprovalMachine]]:
    """Open a database, and yield the machine that runs on it."""
    with asyncio.Runner() as runner:
        opened = open_database(url)

        class Model(ApprovalMachine):
            loop, database = runner, opened

        try:
            yield Model
        finally:
            runner.run(opened.close())


@pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])],
    indirect=True,
)
@pytest.mark.timeout(120 + EXAMPLES * STEPS // 5)
def test_the_promises_hold_whatever_happens(database_url: str) -> None:
    with open_model(database_url) as model:
        run_state_machine_as_test(model, settings=SETTINGS)


def test_a_moved_end_is_told_once_by_a_process_that_was_frozen_and_another(sqlite_url: str) -> None:
    with open_model(sqlite_url) as model:
        for calls in range(12, 17):
            machine = model()
            machine.a_live_flow_waits_for_its_end(
                calls=calls,
                delay=timedelta(0),
                faults=FaultPlan(),
                length=timedelta(minutes=10),
                meanwhile=["move end"],
                more_faults=FaultPlan(slack=(SlackFault.RATE_LIMITED,)),
                number=3,
                process=1,
                then="disable",
            )
            machine.the_promises_hold()
            machine.teardown()


def test_an_end_is_told_privately_once_by_a_process_that_was_frozen_and_another(sqlite_url: str) -> None:
    with open_model(sqlite_url) as model:
        for calls in range(5, 9):
            machine = model()
            machine._fail_messages((APPROVALS,), (AYSE,))
            machine.a_process_is_frozen_while_it_tells_an_end(
                process=1, kind=ChangeKind.ENABLE, number=3, end=(CAN, "reject"), calls=calls
            )
            machine.the_promises_hold()
            machine.teardown()


def test_a_stop_names_a_flow_that_goes_live_while_the_flows_are_read(sqlite_url: str) -> None:
    with open_model(sqlite_url) as model:
        machine = model()
        machine.everything_is_stopped(
            calls=4,
            enable=FaultPlan(writes=(WriteFault.ACCEPTED_LATE,), delay=timedelta(seconds=12)),
            faults=FaultPlan(),
            is_gated=True,
            number=0,
            person=DENIZ,
            process=1,
            reason="it burns",
        )
        machine.the_promises_hold()
