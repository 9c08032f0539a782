"""How long an answer asks us to wait, from its headers. Pure."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

LONGEST_SECONDS: Final = 900.0
"""A call made too early costs one refusal; what is not read for an hour is gone from every scrape.
"""
_UNITS: Final = (("x-acs-retry-after", 0.001), ("retry-after", 1.0))
_MOST_DIGITS: Final = 9


def waiting_seconds(headers: Mapping[str, str], *, received_at: float | None) -> float | None:
    """Seconds to wait, at most 15 minutes; None where the headers do not say.

    ``x-acs-retry-after`` is in milliseconds, ``Retry-After`` in seconds or an HTTP date.

    Args:
        headers: Of the answer, names in lower case.
        received_at: When it came, by our clock in epoch seconds; used where it has no ``Date``.
    """
    for name, unit in _UNITS:
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdigit():
            # Longer ones are beyond the cap, and soon beyond what may be turned into a number.
            wait = int(text) * unit if len(text) <= _MOST_DIGITS else LONGEST_SECONDS
            return min(wait, LONGEST_SECONDS)
    at = epoch_seconds(headers.get("retry-after", ""))
    sent_at = epoch_seconds(headers.get("date", ""))
    now = received_at if sent_at is None else sent_at
    if at is None or now is None:
        return None
    return min(max(0.0, at - now), LONGEST_SECONDS)


# Answers of the same second, of which there are many, carry the same date.
@lru_cache(maxsize=64)
def epoch_seconds(date: str) -> float | None:
    """An HTTP date in epoch seconds; None if it is none."""
    try:
        moment = parsedate_to_datetime(date)
        # Of the forms that HTTP has, one names no zone. All are Greenwich's, not ours.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
