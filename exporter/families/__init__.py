"""The table of all vendor metric families: no family exists outside it.

A row is data: name, help, labels, and one function from a frozen value to samples.
``docs/metrics.md`` is made from it, and dashboards and rules are checked against it.
"""

from typing import Final

from exporter.families.accounts import ACCOUNT_FAMILIES, DROP_REASONS
from exporter.families.concurrency import CONCURRENCY_FAMILIES
from exporter.families.model import (
    ClockView,
    Collector,
    Family,
    InfoView,
    Labels,
    Samples,
    Subject,
)
from exporter.families.tasks import TASK_FAMILIES

FAMILIES: Final[tuple[Family, ...]] = (*TASK_FAMILIES, *CONCURRENCY_FAMILIES, *ACCOUNT_FAMILIES)

__all__ = [
    "ACCOUNT_FAMILIES",
    "CONCURRENCY_FAMILIES",
    "DROP_REASONS",
    "FAMILIES",
    "TASK_FAMILIES",
    "ClockView",
    "Collector",
    "Family",
    "InfoView",
    "Labels",
    "Samples",
    "Subject",
]
