"""How strong the model is: it has to see each of the flaws.

`python -m tests.model.mutants [FLAW …]` looks for each, or for those that are named, and tells how long it took.
FLOWBOT_MODEL_EXAMPLES and FLOWBOT_MODEL_STEPS say how long it looks.
"""

import asyncio
import os
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
from tests.model.flaws import FLAWS
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


def main() -> int:
    """Hunt for the flaws that are named, or for all. 1 if one was not found."""
    structlog.configure(processors=[_silence])
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'flowbot.db'}"
        upgrade(url)
        for flaw in sys.argv[1:] or FLAWS:
            hunt = hunts(flaw, url)
            missed += not hunt.found
            said = f"{hunt.worlds:4} worlds {hunt.seconds:6.1f} s  {hunt.found[:160]}" if hunt.found else "NOT FOUND"
            sys.stdout.write(f"{flaw:60} {said}\n")
            sys.stdout.flush()
    return 1 if missed else 0


def _silence(*_: object) -> dict[str, str]:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main())
