"""The clock of a soak: one process moves it, another reads it."""

import heapq
import mmap
from pathlib import Path

from tests.fakes import FakeClock

_SIZE = 8


class SharedTime:
    """Epoch seconds in a file that several processes map."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(_SIZE))
        with file.open("r+b") as opened:
            self._cell = memoryview(mmap.mmap(opened.fileno(), _SIZE)).cast("d")

    def now(self) -> float:
        return self._cell[0]

    def set(self, now: float) -> None:
        self._cell[0] = now


class SharedClock(FakeClock):
    """A clock that shows others the time to which it is moved."""

    def __init__(self, time: SharedTime) -> None:
        self._time = time
        super().__init__(time.now())

    @property
    def _now(self) -> float:
        return self._time.now()

    @_now.setter
    def _now(self, now: float) -> None:
        self._time.set(now)

    def next(self) -> float | None:
        """When the next sleeper wakes; None if nobody sleeps.

        Those that were cancelled are forgotten: they would be kept for as long as they meant to
        sleep, and be taken for something that grows.
        """
        if any(one[2].done() for one in self._sleepers):
            self._sleepers = [one for one in self._sleepers if not one[2].done()]
            heapq.heapify(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def to(self, at: float) -> None:
        """Move on to a time, which is not before now, and wake whoever sleeps until then."""
        self._now = at
        while self._sleepers and self._sleepers[0][0] <= at:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)
