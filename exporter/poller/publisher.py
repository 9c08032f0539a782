"""From the book of an account to its chunks in the store, in steps that leave the loop free.

Only blocks with a task that changed are rendered again, and only blocks whose calling hours came to
something else are when a minute begins. Everything that changed since the last time shows in one
``Store.replace``, so a task that moved between tiers is never missing from a scrape and never there
twice.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

from exporter.calling_hours import is_open, next_edge, remaining_seconds
from exporter.config.model import Account
from exporter.domain import AccountState, Schedule, Scope, Task, Tier
from exporter.exposition import Body, Segment, joined, packed, segments
from exporter.families import ClockView
from exporter.poller.blocks import SHOWN_TASKS, Block, Blocks
from exporter.poller.book import Book
from exporter.poller.concurrency_book import ConcurrencyRow
from exporter.poller.places import Changes, Place
from exporter.rendering import Lines, Renderer
from exporter.steps import chunks, in_steps
from exporter.store import AccountView, Chunks, Store

STEP_TASKS: Final = 250
STEP_SCHEDULES: Final = 64
STEP_CONCURRENCY: Final = 2000
BATCH_BLOCKS: Final = 8
FEW_SAMPLES: Final = 400
MINUTE_SECONDS: Final = 60.0


class Publisher:
    """Renders one account and puts it into the store."""

    def __init__(self, account: Account, *, book: Book, store: Store, zone: ZoneInfo) -> None:
        """``zone`` is the account's, loaded off the event loop."""
        common = account.common
        self._account = account
        self._book = book
        self._store = store
        self._zone = zone
        self._renderer = Renderer(
            platform=common.platform, account=common.name, collect=common.collect
        )
        self._pending: Changes = {}
        self._unpublished: set[Place] = set()
        self._blocks: dict[Place, Blocks] = {}
        self._shown: dict[Place, tuple[Task, ...]] = {}
        self._lock = asyncio.Lock()
        self.book_at_rest = asyncio.Lock()
        """Held by whoever changes the book in steps: none of their middles is published."""
        self._edge: float | None = None
        self._concurrency: Mapping[str, tuple[ConcurrencyRow, ...]] = {}

    @property
    def next_edge(self) -> float | None:
        """When a calling window opens or closes next within the minute, epoch seconds."""
        return self._edge

    async def publish(
        self,
        scopes: dict[str, Scope],
        state: Callable[[], AccountState],
        *,
        now: float,
        clock_moved: bool = False,
        concurrency: Callable[[], Mapping[str, tuple[ConcurrencyRow, ...]]] = dict,
    ) -> None:
        """Publish what changed in the book, and the account's state.

        Args:
            scopes: All scopes by id.
            state: Gives the state at the moment of publication.
            now: Epoch seconds; what follows the clock is as of then.
            clock_moved: Render what follows the clock for all tasks, not only for changed ones.
            concurrency: Gives the calls at the same time of tasks, by scope id, as of the book.
        """
        async with self._lock:
            async with self.book_at_rest:
                beside = concurrency()
                # All places are taken at one moment: a task that moves meanwhile is then in
                # exactly one of them.
                self._take(self._book.take_changes())
            views = _Views(self._zone, now)
            if self._edge is not None and self._edge <= now:
                # Also if what follows fails: whoever waits for it must not come back at once.
                self._edge = None
            parts: dict[object, Chunks | None] = {}
            for place in set(self._blocks) if clock_moved else set(self._unpublished):
                scope = scopes.get(place[0], Scope(place[0]))
                parts |= await self._parts(place, scope, views)
            if clock_moved or self._edge is None:
                self._edge = views.edge
            elif views.edge is not None:
                self._edge = min(self._edge, views.edge)
            parts |= await self._concurrency_parts(beside)
            await self._replace(parts, state)
            self._unpublished.clear()
            self._concurrency = beside

    async def tell(self, state: Callable[[], AccountState]) -> None:
        """Publish the account's state alone."""
        async with self._lock:
            await self._replace({}, state)

    def _take(self, changes: Changes) -> None:
        """Keep changes until they are in the blocks, and their places until they are published.

        A publication that fails or is cancelled loses neither.
        """
        for place, mine in changes.items():
            if place in self._pending:
                self._pending[place].update(mine)
            else:
                self._pending[place] = mine
            self._unpublished.add(place)
            self._blocks.setdefault(place, Blocks(Scope(place[0])))

    async def _replace(
        self, parts: "dict[object, Chunks | None]", state: Callable[[], AccountState]
    ) -> None:
        current = state()
        (parts["state"],) = await _chunks([self._renderer.state(current)])
        self._store.views[self._account.name] = AccountView(
            self._account.name, self._account.platform, current, self._most_telling()
        )
        self._store.replace(self._account.name, parts)

    async def _parts(
        self, place: Place, scope: Scope, views: "_Views"
    ) -> "dict[object, Chunks | None]":
        blocks = self._blocks[place]
        if blocks.rename(scope):
            # Not forgotten when this publication fails.
            self._unpublished.add(place)
        for some in chunks(self._pending.get(place, {}).items(), STEP_TASKS):
            for task_id, task in some:
                blocks.apply(task_id, task)
            await asyncio.sleep(0)
        self._pending.pop(place, None)
        blocks.tidy()
        changed = await self._render(blocks, scope)
        if self._renderer.follows_clock:
            await self._follow_clock(blocks, views)
        parts: dict[object, Chunks | None] = {}
        if changed or place in self._unpublished:
            # Also where all that is left of a place is a block less.
            self._shown[place] = _newest(chain.from_iterable(block.shown for block in blocks))
            parts[place] = await _concatenated([block.chunks for block in blocks])
        parts[*place, "clock"] = await _concatenated([block.clock for block in blocks])
        return parts

    async def _render(self, blocks: Blocks, scope: Scope) -> bool:
        """Render the blocks that changed; whether there are any."""
        stale = [block for block in blocks if block.stale]
        for some in chunks(stale, BATCH_BLOCKS):
            lines: list[Lines] = []
            for block in some:
                rows = list(block.rows.values())
                tasks, labels = [row.task for row in rows], [row.labels for row in rows]
                lines.append(await in_steps(self._renderer.tasks(scope, tasks, labels)))
            for block, made in zip(some, await _chunks(lines), strict=True):
                block.rendered(made)
        return bool(stale)

    async def _follow_clock(self, blocks: Blocks, views: "_Views") -> None:
        """Render what follows the clock in the blocks where it is not what it was."""
        for some in chunks(blocks, BATCH_BLOCKS):
            moved: list[tuple[Block, tuple[ClockView, ...]]] = []
            for block in some:
                view_of = await views.of(block.hours)
                if view_of != block.views:
                    moved.append((block, view_of))
            lines = [self._renderer.clock(view_of, block.timed) for block, view_of in moved]
            for (block, view_of), made in zip(moved, await _chunks(lines), strict=True):
                block.views, block.clock = view_of, made

    async def _concurrency_parts(
        self, rows: Mapping[str, tuple[ConcurrencyRow, ...]]
    ) -> "dict[object, Chunks | None]":
        """What changed since the last publication, a part each scope."""
        parts: dict[object, Chunks | None] = {
            ("concurrency", scope_id, "tasks"): None
            for scope_id in self._concurrency
            if scope_id not in rows
        }
        for scope_id, mine in rows.items():
            if mine != self._concurrency.get(scope_id):
                parts["concurrency", scope_id, "tasks"] = await self._concurrent(mine)
        return parts

    async def _concurrent(self, rows: Sequence[ConcurrencyRow]) -> Chunks:
        lines: list[Lines] = []
        for some in chunks(rows, STEP_CONCURRENCY):
            lines.append(self._renderer.concurrency(some))
            await asyncio.sleep(0)
        return await _concatenated(await _chunks(lines))

    def _most_telling(self) -> tuple[Task, ...]:
        shown: list[Task] = []
        for tier in Tier:
            mine = [
                task for place, tasks in self._shown.items() if place[1] is tier for task in tasks
            ]
            shown += _newest(mine)[: SHOWN_TASKS - len(shown)]
        return tuple(shown)


class _Views:
    """Calling hours at one moment; each distinct schedule is worked out once."""

    def __init__(self, zone: ZoneInfo, now: float) -> None:
        self._zone = zone
        self._now = now
        self._known: dict[Schedule, ClockView] = {}
        self.edge: float | None = None

    async def of(self, schedules: Sequence[Schedule]) -> tuple[ClockView, ...]:
        """What they come to, in order."""
        views: list[ClockView] = []
        for some in chunks(schedules, STEP_SCHEDULES):
            views += map(self._view, some)
            await asyncio.sleep(0)
        return tuple(views)

    def _view(self, schedule: Schedule) -> ClockView:
        view = self._known.get(schedule)
        if view is None:
            view = ClockView(
                is_open(schedule, self._zone, self._now),
                remaining_seconds(schedule, self._zone, self._now),
            )
            self._known[schedule] = view
            edge = next_edge(schedule, self._zone, self._now, MINUTE_SECONDS)
            if edge is not None and (self.edge is None or edge < self.edge):
                self.edge = edge
        return view


def _newest(tasks: Iterable[Task]) -> tuple[Task, ...]:
    return tuple(nlargest(SHOWN_TASKS, tasks, key=lambda task: task.rank))


async def _chunks(several: Sequence[Lines]) -> Sequence[Chunks]:
    """Join and deflate; a millisecond for each megabyte or two, in a thread unless there is little.

    To wake a thread costs as much as some hundred lines do.
    """
    if sum(text.samples for lines in several for text in lines.values()) <= FEW_SAMPLES:
        return _deflated(several)
    return await asyncio.to_thread(_deflated, several)


def _deflated(several: Sequence[Lines]) -> Sequence[Chunks]:
    made: list[Chunks] = []
    for lines in several:
        parts = zip(lines, segments(list(lines.values())), strict=True)
        made.append({name: (segment,) for name, segment in parts})
    return made


async def _concatenated(blocks: Sequence[Chunks]) -> Chunks:
    """Blocks as one body a family, so that a publication has few pieces to join."""
    if len(blocks) <= BATCH_BLOCKS:
        return _joined(blocks)
    return await asyncio.to_thread(_joined, blocks)


def _joined(blocks: Sequence[Chunks]) -> Chunks:
    pieces: dict[str, list[Segment | Body]] = {}
    for mine in blocks:
        for name, chunk in mine.items():
            pieces.setdefault(name, []).extend(chunk)
    return {name: (packed(joined(mine)),) for name, mine in pieces.items()}
