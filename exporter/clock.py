"""The only place that asks the operating system for the time, so that a test can set it."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as the exporter sees it."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never set back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds; at once for 0 or less."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never set back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds; at once for 0 or less."""
        await asyncio.sleep(max(0.0, seconds))
