"""Tasks by place, and what changed there: the bookkeeping below ``Book``. Pure.

Whatever is asked at each publication (counts, the next expiry, what changed) is kept up to date
with each task, so that no publication looks at every task.
"""

from collections import Counter
from collections.abc import Mapping
from math import inf
from typing import Final

import msgspec

from exporter.domain import Status, Task, Tier

Place = tuple[str, Tier]
"""Scope id and tier."""

Changes = dict[Place, dict[str, Task | None]]
"""By place and id what a task is now; None: it is not there any more."""

CHUNK: Final = 2000


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


class Places:
    """Every task that is exposed, where it is, and how many there are."""

    def __init__(self) -> None:
        self._entries: dict[Place, dict[str, Entry]] = {}
        self._where: dict[str, Place] = {}
        self._changes: Changes = {}
        self._touched: set[Place] = set()
        self._statuses: Counter[Status] = Counter()
        self._missing: dict[str, None] = {}
        self._oldest: dict[Place, float] = {}

    def __len__(self) -> int:
        """Tasks in all places."""
        return len(self._where)

    def known(self) -> list[Place]:
        """Every place that has, or had, tasks."""
        return list(self._entries)

    def where(self, task_id: str) -> Place | None:
        """Where a task is; None if it is not known."""
        return self._where.get(task_id)

    def entry(self, task_id: str) -> Entry | None:
        """What is known of a task."""
        return self.find(task_id)[1]

    def find(self, task_id: str) -> tuple[Place, Entry] | tuple[None, None]:
        """Where a task is and what is known of it."""
        place = self._where.get(task_id)
        return (None, None) if place is None else (place, self._entries[place][task_id])

    def entries(self, place: Place) -> Mapping[str, Entry]:
        """Everything at a place, by id; not to be kept while others change it."""
        return self._entries.get(place, {})

    def missing(self, scope_id: str) -> list[str]:
        """Ids of the tasks of a scope that a reading of their tier lacked."""
        return [task_id for task_id in self._missing if self._where[task_id][0] == scope_id]

    def put(self, place: Place, entry: Entry) -> None:
        """Take in a task as it is now, from wherever it was."""
        task_id = entry.task.id
        before = self._where.get(task_id)
        if before == place:
            self._update(place, task_id, entry)
            return
        if before is not None:
            self.remove(task_id)
        self._where[task_id] = place
        entries = self._entries.get(place)
        if entries is None:
            entries = self._entries[place] = {}
        entries[task_id] = entry
        self._statuses[entry.task.status] += 1
        if entry.missing_since is not None:
            self._missing[task_id] = None
        if entry.seen_at < self._oldest.get(place, inf):
            self._oldest[place] = entry.seen_at
        self._note(place, task_id, entry.task)

    def _update(self, place: Place, task_id: str, entry: Entry) -> None:
        entries = self._entries[place]
        known, entries[task_id] = entries[task_id], entry
        if known.task is not entry.task:
            self._note(place, task_id, entry.task)
            if known.task.status is not entry.task.status:
                self._statuses[entry.task.status] += 1
                self._discount(known.task.status)
        elif known.counted is not entry.counted:
            # Nothing is exposed of it, yet whoever plans details has to know.
            self._touched.add(place)
        if entry.missing_since is not None:
            self._missing[task_id] = None
        elif known.missing_since is not None:
            del self._missing[task_id]

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        place = self._where.pop(task_id, None)
        if place is None:
            return
        entry = self._entries[place].pop(task_id)
        self._missing.pop(task_id, None)
        self._discount(entry.task.status)
        self._note(place, task_id, None)

    def counts(self) -> dict[Status, int]:
        """How many tasks there are, by status; those there are none of left out."""
        return dict(self._statuses)

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def take_touched(self) -> set[Place]:
        """Places where anything changed since the last call, for whoever plans details."""
        touched, self._touched = self._touched, set()
        return touched

    def next_expiry(self, lifetimes: Mapping[Tier, float]) -> float | None:
        """When the next task expires at the earliest; None if there is none."""
        return min(
            (
                self._oldest[place] + lifetimes[place[1]]
                for place, entries in self._entries.items()
                if entries
            ),
            default=None,
        )

    def expired(self, now: float, lifetimes: Mapping[Tier, float]) -> list[str]:
        """Ids of what was last seen longer ago than its tier's lifetime in seconds."""
        found: list[str] = []
        for place, entries in self._entries.items():
            oldest = now - lifetimes[place[1]]
            if entries and self._oldest[place] < oldest:
                self._oldest[place] = min(entry.seen_at for entry in entries.values())
                found += [key for key, entry in entries.items() if entry.seen_at < oldest]
        return found

    def seen_since(self, place: Place, oldest: float) -> None:
        """Note that nothing at a place was seen last before ``oldest``."""
        self._oldest[place] = oldest

    def _note(self, place: Place, task_id: str, task: Task | None) -> None:
        changes = self._changes.get(place)
        if changes is None:
            changes = self._changes[place] = {}
        changes[task_id] = task
        self._touched.add(place)

    def _discount(self, status: Status) -> None:
        self._statuses[status] -= 1
        if not self._statuses[status]:
            del self._statuses[status]
