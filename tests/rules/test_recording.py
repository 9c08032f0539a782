"""The recording rules on the promtool of Prometheus 2 and 3."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.making import (
    Series,
    account,
    account_labels,
    flat,
    gap,
    ramp,
    series,
    task,
    task_labels,
)
from tests.rules.promtool import Value, both_generations, check_values

TWO = (("running", 60), ("paused", 60))


def labels(platform: str, name: str, **more: str) -> str:
    """A sample of a task, as promtool writes it."""
    return written(name, task_labels(platform) | more)


def of_account(platform: str, name: str, **more: str) -> str:
    return written(name, account_labels(platform) | more)


def written(name: str, every: Mapping[str, str]) -> str:
    (key,) = series(name, every, [])
    return key


def bare(platform: str) -> str:
    return labels(platform, "")


JOBS = {
    "scheduling": flat(30, 120),
    "executing": flat(8, 120),
    "paused": flat(2, 120),
    "failed": flat(40, 120),
    "cancelled": flat(5, 120),
}
GROUP = task(
    "aliyun",
    (("running", 120),),
    customers=flat(145, 120),
    completed_customers=flat(60, 120),
    jobs=JOBS,
)
LIST = task(
    "dezhu",
    (("running", 120),),
    customers=flat(200, 120),
    completed_customers=flat(50, 120),
    connected_customers=flat(20, 120),
)


def without(text: str, whole: Series) -> Series:
    return {key: values for key, values in whole.items() if text not in key}


CONTINUITY = (
    Value(
        title="a change of status leaves one series, without a step or a hole",
        series=task("dezhu", TWO, customers=ramp(0, 1, 120)),
        minute=90,
        expr="deriv(task:outbound_task_customers:max[1h]) * 60 == 1",
        gives={bare("dezhu"): 1},
    ),
    Value(
        title="labels of the user's target survive",
        series=task("dezhu", TWO, customers=ramp(0, 1, 120)),
        minute=90,
        expr="task:outbound_task_customers:max",
        gives={labels("dezhu", "task:outbound_task_customers:max"): 90},
    ),
    Value(
        title="jobs keep their own state",
        series=GROUP,
        minute=10,
        expr='task:outbound_task_jobs:max{job_status="failed"}',
        gives={labels("aliyun", "task:outbound_task_jobs:max", job_status="failed"): 40},
    ),
    Value(
        title="a new script is no new task",
        series=task("aliyun", (("running", 120),), info={"script_version": "2", "priority": "x"}),
        minute=10,
        expr="task_status:outbound_task_info:max",
        gives={labels("aliyun", "task_status:outbound_task_info:max", status="running"): 1},
    ),
)

REMAINING = (
    Value(
        title="at Alibaba what is scheduling, executing or paused",
        series=GROUP,
        minute=10,
        expr="task:outbound_task_remaining_customers:sum",
        gives={labels("aliyun", "task:outbound_task_remaining_customers:sum"): 40},
    ),
    Value(
        title="two of the three are no sum",
        series=without("paused", GROUP),
        minute=10,
        expr="task:outbound_task_remaining_customers:sum",
        gives={},
    ),
    Value(
        title="at Dezhu who is not completed",
        series=LIST,
        minute=10,
        expr="task:outbound_task_remaining_customers:sum",
        gives={labels("dezhu", "task:outbound_task_remaining_customers:sum"): 150},
    ),
    Value(
        title="never below 0",
        series=task(
            "dezhu",
            (("running", 120),),
            customers=flat(10, 120),
            completed_customers=flat(12, 120),
        ),
        minute=10,
        expr="task:outbound_task_remaining_customers:sum",
        gives={labels("dezhu", "task:outbound_task_remaining_customers:sum"): 0},
    ),
    Value(
        title="customers that are appended have not ended",
        series=task(
            "dezhu",
            (("running", 120),),
            customers=[*flat(100, 60), *flat(900, 60)],
            completed_customers=flat(30, 120),
        ),
        minute=90,
        expr="changes(task:outbound_task_ended_customers:max[60m])",
        gives={bare("dezhu"): 0},
    ),
)

RATIOS = (
    Value(
        title="progress at Dezhu",
        series=LIST,
        minute=10,
        expr="task:outbound_task_progress:ratio",
        gives={labels("dezhu", "task:outbound_task_progress:ratio"): 0.25},
    ),
    Value(
        title="an empty list has no progress, and no customers no ratio",
        series=task(
            "dezhu",
            (("running", 120),),
            customers=flat(0, 120),
            completed_customers=flat(0, 120),
            connected_customers=flat(0, 120),
        ),
        minute=10,
        expr="task:outbound_task_progress:ratio or task:outbound_task_connected_customers:ratio",
        gives={},
    ),
    Value(
        title="connected of completed",
        series=LIST,
        minute=10,
        expr="task:outbound_task_connected_customers:ratio",
        gives={labels("dezhu", "task:outbound_task_connected_customers:ratio"): 0.4},
    ),
    Value(
        title="failed of completed and failed",
        series=GROUP,
        minute=10,
        expr="task:outbound_task_failed_jobs:ratio",
        gives={labels("aliyun", "task:outbound_task_failed_jobs:ratio"): 0.4},
    ),
)

NEW = (
    Value(
        title="new since the series began, where that is less than the lookback",
        series=task("dezhu", (("running", 120),), completed_customers=ramp(500, 2, 120)),
        minute=20,
        expr="task:outbound_task_completed_customers:delta1h",
        gives={labels("dezhu", "task:outbound_task_completed_customers:delta1h"): 40},
    ),
    Value(
        title="over a change of status",
        series=task(
            "dezhu", TWO, completed_customers=[*flat(0, 20), *ramp(0, 2, 40), *flat(78, 60)]
        ),
        minute=70,
        expr="task:outbound_task_completed_customers:delta1h",
        gives={labels("dezhu", "task:outbound_task_completed_customers:delta1h"): 78},
    ),
    Value(
        title="a fall is none, only what rises after it",
        series=task(
            "dezhu", (("running", 120),), completed_customers=[*flat(900, 60), *ramp(0, 3, 60)]
        ),
        minute=80,
        expr="task:outbound_task_completed_customers:delta1h",
        gives={labels("dezhu", "task:outbound_task_completed_customers:delta1h"): 60},
    ),
)


def working(window: list[float | None], completed: list[float | None]) -> Series:
    return account("dezhu", up=flat(1, 240)) | task(
        "dezhu",
        (("running", 240),),
        customers=flat(1000, 240),
        completed_customers=completed,
        calling_window_open=window,
        calling_remaining_seconds=flat(7200, 240),
    )


# Two a minute until minute 100, a break until 200, and on.
PACE = [*ramp(0, 2, 100), *flat(198, 100), *ramp(198, 2, 40)]
BREAK = [*flat(1, 100), *flat(0, 100), *flat(1, 40)]

RATES = (
    Value(
        title="two a minute",
        series=working(BREAK, PACE),
        minute=90,
        expr="round(task:outbound_task_completed_customers:rate30m * 60, 0.001)",
        gives={bare("dezhu"): 2},
    ),
    *(
        Value(
            title=f"no rate at minute {minute}, whose lookback has the break in it",
            series=working(BREAK, PACE),
            minute=minute,
            expr="task:outbound_task_completed_customers:rate30m",
            gives={},
        )
        for minute in (100, 150, 200, 220)
    ),
    *(
        Value(
            title=f"the last pace is still known at minute {minute}",
            series=working(BREAK, PACE),
            minute=minute,
            expr="round(task:outbound_task_ended_customers:last_rate30m * 60, 0.001)",
            gives={bare("dezhu"): 2},
        )
        for minute in (31, 99, 100, 150, 199, 220, 235)
    ),
    Value(
        title="no pace before a whole lookback",
        series=working(BREAK, PACE),
        minute=29,
        expr="task:outbound_task_ended_customers:last_rate30m",
        gives={},
    ),
    Value(
        title="calling time that is needed",
        series=working(BREAK, PACE),
        minute=150,
        # 802 customers remain, two a minute.
        expr="round(task:outbound_task_expected_seconds:ratio)",
        gives={bare("dezhu"): 24060},
    ),
    Value(
        title="more than there is: it will miss its end",
        series=working(BREAK, PACE),
        minute=150,
        expr="round(task:outbound_task_expected_per_remaining_seconds:ratio, 0.0001)",
        gives={bare("dezhu"): 3.3417},
    ),
    Value(
        title="a task that is gone has no pace",
        series=working([*flat(1, 100), *gap(140)], [*ramp(0, 2, 100), *gap(140)]),
        minute=110,
        expr="task:outbound_task_ended_customers:last_rate30m",
        gives={},
    ),
)

ACCOUNTS = (
    Value(
        title="an account is the sum of its tasks",
        series=LIST
        | {
            key.replace('"7"', '"8"').replace("Spring", "Autumn"): values
            for key, values in LIST.items()
        },
        minute=10,
        expr="account:outbound_task_remaining_customers:sum",
        gives={of_account("dezhu", "account:outbound_task_remaining_customers:sum"): 300},
    ),
    Value(
        title="jobs of an account by state",
        series=GROUP,
        minute=10,
        expr='account:outbound_task_jobs:sum{job_status="failed"}',
        gives={of_account("aliyun", "account:outbound_task_jobs:sum", job_status="failed"): 40},
    ),
    Value(
        title="tasks of a platform by status",
        series=account("dezhu", status__tasks={"running": flat(3, 20)})
        | series(
            "outbound_account_tasks",
            account_labels("dezhu") | {"account": "sales", "status": "running"},
            flat(4, 20),
        ),
        minute=10,
        expr="sum without (instance, job, region) (platform_status:outbound_account_tasks:sum)",
        gives={'{platform="dezhu", status="running"}': 7},
    ),
)


@pytest.mark.timeout(60)
@both_generations
def test_series_outlive_a_change_of_status(promtool: str, tmp_path: Path) -> None:
    check_values(promtool, tmp_path, CONTINUITY)


@pytest.mark.timeout(60)
@both_generations
def test_what_remains_is_one_thing_at_each_vendor(promtool: str, tmp_path: Path) -> None:
    check_values(promtool, tmp_path, REMAINING)


@pytest.mark.timeout(60)
@both_generations
def test_ratios_divide_by_nothing_less_than_one(promtool: str, tmp_path: Path) -> None:
    check_values(promtool, tmp_path, RATIOS)


@pytest.mark.timeout(60)
@both_generations
def test_what_is_new_is_counted_for_young_tasks_and_over_falls(
    promtool: str, tmp_path: Path
) -> None:
    check_values(promtool, tmp_path, NEW)


@pytest.mark.timeout(60)
@both_generations
def test_rates_know_the_calling_hours(promtool: str, tmp_path: Path) -> None:
    check_values(promtool, tmp_path, RATES)


@pytest.mark.timeout(60)
@both_generations
def test_accounts_and_platforms_are_sums(promtool: str, tmp_path: Path) -> None:
    check_values(promtool, tmp_path, ACCOUNTS)
