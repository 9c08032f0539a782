"""Calling hours of a campaign: is its window open, and how much calling time is left.

The limits of a window are times of the local wall clock, and a limit takes effect at the first
moment at which that clock shows it or anything later:

- A limit in an hour that is skipped takes effect as the hour is skipped. A window that lies wholly
  in that hour never opens, one around it is an hour shorter.
- A limit in an hour that is repeated takes effect when the clock first shows it. A window that
  begins before that hour or in it, and ends after it, is an hour longer.

Counting follows a clock that is never set back: it stands until the wall clock has caught up. On
that clock the windows repeat from day to day whatever the offset does, so whole days are counted by
arithmetic, and each change of the offset is one correction: skipped calling time is taken off,
calling time during which the clock stood is added.

The caches are bounded and belong to patterns of windows and to zones, which many schedules share.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from exporter.calling_pattern import Pattern, pattern_of
from exporter.domain import Schedule

# An end beyond this counts as if it were here: vendors write "for ever" as the year 9999.
COUNTED_AHEAD_SECONDS: Final = 3_653 * 86_400

_DAY: Final = 86_400
_NO_OFFSET: Final = timedelta()

# Offsets are compared every three days: since 2000 no zone changed twice in less than a week.
_PROBE: Final = 3 * _DAY
# What is looked up in a zone is remembered by blocks of about a year.
_BLOCK: Final = 366 * _DAY
# A standing clock has not reached the time at which it stands; limits are whole seconds.
_NOT_YET: Final = 0.5


def is_open(schedule: Schedule, zone: ZoneInfo, at: float) -> bool | None:
    """Tell whether the calling window is open at ``at`` (seconds since the epoch).

    ``zone`` is the loaded ``schedule.zone``. False before the start and from the end on. None when
    the schedule names no windows.
    """
    if not schedule.windows:
        return None
    if schedule.start is not None and at < schedule.start:
        return False
    if schedule.end is not None and at >= schedule.end:
        return False
    shown, standing = _clock(zone, at)
    pattern = pattern_of(schedule.windows, schedule.weekdays, schedule.month_days)
    return pattern.covers(shown - _NOT_YET if standing else shown)


def remaining_seconds(schedule: Schedule, zone: ZoneInfo, at: float) -> float | None:
    """Return the calling time in seconds from ``at`` (seconds since the epoch) to the end.

    ``zone`` is the loaded ``schedule.zone``. It counts from the start while that lies ahead, and no
    further than ``COUNTED_AHEAD_SECONDS`` from ``at``. 0 after the end. None when the schedule has
    no end or names no windows.
    """
    if not schedule.windows or schedule.end is None:
        return None
    begin = at if schedule.start is None else max(at, schedule.start)
    end = min(schedule.end, at + COUNTED_AHEAD_SECONDS)
    if begin >= end:
        return 0.0
    pattern = pattern_of(schedule.windows, schedule.weekdays, schedule.month_days)
    seconds = pattern.between(_clock(zone, begin)[0], _clock(zone, end)[0])
    for block in range(int((begin - _DAY) // _BLOCK), int(end // _BLOCK) + 1):
        # In most years of most zones there is none, and nothing to keep.
        for shift, change in _changes(pattern, zone, block) if _shifts(zone, block) else ():
            if change < 0:
                seconds += change if begin < shift.at <= end else 0
            else:
                seconds += max(0, min(end, shift.at + change) - max(begin, shift.at))
    return seconds


def next_edge(schedule: Schedule, zone: ZoneInfo, at: float, horizon: float) -> float | None:
    """Return the first moment after ``at`` and up to ``at + horizon`` at which ``is_open`` changes.

    ``at`` and the answer are seconds since the epoch, ``horizon`` is seconds; each window on the
    way is looked at. None when nothing changes by then, or when the schedule names no windows.
    """
    if not schedule.windows:
        return None
    until = at + min(horizon, COUNTED_AHEAD_SECONDS)
    begin = at if schedule.start is None else max(at, schedule.start)
    end = until if schedule.end is None else min(until, schedule.end)
    if begin > end:
        return None
    pattern = pattern_of(schedule.windows, schedule.weekdays, schedule.month_days)
    last = () if schedule.end is None else (schedule.end,)
    for edge in chain((begin,), _limits(pattern, zone, begin, end), last):
        if at < edge <= end and is_open(schedule, zone, edge) != is_open(schedule, zone, at):
            return edge
    return None


class _Shift(NamedTuple):
    """A change of the offset from UTC, in seconds, at a second since the epoch."""

    at: int
    before: int
    after: int


def _clock(zone: ZoneInfo, at: float) -> tuple[float, bool]:
    """Return what the clock that is never set back shows, and whether it stands still."""
    moment = datetime.fromtimestamp(at, zone)
    if not moment.fold:
        return at + _offset(moment), False
    peaks = (shift.at + shift.before for shift in _shifts_between(zone, at - _DAY, at))
    return max(peaks, default=at + _offset(moment)), True


def _instant(zone: ZoneInfo, shown: float) -> float:
    """Return the first moment at which the wall clock shows ``shown`` or anything later."""
    local = datetime.fromtimestamp(shown, UTC).replace(tzinfo=zone)
    before = _offset(local)
    after = _offset(local.replace(fold=1))
    if after <= before:
        return shown - before
    skips = _shifts_between(zone, shown - after, shown - before)
    return next((shift.at for shift in skips), shown - before)


def _limits(pattern: Pattern, zone: ZoneInfo, begin: float, until: float) -> Iterator[float]:
    """Yield in order the moments from ``begin`` to ``until`` at which a window begins or ends."""
    first, _ = _clock(zone, begin)
    last, _ = _clock(zone, until)
    # A clock that stands at midnight has not yet passed the end of the day before.
    for day in range(int((first - 1) // _DAY), int(last // _DAY) + 1):
        for second in chain.from_iterable(pattern.hours(day).spans):
            if first <= day * _DAY + second <= last:
                yield _instant(zone, day * _DAY + second)


@lru_cache(maxsize=256)
def _changes(pattern: Pattern, zone: ZoneInfo, block: int) -> tuple[tuple[_Shift, int], ...]:
    """List the changes of the offset in a block that skip (< 0) or repeat (> 0) calling seconds."""
    changes = []
    for shift in _shifts(zone, block):
        peak = shift.at + shift.before
        if shift.after > shift.before:
            change = -int(pattern.between(peak, shift.at + shift.after))
        else:
            change = (shift.before - shift.after) * pattern.covers(peak - _NOT_YET)
        if change:
            changes.append((shift, change))
    return tuple(changes)


def _shifts_between(zone: ZoneInfo, after: float, until: float) -> Iterator[_Shift]:
    for block in range(int(after // _BLOCK), int(until // _BLOCK) + 1):
        for shift in _shifts(zone, block):
            if after < shift.at <= until:
                yield shift


@lru_cache(maxsize=512)
def _shifts(zone: ZoneInfo, block: int) -> tuple[_Shift, ...]:
    """Find the changes of the offset in a block of seconds, counted from the epoch."""
    probes = range(block * _BLOCK, (block + 1) * _BLOCK + 1, _PROBE)
    offsets = [_offset(datetime.fromtimestamp(second, zone)) for second in probes]
    return tuple(
        _Shift(_moment_of_change(zone, range(left, left + _PROBE + 1)), before, after)
        for left, (before, after) in zip(probes, pairwise(offsets), strict=False)
        if before != after
    )


def _moment_of_change(zone: ZoneInfo, seconds: range) -> int:
    before = _offset(datetime.fromtimestamp(seconds[0], zone))
    changed = bisect_left(
        seconds, True, key=lambda second: _offset(datetime.fromtimestamp(second, zone)) != before
    )
    return seconds[changed]


def _offset(moment: datetime) -> int:
    return int((moment.utcoffset() or _NO_OFFSET).total_seconds())
