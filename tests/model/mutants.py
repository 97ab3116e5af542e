"""How strong the suite is: each of the flaws has to be seen, by the model or by the ordinary test that guards it.

`python -m tests.model.mutants [FLAW …]` puts each in, or those that are named, and tells what saw it and how long that
took; with `--model` the model looks for those too that an ordinary test guards. FLOWBOT_MODEL_EXAMPLES and
FLOWBOT_MODEL_STEPS say how long it looks.
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
from tests.model.flaws import FLAWS, GUARDS
from tests.model.promises import Promises

EXAMPLES: Final = int(os.environ.get("FLOWBOT_MODEL_EXAMPLES", "40"))
STEPS: Final = int(os.environ.get("FLOWBOT_MODEL_STEPS", "30"))


@dataclass
class Hunt:
    """A search for a flaw: in how many worlds it was looked for, and what gave it away."""

    worlds: int = 0
    seconds: float = 0.0
    found: str = ""


def hunts(flaw: str, database_url: str, *, examples: int = EXAMPLES, steps: int = STEPS) -> Hunt:
    """Put the flaw in, run the model against it, take it out again."""
    hunt, began = Hunt(), time.monotonic()
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        FLAWS[flaw](patch)
        opened = open_database(database_url)

        class Hunted(Promises):
            loop, database = runner, opened

            def __init__(self) -> None:
                hunt.worlds += not hunt.found
                super().__init__()

        try:
            run_state_machine_as_test(Hunted, settings=_settings(examples, steps))
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever the flaw made of it gives it away
            hunt.found = repr(error).splitlines()[0]
        finally:
            runner.run(opened.close())
    hunt.seconds = time.monotonic() - began
    return hunt


def _settings(examples: int, steps: int) -> settings:
    """The same worlds each time, and no search for a smaller one once it is found."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def guarded(flaw: str) -> Hunt:
    """Run the ordinary test that guards against the flaw, without it and with it: it has to pass, and then to fail."""
    began = time.monotonic()
    if not _passes(GUARDS[flaw]):
        raise RuntimeError(f"{GUARDS[flaw]} fails without any flaw")
    found = "" if _passes(GUARDS[flaw], "-p", "tests.model.flawed", FLOWBOT_MODEL_FLAW=flaw) else GUARDS[flaw]
    return Hunt(seconds=time.monotonic() - began, found=found)


def _passes(test: str, *arguments: str, **environment: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", *arguments, test]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        raise RuntimeError(f"{test} could not be run:\n{done.stdout}{done.stderr}")
    return done.returncode == pytest.ExitCode.OK


def main() -> int:
    """Look for the flaws that are named, or for all. 1 if one was not seen."""
    structlog.configure(processors=[_silence])
    named = [name for name in sys.argv[1:] if name != "--model"]
    model_alone = "--model" in sys.argv
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'flowbot.db'}"
        upgrade(url)
        for flaw in named or FLAWS:
            hunt = hunts(flaw, url) if model_alone or flaw not in GUARDS else guarded(flaw)
            missed += not hunt.found
            sys.stdout.write(f"{flaw:60} {_told(hunt)}\n")
            sys.stdout.flush()
    return 1 if missed else 0


def _told(hunt: Hunt) -> str:
    if not hunt.found:
        return "NOT FOUND"
    worlds = f"{hunt.worlds:4} worlds" if hunt.worlds else " " * 11
    return f"{worlds} {hunt.seconds:6.1f} s  {hunt.found[:160]}"


def _silence(*_: object) -> dict[str, str]:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main())
