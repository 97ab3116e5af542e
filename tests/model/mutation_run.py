"""Mutation tests: each mutation has to be found, by the model or by the ordinary test that guards against it.

`make mutation ARGS="MUTATION …"` runs all mutations, or those that are named, and prints what found each. With
`--model` the model alone looks for all of them. FLOWBOT_MODEL_EXAMPLES and FLOWBOT_MODEL_STEPS say for how long.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from flowbot.storage.engine import open_database
from flowbot.storage.migrations import upgrade
from tests.model.mutations import GUARDS, MUTATIONS
from tests.model.scenarios import ApprovalMachine

SETTINGS: Final = settings(
    max_examples=int(os.environ.get("FLOWBOT_MODEL_EXAMPLES", "40")),
    stateful_step_count=int(os.environ.get("FLOWBOT_MODEL_STEPS", "30")),
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""The same examples each time, without shrinking."""


@dataclass
class MutationRun:
    """The result of a search for a mutation; `found` is empty where nothing found it."""

    worlds: int = 0
    seconds: float = 0.0
    found: str = ""


def run_model(mutation: str, database_url: str) -> MutationRun:
    """Run the model with the mutation applied."""
    run, began = MutationRun(), time.monotonic()
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        MUTATIONS[mutation](patch)
        opened = open_database(database_url)

        class MutatedMachine(ApprovalMachine):
            loop, database = runner, opened

            def __init__(self) -> None:
                run.worlds += not run.found
                super().__init__()

        try:
            run_state_machine_as_test(MutatedMachine, settings=SETTINGS)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - any error shows the mutation
            run.found = repr(error).splitlines()[0]
        finally:
            runner.run(opened.close())
    run.seconds = time.monotonic() - began
    return run


def run_guard(mutation: str) -> MutationRun:
    """Run the guarding test without the mutation, where it has to pass, and with it, where it has to fail."""
    began = time.monotonic()
    if not _test_passes(GUARDS[mutation]):
        raise RuntimeError(f"{GUARDS[mutation]} fails without any mutation")
    missed = _test_passes(GUARDS[mutation], "-p", "tests.model.mutation_plugin", FLOWBOT_MODEL_MUTATION=mutation)
    return MutationRun(seconds=time.monotonic() - began, found="" if missed else GUARDS[mutation])


def _test_passes(test: str, *arguments: str, **environment: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", *arguments, test]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        raise RuntimeError(f"{test} could not be run:\n{done.stdout}{done.stderr}")
    return done.returncode == pytest.ExitCode.OK


def main() -> int:
    """Run the named mutations, or all; return 1 if one was not found."""
    structlog.configure(processors=[_drop_event])
    named = [name for name in sys.argv[1:] if name != "--model"]
    model_alone = "--model" in sys.argv
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'flowbot.db'}"
        upgrade(url)
        for mutation in named or MUTATIONS:
            run = run_model(mutation, url) if model_alone or mutation not in GUARDS else run_guard(mutation)
            missed += not run.found
            sys.stdout.write(f"{mutation:60} {_describe_run(run)}\n")
            sys.stdout.flush()
    return 1 if missed else 0


def _describe_run(run: MutationRun) -> str:
    if not run.found:
        return "NOT FOUND"
    worlds = f"{run.worlds:4} worlds" if run.worlds else " " * 11
    return f"{worlds} {run.seconds:6.1f} s  {run.found[:160]}"


def _drop_event(*_: object) -> dict[str, str]:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main())
