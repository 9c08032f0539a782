"""Middle of the campaign's dashboard: charts of progress, outcomes and pace."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, by_name, by_query, colored, renamed
from tools.dashboards.panels import Face, Query, lines
from tools.dashboards.queries import ONE, of
from tools.dashboards.schedule import needed_per_left
from tools.dashboards.words import (
    CALLS,
    COMPLETED,
    CONNECTED,
    CUSTOMERS,
    JOB_COLORS,
    NOT_REACHED,
    REPORTED,
    WAITING,
    Say,
    job_names,
)
from tools.thresholds import Limits

_PROGRESS: Final = "task:outbound_task_progress:ratio"
_HALF: Final = (12, 9)


def plan(say: Say, limits: Limits) -> list[Panel]:
    """The charts, two a line."""
    return [
        _progress(say),
        _time(say, limits),
        _customers(say),
        _jobs(say),
        _pace(say),
        _shares(say),
    ]


def _progress(say: Say) -> Panel:
    progress = of(_PROGRESS, ONE)
    rest = f"(1 - {progress}) / ({needed_per_left(ONE)} > 0)"
    by_the_end = f"clamp_max({progress} + {rest}, 1)"
    return lines(
        Face(
            title=say("Progress against the plan", "进度与计划"),
            description=say(
                "Progress so far, the progress to be reached by the end at the pace of that moment "
                "(the plan is 100 %), and the progress that the vendor computes itself (Dezhu). "
                "Bad: the middle one stays below 100 %, so customers will be left over.",
                "当前进度、按当时速度到截止时能达到的进度（计划为 100%），"
                "以及平台自己计算的进度（得助）。"
                "异常：截止时的预计进度低于 100%，说明会有客户来不及呼叫。",
            ),
            size=_HALF,
            queries=[
                Query(expr=progress, legend=say("Progress", "当前进度")),
                Query(expr=by_the_end, legend=say("By its end, at this pace", "截止时预计进度")),
                Query(
                    expr=of("task:outbound_task_reported_progress_ratio:max", ONE),
                    legend=say("As the vendor reports", "平台报告的进度"),
                ),
            ],
            look=Look(unit="percentunit", high=1, no_value=say("No customers", "无客户")),
            overrides=[
                by_query("A", **colored(COMPLETED)),
                by_query("B", **colored(WAITING, dashed=True)),
                by_query("C", **colored(REPORTED, dashed=True)),
            ],
        ),
        beside=True,
    )


def _time(say: Say, limits: Limits) -> Panel:
    return lines(
        Face(
            title=say("Calling time needed ÷ left", "所需 ÷ 剩余可呼叫时间"),
            description=say(
                "Calling time that the rest will take at the pace of that moment, divided by the "
                "calling time left until the end, over all calling hours; public holidays are not "
                "known. Bad: above 100 % customers will be left over; the alert fires above the "
                "line.",
                "按当时速度处理完剩余客户所需的可呼叫时间 ÷ 截止前各时段合计剩余的可呼叫时间"
                "（不考虑法定节假日）。异常：高于 100% 表示会有客户来不及呼叫；"
                "高于红线时触发告警。",
            ),
            size=_HALF,
            queries=[Query(expr=needed_per_left(ONE), legend=say("Needed ÷ left", "所需 ÷ 剩余"))],
            look=Look(
                unit="percentunit",
                soft_high=1.2,
                decimals=0,
                no_value=say("No end or no calling hours", "未设置截止或时段"),
                steps=((None, "transparent"), (limits.expected_per_remaining, "red")),
                palette=True,
            ),
            overrides=[by_query("A", **colored(COMPLETED))],
        ),
        beside=True,
    )


def _customers(say: Say) -> Panel:
    counts = (
        ("customers:max", say("Customers", "客户总数"), CUSTOMERS),
        ("completed_customers:max", say("Completed", "已完成"), COMPLETED),
        ("connected_customers:max", say("Connected", "已接通"), CONNECTED),
        ("remaining_customers:sum", say("Remaining", "剩余"), WAITING),
    )
    return lines(
        Face(
            title=say("Customers, completed, connected", "客户总数、已完成、已接通"),
            description=say(
                "Customers on the list, completed, connected (Dezhu) and remaining. Redial rounds "
                "raise connected later; appended customers raise the first. Bad: completed stays "
                "flat during calling hours, or connected falls away from it.",
                "客户总数、已完成、已接通（得助）和剩余客户数。重呼轮次会使接通数继续增加，"
                "追加名单会使客户总数增加。异常：可呼叫时段内已完成数不再上升，"
                "或接通数明显跟不上。",
            ),
            size=_HALF,
            queries=[
                Query(expr=of(f"task:outbound_task_{metric}", ONE), legend=name)
                for metric, name, _ in counts
            ],
            look=Look(unit="short", no_value=say("No data", "无数据")),
            overrides=[by_name(name, **colored(color)) for _, name, color in counts],
        ),
        beside=True,
    )


def _jobs(say: Say) -> Panel:
    remaining = of("task:outbound_task_remaining_customers:sum", ONE, 'platform="dezhu"')
    dezhu = say("Not completed (Dezhu)", "未完成（得助）")
    return lines(
        Face(
            title=say("Jobs by state", "作业状态分布"),
            description=say(
                "Alibaba: jobs executing, scheduling, paused, failed and cancelled. A failed job "
                "ended without reaching the customer, so it rises in every healthy campaign. "
                "Dezhu knows no jobs: what is not completed stands for them. Bad: failed rises "
                "much faster than before, or nothing executes during calling hours.",
                "阿里云：呼叫中、待呼叫、已暂停、失败和已取消的作业数；失败表示未触达客户就结束，"
                "正常任务中也会不断增加。得助没有作业的概念，这里显示未完成客户数。"
                "异常：失败数增长明显加快，或可呼叫时段内没有呼叫中的作业。",
            ),
            size=_HALF,
            queries=[
                Query(expr=of("task:outbound_task_jobs:max", ONE), legend="{{job_status}}"),
                Query(expr=remaining, legend=dezhu),
            ],
            look=Look(unit="short", no_value=say("No data", "无数据")),
            overrides=[
                *renamed(job_names(say), JOB_COLORS),
                by_query("B", **colored(JOB_COLORS["scheduling"])),
            ],
        ),
        beside=True,
    )


def _pace(say: Say) -> Panel:
    pace = (
        ("completed_customers:rate30m", say("Completed", "完成"), colored(COMPLETED)),
        ("connected_customers:rate30m", say("Connected", "接通"), colored(CONNECTED)),
        ("calls:rate30m", say("Calls", "呼叫"), colored(CALLS)),
        (
            "ended_customers:last_rate30m",
            say("Last known pace", "最近的速度"),
            colored(REPORTED, dashed=True),
        ),
    )
    return lines(
        Face(
            title=say("Pace, a minute", "呼叫速度（每分钟）"),
            description=say(
                "Customers completed and connected and calls made, a minute, while the calling "
                "hours were open for the whole half hour before; and the last known pace, which "
                "the expected finish is computed with. Bad: it falls to 0 during calling hours.",
                "每分钟完成、接通的客户数和呼叫次数（仅统计前半小时一直处于可呼叫时段的情况），"
                "以及用于预计完成时间的最近速度。异常：可呼叫时段内降为 0。",
            ),
            size=_HALF,
            queries=[
                Query(expr=f"60 * {of(f'task:outbound_task_{metric}', ONE)}", legend=name)
                for metric, name, _ in pace
            ],
            look=Look(unit="short", no_value=say("No data", "无数据")),
            overrides=[by_name(name, **style) for _, name, style in pace],
        ),
        beside=True,
    )


def _shares(say: Say) -> Panel:
    names = (
        ("failed_jobs:ratio1h", say("Failed, last hour", "失败占比，近 1 小时")),
        ("failed_jobs:ratio", say("Failed, overall", "失败占比，累计")),
        ("connected_customers:ratio1h", say("Connected, last hour", "接通率，近 1 小时")),
        ("connected_customers:ratio", say("Connected, overall", "接通率，累计")),
        ("reported_connected_ratio:max", say("As the vendor reports", "平台报告的接通率")),
    )
    colors = (NOT_REACHED, NOT_REACHED, CONNECTED, CONNECTED, REPORTED)
    return lines(
        Face(
            title=say("Failed share and connected ratio", "失败占比与接通率"),
            description=say(
                "Failed per ended jobs (Alibaba) and connected per completed customers (Dezhu): in "
                "the last hour, where enough have ended for a share to say anything, and since the "
                "beginning. Bad: the last hour leaves the line of the whole, upwards for failed, "
                "downwards for connected.",
                "失败作业占比（阿里云）和接通率（得助）：近 1 小时（样本太少时不显示）与累计。"
                "异常：近 1 小时明显偏离累计值，即失败占比偏高或接通率偏低。",
            ),
            size=_HALF,
            queries=[
                Query(expr=of(f"task:outbound_task_{name}", ONE), legend=legend)
                for name, legend in names
            ],
            look=Look(
                unit="percentunit", high=1, no_value=say("None ended", "没有结束的作业或客户")
            ),
            overrides=[
                by_name(name, **colored(color, dashed="1h" not in metric))
                for (metric, name), color in zip(names, colors, strict=True)
            ],
        ),
        beside=True,
    )
