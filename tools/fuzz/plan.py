"""What the process under atheris is told to do, and how the time is divided."""

import msgspec


class Job(msgspec.Struct, frozen=True):
    """One target: ``folder`` gets its log and its exit status, ``arguments`` are libFuzzer's."""

    target: str
    folder: str
    arguments: tuple[str, ...]


class Plan(msgspec.Struct, frozen=True):
    """Targets to run, ``cores`` at a time, until the monotonic clock shows ``end``."""

    jobs: tuple[Job, ...]
    cores: int
    end: float


def share(left: float, *, waiting: int, cores: int) -> int:
    """Whole seconds for the next of the targets that wait, with ``left`` seconds for all of them.

    libFuzzer takes up to a second more than it is given, and needs one at least.
    """
    return max(1, int(left * min(1.0, cores / waiting)) - 1)
