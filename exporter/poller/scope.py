"""The loops of one scope: each tier at its own interval, and whoever left its tier looked up."""

import asyncio
import math

from exporter.domain import TIER_OF, Scope, Status, Task, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.poller.context import Context, sleep_unless
from exporter.poller.health import Key
from exporter.poller.reading import Reader, Reading, Sighting
from exporter.poller.selection import Selector
from exporter.schedule import Timetable, retry_delay
from exporter.source import Priority, Query


class ScopePoller:
    """Reads one scope of an account until it is cancelled."""

    def __init__(self, context: Context, scope: Scope, reader: Reader, selector: Selector) -> None:
        self._context = context
        self._scope = scope
        self._reader = reader
        self._selector = selector
        self._early = {tier: asyncio.Event() for tier in Tier}
        self._totals: dict[Tier, int] = {}
        # Of every task that is read by name, exposed or not: an aged one is still not active.
        self._fixed_tiers: dict[str, Tier] = {}
        self.active_tried = asyncio.Event()
        """Set once the first reading of the active tier has ended, whatever came of it."""

    async def run(self) -> None:
        """Poll every tier; ends only by cancellation."""
        async with asyncio.TaskGroup() as tiers:
            for tier in Tier:
                tiers.create_task(self._poll_tier(tier), name=f"{self._scope.id}/{tier.value}")

    async def _poll_tier(self, tier: Tier) -> None:
        clock, random = self._context.clock, self._context.random
        interval = self._context.interval(tier)
        timetable = Timetable(interval=interval, start=clock.monotonic())
        while True:
            error, failures = await self._attempt(tier)
            delay, late = timetable.next(clock.monotonic(), random=random)
            retry = (
                None
                if error is None
                else retry_delay(error, failures=failures, interval=interval, random=random)
            )
            if retry is None:
                self._context.meter.skipped(tier, late)
            else:
                delay = retry
                if retry > interval:
                    timetable.restart(clock.monotonic() + retry)
            await sleep_unless(self._early[tier], clock=clock, seconds=delay)

    async def _attempt(self, tier: Tier) -> tuple[PollError | None, int]:
        context, started = self._context, self._context.clock.monotonic()
        missing: list[Task] = []
        error: PollError | None = None
        try:
            with context.guarded(tier.value):
                missing = self._record(await self._read(tier))
        except PollError as failure:
            error = failure
            if isinstance(failure, ScopeGone):
                context.book.drop_scope(self._scope.id)
        failures = context.health.record(
            Key(tier.value, self._scope),
            error,
            now=context.clock.now(),
            duration=context.clock.monotonic() - started,
        )
        await context.publish_safely()
        if tier is Tier.ACTIVE:
            self.active_tried.set()
        await self._follow_up(tier, missing)
        return error, failures

    async def _follow_up(self, tier: Tier, missing: list[Task]) -> None:
        """Look up what left the tier, and count now and then what no filter finds."""
        context = self._context
        try:
            with context.guarded(tier.value):
                await self._look_up(tier, missing)
                if tier is Tier.FINISHED:
                    await self._count_unclassified()
        except PollError as error:
            # Other reasons are counted by the transport; the rows stay, and the next reading asks
            # again.
            if error.reason is Reason.BUG:
                context.health.record(Key(tier.value, self._scope), error, now=context.clock.now())
        if missing or tier is Tier.FINISHED:
            await context.publish_safely()

    async def _read(self, tier: Tier) -> Reading:
        fixed = self._context.source.fixed_tasks(self._scope)
        if fixed is None:
            since = self._created_since(tier)
            return await self._reader.read(self._scope, tier, created_since=since)
        mine = [
            Task(id=task_id, name="", status=Status.UNKNOWN)
            for task_id in fixed
            if self._fixed_tiers.get(task_id, Tier.ACTIVE) is tier
        ]
        reading = await self._reader.read_fixed(self._scope, tier, mine)
        for task_id, sighting in reading.sightings.items():
            self._fixed_tiers[task_id] = TIER_OF[sighting.task.status]
        return reading

    def _created_since(self, tier: Tier) -> float | None:
        """How far back to list; a task once known is followed to its end all the same."""
        if not self._context.source.abilities.created_since:
            return None
        bound = self._context.clock.now() - self._selector.created_within
        if tier is Tier.FINISHED:
            return bound
        oldest = self._context.book.oldest_creation((self._scope.id, tier))
        return bound if oldest is None else min(bound, oldest)

    def _record(self, reading: Reading) -> list[Task]:
        for sighting in reading.sightings.values():
            if sighting.task.unknown:
                self._context.note_unknown(sighting.task)
        if reading.total is not None:
            self._totals[reading.tier] = _young(reading, self._created_since(Tier.FINISHED))
        missing = self._context.book.record(reading)
        self._context.details_wanted.set()
        return missing

    async def _look_up(self, tier: Tier, missing: list[Task]) -> None:
        """Find out where tasks went that their tier no longer shows, by whichever costs less."""
        others = [other for other in Tier if other is not tier]
        if not missing:
            return
        if len(missing) > sum(self._calls(other) for other in others):
            for other in others:
                self._early[other].set()
            return
        for task in missing:
            found = await self._context.source.find(self._scope, task, priority=Priority.ACTIVE)
            now = self._context.clock.now()
            if found is None:
                self._context.book.drop(task.id)
            else:
                sighting = Sighting(found, now)
                self._context.book.see(self._scope, sighting.task, sighting.at, now=now)

    def _calls(self, tier: Tier) -> int:
        """About how many calls a reading of ``tier`` takes."""
        abilities = self._context.source.abilities
        return 1 + math.ceil(self._totals.get(tier, 0) / abilities.page_size)

    async def _count_unclassified(self) -> None:
        """Compare the total of one unfiltered list with those of the filtered ones."""
        if len(self._totals) < len(Tier):
            return
        since = self._created_since(Tier.FINISHED)
        total = await self._reader.total(Query(self._scope, None, since))
        if total is not None:
            surplus = max(0, total - sum(self._totals.values()))
            self._context.unclassified[self._scope.id] = surplus


def _young(reading: Reading, since: float | None) -> int:
    """The vendor's count of a reading, less the tasks created before ``since``."""
    old = sum(
        1
        for sighting in reading.sightings.values()
        if since is not None and sighting.task.created is not None and sighting.task.created < since
    )
    return (reading.total or 0) - old
