"""Fetches what list rows lack, one task at a time, from what the budget leaves over."""

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.domain import Scope, Task, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.poller.context import Context, sleep_unless
from exporter.poller.details import due_at
from exporter.poller.health import DETAIL, Key
from exporter.schedule import backoff, retry_delay
from exporter.source import Priority

_BATCH: Final = 20
_SCAN_STEP: Final = 500
_IDLE_SECONDS: Final = 600.0
_COLLECTORS: Final = frozenset({"schedule", "settings"})
_RANK: Final = {Tier.ACTIVE: 0, Tier.IDLE: 1, Tier.FINISHED: 2}


class _Due(msgspec.Struct, frozen=True, order=True):
    failures: int
    rank: int
    at: float
    task_id: str


class _Plan(msgspec.Struct):
    """What to fetch now, how many tasks lack a detail in all, and when the next one is due."""

    next_at: float
    due: list[_Due] = []
    outstanding: int = 0


class _Failing(msgspec.Struct, frozen=True):
    """A task whose latest fetches failed; it is left alone until ``not_before``."""

    scope_id: str
    failures: int
    not_before: float


class DetailPoller:
    """Keeps the details of an account's tasks current; ends only by cancellation.

    A task that fails is put off and then comes after all others, so that it keeps nobody waiting.
    All times are those of the monotonic clock.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wanted = bool(_COLLECTORS & set(context.account.common.collect))
        self._failing: dict[str, _Failing] = {}
        self._off: dict[str, float] = {}
        self._failed_in_a_row = 0

    async def run(self) -> None:
        """Fetch whatever is due, the active tasks first, then wait for more."""
        while True:
            try:
                with self._context.guarded(DETAIL):
                    await self._turn()
            except PollError:
                await self._context.clock.sleep(_IDLE_SECONDS)

    async def _turn(self) -> None:
        context, clock = self._context, self._context.clock
        plan = await self._scan()
        await self._tell(plan.outstanding)
        if not plan.due:
            seconds = max(0.0, plan.next_at - clock.monotonic())
            await sleep_unless(context.details_wanted, clock=clock, seconds=seconds)
            return
        pause = 0.0
        for each in sorted(plan.due)[:_BATCH]:
            pause = await self._attempt(each.task_id)
            if pause:
                break
        await context.publish_safely()
        # A pause is made whatever is wanted meanwhile.
        await clock.sleep(pause)

    async def _tell(self, outstanding: int) -> None:
        told, self._context.details_outstanding = self._context.details_outstanding, outstanding
        if told != outstanding:
            await self._context.publish_safely()

    async def _attempt(self, task_id: str) -> float:
        """Fetch one detail; returns for how many seconds none is to be fetched then."""
        context = self._context
        place, entry = context.book.place(task_id), context.book.entry(task_id)
        scope = None if place is None else context.scopes.get(place[0])
        if entry is None or scope is None or self._is_off(scope):
            return 0.0
        try:
            with context.guarded(Key(DETAIL, scope).where):
                await self._fetch(scope, entry.task)
        except PollError as error:
            context.health.record(Key(DETAIL, scope), error, now=context.clock.now())
            return self._failed(scope, task_id, error)
        self._failed_in_a_row = 0
        self._failing.pop(task_id, None)
        if not any(self._still_failing(scope)):
            context.health.record(Key(DETAIL, scope), None, now=context.clock.now())
        return 0.0

    async def _fetch(self, scope: Scope, task: Task) -> None:
        context, clock = self._context, self._context.clock
        found = await context.source.find(scope, task, priority=Priority.DETAIL)
        if context.book.entry(task.id) is None:
            return  # It went while it was asked for, perhaps with its scope.
        if found is None:
            context.book.drop(task.id)
            return
        if found.unknown:
            context.note_unknown(found)
        context.book.see(scope, found, clock.monotonic(), now=clock.now())

    def _failed(self, scope: Scope, task_id: str, error: PollError) -> float:
        """Put off what failed: the task, its scope, or by the pause returned all of them."""
        context = self._context
        now, active = context.clock.monotonic(), context.interval(Tier.ACTIVE)
        before = self._failing.get(task_id)
        failures = 1 if before is None else before.failures + 1
        longest = context.interval(Tier.IDLE)
        own = retry_delay(error, failures=failures, interval=longest, random=context.random)
        delay = longest if own is None else own
        self._failing[task_id] = _Failing(scope.id, failures, now + delay)
        if error.reason is Reason.PERMISSION or isinstance(error, ScopeGone):
            self._off[scope.id] = now + delay
            return 0.0
        if error.reason is Reason.AUTH:
            return delay
        self._failed_in_a_row += 1
        pause = backoff(self._failed_in_a_row, interval=active, random=context.random)
        return max(pause, error.retry_after or 0.0)

    def _is_off(self, scope: Scope) -> bool:
        return self._context.clock.monotonic() < self._off.get(scope.id, 0.0)

    def _still_failing(self, scope: Scope) -> Iterator[str]:
        for task_id, failing in list(self._failing.items()):
            if self._context.book.entry(task_id) is None:
                del self._failing[task_id]
            elif failing.scope_id == scope.id:
                yield task_id

    async def _scan(self) -> _Plan:
        context, now = self._context, self._context.clock.monotonic()
        plan = _Plan(now + _IDLE_SECONDS)
        for place in context.book.places():
            scope = context.scopes.get(place[0])
            if scope is None or context.source.fixed_tasks(scope) is not None:
                continue
            tasks = context.book.tasks(place)
            for first in range(0, len(tasks), _SCAN_STEP):
                for task in tasks[first : first + _SCAN_STEP]:
                    self._plan(plan, task, place[1], self._off.get(scope.id, 0.0), now)
                await asyncio.sleep(0)
        return plan

    def _plan(self, plan: _Plan, task: Task, tier: Tier, off: float, now: float) -> None:
        at = self._due_at(task, tier)
        if at is None:
            return
        failing = self._failing.get(task.id)
        not_before = off if failing is None else max(off, failing.not_before)
        plan.outstanding += at <= now
        if max(at, not_before) > now:
            plan.next_at = min(plan.next_at, max(at, not_before))
        else:
            plan.due.append(_Due(failing.failures if failing else 0, _RANK[tier], at, task.id))

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
