"""Second row of the overview: the running campaigns and the alerts that fire."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, Override, by_name, fixed, words
from tools.dashboards.panels import Face, Query, bars, rows
from tools.dashboards.queries import NAMED, firing, highest, largest, running
from tools.dashboards.schedule import behind_steps, needed_per_left
from tools.dashboards.words import Say
from tools.thresholds import Limits

_ROWS: Final = 9
_ALERTS: Final = 100
_ALERT_COLUMNS: Final = ("severity", "alertname", "task_name", "account")
_CUSTOMERS: Final = "task:outbound_task_customers:max"


def running_now(say: Say, limits: Limits) -> list[Panel]:
    """Two lists of running campaigns, and one of alerts."""
    return [_progress(say), _needed(say, limits), _alerts(say)]


def _progress(say: Say) -> Panel:
    return bars(
        Face(
            title=say(f"Progress of the {_ROWS} largest", f"进度（客户最多的 {_ROWS} 个任务）"),
            description=say(
                "Share of the customers for whom nothing remains to be done. Bad: a campaign that "
                "should be further by now, or that stands still while its calling hours are open. "
                "The table below leads to each campaign.",
                "已处理完毕的客户占比。异常：进度明显低于预期，或处于可呼叫时段却不再前进。"
                "点击下方表格中的任务名称可查看详情。",
            ),
            size=(7, 12),
            queries=[
                Query(
                    expr=largest(
                        running("task:outbound_task_progress:ratio"),
                        running(_CUSTOMERS),
                        rows=_ROWS,
                    ),
                    legend="{{task_name}} · {{account}}",
                )
            ],
            look=Look(
                unit="percentunit",
                high=1,
                decimals=0,
                no_value=say("No campaign runs", "没有执行中的任务"),
                color="blue",
            ),
        )
    )


def _needed(say: Say, limits: Limits) -> Panel:
    return bars(
        Face(
            title=say("Calling time needed ÷ left, highest", "所需 ÷ 剩余可呼叫时间（最高的任务）"),
            description=say(
                "Calling time that the rest will take at the last known pace, divided by the "
                "calling time left until the end. In the first half hour the pace so far is taken. "
                f"Bad: above {limits.expected_per_remaining:g} the campaign will miss its end. Add "
                "agents or lines, widen the calling hours, or move the end.",
                "按最近的呼叫速度处理完剩余客户所需的时间 ÷ 截止前剩余的可呼叫时间；"
                "最初半小时按目前为止的速度估算。"
                f"异常：超过 {limits.expected_per_remaining:g} 表示将赶不上截止时间。"
                "可以增加坐席或线路、延长可呼叫时段，或推迟结束日期。",
            ),
            size=(7, 12),
            queries=[
                Query(
                    expr=highest(needed_per_left(NAMED, only_running=True), rows=_ROWS),
                    legend="{{task_name}} · {{account}}",
                )
            ],
            look=Look(
                unit="percentunit",
                high=2,
                decimals=0,
                no_value=say("Pace not known yet", "尚无法估算速度"),
                steps=behind_steps(limits),
            ),
        )
    )


def _alerts(say: Say) -> Panel:
    none = 'label_replace(vector(0), "alertname", "none", "", "")'
    # The worst first, for which the answer is sorted by a value of no other meaning.
    ranked = " or ".join(
        f"{rank} * max by ({', '.join(_ALERT_COLUMNS)}) ({firing(matcher)})"
        for rank, matcher in enumerate(
            ('severity="info"', 'severity="warning"', 'severity="critical"'), 1
        )
    )
    found = f"topk({_ALERTS}, {ranked})"
    return rows(
        Face(
            title=say("Firing alerts", "触发中的告警"),
            description=say(
                "Alerts that fire now, and the campaign or account of each, whatever is chosen "
                "above but the job. Bad: any. The notice links to a runbook that says what to do.",
                "当前触发的告警及其涉及的任务或账号（除抓取任务外不受上方筛选影响）。"
                "异常：有任何告警。告警通知中附有 runbook 链接，说明如何处理。",
            ),
            size=(10, 12),
            queries=[Query(expr=f"{found} or on () {none}")],
            look=Look(unit="string", no_value="", low=None),
            overrides=_alert_columns(say),
        ),
        columns=_ALERT_COLUMNS,
        most=_ALERTS,
    )


def _alert_columns(say: Say) -> list[Override]:
    none = words({"none": (say("none", "无"), "green")})
    severities = {
        "critical": (say("critical", "严重"), "red"),
        "warning": (say("warning", "警告"), "orange"),
        "info": (say("info", "提示"), "blue"),
    }
    return [
        by_name(
            "severity",
            displayName=say("Severity", "级别"),
            mappings=[words(severities)],
            custom__cellOptions={"type": "color-text"},
            custom__width=85,
        ),
        by_name(
            "alertname",
            displayName=say("Alert", "告警"),
            mappings=[none],
            color=fixed("text"),
            custom__cellOptions={"type": "color-text"},
            custom__width=240,
        ),
        by_name("task_name", displayName=say("Campaign", "任务"), custom__minWidth=120),
        by_name("account", displayName=say("Account", "账号"), custom__width=115),
    ]
