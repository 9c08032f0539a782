"""Which tasks need their detail now. Pure.

Only for vendors whose list rows lack schedule and settings. A detail is fetched once on sight; of
active and idle tasks again when they were modified, but at most every ten minutes, and every
``refresh.detail``; of active ones at the active interval where the list rows lack the counts.
"""

from typing import Final

import msgspec

from exporter.domain import Info, Progress, Task, Tier

MODIFIED_AT_MOST_SECONDS: Final = 600.0
_COUNTS: Final = ("executing", "failed", "scheduling", "paused", "cancelled")


class Detail(msgspec.Struct, frozen=True):
    """What a detail told of a task at ``at``, epoch seconds."""

    task: Task
    at: float


def merged(row: Task, detail: Detail) -> Task:
    """A list row with what only its detail tells."""
    return msgspec.structs.replace(
        row,
        schedule=detail.task.schedule,
        settings=detail.task.settings,
        info=_info(row.info, detail.task.info),
        progress=_progress(row.progress, detail.task.progress),
    )


def carried(detail: Task, known: Task) -> Task:
    """A detail with what only list rows tell, such as the number of calls, as seen last."""
    filled = {
        name: getattr(known.progress, name)
        for name in Progress.__struct_fields__
        if getattr(detail.progress, name) is None and getattr(known.progress, name) is not None
    }
    if not filled:
        return detail
    progress = msgspec.structs.replace(detail.progress, **filled)
    return msgspec.structs.replace(detail, progress=progress)


def due_at(
    task: Task, tier: Tier, detail: Detail | None, *, counted: bool, refresh: float, active: float
) -> float | None:
    """When the detail of ``task`` is due, epoch seconds; None: never again.

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
    if task.modified != detail.task.modified:
        due = min(due, detail.at + MODIFIED_AT_MOST_SECONDS)
    if tier is Tier.ACTIVE and not counted:
        due = min(due, detail.at + active)
    return due


def has_counts(progress: Progress) -> bool:
    """Whether the vendor gave the jobs by state."""
    return any(getattr(progress, name) is not None for name in _COUNTS)


def _info(row: Info, detail: Info) -> Info:
    missing = {
        name: getattr(detail, name)
        for name in Info.__struct_fields__
        if not getattr(row, name) and getattr(detail, name)
    }
    return msgspec.structs.replace(row, **missing) if missing else row


def _progress(row: Progress, detail: Progress) -> Progress:
    """The row's own counts, or all of the detail's where the row has none by state."""
    return row if has_counts(row) else detail
