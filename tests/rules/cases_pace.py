"""A task that stands still: when that alerts, and when it must not."""

from typing import Any

from tests.rules.making import (
    Series,
    account,
    flat,
    gap,
    ramp,
    series,
    task,
    task_labels,
)
from tests.rules.promtool import Case, Firing

WARNING = {"severity": "warning", "area": "jobs"}
SPRING = "Task Spring (7) of account collections (dezhu)"
SPRING_ZH = "账号 collections（dezhu）的任务“Spring”（7）"
MINUTES = 180
RUNNING = (("running", MINUTES),)


def stalled(platform: str, remaining: int) -> Firing:
    name, name_zh = (SPRING, SPRING_ZH)
    if platform == "aliyun":
        name, name_zh = (
            "Task Survey (g1) of account bots (aliyun)",
            "账号 bots（aliyun）的任务“Survey”（g1）",
        )
    return Firing(
        labels=task_labels(platform) | WARNING,
        summary="A running task does not get on although it may call.",
        description=f"{name} has completed no customer and made no call for at least 30 minutes;"
        f" {remaining} remain.",
        summary_zh="任务正在执行且处于可呼叫时段，却没有任何进展。",
        description_zh=f"{name_zh}至少 30 分钟没有完成任何客户，也没有呼叫；"
        f"还剩 {remaining} 个客户。",
    )


def spring(status: Any = RUNNING, *, up: Any = None, **changed: Any) -> Series:
    """A Dezhu task of 1,000 customers that completes ten a minute until minute 40, then none."""
    families = {
        "customers": flat(1000, MINUTES),
        "completed_customers": [*ramp(0, 10, 40), *flat(400, MINUTES - 40)],
        "calling_window_open": flat(1, MINUTES),
    } | changed
    return account("dezhu", up=up or flat(1, MINUTES)) | task("dezhu", status, **families)


def survey(calls: Any, failed: Any, **changed: Any) -> Series:
    """An Alibaba group in which nobody is reached any more; 50 remain."""
    return account("aliyun", up=flat(1, MINUTES)) | task(
        "aliyun",
        RUNNING,
        customers=flat(1000, MINUTES),
        completed_customers=flat(400, MINUTES),
        calling_window_open=flat(1, MINUTES),
        calls=calls,
        jobs={
            "scheduling": flat(40, MINUTES),
            "executing": flat(10, MINUTES),
            "paused": flat(0, MINUTES),
            "failed": failed,
        },
        **changed,
    )


def redialled(interval: float, enabled: int) -> Series:
    """Spring is at its tail, and this is how long those who remain wait."""
    labels = task_labels("dezhu") | {"batch": "a"}
    return (
        spring(completed_customers=flat(970, MINUTES))
        | series("outbound_task_redial_interval_seconds", labels, flat(interval, MINUTES))
        | series("outbound_task_redial_enabled", labels, flat(enabled, MINUTES))
    )


CASES = (
    Case(
        alert="OutboundTaskStalled",
        title="three quarters of an hour without anything",
        series=spring(),
        silent=(39, 60, 80),
        fires={90: stalled("dezhu", 600), 170: stalled("dezhu", 600)},
    ),
    Case(
        alert="OutboundTaskStalled",
        title="at Alibaba neither completed, nor called, nor failed",
        series=survey(flat(7000, MINUTES), flat(550, MINUTES)),
        fires={60: stalled("aliyun", 50)},
    ),
    Case(
        alert="OutboundTaskStalled",
        title="calls that reach nobody are no stall",
        series=survey(ramp(7000, 5, MINUTES), flat(550, MINUTES)),
        silent=(60, 100, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="nor are jobs that fail, where calls are not told",
        series=survey(gap(MINUTES), ramp(100, 2, MINUTES)),
        silent=(60, 100, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="a lunch break, and the half hour after it",
        series=spring(
            completed_customers=[*ramp(0, 10, 40), *flat(400, 75), *ramp(400, 10, 65)],
            calling_window_open=[*flat(1, 40), *flat(0, 60), *flat(1, 80)],
        ),
        silent=(60, 90, 101, 114, 130),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="running through the night",
        series=spring(calling_window_open=[*flat(1, 45), *flat(0, 135)]),
        silent=(60, 90, 120, 179),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="forty minutes without anything when the window closes",
        series=spring(
            completed_customers=[*ramp(0, 10, 5), *flat(40, 175)],
            calling_window_open=[*flat(1, 45), *flat(0, 135)],
        ),
        silent=(44, 52, 60, 74, 100),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="calling hours that have been known for a few minutes only",
        series=spring(calling_window_open=[*gap(60), *flat(1, 120)]),
        silent=(76, 100),
        fires={107: stalled("dezhu", 600)},
    ),
    Case(
        alert="OutboundTaskStalled",
        title="a count of completed customers that has been told for a few minutes only",
        series=spring(completed_customers=[*gap(120), *flat(400, 60)]),
        silent=(137, 149, 160),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="a task whose status is not known",
        series={key: row for key, row in spring().items() if "task_info" not in key},
        silent=(60, 90, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="resumed half an hour ago",
        series=spring(
            (("paused", 80), ("running", 100)),
            completed_customers=[*flat(400, 112), *ramp(400, 10, 68)],
        ),
        silent=(81, 100, 112, 150),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="paused on purpose",
        series=spring((("running", 40), ("paused", 140))),
        silent=(60, 90, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="nobody remains",
        series=spring(completed_customers=flat(1000, MINUTES)),
        silent=(60, 90, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="the account cannot be read",
        series=spring(up=[*flat(1, 40), *flat(0, 140)]),
        silent=(60, 90, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="a task seen for the first time a quarter of an hour ago",
        series=account("dezhu", up=flat(1, MINUTES))
        | task(
            "dezhu",
            (("", 120), ("running", 60)),
            customers=flat(1000, MINUTES),
            completed_customers=flat(400, MINUTES),
            calling_window_open=[*gap(120), *flat(1, 60)],
        ),
        silent=(121, 149, 160),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="an exporter that restarts now and then",
        series=spring(
            customers=[*flat(1000, 60), *gap(6), *flat(1000, 114)],
            completed_customers=[*ramp(100, 5, 60), *gap(6), *ramp(425, 3, 114)],
        ),
        silent=(61, 66, 90, 120),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="the last ones wait an hour for their next attempt",
        series=redialled(3600, 1),
        silent=(60, 90, 170),
    ),
    Case(
        alert="OutboundTaskStalled",
        title="the last ones wait for nothing: redialling is off, or soon due",
        series=redialled(3600, 0),
        fires={90: stalled("dezhu", 30)},
    ),
    Case(
        alert="OutboundTaskStalled",
        title="at Alibaba the last ones wait for the least time between attempts",
        series=survey(
            flat(7000, MINUTES),
            flat(550, MINUTES),
            min_attempt_interval_seconds=flat(7200, MINUTES),
        ),
        silent=(60, 90, 170),
    ),
)
