"""When to poll next: pure arithmetic; time and random are passed in."""

from collections.abc import Callable
from typing import Final

from exporter.errors import PollError, Reason

Random = Callable[[], float]
"""Gives a number from 0 up to but not including 1."""

SLOW_RETRY_SECONDS: Final = 300.0
JITTER: Final = 0.05
_BACKOFF_BASE_SECONDS: Final = 2.0
_BACKOFF_FLOOR_SECONDS: Final = 0.5
_SLOW: Final = frozenset({Reason.AUTH, Reason.PERMISSION})
_BACKED_OFF: Final = frozenset({Reason.UNAVAILABLE, Reason.RATE_LIMITED})


def retry_delay(
    error: PollError, *, failures: int, interval: float, random: Random
) -> float | None:
    """Seconds until a failed poll is tried again; None: at its next interval.

    Args:
        error: Why it failed.
        failures: How many polls in a row have failed, this one included.
        interval: The poll's own interval in seconds; no back-off grows beyond it.
        random: Full jitter, so that accounts which fail together do not come back together.
    """
    if error.reason in _SLOW:
        return jittered(SLOW_RETRY_SECONDS, random=random)
    if error.reason not in _BACKED_OFF:
        return None
    return max(backoff(failures, interval=interval, random=random), error.retry_after or 0.0)


def backoff(failures: int, *, interval: float, random: Random) -> float:
    """Seconds to wait after so many failures in a row; never more than ``interval``."""
    ceiling = min(interval, _BACKOFF_BASE_SECONDS * 2.0 ** min(failures, 20))
    return min(ceiling, _BACKOFF_FLOOR_SECONDS + random() * ceiling)


def jittered(seconds: float, *, random: Random) -> float:
    """A wait made up to a twentieth longer, so that what began together does not stay so."""
    return seconds * (1 + JITTER * random())


class Timetable:
    """Due times of one poll on a fixed grid, so that late ones are left out and never stacked."""

    def __init__(self, *, interval: float, start: float) -> None:
        """``interval`` in seconds; ``start`` is the first due time on the caller's clock."""
        self.interval = interval
        self._due = start

    def next(self, now: float, *, random: Random) -> tuple[float, int]:
        """Seconds from ``now`` to the next due time, and how many due times went by unused.

        Jitter only delays, by up to a twentieth of the interval, and does not add up.
        """
        passed = 0
        if self._due <= now:
            passed = int((now - self._due) // self.interval)
            self._due += (passed + 1) * self.interval
        return self._due - now + random() * JITTER * self.interval, passed

    def change(self, interval: float, now: float) -> float:
        """Go on with another interval, in seconds, after the poll that was made last.

        Returns:
            By how many seconds the next due time moved; it never moves into the past.
        """
        before = self._due
        self._due = max(min(before, now), before + interval - self.interval)
        self.interval = interval
        return self._due - before

    def restart(self, at: float) -> None:
        """Begin the grid anew at ``at``: a pause made on purpose is no lateness."""
        self._due = at


def stagger(index: int, accounts: int, *, most: float = 10.0) -> float:
    """Seconds that the account at ``index`` waits with its first poll, at most ``most``."""
    return index * min(0.25, most / max(1, accounts))
