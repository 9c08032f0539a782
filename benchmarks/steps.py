"""The CPU time of each single step of an event loop, and what ran in the longest ones."""

import asyncio
import gc
import heapq
import math
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_KEPT = 20
_WORTH_NAMING_SECONDS = 0.001


class StepMeter:
    """Measures every callback that event loops run while ``installed``.

    Time is that of the thread (``time.thread_time``): what other threads and processes do meanwhile
    does not count, a garbage collection that falls into the step does.
    """

    def __init__(self) -> None:
        self.seconds = array("d")
        self._longest: list[tuple[float, int, dict[str, Any]]] = []
        self._collecting = 0.0
        self._collected = 0.0
        self._generation = -1

    @contextmanager
    def installed(self) -> Iterator["StepMeter"]:
        """Measure all loops of this process as long as it lasts."""
        original = asyncio.Handle._run  # noqa: SLF001 - there is no public hook around a step
        asyncio.Handle._run = self._around(original)  # noqa: SLF001
        gc.callbacks.append(self._collection)
        try:
            yield self
        finally:
            gc.callbacks.remove(self._collection)
            asyncio.Handle._run = original  # noqa: SLF001

    def longest(self) -> list[dict[str, Any]]:
        """The longest steps, the worst first: CPU seconds, those of the collector, and what ran."""
        return [step for _, _, step in sorted(self._longest, reverse=True)]

    def summary(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "count": len(self.seconds),
            "p99": percentile(self.seconds, 0.99),
            "total": sum(self.seconds),
            "longest": self.longest(),
        }

    def _around(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def run(handle: Any) -> None:
            task = getattr(handle._callback, "__self__", None)  # noqa: SLF001
            before = _position(task)
            callback = handle._callback  # noqa: SLF001 - a handle that is cancelled drops it
            self._collected, self._generation = 0.0, -1
            started = time.thread_time()
            original(handle)
            spent = time.thread_time() - started
            self.seconds.append(spent)
            if spent >= _WORTH_NAMING_SECONDS:
                self._keep(spent, callback, task, before)

        return run

    def _keep(self, spent: float, callback: Any, task: Any, before: str) -> None:
        step = {
            "seconds": spent,
            "collector_seconds": self._collected,
            "generation": self._generation,
            "what": _name(callback, task),
            "from": before,
            "to": _position(task),
        }
        row = (spent, len(self.seconds), step)
        if len(self._longest) < _KEPT:
            heapq.heappush(self._longest, row)
        else:
            heapq.heappushpop(self._longest, row)

    def _collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting
            self._generation = max(self._generation, info["generation"])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all are not above; 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _name(callback: Any, task: Any) -> str:
    if isinstance(task, asyncio.Task):
        coroutine = task.get_coro()
        return f"task {task.get_name()!r} ({getattr(coroutine, '__qualname__', coroutine)})"
    return str(getattr(callback, "__qualname__", None) or repr(callback))


def _position(task: Any) -> str:
    """Where the coroutine of a task is paused, innermost last; empty for what is no task."""
    if not isinstance(task, asyncio.Task):
        return ""
    places: list[str] = []
    inner: Any = task.get_coro()
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "ag_frame", None)
        if frame is not None:
            places.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        inner = getattr(inner, "cr_await", None) or getattr(inner, "ag_await", None)
    return " > ".join(places[-4:])
