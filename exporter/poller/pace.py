"""How often each tier of one account is read: as configured, or as often as the budget holds."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from exporter.budget import sustained_rate
from exporter.capacity import PLANNED, Plan, beside, pages, plan, tier_loads
from exporter.config.durations import format_duration
from exporter.config.model import Common
from exporter.domain import Scope, Tier
from exporter.source import Abilities

_MOVE: Final = 1.1
_HOLD_SECONDS: Final = 600.0
_MUCH: Final = 2.0

_BySeconds = dict[Tier, dict[Scope, float]]

_log = structlog.get_logger()


class Pace:
    """The intervals of one account, from what its readings take and what it may ask.

    An interval gets longer at once, and shorter only when that would have done for ten minutes: a
    budget that follows a throttling vendor up and down must not take the intervals along. For a
    scope a shorter one is in force once it was read again; data that was read at the old pace is
    not stale by the new one. All times are those of the monotonic clock.
    """

    def __init__(
        self, common: Common, abilities: Abilities, *, sustained: Callable[[], float]
    ) -> None:
        """``sustained`` tells the calls a second that the budget allows in the long run now."""
        self._configured = common.refresh.tiers
        self._budget = common.budget
        self._abilities = abilities
        self._sustained = sustained
        self._calls: dict[tuple[Tier, Scope], float] = {}
        self._sums = dict.fromkeys(Tier, 0.0)
        self._in_force: _BySeconds = {tier: {} for tier in Tier}
        self._took: _BySeconds = {tier: {} for tier in Tier}
        self._planned: Mapping[Tier, float] = self._configured
        self._left = sustained() * (1 - PLANNED)
        self._shorter_since: float | None = None
        self._told = 1.0
        self._log = _log.bind(account=common.name)

    def configured(self, tier: Tier) -> float:
        """The interval of a tier as the configuration has it, in seconds."""
        return self._configured[tier]

    def planned(self, tier: Tier, *, now: float) -> float:
        """The interval in seconds at which a tier is to be read next."""
        self._replan(now)
        return self._planned[tier]

    def beside(self, calls: int, *, now: float) -> float:
        """The interval in seconds of an optional collector that makes so many calls a round."""
        active = self.planned(Tier.ACTIVE, now=now)
        return beside(calls, interval=active, left=self._left)

    def interval(self, tier: Tier) -> float:
        """The interval in force in seconds: that of the slowest scope."""
        return max(self._planned[tier], max(self._in_force[tier].values(), default=0.0))

    def longest_reading(self, tier: Tier) -> float:
        """Seconds that the latest complete reading of a tier took; that of the slowest scope."""
        return max(self._took[tier].values(), default=0.0)

    def expect(self, tier: Tier, scope: Scope, calls: int, *, now: float) -> None:
        """A reading that is under way takes so many calls, as far as it knows."""
        self._count(tier, scope, max(calls, self._calls.get((tier, scope), 0.0)))
        self._replan(now)

    def read(self, tier: Tier, scope: Scope, *, calls: int, seconds: float) -> None:
        """A reading was complete: it took so many calls, repeats included, and so long.

        More calls than before count at once, fewer by and by: a list that moved while it was paged
        was read twice, and the next time may not be.
        """
        before = self._calls.get((tier, scope), 0.0)
        self._count(tier, scope, max(float(calls), (before + calls) / 2))
        self._took[tier][scope] = seconds

    def scheduled(self, tier: Tier, scope: Scope, interval: float) -> None:
        """After a complete reading: the next one comes after so many seconds."""
        self._in_force[tier][scope] = interval

    def follow(self, before: "Pace") -> None:
        """Go on from what was measured of the same account under another configuration.

        The intervals in force then stay so until each scope is read again: see above.
        """
        calls, in_force, took = before.measured
        for (tier, scope), count in calls.items():
            self._count(tier, scope, count)
        for tier in Tier:
            self._in_force[tier] |= in_force[tier]
            self._took[tier] |= took[tier]

    @property
    def measured(self) -> tuple[Mapping[tuple[Tier, Scope], float], _BySeconds, _BySeconds]:
        """Calls of a reading; interval in force and duration of each tier and scope, in seconds."""
        return self._calls, self._in_force, self._took

    def forget(self, scope: Scope) -> None:
        """Drop what is known of a scope that is no longer read."""
        for tier in Tier:
            self._count(tier, scope, 0.0)
            self._calls.pop((tier, scope), None)
            self._in_force[tier].pop(scope, None)
            self._took[tier].pop(scope, None)

    def _count(self, tier: Tier, scope: Scope, calls: float) -> None:
        self._sums[tier] += calls - self._calls.get((tier, scope), 0.0)
        self._calls[tier, scope] = calls

    def _replan(self, now: float) -> None:
        discovery = 0
        if self._abilities.discovers:
            scopes = len(self._calls) // len(Tier)
            discovery = pages(scopes, page_size=self._abilities.page_size)
        loads = tier_loads(self._sums, self._configured, discovery=discovery)
        fresh = plan(loads, sustained=self._sustained())
        self._left = fresh.left
        if self._differs(fresh, now):
            self._planned = fresh.intervals
            self._tell(fresh)

    def _differs(self, fresh: Plan, now: float) -> bool:
        changes = [fresh.intervals[tier] / self._planned[tier] for tier in Tier]
        longer = max(changes) > _MOVE
        shorter = min(changes) < 1 / _MOVE or (fresh.fits and min(changes) < 1)
        if longer or not shorter:
            self._shorter_since = None
            return longer
        if self._shorter_since is None:
            self._shorter_since = now
        return now - self._shorter_since >= _HOLD_SECONDS

    def _tell(self, fresh: Plan) -> None:
        """Log where the stretching begins, where it is twice or half of what was told, and ends."""
        factor = max(fresh.intervals[tier] / self._configured[tier] for tier in Tier)
        if fresh.fits and self._told > 1:
            self._told = 1.0
            self._log.info("refresh as configured again", **_shown(fresh))
        elif not fresh.fits and self._is_news(factor):
            self._told = factor
            self._log.warning("refresh stretched", **_shown(fresh), advice=self._advice())

    def _is_news(self, factor: float) -> bool:
        return self._told == 1.0 or not self._told / _MUCH < factor < self._told * _MUCH

    def _advice(self) -> str:
        budget = self._budget
        if self._sustained() < sustained_rate(budget):
            return "the vendor throttles: lengthen refresh, or ask the vendor for more"
        second = budget.requests_per_second <= budget.requests_per_hour / 3600
        key = "requests_per_second" if second else "requests_per_hour"
        return f"raise budget.{key} or lengthen refresh"


def _shown(fresh: Plan) -> dict[str, object]:
    intervals = {
        tier.value: format_duration(round(seconds) or seconds)
        for tier, seconds in fresh.intervals.items()
    }
    return {
        **intervals,
        "wanted_per_hour": round(fresh.wanted * 3600),
        "planned_per_hour": round(fresh.allowed * 3600),
    }
