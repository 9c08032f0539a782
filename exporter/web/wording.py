"""Numbers and times as the page words them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class When:
    """A moment: how long ago, and the time itself in ISO 8601."""

    relative: str
    iso: str


def when(moment: float, now: float) -> When:
    """Word a moment, both in epoch seconds."""
    span = span_words(abs(now - moment), units=1)
    if abs(now - moment) < 1:
        relative = "just now"
    else:
        relative = f"{span} ago" if moment < now else f"in {span}"
    return When(relative, _iso(moment))


def span_words(seconds: float, *, units: int = 2) -> str:
    """A span of time in its largest units, such as ``1 min 30 s``."""
    words: list[str] = []
    rest = int(seconds)
    for size, name in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count} {name}")
        elif words:
            break
    return " ".join(words[:units]) or "0 s"


def grouped(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def percent(part: float, whole: float) -> str:
    """A share, rounded down, so that 100 % means all of it."""
    return f"{int(part * 1000 / whole) / 10:.1f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 task``, ``2 tasks``."""
    return f"{grouped(count)} {one if count == 1 else many or one + 's'}"


def _iso(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return str(moment)
