"""The budget of one account as something to wait for: the most urgent call goes first."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from exporter.budget import BudgetState
from exporter.clock import Clock
from exporter.config.model import Budget


class Limiter:
    """Rations calls by ``BudgetState`` and by how many may be under way at once."""

    def __init__(self, limits: Budget, clock: Clock) -> None:
        self._clock = clock
        self._state = BudgetState(limits, now=clock.monotonic())
        self._free = limits.concurrency
        self._waiting: list[tuple[int, int, asyncio.Event]] = []
        self._order = count()

    @asynccontextmanager
    async def slot(self, priority: int) -> AsyncIterator[float]:
        """Wait for a place and a token, then make one call; the lowest ``priority`` goes first.

        Gives the moment of sending, for ``throttled``; a body that does not raise was not.
        """
        sent_at = await self._enter(priority)
        try:
            yield sent_at
            self._state.passed(sent_at=sent_at)
        finally:
            self._free += 1
            self._wake()

    def throttled(self, retry_after: float | None, *, sent_at: float) -> None:
        """The vendor refused a call for its rate; ``retry_after`` in seconds."""
        self._state.throttled(self._clock.monotonic(), sent_at=sent_at, retry_after=retry_after)

    def follow(self, before: "Limiter") -> None:
        """Go on where another limiter of the same account ended: what is spent stays spent."""
        self._state.follow(before.state, self._clock.monotonic())

    @property
    def state(self) -> BudgetState:
        """What has been spent."""
        return self._state

    def rate(self) -> float:
        """Calls a second that the account allows itself now."""
        return self._state.rate(self._clock.monotonic())

    def sustained(self) -> float:
        """Calls a second that it can go on making for hours at that rate."""
        return self._state.sustained(self._clock.monotonic())

    def remaining(self) -> dict[str, float]:
        """Calls left at once, by window."""
        return self._state.remaining(self._clock.monotonic())

    async def _enter(self, priority: int) -> float:
        now = self._clock.monotonic()
        if not self._waiting and self._free and self._state.wait(now, priority=priority) <= 0:
            return self._taken(now)
        mine = (priority, next(self._order), asyncio.Event())
        heapq.heappush(self._waiting, mine)
        try:
            while (sent_at := self._sent_at(mine)) is None:
                await self._until_my_turn(mine)
            return sent_at
        finally:
            self._waiting.remove(mine)
            heapq.heapify(self._waiting)
            self._wake()

    def _sent_at(self, mine: tuple[int, int, asyncio.Event]) -> float | None:
        """Now, the call being counted; None if it may not go yet."""
        now = self._clock.monotonic()
        if self._waiting[0] is not mine or not self._free:
            return None
        if self._state.wait(now, priority=mine[0]) > 0:
            return None
        return self._taken(now)

    def _taken(self, now: float) -> float:
        self._state.take(now)
        self._free -= 1
        return now

    async def _until_my_turn(self, mine: tuple[int, int, asyncio.Event]) -> None:
        """Whoever is first and only lacks a token sleeps for it; all others wait to be woken."""
        wait = self._state.wait(self._clock.monotonic(), priority=mine[0])
        if self._waiting[0] is mine and self._free > 0:
            await self._clock.sleep(wait)
            return
        mine[2].clear()
        await mine[2].wait()

    def _wake(self) -> None:
        if self._waiting:
            self._waiting[0][2].set()
