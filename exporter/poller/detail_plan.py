"""Which details to fetch next, place by place: only places where anything happened are looked at.

An account may have a hundred thousand tasks and a reading every few seconds; to look at every task
each time would cost more than all its polls.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from heapq import nsmallest
from typing import Final

import msgspec

from exporter.poller.places import CHUNK, Entry, Place
from exporter.steps import chunks

MOST_DUE: Final = 500
"""How many details are planned at once; the next plan begins where this one ends."""


class Due(msgspec.Struct, frozen=True, order=True):
    """A detail that is due: the smallest goes first. ``at`` is when it became due."""

    failures: int
    rank: int
    at: float
    task_id: str


class Verdict(msgspec.Struct, frozen=True):
    """When a detail is due (monotonic clock), and until when it is put off although it is."""

    at: float
    not_before: float
    failures: int
    rank: int


Judge = Callable[[Place, str, Entry], Verdict | None]
"""Gives the verdict on a task; None: it needs no detail, now or later."""


class Plan(msgspec.Struct, frozen=True):
    """What a place needs: how many in all, the first few hundred of them, and when more is due."""

    outstanding: int = 0
    due: tuple[Due, ...] = ()
    next_at: float = float("inf")


class Planner:
    """The plans of all places of one account."""

    def __init__(self) -> None:
        self._plans: dict[Place, Plan] = {}

    @property
    def outstanding(self) -> int:
        """How many details are due."""
        return sum(plan.outstanding for plan in self._plans.values())

    @property
    def next_at(self) -> float:
        """When the next one becomes due that is not due now."""
        return min((plan.next_at for plan in self._plans.values()), default=float("inf"))

    def due(self) -> list[Due]:
        """The details that go first."""
        return nsmallest(MOST_DUE, (due for plan in self._plans.values() for due in plan.due))

    def forget(self, places: Iterable[Place]) -> None:
        """Look at some places again: what they needed was fetched, failed or moved."""
        for place in places:
            self._plans.pop(place, None)

    def keep(self, places: Iterable[Place]) -> None:
        """Drop the plans of all other places."""
        wanted = set(places)
        self.forget([place for place in self._plans if place not in wanted])

    def stale(self, places: Iterable[Place], now: float) -> Iterator[Place]:
        """Places that have no plan that holds at ``now``."""
        for place in places:
            plan = self._plans.get(place)
            if plan is None or plan.next_at <= now:
                yield place

    def scan(
        self, place: Place, entries: Iterable[tuple[str, Entry]], judge: Judge, now: float
    ) -> Generator[None, None, None]:
        """Plan a place anew; pauses at times."""
        outstanding, next_at = 0, float("inf")
        due: list[Due] = []
        for some in chunks(entries, CHUNK // 4):
            for task_id, entry in some:
                verdict = judge(place, task_id, entry)
                if verdict is None:
                    continue
                outstanding += verdict.at <= now
                start = max(verdict.at, verdict.not_before)
                if start > now:
                    next_at = min(next_at, start)
                else:
                    due.append(Due(verdict.failures, verdict.rank, verdict.at, task_id))
            due = nsmallest(MOST_DUE, due)
            yield
        self._plans[place] = Plan(outstanding, tuple(due), next_at)
