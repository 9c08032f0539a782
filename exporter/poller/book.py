"""What is known of one account's tasks: where each is, since when, and what left its tier. Pure.

An observation never undoes a later one: tiers are read side by side, and a row that a slow pass
read early must not move a task back. A task that its tier no longer shows keeps its row until a
look-up, or a complete reading of every tier begun since, says that it is nowhere.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from typing import Final

import msgspec

from exporter.domain import TIER_OF, Scope, Status, Task, Tier
from exporter.poller.details import Detail, carried, has_counts, merged
from exporter.poller.reading import Reading
from exporter.poller.selection import Drop, Selector, surplus

STEP_TASKS: Final = 250

Place = tuple[str, Tier]
"""Scope id and tier."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One task as it was seen last.

    Times are those of the monotonic clock: a wall clock set back must not make what comes look
    older than what is known. ``missing_since`` is when a reading of its tier that lacked it began;
    ``missed`` are the tiers whose readings have lacked it since. ``counted``: it was seen with its
    jobs by state, not only in its detail.
    """

    task: Task
    seen_at: float
    counted: bool = True
    missing_since: float | None = None
    missed: frozenset[Tier] = frozenset()


class Book:
    """All tasks of an account that are exposed, by scope and tier."""

    def __init__(self, selector: Selector, *, details: bool) -> None:
        """``details``: list rows lack what a detail tells, so the latter is kept for them."""
        self._selector = selector
        self._keeps_details = details
        self._places: dict[Place, dict[str, Entry]] = {}
        self._where: dict[str, Place] = {}
        self._details: dict[str, Detail] = {}
        self._drops: dict[Place, Counter[Drop]] = {}
        self._dirty: set[Place] = set()

    def record(self, reading: Reading, *, now: float) -> Generator[None, None, list[Task]]:
        """Take in a complete reading; ``now`` in epoch seconds.

        Yields after each few hundred tasks, so that the caller can let others run: thousands take
        longer than the event loop may be held. Each task is whole at every such point, yet the
        limit holds only at the end.

        Returns:
            The tasks of its tier that it lacks and whose new place has to be looked up.
        """
        drops: Counter[Drop] = Counter()
        for index, sighting in enumerate(reading.sightings.values(), start=1):
            why = self.see(reading.scope, sighting.task, sighting.at, now=now)
            if why is not None:
                drops[why] += 1
            if index % STEP_TASKS == 0:
                yield
        yield
        self._drops[reading.scope.id, reading.tier] = drops
        for task_id in reading.gone:
            self.drop(task_id)
        missing = yield from self._mark_missing(reading)
        self._keep_to_limit()
        return missing

    def see(self, scope: Scope, task: Task, at: float, *, now: float) -> Drop | None:
        """Take in what a task was at ``at``; returns why it is not exposed, if so.

        ``now``, from which its age counts, is in epoch seconds.
        """
        known = self.entry(task.id)
        if known is not None and (known.seen_at > at or self._where[task.id][0] != scope.id):
            return None
        why = self._selector.drop(task, now)
        if why is not None:
            self.drop(task.id)
            return why
        whole = self._with_detail(task, at, known) if self._keeps_details else task
        counted = self._counted(task, known)
        self._put((scope.id, TIER_OF[task.status]), Entry(whole, at, counted), known)
        return None

    def drop(self, task_id: str) -> None:
        """Forget a task: the vendor says that it is not there, or it is not exposed."""
        place = self._where.pop(task_id, None)
        self._details.pop(task_id, None)
        if place is not None:
            del self._places[place][task_id]
            self._dirty.add(place)

    def drop_scope(self, scope_id: str) -> None:
        """Forget all tasks of a scope."""
        for place in [place for place in self._places if place[0] == scope_id]:
            for task_id in list(self._places[place]):
                self.drop(task_id)
            self._drops.pop(place, None)

    def expire(self, now: float, lifetimes: Mapping[Tier, float]) -> None:
        """Drop what was last seen longer ago than its tier's lifetime in seconds."""
        for place, entries in self._places.items():
            oldest = now - lifetimes[place[1]]
            for task_id in [key for key, entry in entries.items() if entry.seen_at < oldest]:
                self.drop(task_id)

    def next_expiry(self, lifetimes: Mapping[Tier, float]) -> float | None:
        """When the next task expires; None if there is none."""
        return min(
            (
                min(entry.seen_at for entry in entries.values()) + lifetimes[place[1]]
                for place, entries in self._places.items()
                if entries
            ),
            default=None,
        )

    def take_dirty(self) -> set[Place]:
        """Places that changed since the last call."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def restore_dirty(self, places: set[Place]) -> None:
        """Give back places that were taken and could not be published."""
        self._dirty |= places

    def places(self) -> list[Place]:
        """Every place that has, or had, tasks."""
        return list(self._places)

    def tasks(self, place: Place) -> tuple[Task, ...]:
        """Tasks of one place, the longest known first."""
        return tuple(entry.task for entry in self._places.get(place, {}).values())

    def entry(self, task_id: str) -> Entry | None:
        """What is known of a task."""
        place = self._where.get(task_id)
        return None if place is None else self._places[place][task_id]

    def detail(self, task_id: str) -> Detail | None:
        """What the detail of a task told last."""
        return self._details.get(task_id)

    def place(self, task_id: str) -> Place | None:
        """Where a task is; None if it is not known."""
        return self._where.get(task_id)

    def counts(self) -> dict[Status, int]:
        """Tasks exposed, by status."""
        return Counter(
            entry.task.status for entries in self._places.values() for entry in entries.values()
        )

    def dropped(self) -> dict[str, int]:
        """Tasks read and not exposed, by reason."""
        total: Counter[Drop] = Counter()
        for drops in self._drops.values():
            total.update(drops)
        return {reason.value: total[reason] for reason in Drop}

    def oldest_creation(self, place: Place) -> float | None:
        """When the oldest task of a place was created, epoch seconds; None if nothing tells."""
        return min(
            (task.created for task in self.tasks(place) if task.created is not None), default=None
        )

    def _counted(self, task: Task, known: Entry | None) -> bool:
        """Whether list rows tell the jobs by state, as far as is known; a detail says nothing."""
        if not self._keeps_details:
            return True
        if _is_detail(task):
            return known is None or known.counted
        return has_counts(task.progress)

    def _with_detail(self, task: Task, at: float, known: Entry | None) -> Task:
        if _is_detail(task):
            self._details[task.id] = Detail(task, at)
            return task if known is None else carried(task, known.task)
        detail = self._details.get(task.id)
        return task if detail is None else merged(task, detail)

    def _put(self, place: Place, entry: Entry, known: Entry | None) -> None:
        task_id = entry.task.id
        before = self._where.get(task_id)
        if before is not None and before != place:
            del self._places[before][task_id]
            self._dirty.add(before)
        elif known is not None and known.task == entry.task:
            # The same object again: what is rendered of it is then known to be current.
            entry = msgspec.structs.replace(entry, task=known.task)
            self._places[place][task_id] = entry
            return
        self._where[task_id] = place
        self._places.setdefault(place, {})[task_id] = entry
        self._dirty.add(place)

    def _mark_missing(self, reading: Reading) -> Generator[None, None, list[Task]]:
        missing: list[Task] = []
        for tier in Tier:
            entries = list(self._places.get((reading.scope.id, tier), {}).items())
            for index, (task_id, entry) in enumerate(entries, start=1):
                if task_id not in reading.sightings and entry.seen_at < reading.started:
                    missing += self._marked(reading, task_id)
                if index % STEP_TASKS == 0:
                    yield
        return missing

    def _marked(self, reading: Reading, task_id: str) -> list[Task]:
        """Note that a reading lacks a task; the task itself if it left the reading's tier."""
        entry, place = self.entry(task_id), self._where.get(task_id)
        if entry is None or place is None or entry.seen_at >= reading.started:
            return []
        since = entry.missing_since
        mine = place[1] is reading.tier
        if not mine and (since is None or reading.started < since):
            return []
        missed = entry.missed | {reading.tier} if reading.reaches(entry.task) else entry.missed
        if missed >= set(Tier):
            self.drop(task_id)
            return []
        self._places[place][task_id] = msgspec.structs.replace(
            entry, missing_since=reading.started if since is None else since, missed=missed
        )
        return [entry.task] if mine else []

    def _keep_to_limit(self) -> None:
        excess = len(self._where) - self._selector.limit
        if excess <= 0:
            return
        rows: Iterable[tuple[str, Tier, float]] = (
            (task_id, place[1], self._places[place][task_id].task.rank)
            for task_id, place in self._where.items()
        )
        for task_id in surplus(rows, excess=excess):
            self._drops.setdefault(self._where[task_id], Counter())[Drop.LIMIT] += 1
            self.drop(task_id)


def _is_detail(task: Task) -> bool:
    return task.settings is not None or task.schedule is not None
