"""Ranges of single values, and the error of a value that names its key."""

import math
from collections.abc import Mapping

import msgspec

from exporter.config.durations import format_duration


class FieldError(ValueError):
    """One key of a struct has a value of no use; the loader adds the path of the struct.

    Args:
        field: Key within the struct, such as ``burst`` or ``tls_config.cert_file``.
        message: What was expected; never holds a secret.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Range(msgspec.Struct, frozen=True):
    """Both ends are allowed; a duration's are in seconds."""

    low: float
    high: float
    duration: bool = False

    def __str__(self) -> str:
        return f"{self.show(self.low)} to {self.show(self.high)}"

    def show(self, number: float) -> str:
        """The number as one would write it in the file."""
        if self.duration and math.isfinite(number):
            return format_duration(number)
        return str(number) if isinstance(number, int) else f"{number:g}"


def check_ranges(values: msgspec.Struct, ranges: Mapping[str, Range]) -> None:
    """Compare the fields of a struct that have a range with it.

    Raises:
        FieldError: The first that is out of its range.
    """
    for field, allowed in ranges.items():
        number = getattr(values, field)
        # Not "number < low or number > high", which a NaN would pass.
        if not allowed.low <= number <= allowed.high:
            raise FieldError(field, f"expected {allowed}, got {allowed.show(number)}")
