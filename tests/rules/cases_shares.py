"""Failed share and connected ratio: when they alert and when they must not.

Of Alibaba (the group Survey) ten jobs end a minute, unless told otherwise.
"""

from itertools import accumulate

from tests.rules.making import Series, Status, Values, flat, gap, ramp, task, task_labels
from tests.rules.promtool import Case, Firing

WARNING = {"severity": "warning", "area": "jobs"}
CRITICAL = {"severity": "critical", "area": "jobs"}
GROUP, SPRING = task_labels("aliyun"), task_labels("dezhu")
RUNNING = (("running", 180),)


def high(share: str) -> Firing:
    return Firing(
        labels=GROUP | WARNING,
        summary="Most jobs of a task end without reaching the customer.",
        description=f"Task Survey (g1) of account bots (aliyun): {share} of the jobs that ended in"
        " the last hour failed (limit 80%).",
        summary_zh="任务的大部分作业都未能触达客户。",
        description_zh=f"账号 bots（aliyun）的任务“Survey”（g1）：最近 1 小时内结束的作业有 {share}"
        " 失败（阈值 80%）。",
    )


def critical(share: str) -> Firing:
    return Firing(
        labels=GROUP | CRITICAL,
        summary="Nearly all jobs of a task end without reaching the customer.",
        description=f"Task Survey (g1) of account bots (aliyun): {share} of the jobs that ended in"
        " the last hour failed (limit 95%).",
        summary_zh="任务的几乎所有作业都未能触达客户。",
        description_zh=f"账号 bots（aliyun）的任务“Survey”（g1）：最近 1 小时内结束的作业有 {share}"
        " 失败（阈值 95%）。",
    )


def above_past(share: str) -> Firing:
    return Firing(
        labels=GROUP | WARNING,
        summary="Far more jobs of a task fail than did before.",
        description=f"Task Survey (g1) of account bots (aliyun): {share} of the jobs that ended in"
        " the last hour failed, more than 1.5 times the share of all before.",
        summary_zh="任务的作业失败占比远高于该任务以往的水平。",
        description_zh=f"账号 bots（aliyun）的任务“Survey”（g1）：最近 1 小时内结束的作业有 {share}"
        " 失败，超过此前累计占比的 1.5 倍。",
    )


def collapsed(share: str) -> Firing:
    return Firing(
        labels=SPRING | WARNING,
        summary="Far fewer customers of a task are connected than were before.",
        description=f"Task Spring (7) of account collections (dezhu): {share} of the customers"
        " completed in the last hour were connected, less than 50% of the ratio of all before.",
        summary_zh="任务的接通率远低于该任务以往的水平。",
        description_zh=f"账号 collections（dezhu）的任务“Spring”（7）：最近 1 小时内完成的客户有"
        f" {share} 接通，不到此前累计接通率的 50%。",
    )


def group(completed: Values, failed: Values, status: Status = RUNNING) -> Series:
    return task("aliyun", status, completed_customers=completed, jobs={"failed": failed})


def group_of(*parts: tuple[int, float, float]) -> Series:
    """For so many minutes, so many jobs completed and failed a minute, one part after another."""
    completed, failed = [0.0], [0.0]
    for minutes, done, lost in parts:
        for _ in range(minutes):
            completed.append(completed[-1] + done)
            failed.append(failed[-1] + lost)
    return group(completed[:-1], failed[:-1], (("running", len(failed) - 1),))


def attempts(done: float, lost: float, *, round_1: tuple[float, float]) -> Series:
    """A thousand customers are called once in 100 minutes, those who remain in the 80 after that.

    Ten calls a minute, of which so many end a job as completed and as failed.
    """

    def sums(before: float, after: float) -> list[float | None]:
        return list(accumulate([before] * 100 + [after] * 80))

    return task(
        "aliyun",
        (("running", 180),),
        customers=flat(1000, 180),
        calls=ramp(10, 10, 180),
        completed_customers=sums(round_1[0], done),
        jobs={"failed": sums(round_1[1], lost)},
    )


def spring(*parts: tuple[int, float, float]) -> Series:
    """For so many minutes, so many customers completed and connected a minute."""
    completed, connected = [0.0], [0.0]
    for minutes, done, reached in parts:
        for _ in range(minutes):
            completed.append(completed[-1] + done)
            connected.append(connected[-1] + reached)
    return task(
        "dezhu",
        (("running", len(completed) - 1),),
        completed_customers=completed[:-1],
        connected_customers=connected[:-1],
    )


CASES = (
    Case(
        alert="OutboundFailedShareHigh",
        title="the last attempts of a campaign fail more often, as long as calls reach somebody",
        series=attempts(1.5, 8.5, round_1=(5, 2)),
        silent=(99, 130, 150, 170, 179),
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="not even the last attempts may reach next to nobody",
        series=attempts(0.7, 9.3, round_1=(5, 2)),
        silent=(99,),
        fires={170: high("93%")},
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="the last attempts of a campaign fail more often, as long as calls reach as many",
        series=attempts(2.5, 7.5, round_1=(5, 2)),
        silent=(99, 130, 150, 170, 179),
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="calls reach far fewer than before",
        series=attempts(2, 8, round_1=(7, 3)),
        silent=(99,),
        fires={176: above_past("80%")},
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="nine of ten fail: from a quarter of an hour after enough have ended",
        series=group_of((180, 1, 9)),
        silent=(4, 19),
        fires={21: high("90%"), 120: high("90%")},
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="a change of status ends the series, not the alert",
        series=group(ramp(0, 1, 180), ramp(0, 9, 180), (("running", 60), ("completed", 120))),
        fires={59: high("90%"), 61: high("90%"), 62: high("90%")},
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="a gap in the data sends no false resolved",
        series=group(
            [*ramp(0, 1, 60), *gap(10), *ramp(60, 1, 110)],
            [*ramp(0, 9, 60), *gap(10), *ramp(540, 9, 110)],
        ),
        fires={58: high("90%"), 65: high("90%"), 69: high("90%"), 100: high("90%")},
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="in a healthy campaign six of ten are not reached",
        series=group_of((180, 4, 6)),
        silent=(30, 60, 120, 179),
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="forty an hour are too few to tell",
        series=group_of((180, 0, 2 / 3)),
        silent=(30, 60, 120, 179),
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="what failed before the exporter knew the group is not new",
        series=group(flat(10, 180), flat(5000, 180)),
        silent=(1, 30, 60, 120),
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="nor is what failed while the exporter was away",
        series=group(
            [*flat(10, 60), *gap(60), *flat(20, 60)], [*flat(90, 60), *gap(60), *flat(900, 60)]
        ),
        silent=(119, 121, 140, 179),
    ),
    Case(
        alert="OutboundFailedShareHigh",
        title="counts that fall when a group begins again are no failures",
        series=group([*flat(100, 90), *ramp(0, 9, 90)], [*flat(4000, 90), *ramp(0, 1, 90)]),
        silent=(91, 110, 130, 170),
    ),
    Case(
        alert="OutboundFailedShareCritical",
        title="ninety-eight of a hundred fail",
        series=group_of((180, 0.2, 9.8)),
        silent=(4, 19),
        fires={60: critical("98%")},
    ),
    Case(
        alert="OutboundFailedShareCritical",
        title="nine of ten are high, not critical",
        series=group_of((180, 1, 9)),
        silent=(30, 60, 120),
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="two of ten failed, now six of ten",
        series=group_of((120, 8, 2), (70, 4, 6)),
        silent=(70, 119, 130),
        fires={185: above_past("60%")},
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="always six of ten",
        series=group_of((180, 4, 6)),
        silent=(70, 120, 179),
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="from two to eight of a hundred is four times as much and still little",
        series=group_of((120, 9.8, 0.2), (70, 9.2, 0.8)),
        silent=(150, 188),
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="from six to eight of ten is a fifth more, and not half as much again",
        series=group_of((120, 4, 6), (70, 2, 8)),
        silent=(150, 188),
    ),
    Case(
        alert="OutboundFailedShareAbovePast",
        title="a past of a hundred jobs is none",
        series=group_of((120, 0.8, 0.05), (70, 4, 6)),
        silent=(150, 188),
    ),
    Case(
        alert="OutboundConnectedRatioCollapsed",
        title="five of ten were connected, now one of ten",
        series=spring((120, 10, 5), (70, 10, 1)),
        silent=(70, 119, 130),
        fires={185: collapsed("10%")},
    ),
    Case(
        alert="OutboundConnectedRatioCollapsed",
        title="from five to four of ten is a bad hour",
        series=spring((120, 10, 5), (70, 10, 4)),
        silent=(150, 188),
    ),
    Case(
        alert="OutboundConnectedRatioCollapsed",
        title="from one to none of ten says little of a list that hardly answers",
        series=spring((120, 10, 0.9), (70, 10, 0.1)),
        silent=(150, 188),
    ),
    Case(
        alert="OutboundConnectedRatioCollapsed",
        title="thirty customers an hour are too few to tell",
        series=spring((120, 10, 5), (70, 0.5, 0)),
        silent=(180, 188),
    ),
    Case(
        alert="OutboundConnectedRatioCollapsed",
        title="a past of a hundred customers is none",
        series=spring((120, 0.8, 0.4), (70, 10, 1)),
        silent=(145, 180, 186),
    ),
    Case(
        alert="OutboundConnectedRatioCollapsed",
        title="redial rounds that connect after completion change nothing",
        series=spring((120, 10, 4), (70, 10, 7)),
        silent=(130, 150, 188),
    ),
)
