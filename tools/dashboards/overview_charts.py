"""Third row of the overview: outcomes of the chosen campaigns over time."""

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, Override, by_name, colored, renamed
from tools.dashboards.overview_health import connected_share, failed_share
from tools.dashboards.panels import Face, Query, lines
from tools.dashboards.queries import (
    ACCOUNT,
    NAMED,
    of,
    task_values,
    total,
)
from tools.dashboards.words import (
    CALLS,
    COMPLETED,
    CONNECTED,
    CUSTOMERS,
    JOB_COLORS,
    NOT_REACHED,
    STATUS_COLORS,
    Say,
    job_names,
    platform_names,
    status_names,
)

_COMPLETED: Final = "task:outbound_task_completed_customers"
_CONNECTED: Final = "task:outbound_task_connected_customers"
# What only the one or the other vendor tells.
_ONLY: Final = {"connected_customers": "dezhu", "calls": "aliyun", "failed_jobs": "aliyun"}


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line for one vendor."""

    expr: str
    name: str
    style: Override


def _by_vendor(say: Say, *figures: tuple[str, str, str]) -> list[_Line]:
    """Metric, name and colour of figures, made to a line for each vendor that tells them.

    The colour is that of the figure in every chart, so Alibaba's lines are dashed.
    """
    found = []
    for metric, name, color in figures:
        only = _ONLY.get(metric.partition("outbound_task_")[2].partition(":")[0])
        for platform, vendor in platform_names(say).items():
            if only in {None, platform}:
                title = f"{name} · {vendor}"
                style = by_name(title, **colored(color, dashed=platform == "aliyun"))
                values = task_values(metric, NAMED, f'platform="{platform}"')
                found.append(_Line(expr=total(values), name=title, style=style))
    return found


def outcomes(say: Say) -> list[Panel]:
    """Charts of the chosen campaigns together."""
    return [_customers(say), _jobs(say), _pace(say), _shares(say), _new(say), _statuses(say)]


def _customers(say: Say) -> Panel:
    drawn = _by_vendor(
        say,
        ("task:outbound_task_customers:max", say("Customers", "客户总数"), CUSTOMERS),
        (f"{_COMPLETED}:max", say("Completed", "已完成"), COMPLETED),
        (f"{_CONNECTED}:max", say("Connected", "已接通"), CONNECTED),
    )
    return lines(
        Face(
            title=say("Customers, completed, connected", "客户总数、已完成、已接通"),
            description=say(
                "Customers on the lists, those completed and those connected (Dezhu), of the "
                "chosen campaigns. A list grows when customers are appended. Bad: completed stays "
                "flat during calling hours, or connected falls away from completed.",
                "所选任务的客户总数、已完成客户数和已接通客户数（仅得助）。"
                "追加名单时客户总数会增加。"
                "异常：可呼叫时段内已完成数不再上升，或已接通数明显跟不上已完成数。",
            ),
            size=(12, 9),
            queries=[Query(expr=line.expr, legend=line.name) for line in drawn],
            look=Look(unit="short", no_value=say("No data", "无数据")),
            overrides=[line.style for line in drawn],
        ),
        beside=True,
    )


def _jobs(say: Say) -> Panel:
    return lines(
        Face(
            title=say("Jobs by state (Alibaba)", "作业状态分布（阿里云）"),
            description=say(
                "Jobs that are executing, scheduling or paused, and those that failed or were "
                "cancelled. A failed job ended without reaching the customer, so it rises in every "
                "healthy campaign. Bad: failed rises much faster than before, or nothing executes "
                "during calling hours.",
                "呼叫中、待呼叫、已暂停、失败和已取消的作业数。失败表示未触达客户就结束，"
                "正常任务中也会不断增加。异常：失败数增长明显加快，"
                "或可呼叫时段内没有呼叫中的作业。",
            ),
            size=(12, 9),
            queries=[
                Query(
                    expr=total(task_values("task:outbound_task_jobs:max"), "job_status"),
                    legend="{{job_status}}",
                )
            ],
            look=Look(unit="short", no_value=say("No Alibaba job group", "没有阿里云作业组")),
            overrides=renamed(job_names(say), JOB_COLORS),
        ),
        beside=True,
    )


def _pace(say: Say) -> Panel:
    drawn = _by_vendor(
        say,
        (f"{_COMPLETED}:rate30m", say("Completed", "完成"), COMPLETED),
        (f"{_CONNECTED}:rate30m", say("Connected", "接通"), CONNECTED),
        ("task:outbound_task_calls:rate30m", say("Calls", "呼叫"), CALLS),
    )
    return lines(
        Face(
            title=say("Pace, a minute", "呼叫速度（每分钟）"),
            description=say(
                "Customers completed and connected, and calls made (Alibaba), a minute. Only "
                "campaigns whose calling hours were open for the whole half hour before count, so "
                "it begins some time after the window opens. Bad: it falls while as many campaigns "
                "run.",
                "每分钟完成、接通的客户数和呼叫次数（仅阿里云）。"
                "只统计前半小时一直处于可呼叫时段的任务，"
                "因此开始呼叫一段时间后才有数据。异常：执行中的任务数没变，速度却下降。",
            ),
            size=(12, 9),
            queries=[Query(expr=f"60 * {line.expr}", legend=line.name) for line in drawn],
            look=Look(unit="short", no_value=say("No calling hours now", "当前不在可呼叫时段")),
            overrides=[line.style for line in drawn],
        ),
        beside=True,
    )


def _shares(say: Say) -> Panel:
    styles = (
        (failed_share("delta1h"), say("Failed, last hour", "失败占比，近 1 小时"), NOT_REACHED),
        (failed_share("max"), say("Failed, overall", "失败占比，累计"), NOT_REACHED),
        (connected_share("delta1h"), say("Connected, last hour", "接通率，近 1 小时"), CONNECTED),
        (connected_share("max"), say("Connected, overall", "接通率，累计"), CONNECTED),
    )
    return lines(
        Face(
            title=say("Failed share and connected ratio", "失败占比与接通率"),
            description=say(
                "Failed per ended jobs (Alibaba) and connected per completed customers (Dezhu): in "
                "the last hour, and since the beginning. Bad: the last hour leaves the line of the "
                "whole, upwards for failed, downwards for connected.",
                "失败作业占比（阿里云）和接通率（得助）：近 1 小时与累计。"
                "异常：近 1 小时明显偏离累计值，即失败占比偏高或接通率偏低。",
            ),
            size=(12, 9),
            queries=[Query(expr=expr, legend=name) for expr, name, _ in styles],
            look=Look(
                unit="percentunit", high=1, no_value=say("None ended", "没有结束的作业或客户")
            ),
            overrides=[
                by_name(name, **colored(color, dashed=place % 2 == 1))
                for place, (_, name, color) in enumerate(styles)
            ],
        ),
        beside=True,
    )


def _new(say: Say) -> Panel:
    drawn = _by_vendor(
        say,
        (f"{_COMPLETED}:delta1h", say("Completed", "完成"), COMPLETED),
        (f"{_CONNECTED}:delta1h", say("Connected", "接通"), CONNECTED),
        ("task:outbound_task_failed_jobs:delta1h", say("Failed jobs", "失败作业"), NOT_REACHED),
    )
    return lines(
        Face(
            title=say("New in the hour before", "近 1 小时新增"),
            description=say(
                "Customers completed and connected, and jobs failed, in the hour before each "
                "moment. Bad: 0 during calling hours, or more failed than completed.",
                "每个时间点之前 1 小时内新增的完成客户数、接通客户数和失败作业数。"
                "异常：可呼叫时段内为 0，或失败多于完成。",
            ),
            size=(12, 9),
            queries=[Query(expr=line.expr, legend=line.name) for line in drawn],
            look=Look(unit="short", no_value=say("No data", "无数据")),
            overrides=[line.style for line in drawn],
        ),
        beside=True,
    )


def _statuses(say: Say) -> Panel:
    tasks = of("outbound_account_tasks", ACCOUNT, 'status=~"$status"')
    return lines(
        Face(
            title=say("Campaigns by status", "各状态任务数"),
            description=say(
                "All campaigns of the chosen accounts by status; the choice of tasks does not "
                "count here. Bad: failed, expired or unknown grow.",
                "所选账号的任务按状态分布（不受“任务”筛选影响）。异常：执行失败、"
                "已过期或未知增多。",
            ),
            size=(12, 9),
            queries=[Query(expr=total(tasks, "status"), legend="{{status}}")],
            look=Look(unit="short", no_value=say("No data", "无数据"), decimals=0),
            overrides=renamed(status_names(say), STATUS_COLORS),
        ),
        stacked=True,
        beside=True,
    )
