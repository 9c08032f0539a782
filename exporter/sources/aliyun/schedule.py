"""``JobGroup.Strategy`` as a schedule, and lists that hold JSON text."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from exporter.domain import Schedule, Window
from exporter.sources.lenient import Fields

_EVERY_DAY: Final = frozenset({"", "once", "day"})
_WEEK, _MONTH = "week", "month"
_DAYS: Final = {_WEEK: range(7), _MONTH: range(1, 32)}
_NESTED_DEPTH: Final = 3


def read_schedule(fields: Fields, strategy: Mapping[str, Any], zone: str) -> Schedule | None:
    """The schedule; None where the strategy says nothing of when to call."""
    start = fields.moment("Strategy.StartTime", strategy.get("StartTime"))
    end = fields.moment("Strategy.EndTime", strategy.get("EndTime"))
    windows = _windows(fields, strategy)
    weekdays = month_days = None
    rhythm = fields.text("Strategy.RepeatBy", strategy.get("RepeatBy")).strip().lower()
    if rhythm in _DAYS:
        days = _days(fields, strategy, _DAYS[rhythm])
        weekdays, month_days = (days, None) if rhythm == _WEEK else (None, days)
        # Without its days nobody knows when such a campaign calls.
        windows = windows if days else ()
    elif rhythm not in _EVERY_DAY:
        fields.note("Strategy.RepeatBy")
        windows = ()
    if start is None and end is None and not windows:
        return None
    return Schedule(
        zone=zone,
        start=start,
        end=end,
        windows=windows,
        weekdays=weekdays or None,
        month_days=month_days or None,
    )


def flattened(value: Any, depth: int = _NESTED_DEPTH) -> list[Any] | None:
    """The values of a list of which some may be lists as JSON text: ``["[1,2]"]`` gives 1 and 2.

    None: the value is no list, or text that looks like one and is not.
    """
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
    if not isinstance(value, list) or not depth:
        return None
    found: list[Any] = []
    for item in value:
        nested = isinstance(item, list) or (isinstance(item, str) and item.lstrip()[:1] == "[")
        inner = flattened(item, depth - 1) if nested else [item]
        if inner is None:
            return None
        found += inner
    return found


def _windows(fields: Fields, strategy: Mapping[str, Any]) -> tuple[Window, ...]:
    name = "Strategy.WorkingTime"
    items = fields.mappings(name, strategy.get("WorkingTime"))
    windows = (fields.window(name, item.get("BeginTime"), item.get("EndTime")) for item in items)
    return tuple(window for window in windows if window is not None)


def _days(fields: Fields, strategy: Mapping[str, Any], allowed: range) -> frozenset[int]:
    name = "Strategy.RepeatDays"
    found = flattened(strategy.get("RepeatDays"))
    if not found:
        fields.note(name)
        return frozenset()
    numbers = [fields.count(name, item) for item in found]
    days = frozenset(number for number in numbers if number is not None and number in allowed)
    if len(days) < len(set(numbers)):
        fields.note(name)
    return days
