"""Tasks that outlive whoever asked for them, and end with what owns them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

import structlog

T = TypeVar("T")

_log = structlog.get_logger()


def forget_frames(ended: asyncio.Task[Any]) -> None:
    """Let a task that was cancelled go of what it knew; for ``add_done_callback``.

    It keeps the error by which it ended, that the frames that it passed, and these often the task,
    as those of a ``TaskGroup`` do: only a collection of all cycles would free them, and all that
    they hold. That comes seldom, and would hold the loop.
    """
    if ended.cancelled():
        try:
            ended.result()
        except asyncio.CancelledError as error:
            error.__traceback__ = error.__context__ = None


class Background:
    """Owns the tasks that were started with it, as long as its ``async with`` lasts."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        """Nothing runs yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel what still runs and wait for its end."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run ``work`` until it ends; an error that leaves it is a bug, and logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        forget_frames(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("bug", where=task.get_name(), exc_info=error)
