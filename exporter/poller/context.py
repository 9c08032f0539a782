"""What the loops of one account share."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from exporter.clock import Clock
from exporter.config.model import Account
from exporter.domain import AccountState, Scope, Task, Tier, TierState
from exporter.errors import PollError, Reason
from exporter.poller.book import Book
from exporter.poller.health import DETAIL, EXPOSITION, Health, Key
from exporter.poller.publisher import Publisher
from exporter.schedule import Random
from exporter.source import Source
from exporter.telemetry import AccountMeter
from exporter.transport import Transport

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
        self.meter = meter
        self.clock = clock
        self.random = random
        self.health = Health(account.name)
        self.scopes: dict[str, Scope] = {}
        self.unclassified: dict[str, int] = {}
        self.details_outstanding: int | None = None
        self.details_wanted = asyncio.Event()
        self._transport = transport
        self._publisher = publisher
        self._told: set[tuple[str, str]] = set()

    def interval(self, tier: Tier) -> float:
        """The interval in force for a tier, in seconds."""
        refresh = self.account.common.refresh
        return {
            Tier.ACTIVE: refresh.active,
            Tier.IDLE: refresh.idle,
            Tier.FINISHED: refresh.finished,
        }[tier]

    def lifetimes(self) -> dict[Tier, float]:
        """How long after it was seen last a task of each tier is still exposed, in seconds."""
        return {tier: self.interval(tier) + self.account.common.stale_after for tier in Tier}

    @property
    def next_edge(self) -> float | None:
        """When a calling window opens or closes next within the minute, epoch seconds."""
        return self._publisher.next_edge

    async def publish_safely(self, *, clock_moved: bool = False) -> None:
        """Publish what changed in the book, and the state; a fault shows as reason bug.

        What was published before stays, and the next publication tries the same again.
        """
        key = Key(EXPOSITION)
        try:
            with self.guarded(EXPOSITION):
                await self._publisher.publish(
                    self.scopes, self.state, now=self.clock.now(), clock_moved=clock_moved
                )
        except PollError as error:
            self.health.record(key, error, now=self.clock.now())
        else:
            if self.health.attempt(key) is not None:
                self.health.record(key, None, now=self.clock.now())

    def note_unknown(self, task: Task) -> None:
        """Count the values of a task that could not be read; log each field once."""
        for field in task.unknown:
            self.meter.unknown(field)
            told = (field, task.status.value)
            if told not in self._told:
                self._told.add(told)
                _log.warning("unknown value", account=self.account.name, field=field)

    @contextmanager
    def guarded(self, where: str) -> Iterator[None]:
        """The boundary of every attempt: an exception of our own becomes a PollError too.

        Its traceback is logged, and the loop that called lives on.

        Raises:
            PollError: Whatever went wrong inside.
        """
        try:
            yield
        except PollError:
            raise
        except Exception as error:
            _log.exception("bug", account=self.account.name, where=where)
            message = "an error in the exporter; its log has the traceback"
            raise PollError(Reason.BUG, message) from error

    def state(self) -> AccountState:
        """The account as it stands now."""
        detail_up = self.health.collector_up(DETAIL)
        return AccountState(
            up=self.health.up(),
            tiers={tier: self._tier_state(tier) for tier in Tier},
            tasks=self.book.counts(),
            dropped=self.book.dropped(),
            scopes_up=self.health.scopes_up(),
            collectors_up=() if detail_up is None else ((DETAIL, detail_up),),
            failures=self.health.failures(),
            clock_offset=self._transport.clock_offset,
            details_outstanding=self.details_outstanding,
            unclassified=sum(self.unclassified.values()) if self.unclassified else None,
        )

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
            last_success=min(known) if known and len(known) == len(successes) else None,
            duration=max(durations, default=None),
        )


async def sleep_unless(event: asyncio.Event, *, clock: Clock, seconds: float) -> None:
    """Sleep for ``seconds``, or until ``event`` is set; the event is clear afterwards."""
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({sleeper, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeper, waiter):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    event.clear()
