"""Opens of a database's file by anything but SQLite: closing it drops the locks of the whole process."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

_OPENS: Final[dict[str, list[str]]] = {}
"""The files that are watched, and the stacks that opened them."""


@contextmanager
def refuse_plain_opens(file: str) -> Iterator[None]:
    """Fail at the end of the block if this process opened the file or SQLite's beside it; SQLite itself is not seen."""
    _start_watching()
    watched = [f"{file}{suffix}" for suffix in ("", "-wal", "-shm")]
    _OPENS.update({each: [] for each in watched})
    try:
        yield
        found = [stack for each in watched for stack in _OPENS[each]]
        assert not found, "\n".join(found)
    finally:
        for each in watched:
            _OPENS.pop(each, None)


@cache
def _start_watching() -> None:
    # Python has no way to take one away again.
    sys.addaudithook(_note_open)


def _note_open(event: str, arguments: tuple[Any, ...]) -> None:
    is_path = event == "open" and isinstance(arguments[0], str | bytes | os.PathLike)
    if is_path and (stacks := _OPENS.get(os.fsdecode(arguments[0]))) is not None:
        stacks.append("".join(traceback.format_stack(limit=8)))
