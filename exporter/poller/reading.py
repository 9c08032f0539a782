"""One complete pass over (scope, tier), or an error: nothing half ever leaves this module.

While a list is paged its rows move. A row that enters pushes others onto the next page, where they
repeat; a row that leaves pulls one over the edge, where it is missed. So ids are deduplicated, and
a pass in which an id repeated or the total changed is made again, a bounded number of times.

A row that moved is still the same task. Where one id stands for two, on one page or under two names
in one pass, the figures of one task would show as those of the other, even if the list is complete
by its total: that is read again too, and then an error.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from exporter.clock import Clock
from exporter.domain import TIER_OF, Scope, Status, Task, Tier
from exporter.errors import PollError, Reason
from exporter.poller.calls import Calls
from exporter.schedule import Random
from exporter.source import Page, Priority, Query, Source, are_at_odds, queries
from exporter.telemetry import AccountMeter

_PASSES: Final = 3
_SAME_PAGE_TRIES: Final = 3
_RETRY_WAIT_SECONDS: Final = 1.0
_SPARE_PAGES: Final = 20
_MOST_PAGES_UNCOUNTED: Final = 10_000
PRIORITY_OF: Final = {
    Tier.ACTIVE: Priority.ACTIVE,
    Tier.IDLE: Priority.IDLE,
    Tier.FINISHED: Priority.FINISHED,
}


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A task as it was at the moment ``at`` of the monotonic clock."""

    task: Task
    at: float


class Reading(msgspec.Struct, frozen=True):
    """One complete pass.

    ``started`` on the monotonic clock: whatever was seen later is newer than this reading. ``gone``
    are ids that the vendor says are not. ``listed`` are the statuses that were asked for, and
    ``created_since`` (epoch seconds) how far back. ``calls`` is what it took, repeats included.
    """

    scope: Scope
    tier: Tier
    started: float
    sightings: dict[str, Sighting]
    gone: frozenset[str] = frozenset()
    listed: frozenset[Status] = frozenset(Status)
    created_since: float | None = None
    calls: int = 0

    def reaches(self, task: Task) -> bool:
        """Whether the list would have shown ``task``, had it been in this tier."""
        since, created = self.created_since, task.created
        if since is not None and created is not None and created < since:
            return False
        return TIER_OF[task.status] is not self.tier or task.status in self.listed


class Reader:
    """Reads lists of one source, page by page."""

    def __init__(
        self, source: Source, *, clock: Clock, random: Random, meter: AccountMeter
    ) -> None:
        self._source = source
        self._clock = clock
        self._random = random
        self._meter = meter

    async def read(
        self,
        scope: Scope,
        tier: Tier,
        *,
        created_since: float | None,
        expect: Callable[[int], None] = lambda _: None,
    ) -> Reading:
        """Read a tier of a scope from the list.

        ``expect`` is told how many calls it takes, as soon as the vendor shows how long a list is.

        Raises:
            PollError: A page failed, or the list did not hold still or did not end.
        """
        started = self._clock.monotonic()
        sightings: dict[str, Sighting] = {}
        abilities = self._source.abilities
        calls = 0

        def expect_more(pages: int) -> None:
            expect(calls + pages)

        for query in queries(abilities, scope, tier, created_since):
            listing = _Listing(self, query, PRIORITY_OF[tier])
            found = await listing.read(expect_more)
            calls += listing.calls.made
            if len(found) < len(sightings):
                sightings.update(found)
                continue
            # A list of a hundred thousand is not copied for the sake of a short one before it.
            earlier, sightings = sightings, found
            sightings.update((key, seen) for key, seen in earlier.items() if key not in found)
        return Reading(
            scope,
            tier,
            started,
            sightings,
            listed=abilities.statuses or frozenset(Status),
            created_since=created_since,
            calls=calls,
        )

    async def read_fixed(self, scope: Scope, tier: Tier, tasks: Sequence[Task]) -> Reading:
        """Read the named tasks of a tier one by one.

        Raises:
            PollError: A call failed.
        """
        started = self._clock.monotonic()
        sightings: dict[str, Sighting] = {}
        gone: set[str] = set()
        calls = Calls(self)
        for task in tasks:
            find = partial(self._source.find, scope, task, priority=PRIORITY_OF[tier])
            found = await calls.make(find)
            if found is None:
                gone.add(task.id)
            else:
                sightings[task.id] = Sighting(found, self._clock.monotonic())
        return Reading(scope, tier, started, sightings, gone=frozenset(gone), calls=calls.made)

    async def unclassified(
        self, scope: Scope, *, read: int, created_since: float | None
    ) -> int | None:
        """How many tasks no status filter finds; None if the vendor does not count its lists.

        ``read`` tasks were found by the filters lately. Only where that is another number than the
        vendor's are the filtered lists counted at this moment, twice where it differs again: a
        task that is new, or that moves meanwhile, has a status that is known.

        Raises:
            PollError: A call failed.
        """
        surplus = 0
        for attempt in range(2):
            whole = await self._total(Query(scope, None, created_since))
            if whole is None:
                return None
            if whole == read:
                return 0
            found = max(0, whole - await self._filtered_total(scope, created_since))
            surplus = min(surplus, found) if attempt else found
            if not surplus:
                break
        return surplus

    async def _filtered_total(self, scope: Scope, created_since: float | None) -> int:
        totals = [
            await self._total(query)
            for tier in Tier
            for query in queries(self._source.abilities, scope, tier, created_since)
        ]
        return sum(total or 0 for total in totals)

    async def _total(self, query: Query) -> int | None:
        """The vendor's count of a list, at the price of one row."""
        one = msgspec.structs.replace(query, page_size=1)
        return (await self._source.page(one, 1, priority=Priority.FINISHED)).total

    async def page(self, query: Query, number: int, priority: Priority) -> tuple[Page, float]:
        """One page and the moment it came."""
        page = await self._source.page(query, number, priority=priority)
        return page, self._clock.monotonic()

    async def before_retry(self, error: PollError) -> None:
        """Count a page that is asked for again, and wait a little."""
        self._meter.retried(error.operation)
        await self._clock.sleep((0.5 + self._random() / 2) * _RETRY_WAIT_SECONDS)


class _Listing:
    """One filtered list while it is read."""

    def __init__(self, reader: Reader, query: Query, priority: Priority) -> None:
        self._reader = reader
        self._query = query
        self._priority = priority
        self.calls = Calls(reader)
        self._everything: dict[str, Sighting] = {}

    async def read(self, expect: Callable[[int], None]) -> dict[str, Sighting]:
        """Pass over the list until it held still, at most three times; then all that was seen."""
        for passes in range(1, _PASSES + 1):
            attempt = _Pass()
            await self._pass(attempt, expect, last=passes == _PASSES)
            if attempt.steady:
                return attempt.sightings
            if not attempt.renamed:
                self._everything.update(attempt.sightings)
            elif passes == _PASSES:
                raise _of_two_tasks("one id stands for tasks of two names")
        return self._everything

    async def _pass(self, attempt: "_Pass", expect: Callable[[int], None], *, last: bool) -> None:
        number, tries = 1, 0
        while True:
            page, at = await self._page(number)
            fresh = attempt.add(number, page, at)
            if number == 1:
                expect(attempt.pages)
            if attempt.complete(page):
                return
            if fresh:
                number, tries = number + 1, 0
            else:
                tries += 1
            if tries >= _SAME_PAGE_TRIES or number > attempt.most_pages:
                if not (page.tasks or attempt.steady or last):
                    # A row that moved to a page read before is missed and no later page has it.
                    return
                raise PollError(
                    Reason.PROTOCOL,
                    f"paging does not end: page {number} brings no new task, though the total of"
                    f" {attempt.total} is not reached; lower page_size and see page_parameter",
                    code="malformed",
                )

    async def _page(self, number: int) -> tuple[Page, float]:
        """A page and the moment it came; asked for again while its rows are at odds."""
        ask = partial(self._reader.page, self._query, number, self._priority)
        for _ in range(_SAME_PAGE_TRIES):
            page, at = await self.calls.make(ask)
            if not are_at_odds([(task.id, task) for task in page.tasks]):
                return page, at
        raise _of_two_tasks(f"page {number} has two tasks with one id")


def _of_two_tasks(what: str) -> PollError:
    text = f"{what}, so nobody can tell which is which; ask the vendor, as no setting mends it"
    return PollError(Reason.PROTOCOL, text, code="malformed")


class _Pass:
    """What one pass over a list has seen so far."""

    def __init__(self) -> None:
        self.sightings: dict[str, Sighting] = {}
        self.total: int | None = None
        self.steady = True
        self.renamed = False
        self.pages = 1
        self.most_pages = _SPARE_PAGES
        self._nameless: dict[int, int] = {}

    def add(self, number: int, page: Page, at: float) -> bool:
        """Take in a page; True if it brought a row that was not seen before."""
        before = self._collected()
        for task in page.tasks:
            known = self.sightings.get(task.id)
            if known is not None:
                self.steady = False
                self.renamed = self.renamed or known.task.name != task.name
            self.sightings[task.id] = Sighting(task, at)
        self._nameless[number] = page.nameless
        if page.total is not None and page.total != self.total:
            self.steady = self.steady and self.total is None
            self.total = page.total
        if number == 1 and page.total is None:
            # Nobody said how long it is; it ends with an empty page.
            self.most_pages = _MOST_PAGES_UNCOUNTED
        if number == 1 and page.total:
            rows = max(1, len(page.tasks) + page.nameless)
            self.pages = math.ceil(page.total / rows)
            self.most_pages = 2 * self.pages + _SPARE_PAGES
        return self._collected() > before

    def complete(self, page: Page) -> bool:
        """Whether everything the list holds has been seen."""
        if self.total:
            return self._collected() >= self.total
        return not page.tasks and not page.nameless

    def _collected(self) -> int:
        return len(self.sightings) + sum(self._nameless.values())
