"""Which tasks are exposed: by name, by age, and by how many there may be. Pure."""

import heapq
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from exporter.config.model import Selection
from exporter.domain import Status, Task, Tier


class Drop(StrEnum):
    """Why a task that was read is not exposed."""

    FILTERED = "filtered"
    AGED = "aged"
    LIMIT = "limit"


_FINISHED: Final = frozenset(
    {Status.COMPLETED, Status.EXPIRED, Status.CANCELLED, Status.FAILED},
)
_IDLE: Final = frozenset({Status.DRAFT, Status.NOT_STARTED, Status.PAUSED})


class Selector:
    """The ``tasks`` section of an account, ready to be applied."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._include = re.compile(selection.include, re.DOTALL)
        self._exclude = re.compile(selection.exclude, re.DOTALL)

    @property
    def limit(self) -> int:
        """How many tasks the account exposes at most."""
        return self._selection.limit

    @property
    def created_within(self) -> float:
        """How far back lists are asked for, in seconds."""
        return self._selection.created_within

    def drop(self, task: Task, now: float) -> Drop | None:
        """Why ``task`` is not exposed at ``now``; None if it is."""
        if not self._include.fullmatch(task.name) or self._excluded(task.name):
            return Drop.FILTERED
        within = self._within(task.status)
        if within is not None and task.aged_from is not None and now - task.aged_from > within:
            return Drop.AGED
        return None

    def _excluded(self, name: str) -> bool:
        return bool(self._selection.exclude) and self._exclude.fullmatch(name) is not None

    def _within(self, status: Status) -> float | None:
        if status in _FINISHED:
            return self._selection.finished_within
        return self._selection.idle_within if status in _IDLE else None


def surplus(tasks: Iterable[tuple[str, Tier, float]], *, excess: int) -> list[str]:
    """The ``excess`` tasks that give way: finished and idle before active, then the oldest.

    Args:
        tasks: Id, tier and rank (a higher one is newer) of each.
        excess: How many have to go.
    """
    last = heapq.nsmallest(excess, tasks, key=_standing)
    return [task_id for task_id, _, _ in last]


def _standing(row: tuple[str, Tier, float]) -> tuple[bool, float, int, str]:
    """The lowest goes first; of one rank always the same ones go, not each time the others."""
    task_id, tier, rank = row
    return tier is Tier.ACTIVE, rank, len(task_id), task_id
