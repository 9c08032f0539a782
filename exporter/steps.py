"""Long work in short steps, so that the event loop is free for others in between."""

import asyncio
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of at most ``size``."""
    source = iter(items)
    while some := list(islice(source, size)):
        yield some


async def in_steps(work: Generator[None, None, T]) -> T:
    """What ``work`` returns; others run at each of its pauses."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(0)
