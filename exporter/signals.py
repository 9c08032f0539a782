"""What ends the process: SIGTERM and SIGINT, at any moment, within 5 s and with exit code 0.

Loaded before anything else, so it imports nothing that takes time.
"""

import _thread
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

LONGEST_END_SECONDS: Final = 4.5
"""How long it may take to end in order; then it ends without."""

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


def end_when_told() -> None:
    """From now on end at once when told to, as long as there is nothing to end in order.

    Without this a signal would kill, or, as process 1 of a container, would not be heard at all.
    """
    for number in _ENDING:
        signal.signal(number, _leave)


@contextmanager
def ended_by(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` when told to end, which has to be done within ``LONGEST_END_SECONDS``.

    ``stop`` is called between any two steps of the main thread. Afterwards the signals are ignored:
    what is told to end twice, or while it ends by itself, ends as it would have.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        stop()
        # Not threading's, whose locks the code that was interrupted may hold.
        _thread.start_new_thread(_leave_late, ())

    for number in _ENDING:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)


def _leave(_number: int, _frame: FrameType | None) -> None:
    # An exception could be swallowed by what is being imported.
    os._exit(0)


def _leave_late() -> None:
    # A thread that reads a file of a server which does not answer would be waited for for ever.
    time.sleep(LONGEST_END_SECONDS)
    os._exit(0)
