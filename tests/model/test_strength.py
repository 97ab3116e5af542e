"""The model is worth something: it sees flaws that are put in on purpose.

A handful by default; FLOWBOT_MODEL_FLAWS=all looks for each, or it names some. `tests.model.mutants` tells more.
"""

import os
from typing import Final

import pytest

from tests.model.flaws import FLAWS
from tests.model.mutants import hunts

QUICK: Final = (
    "nothing_is_noted_before_the_write",
    "what_is_unknown_is_called_failed",
)
NAMED: Final = os.environ.get("FLOWBOT_MODEL_FLAWS", "")
SOUGHT: Final = tuple(FLAWS) if NAMED == "all" else tuple(NAMED.split(",")) if NAMED else QUICK


@pytest.mark.timeout(900)
@pytest.mark.parametrize("flaw", SOUGHT)
def test_the_model_sees_a_flaw(flaw: str, sqlite_url: str) -> None:
    assert hunts(flaw, sqlite_url).found
