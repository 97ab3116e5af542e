"""The tests that guard against mutations exist; `make mutation` runs the mutations themselves."""

from pathlib import Path
from typing import Final

import pytest

from tests.model.mutations import GUARDS, MUTATIONS

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", GUARDS)
def test_the_guard_of_a_mutation_exists(mutation: str) -> None:
    assert mutation in MUTATIONS
    file, _, test = GUARDS[mutation].partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text()
