"""Calls outside the calling hours: a false alarm here costs trust, a missed one breaks the law.

All windows close at minute 60.
"""

from typing import Any

from tests.rules.making import Series, account, flat, gap, ramp, series, task, task_labels
from tests.rules.promtool import Case, Firing

MINUTES = 180
CLOSED = [*flat(1, 60), *flat(0, 120)]
DAY = [*ramp(0, 5, 60), *flat(300, 120)]
RUNNING = (("running", MINUTES),)


def outside(platform: str, count: int) -> Firing:
    name = "Task Spring (7) of account collections (dezhu)"
    name_zh = "账号 collections（dezhu）的任务“Spring”（7）"
    if platform == "aliyun":
        name = "Task Survey (g1) of account bots (aliyun)"
        name_zh = "账号 bots（aliyun）的任务“Survey”（g1）"
    return Firing(
        labels=task_labels(platform) | {"severity": "critical", "area": "jobs"},
        summary="A task calls customers outside its calling hours.",
        description=f"{name} is outside its calling window, which has been closed for at least"
        f" 20 minutes, and yet {count} customers were completed, calls made or jobs under way in"
        " the last 10 minutes.",
        summary_zh="任务在可呼叫时段之外仍在呼叫客户。",
        description_zh=f"{name_zh}的可呼叫时段已关闭至少 20 分钟，但最近 10 分钟内仍有"
        f" {count} 个客户完成、呼叫发出或作业在执行。",
    )


def evening(
    platform: str,
    completed: Any,
    *,
    status: Any = RUNNING,
    up: Any = None,
    interval: Any = None,
    **more: Any,
) -> Series:
    families = {"calling_window_open": CLOSED} | more
    return account(
        platform,
        up=up or flat(1, MINUTES),
        tier__refresh_interval_seconds={
            "active": interval or flat(60, MINUTES),
            "finished": flat(3600, MINUTES),
        },
    ) | task(platform, status, completed_customers=completed, **families)


def away(begin: int, end: int, families: Series) -> Series:
    """The same, with no scrapes between these minutes."""
    cut: Series = {}
    for key, values in families.items():
        row = values.split(" ")
        stop = (
            ["stale", *["_"] * (end - begin - 1)]
            if row[begin] not in {"_", "stale"}
            else ["_"] * (end - begin)
        )
        cut[key] = " ".join([*row[:begin], *stop, *row[end:]])
    return cut


CASES = (
    Case(
        alert="OutboundActivityOutsideWindow",
        title="completes one customer a minute into the night",
        series=evening("dezhu", [*ramp(0, 5, 60), *ramp(300, 1, 120)]),
        silent=(59, 65, 79, 84),
        fires={86: outside("dezhu", 10), 150: outside("dezhu", 10)},
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="begins to call at night, and stops",
        series=evening(
            "dezhu", [*ramp(0, 5, 60), *flat(300, 60), *ramp(300, 2, 21), *flat(340, 39)]
        ),
        silent=(119, 124),
        fires={127: outside("dezhu", 14), 160: outside("dezhu", 2)},
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="started at night by hand",
        series=evening(
            "dezhu",
            [*flat(0, 121), *ramp(2, 2, 59)],
            status=(("not_started", 120), ("running", 60)),
        ),
        fires={130: outside("dezhu", 20)},
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="calls at Alibaba that reach nobody",
        series=evening("aliyun", DAY, calls=ramp(0, 3, MINUTES)),
        fires={100: outside("aliyun", 30)},
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="jobs under way all the time",
        series=evening("aliyun", DAY, jobs={"executing": flat(4, MINUTES)}),
        silent=(79,),
        fires={100: outside("aliyun", 4)},
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="jobs that end when the window closes",
        series=evening("aliyun", DAY, jobs={"executing": [*flat(4, 62), *flat(0, 118)]}),
        silent=(65, 85, 120, 179),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="running and silent through the night",
        series=evening("dezhu", DAY),
        silent=(60, 70, 85, 120, 179),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="calls that end ten minutes late, and are read late",
        series=evening("dezhu", [*ramp(0, 5, 60), *ramp(300, 1, 9), *flat(308, 111)]),
        silent=(65, 70, 80, 85, 90, 120),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="an account that answers again at night brings the figures of the day",
        series=evening(
            "dezhu",
            [*ramp(0, 5, 40), *flat(195, 70), *flat(300, 70)],
            up=[*flat(1, 40), *flat(0, 70), *flat(1, 70)],
        ),
        silent=(100, 111, 115, 120, 130, 140, 170),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="an exporter that comes back at night does, too",
        series=away(40, 110, evening("dezhu", [*ramp(0, 5, 60), *flat(300, 120)])),
        silent=(111, 115, 121, 131, 140, 170),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="an exporter that is away for a moment when the window closes",
        series=away(55, 63, evening("dezhu", DAY)),
        silent=(64, 75, 80, 90, 100),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="read every twenty-five minutes, the last reading of the day comes late",
        series=evening("dezhu", [*flat(100, 85), *flat(300, 95)], interval=flat(1500, MINUTES)),
        silent=(86, 91, 93, 100),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="completed at the end of the day and read again within the hour",
        series=evening(
            "dezhu",
            [*ramp(0, 5, 60), *flat(295, 50), *flat(300, 70)],
            status=(("running", 60), ("completed", 120)),
        ),
        silent=(85, 111, 116, 119, 140),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="the window opens in the morning",
        series=evening(
            "dezhu",
            [*flat(0, 120), *ramp(0, 5, 60)],
            calling_window_open=[*flat(1, 60), *flat(0, 60), *flat(1, 60)],
        ),
        silent=(85, 119, 121, 127, 135, 141),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="paused in the evening, resumed at night: the last calls of the day were read seldom",
        series=evening(
            "dezhu",
            [*flat(290, 120), *flat(300, 60)],
            status=(("running", 60), ("paused", 60), ("running", 60)),
        ),
        silent=(85, 121, 127, 135),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="one reading of 0 between good ones",
        series=evening("dezhu", [*ramp(0, 5, 60), *flat(300, 50), 0.0, 0.0, *flat(300, 68)]),
        silent=(110, 112, 115, 119, 122, 130),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="a group that is new to the exporter",
        series=evening("dezhu", [*gap(100), *flat(500, 80)], status=(("", 100), ("running", 80))),
        silent=(101, 110, 120, 140),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="a task without windows, such as a manual one",
        series={
            key: values
            for key, values in evening("dezhu", ramp(0, 1, MINUTES)).items()
            if "window_open" not in key
        },
        silent=(70, 100, 170),
    ),
    Case(
        alert="OutboundActivityOutsideWindow",
        title="two tasks of one account are told apart",
        series=evening("dezhu", DAY)
        | {
            key.replace('"7"', '"8"').replace("Spring", "Autumn"): values
            for key, values in evening("dezhu", ramp(0, 1, MINUTES)).items()
        }
        | series(
            "outbound_task_calling_window_open",
            task_labels("dezhu") | {"task_id": "8", "task_name": "Autumn"},
            flat(1, MINUTES),
        ),
        silent=(100, 170),
    ),
)
