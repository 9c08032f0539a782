"""From the book of an account to its chunks in the store, in steps that leave the loop free.

Tasks are rendered in blocks: a block whose tasks are the same objects as before keeps its bytes.
Everything that changed since the last time shows in one ``Store.replace``, so a task that moved
between tiers is never missing from a scrape and never there twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from heapq import nlargest
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from exporter.calling_hours import is_open, next_edge, remaining_seconds
from exporter.config.model import Account
from exporter.domain import AccountState, Schedule, Scope, Task, Tier
from exporter.exposition import Body, Segment, joined, segment
from exporter.families import ClockView
from exporter.poller.book import Book, Place
from exporter.rendering import Lines, Renderer, clocked
from exporter.store import AccountView, Chunks, Store

BLOCK_TASKS: Final = 1500
STEP_TASKS: Final = 50
SHOWN_TASKS: Final = 50
MINUTE_SECONDS: Final = 60.0

Row = TypeVar("Row")


class _Block(msgspec.Struct, frozen=True):
    """Consecutive tasks of one place, as they were rendered."""

    scope: Scope
    tasks: tuple[Task, ...]
    views: tuple[ClockView, ...]
    chunks: Chunks
    clock: Chunks


_NOTHING: Final = _Block(Scope(), (), (), {}, {})


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
        self._blocks: dict[Place, list[_Block]] = {}
        self._shown: dict[Place, tuple[Task, ...]] = {}
        self._lock = asyncio.Lock()
        self.book_at_rest = asyncio.Lock()
        """Held by whoever changes the book in steps: none of their middles is published."""
        self._edge: float | None = None

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
    ) -> None:
        """Publish what changed in the book, and the account's state.

        Args:
            scopes: All scopes by id.
            state: Gives the state at the moment of publication.
            now: Epoch seconds; what follows the clock is as of then.
            clock_moved: Render what follows the clock for all tasks, not only for changed ones.
        """
        async with self._lock:
            async with self.book_at_rest:
                # All places are taken at one moment: a task that moves meanwhile is then in
                # exactly one of them.
                dirty = self._book.take_dirty()
                places = dirty | set(self._book.places()) if clock_moved else dirty
                snapshot = {place: self._book.tasks(place) for place in places}
            try:
                parts = await self._parts(snapshot, scopes, now, clock_moved=clock_moved)
                await self._replace(parts, state)
            except BaseException:
                self._book.restore_dirty(dirty)
                raise

    async def tell(self, state: Callable[[], AccountState]) -> None:
        """Publish the account's state alone."""
        async with self._lock:
            await self._replace({}, state)

    async def _replace(
        self, parts: "dict[object, Chunks | None]", state: Callable[[], AccountState]
    ) -> None:
        current = state()
        parts["state"] = await asyncio.to_thread(_chunks, self._renderer.state(current))
        self._store.views[self._account.name] = AccountView(
            self._account.name, self._account.platform, current, self._most_telling()
        )
        self._store.replace(self._account.name, parts)

    async def _parts(
        self,
        snapshot: dict[Place, tuple[Task, ...]],
        scopes: dict[str, Scope],
        now: float,
        *,
        clock_moved: bool,
    ) -> "dict[object, Chunks | None]":
        views = _Views(self._zone, now)
        if self._edge is not None and self._edge <= now:
            # Also if what follows fails: whoever waits for it must not come back at once.
            self._edge = None
        parts: dict[object, Chunks | None] = {}
        for place, tasks in snapshot.items():
            scope = scopes.get(place[0], Scope(place[0]))
            blocks = await self._rendered(scope, tasks, self._blocks.get(place, []), views)
            self._blocks[place] = blocks
            self._shown[place] = tuple(nlargest(SHOWN_TASKS, tasks, key=lambda task: task.rank))
            chunks, clock = [each.chunks for each in blocks], [each.clock for each in blocks]
            parts[place] = await asyncio.to_thread(_concatenated, chunks)
            parts[*place, "clock"] = await asyncio.to_thread(_concatenated, clock)
        if clock_moved or self._edge is None:
            self._edge = views.edge
        elif views.edge is not None:
            self._edge = min(self._edge, views.edge)
        return parts

    async def _rendered(
        self, scope: Scope, tasks: tuple[Task, ...], before: list[_Block], views: "_Views"
    ) -> list[_Block]:
        blocks: list[_Block] = []
        for index, first in enumerate(range(0, len(tasks), BLOCK_TASKS)):
            old = before[index] if index < len(before) else _NOTHING
            mine = tasks[first : first + BLOCK_TASKS]
            blocks.append(await self._block(scope, mine, old, views))
        return blocks

    async def _block(
        self, scope: Scope, tasks: tuple[Task, ...], old: _Block, views: "_Views"
    ) -> _Block:
        chunks, clock, view_of = old.chunks, old.clock, old.views
        same = tasks == old.tasks and scope == old.scope
        if not same:
            lines = await _in_steps(tasks, lambda step: self._renderer.tasks(scope, step))
            chunks = await asyncio.to_thread(_chunks, lines)
        if self._renderer.follows_clock:
            timed = [task for task in tasks if clocked(task) is not None]
            view_of = await views.of(timed)
            if not same or view_of != old.views:
                pairs = list(zip(timed, view_of, strict=True))
                lines = await _in_steps(pairs, self._renderer.clock)
                clock = await asyncio.to_thread(_chunks, lines)
        return _Block(scope, tasks, view_of, chunks, clock)

    def _most_telling(self) -> tuple[Task, ...]:
        shown: list[Task] = []
        for tier in Tier:
            mine = [
                task for place, tasks in self._shown.items() if place[1] is tier for task in tasks
            ]
            shown += nlargest(SHOWN_TASKS - len(shown), mine, key=lambda task: task.rank)
        return tuple(shown)


class _Views:
    """Calling hours at one moment; each distinct schedule is worked out once."""

    def __init__(self, zone: ZoneInfo, now: float) -> None:
        self._zone = zone
        self._now = now
        self._known: dict[Schedule, ClockView] = {}
        self.edge: float | None = None

    async def of(self, tasks: Sequence[Task]) -> tuple[ClockView, ...]:
        """The views of tasks that have windows, in order."""
        views: list[ClockView] = []
        for first in range(0, len(tasks), STEP_TASKS):
            views += [self._view(task) for task in tasks[first : first + STEP_TASKS]]
            await asyncio.sleep(0)
        return tuple(views)

    def _view(self, task: Task) -> ClockView:
        schedule = task.schedule
        if schedule is None:
            return ClockView(None, None)
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


async def _in_steps(rows: Sequence[Row], render: Callable[[Sequence[Row]], Lines]) -> Lines:
    """Render a few rows at a time and let others run in between."""
    lines: Lines = {}
    for first in range(0, len(rows), STEP_TASKS):
        for name, more in render(rows[first : first + STEP_TASKS]).items():
            lines.setdefault(name, []).extend(more)
        await asyncio.sleep(0)
    return lines


def _chunks(lines: Lines) -> Chunks:
    """Join and deflate; takes milliseconds for each megabyte, so it runs in a thread."""
    return {
        name: (segment("".join(mine).encode(errors="replace"), samples=len(mine)),)
        for name, mine in lines.items()
    }


def _concatenated(chunks: Sequence[Chunks]) -> Chunks:
    """Blocks as one body a family, so that a publication has few pieces to join."""
    pieces: dict[str, list[Segment | Body]] = {}
    for chunk in chunks:
        for name, mine in chunk.items():
            pieces.setdefault(name, []).extend(mine)
    return {name: (joined(mine),) for name, mine in pieces.items()}
