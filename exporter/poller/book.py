"""What is known of one account's tasks: where each is, since when, and what left its tier. Pure.

An observation never undoes a later one: tiers are read side by side, and a row that a slow pass
read early must not move a task back. A task that its tier no longer shows keeps its row until a
look-up, or a complete reading of every tier begun since, says that it is nowhere.
"""

from collections import Counter
from collections.abc import Generator, Mapping
from typing import Final

import msgspec

from exporter.domain import TIER_OF, Scope, Status, Task, Tier
from exporter.poller.details import Detail, carried, has_counts, merged
from exporter.poller.places import CHUNK, Changes, Entry, Place, Places
from exporter.poller.reading import Reading
from exporter.poller.selection import Drop, Selector, Standing, first_to_stay
from exporter.steps import chunks

STEP_TASKS: Final = 250
_TIERS: Final = frozenset(Tier)


class Book:
    """All tasks of an account that are exposed, by scope and tier."""

    def __init__(self, selector: Selector, *, details: bool) -> None:
        """``details``: list rows lack what a detail tells, so the latter is kept for them."""
        self._selector = selector
        self._keeps_details = details
        self._places = Places()
        self._details: dict[str, Detail] = {}
        self._drops: dict[Place, Counter[Drop]] = {}

    def record(self, reading: Reading, *, now: float) -> Generator[None, None, list[Task]]:
        """Take in a complete reading; ``now`` in epoch seconds.

        Yields after each few hundred tasks, so that the caller can let others run: thousands take
        longer than the event loop may be held. Each task is whole at every such point, yet the
        limit holds only at the end.

        Returns:
            The tasks of its tier that it lacks and whose new place has to be looked up.
        """
        drops: Counter[Drop] = Counter()
        for some in chunks(reading.sightings.values(), STEP_TASKS):
            for sighting in some:
                why = self.see(reading.scope, sighting.task, sighting.at, now=now)
                if why is not None:
                    drops[why] += 1
            yield
        self._drops[reading.scope.id, reading.tier] = drops
        for task_id in reading.gone:
            self.drop(task_id)
        missing = yield from self._mark_missing(reading)
        yield from self._keep_to_limit()
        return missing

    def follow(self, before: "Book", *, now: float) -> Generator[None, None, None]:
        """Go on from what the book of the same account under another configuration holds.

        What is not exposed by this one's selection is left out. ``now`` in epoch seconds; yields as
        ``record`` does.
        """
        for place in before.places():
            drops = self._drops[place] = before.drops(place)
            for some in chunks(before.entries(place), STEP_TASKS):
                for task_id, entry in some:
                    why = self._selector.drop(entry.task, now)
                    if why is not None:
                        drops[why] += 1
                        continue
                    self._places.put(place, entry)
                    detail = before.detail(task_id)
                    if detail is not None:
                        self._details[task_id] = detail
                yield
        yield from self._keep_to_limit()

    def see(self, scope: Scope, task: Task, at: float, *, now: float) -> Drop | None:
        """Take in what a task was at ``at``; returns why it is not exposed, if so.

        ``now``, from which its age counts, is in epoch seconds.
        """
        place, known = self._places.find(task.id)
        elsewhere = place is not None and place[0] != scope.id
        if elsewhere or (known is not None and known.seen_at > at):
            return None
        why = self._selector.drop(task, now)
        if why is not None:
            self.drop(task.id)
            return why
        whole, counted = task, True
        if self._keeps_details:
            whole, counted = self._with_detail(task, at, known)
        if known is not None and known.task == whole:
            # The same object again: what is rendered of it is then known to be current.
            whole = known.task
        self._places.put((scope.id, TIER_OF[task.status]), Entry(whole, at, counted))
        return None

    def drop(self, task_id: str) -> None:
        """Forget a task: the vendor says that it is not there, or it is not exposed."""
        self._details.pop(task_id, None)
        self._places.remove(task_id)

    def drop_scope(self, scope_id: str) -> None:
        """Forget all tasks of a scope."""
        for place in [place for place in self._places.known() if place[0] == scope_id]:
            for task_id in list(self._places.entries(place)):
                self.drop(task_id)
            self._drops.pop(place, None)

    def expire(self, now: float, lifetimes: Mapping[Tier, float]) -> None:
        """Drop what was last seen longer ago than its tier's lifetime in seconds."""
        for task_id in self._places.expired(now, lifetimes):
            self.drop(task_id)

    def next_expiry(self, lifetimes: Mapping[Tier, float]) -> float | None:
        """When the next task expires at the earliest; None if there is none."""
        return self._places.next_expiry(lifetimes)

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        return self._places.take_changes()

    def take_touched(self) -> set[Place]:
        """Places where anything changed since the last call of this."""
        return self._places.take_touched()

    def entries(self, place: Place) -> list[tuple[str, Entry]]:
        """What is known of the tasks of one place, by id."""
        return list(self._places.entries(place).items())

    def places(self) -> list[Place]:
        """Every place that has, or had, tasks."""
        return self._places.known()

    def tasks(self, place: Place) -> tuple[Task, ...]:
        """Tasks of one place."""
        return tuple([entry.task for entry in self._places.entries(place).values()])

    def entry(self, task_id: str) -> Entry | None:
        """What is known of a task."""
        return self._places.entry(task_id)

    def detail(self, task_id: str) -> Detail | None:
        """What the detail of a task told last."""
        return self._details.get(task_id)

    def place(self, task_id: str) -> Place | None:
        """Where a task is; None if it is not known."""
        return self._places.where(task_id)

    def counts(self) -> dict[Status, int]:
        """Tasks exposed, by status."""
        return self._places.counts()

    def dropped(self) -> dict[str, int]:
        """Tasks read and not exposed, by reason."""
        total: Counter[Drop] = Counter()
        for drops in self._drops.values():
            total.update(drops)
        return {reason.value: total[reason] for reason in Drop}

    def drops(self, place: Place) -> Counter[Drop]:
        """Tasks of one place that were read and not exposed, by reason."""
        return Counter(self._drops.get(place))

    def oldest_creation(self, place: Place) -> float | None:
        """When the oldest task of a place was created, epoch seconds; None if nothing tells."""
        return min(
            (task.created for task in self.tasks(place) if task.created is not None), default=None
        )

    def _with_detail(self, task: Task, at: float, known: Entry | None) -> tuple[Task, bool]:
        """The task with what its detail told, and whether list rows tell its jobs by state.

        Of the latter a detail says nothing: it is then as it was known before.
        """
        if _is_detail(task):
            self._details[task.id] = Detail(task, at)
            if known is None:
                return task, True
            return carried(task, known.task), known.counted
        detail = self._details.get(task.id)
        whole = task if detail is None else merged(task, detail)
        return whole, has_counts(task.progress)

    def _mark_missing(self, reading: Reading) -> Generator[None, None, list[Task]]:
        """Note what the reading lacks: of its own tier, and of what another tier lacked before."""
        place = (reading.scope.id, reading.tier)
        missing: list[Task] = []
        entries = self._places.entries(place)
        # Nearly always nothing is missing, which is known a hundred times sooner than what is.
        if not entries.keys() <= reading.sightings.keys():
            missing = yield from self._missing_from(reading, list(entries.items()))
        elif entries:
            self._places.seen_since(place, reading.started)
        for task_id in self._places.missing(reading.scope.id):
            if task_id not in reading.sightings and self._places.where(task_id) != place:
                self._marked(reading, task_id)
        return missing

    def _missing_from(
        self, reading: Reading, entries: list[tuple[str, Entry]]
    ) -> Generator[None, None, list[Task]]:
        missing: list[Task] = []
        oldest = reading.started
        for some in chunks(entries, CHUNK):
            oldest = min(oldest, *(entry.seen_at for _, entry in some))
            for task_id, entry in some:
                if entry.seen_at < reading.started and task_id not in reading.sightings:
                    missing += self._marked(reading, task_id)
            yield
        self._places.seen_since((reading.scope.id, reading.tier), oldest)
        return missing

    def _marked(self, reading: Reading, task_id: str) -> list[Task]:
        """Note that a reading lacks a task; the task itself if it left the reading's tier."""
        entry, place = self._places.entry(task_id), self._places.where(task_id)
        if entry is None or place is None or entry.seen_at >= reading.started:
            return []
        since = entry.missing_since
        mine = place[1] is reading.tier
        if not mine and (since is None or reading.started < since):
            return []
        missed = entry.missed | {reading.tier} if reading.reaches(entry.task) else entry.missed
        if missed >= _TIERS:
            self.drop(task_id)
            return []
        marked = msgspec.structs.replace(
            entry, missing_since=reading.started if since is None else since, missed=missed
        )
        self._places.put(place, marked)
        return [entry.task] if mine else []

    def _keep_to_limit(self) -> Generator[None, None, None]:
        limit = self._selector.limit
        if len(self._places) <= limit:
            return
        stay: list[Standing] = []
        looked_at: set[str] = set()
        for place in self._places.known():
            for some in chunks(list(self._places.entries(place).items()), CHUNK):
                # Whoever moves meanwhile is looked at once, and not dropped for being elsewhere.
                rows = [
                    (task_id, place[1], entry.task.rank)
                    for task_id, entry in some
                    if task_id not in looked_at
                ]
                looked_at.update(task_id for task_id, _, _ in rows)
                stay = first_to_stay(stay + rows, limit)
                yield
        looked_at -= {task_id for task_id, _, _ in stay}
        for ids in chunks(looked_at, CHUNK):
            for task_id in ids:
                place_now = self._places.where(task_id)
                if place_now is not None:
                    self._drops.setdefault(place_now, Counter())[Drop.LIMIT] += 1
                    self.drop(task_id)
            yield


def _is_detail(task: Task) -> bool:
    return task.settings is not None or task.schedule is not None
