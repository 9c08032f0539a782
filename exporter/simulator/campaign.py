"""One campaign: who was dialled, who was reached, who is dialled again.

Pure and seeded. Customers lie in four heaps that always add up to the total: ``waiting`` (not yet
dialled), ``retry`` (dialled, not reached, to be dialled again), ``reached`` and ``unreached``.
"""

import math
import random
from dataclasses import dataclass
from typing import Final, Literal

from exporter.simulator.hours import Moment, Window, window_open

Vendor = Literal["dezhu", "aliyun"]
Status = Literal[
    "draft",
    "initializing",
    "not_started",
    "scheduling",
    "running",
    "paused",
    "completed",
    "expired",
    "failed",
    "cancelled",
    "unknown",
]

STATUSES: Final[dict[Vendor, frozenset[Status]]] = {
    "dezhu": frozenset({"not_started", "paused", "running", "completed", "expired", "failed"}),
    "aliyun": frozenset(
        {
            *("draft", "initializing", "scheduling", "running", "paused"),
            *("completed", "failed", "cancelled"),
        }
    ),
}
"""The words that a vendor has."""

FINISHED: Final[frozenset[Status]] = frozenset({"completed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How a campaign dials.

    Attributes:
        rate: Calls ended per second of simulated dialling.
        reach: Share of first calls that reach the customer.
        give_up: Share of the calls not reached that are never tried again (empty numbers).
        lines: Calls at the same time.
        rounds: Redial rounds after the first.
        redial_wait: Seconds between two rounds.
    """

    rate: float
    reach: float
    give_up: float
    lines: int
    rounds: int
    redial_wait: float


@dataclass(slots=True, kw_only=True)
class Campaign:
    """The mutable state of one campaign; only the engine touches it.

    Times are epoch seconds. ``serial`` orders the campaigns of a scope by age.
    """

    vendor: Vendor
    account: str
    scope: str
    name: str
    status: Status
    pace: Pace
    profile: int
    """Picks the vendor settings of the rows."""
    created: float
    modified: float
    start_at: float
    end_at: float
    windows: tuple[Window, ...]
    weekdays: frozenset[int] | None = None
    waiting: int = 0
    retry: int = 0
    reached: int = 0
    unreached: int = 0
    calls: int = 0
    in_flight: int = 0
    round: int = 0
    round_left: int = 0
    redial_at: float = 0.0
    carry: float = 0.0
    stalled: bool = False
    any_hour: bool = False
    manual: bool = False
    reach_factor: float = 1.0
    serial: int = 0
    task_id: str = ""
    rendered: bytes | None = None
    """The row as the vendor's list shows it; None after each change."""
    draw: random.Random | None = None
    """Made when it first dials: 100,000 of them would take a quarter of a gigabyte."""

    @property
    def total(self) -> int:
        """Customers on the list."""
        return self.waiting + self.retry + self.reached + self.unreached

    @property
    def exhausted(self) -> bool:
        """Nobody is left to dial."""
        return self.waiting == 0 and self.retry == 0

    def may_dial(self, moment: Moment) -> bool:
        """Tell whether calls are made at this moment."""
        if self.status != "running" or self.stalled:
            return False
        if self.any_hour:
            return True
        dated = self.start_at <= moment.time < self.end_at
        return dated and window_open(self.windows, self.weekdays, moment)

    def step(self, moment: Moment, *, seconds: float, speed: float, seed: int) -> bool:
        """Dial for some seconds and tell whether any value that the vendor shows changed."""
        before = values_of(self)
        if not self.may_dial(moment):
            self.in_flight = 0
        else:
            if self.draw is None:
                self.draw = random.Random(f"{seed}/{self.vendor}/{self.task_id}")
            credit = self.carry + self.pace.rate * seconds * speed
            ended = int(credit)
            self.carry = credit - ended
            ended -= self._first_calls(min(ended, self.waiting), self.draw)
            self._redial(min(ended, self.round_left), moment.time, speed, self.draw)
            self.in_flight = self._open_calls(moment.time)
        return before != values_of(self)

    def append(self, customers: int) -> None:
        """Put customers on the list; the redial rounds begin again after them."""
        self.waiting += customers
        self.round = self.round_left = 0

    def close(self) -> None:
        """Give up on everybody who is left, as at the end of the time."""
        self.unreached += self.waiting + self.retry
        self.waiting = self.retry = self.in_flight = self.round_left = 0

    def _first_calls(self, calls: int, draw: random.Random) -> int:
        if not calls:
            return 0
        reached = binomial(calls, self.pace.reach * self.reach_factor, draw)
        missed = calls - reached
        lost = binomial(missed, self.pace.give_up, draw) if self.pace.rounds else missed
        self.calls += calls
        self.waiting -= calls
        self.reached += reached
        self.unreached += lost
        self.retry += missed - lost
        return calls

    def _redial(self, calls: int, time: float, speed: float, draw: random.Random) -> None:
        if self.waiting:
            return
        if self.round_left == 0:
            self._next_round(time, speed)
        elif calls and time >= self.redial_at:
            # Who did not answer once answers less often the next time.
            reached = binomial(calls, self.pace.reach * self.reach_factor * 0.5, draw)
            self.calls += calls
            self.reached += reached
            self.retry -= reached
            self.round_left -= calls
            if self.round >= self.pace.rounds:
                self.unreached += calls - reached
                self.retry -= calls - reached
            if self.round_left == 0:
                self._next_round(time, speed)

    def _next_round(self, time: float, speed: float) -> None:
        if self.round >= self.pace.rounds:
            self.unreached += self.retry
            self.retry = 0
            return
        self.round += 1
        self.round_left = self.retry
        self.redial_at = time + self.pace.redial_wait / speed

    def _open_calls(self, time: float) -> int:
        redialling = self.round_left if time >= self.redial_at else 0
        return min(self.waiting + redialling, self.pace.lines)


def binomial(trials: int, chance: float, draw: random.Random) -> int:
    """Draw how many of some trials succeed; approximate above 20 trials."""
    chance = min(max(chance, 0.0), 1.0)
    if trials <= 20:
        return sum(draw.random() < chance for _ in range(trials))
    mean = trials * chance
    spread = math.sqrt(mean * (1 - chance))
    return min(max(round(draw.gauss(mean, spread)), 0), trials)


def spread_customers(campaign: Campaign, *, total: int, progress: float) -> None:
    """Lay the heaps as they are after some of the first round.

    Args:
        campaign: Whose heaps are laid.
        total: Customers on the list.
        progress: Share already dialled, 0 to 1; at 1 all rounds are over.
    """
    dialled = round(total * progress)
    campaign.waiting = total - dialled
    campaign.reached = round(dialled * campaign.pace.reach)
    missed = dialled - campaign.reached
    over = campaign.waiting == 0 or campaign.pace.rounds == 0
    campaign.unreached = missed if over else round(missed * campaign.pace.give_up)
    campaign.retry = missed - campaign.unreached
    campaign.calls = dialled


def values_of(campaign: Campaign) -> tuple[int, ...]:
    """Return the true values in the order of the vendor's names in ``VALUE_NAMES``."""
    total = campaign.total
    if campaign.vendor == "dezhu":
        return total, total - campaign.waiting, campaign.reached
    left = campaign.waiting + campaign.retry - campaign.in_flight
    paused = left if campaign.status == "paused" else 0
    cancelled = left if campaign.status == "cancelled" else 0
    return (
        total,
        campaign.reached,
        campaign.in_flight,
        campaign.unreached,
        left - paused - cancelled,
        paused,
        cancelled,
        campaign.calls,
    )


VALUE_NAMES: Final[dict[Vendor, tuple[str, ...]]] = {
    "dezhu": ("customers", "completed", "connected"),
    "aliyun": (
        "customers",
        "completed",
        "executing",
        "failed",
        "scheduling",
        "paused",
        "cancelled",
        "calls",
    ),
}
