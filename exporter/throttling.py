"""How fast an account may go after its vendor refused calls for their rate. Pure.

The vendor does not tell its limit, so it is found as TCP finds that of a path. A refused call
halves the rate, takes the burst away, and closes the account for as long as the vendor asked, else
for one second, then two, four, up to a minute while nothing passes. Calls that were already under
way when the rate was halved say nothing new: a burst that is refused is one halving. The rate at
which calls were refused is remembered as the *ceiling*, and approached as in TCP CUBIC: in steps of
a sixteenth of it up to four fifths, a step after each 50 calls that passed, then from a long rest
of 300 calls by steps that begin at a thirty-second and double. A probe that is refused thus costs
one call among some hundred, and a ceiling that is gone is left behind in a dozen steps. An account
that makes few calls goes by time instead: a step after five minutes, or fifteen near the ceiling.
The burst comes back last, doubling at each step, because it alone may be what was refused.
"""

import math
from typing import Final

SLOWEST_PER_SECOND: Final = 1 / 60
LONGEST_PAUSE_SECONDS: Final = 60.0
_NEAR: Final = 0.8
_STEP: Final = 1 / 16
_PROBE: Final = 1 / 32
_SHORTEST_STEP_SECONDS: Final = 15.0
_CLIMB_CALLS: Final = 50
_CLIMB_SECONDS: Final = 300.0
_REST_CALLS: Final = 300
_REST_SECONDS: Final = 900.0
_ROUNDING: Final = 1e-9


class Throttling:
    """The rate and the burst in force of one account; all times on one monotonic clock."""

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        """``rate`` in calls a second and ``burst`` in calls are those of the configuration."""
        self._full_rate = rate
        self._full_burst = burst
        self._slowest = min(rate, SLOWEST_PER_SECOND)
        self.rate = rate
        self.burst = burst
        self.closed_until = now
        """No call may be made before."""
        self._ceiling: float | None = None
        self._halved_at = -math.inf
        self._stepped_at = now
        self._passed = 0
        self._refused_in_a_row = 0
        self._probe = _PROBE

    def refused(self, now: float, *, sent_at: float, retry_after: float | None) -> None:
        """A call made at ``sent_at`` was refused for its rate.

        ``retry_after`` in seconds is how long the vendor asked to wait; None where it did not say.
        """
        usual = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(self._refused_in_a_row, 6))
        self.closed_until = max(self.closed_until, now + (retry_after or usual))
        if sent_at <= self._halved_at:
            return
        if self._ceiling is None or not self._refused_in_a_row:
            # While nothing passes the vendor is closed, and the rate has nothing to do with it.
            self._ceiling = self.rate
        self._refused_in_a_row += 1
        self.rate = max(self._slowest, self.rate / 2)
        self.burst = 1.0
        self._halved_at = self._stepped_at = now
        self._passed, self._probe = 0, _PROBE

    def passed(self, *, sent_at: float) -> None:
        """A call made at ``sent_at`` was not refused."""
        if self._ceiling is not None and sent_at > self._halved_at:
            self._passed += 1
            self._refused_in_a_row = 0

    def recover(self, now: float) -> bool:
        """Take the steps that are due; True if there were any."""
        moved = False
        while self._ceiling is not None:
            near = self.rate >= min(self._full_rate, self._ceiling * _NEAR) - _ROUNDING
            calls, patience = (
                (_REST_CALLS, _REST_SECONDS) if near else (_CLIMB_CALLS, _CLIMB_SECONDS)
            )
            calm = now - self._stepped_at
            if calm >= patience:
                self._stepped_at += patience
            elif calm >= _SHORTEST_STEP_SECONDS and self._passed >= calls:
                self._stepped_at = now
            else:
                break
            self._passed, moved = 0, True
            self._step(self._ceiling, near=near)
        return moved

    def _step(self, ceiling: float, *, near: bool) -> None:
        if not near:
            step = min(ceiling * _STEP, self.rate)
            self.rate = min(self._full_rate, ceiling * _NEAR, self.rate + step)
        elif self.rate < self._full_rate:
            self.rate = min(self._full_rate, self.rate + ceiling * self._probe)
            self._probe *= 2
        else:
            self.burst = min(self._full_burst, self.burst * 2)
        if self.rate >= self._full_rate and self.burst >= self._full_burst:
            self._ceiling = None
