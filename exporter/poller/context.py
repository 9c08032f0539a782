"""What the loops of one account share."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from exporter.clock import Clock
from exporter.config.model import Account
from exporter.domain import AccountState, Scope, Task, Tier, TierState
from exporter.errors import PollError, Reason
from exporter.poller.book import Book
from exporter.poller.concurrency_book import ConcurrencyBook
from exporter.poller.health import CONCURRENCY, DISCOVERY, EXPOSITION, Health, Key
from exporter.poller.pace import Pace
from exporter.poller.publisher import Publisher
from exporter.poller.reading import Reading
from exporter.schedule import Random
from exporter.source import Source
from exporter.steps import in_steps
from exporter.telemetry import AccountMeter
from exporter.transport import Transport

_FREED_AT_ONCE: Final = 2000

_log = structlog.get_logger()


class Context:
    """One account's book, health and publisher, and the intervals in force."""

    def __init__(
        self,
        account: Account,
        *,
        source: Source,
        transport: Transport,
        book: Book,
        publisher: Publisher,
        meter: AccountMeter,
        clock: Clock,
        random: Random,
    ) -> None:
        self.account = account
        self.source = source
        self.book = book
        self.concurrency = ConcurrencyBook()
        self.meter = meter
        self.clock = clock
        self.random = random
        self.health = Health(account.name)
        self.pace = Pace(
            account.common, source.abilities, sustained=lambda: transport.sustained_rate
        )
        self.scopes: dict[str, Scope] = {}
        self.unclassified: dict[str, int] = {}
        self.details_outstanding: int | None = None
        self.details_wanted = asyncio.Event()
        self.edge_moved = asyncio.Event()
        """Set when ``next_edge`` is not what it was."""
        self._transport = transport
        self._publisher = publisher
        self._told: set[tuple[str, str]] = set()
        self._bugs: dict[str, type[Exception]] = {}

    async def follow(self, before: "Context") -> None:
        """Go on from what is known of the same account, which is polled no more as ``before``.

        Everything shown stays so until a poll of one's own, or its age, says otherwise.
        """
        collect = self.account.common.collect
        same_collectors = set(collect) == set(before.account.common.collect)
        self.health.follow(before.health, collectors=same_collectors)
        if CONCURRENCY in collect:
            self.concurrency = before.concurrency
        self.pace.follow(before.pace)
        self.scopes = dict(before.scopes)
        self.unclassified = dict(before.unclassified)
        self.details_outstanding = before.details_outstanding
        self._transport.clock_offset = before.clock_offset
        self.source.follow(before.source)
        await in_steps(self.book.follow(before.book, now=self.clock.now()))

    @property
    def clock_offset(self) -> float | None:
        """The vendor's clock less ours in seconds; None before its first answer."""
        return self._transport.clock_offset

    def interval(self, tier: Tier) -> float:
        """The interval in force for a tier, in seconds: that of its slowest scope."""
        return self.pace.interval(tier)

    def forget_scope(self, scope: Scope) -> None:
        """Drop what is known of how a scope fared."""
        self.health.forget_scope(scope)
        self.unclassified.pop(scope.id, None)
        self.pace.forget(scope)

    def lifetimes(self) -> dict[Tier, float]:
        """How long after it was seen last a task of each tier is still exposed, in seconds.

        The age of a reading counts from its end, that of a task from when its page came. Where
        that is no small difference it is added: a long reading must not expire what its first
        pages showed before the next one can be complete.
        """
        stale_after = self.account.common.stale_after
        longest = {tier: self.pace.longest_reading(tier) for tier in Tier}
        return {
            tier: self.interval(tier) + stale_after + (took if took > stale_after / 2 else 0.0)
            for tier, took in longest.items()
        }

    def next_expiry(self) -> float | None:
        """When the next task, or what is known of concurrency, expires; None if nothing does."""
        expiries = (self.book.next_expiry(self.lifetimes()), self.concurrency.next_expiry())
        return min((expiry for expiry in expiries if expiry is not None), default=None)

    def expire(self) -> None:
        """Drop what is too old to be shown."""
        self.book.expire(self.clock.monotonic(), self.lifetimes())
        self.concurrency.expire(self.clock.monotonic())

    @property
    def next_edge(self) -> float | None:
        """When a calling window opens or closes next within the minute, epoch seconds."""
        return self._publisher.next_edge

    async def publish_safely(self, *, clock_moved: bool = False) -> None:
        """Publish what changed in the book, and the state; a fault shows as reason bug.

        The tasks that were published before stay, and the next publication tries the same again.
        """
        key, edge = Key(EXPOSITION), self.next_edge
        error: PollError | None = None
        try:
            with self.guarded(EXPOSITION):
                await self._publisher.publish(
                    self.scopes,
                    self.state,
                    now=self.clock.now(),
                    clock_moved=clock_moved,
                    concurrency=lambda: self.concurrency.rows(self.book),
                )
        except PollError as failure:
            error = failure
        if self.next_edge != edge:
            self.edge_moved.set()
        if error is None and not self.health.fails(key):
            return
        self.health.record(key, error, now=self.clock.now())
        with suppress(PollError), self.guarded("state"):
            await self._publisher.tell(self.state)

    async def record(self, reading: Reading) -> list[Task]:
        """Take a complete reading into the book, in steps that leave the loop free.

        Its sightings are given up.

        Returns:
            The tasks of its tier that it lacks and whose new place has to be looked up.
        """
        async with self._publisher.book_at_rest:
            work = self.book.record(reading, now=self.clock.now())
            try:
                missing = await in_steps(work)
            except asyncio.CancelledError:
                # Half taken in, it could be over the limit, and would be published like that.
                deque(work, maxlen=0)
                raise
        # Freed at once, with all tasks that are what they were, they would hold the loop too.
        while reading.sightings:
            for _ in range(min(len(reading.sightings), _FREED_AT_ONCE)):
                reading.sightings.popitem()
            await asyncio.sleep(0)
        return missing

    def note_unknown(self, task: Task) -> None:
        """Count the values of a task that could not be read; log each field once."""
        self.note_unknown_fields(task.unknown, task.status.value)

    def note_unknown_fields(self, fields: Iterable[str], of: str = "") -> None:
        """The same for these fields; each is logged once for each kind of thing it is ``of``."""
        for field in fields:
            self.meter.unknown(field)
            told = (field, of)
            if told not in self._told:
                self._told.add(told)
                _log.warning("unknown value", account=self.account.name, field=field)

    @contextmanager
    def guarded(self, where: str) -> Iterator[None]:
        """The boundary of every attempt: an exception of our own becomes a PollError too.

        Its traceback is logged once, until what failed has worked again, and the loop that called
        lives on.

        Raises:
            PollError: Whatever went wrong inside.
        """
        try:
            yield
        except PollError:
            raise
        except Exception as error:
            if self._bugs.get(where) is not type(error):
                self._bugs[where] = type(error)
                _log.exception("bug", account=self.account.name, where=where)
            message = "an error in the exporter; its log has the traceback"
            raise PollError(Reason.BUG, message) from error
        else:
            self._bugs.pop(where, None)

    def state(self) -> AccountState:
        """The account as it stands now."""
        return AccountState(
            up=self._up(),
            tiers={tier: self._tier_state(tier) for tier in Tier},
            tasks=self.book.counts(),
            dropped=self.book.dropped(),
            scopes_up=self.health.scopes_up(),
            collectors_up=self.health.collectors_up(),
            failures=self.health.failures(),
            credential_expiry=self.source.credential_expiry,
            clock_offset=self.clock_offset,
            details_outstanding=self.details_outstanding,
            unclassified=sum(self.unclassified.values()) if self.unclassified else None,
            scopes_concurrency=self.concurrency.of(self.scopes.values()),
            concurrency=self.concurrency.account,
        )

    def _up(self) -> bool | None:
        up = self.health.up()
        # Discovery worked and found nothing to read: all there was to try was tried.
        nothing = up is None and not self.scopes and self.health.attempt(Key(DISCOVERY)) is not None
        return True if nothing else up

    def _tier_state(self, tier: Tier) -> TierState:
        attempts = [
            attempt
            for scope in self.scopes.values()
            if (attempt := self.health.attempt(Key(tier.value, scope))) is not None
        ]
        successes = [attempt.last_success for attempt in attempts]
        known = [success for success in successes if success is not None]
        durations = [attempt.duration for attempt in attempts if attempt.duration is not None]
        return TierState(
            interval=self.interval(tier),
            configured=self.pace.configured(tier),
            last_success=min(known) if known and len(known) == len(successes) else None,
            duration=max(durations, default=None),
        )


async def sleep_unless(event: asyncio.Event, *, clock: Clock, seconds: float) -> bool:
    """Sleep for ``seconds``, or until ``event`` is set; the event is clear afterwards.

    Returns:
        Whether the event ended it.
    """
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({sleeper, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeper, waiter):
            task.cancel()
        # Not by awaiting each: that could swallow a cancellation that was meant for the caller.
        await asyncio.wait({sleeper, waiter})
    woken = event.is_set()
    event.clear()
    return woken
