"""The suite is worth something: flaws that are put in on purpose are seen, by the model or by the tests that guard it.

A handful by default; FLOWBOT_MODEL_FLAWS=all looks for each, or it names some. `tests.model.mutants` tells more.
"""

import os
from pathlib import Path
from typing import Final

import pytest

from tests.model.flaws import FLAWS, GUARDS
from tests.model.mutants import guarded, hunts

QUICK: Final = (
    "votes_are_counted_and_not_people",
    "nothing_is_noted_before_the_write",
)
ROOT: Final = Path(__file__).parents[2]
NAMED: Final = os.environ.get("FLOWBOT_MODEL_FLAWS", "")
SOUGHT: Final = tuple(FLAWS) if NAMED == "all" else tuple(NAMED.split(",")) if NAMED else QUICK


@pytest.mark.timeout(900)
@pytest.mark.parametrize("flaw", SOUGHT)
def test_a_flaw_is_seen(flaw: str, sqlite_url: str) -> None:
    assert (guarded(flaw) if flaw in GUARDS else hunts(flaw, sqlite_url)).found


@pytest.mark.parametrize("flaw", GUARDS)
def test_the_guard_of_a_flaw_is_there(flaw: str) -> None:
    assert flaw in FLAWS
    file, _, test = GUARDS[flaw].partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text()
