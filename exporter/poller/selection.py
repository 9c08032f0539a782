"""Which tasks are exposed: by name, by age, and by how many there may be. Pure."""

import re
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
        self._takes_any_name = selection.include == ".*" and not selection.exclude

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
        if not self._takes_any_name and self._is_filtered(task.name):
            return Drop.FILTERED
        within = self._within(task.status)
        if within is not None and task.aged_from is not None and now - task.aged_from > within:
            return Drop.AGED
        return None

    def _is_filtered(self, name: str) -> bool:
        if not self._include.fullmatch(name):
            return True
        return bool(self._selection.exclude) and self._exclude.fullmatch(name) is not None

    def _within(self, status: Status) -> float | None:
        if status in _FINISHED:
            return self._selection.finished_within
        return self._selection.idle_within if status in _IDLE else None


Standing = tuple[str, Tier, float]
"""Id, tier and rank (a higher one is newer) of a task."""


def first_to_stay(tasks: list[Standing], limit: int) -> list[Standing]:
    """Those that stay where there may be ``limit`` of them: active ones first, then the newest."""
    # What stayed before is in order already, which makes sorting it again a merge.
    return sorted(tasks, key=_standing, reverse=True)[:limit]


def _standing(row: Standing) -> tuple[bool, float, int, str]:
    """The highest stays; of one rank always the same ones stay, not each time the others."""
    task_id, tier, rank = row
    return tier is Tier.ACTIVE, rank, len(task_id), task_id
