"""The loops of one scope: each tier at its own interval, and whoever left its tier looked up."""

import asyncio
import math
from functools import partial
from typing import Final

from exporter.background import forget_frames
from exporter.domain import TIER_OF, Scope, Status, Task, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.poller.concurrency import ConcurrencyPoller
from exporter.poller.context import Context, sleep_unless
from exporter.poller.health import LOOK_UP, Key
from exporter.poller.reading import Reader, Reading
from exporter.poller.selection import Selector
from exporter.schedule import SLOW_RETRY_SECONDS, Timetable, retry_delay
from exporter.source import Priority
from exporter.steps import chunks

_STEP: Final = 5000
_UNTOLD: Final = frozenset({Reason.PERMISSION, Reason.PROTOCOL, Reason.CONFIG, Reason.BUG})
"""Failures of a look-up that asking again would not mend, while reading lists may tell."""
_SHORTEST_SLEEP_SECONDS: Final = 0.001


class ScopePoller:
    """Reads one scope of an account until it is cancelled."""

    def __init__(
        self,
        context: Context,
        scope: Scope,
        reader: Reader,
        selector: Selector,
        *,
        concurrency: ConcurrencyPoller | None = None,
    ) -> None:
        """``concurrency`` None: that collector is off."""
        self._concurrency = concurrency
        self._context = context
        self._scope = scope
        self._reader = reader
        self._selector = selector
        self._early = {tier: asyncio.Event() for tier in Tier}
        self._sizes: dict[Tier, int] = {}
        self._look_up_after = self._classify_after = 0.0
        # Of every task that is read by name, exposed or not: an aged one is still not active.
        self._fixed_tiers = self._known_tiers()
        self.active_tried = asyncio.Event()
        """Set once the first reading of the active tier has ended, whatever came of it."""

    async def run(self) -> None:
        """Poll every tier; ends only by cancellation."""
        try:
            async with asyncio.TaskGroup() as tiers:
                for tier in Tier:
                    tiers.create_task(self._poll_tier(tier), name=f"{self._scope.id}/{tier.value}")
                if self._concurrency is not None:
                    others = self._concurrency.poll_scope(self._scope, after=self.active_tried)
                    task = tiers.create_task(others, name=f"{self._scope.id}/concurrency")
                    task.add_done_callback(forget_frames)
        finally:
            # Nobody waits for a scope that went away before its first reading.
            self.active_tried.set()

    async def _poll_tier(self, tier: Tier) -> None:
        context, clock, random = self._context, self._context.clock, self._context.random
        timetable = Timetable(interval=context.pace.configured(tier), start=clock.monotonic())
        while True:
            error, failures = await self._attempt(tier)
            now = clock.monotonic()
            interval = context.pace.planned(tier, now=now)
            timetable.change(interval, now)
            delay, late = timetable.next(now, random=random)
            context.meter.skipped(tier, late)
            retry: float | None = None
            if error is None:
                context.pace.scheduled(tier, self._scope, interval * (1 + late))
            else:
                retry = retry_delay(error, failures=failures, interval=interval, random=random)
            if retry is None:
                await self._until_due(tier, timetable, delay)
                continue
            if retry > interval:
                timetable.restart(now + retry)
            await sleep_unless(self._early[tier], clock=clock, seconds=retry)

    async def _until_due(self, tier: Tier, timetable: Timetable, delay: float) -> None:
        """Sleep until the next poll, which may come to be due at another time meanwhile."""
        clock, pace = self._context.clock, self._context.pace
        configured = pace.configured(tier)
        until = clock.monotonic() + delay
        while (left := until - clock.monotonic()) > _SHORTEST_SLEEP_SECONDS:
            # Sooner than the configured interval none can come to be due.
            seconds = left if left < 2 * configured else configured
            if await sleep_unless(self._early[tier], clock=clock, seconds=seconds):
                return
            now = clock.monotonic()
            until += timetable.change(pace.planned(tier, now=now), now)

    async def _attempt(self, tier: Tier) -> tuple[PollError | None, int]:
        context, started = self._context, self._context.clock.monotonic()
        reading: Reading | None = None
        missing: list[Task] = []
        error: PollError | None = None
        key = Key(tier.value, self._scope)
        try:
            with context.guarded(key.where):
                reading = await self._read(tier)
                missing = await self._record(reading)
        except PollError as failure:
            error = failure
            if isinstance(failure, ScopeGone):
                context.book.drop_scope(self._scope.id)
                context.unclassified.pop(self._scope.id, None)
        failures = context.health.record(
            key,
            error,
            now=context.clock.now(),
            duration=context.clock.monotonic() - started,
        )
        await context.publish_safely()
        if tier is Tier.ACTIVE:
            self.active_tried.set()
        if reading is not None:
            await self._follow_up(reading, missing)
        return error, failures

    async def _follow_up(self, reading: Reading, missing: list[Task]) -> None:
        """Look up what left the tier, and count now and then what no filter finds."""
        context, key = self._context, Key(f"{reading.tier.value} {LOOK_UP}", self._scope)
        error: PollError | None = None
        try:
            with context.guarded(key.where):
                await self._look_up(reading, missing)
                if reading.tier is Tier.FINISHED:
                    await self._count_unclassified()
        except PollError as failure:
            # Other reasons are counted by the transport; the rows stay, and the next reading asks
            # again.
            error = failure if failure.reason is Reason.BUG else None
        if error is not None or context.health.fails(key):
            context.health.record(key, error, now=context.clock.now())
        if missing or reading.tier is Tier.FINISHED:
            await context.publish_safely()

    async def _read(self, tier: Tier) -> Reading:
        fixed = self._context.source.fixed_tasks(self._scope)
        if fixed is None:
            since = self._created_since(tier)
            return await self._reader.read(
                self._scope, tier, created_since=since, expect=partial(self._expect, tier)
            )
        mine = [
            Task(id=task_id, name="", status=Status.UNKNOWN)
            for task_id in fixed
            if self._fixed_tiers.get(task_id, Tier.ACTIVE) is tier
        ]
        reading = await self._reader.read_fixed(self._scope, tier, mine)
        for task_id, sighting in reading.sightings.items():
            self._fixed_tiers[task_id] = TIER_OF[sighting.task.status]
        # An id that is not there is hardly ever made later.
        self._fixed_tiers.update(dict.fromkeys(reading.gone, Tier.IDLE))
        return reading

    def _known_tiers(self) -> dict[str, Tier]:
        """Where the tasks that are read by name were before the configuration changed, if known."""
        fixed = self._context.source.fixed_tasks(self._scope) or ()
        places = {task_id: self._context.book.place(task_id) for task_id in fixed}
        return {task_id: place[1] for task_id, place in places.items() if place is not None}

    def _expect(self, tier: Tier, calls: int) -> None:
        now = self._context.clock.monotonic()
        self._context.pace.expect(tier, self._scope, calls, now=now)

    def _created_since(self, tier: Tier) -> float | None:
        """How far back to list; a task once known is followed to its end all the same."""
        if not self._context.source.abilities.created_since:
            return None
        bound = self._context.clock.now() - self._selector.created_within
        if tier is Tier.FINISHED:
            return bound
        oldest = self._context.book.oldest_creation((self._scope.id, tier))
        return bound if oldest is None else min(bound, oldest)

    async def _record(self, reading: Reading) -> list[Task]:
        for some in chunks(reading.sightings.values(), _STEP):
            for sighting in some:
                if sighting.task.unknown:
                    self._context.note_unknown(sighting.task)
            await asyncio.sleep(0)
        self._sizes[reading.tier] = len(reading.sightings)
        # After its finished lists a scope is counted, at the price of one call.
        self._context.pace.read(
            reading.tier,
            self._scope,
            calls=reading.calls + (reading.tier is Tier.FINISHED),
            seconds=self._context.clock.monotonic() - reading.started,
        )
        missing = await self._context.record(reading)
        self._context.details_wanted.set()
        return missing

    async def _look_up(self, reading: Reading, missing: list[Task]) -> None:
        """Find out where tasks went that their tier no longer shows, by whichever costs less.

        Raises:
            PollError: The vendor cannot be asked now.
        """
        others = [other for other in Tier if other is not reading.tier]
        # What no list would show is asked for by its id, whatever that costs.
        alone = [task for task in missing if self._is_unlisted(task)]
        listed = [task for task in missing if not self._is_unlisted(task)]
        if len(listed) > sum(self._calls(other) for other in others):
            self._read_early(others)
            listed = []
        bug: PollError | None = None
        for task in [*alone, *listed]:
            try:
                await self._find(task)
            except PollError as error:
                if error.reason not in _UNTOLD:
                    raise
                bug = error if error.reason is Reason.BUG else bug
                self._read_early(others)
        if bug is not None:
            raise bug

    def _is_unlisted(self, task: Task) -> bool:
        """Whether a task that is known is older than lists reach, or has no status to filter by."""
        since = self._created_since(Tier.FINISHED)
        if since is not None and task.created is not None and task.created < since:
            return True
        filters = self._context.source.abilities.statuses
        return bool(filters) and task.status not in filters

    def _read_early(self, tiers: list[Tier]) -> None:
        for tier in tiers:
            self._early[tier].set()

    async def _find(self, task: Task) -> None:
        """Ask for one task, unless it was seen meanwhile or asking is off."""
        context, clock = self._context, self._context.clock
        entry = context.book.entry(task.id)
        if entry is None or entry.missing_since is None:
            return
        if clock.monotonic() < self._look_up_after:
            raise PollError(Reason.PERMISSION, "look-ups are off for a while")
        try:
            with context.guarded(Key(LOOK_UP, self._scope).where):
                found = await context.source.find(self._scope, task, priority=Priority.ACTIVE)
        except PollError as error:
            if error.reason is Reason.PERMISSION:
                self._look_up_after = clock.monotonic() + SLOW_RETRY_SECONDS
            raise
        if found is None:
            context.book.drop(task.id)
        else:
            context.book.see(self._scope, found, clock.monotonic(), now=clock.now())

    def _calls(self, tier: Tier) -> int:
        """About how many calls a reading of ``tier`` takes."""
        abilities = self._context.source.abilities
        return 1 + math.ceil(self._sizes.get(tier, 0) / abilities.page_size)

    async def _count_unclassified(self) -> None:
        """Compare the total of one unfiltered list with those of the filtered ones."""
        context, now = self._context, self._context.clock.monotonic()
        if context.source.fixed_tasks(self._scope) is not None or now < self._classify_after:
            return
        found = await self._reader.unclassified(
            self._scope,
            read=sum(self._sizes.values()),
            created_since=self._created_since(Tier.FINISHED),
        )
        # A reading made early is no reason to count again.
        self._classify_after = now + context.pace.planned(Tier.FINISHED, now=now) / 2
        if found is not None:
            context.unclassified[self._scope.id] = found
