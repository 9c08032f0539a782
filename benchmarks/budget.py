"""Whether the budget is kept to the call, and what a vendor that throttles refuses."""

import math
from functools import partial

from benchmarks.figures import Figure
from benchmarks.simulated import HOUR, Clock, Gate, calls, most_in_any
from exporter.budget import sustained_rate
from exporter.capacity import plan, reading_calls, tier_loads
from exporter.config.model import Budget, Refresh
from exporter.domain import Tier

_NAME = "budget"
_WANTED_TASKS = 1_000_000
_BUDGET = Budget()
_WINDOWS = (1.0, 10.0, 60.0, 600.0, HOUR)
_ENOUGH = Budget(requests_per_hour=1_000_000)
"""Of these the second alone limits, so that the vendor's rate is what is found."""
_VENDOR_RATES = (0.2, 1.0, 3.0)
_WINDOWS_OF_VENDOR = {"a second": 1.0, "a minute": 60.0}


def run(*, quick: bool) -> list[Figure]:
    """In simulated time; the limiter is the exporter's own."""
    hours = 1 if quick else 3
    return [*_kept(hours), *_planned(), *_throttled(HOUR)]


def _kept(hours: int) -> list[Figure]:
    sent = [at for at, _ in calls(_BUDGET, seconds=hours * HOUR, callers=24)]
    over = max(
        most_in_any(window, sent)
        - min(_BUDGET.burst + _BUDGET.requests_per_second * window, _BUDGET.requests_per_hour)
        for window in _WINDOWS
    )
    figure = partial(Figure, benchmark=_NAME, unit="calls")
    return [
        figure(
            name="most over the budget in any window",
            value=max(0, math.ceil(over - 1e-6)),
            at_most=0,
            note=f"of 1 s to 1 h, {hours} h, 24 callers that never stop",
        ),
        figure(
            name="calls in the fullest hour",
            value=most_in_any(HOUR, sent),
            at_most=_BUDGET.requests_per_hour,
        ),
    ]


def _planned() -> list[Figure]:
    """What is planned for a million tasks, one in a hundred active and one idle."""
    share = _WANTED_TASKS // 100
    lists = {Tier.ACTIVE: share, Tier.IDLE: share, Tier.FINISHED: _WANTED_TASKS - 2 * share}
    wanted = {tier: float(reading_calls([of], page_size=100)) for tier, of in lists.items()}
    loads = tier_loads(wanted, Refresh().tiers, discovery=1)
    found = plan(loads, sustained=sustained_rate(_BUDGET))
    hourly = sum(load.calls / found.intervals[tier] for tier, load in loads.items()) * HOUR
    return [
        Figure(
            benchmark=_NAME,
            name="planned calls an hour for 1,000,000 tasks",
            value=hourly,
            unit="calls",
            at_most=_BUDGET.requests_per_hour,
            note=f"wanted {found.wanted * HOUR:,.0f}",
        )
    ]


def _throttled(seconds: float) -> list[Figure]:
    figures = []
    for rate in _VENDOR_RATES:
        for name, window in _WINDOWS_OF_VENDOR.items():
            # A window that holds less than one call would be another rate.
            gate = partial(_gate, rate=rate, window=max(window, 1 / rate))
            sent = [(at, ok) for at, ok in calls(_ENOUGH, seconds=seconds, gate=gate) if at >= 60]
            refused = sum(not ok for _, ok in sent)
            figures.append(
                Figure(
                    benchmark=_NAME,
                    name=f"refused by a vendor that allows {rate * window:g} {name}",
                    value=100 * refused / len(sent),
                    unit="%",
                    at_most=1,
                    note=f"configured {_ENOUGH.requests_per_second:g} a second, after the first"
                    f" minute of an hour; {len(sent) / seconds / rate:.0%} of its rate used",
                )
            )
    return figures


def _gate(clock: Clock, *, rate: float, window: float) -> Gate:
    return Gate(clock, rate=rate, window=window, sliding=False)
