"""How many calls an account may make now: pure arithmetic, the time is passed in.

Two token buckets hold at once. One for the second (rate and burst as configured), one for the hour:
its capacity is a fifth of the hourly budget and the other four fifths flow in evenly, so that no
hour, wherever it begins, sees more than the budget, and an exhausted budget still trickles.
"""

from typing import Final

from exporter.config.model import Budget

HOUR_SECONDS: Final = 3600.0
_HOUR_BURST: Final = 0.2
_SLOWEST: Final = 1 / 64
_RECOVERY: Final = 1 / 16
_RECOVERY_SECONDS: Final = 15.0
_ROUNDING: Final = 1e-9


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

    def wait(self, now: float) -> float:
        """Seconds until a whole token is there; 0 when it is."""
        missing = 1.0 - self.tokens(now)
        # What rounding leaves missing would take a pause too short to move any clock.
        return missing / self.rate if missing > _ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Take one token."""
        self._tokens, self._at = self.tokens(now) - 1.0, max(self._at, now)

    def change_rate(self, rate: float, now: float) -> None:
        """Go on at another rate from ``now``."""
        self._tokens, self._at, self.rate = self.tokens(now), max(self._at, now), rate


class BudgetState:
    """The buckets of one account, and how throttling bends them.

    A throttled call halves the rate, down to a sixty-fourth, and closes the budget for as long as
    the vendor asked; every 15 s without another one give back a sixteenth of the configured rate.
    """

    def __init__(self, limits: Budget, *, now: float) -> None:
        hour = float(limits.requests_per_hour)
        burst = max(1.0, hour * _HOUR_BURST)
        self._limits = limits
        self._second = Bucket(
            capacity=float(limits.burst), rate=limits.requests_per_second, now=now
        )
        self._hour = Bucket(
            capacity=burst, rate=max(hour - burst, hour / 2) / HOUR_SECONDS, now=now
        )
        self._factor = 1.0
        self._changed_at = now
        self._closed_until = now

    def wait(self, now: float) -> float:
        """Seconds until the next call may be made; 0 for now."""
        self._recover(now)
        return max(self._second.wait(now), self._hour.wait(now), self._closed_until - now, 0.0)

    def take(self, now: float) -> None:
        """Count one call; only after ``wait`` gave 0."""
        self._second.take(now)
        self._hour.take(now)

    def throttled(self, now: float, *, retry_after: float | None) -> None:
        """Halve the rate and stay closed for ``retry_after`` seconds (None: one second)."""
        self._closed_until = max(self._closed_until, now + (retry_after or 1.0))
        self._set_factor(max(_SLOWEST, self._factor / 2), now)

    def rate(self, now: float) -> float:
        """Calls a second that the account allows itself now."""
        self._recover(now)
        return self._second.rate

    def remaining(self, now: float) -> dict[str, float]:
        """Calls left at once, by window: ``second`` and ``hour``."""
        return {"second": self._second.tokens(now), "hour": self._hour.tokens(now)}

    def _recover(self, now: float) -> None:
        steps = int((now - self._changed_at) // _RECOVERY_SECONDS)
        if self._factor < 1.0 and steps > 0:
            self._set_factor(min(1.0, self._factor + steps * _RECOVERY), now)

    def _set_factor(self, factor: float, now: float) -> None:
        self._factor = factor
        self._changed_at = now
        self._second.change_rate(self._limits.requests_per_second * factor, now)
