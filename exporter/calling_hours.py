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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from exporter.domain import Schedule, Window

# An end beyond this counts as if it were here: vendors write "for ever" as the year 9999.
COUNTED_AHEAD_SECONDS: Final = 3_653 * 86_400

_DAY: Final = 86_400
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY: Final = 4  # a Thursday, counted from Sunday
_NO_OFFSET: Final = timedelta()

# Offsets are compared every three days: since 2000 no zone changed twice in less than a week.
_PROBE: Final = 3 * _DAY
# What is counted day by day, or looked up in a zone, is remembered by blocks of about a year.
_BLOCK_DAYS: Final = 366
_BLOCK: Final = _BLOCK_DAYS * _DAY
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
    pattern = _pattern(schedule.windows, schedule.weekdays, schedule.month_days)
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
    pattern = _pattern(schedule.windows, schedule.weekdays, schedule.month_days)
    seconds = pattern.between(_clock(zone, begin)[0], _clock(zone, end)[0])
    for block in range(int((begin - _DAY) // _BLOCK), int(end // _BLOCK) + 1):
        for shift, change in _changes(pattern, zone, block):
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
    pattern = _pattern(schedule.windows, schedule.weekdays, schedule.month_days)
    last = () if schedule.end is None else (schedule.end,)
    for edge in chain((begin,), _limits(pattern, zone, begin, end), last):
        if at < edge <= end and is_open(schedule, zone, edge) != is_open(schedule, zone, at):
            return edge
    return None


class _Hours(NamedTuple):
    """Calling hours of one local day: disjoint spans in seconds after its midnight, in order."""

    spans: tuple[tuple[int, int], ...]
    total: int

    def until(self, second: float) -> float:
        """Calling time in seconds from midnight to ``second``."""
        seconds = 0.0
        for start, end in self.spans:
            if start < second:
                seconds += min(end, second) - start
        return seconds


@dataclass(frozen=True, slots=True, eq=False)
class _Pattern:
    """Calling hours of every day on the clock that is never set back.

    Its times are seconds since it showed 1970-01-01 00:00; days are numbered from there. ``kinds``
    is indexed by: may windows begin on the day before (2), on the day itself (1). ``week`` is by
    day modulo 7, ``week_before`` the seconds before it; empty where days of the month matter.
    """

    weekdays: frozenset[int]
    month_days: frozenset[int] | None
    kinds: tuple[_Hours, ...]
    week: tuple[_Hours, ...] = ()
    week_before: tuple[int, ...] = ()

    def covers(self, shown: float) -> bool:
        """Tell whether a window covers this time."""
        day, second = divmod(shown, _DAY)
        for start, end in self.hours(int(day)).spans:
            if second < end:
                return start <= second
        return False

    def between(self, begin: float, end: float) -> float:
        """Calling time in seconds between two times, the later one excluded."""
        first, begin_second = divmod(begin, _DAY)
        last, end_second = divmod(end, _DAY)
        days = self._days_between(int(first), int(last))
        last_day, first_day = self.hours(int(last)), self.hours(int(first))
        return days + last_day.until(end_second) - first_day.until(begin_second)

    def hours(self, day: int) -> _Hours:
        if self.week:
            return self.week[day % 7]
        return self.kinds[2 * self.begins(day - 1) + self.begins(day)]

    def begins(self, day: int) -> bool:
        dates = self.month_days
        return (day + _EPOCH_WEEKDAY) % 7 in self.weekdays and (
            dates is None or date.fromordinal(day + _EPOCH_ORDINAL).day in dates
        )

    def _days_between(self, first: int, last: int) -> int:
        if self.week:
            before = self.week_before
            return (last // 7 - first // 7) * before[7] + before[last % 7] - before[first % 7]
        first_block, first = divmod(first, _BLOCK_DAYS)
        last_block, last = divmod(last, _BLOCK_DAYS)
        blocks = sum(_seconds_before(self, block)[-1] for block in range(first_block, last_block))
        last_seconds = _seconds_before(self, last_block)[last]
        return blocks + last_seconds - _seconds_before(self, first_block)[first]


@lru_cache(maxsize=16_384)
def _pattern(
    windows: tuple[Window, ...], weekdays: frozenset[int] | None, month_days: frozenset[int] | None
) -> _Pattern:
    today, late = [], []
    for window in windows:
        start, end = (min(max(limit, 0), _DAY) for limit in (window.start, window.end))
        today.append((start, end if end > start else _DAY))
        if end <= start:
            late.append((0, end))
    kinds = tuple(_merged(spans) for spans in ([], today, late, today + late))
    weekdays = frozenset(range(7)) if weekdays is None else weekdays
    if month_days is not None:
        return _Pattern(weekdays, month_days, kinds)
    begins = [(day + _EPOCH_WEEKDAY) % 7 in weekdays for day in range(-1, 7)]
    week = tuple(kinds[2 * eve + day] for eve, day in pairwise(begins))
    before = accumulate((hours.total for hours in week), initial=0)
    return _Pattern(weekdays, month_days, kinds, week, tuple(before))


def _merged(spans: Iterable[tuple[int, int]]) -> _Hours:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return _Hours(tuple(merged), sum(end - start for start, end in merged))


@lru_cache(maxsize=2_048)
def _seconds_before(pattern: _Pattern, block: int) -> tuple[int, ...]:
    """Calling time in a block of days before each of them, and at the end that of the block."""
    days = range(block * _BLOCK_DAYS - 1, (block + 1) * _BLOCK_DAYS)
    begins = pairwise(pattern.begins(day) for day in days)
    totals = (pattern.kinds[2 * eve + day].total for eve, day in begins)
    return tuple(accumulate(totals, initial=0))


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


def _limits(pattern: _Pattern, zone: ZoneInfo, begin: float, until: float) -> Iterator[float]:
    """Yield in order the moments from ``begin`` to ``until`` at which a window begins or ends."""
    first, _ = _clock(zone, begin)
    last, _ = _clock(zone, until)
    # A clock that stands at midnight has not yet passed the end of the day before.
    for day in range(int((first - 1) // _DAY), int(last // _DAY) + 1):
        for second in chain.from_iterable(pattern.hours(day).spans):
            if first <= day * _DAY + second <= last:
                yield _instant(zone, day * _DAY + second)


@lru_cache(maxsize=32_768)
def _changes(pattern: _Pattern, zone: ZoneInfo, block: int) -> tuple[tuple[_Shift, int], ...]:
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
