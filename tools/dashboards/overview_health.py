"""First row of the overview: figures whose colours change where the alerts would fire."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, by_query, thresholds
from tools.dashboards.panels import Face, Query, stats
from tools.dashboards.queries import (
    ACCOUNT,
    NAMED,
    counted,
    firing,
    in_status,
    of,
    or_zero,
    share,
    statuses,
    task_values,
    total,
)
from tools.dashboards.trust import stale_readings
from tools.dashboards.words import Say
from tools.thresholds import Limits

NONE_WANTED: Final = ((None, "green"), (1, "red"))
_COMPLETED: Final = "task:outbound_task_completed_customers"
_CONNECTED: Final = "task:outbound_task_connected_customers"
_FAILED: Final = "task:outbound_task_failed_jobs"
_RATIO: Final[dict[str, object]] = {
    "unit": "percentunit",
    "decimals": 1,
    "color": {"mode": "thresholds"},
}


def health(say: Say, limits: Limits) -> list[Panel]:
    """The row, from left to right."""
    return [
        _running(say),
        _failed(say),
        _failed_jobs(say, limits),
        _connected(say, limits),
        _behind(say, limits),
        _monitoring(say, limits),
    ]


def failed_share_steps(limits: Limits) -> tuple[tuple[float | None, str], ...]:
    """Colours of the failed share, as the two alerts on it."""
    return (
        (None, "green"),
        (limits.failed_share, "orange"),
        (limits.failed_share_critical, "red"),
    )


def failed_share(suffix: str) -> str:
    """Failed jobs per ended ones of all chosen tasks; ``suffix`` is ``max`` or ``delta1h``."""
    failed = total(task_values(f"{_FAILED}:{suffix}"))
    completed = total(task_values(f"{_COMPLETED}:{suffix}", NAMED, 'platform="aliyun"'))
    return share(failed, f"({completed} + {failed})")


def connected_share(suffix: str) -> str:
    """Connected per completed customers of all chosen tasks, where the vendor tells connected."""
    completed = total(task_values(f"{_COMPLETED}:{suffix}", NAMED, 'platform="dezhu"'))
    return share(total(task_values(f"{_CONNECTED}:{suffix}")), completed)


def _running(say: Say) -> Panel:
    calling = f"{of('outbound_task_calling_window_open', NAMED)} == 1"
    return stats(
        Face(
            title=say("Campaigns", "外呼任务"),
            description=say(
                "Campaigns that run, and those of them whose calling hours are open now. Running "
                "is the state that the vendor reports and may last through the night. Bad: none "
                "runs although one should. Look at its status in the table below.",
                "处于“执行中”的任务数，以及其中当前处于可呼叫时段的任务数。"
                "“执行中”是平台报告的状态，"
                "夜间也可能保持不变。异常：本该执行的任务没有执行，请在下方表格中查看其状态。",
            ),
            size=(4, 6),
            queries=[
                Query(expr=counted(statuses(NAMED, "running")), legend=say("Running", "执行中")),
                Query(
                    expr=counted(in_status(calling, NAMED, "running")),
                    legend=say("May call now", "处于可呼叫时段"),
                ),
            ],
            look=Look(unit="short", no_value=say("No data", "无数据"), color="blue"),
        ),
        listed=True,
    )


def _failed(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Campaigns failed", "执行失败的任务"),
            description=say(
                "Campaigns in execution error (Dezhu) or Failed (Alibaba). Bad: above 0. Open the "
                "campaign at the vendor, read why it stopped, mend that and start it again.",
                "处于“执行异常”（得助）或“失败”（阿里云）状态的任务数。异常：大于 0。"
                "请到平台上查看任务停止的原因，处理后重新启动。",
            ),
            size=(3, 6),
            queries=[Query(expr=counted(statuses(NAMED, "failed")))],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=NONE_WANTED),
        )
    )


def _failed_jobs(say: Say, limits: Limits) -> Panel:
    new = or_zero(total(task_values(f"{_FAILED}:delta1h")))
    steps = thresholds(failed_share_steps(limits))
    return stats(
        Face(
            title=say("Failed jobs (Alibaba)", "失败作业（阿里云）"),
            description=say(
                "Jobs that ended without reaching the customer in the last hour, their share of "
                "all that ended then, and the share since the beginning. Some fail in every "
                "healthy campaign. Bad: the share of the last hour is orange or red. Look which "
                "campaign it is in the table, then at its numbers, caller numbers and lines.",
                "近 1 小时内未触达客户就结束的作业数、它占同期结束作业的比例，以及累计比例。"
                "任何正常的任务都会有失败作业。异常：近 1 小时占比变为橙色或红色。"
                "请在表格中找出是哪个任务，再检查其号码质量、主叫号码和线路。",
            ),
            size=(5, 6),
            queries=[
                Query(expr=new, legend=say("Last hour", "近 1 小时")),
                Query(
                    expr=failed_share("delta1h"), legend=say("Share, last hour", "近 1 小时占比")
                ),
                Query(expr=failed_share("max"), legend=say("Share, overall", "累计占比")),
            ],
            look=Look(
                unit="short", no_value=say("None ended", "无结束的作业"), color="blue", decimals=0
            ),
            overrides=[
                by_query("B", thresholds=steps, **_RATIO),
                by_query("C", unit="percentunit", decimals=1),
            ],
        ),
        listed=True,
    )


def _connected(say: Say, limits: Limits) -> Panel:
    steps = thresholds(((None, "red"), (limits.connected_share_of_past, "green")))
    recent, overall = connected_share("delta1h"), connected_share("max")
    return stats(
        Face(
            title=say("Connected ratio (Dezhu)", "接通率（得助）"),
            description=say(
                "Connected per completed customers in the last hour, since the beginning, and the "
                "one divided by the other. Bad: the last hour falls below half of the whole (red). "
                "Caller numbers may be marked as spam, lines full, or the list used up. Alibaba "
                "does not report connected customers.",
                "近 1 小时接通率、累计接通率（接通客户数 ÷ 完成客户数），以及两者之比。"
                "异常：近 1 小时不足累计值的一半（红色）。常见原因：主叫号码被标记、"
                "线路占满、名单质量差。"
                "阿里云不提供接通客户数。",
            ),
            size=(5, 6),
            queries=[
                Query(expr=recent, legend=say("Last hour", "近 1 小时")),
                Query(expr=overall, legend=say("Overall", "累计")),
                Query(
                    expr=f"({recent}) / ({overall} > 0)",
                    legend=say("÷ overall", "÷ 累计"),
                ),
            ],
            look=Look(
                unit="percentunit",
                decimals=1,
                no_value=say("None completed", "无完成的客户"),
                color="blue",
            ),
            overrides=[by_query("C", thresholds=steps, **_RATIO)],
        ),
        listed=True,
    )


def _behind(say: Say, limits: Limits) -> Panel:
    ratio = of("task:outbound_task_expected_per_remaining_seconds:ratio", NAMED)
    unfinished = f"{of('task:outbound_task_progress:ratio', NAMED)} < {limits.progress_of_tail:g}"
    behind = f"{ratio} > {limits.expected_per_remaining:g} and {unfinished}"
    return stats(
        Face(
            title=say("Behind schedule", "进度落后"),
            description=say(
                "Running campaigns that need clearly more calling time than is left until their "
                "end, at their last known pace, which takes half an hour of calling hours to know. "
                "Bad: above 0. Add agents or lines, widen the calling hours, or move the end.",
                "按最近的呼叫速度，剩余可呼叫时间不够用的执行中任务数。"
                "需要连续半小时处于可呼叫时段才能算出速度。异常：大于 0。"
                "可以增加坐席或线路、延长可呼叫时段，或推迟结束日期。",
            ),
            size=(3, 6),
            queries=[
                Query(expr=counted(in_status(behind, NAMED, "running|scheduling"))),
            ],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=NONE_WANTED),
        )
    )


def _monitoring(say: Say, limits: Limits) -> Panel:
    return stats(
        Face(
            title=say("Monitoring", "监控自身"),
            description=say(
                "Whether the figures on this page can be trusted: accounts whose latest poll "
                "failed, data that is older than its interval allows, and firing alerts of this "
                "exporter. Bad: any of them above 0. The dashboard about the exporter says why.",
                "本页数据是否可信：最近一次轮询失败的账号数、超过应有间隔仍未更新的数据数，"
                "以及正在触发的告警数。异常：任意一项大于 0。原因请看“exporter 运行状况”仪表盘。",
            ),
            size=(4, 6),
            queries=[
                Query(
                    expr=counted(f"{of('outbound_account_up', ACCOUNT)} == 0"),
                    legend=say("Accounts down", "异常账号"),
                ),
                Query(expr=counted(stale_readings(limits)), legend=say("Old data", "过旧数据")),
                Query(expr=counted(firing()), legend=say("Firing alerts", "触发中的告警")),
            ],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=NONE_WANTED),
        ),
        listed=True,
    )
