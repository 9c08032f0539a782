"""The calls an account will make, before it makes any: for ``--config.check --tasks``. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from exporter.budget import hourly_for, sustained_rate
from exporter.capacity import PLANNED, Plan, beside, pages, plan, reading_calls, tier_loads
from exporter.config.durations import format_duration
from exporter.config.model import Account, Budget
from exporter.domain import Scope, Tier
from exporter.source import Outline, SourceType, queries

HOUR_SECONDS: Final = 3600
_DAY_SECONDS: Final = 86400
_SHARE: Final = 0.01
_MODIFIED_AT_MOST_SECONDS: Final = 600
_DETAILED: Final = frozenset({"schedule", "settings"})


class Mix(msgspec.Struct, frozen=True):
    """How many tasks an account has, by tier."""

    active: int
    idle: int
    finished: int

    @property
    def tasks(self) -> int:
        """All of them."""
        return self.active + self.idle + self.finished

    @property
    def tiers(self) -> dict[Tier, int]:
        """The same by tier."""
        return {Tier.ACTIVE: self.active, Tier.IDLE: self.idle, Tier.FINISHED: self.finished}

    def scaled(self, tasks: int) -> "Mix":
        """As many tasks in about the same shares."""
        active = min(tasks, math.ceil(self.active * tasks / self.tasks))
        idle = min(tasks - active, math.ceil(self.idle * tasks / self.tasks))
        return Mix(active, idle, tasks - active - idle)


def usual_mix(tasks: int, *, active: int | None = None, idle: int | None = None) -> Mix:
    """``tasks`` of which one in a hundred, or so many, are active, and as many idle.

    Raises:
        ValueError: More are active and idle than there are tasks.
    """
    share = math.ceil(tasks * _SHARE)
    running = min(share, tasks) if active is None else active
    waiting = max(0, min(share, tasks - running)) if idle is None else idle
    if running + waiting > tasks:
        raise ValueError(f"{running} active and {waiting} idle are more than {tasks} tasks")
    return Mix(running, waiting, tasks - running - waiting)


class Row(msgspec.Struct, frozen=True):
    """Calls made together, and how often: every ``interval`` seconds."""

    name: str
    calls: int
    interval: float

    def within(self, seconds: float) -> float:
        """Calls in so many seconds."""
        return self.calls / self.interval * seconds


class Estimate(msgspec.Struct, frozen=True):
    """What one account will ask.

    ``details`` is how many tasks are described at first, or 0; ``concurrency`` how many calls the
    collector of that name makes at the active interval, or 0.
    """

    account: Account
    outline: Outline
    mix: Mix
    rows: tuple[Row, ...]
    plan: Plan
    details: int
    concurrency: int = 0


def estimate(account: Account, outline: Outline, mix: Mix) -> Estimate:
    """What an account with such tasks will ask in the steady state.

    The tasks are spread evenly over the scopes, and those of a tier have one status.
    """
    common, abilities = account.common, outline.abilities
    refresh = common.refresh
    mix = mix if outline.tasks is None else mix.scaled(outline.tasks)
    scopes = outline.scopes or 1
    checks = scopes if outline.tasks is None else 0
    discovery = pages(scopes, page_size=abilities.page_size) if abilities.discovers else 0
    reads = {
        tier: _reading(outline, tier, tasks, scopes=scopes) for tier, tasks in mix.tiers.items()
    }
    rows = [Row(tier.value, calls, refresh.tiers[tier]) for tier, calls in reads.items()]
    rows += [Row("discovery", discovery, refresh.tiers[Tier.IDLE])] if discovery else []
    rows += [Row("check", checks, refresh.tiers[Tier.FINISHED])] if checks else []
    wanted = reads | {Tier.FINISHED: reads[Tier.FINISHED] + checks}
    loads = tier_loads(wanted, refresh.tiers, discovery=discovery)
    detailed = abilities.details and outline.tasks is None and _DETAILED & set(common.collect)
    return Estimate(
        account=account,
        outline=outline,
        mix=mix,
        rows=tuple(rows),
        plan=plan(loads, sustained=sustained_rate(common.budget)),
        details=min(mix.tasks, account.common.tasks.limit) if detailed else 0,
        concurrency=_concurrency(account, outline, mix.active, scopes=scopes),
    )


def report(accounts: Sequence[Account], sources: Mapping[str, SourceType], mix: Mix) -> str:
    """The estimates of some accounts, each with ``mix``, for a person to read."""
    found = [estimate(each, sources[each.platform].outline(each), mix) for each in accounts]
    return "\n\n".join("\n".join(_lines(each)) for each in found)


def _reading(outline: Outline, tier: Tier, tasks: int, *, scopes: int) -> int:
    if outline.tasks is not None:
        return tasks
    abilities = outline.abilities
    lists = sum(1 for _ in queries(abilities, Scope(), tier, None))
    if not lists:
        return 0
    each = [math.ceil(tasks / scopes)] + [0] * (lists - 1)
    return scopes * reading_calls(each, page_size=abilities.page_size)


def _concurrency(account: Account, outline: Outline, active: int, *, scopes: int) -> int:
    """One call for the account, one for each scope, and the list of what calls there."""
    if not outline.concurrency or "concurrency" not in account.common.collect:
        return 0
    listed = pages(math.ceil(active / scopes), page_size=outline.abilities.page_size)
    return 1 + scopes * (1 + listed)


def _lines(each: Estimate) -> Iterator[str]:
    scopes = each.outline.scopes
    where = (
        "" if scopes == 1 else f" in {scopes} instances" if scopes else ", as if in one instance"
    )
    tiers = ", ".join(f"{tasks:,} {tier.value}" for tier, tasks in each.mix.tiers.items())
    account = each.account
    yield f"{account.name} ({account.platform}): {each.mix.tasks:,} tasks{where}: {tiers}"
    yield _row("", "calls", "every", "a minute", "an hour", "a day")
    for row in each.rows:
        yield _row(row.name, f"{row.calls:,}", format_duration(row.interval), *_rates(row.within))
    yield _row("together", "", "", *_rates(lambda seconds: each.plan.wanted * seconds))
    if each.concurrency:
        wanted = each.plan.intervals[Tier.ACTIVE]
        interval = beside(each.concurrency, interval=wanted, left=each.plan.left)
        row = Row("concurrency", each.concurrency, math.ceil(interval))
        calls, every = f"{row.calls:,}", format_duration(row.interval)
        yield _row(row.name, calls, every, *_rates(row.within))
        yield "  Calls at the same time are asked for on half of what is left."
    if each.details:
        yield from _details(each)
    yield from _verdict(each)


def _details(each: Estimate) -> Iterator[str]:
    known = min(each.details, each.mix.active + each.mix.idle)
    refresh = each.account.common.refresh.detail
    row = Row("details", known, refresh)
    yield _row(row.name, f"{known:,}", format_duration(refresh), *_rates(row.within))
    often = known * _DAY_SECONDS // _MODIFIED_AT_MOST_SECONDS
    yield "  Details are read on what is left, and hold up nothing. Beside these each task once"
    yield f"  ({each.details:,} calls, fewer where some are not exposed), and active and idle ones"
    yield f"  when they change, every 10 minutes at most ({often:,} calls a day if all always do)."


def _verdict(each: Estimate) -> Iterator[str]:
    budget, fitting = each.account.common.budget, each.plan
    allowed = f"{math.floor(fitting.allowed * HOUR_SECONDS):,} calls an hour"
    if fitting.fits:
        yield f"  The budget holds this: {allowed} can be planned with."
        return
    yield f"  The budget does not hold this: {allowed} can be planned with. In force would be:"
    yield "  " + ", ".join(
        f"{tier.value} every {format_duration(math.ceil(seconds))}"
        for tier, seconds in fitting.intervals.items()
    )
    yield f"  {_advice(budget, fitting.wanted / PLANNED)}"


def _advice(budget: Budget, rate: float) -> str:
    """What to do so that ``rate`` calls a second can be sustained."""
    raised = []
    if budget.requests_per_second < rate:
        raised.append(f"budget.requests_per_second to {math.ceil(rate * 10) / 10:g}")
    hourly = hourly_for(rate, concurrency=budget.concurrency)
    if hourly > budget.requests_per_hour:
        raised.append(f"budget.requests_per_hour to {hourly}")
    if rate > Budget.RANGES["requests_per_second"].high:
        return "No budget holds that: lengthen refresh, or divide the account."
    return f"Raise {' and '.join(raised)}, or lengthen refresh."


def _rates(within: Callable[[float], float]) -> tuple[str, str, str]:
    minute = within(60)
    shown = f"{minute:,.1f}" if minute >= 0.1 else f"{minute:.2g}"
    return shown, f"{within(HOUR_SECONDS):,.0f}", f"{within(_DAY_SECONDS):,.0f}"


def _row(name: str, *cells: str) -> str:
    return f"  {name:<12}" + "".join(f"{cell:>11}" for cell in cells)
