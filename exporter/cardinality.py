"""How many series a task or an account has at most, counted from the table of families. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from exporter.domain import Status
from exporter.errors import Reason
from exporter.families import FAMILIES, Collector

_PER: Final = {
    "outbound_task_redial_enabled": "batch",
    "outbound_task_redial_interval_seconds": "batch",
    "outbound_task_redial_max_attempts": "batch",
    "outbound_task_agent_assigned_customers": "agent",
    **{f"outbound_instance_concurrency{which}": "instance" for which in ("", "_limit")},
    **{f"outbound_account_concurrency_{which}": "account" for which in ("limit", "remaining")},
}
"""Families with a series for each of something else than a task."""

_SERIES: Final = {
    "outbound_task_jobs": 5,
    "outbound_task_recall_ignored": 3,
    # A task has either this or outbound_task_dialing_multiplier.
    "outbound_task_target_abandonment_ratio": 0,
    "outbound_account_collector_up": 2,
    "outbound_account_failure": len(Reason),
    "outbound_account_refresh_interval_seconds": 3,
    "outbound_account_configured_refresh_interval_seconds": 3,
    "outbound_account_last_success_timestamp_seconds": 3,
    "outbound_account_poll_duration_seconds": 3,
    "outbound_account_tasks": len(Status),
    "outbound_account_dropped_tasks": 3,
    # For each instance, which the text says.
    "outbound_instance_up": 0,
}
"""How many series of a family a task or an account has, where that is not one."""


def most_series(collectors: Iterable[Collector], vendor: str) -> Counter[str]:
    """The most series of one vendor's task or account, by what they are for each of.

    Args:
        collectors: Those that are on.
        vendor: The platform, as the table of families names it: dezhu or aliyun.

    Returns:
        Counts by batch, agent, instance and account; those under the empty text are of the task or
        the account itself.
    """
    counts: Counter[str] = Counter()
    for family in FAMILIES:
        if family.collector in collectors and getattr(family, vendor):
            counts[_PER.get(family.name, "")] += _SERIES.get(family.name, 1)
    return counts
