"""All loops of one account: discovery of its scopes, their tiers, details, and the clock."""

import asyncio
from typing import Final

from exporter.background import forget_frames
from exporter.domain import Scope, Tier
from exporter.errors import PollError
from exporter.poller.concurrency import ConcurrencyPoller
from exporter.poller.context import Context, sleep_unless
from exporter.poller.detail_loop import DetailPoller
from exporter.poller.health import CONCURRENCY, DISCOVERY, Key
from exporter.poller.reading import Reader
from exporter.poller.scope import ScopePoller
from exporter.poller.selection import Selector
from exporter.schedule import jittered, retry_delay

_MINUTE_SECONDS: Final = 60.0
_SHORTEST_TICK_SECONDS: Final = 0.05


class AccountPoller:
    """Polls one account and publishes it, until it is cancelled."""

    def __init__(self, context: Context, *, start_after: float) -> None:
        """``start_after`` seconds staggers accounts that start together."""
        self._context = context
        self._start_after = start_after
        self._selector = Selector(context.account.common.tasks)
        self._reader = Reader(
            context.source, clock=context.clock, random=context.random, meter=context.meter
        )
        self._concurrency = _concurrency_poller(context, self._reader)
        self._running: dict[Scope, asyncio.Task[None]] = {}
        self.ready = asyncio.Event()
        """Set once the first active reading of every scope has ended, whatever came of it."""

    async def run(self) -> None:
        """Poll; ends only by cancellation."""
        await self._context.publish_safely()
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._keep_time(), name="clock")
            if self._context.source.abilities.details:
                loops.create_task(DetailPoller(self._context).run(), name="details")
            if self._concurrency is not None:
                whole = self._concurrency.poll_account(after=self.ready)
                loops.create_task(whole, name=CONCURRENCY)
            await self._context.clock.sleep(self._start_after)
            await self._discover(loops)

    async def _discover(self, loops: asyncio.TaskGroup) -> None:
        context = self._context
        while True:
            error: PollError | None = None
            try:
                with context.guarded(DISCOVERY):
                    await self._follow(await context.source.scopes(), loops)
            except PollError as failure:
                error = failure
                self.ready.set()
            interval = context.interval(Tier.IDLE)
            failures = context.health.record(Key(DISCOVERY), error, now=context.clock.now())
            await context.publish_safely()
            retry = (
                None
                if error is None
                else retry_delay(error, failures=failures, interval=interval, random=context.random)
            )
            usual = jittered(interval, random=context.random)
            await context.clock.sleep(usual if retry is None else retry)

    async def _follow(self, scopes: tuple[Scope, ...], loops: asyncio.TaskGroup) -> None:
        """Start reading new scopes and stop reading those that are gone."""
        context = self._context
        # Also those that were read before the configuration changed.
        known = dict.fromkeys([*context.scopes.values(), *self._running])
        gone = [scope for scope in known if scope not in scopes]
        ended = [self._running.pop(scope) for scope in gone if scope in self._running]
        for task in ended:
            task.cancel()
        if ended:
            # What they still had to say must not come after they are forgotten.
            await asyncio.wait(ended)
        for scope in gone:
            context.forget_scope(scope)
            if scope.id not in {kept.id for kept in scopes}:
                context.book.drop_scope(scope.id)
                context.concurrency.drop_scope(scope.id)
        context.scopes = {scope.id: scope for scope in scopes}
        if self._concurrency is not None:
            self._concurrency.take_listed(scopes)
        fresh = [scope for scope in scopes if scope not in self._running]
        pollers = [
            ScopePoller(context, scope, self._reader, self._selector, concurrency=self._concurrency)
            for scope in fresh
        ]
        for scope, poller in zip(fresh, pollers, strict=True):
            task = loops.create_task(poller.run(), name=f"scope {scope.id}")
            task.add_done_callback(forget_frames)
            self._running[scope] = task
        if not self.ready.is_set():
            loops.create_task(self._await_first(pollers), name="first readings")

    async def _await_first(self, pollers: list[ScopePoller]) -> None:
        for poller in pollers:
            await poller.active_tried.wait()
        self.ready.set()

    async def _keep_time(self) -> None:
        """Follow the clock without a call: windows, time remaining, and data that grows stale."""
        while True:
            try:
                with self._context.guarded("clock"):
                    await self._tick()
            except PollError:
                await self._context.clock.sleep(_MINUTE_SECONDS)

    async def _tick(self) -> None:
        context, clock = self._context, self._context.clock
        context.edge_moved.clear()
        now, edge = clock.now(), context.next_edge
        expiry = context.next_expiry()
        waits = [_MINUTE_SECONDS - now % _MINUTE_SECONDS]
        if edge is not None:
            waits.append(edge - now)
        if expiry is not None:
            waits.append(expiry - clock.monotonic())
        seconds = max(_SHORTEST_TICK_SECONDS, min(waits))
        until = clock.monotonic() + seconds
        await sleep_unless(context.edge_moved, clock=clock, seconds=seconds)
        if clock.monotonic() < until:
            return
        context.expire()
        await context.publish_safely(clock_moved=True)


def _concurrency_poller(context: Context, reader: Reader) -> ConcurrencyPoller | None:
    """The optional collector; None where it is off, or the vendor has nothing for it."""
    source = context.source.concurrency
    if source is None or CONCURRENCY not in context.account.common.collect:
        return None
    return ConcurrencyPoller(context, source, reader)
