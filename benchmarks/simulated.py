"""Time that goes from one sleeper to the next at once, and a vendor that throttles in it."""

import asyncio
import heapq
import itertools
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence

from exporter.config.model import Budget
from exporter.limiter import Limiter
from tests.fakes import FakeClock

HOUR = 3600.0


class Clock(FakeClock):
    """Simulated time, from 0."""

    def __init__(self) -> None:
        super().__init__(0.0)

    async def run(self, seconds: float) -> None:
        """Let so many seconds go by, sleeper by sleeper."""
        end = self._now + seconds
        await quiet()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, waiter = self._sleepers[0]
            if waiter.done():
                heapq.heappop(self._sleepers)
                continue
            await self.advance(at - self._now)
            await quiet()
        self._now = end


async def quiet() -> None:
    """Until nobody can go on without time passing."""
    await asyncio.sleep(0)
    while asyncio.get_running_loop()._ready:  # noqa: ASYNC110, SLF001 - no event tells of it
        await asyncio.sleep(0)


class Refused(Exception):  # noqa: N818 - it is what happens, and no error of the benchmark
    """The vendor throttles."""


class Gate:
    """Lets ``rate * window`` calls pass in each window of so many seconds, and refuses the rest."""

    def __init__(self, clock: Clock, *, rate: float, window: float, sliding: bool) -> None:
        self._clock = clock
        self._most = max(1, round(rate * window))
        self._window = window
        self._sliding = sliding
        self._passed: deque[float] = deque()

    def passes(self) -> bool:
        """Whether a call that arrives now passes."""
        now = self._clock.monotonic()
        since = now - self._window if self._sliding else now // self._window * self._window - 1e-9
        while self._passed and self._passed[0] <= since:
            self._passed.popleft()
        if len(self._passed) >= self._most:
            return False
        self._passed.append(now)
        return True


def calls(
    budget: Budget,
    *,
    seconds: float,
    gate: Callable[[Clock], Gate] | None = None,
    latency: Sequence[float] = (0.05, 0.12, 0.08),
    callers: int = 12,
) -> list[tuple[float, bool]]:
    """When each call was sent and whether it passed, by callers that always want one more.

    ``latency`` in seconds is that of one call after another, half of it on the way there.
    """

    async def run() -> list[tuple[float, bool]]:
        clock = Clock()
        limiter = Limiter(budget, clock)
        closed = gate(clock) if gate else None
        sent: list[tuple[float, bool]] = []
        delays = itertools.cycle(latency)

        async def call(priority: int) -> None:
            async with limiter.slot(priority) as sent_at:
                delay = next(delays) / 2
                await clock.sleep(delay)
                passes = closed is None or closed.passes()
                sent.append((sent_at, passes))
                await clock.sleep(delay)
                if not passes:
                    limiter.throttled(None, sent_at=sent_at)
                    raise Refused

        async def caller(priority: int) -> None:
            while True:
                try:
                    await call(priority)
                except Refused:
                    await clock.sleep(0.5)

        tasks = [asyncio.create_task(caller(number % 4)) for number in range(callers)]
        await clock.run(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return sorted(sent)

    return asyncio.run(run())


def most_in_any(window: float, moments: Sequence[float]) -> int:
    """How many of the sorted moments the fullest window of so many seconds holds, ends included."""
    return max(
        (bisect_right(moments, start + window) - first for first, start in enumerate(moments)),
        default=0,
    )
