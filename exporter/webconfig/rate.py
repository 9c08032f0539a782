"""How many requests may come: a token bucket, as the format's ``rate_limit`` means it."""

from exporter.clock import Clock
from exporter.webconfig.model import RateLimit


class RequestRate:
    """Lets ``burst`` requests pass at once, and one each interval after that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit = RateLimit()
        self._tokens = 0.0
        self._at = clock.monotonic()

    def allows(self, limit: RateLimit) -> bool:
        """Whether one more may pass now; another limit than the last begins with a full bucket."""
        if not limit.interval:
            return True
        now = self._clock.monotonic()
        if limit != self._limit:
            self._limit, self._tokens = limit, float(limit.burst)
        else:
            come = (now - self._at) / limit.interval
            self._tokens = min(float(limit.burst), self._tokens + come)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
