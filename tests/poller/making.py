"""A vendor in memory, and one account that is polled from it on a clock that a test moves."""

import asyncio
import re
from collections import Counter
from zoneinfo import ZoneInfo

import msgspec

from exporter.config.model import Account, Common, Duration, Refresh, Selection
from exporter.domain import Progress, Schedule, Scope, Settings, Status, Task, Window
from exporter.poller.account import AccountPoller
from exporter.poller.book import Book
from exporter.poller.context import Context
from exporter.poller.publisher import Publisher
from exporter.poller.selection import Selector
from exporter.source import Abilities, Page
from tests.fakes import FakeClock, no_random

ZONE = ZoneInfo("Asia/Shanghai")
FILTERABLE = frozenset(Status) - {Status.UNKNOWN}
WHOLE = (Scope(),)
ACTIVE, IDLE, FINISHED = 60.0, 300.0, 3600.0
STALE_AFTER = 600.0
COUNTS = Progress(customers=100, completed=10, executing=1, failed=2, scheduling=3, calls=7)
ALWAYS = Schedule(zone="Asia/Shanghai", windows=(Window(9 * 3600, 18 * 3600),))


def task(task_id, status=Status.RUNNING, **fields):
    """A task as the vendor has it."""
    usual = {"name": f"name-{task_id}", "progress": COUNTS}
    return Task(id=task_id, status=status, **{**usual, **fields})


def detailed(row):
    """What the detail of a row tells."""
    return msgspec.structs.replace(
        row,
        schedule=row.schedule or ALWAYS,
        settings=row.settings or Settings(max_ringing=30.0),
        progress=msgspec.structs.replace(row.progress, calls=None),
    )


def no_fault(operation, about):
    """Nothing goes wrong."""


class Meter:
    """Counts what the poller tells of itself."""

    def __init__(self):
        self.retries = Counter()
        self.skips = Counter()
        self.unknowns = Counter()

    def retried(self, operation):
        self.retries[operation] += 1

    def skipped(self, tier, polls):
        self.skips[tier] += polls

    def unknown(self, field):
        self.unknowns[field] += 1


class Vendor:
    """A source over lists in memory; a test changes them while they are read.

    ``fault`` is asked before every answer, with the operation and what it is about, for an error to
    raise. ``between`` is called before every answer too.
    """

    def __init__(self, *rows, clock=None, scopes=WHOLE, **abilities):
        self.lists = {scope.id: {} for scope in scopes}
        self.known_scopes = tuple(scopes)
        self.abilities = Abilities(
            **{"statuses": FILTERABLE, "page_size": 3, "statuses_per_query": 1, **abilities}
        )
        self.concurrency = None
        self.credential_expiry = None
        self.fixed = {}
        self.calls = []
        self.fault = no_fault
        self.between = lambda: None
        self.latency = lambda: 0.0
        self.clock = clock
        self.put(*rows)

    def put(self, *rows, scope=""):
        """Add tasks, or put them in place of what they were."""
        for row in rows:
            self.lists[scope][row.id] = row

    def change(self, task_id, scope="", **fields):
        self.lists[scope][task_id] = msgspec.structs.replace(self.lists[scope][task_id], **fields)

    def remove(self, task_id, scope=""):
        del self.lists[scope][task_id]

    def count(self, operation):
        return sum(call[0] == operation for call in self.calls)

    def asked(self, operation):
        return [about for name, about in self.calls if name == operation]

    async def scopes(self):
        await self._answer("scopes", None)
        return self.known_scopes

    def fixed_tasks(self, scope):
        return self.fixed.get(scope.id) if self.fixed else None

    async def page(self, query, number, **_):
        await self._answer("total" if query.page_size else "page", (query, number))
        rows = [
            row
            for row in self.lists[query.scope.id].values()
            if (query.statuses is None or row.status in query.statuses)
            and (query.created_since is None or (row.created or 0.0) >= query.created_since)
        ]
        rows.sort(key=lambda row: (-row.rank, row.id))
        size = query.page_size or self.abilities.page_size
        mine = rows[(number - 1) * size : number * size]
        if self.abilities.details:
            mine = [msgspec.structs.replace(row, schedule=None, settings=None) for row in mine]
        return Page(tuple(mine), len(rows))

    async def find(self, scope, task, **_):
        await self._answer("find", task.id)
        row = self.lists[scope.id].get(task.id)
        return detailed(row) if row is not None and self.abilities.details else row

    async def _answer(self, operation, about):
        self.calls.append((operation, about))
        if self.clock is not None:
            await self.clock.sleep(self.latency())
        self.between()
        error = self.fault(operation, about)
        if error is not None:
            raise error


class Shelf:
    """A store that keeps every publication as the lines it would show."""

    def __init__(self):
        self.views = {}
        self.parts = {}
        self.watch = lambda: None
        self.replaced = []

    def replace(self, _, parts):
        self.parts.update(parts)
        self.replaced.append(parts)
        self.watch()

    def lines(self, family):
        found = []
        for chunks in self.parts.values():
            for piece in (chunks or {}).get(family, ()):
                texts = piece.plain if isinstance(piece.plain, tuple) else (piece.plain,)
                found += b"".join(texts).decode().splitlines()
        return found

    def statuses(self):
        """Task id and status of every ``outbound_task_info``, as often as it is there."""
        found = [re.search(r'task_id="([^"]*)".*?,status="([^"]*)"', line) for line in self.info()]
        return [(match[1], Status(match[2])) for match in found]

    def info(self):
        return self.lines("outbound_task_info")

    def exposed(self):
        """Status by task id; a task that is there twice fails."""
        rows = self.statuses()
        assert len(dict(rows)) == len(rows), f"twice: {rows}"
        return dict(rows)

    def value(self, family, **labels):
        """The one sample of a family with these labels; None without one."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        found = [line for line in self.lines(family) if all(text in line for text in wanted)]
        assert len(found) < 2, found
        return float(found[0].rsplit(" ", 1)[1]) if found else None


class Rig:
    """One account with all its loops, which run while ``async with`` lasts."""

    def __init__(
        self, vendor, *, clock=None, random=no_random, tasks=None, transport=None, **common
    ):
        self.clock = vendor.clock = vendor.clock or clock or Clock()
        self.vendor = vendor
        self.meter = Meter()
        self.shelf = Shelf()
        refresh = common.pop("refresh", {})
        self.account = Account(
            Common(
                name="acme",
                platform="memory",
                refresh=Refresh(**{name: Duration(value) for name, value in refresh.items()}),
                tasks=Selection(**(tasks or {})),
                **common,
            ),
            options=None,
            path="accounts[0]",
        )
        self.book = Book(Selector(self.account.common.tasks), details=vendor.abilities.details)
        self.publisher = Publisher(self.account, book=self.book, store=self.shelf, zone=ZONE)
        self.context = Context(
            self.account,
            source=vendor,
            transport=transport or Offsetless(),
            book=self.book,
            publisher=self.publisher,
            meter=self.meter,
            clock=self.clock,
            random=random,
        )
        self.poller = AccountPoller(self.context, start_after=0.0)

    async def __aenter__(self):
        self._task = asyncio.create_task(self.poller.run())
        await settled()
        await self.forward(0.001)
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task], timeout=5)
        assert self._task.cancelled(), "a loop ended by itself, or does not end"

    async def forward(self, seconds):
        """Let time pass and everything happen that is due."""
        end = self.clock.now() + seconds
        await settled()
        while (at := self.clock.next_wake()) is not None and at <= end:
            await self.clock.advance(max(0.0, at - self.clock.now()))
            await settled()
        await self.clock.advance(end - self.clock.now())
        await settled()

    @property
    def state(self):
        """What the account says of itself now."""
        return self.context.state()

    def reasons(self):
        return {failure.reason for failure in self.state.failures}


class Offsetless:
    clock_offset = None
    sustained_rate = 1e9


class Clock(FakeClock):
    """Tells when the next sleeper wakes, and whose walls may be set apart from its pace."""

    wall_offset = 0.0

    def now(self):
        return super().now() + self.wall_offset

    def next_wake(self):
        awake = [at for at, _, waiter in self._sleepers if not waiter.done()]
        return min(awake, default=None)


async def settled():
    """Until nobody can go on without time passing."""
    await asyncio.sleep(0)
    while asyncio.get_running_loop()._ready:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0)
