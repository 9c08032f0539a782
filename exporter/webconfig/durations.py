"""Durations as Go writes them, which is what the format uses: ``1s``, ``1.5h``, ``100ms``."""

import re
from typing import Final

_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # the micro sign
    "μs": 1e-6,  # the Greek letter
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})(ns|us|µs|μs|ms|s|m|h)")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")


def parse_go_duration(text: str) -> float:
    """The seconds of a duration that is not below 0.

    >>> parse_go_duration("1m30s")
    90.0

    Raises:
        ValueError: It is none; the message does not show it.
    """
    if text == "0":
        return 0.0
    if not _WHOLE.fullmatch(text):
        raise ValueError("expected a duration with its unit, such as 1s, 100ms or 1m30s")
    return sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))
