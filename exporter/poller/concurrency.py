"""The optional collector ``concurrency``: calls at the same time of tasks, scopes and account.

Each question has a loop of its own, at the active interval, and fails alone. A scope is asked about
once its first active reading has ended, and only some of the account's calls under way may be of
this collector, so that a vendor who is slow with these answers delays no campaign.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, Protocol, TypeVar

from exporter.domain import Concurrency, Scope, Tier
from exporter.errors import PollError, Reason, ScopeGone
from exporter.poller.calls import Calls
from exporter.poller.context import Context
from exporter.poller.health import ACCOUNT_CONCURRENCY, SCOPE_CONCURRENCY, TASK_CONCURRENCY, Key
from exporter.poller.reading import Reader
from exporter.schedule import Timetable, retry_delay
from exporter.source import ConcurrencyPage, ConcurrencySource, are_at_odds

_PASSES: Final = 2
_SPARE_PAGES: Final = 20
_MOST_PAGES_UNCOUNTED: Final = 1000

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class _Take(Protocol[T_contra]):
    """Takes in a reading that may be shown until that moment of the monotonic clock."""

    def __call__(self, found: T_contra, *, until: float) -> None: ...


class ConcurrencyPoller:
    """Polls the concurrency of one account; its loops end only by cancellation."""

    def __init__(self, context: Context, source: ConcurrencySource, reader: Reader) -> None:
        self._context = context
        self._source = source
        self._reader = reader
        self._pages: dict[Scope, int] = {}
        self._slots = asyncio.Semaphore(max(1, context.account.common.budget.concurrency // 2))

    async def poll_account(self, *, after: asyncio.Event) -> None:
        """Poll the account as a whole, once ``after`` is set."""
        await after.wait()
        read = partial(self._single, self._source.account)
        await self._keep(Key(ACCOUNT_CONCURRENCY), read, self._context.concurrency.take_account)

    async def poll_scope(self, scope: Scope, *, after: asyncio.Event) -> None:
        """Poll a scope and its tasks, once ``after`` is set."""
        await after.wait()
        book = self._context.concurrency
        self._pages[scope] = 1
        tasks = self._keep(
            Key(TASK_CONCURRENCY, scope),
            partial(self._tasks, scope),
            partial(book.take_tasks, scope),
        )
        whole = self._keep(
            Key(SCOPE_CONCURRENCY, scope),
            partial(self._single, partial(self._source.scope, scope)),
            partial(book.take_scope, scope),
        )
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(tasks, name=f"{scope.id}/{TASK_CONCURRENCY}")
                loops.create_task(whole, name=f"{scope.id}/{SCOPE_CONCURRENCY}")
        finally:
            self._pages.pop(scope, None)

    def _interval(self) -> float:
        """Seconds between two rounds: the account, each scope, and each scope's list."""
        calls = 1 + sum(1 + pages for pages in self._pages.values())
        return self._context.pace.beside(calls, now=self._context.clock.monotonic())

    def take_listed(self, scopes: Iterable[Scope]) -> None:
        """Take in what the list of scopes told, at no call of its own."""
        context = self._context
        lifetime = context.interval(Tier.IDLE) + context.account.common.stale_after
        for scope in scopes:
            listed = self._source.listed(scope) or Concurrency()
            context.note_unknown_fields(listed.unknown)
            until = context.clock.monotonic() + lifetime
            context.concurrency.take_listed(scope, listed, until=until)

    async def _keep(self, key: Key, read: Callable[[], Awaitable[T]], take: _Take[T]) -> None:
        """Read one thing at the active interval, or as often as what is left holds, for ever."""
        context, clock = self._context, self._context.clock
        timetable = Timetable(
            interval=context.pace.configured(Tier.ACTIVE), start=clock.monotonic()
        )
        while True:
            error = await self._attempt(key, read, take)
            failures = context.health.record(key, error, now=clock.now())
            await context.publish_safely()
            interval = self._interval()
            timetable.change(interval, clock.monotonic())
            delay, _ = timetable.next(clock.monotonic(), random=context.random)
            retry = (
                None
                if error is None
                else retry_delay(error, failures=failures, interval=interval, random=context.random)
            )
            if retry is not None and retry > interval:
                timetable.restart(clock.monotonic() + retry)
            await clock.sleep(delay if retry is None else retry)

    async def _attempt(
        self, key: Key, read: Callable[[], Awaitable[T]], take: _Take[T]
    ) -> PollError | None:
        context, clock = self._context, self._context.clock
        started = clock.monotonic()
        try:
            with context.guarded(key.where):
                found = await read()
                # A reading that outlasts its interval stretches it.
                interval = self._interval()
                in_force = interval * (1 + (clock.monotonic() - started) // interval)
                lifetime = in_force + context.account.common.stale_after
                take(found, until=clock.monotonic() + lifetime)
        except PollError as error:
            if isinstance(error, ScopeGone):
                context.concurrency.drop_scope(key.scope.id)
            return error
        return None

    async def _single(self, ask: Callable[[], Awaitable[Concurrency]]) -> Concurrency:
        found = await Calls(self._reader).make(partial(self._asked, ask))
        self._context.note_unknown_fields(found.unknown)
        return found

    async def _tasks(self, scope: Scope) -> dict[str, Concurrency]:
        """Every task of a scope that calls now, by id; once more where rows moved meanwhile.

        Raises:
            PollError: A page failed, the paging does not end, or a page is at odds with itself.
        """
        calls = Calls(self._reader)
        found: dict[str, Concurrency] = {}
        for _ in range(_PASSES):
            listing = _Pass(self._context.source.abilities.page_size)
            number = 1
            while not listing.complete:
                ask = partial(self._source.tasks, scope, number)
                listing.add(number, await calls.make(partial(self._asked, ask)))
                number += 1
            if listing.steady:
                found = listing.tasks
                break
            found |= listing.tasks
        self._pages[scope] = calls.made
        for one in found.values():
            self._context.note_unknown_fields(one.unknown)
        return found

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            return await ask()


class _Pass:
    """What one pass over the tasks of a scope has seen so far."""

    def __init__(self, page_size: int) -> None:
        self.tasks: dict[str, Concurrency] = {}
        self.complete = False
        self.steady = True
        self._page_size = page_size
        self._rows = 0
        self._total: int | None = None
        self._most_pages = _MOST_PAGES_UNCOUNTED

    def add(self, number: int, page: ConcurrencyPage) -> None:
        """Take in a page.

        Raises:
            PollError: The paging does not end, or one id stands for two tasks.
        """
        if are_at_odds(page.tasks):
            raise PollError(
                Reason.PROTOCOL,
                f"page {number} has different figures for one task; ask the vendor, as no setting"
                " mends it",
                code="malformed",
            )
        known = sum(task_id in self.tasks for task_id, _ in page.tasks)
        fresh = page.rows > known
        self.tasks.update(page.tasks)
        self._rows += page.rows
        if number == 1:
            self._total = page.total
            if page.total:
                self._most_pages = 2 * math.ceil(page.total / max(1, page.rows)) + _SPARE_PAGES
        # Past the end some vendors show the last page again.
        self.steady = self.steady and page.total == self._total and not (known and fresh)
        self.complete = self._is_last(page) or (not fresh and page.total is None)
        if not self.complete and (not fresh or number >= self._most_pages):
            raise PollError(
                Reason.PROTOCOL,
                f"paging does not end: page {number} brings no new task, though the total of"
                f" {page.total} is not reached; lower page_size",
                code="malformed",
            )

    def _is_last(self, page: ConcurrencyPage) -> bool:
        if not page.rows:
            return True
        if page.total is None:
            return page.rows < self._page_size
        return self._rows >= page.total
