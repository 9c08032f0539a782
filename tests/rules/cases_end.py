"""A task that will miss its end or has missed it, and lines that run out: alerts and none."""

from typing import Any

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
from tests.rules.promtool import Case, Firing

WARNING = {"severity": "warning", "area": "jobs"}
SPRING = "Task Spring (7) of account collections (dezhu)"
SURVEY = "Task Survey (g1) of account bots (aliyun)"
SURVEY_ZH = "账号 bots（aliyun）的任务“Survey”（g1）"
SPRING_ZH = "账号 collections（dezhu）的任务“Spring”（7）"


def will_miss_end(share: str) -> Firing:
    return Firing(
        labels=task_labels("dezhu") | WARNING,
        summary="A task will not be finished at its end at the present pace.",
        description=f"{SPRING} needs {share} of the calling time that is left until its end.",
        summary_zh="按目前的速度，任务无法在截止时间前完成。",
        description_zh=f"{SPRING_ZH}按目前的速度需要截止前剩余可呼叫时间的 {share}。",
    )


def exhausted(labels: dict[str, str], share: str) -> Firing:
    instance = labels.get("instance_name")
    return Firing(
        labels=account_labels("aliyun") | labels | {"severity": "info", "area": "jobs"},
        summary="Hardly any concurrent call is left.",
        description=f"Account bots (aliyun){f', instance {instance}' if instance else ''}: {share}"
        " of the concurrent calls were in use over the last 10 minutes. Told by the optional"
        " collector concurrency.",
        summary_zh="并发通话数即将用尽。",
        description_zh=f"账号 bots（aliyun）{f'的实例 {instance}' if instance else ''}："
        f"最近 10 分钟平均占用了 {share} 的并发通话数。数据来自可选的采集项 concurrency。",
    )


def slow(minutes: int = 240, *, status: Any = None, up: Any = None, **changed: Any) -> Series:
    """A customer a minute of 10,000, with ten hours of calling time left at first."""
    families = {
        "customers": flat(10_000, minutes),
        "completed_customers": ramp(0, 1, minutes),
        "calling_window_open": flat(1, minutes),
        "calling_remaining_seconds": ramp(36_000, -60, minutes),
    } | changed
    return account("dezhu", up=up or flat(1, minutes)) | task(
        "dezhu", status or (("running", minutes),), **families
    )


# Nothing is done between minutes 100 and 220, and no calling time passes.
BREAK: dict[str, Any] = {
    "completed_customers": [*ramp(0, 1, 100), *flat(99, 120), *ramp(99, 1, 80)],
    "calling_window_open": [*flat(1, 100), *flat(0, 120), *flat(1, 80)],
    "calling_remaining_seconds": [
        *ramp(36_000, -60, 100),
        *flat(30_060, 120),
        *ramp(30_060, -60, 80),
    ],
}


def lines(current: float, limit: float) -> Series:
    labels = account_labels("aliyun") | {"instance_id": "i-1", "instance_name": "North"}
    return series("outbound_instance_concurrency", labels, flat(current, 60)) | series(
        "outbound_instance_concurrency_limit", labels, flat(limit, 60)
    )


def unfinished(platform: str, remaining: int) -> Firing:
    name, name_zh = (SPRING, SPRING_ZH) if platform == "dezhu" else (SURVEY, SURVEY_ZH)
    return Firing(
        labels=task_labels(platform) | WARNING,
        summary="A task is past its end and has customers left.",
        description=f"{name} has ended with {remaining} customers remaining.",
        summary_zh="任务已过截止时间，仍有客户未完成。",
        description_zh=f"{name_zh}已过截止时间，还剩 {remaining} 个客户未完成。",
    )


def ended(status: str = "expired", *, end: float = 1800, completed: float = 460) -> Series:
    """A Dezhu task of 500 customers, past its end from minute 30 on unless told otherwise."""
    return task(
        "dezhu",
        (("running", 30), (status, 90)),
        customers=flat(500, 120),
        completed_customers=flat(completed, 120),
        end_timestamp_seconds=flat(end, 120),
    )


CASES = (
    Case(
        alert="OutboundTaskWillMissEnd",
        title="twenty times too slow: the pace is known after half an hour, the alert an hour",
        series=slow(),
        silent=(29, 59),
        # 9,910 remain and take as many minutes; 30,600 seconds are left.
        fires={61: will_miss_end("1844%"), 90: will_miss_end("1943%")},
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="no lunch break ends it",
        series=slow(300, **BREAK),
        # 9,901 minutes of 30,060 seconds, from the last reading in the window to the next pace.
        fires={minute: will_miss_end("1976%") for minute in (100, 110, 150, 219)},
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="a restart of the exporter in the break does not forget the pace",
        series=slow(
            300,
            **{name: [*values[:150], *gap(10), *values[160:]] for name, values in BREAK.items()},
            customers=[*flat(10_000, 150), *gap(10), *flat(10_000, 140)],
        ),
        fires={minute: will_miss_end("1976%") for minute in (149, 155, 161, 219)},
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="on time",
        series=slow(completed_customers=ramp(0, 20, 240)),
        silent=(61, 90, 239),
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="on time, lunch break and all",
        series=slow(
            300,
            **BREAK
            | {"completed_customers": [*ramp(0, 25, 100), *flat(2475, 120), *ramp(2475, 25, 80)]},
        ),
        silent=(61, 99, 110, 150, 219, 225, 260, 299),
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="on time, and not readable for an hour",
        series=slow(
            completed_customers=[*ramp(0, 20, 60), *flat(1180, 60), *ramp(2400, 20, 120)],
            up=[*flat(1, 60), *flat(0, 60), *flat(1, 120)],
        ),
        silent=(61, 90, 119, 125, 160, 239),
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="customers appended to a task that has time for them",
        series=slow(
            customers=[*flat(2000, 100), *flat(6000, 140)], completed_customers=ramp(0, 19, 240)
        ),
        silent=(101, 120, 140, 180),
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="at the tail the pace is that of retries",
        series=slow(
            customers=flat(2000, 240),
            completed_customers=[*ramp(0, 30, 65), *ramp(1950, 0.01, 175)],
        ),
        silent=(66, 100, 150, 239),
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="paused: that has an alert of its own",
        series=slow(status=(("running", 40), ("paused", 200))),
        silent=(61, 90, 239),
    ),
    Case(
        alert="OutboundTaskWillMissEnd",
        title="without an end nothing can be missed",
        series=slow(calling_remaining_seconds=gap(240)),
        silent=(61, 90, 239),
    ),
    Case(
        alert="OutboundConcurrencyExhausted",
        title="an instance with 48 of 50 lines in use",
        series=lines(48, 50),
        silent=(4,),
        fires={30: exhausted({"instance_id": "i-1", "instance_name": "North"}, "96%")},
    ),
    Case(
        alert="OutboundConcurrencyExhausted",
        title="an account with one line of a hundred left",
        series=account(
            "aliyun", concurrency_limit=flat(100, 60), concurrency_remaining=flat(1, 60)
        ),
        fires={30: exhausted({}, "99%")},
    ),
    Case(
        alert="OutboundConcurrencyExhausted",
        title="80 percent in use",
        series=lines(40, 50)
        | account("aliyun", concurrency_limit=flat(100, 60), concurrency_remaining=flat(20, 60)),
        silent=(10, 30, 59),
    ),
    Case(
        alert="OutboundConcurrencyExhausted",
        title="a limit of 0, which is none",
        series=lines(0, 0)
        | account("aliyun", concurrency_limit=flat(0, 60), concurrency_remaining=flat(0, 60)),
        silent=(10, 30, 59),
    ),
    Case(
        alert="OutboundConcurrencyExhausted",
        title="the collector is off",
        series=account("aliyun", up=flat(1, 60)),
        silent=(10, 30, 59),
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="forty customers left at the end",
        series=ended(),
        silent=(29, 44),
        fires={46: unfinished("dezhu", 40), 100: unfinished("dezhu", 40)},
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="at Alibaba, where nothing says expired",
        series=task(
            "aliyun",
            (("running", 30), ("completed", 90)),
            jobs={
                "scheduling": flat(30, 120),
                "executing": flat(0, 120),
                "paused": flat(5, 120),
                "failed": flat(900, 120),
            },
            end_timestamp_seconds=flat(1800, 120),
        ),
        fires={60: unfinished("aliyun", 35)},
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="all were completed",
        series=ended("completed", completed=500),
        silent=(46, 60, 100),
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="cancelled: nobody wants the rest",
        series=ended("cancelled"),
        silent=(46, 60, 100),
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="the last calls are counted within minutes",
        series=task(
            "dezhu",
            (("running", 120),),
            customers=flat(500, 120),
            completed_customers=[*flat(460, 30), *ramp(460, 5, 8), *flat(500, 82)],
            end_timestamp_seconds=flat(1800, 120),
        ),
        silent=(35, 46, 100),
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="over for more than a day",
        series=ended(end=-90_000),
        silent=(20, 60, 100),
    ),
    Case(
        alert="OutboundTaskExpiredUnfinished",
        title="its end is yet to come",
        series=ended("paused", end=90_000),
        silent=(46, 60, 100),
    ),
)
