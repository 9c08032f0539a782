"""A clock that stands still until it is moved, and a random that is not."""

import asyncio
import heapq
from itertools import count


class FakeClock:
    """Time that moves only by ``advance``; sleepers wake when their moment comes."""

    def __init__(self, now: float = 1_760_000_000.0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Move on, waking each sleeper at its own moment and letting it run a few steps."""
        end = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, waiter = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            if not waiter.done():
                waiter.set_result(None)
                await settle()
        self._now = end
        await settle()

    @property
    def asleep(self) -> int:
        """How many are asleep now."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)


async def settle(steps: int = 20) -> None:
    """Let everything that can run without input run."""
    for _ in range(steps):
        await asyncio.sleep(0)


def no_random() -> float:
    """No jitter at all."""
    return 0.0


def finished(work):
    """What a generator that pauses now and then returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
