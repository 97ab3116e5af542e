"""The garbage collector is kept from what stays, and comes back whatever happens."""

import gc

import pytest

from flowbot import garbage


def test_while_modules_are_loaded_nothing_is_looked_through_and_what_they_made_is_set_aside() -> None:
    frozen = gc.get_freeze_count()
    with garbage.loading():
        was_enabled = gc.isenabled()
        made: list[list[int]] = [[] for _ in range(1000)]
    assert not was_enabled
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


def test_the_collector_is_back_when_a_module_cannot_be_loaded() -> None:
    with pytest.raises(ImportError), garbage.loading():
        raise ImportError
    assert gc.isenabled()
