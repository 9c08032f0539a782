"""How often each tier can be read on what the budget allows. Pure.

When the budget cannot hold all tiers, the active one keeps its own interval and the others stretch
evenly, by one factor. Where active alone wants more than there is, it stretches too, and a tenth is
kept for the others, so that they never starve. A tenth of what the budget allows in the long run is
never planned with: it is for pages that are read again, look-ups, and details.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from exporter.domain import Tier

PLANNED: Final = 0.9
REST_SHARE: Final = 0.1
BESIDE_SHARE: Final = 0.5


class Load(msgspec.Struct, frozen=True):
    """What one tier wants: ``calls`` for a reading of all scopes, every ``interval`` seconds."""

    calls: float
    interval: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.interval


class Plan(msgspec.Struct, frozen=True):
    """Intervals in seconds that the budget can hold, and why.

    ``wanted`` and ``allowed`` are calls a second: at the intervals asked for, and what is planned
    with.
    """

    intervals: Mapping[Tier, float]
    wanted: float
    allowed: float

    @property
    def fits(self) -> bool:
        """Whether every tier has the interval that was asked for."""
        return self.wanted <= self.allowed

    @property
    def left(self) -> float:
        """Calls a second that the tiers leave over, for whatever is optional."""
        return self.allowed / PLANNED - min(self.wanted, self.allowed)


def plan(loads: Mapping[Tier, Load], *, sustained: float) -> Plan:
    """Divide what an account can sustain among its tiers.

    Args:
        loads: What each tier wants.
        sustained: Calls a second that the budget allows in the long run.
    """
    allowed = sustained * PLANNED
    active = loads[Tier.ACTIVE].rate
    rest = sum(load.rate for tier, load in loads.items() if tier is not Tier.ACTIVE)
    kept = min(rest, allowed * REST_SHARE)
    active_factor = max(1.0, active / (allowed - kept))
    # What is kept is the least there is, whatever rounding says.
    left = max(kept, allowed - active / active_factor)
    rest_factor = max(1.0, rest / left) if rest else 1.0
    factors = {tier: active_factor if tier is Tier.ACTIVE else rest_factor for tier in loads}
    return Plan(
        intervals={tier: load.interval * factors[tier] for tier, load in loads.items()},
        wanted=active + rest,
        allowed=allowed,
    )


def beside(calls: float, *, interval: float, left: float) -> float:
    """Seconds between two rounds of an optional collector, of so many calls each.

    It takes at most half of what the tiers leave over: the other half is for details, which come
    after it and would never be read if it had no end.

    Args:
        calls: Of one round.
        interval: How often it is wanted, in seconds.
        left: Calls a second that the tiers leave over.
    """
    return max(interval, calls / (left * BESIDE_SHARE))


def pages(tasks: int, *, page_size: int) -> int:
    """Calls that reading one list takes: an empty one takes a call all the same."""
    return max(1, math.ceil(tasks / page_size))


def reading_calls(lists: Sequence[int], *, page_size: int) -> int:
    """Calls that reading a tier takes, given how many tasks each of its filtered lists holds."""
    return sum(pages(tasks, page_size=page_size) for tasks in lists)


def tier_loads(
    calls: Mapping[Tier, float], intervals: Mapping[Tier, float], *, discovery: int
) -> dict[Tier, Load]:
    """What each tier wants, given the calls of a reading of all scopes and its interval in seconds.

    Finding out which scopes there are takes ``discovery`` calls, at the interval of the idle tier.
    """
    more = {Tier.IDLE: discovery}
    return {
        # Sums of differences may end a rounding below nothing.
        tier: Load(max(0.0, calls[tier]) + more.get(tier, 0), interval)
        for tier, interval in intervals.items()
    }
