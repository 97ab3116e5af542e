"""Python's garbage collector, kept from walking through what stays.

Now and then it looks through every object that there is, and everybody waits: with all modules loaded that is tens of
milliseconds, with a hundred thousand flows several times that. What was set aside it does not look through; such
objects are freed as soon as nothing refers to them, like any other, and only garbage that refers to itself is not found
among them. So set aside seldom: at the start, and after many things were read at once.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def set_aside() -> None:
    """Spare the collector everything that is there at this moment."""
    gc.freeze()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect nothing until the block ends, for what is made in it stays: looking through it is vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
