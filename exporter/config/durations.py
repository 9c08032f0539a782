"""Durations as Prometheus writes them: ``30s``, ``1h30m``, ``7d``, ``500ms`` and ``0``."""

import re
from typing import Final

_MILLISECONDS: Final = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
# Twelve digits of milliseconds are 31 years; more digits are a slip and could overflow a float.
_DURATION: Final = re.compile("".join(rf"(?:([0-9]{{1,12}}){unit})?" for unit in _MILLISECONDS))


def parse_duration(text: str) -> float:
    """The seconds of ``1h30m`` and the like; each unit at most once, the largest first.

    >>> parse_duration("1h30m")
    5400.0

    Raises:
        ValueError: The text is no duration; the message does not show it.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError("expected a duration such as 30s, 5m, 1h30m or 7d")
    units = zip(match.groups(), _MILLISECONDS.values(), strict=True)
    return sum(int(count) * unit for count, unit in units if count) / 1000


def format_duration(seconds: float) -> str:
    """The shortest text that ``parse_duration`` reads as ``seconds``, to the millisecond.

    Years, weeks and days stand only for all of it, as in Prometheus: 90 minutes are ``1h30m`` and
    36 hours are ``36h``, not ``1d12h``.

    >>> format_duration(5400)
    '1h30m'
    """
    rest = round(seconds * 1000)
    if rest == 0:
        return "0"
    text = ""
    for unit, size in _MILLISECONDS.items():
        if unit in {"y", "w", "d"} and rest % size:
            continue
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text
