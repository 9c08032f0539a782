"""First row of the campaign's dashboard: how it stands now."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, by_query, fixed, renamed, thresholds
from tools.dashboards.panels import Face, Query, stats
from tools.dashboards.queries import ONE, of
from tools.dashboards.schedule import (
    behind_steps,
    left_seconds,
    needed_per_left,
    needed_seconds,
    window_words,
)
from tools.dashboards.words import (
    CALLS,
    COMPLETED,
    CONNECTED,
    NOT_REACHED,
    STATUS_COLORS,
    WAITING,
    Say,
    status_names,
)
from tools.thresholds import Limits

_COUNT_COLORS: Final = ("text", COMPLETED, CONNECTED, CALLS, NOT_REACHED, WAITING)


def now(say: Say, limits: Limits) -> list[Panel]:
    """The row, from left to right."""
    return [_status(say), _window(say), _progress(say), _counts(say), _time(say, limits)]


def _status(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Status", "状态"),
            description=say(
                "The state that the vendor reports. Running may last through the night. Bad: "
                "failed, expired, or unknown, which is a status that this exporter does not know.",
                "平台报告的状态。“执行中”在夜间也可能保持不变。"
                "异常：执行失败、已过期或未知（exporter 不认识的状态）。",
            ),
            size=(3, 5),
            queries=[
                Query(expr=of("task_status:outbound_task_info:max", ONE), legend="{{status}}")
            ],
            look=Look(unit="none", no_value=say("Not exposed", "无此任务"), color="blue"),
            overrides=renamed(status_names(say), STATUS_COLORS),
        ),
        name_only=True,
    )


def _window(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Calling hours", "可呼叫时段"),
            description=say(
                "Whether the calling hours allow calls now, whatever the status. Bad: figures rise "
                "while this is closed. Manual campaigns of Dezhu have no calling hours.",
                "当前时间是否允许呼叫，与任务状态无关。异常：显示“不可呼叫”时数据仍在增长。"
                "得助的人工任务没有可呼叫时段。",
            ),
            size=(3, 5),
            queries=[Query(expr=of("outbound_task_calling_window_open", ONE))],
            look=Look(
                unit="none",
                no_value=say("None set", "未设置"),
                mappings=[window_words(say)],
                color="text",
            ),
        )
    )


def _progress(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Progress", "进度"),
            description=say(
                "Share of the customers for whom nothing remains to be done. It falls when "
                "customers are appended. Bad: it stands still while calling hours are open.",
                "已处理完毕的客户占比。追加名单时会下降。异常：可呼叫时段内不再前进。",
            ),
            size=(3, 5),
            queries=[Query(expr=of("task:outbound_task_progress:ratio", ONE), instant=False)],
            look=Look(
                unit="percentunit", decimals=1, no_value=say("No customers", "无客户"), color="blue"
            ),
        ),
        graph=True,
    )


def _counts(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Customers", "客户"),
            description=say(
                "Customers on the list, completed, connected (Dezhu) or calls made (Alibaba), "
                "failed jobs (Alibaba) and what remains. Figures that the vendor does not report "
                "are left out. Bad: many failed for few completed.",
                "客户总数、已完成、已接通（得助）或呼叫次数（阿里云）、"
                "失败作业（阿里云）以及剩余数。"
                "平台不提供的数据不显示。异常：失败很多而完成很少。",
            ),
            size=(8, 5),
            queries=[
                Query(expr=of(f"task:outbound_task_{metric}", ONE), legend=name)
                for metric, name in (
                    ("customers:max", say("Customers", "客户总数")),
                    ("completed_customers:max", say("Completed", "已完成")),
                    ("connected_customers:max", say("Connected", "已接通")),
                    ("calls:max", say("Calls", "呼叫次数")),
                    ("failed_jobs:max", say("Failed jobs", "失败作业")),
                    ("remaining_customers:sum", say("Remaining", "剩余")),
                )
            ],
            look=Look(unit="short", no_value=say("Not reported", "平台未提供"), color="blue"),
            overrides=[
                by_query(ref, color=fixed(color))
                for ref, color in zip("ABCDEF", _COUNT_COLORS, strict=True)
            ],
        )
    )


def _time(say: Say, limits: Limits) -> Panel:
    return stats(
        Face(
            title=say("Expected finish", "预计完成"),
            description=say(
                "Calling time that the rest will take at the last known pace (in the first half "
                "hour at the pace so far), calling time left until the end, and the one divided by "
                f"the other. Bad: above {limits.expected_per_remaining:g} (red) it will miss its "
                "end. Add agents or lines, widen the calling hours, or move the end.",
                "按最近速度（最初半小时按目前为止的速度）处理完剩余客户还需的可呼叫时间、"
                "截止前剩余的可呼叫时间，以及两者之比。"
                f"异常：比值超过 {limits.expected_per_remaining:g}（红色）表示将赶不上截止时间。"
                "可以增加坐席或线路、延长可呼叫时段，或推迟结束日期。",
            ),
            size=(7, 5),
            queries=[
                Query(expr=needed_seconds(ONE), legend=say("Needed", "还需")),
                Query(expr=left_seconds(ONE), legend=say("Left", "剩余")),
                Query(expr=needed_per_left(ONE), legend=say("Needed ÷ left", "所需 ÷ 剩余")),
            ],
            look=Look(unit="s", decimals=1, no_value=say("Not known", "无法估算"), color="blue"),
            overrides=[
                by_query(
                    "C",
                    unit="percentunit",
                    decimals=0,
                    color={"mode": "thresholds"},
                    thresholds=thresholds(behind_steps(limits)),
                )
            ],
        )
    )
