"""Fetches what list rows lack, one task at a time, from what the budget leaves over."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from exporter.domain import Scope, Task, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.poller.context import Context, sleep_unless
from exporter.poller.detail_plan import Planner, Verdict
from exporter.poller.details import due_at
from exporter.poller.health import DETAIL, Key
from exporter.poller.places import Entry, Place
from exporter.schedule import backoff, retry_delay
from exporter.source import Priority
from exporter.steps import chunks, in_steps

_BATCH: Final = 20
_IDLE_SECONDS: Final = 600.0
_COLLECTORS: Final = frozenset({"schedule", "settings"})
_RANK: Final = {Tier.ACTIVE: 0, Tier.IDLE: 1, Tier.FINISHED: 2}


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
        self._planner = Planner()

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
        await self._look()
        await self._tell(self._planner.outstanding)
        due = self._planner.due()
        if not due:
            seconds = min(_IDLE_SECONDS, max(0.0, self._planner.next_at - clock.monotonic()))
            await sleep_unless(context.details_wanted, clock=clock, seconds=seconds)
            return
        for some in chunks(due, _BATCH):
            pause = await self._fetch_some(each.task_id for each in some)
            await context.publish_safely()
            # A pause is made whatever is wanted meanwhile.
            await clock.sleep(pause)
            if pause or context.details_wanted.is_set():
                break
        context.details_wanted.clear()

    async def _fetch_some(self, task_ids: Iterable[str]) -> float:
        """Fetch some details, up to one that fails; returns for how long none is to be fetched."""
        book, pause = self._context.book, 0.0
        for task_id in task_ids:
            place = book.place(task_id)
            pause = await self._attempt(task_id)
            # Where it was is looked at again, also if nothing changed; where it is has changed.
            if place is not None:
                self._planner.forget([place])
            if pause:
                break
        return pause

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
        # That none is left is for the next look to say: more may have come meanwhile.
        context.details_outstanding = max(1, (context.details_outstanding or 0) - 1)
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
            self._planner.forget((scope.id, tier) for tier in Tier)
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

    async def _look(self) -> None:
        """Plan anew where anything happened, or something became due."""
        context, now = self._context, self._context.clock.monotonic()
        self._planner.forget(context.book.take_touched())
        places = [place for place in context.book.places() if self._may_need(place)]
        self._planner.keep(places)
        for place in list(self._planner.stale(places, now)):
            entries = context.book.entries(place)
            await in_steps(self._planner.scan(place, entries, self._judge, now))

    def _may_need(self, place: Place) -> bool:
        """Whether a detail of any task of a place could be wanted."""
        scope = self._context.scopes.get(place[0])
        if scope is None or self._context.source.fixed_tasks(scope) is not None:
            return False
        return self._wanted or place[1] is Tier.ACTIVE

    def _judge(self, place: Place, task_id: str, entry: Entry) -> Verdict | None:
        tier = place[1]
        if not self._wanted and entry.counted:
            return None
        at = due_at(
            entry.task,
            tier,
            self._context.book.detail(task_id),
            counted=entry.counted,
            refresh=self._context.account.common.refresh.detail,
            active=self._context.interval(Tier.ACTIVE),
        )
        if at is None:
            return None
        off, failing = self._off.get(place[0], 0.0), self._failing.get(task_id)
        if failing is None:
            return Verdict(at, off, 0, _RANK[tier])
        return Verdict(at, max(off, failing.not_before), failing.failures, _RANK[tier])
