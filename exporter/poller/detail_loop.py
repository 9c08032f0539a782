"""Fetches what list rows lack, one task at a time, from what the budget leaves over."""

import asyncio
from typing import Final

import msgspec

from exporter.domain import Scope, Task, Tier
from exporter.errors import PollError
from exporter.poller.context import Context, sleep_unless
from exporter.poller.details import due_at
from exporter.poller.health import DETAIL, Key
from exporter.schedule import retry_delay
from exporter.source import Priority

_BATCH: Final = 20
_SCAN_STEP: Final = 500
_IDLE_SECONDS: Final = 600.0
_COLLECTORS: Final = frozenset({"schedule", "settings"})
_RANK: Final = {Tier.ACTIVE: 0, Tier.IDLE: 1, Tier.FINISHED: 2}


class _Due(msgspec.Struct, frozen=True, order=True):
    rank: int
    at: float
    task_id: str


class DetailPoller:
    """Keeps the details of an account's tasks current; ends only by cancellation."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wanted = bool(_COLLECTORS & set(context.account.common.collect))

    async def run(self) -> None:
        """Fetch whatever is due, the active tasks first, then wait for more."""
        clock = self._context.clock
        while True:
            due, next_at = await self._scan()
            await self._tell(len(due))
            pause = max(0.0, next_at - clock.now())
            if due:
                pause = await self._fetch_some(due[:_BATCH])
            if pause or not due:
                await sleep_unless(self._context.details_wanted, clock=clock, seconds=pause)

    async def _tell(self, outstanding: int) -> None:
        told, self._context.details_outstanding = self._context.details_outstanding, outstanding
        if told != outstanding:
            await self._context.publish_safely()

    async def _fetch_some(self, due: list[_Due]) -> float:
        """Fetch a few and publish them; returns how long to wait, for a failure or not at all."""
        context, pause = self._context, 0.0
        error: PollError | None = None
        try:
            with context.guarded(DETAIL):
                for each in due:
                    await self._fetch(each.task_id)
        except PollError as failure:
            error = failure
        failures = context.health.record(Key(DETAIL), error, now=context.clock.now())
        if error is not None:
            interval = context.interval(Tier.IDLE)
            retry = retry_delay(error, failures=failures, interval=interval, random=context.random)
            pause = interval if retry is None else retry
        await context.publish_safely()
        return pause

    async def _fetch(self, task_id: str) -> None:
        context = self._context
        place, entry = context.book.place(task_id), context.book.entry(task_id)
        if place is None or entry is None:
            return
        scope = context.scopes.get(place[0], Scope(place[0]))
        found = await context.source.find(scope, entry.task, priority=Priority.DETAIL)
        now = context.clock.now()
        if found is None:
            context.book.drop(task_id)
            return
        if found.unknown:
            context.note_unknown(found)
        context.book.see(scope, found, now, now=now)

    async def _scan(self) -> tuple[list[_Due], float]:
        """What is due now, and when the next one will be, epoch seconds."""
        now = self._context.clock.now()
        due: list[_Due] = []
        next_at = now + _IDLE_SECONDS
        for place in self._context.book.places():
            scope = self._context.scopes.get(place[0])
            if scope is None or self._context.source.fixed_tasks(scope) is not None:
                continue
            tasks = self._context.book.tasks(place)
            for first in range(0, len(tasks), _SCAN_STEP):
                for task in tasks[first : first + _SCAN_STEP]:
                    at = self._due_at(task, place[1])
                    if at is not None and at <= now:
                        due.append(_Due(_RANK[place[1]], at, task.id))
                    elif at is not None:
                        next_at = min(next_at, at)
                await asyncio.sleep(0)
        due.sort()
        return due, next_at

    def _due_at(self, task: Task, tier: Tier) -> float | None:
        entry = self._context.book.entry(task.id)
        counted = entry is None or entry.counted
        if not self._wanted and (counted or tier is not Tier.ACTIVE):
            return None
        return due_at(
            task,
            tier,
            self._context.book.detail(task.id),
            counted=counted,
            refresh=self._context.account.common.refresh.detail,
            active=self._context.interval(Tier.ACTIVE),
        )
