"""What is asked of the C library's allocator, so that memory is given back once it is not used.

Only glibc knows these calls; with another library nothing happens.
"""

import asyncio
import ctypes
import gc
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Never

from exporter.clock import Clock

GIVE_BACK_SECONDS: Final = 60.0

# Between two collections of garbage, which hold the event loop for some milliseconds.
_TIMES_EACH: Final = 10
_TRIM_THRESHOLD: Final = (-1, 2 * 1024**2)
_MMAP_THRESHOLD: Final = (-3, 128 * 1024)
_ARENA_MAX: Final = (-8, 1)
_CHOSEN_BY: Final = ("MALLOC_", "GLIBC_TUNABLES")


def use_sparingly(environ: Mapping[str, str] = os.environ) -> bool:
    """Let little memory lie idle, unless ``environ`` holds a choice of its own.

    By itself glibc makes an arena for nearly each thread, each of which keeps what that thread once
    needed; the threads here take turns with the interpreter, so that few ever wait for one. And
    after the first large answer of a vendor it lets the next ones lie between small objects, which
    keep them from being given back. To be called before there is a thread.

    Returns:
        Whether it was done.
    """
    mallopt = None if any(name.startswith(_CHOSEN_BY) for name in environ) else _function("mallopt")
    if mallopt is None:
        return False
    return all(mallopt(*option) for option in (_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD))


def give_back() -> bool:
    """Give pages that hold nothing any more back to the system.

    Others wait meanwhile if they need memory: a millisecond or two with 100,000 tasks. Call it in a
    thread.

    Returns:
        Whether there were any.
    """
    trim = _function("malloc_trim")
    return trim is not None and bool(trim(0))


def renew_threads(before: ThreadPoolExecutor | None) -> ThreadPoolExecutor:
    """Give the running loop other threads for what must not hold it; those it had end when idle.

    glibc keeps some hundred kilobytes for each thread as long as it lives, in pieces that lie
    scattered and part what could be given back. None: the loop's first ones stay.
    """
    threads = ThreadPoolExecutor(thread_name_prefix="asyncio")
    asyncio.get_running_loop().set_default_executor(threads)
    if before is not None:
        before.shutdown(wait=False)
    return threads


async def keep_giving_back(clock: Clock) -> Never:
    """Give back what is not used, each ``GIVE_BACK_SECONDS``, for ever."""
    threads: ThreadPoolExecutor | None = None
    while True:
        threads = renew_threads(threads)
        for _ in range(_TIMES_EACH):
            await clock.sleep(GIVE_BACK_SECONDS)
            await asyncio.to_thread(give_back)
        # Left to itself the interpreter makes a full one once in days, and keeps some ten thousand
        # dead tuples in reserve until then. It takes 7 ms with 100,000 tasks: they are nothing that
        # it has to look at.
        gc.collect()


def _function(name: str) -> Callable[..., int] | None:
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
