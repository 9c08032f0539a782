"""Calling hours in Asia/Shanghai."""

import math
from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400
SHANGHAI_OFFSET: Final = 8 * 3600
"""Seconds ahead of UTC; the zone has had no summer time since 1991."""


@dataclass(frozen=True, slots=True)
class Window:
    """A daily calling window in seconds of the day; begin after end crosses midnight."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as campaigns look at it, in Asia/Shanghai."""

    time: float
    second_of_day: int
    weekday: int
    """0 is Sunday."""

    @classmethod
    def at(cls, time: float) -> "Moment":
        """Return the moment of epoch seconds."""
        local = math.floor(time) + SHANGHAI_OFFSET
        # 1 January 1970 was a Thursday.
        return cls(time, local % DAY, (local // DAY + 4) % 7)


def window_open(
    windows: tuple[Window, ...], weekdays: frozenset[int] | None, moment: Moment
) -> bool:
    """Tell whether calls may be made; no windows at all mean at any time.

    A window over midnight belongs to the day on which it begins.
    """
    if not windows:
        return True
    second, today = moment.second_of_day, moment.weekday
    for window in windows:
        crossing = window.begin > window.end
        late = window.begin <= second and (crossing or second < window.end)
        early = crossing and second < window.end
        day = today if late else (today - 1) % 7
        if (late or early) and (weekdays is None or day in weekdays):
            return True
    return False
