"""The tasks of one place in blocks, so that a change renders a few hundred rows and no others.

A task stays in its block for as long as it is at the place: one that leaves makes a gap, which the
next one that comes fills, and the other blocks keep their bytes.
"""

from collections.abc import Iterator
from heapq import nlargest
from typing import Final

import msgspec

from exporter.domain import Schedule, Scope, Task
from exporter.families import ClockView
from exporter.rendering import clocked, task_labels
from exporter.store import Chunks

BLOCK_TASKS: Final = 512
SHOWN_TASKS: Final = 50
_SPARSE_TASKS: Final = BLOCK_TASKS // 4


class Row(msgspec.Struct, frozen=True, gc=False):
    """A task and its labels as each of its lines has them, made once for as long as they hold."""

    task: Task
    labels: bytes


class Block:
    """Some tasks of a place, and their lines as they were rendered last."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.stale = True
        """Whether any row is not what was rendered."""
        self.chunks: Chunks = {}
        self.clock: Chunks = {}
        self.hours: tuple[Schedule, ...] = ()
        """Calling hours of the tasks that have any, and in ``timed`` their labels."""
        self.timed: tuple[bytes, ...] = ()
        self.views: tuple[ClockView, ...] = ()
        self.shown: tuple[Task, ...] = ()
        """The newest of the tasks."""

    def rendered(self, chunks: Chunks) -> None:
        """Take in what the rows were rendered to."""
        tasks = [row.task for row in self.rows.values()]
        timed = [row for row in self.rows.values() if clocked(row.task)]
        self.hours = tuple([row.task.schedule for row in timed if row.task.schedule is not None])
        self.timed = tuple([row.labels for row in timed])
        self.views = ()
        self.shown = tuple(nlargest(SHOWN_TASKS, tasks, key=lambda task: task.rank))
        self.chunks, self.clock = chunks, {}
        self.stale = False


class Blocks:
    """All blocks of one place."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._blocks: dict[Block, None] = {}
        self._of: dict[str, Block] = {}
        self._roomy: dict[Block, None] = {}

    def __iter__(self) -> Iterator[Block]:
        """Every block, in an order that stays."""
        return iter(list(self._blocks))

    def rename(self, scope: Scope) -> bool:
        """The place belongs to ``scope``, of which all rows speak; whether that is news."""
        if scope == self._scope:
            return False
        self._scope = scope
        for block in self._blocks:
            block.stale = True
        return True

    def apply(self, task_id: str, task: Task | None) -> None:
        """Take in what a task is now; None: it is not here any more. The same again is harmless."""
        block = self._of.get(task_id)
        if task is None:
            if block is not None:
                del block.rows[task_id], self._of[task_id]
                block.stale = True
                self._roomy[block] = None
            return
        if block is None:
            block = self._of[task_id] = self._with_room()
        known = block.rows.get(task_id)
        same = known is not None and known.task.name == task.name
        labels = known.labels if known and same else task_labels(task_id, task.name)
        block.rows[task_id] = Row(task, labels)
        block.stale = True

    def tidy(self) -> None:
        """Drop empty blocks, and make one of several that are nearly empty."""
        sparse = [block for block in self._roomy if len(block.rows) < _SPARSE_TASKS]
        if len(sparse) < 2 and all(block.rows for block in sparse):
            return
        for block in sparse:
            del self._blocks[block], self._roomy[block]
        for block in sparse:
            for task_id, row in block.rows.items():
                target = self._of[task_id] = self._with_room()
                target.rows[task_id] = row
                target.stale = True

    def _with_room(self) -> Block:
        while self._roomy:
            block = next(iter(self._roomy))
            if len(block.rows) < BLOCK_TASKS:
                return block
            del self._roomy[block]
        block = Block()
        self._blocks[block] = self._roomy[block] = None
        return block
