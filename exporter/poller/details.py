"""Which tasks need their detail now. Pure.

Only for vendors whose list rows lack schedule and settings. A detail is fetched once on sight; of
active and idle tasks again when they were modified, but at most every ten minutes, and every
``refresh.detail``; of active ones at the active interval where the list rows lack the counts.
"""

from operator import attrgetter
from typing import Final, TypeVar

import msgspec

from exporter.domain import Info, Progress, Task, Tier

MODIFIED_AT_MOST_SECONDS: Final = 600.0
_NO_COUNTS: Final = (None,) * 5
_LACKING: Final = (None, "")
_COUNTS: Final = attrgetter("executing", "failed", "scheduling", "paused", "cancelled")

Part = TypeVar("Part", Info, Progress)


class Detail(msgspec.Struct, frozen=True, gc=False):
    """What a detail told of a task at ``at`` of the monotonic clock."""

    task: Task
    at: float


def merged(row: Task, detail: Detail) -> Task:
    """A list row with what only its detail tells."""
    return msgspec.structs.replace(
        row,
        schedule=detail.task.schedule,
        settings=detail.task.settings,
        info=_filled(row.info, detail.task.info),
        progress=_progress(row.progress, detail.task.progress),
    )


def carried(detail: Task, known: Task) -> Task:
    """A detail with what only list rows tell, such as the number of calls, as seen last."""
    return msgspec.structs.replace(detail, progress=_filled(detail.progress, known.progress))


def due_at(
    task: Task, tier: Tier, detail: Detail | None, *, counted: bool, refresh: float, active: float
) -> float | None:
    """When the detail of ``task`` is due on the monotonic clock; None: never again.

    Args:
        task: As it was seen last.
        tier: The one it is in.
        detail: What is known of it.
        counted: Its list row has the jobs by state.
        refresh: ``refresh.detail`` in seconds.
        active: The active interval in seconds.
    """
    if detail is None:
        return 0.0
    if tier is Tier.FINISHED:
        return None
    due = detail.at + refresh
    if task.modified not in {None, detail.task.modified}:
        due = min(due, detail.at + MODIFIED_AT_MOST_SECONDS)
    if tier is Tier.ACTIVE and not counted:
        due = min(due, detail.at + active)
    return due


def has_counts(progress: Progress) -> bool:
    """Whether the vendor gave the jobs by state."""
    return _COUNTS(progress) != _NO_COUNTS


def _progress(row: Progress, detail: Progress) -> Progress:
    """The row's own counts; where it has none by state, with those of the detail beside them."""
    return row if has_counts(row) else _filled(row, detail)


def _filled(first: Part, second: Part) -> Part:
    """``first``, and what it lacks from ``second``."""
    missing = {
        name: value
        for name in first.__struct_fields__
        if getattr(first, name) in _LACKING and (value := getattr(second, name)) not in _LACKING
    }
    return msgspec.structs.replace(first, **missing) if missing else first
