"""Batches of what is worked on in turns."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of `size`, the last one shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


async def take_turns(items: Iterable[T], size: int) -> AsyncIterator[Sequence[T]]:
    """Yield the items in lists of `size`; before each of them others have their turn."""
    for batch in batched(items, size):
        await asyncio.sleep(0)
        yield batch
