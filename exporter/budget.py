"""How many calls an account may make now: pure arithmetic, the time is passed in.

Two token buckets hold at once. One for the second (rate and burst as configured, less while the
vendor throttles), one for the hour: its capacity is a tenth of the hourly budget and the rest flows
in evenly, so that no hour, wherever it begins, sees more than the budget, and an exhausted budget
still trickles. No ``t`` seconds see more than ``burst + requests_per_second * t`` calls.

What is less urgent leaves a part of each bucket untouched for what is more urgent: details that
take all that is left over must not make a running campaign wait for the next token.
"""

import math
from typing import Final

from exporter.config.model import Budget
from exporter.throttling import Throttling

HOUR_SECONDS: Final = 3600.0
_HOUR_BURST: Final = 0.1
_UNDER_WAY: Final = 0.05
_ROUNDING: Final = 1e-6
_KEPT: Final = (0.0, 0.1, 0.25, 0.5)
"""The part of a bucket that a call leaves untouched, by its priority."""


class Bucket:
    """A token bucket; ``rate`` in tokens a second, full at the start."""

    def __init__(self, *, capacity: float, rate: float, now: float) -> None:
        self.capacity = capacity
        self.rate = rate
        self._tokens = capacity
        self._at = now

    def tokens(self, now: float) -> float:
        """Tokens there are at ``now``, at most the capacity."""
        return min(self.capacity, self._tokens + max(0.0, now - self._at) * self.rate)

    def wait(self, now: float, *, kept: float = 0.0) -> float:
        """Seconds until there is a whole token beside the part ``kept`` of the capacity."""
        # A full bucket always has one to give.
        missing = 1.0 + min(kept * self.capacity, self.capacity - 1.0) - self.tokens(now)
        # What rounding leaves missing would take a pause too short to move any clock. It is owed:
        # the next token comes as much later.
        seconds = missing / self.rate
        return seconds if min(missing, seconds) > _ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Take one token."""
        self._tokens, self._at = self.tokens(now) - 1.0, max(self._at, now)

    def follow(self, before: "Bucket", now: float) -> None:
        """Hold as much as another bucket does, at most one's own capacity."""
        self._tokens, self._at = min(self.capacity, before.tokens(now)), now

    def change(self, now: float, *, rate: float, capacity: float) -> None:
        """Go on at another rate, and with another capacity, from ``now``."""
        self._tokens = min(capacity, self.tokens(now))
        self._at = max(self._at, now)
        self.rate, self.capacity = rate, capacity


class BudgetState:
    """The buckets of one account, and how throttling bends them."""

    def __init__(self, limits: Budget, *, now: float) -> None:
        self.limits = limits
        self._second = Bucket(
            capacity=float(limits.burst), rate=limits.requests_per_second, now=now
        )
        burst, rate = _hour_bucket(limits.requests_per_hour, limits.concurrency)
        self._hour = Bucket(capacity=burst, rate=rate, now=now)
        self._throttling = Throttling(
            rate=limits.requests_per_second, burst=float(limits.burst), now=now
        )

    def wait(self, now: float, *, priority: int = 0) -> float:
        """Seconds until the next call may be made; 0 for now. The lowest ``priority`` is first."""
        self._recover(now)
        kept = _KEPT[min(priority, len(_KEPT) - 1)]
        return max(
            self._second.wait(now, kept=kept),
            self._hour.wait(now, kept=kept),
            self._throttling.closed_until - now,
            0.0,
        )

    def take(self, now: float) -> None:
        """Count one call; only after ``wait`` gave 0."""
        self._second.take(now)
        self._hour.take(now)

    def throttled(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """The vendor refused a call made at ``sent_at``; see ``exporter.throttling``."""
        self._throttling.refused(now, sent_at=sent_at, retry_after=retry_after)
        self._apply(now)

    def passed(self, *, sent_at: float) -> None:
        """The vendor did not refuse a call made at ``sent_at``."""
        self._throttling.passed(sent_at=sent_at)

    def follow(self, before: "BudgetState", now: float) -> None:
        """Go on where the state of the same account under other limits ended.

        No call that was spent comes back. What was learned of a throttling vendor holds on where
        the limits of a second are the same, else only how long to wait.
        """
        for mine, theirs in zip(self.buckets, before.buckets, strict=True):
            mine.follow(theirs, now)
        if self._per_second(self.limits) == self._per_second(before.limits):
            self._throttling = before.throttling
            self._apply(now)
        self._throttling.closed_until = before.throttling.closed_until

    @property
    def buckets(self) -> tuple[Bucket, Bucket]:
        """That of the second and that of the hour."""
        return self._second, self._hour

    @property
    def throttling(self) -> Throttling:
        """What was learned of the vendor."""
        return self._throttling

    @staticmethod
    def _per_second(limits: Budget) -> tuple[float, int]:
        return limits.requests_per_second, limits.burst

    def rate(self, now: float) -> float:
        """Calls a second that the account allows itself now."""
        self._recover(now)
        return self._second.rate

    def sustained(self, now: float) -> float:
        """Calls a second that it can go on making for hours at that rate."""
        return min(self.rate(now), self._hour.rate)

    def remaining(self, now: float) -> dict[str, float]:
        """Calls left at once, by window: ``second`` and ``hour``."""
        return {"second": self._second.tokens(now), "hour": self._hour.tokens(now)}

    def _recover(self, now: float) -> None:
        if self._throttling.recover(now):
            self._apply(now)

    def _apply(self, now: float) -> None:
        bent = self._throttling
        self._second.change(now, rate=bent.rate, capacity=bent.burst)


def sustained_rate(limits: Budget) -> float:
    """Calls a second that an account can go on making for hours while nothing throttles it."""
    hourly = _hour_bucket(limits.requests_per_hour, limits.concurrency)[1]
    return min(limits.requests_per_second, hourly)


def hourly_for(rate: float, *, concurrency: int) -> int:
    """The least ``requests_per_hour``, to two digits, that sustains ``rate`` calls a second."""
    hourly = max(1, math.ceil(rate * HOUR_SECONDS))
    step = int(10.0 ** max(0, len(str(hourly)) - 2))
    hourly = math.ceil(hourly / step) * step
    while _hour_bucket(hourly, concurrency)[1] < rate:
        hourly += step
    return hourly


def _hour_bucket(requests_per_hour: int, concurrency: int) -> tuple[float, float]:
    """Capacity, and rate in calls a second, of the bucket for the hour.

    What is under way when an hour begins arrives in it: that many calls are not given out.
    """
    hour = float(requests_per_hour - min(concurrency, int(requests_per_hour * _UNDER_WAY)))
    burst = max(1.0, hour * _HOUR_BURST)
    return burst, max(hour - burst, hour / 2) / HOUR_SECONDS
