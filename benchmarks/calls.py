"""Calls an hour in the steady state, counted on the real poller in simulated time."""

import asyncio
from collections import Counter
from unittest import mock

from structlog.testing import capture_logs

from benchmarks.figures import Figure
from benchmarks.simulated import HOUR
from exporter.config.model import Budget
from exporter.domain import TIER_OF, Status, Tier
from exporter.limiter import Limiter
from exporter.source import Page
from tests.poller.making import Clock, Rig, Vendor, task

_NAME = "calls"
_PAGE_SIZE = 100
_EVERY = 30.0
_REFRESH = {"active": _EVERY, "idle": 300.0, "finished": HOUR}
_BUDGET = Budget(requests_per_second=100, burst=100, requests_per_hour=1_000_000)
_OPERATIONS = {"page": "pages", "total": "check", "scopes": "discovery"}
_WARM_UP_SECONDS = 60.0
_DEZHU = {
    "statuses": frozenset(
        {
            Status.NOT_STARTED,
            Status.PAUSED,
            Status.RUNNING,
            Status.COMPLETED,
            Status.EXPIRED,
            Status.FAILED,
        }
    ),
    "statuses_per_query": 1,
}
_ALIYUN = {
    "statuses": frozenset(Status) - {Status.NOT_STARTED, Status.EXPIRED, Status.UNKNOWN},
    "statuses_per_query": None,
    "details": True,
    "discovers": True,
}
_VENDORS = {"dezhu": _DEZHU, "aliyun": _ALIYUN}
"""What each can filter by; ``tests/test_benchmarks.py`` compares with the sources."""


class Lists(Vendor):
    """A vendor whose tasks stand still, sorted once; its calls wait for the budget."""

    def __init__(self, rows, **abilities):
        super().__init__(clock=Clock(), page_size=_PAGE_SIZE, **abilities)
        self.put(*rows)
        self.limiter = Limiter(_BUDGET, self.clock)
        self.clock_offset = None
        self._sorted = {}
        # Discovery takes no call where there is nothing to discover.
        self._free = set() if self.abilities.discovers else {"scopes"}

    @property
    def sustained_rate(self):
        return self.limiter.sustained()

    async def page(self, query, number, *, priority):
        async with self.limiter.slot(priority):
            await self._answer("total" if query.page_size else "page", None)
        rows = self._rows(query.statuses)
        size = query.page_size or _PAGE_SIZE
        return Page(tuple(rows[(number - 1) * size : number * size]), len(rows))

    async def find(self, scope, task, *, priority):
        async with self.limiter.slot(priority):
            return await super().find(scope, task)

    async def _answer(self, operation, about):
        if operation not in self._free:
            await super()._answer(operation, about)

    def _rows(self, statuses):
        if statuses not in self._sorted:
            everything = self.lists[""].values()
            self._sorted[statuses] = [
                row for row in everything if statuses is None or row.status in statuses
            ]
        return self._sorted[statuses]


def run(*, quick: bool) -> list[Figure]:
    """50,000 tasks, of which one in a hundred is active and one idle."""
    tasks = 5000 if quick else 50_000
    figures = [
        figure
        for name, abilities in _VENDORS.items()
        for figure in _steady(name, abilities, tasks=tasks, quick=quick)
    ]
    return [*figures, *_details(tasks)]


def _steady(name, abilities, *, tasks, quick) -> list[Figure]:
    share = tasks // 100
    rows = _tasks(running=share, paused=share, completed=tasks - 2 * share)
    counted = asyncio.run(_hour_of(rows, abilities, collect=("progress",)))
    hourly = sum(counted.values())
    pages = -(-tasks // _PAGE_SIZE)
    everything = pages * HOUR / _EVERY
    parts = ", ".join(f"{_OPERATIONS[key]} {calls}" for key, calls in counted.items())
    return [
        Figure(
            benchmark=_NAME,
            name=f"{name}: calls an hour, {tasks:,} tasks",
            value=hourly,
            unit="calls",
            note=parts,
        ),
        Figure(
            benchmark=_NAME,
            name=f"{name}: of reading all every 30 s",
            value=100 * hourly / everything,
            unit="%",
            # Empty lists, discovery and the check weigh ten times as much in a tenth of the size.
            at_most=None if quick else 2.5,
            note=f"{everything:,.0f} calls an hour",
        ),
        Figure(
            benchmark=_NAME,
            name=f"{name}: of one call a task every 30 s",
            value=100 * hourly / (tasks * HOUR / _EVERY),
            unit="%",
            note=f"{tasks * HOUR / _EVERY:,.0f} calls an hour",
        ),
    ]


def _details(tasks: int) -> list[Figure]:
    """Finished tasks are described once, so that they are not there in the steady state."""
    share = tasks // 100
    rows = _tasks(running=share, paused=share, completed=0)
    still = asyncio.run(_hour_of(rows, _ALIYUN, hours=12))["find"] / 12
    moving = asyncio.run(_hour_of(rows, _ALIYUN, hours=1, moving=True))["find"]
    note = f"{share:,} active and {share:,} idle; beside the above"
    return [
        Figure(
            benchmark=_NAME,
            name="aliyun: details an hour, nothing modified",
            value=still,
            unit="calls",
            note=note,
        ),
        Figure(
            benchmark=_NAME,
            name="aliyun: details an hour, every active group modified all the time",
            value=moving,
            unit="calls",
            note=note,
        ),
    ]


def _tasks(**counts):
    return [
        task(f"{name}-{number}", Status(name), modified=1.0)
        for name, count in counts.items()
        for number in range(count)
    ]


async def _hour_of(rows, abilities, *, hours=1, moving=False, **common) -> Counter[str]:
    """Calls by operation in so many hours, after all is known."""
    vendor = Lists(rows, **abilities)
    with mock.patch("asyncio.to_thread", _at_once), capture_logs():
        async with Rig(
            vendor,
            transport=vendor,
            budget=_BUDGET,
            refresh=_REFRESH,
            tasks={"limit": 1_000_000},
            **common,
        ) as rig:
            await rig.forward(_WARM_UP_SECONDS)
            assert len(rig.book.counts()) == len({row.status for row in rows})
            vendor.calls.clear()
            for minute in range(60 * hours):
                if moving:
                    _modify(vendor, at=2.0 + minute)
                await rig.forward(60.0)
    return Counter(operation for operation, _ in vendor.calls)


def _modify(vendor, *, at):
    for row in list(vendor.lists[""].values()):
        if TIER_OF[row.status] is Tier.ACTIVE:
            vendor.change(row.id, modified=at)
    vendor._sorted.clear()  # noqa: SLF001 - the benchmark's own


async def _at_once(work, *args, **kwargs):
    # A thread takes time that no simulated clock knows.
    await asyncio.sleep(0)
    return work(*args, **kwargs)
