"""Windows that repeat from day to day, on a clock that is never set back. Pure arithmetic.

Days are numbered from 1970-01-01. The caches are bounded and belong to patterns of windows, which
many schedules share; where all differ, none of them is counted day by day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from exporter.domain import Window

_DAY: Final = 86_400
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY: Final = 4  # a Thursday, counted from Sunday
# Days that fit a calendar are found by blocks of about a year.
_BLOCK_DAYS: Final = 366
_EVERY_DAY: Final = frozenset(range(7))


class Hours(NamedTuple):
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


_CLOSED: Final = Hours((), 0)


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Calling hours of every day on the clock that is never set back.

    Its times are seconds since it showed 1970-01-01 00:00; days are numbered from there. ``kinds``
    is indexed by: may windows begin on the day before (2), on the day itself (1). ``week`` is by
    day modulo 7, ``week_before`` the seconds before it; empty where days of the month matter.
    """

    weekdays: frozenset[int]
    month_days: frozenset[int] | None
    kinds: tuple[Hours, ...]
    week: tuple[Hours, ...] = ()
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

    def hours(self, day: int) -> Hours:
        """The calling hours of a day."""
        if self.week:
            return self.week[day % 7]
        return self.kinds[2 * self.begins(day - 1) + self.begins(day)]

    def begins(self, day: int) -> bool:
        """Whether windows may begin on a day."""
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
        whole = range(first_block, last_block)
        blocks = sum(_seconds_before(self, block, _BLOCK_DAYS) for block in whole)
        last_seconds = _seconds_before(self, last_block, last)
        return blocks + last_seconds - _seconds_before(self, first_block, first)


# Few: most campaigns share their hours, and one that is not kept is made in 15 us. Where each has
# its own, as many as a week brings would be kept for nothing.
@lru_cache(maxsize=128)
def pattern_of(
    windows: tuple[Window, ...], weekdays: frozenset[int] | None, month_days: frozenset[int] | None
) -> Pattern:
    """The pattern of windows that may begin on these days; None: on any.

    Weekdays count from Sunday, which is 0. A limit outside the day is cut to it.
    """
    today, late = [], []
    for window in windows:
        start, end = (min(max(limit, 0), _DAY) for limit in (window.start, window.end))
        today.append((start, end if end > start else _DAY))
        if end <= start:
            late.append((0, end))
    day, after_eve = _merged(today), _merged(late) if late else _CLOSED
    kinds = (_CLOSED, day, after_eve, _merged(today + late) if late else day)
    weekdays = _EVERY_DAY if weekdays is None else weekdays
    if month_days is not None:
        return Pattern(weekdays, month_days, kinds)
    begins = [(day + _EPOCH_WEEKDAY) % 7 in weekdays for day in range(-1, 7)]
    week = tuple(kinds[2 * eve + day] for eve, day in pairwise(begins))
    before = accumulate((hours.total for hours in week), initial=0)
    return Pattern(weekdays, month_days, kinds, week, tuple(before))


def _merged(spans: Iterable[tuple[int, int]]) -> Hours:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return Hours(tuple(merged), sum(end - start for start, end in merged))


@lru_cache(maxsize=256)
def _seconds_before(pattern: Pattern, block: int, day: int) -> int:
    """Calling time in a block of days before one of them; before the 366th, that of the block."""
    begins = _begins(pattern.weekdays, pattern.month_days or frozenset(), block)
    before = (1 << day) - 1
    late, today = begins & before, begins >> 1 & before
    kinds = zip(pattern.kinds[1:], (today & ~late, late & ~today, late & today), strict=True)
    return sum(hours.total * days.bit_count() for hours, days in kinds)


@lru_cache(maxsize=128)
def _begins(weekdays: frozenset[int], month_days: frozenset[int], block: int) -> int:
    """On which days of a block windows may begin: a bit each, the first for the day before it."""
    by_weekday, by_date = _calendar(block)
    week = sum(bits for weekday, bits in by_weekday.items() if weekday in weekdays)
    return week & sum(bits for day, bits in by_date.items() if day in month_days)


@lru_cache(maxsize=64)
def _calendar(block: int) -> tuple[dict[int, int], dict[int, int]]:
    """The days of a block as in ``_begins``, by day of the week and by day of the month."""
    by_weekday: dict[int, int] = dict.fromkeys(range(7), 0)
    by_date: dict[int, int] = dict.fromkeys(range(1, 32), 0)
    first = block * _BLOCK_DAYS - 1
    for bit in range(_BLOCK_DAYS + 1):
        by_weekday[(first + bit + _EPOCH_WEEKDAY) % 7] |= 1 << bit
        by_date[date.fromordinal(first + bit + _EPOCH_ORDINAL).day] |= 1 << bit
    return by_weekday, by_date
