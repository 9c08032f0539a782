"""Failed, not started, paused and initializing: when that alerts, and when not."""

from typing import Any

from tests.rules.making import (
    Series,
    account,
    clock,
    flat,
    gap,
    in_chinese,
    ramp,
    task,
    task_labels,
)
from tests.rules.promtool import Case, Firing

WARNING = {"severity": "warning", "area": "jobs"}
SPRING = "Task Spring (7) of account collections (dezhu)"
SPRING_ZH = "账号 collections（dezhu）的任务“Spring”（7）"
SURVEY = "Task Survey (g1) of account bots (aliyun)"
SURVEY_ZH = "账号 bots（aliyun）的任务“Survey”（g1）"
DAY = 1440

FAILED = Firing(
    labels=task_labels("dezhu") | {"status": "failed", "severity": "critical", "area": "jobs"},
    summary="A task has failed.",
    description=f"{SPRING} is in status failed: the vendor has stopped it.",
    summary_zh="任务执行失败。",
    description_zh=f"{SPRING_ZH}的状态为 failed：平台已停止执行该任务。",
)

INITIALIZING = Firing(
    labels=task_labels("aliyun") | WARNING | {"status": "initializing"},
    summary="A task does not get beyond its initialization.",
    description=f"{SURVEY} has been initializing for more than 30 minutes.",
    summary_zh="任务一直停留在初始化状态。",
    description_zh=f"{SURVEY_ZH}处于初始化状态已超过 30 分钟。",
)


def not_started(platform: str, since: str) -> Firing:
    name, name_zh = (SPRING, SPRING_ZH) if platform == "dezhu" else (SURVEY, SURVEY_ZH)
    return Firing(
        labels=task_labels(platform) | WARNING,
        summary="A task has not started although it may call.",
        description=f"{name} was to start {since} ago and its calling window has been open for at"
        " least 15 minutes, but no call was made.",
        summary_zh="任务到了可呼叫时段仍未启动。",
        description_zh=f"{name_zh}的开始时间已过去 {in_chinese(since)}，"
        "可呼叫时段也已开放至少 15 分钟，"
        "但一个电话都没有打。",
    )


def paused(how_long: str) -> Firing:
    return Firing(
        labels=task_labels("dezhu") | {"severity": "info", "area": "jobs"},
        summary="A task has been paused for long while it may call.",
        description=f"{SPRING} has been paused for {how_long} of its calling hours in the"
        " last day.",
        summary_zh="任务在可呼叫时段内长时间处于暂停状态。",
        description_zh=f"{SPRING_ZH}在最近 1 天的可呼叫时段内已暂停 {in_chinese(how_long)}。",
    )


def idle_read(platform: str, values: list[float | None]) -> Series:
    """When the idle tier was last read."""
    return account(platform, tier__last_success_timestamp_seconds={"idle": values})


def waiting(platform: str = "dezhu", status: str = "not_started", **changed: Any) -> Series:
    """A task that should have started at minute 10, when its window opens for an hour and a half.

    Its account is read all the time.
    """
    families = {
        "customers": flat(500, 120),
        "start_timestamp_seconds": flat(600, 120),
        "calling_window_open": [*flat(0, 10), *flat(1, 90), *flat(0, 20)],
    } | changed
    lines = {key: value for key, value in families.items() if value is not None}
    return idle_read(platform, clock(0, 60, 120)) | task(platform, ((status, 120),), **lines)


def pausing(*status: tuple[str, int], window: list[float | None]) -> Series:
    return task("dezhu", status, calling_window_open=window)


CASES = (
    Case(
        alert="OutboundTaskFailed",
        title="a running task fails, and a day later that is known",
        series=idle_read("dezhu", clock(0, 60, 1600))
        | task("dezhu", (("running", 30), ("failed", 1570))),
        silent=(29, 30, 1500),
        fires={31: FAILED, 200: FAILED, 1400: FAILED},
    ),
    Case(
        alert="OutboundTaskFailed",
        title="a script that changes begins no second failure",
        series=idle_read("dezhu", clock(0, 60, 90))
        | task("dezhu", (("running", 30), ("failed", 60)), info={"script_version": "2"}),
        fires={60: FAILED},
    ),
    Case(
        alert="OutboundTaskFailed",
        title="what had failed before the account was first read is not news",
        series=idle_read("dezhu", [*gap(5), *clock(300, 60, 95)])
        | task("dezhu", (("", 5), ("failed", 95))),
        silent=(6, 10, 60, 99),
    ),
    Case(
        alert="OutboundTaskFailed",
        title="nor after a restart of the exporter at another address",
        series={
            key.replace("exporter:9877", "exporter-2:9877"): values
            for key, values in (
                idle_read("dezhu", [*gap(60), *clock(3600, 60, 60)])
                | task("dezhu", (("", 60), ("failed", 60)))
            ).items()
        }
        | idle_read("dezhu", [*clock(0, 60, 60), *gap(60)]),
        silent=(61, 70, 119),
    ),
    Case(
        alert="OutboundTaskFailed",
        title="an instance that always fails hides no failure in another",
        series=account("dezhu", up=flat(0, 90)) | task("dezhu", (("running", 30), ("failed", 60))),
        silent=(30,),
        fires={60: FAILED},
    ),
    Case(
        alert="OutboundTaskFailed",
        title="paused, completed and expired tasks have not failed",
        series=idle_read("dezhu", clock(0, 60, 90))
        | task("dezhu", (("running", 30), ("paused", 20), ("completed", 20), ("expired", 20))),
        silent=(35, 55, 80),
    ),
    Case(
        alert="OutboundTaskStuckInitializing",
        title="an hour of initializing",
        series=task("aliyun", (("initializing", 60),)),
        silent=(29,),
        fires={30: INITIALIZING, 59: INITIALIZING},
    ),
    Case(
        alert="OutboundTaskStuckInitializing",
        title="initialized within twenty minutes",
        series=task("aliyun", (("initializing", 20), ("scheduling", 10), ("running", 60))),
        silent=(19, 30, 60),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="not started at Dezhu, a while after its window opened",
        series=waiting(),
        silent=(10, 24, 29),
        fires={30: not_started("dezhu", "20m 0s"), 90: not_started("dezhu", "1h 20m 0s")},
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="scheduling at Alibaba without a single call",
        series=waiting("aliyun", "scheduling", calls=flat(0, 120)),
        fires={40: not_started("aliyun", "30m 0s")},
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="scheduling at Alibaba and calling",
        series=waiting("aliyun", "scheduling", calls=ramp(0, 3, 120)),
        silent=(40, 60, 90),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="a lunch break begins before it is late",
        series=waiting(calling_window_open=[*flat(1, 12), *flat(0, 60), *flat(1, 48)]),
        silent=(12, 20, 40, 71, 80),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="its start is yet to come",
        series=waiting(start_timestamp_seconds=flat(9000, 120)),
        silent=(30, 60, 90),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="started, but the idle tier has not been read since the window opened",
        series=waiting() | idle_read("dezhu", [*clock(0, 60, 11), *flat(600, 109)]),
        silent=(21, 30, 60, 90),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="a manual task has no windows",
        series=waiting(calling_window_open=None),
        silent=(30, 60, 90),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="drafts, paused and running tasks",
        series=waiting(status="paused") | waiting("aliyun", "draft", calls=flat(0, 120)),
        silent=(30, 60, 90),
    ),
    Case(
        alert="OutboundTaskNotStarted",
        title="nobody is on its list yet",
        series=waiting(customers=flat(0, 120)),
        silent=(30, 60, 90),
    ),
    Case(
        alert="OutboundTaskPausedLong",
        title="paused for an hour, and still so in the lunch break and over night",
        series=pausing(("running", 11), ("paused", 489), window=[*flat(1, 100), *flat(0, 400)]),
        silent=(60, 69),
        # In steps of five minutes, from minute 15 on.
        fires={90: paused("1h 20m 0s"), 150: paused("1h 25m 0s"), 480: paused("1h 25m 0s")},
    ),
    Case(
        alert="OutboundTaskPausedLong",
        title="paused at the end of a day: the night does not count",
        series=pausing(("running", 61), ("paused", 439), window=[*flat(1, 100), *flat(0, 400)]),
        silent=(99, 160, 300, 480),
    ),
    Case(
        alert="OutboundTaskPausedLong",
        title="pauses of fifty minutes with work between them",
        series=pausing(
            *[("running", 11), ("paused", 50), ("running", 5), ("paused", 50), ("running", 5)] * 2,
            window=flat(1, 242),
        ),
        silent=(60, 110, 150, 180, 230),
    ),
    Case(
        alert="OutboundTaskPausedLong",
        title="a task that is gone is paused no longer",
        series=pausing(("paused", 150), window=[*flat(1, 150), *gap(100)]),
        silent=(54, 170, 240),
    ),
    Case(
        alert="OutboundTaskPausedLong",
        title="resumed",
        series=pausing(("paused", 50), ("running", 190), window=flat(1, 240)),
        silent=(49, 100, 200),
    ),
)
