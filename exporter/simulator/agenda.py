"""What will happen when: a heap of actions by simulated time."""

import heapq
from collections.abc import Callable, Iterator

Action = Callable[[float], object]
"""Takes the time at which it was due, in epoch seconds."""


class Agenda:
    """Actions due at epoch seconds; those due at once keep the order they were put in."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._count = 0

    def add(self, at: float, action: Action) -> None:
        """Do something at a time."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, action))

    def next_time(self) -> float | None:
        """Return when the next action is due; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def due(self, time: float) -> Iterator[tuple[float, Action]]:
        """Give and forget what is due until a time, also what the given actions add."""
        while self._heap and self._heap[0][0] <= time:
            at, _, action = heapq.heappop(self._heap)
            yield at, action
