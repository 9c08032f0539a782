"""When an exporter was busy with polls and publications, and when it was idle."""

from collections.abc import Iterable, Sequence
from typing import Final

Span = tuple[float, float]
"""From and to, on one monotonic clock for all processes of the machine, in seconds."""

_PAUSE_SECONDS: Final = 0.5
_WORK_SECONDS: Final = 4.0
_MARGIN_SECONDS: Final = 0.5


def busy_spans(
    *, requests: Iterable[float], publications: Sequence[float], minutes: Iterable[float]
) -> list[Span]:
    """The spans in which there was work.

    Args:
        requests: When the vendor was asked.
        publications: When one was done.
        minutes: When a new minute began, and with it what follows the clock was rendered again.

    Returns:
        From the first request to the last publication that follows within 4 s, from the begin of a
        minute likewise, and half a second before any other publication.
    """
    polls = merged([(at, at) for at in requests], apart=_PAUSE_SECONDS)
    causes = [*polls, *((at, at) for at in minutes)]
    spans = [(at - _PAUSE_SECONDS, at) for at in publications]
    for begin, end in causes:
        done = [at for at in publications if end <= at <= end + _WORK_SECONDS]
        spans.append((begin, max(done, default=end)))
    return merged(spans)


def merged(spans: Iterable[Span], *, apart: float = 0.0) -> list[Span]:
    """Spans in order, those that touch or are no more than ``apart`` from each other as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1] + apart:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def parted(scrapes: Iterable[Span], busy: Sequence[Span]) -> tuple[list[float], list[float]]:
    """Seconds of the scrapes, given as from and to, that met work, and of those far from any.

    What is within half a second of work and does not meet it is neither.
    """
    met: list[float] = []
    idle: list[float] = []
    for begin, end in scrapes:
        if _meets(begin, end, busy):
            met.append(end - begin)
        elif not _meets(begin - _MARGIN_SECONDS, end + _MARGIN_SECONDS, busy):
            idle.append(end - begin)
    return met, idle


def _meets(begin: float, end: float, busy: Sequence[Span]) -> bool:
    return any(begin <= until and end >= since for since, until in busy)
