"""Rules and groups as values, and how their durations are written."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


@dataclass(frozen=True, kw_only=True)
class Record:
    """A recording rule; `comment` says why, where the expression surprises."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a person reads of an alert, in English and in Chinese.

    A summary is one sentence without values; a description has them, as templates of Prometheus.
    """

    summary: str
    description: str
    summary_zh: str
    description_zh: str


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alerting rule.

    `hold` and `keep_firing` are `for` and `keep_firing_for` in seconds; 0 leaves the latter out.
    """

    alert: str
    expr: str
    severity: str
    hold: float
    text: Text
    keep_firing: float = 0
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rules that are evaluated one after the other; `comment` stands above the group."""

    name: str
    rules: tuple[Record | Alert, ...]
    comment: str = ""


def together(first: str, *more: tuple[str, str]) -> str:
    """One expression of ``first`` and what follows it, each with the operator before it.

    There are no parentheses around a part: the whole is evaluated as if written in a row.
    """
    rest = (f"\n  {operator}\n{_flush(part)}" for operator, part in more)
    return _flush(first) + "".join(rest)


def _flush(part: str) -> str:
    return textwrap.dedent(part).strip()


def duration(seconds: float) -> str:
    """Seconds as Prometheus writes a duration: whole, in the largest unit, and never below 1s."""
    whole = max(1, round(seconds))
    for size, unit in _UNITS:
        if whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def number(value: float) -> str:
    """A number as PromQL reads it, without a needless fraction."""
    return f"{value:g}"
