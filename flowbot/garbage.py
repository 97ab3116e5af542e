"""Python's garbage collector, kept from walking through what stays.

Now and then it looks through every object that there is, and everybody waits: with all modules loaded that is tens of
milliseconds, with a hundred thousand flows several times that. What was set aside it does not look through; such
objects are freed as soon as nothing refers to them, like any other, and only garbage that refers to itself is not found
among them. So set aside seldom: at the start, and after many things were read at once.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

NEVER: Final = 2**31 - 1
_usual: list[int] = []
"""The threshold that is back when the last block has ended, once for each that is under way: they may overlap."""


@contextmanager
def loading() -> Iterator[None]:
    """Look through nothing while modules are loaded, nor through what they made later: nearly all of it stays."""
    gc.disable()
    try:
        yield
    finally:
        set_aside()
        gc.enable()


def set_aside() -> None:
    """Spare the collector everything that is there at this moment."""
    gc.freeze()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look through all that there is but after the block: what is made in it stays, so that it would be vain.

    What is young is looked through all the same: the block may wait for the network, where garbage goes on being made.
    """
    young, middling, old = gc.get_threshold()
    _usual.append(_usual[0] if _usual else old)
    gc.set_threshold(young, middling, NEVER)
    try:
        yield
    finally:
        old = _usual.pop()
        if not _usual:
            gc.set_threshold(young, middling, old)
