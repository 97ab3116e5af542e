"""A plugin of pytest's: puts the flaw that FLOWBOT_MODEL_FLAW names into the program before any test is run."""

import os

import pytest

from tests.model.flaws import FLAWS


def pytest_collection_finish(session: pytest.Session) -> None:
    """By now every module is loaded that a flaw is put into."""
    FLAWS[os.environ["FLOWBOT_MODEL_FLAW"]](pytest.MonkeyPatch())
