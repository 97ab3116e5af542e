"""A pytest plugin that applies the mutation named by FLOWBOT_MODEL_MUTATION before any test runs."""

import os

import pytest

from tests.model.mutations import MUTATIONS


def pytest_collection_finish(session: pytest.Session) -> None:
    """Apply the mutation, now that all modules to patch are loaded."""
    MUTATIONS[os.environ["FLOWBOT_MODEL_MUTATION"]](pytest.MonkeyPatch())
