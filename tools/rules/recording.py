"""The recording rules: series that outlive a change of `status`, and what is computed of them.

"30m" and "1h" belong to the names, whatever the periods are. All aggregate with `without`, so that
`job`, `instance` and labels of the user's own survive.
"""

from __future__ import annotations

from typing import Final

from tools.rules.model import Group, Record, duration, number
from tools.rules.recorded_pace import pace_records
from tools.rules.words import in_status
from tools.thresholds import Thresholds

_CONTINUOUS: Final = (
    "customers",
    "completed_customers",
    "connected_customers",
    "calls",
    "jobs",
    "reported_progress_ratio",
    "reported_connected_ratio",
)
_INFO_LABELS: Final = (
    "task_type, skill_group_id, skill_group_name, number_group_id, dialing_strategy,\n"
    "  instance_id, instance_name, script_id, script_name, script_version, priority"
)
_SUMS: Final = (
    "customers:max",
    "completed_customers:max",
    "connected_customers:max",
    "remaining_customers:sum",
    "calls:max",
    "jobs:max",
    "completed_customers:delta1h",
    "connected_customers:delta1h",
    "failed_jobs:delta1h",
)


def recording_groups(thresholds: Thresholds) -> tuple[Group, ...]:
    """All groups of recording rules."""
    tasks = (
        *_continuous(),
        *_remaining(),
        _ended(),
        *_ratios(),
        *_new(thresholds),
        *_new_ratios(thresholds),
        *pace_records(thresholds),
    )
    return (
        Group(
            name="outbound-tasks",
            comment="One after the other: each rule may use those above it.",
            rules=tasks,
        ),
        Group(name="outbound-accounts", rules=tuple(_accounts())),
    )


def _continuous() -> tuple[Record, ...]:
    first = (
        "First of all continuity: `status` ends one series and begins another. Everything below"
        " works on these."
    )
    rules = [
        Record(
            record=f"task:outbound_task_{name}:max",
            expr=f"max without (status) (outbound_task_{name})",
            comment=first if name == _CONTINUOUS[0] else "",
        )
        for name in _CONTINUOUS
    ]
    return (
        *rules,
        Record(
            record="task:outbound_task_failed_jobs:max",
            expr='max without (status, job_status) (outbound_task_jobs{job_status="failed"})',
        ),
        Record(
            record="task_status:outbound_task_info:max",
            comment="The state of a task and nothing else: a new script ends no series.",
            expr=f"max without (\n  {_INFO_LABELS}\n) (outbound_task_info)",
        ),
        Record(
            record="task:outbound_task_calling_window_open:paused",
            comment="Kept for the few that are paused: an alert looks back a whole day, which would"
            " be costly for all tasks.",
            expr=f"""
                outbound_task_calling_window_open == 1
                  and ignoring (status)
                {in_status("paused")}
            """,
        ),
    )


def _remaining() -> tuple[Record, ...]:
    name = "task:outbound_task_remaining_customers:sum"
    states = "scheduling|executing|paused"
    left = f'task:outbound_task_jobs:max{{platform="aliyun", job_status=~"{states}"}}'
    return (
        Record(
            record=name,
            labels={"platform": "aliyun"},
            comment="Only where all three are known: two of them would be too few, and the vendor"
            " does not promise any. The label says what is so already; it tells the two rules of"
            " this name apart for `promtool check rules`.",
            expr=f"""
                sum without (job_status) (
                  {left}
                )
                  and
                count without (job_status) (
                  {left}
                ) == 3
            """,
        ),
        Record(
            record=name,
            labels={"platform": "dezhu"},
            expr="""
                clamp_min(
                  task:outbound_task_customers:max{platform="dezhu"}
                    - task:outbound_task_completed_customers:max{platform="dezhu"},
                  0
                )
            """,
        ),
    )


def _ended() -> Record:
    return Record(
        record="task:outbound_task_ended_customers:max",
        comment="Customers for whom nothing more will be done, reached or not. At Alibaba this"
        " does not depend on whether `completed` includes failed jobs, which is not"
        " documented; and customers that are appended do not change it.",
        expr="task:outbound_task_customers:max - task:outbound_task_remaining_customers:sum",
    )


def _ratios() -> tuple[Record, ...]:
    return (
        Record(
            record="task:outbound_task_progress:ratio",
            expr="""
                clamp(
                  1 - task:outbound_task_remaining_customers:sum
                    / (task:outbound_task_customers:max > 0),
                  0, 1
                )
            """,
        ),
        Record(
            record="task:outbound_task_connected_customers:ratio",
            expr="""
                task:outbound_task_connected_customers:max
                  / (task:outbound_task_completed_customers:max > 0)
            """,
        ),
        Record(
            record="task:outbound_task_failed_jobs:ratio",
            comment="Since the beginning of the task. A failed job was not reached, so this is"
            " above 0 in every healthy campaign.",
            expr="""
                task:outbound_task_failed_jobs:max
                  / (task:outbound_task_completed_customers:max
                    + task:outbound_task_failed_jobs:max > 0)
            """,
        ),
    )


def _new(thresholds: Thresholds) -> tuple[Record, ...]:
    share = duration(thresholds.periods.share)
    comment = (
        "New within the lookback. Less the least and not less the first: the figures may fall,"
        " and a task may be younger than the lookback. Never `increase`: these are gauges."
    )
    names = ("completed_customers", "connected_customers", "failed_jobs", "calls")
    return tuple(
        Record(
            record=f"task:outbound_task_{name}:delta1h",
            comment=comment if name == names[0] else "",
            expr=f"task:outbound_task_{name}:max"
            f"\n  - min_over_time(task:outbound_task_{name}:max[{share}])",
        )
        for name in names
    )


def _new_ratios(thresholds: Thresholds) -> tuple[Record, ...]:
    least = number(thresholds.limits.finished_for_share)
    return (
        Record(
            record="task:outbound_task_failed_jobs:ratio1h",
            comment="Only where enough has ended: three of four say nothing.",
            expr=f"""
                task:outbound_task_failed_jobs:delta1h
                  / (task:outbound_task_completed_customers:delta1h
                    + task:outbound_task_failed_jobs:delta1h >= {least})
            """,
        ),
        Record(
            record="task:outbound_task_connected_customers:ratio1h",
            expr=f"""
                task:outbound_task_connected_customers:delta1h
                  / (task:outbound_task_completed_customers:delta1h >= {least})
            """,
        ),
    )


def _accounts() -> tuple[Record, ...]:
    sums = []
    for name in _SUMS:
        metric, operation = name.split(":")
        operation = "sum" if operation == "max" else operation
        sums.append(
            Record(
                record=f"account:outbound_task_{metric}:{operation}",
                expr=f"sum without (task_id, task_name) (task:outbound_task_{name})",
            )
        )
    tasks = Record(
        record="platform_status:outbound_account_tasks:sum",
        expr="sum without (account) (outbound_account_tasks)",
    )
    return (*sums, tasks)
