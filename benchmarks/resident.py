"""Memory of a process as seen from outside: its own, and what it keeps elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SAMPLE_SECONDS: Final = 0.02
_SHARED_FILES: Final = ("/memfd:", "/dev/shm/")


class Memory:
    """Bytes that a process holds: resident ones, shared memory files, and its child processes'."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most_sampled = 0

    def now(self) -> int:
        """At this moment."""
        total = _status(self._pid, "VmRSS") + self._outside()
        return total + sum(_proportional(child) for child in _children(self._pid))

    def most(self) -> int:
        """At the most: what the kernel noted for the process, or a sample with all that is outside.

        Only what is outside can be missed between two samples.
        """
        return max(_status(self._pid, "VmHWM"), self._most_sampled)

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """Look every 20 ms as long as it lasts."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(_SAMPLE_SECONDS):
                with suppress(OSError):
                    self._most_sampled = max(self._most_sampled, self.now())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _outside(self) -> int:
        """Files in memory that it has open and that are not resident in it already."""
        sizes: dict[int, int] = {}
        for link in Path(f"/proc/{self._pid}/fd").iterdir():
            with suppress(OSError):
                if str(link.readlink()).startswith(_SHARED_FILES):
                    state = link.stat()
                    sizes[state.st_ino] = state.st_blocks * 512
        return max(0, sum(sizes.values()) - _status(self._pid, "RssShmem")) if sizes else 0


def at_rest(memory: Memory, seconds: float) -> int:
    """What is held after so many seconds in which nothing was asked of it."""
    time.sleep(seconds)
    return memory.now()


def _status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    found = next((line for line in lines if line.startswith(f"{field}:")), "x 0 kB")
    return int(found.split()[1]) * 1024


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += [int(child) for child in file.read_text(encoding="ascii").split()]
    return children + [below for child in children for below in _children(child)]


def _proportional(pid: int) -> int:
    """What it holds alone, and its share of what it shares."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0
