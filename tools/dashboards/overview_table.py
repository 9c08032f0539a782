"""Last row of the overview: a table with one line a campaign, which leads to its dashboard."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import (
    Look,
    Override,
    by_name,
    fixed,
    platform_words,
    thresholds,
    words,
)
from tools.dashboards.overview_health import failed_share_steps
from tools.dashboards.panels import Face, Query, rows
from tools.dashboards.queries import NAMED, each_row, in_status, of, task_values
from tools.dashboards.schedule import behind_steps, needed_per_left, needed_seconds, window_words
from tools.dashboards.words import COMPLETED, STATUS_COLORS, Language, Say, status_names
from tools.thresholds import Limits

COLUMNS: Final = (
    *("task_name", "status", "Value #B", "Value #C", "Value #D", "Value #E", "Value #F"),
    *("Value #G", "Value #H", "Value #I", "Value #J", "Value #K"),
    *("platform", "account", "task_id"),
)

# For Grafana before 12.2 and after.
_NOWHERE: Final = {"viz": True, "legend": True, "tooltip": True}
_UNFINISHED: Final = "running|scheduling|initializing|not_started|paused"
# As text, or an id that consists of digits would be shown, and passed on, as a rounded number.
_TEXT: Final[dict[str, object]] = {"unit": "string", "custom__filterable": True}


def campaigns(say: Say, limits: Limits) -> Panel:
    """The table."""
    return rows(
        Face(
            title=say("Campaigns", "任务列表"),
            description=say(
                "One line a campaign, at most 500; narrow it down with the variables above. A "
                "click on a name opens that campaign. An empty cell: the vendor does not report "
                "it. Needed is the calling time that the rest takes at the last known pace. Bad: "
                "coloured cells in Status, Failed share and Needed ÷ left.",
                "每行一个任务，最多 500 行，可用上方的变量筛选。点击任务名称查看详情。"
                "空白表示平台不提供该数据。“还需时间”是按最近速度处理完剩余客户所需的可呼叫时间。"
                "异常：状态、失败占比、所需 ÷ 剩余三列中出现告警颜色。",
            ),
            size=(24, 16),
            queries=_queries(),
            look=Look(unit="locale", no_value="", low=None, decimals=0),
            overrides=_overrides(say, limits),
        ),
        columns=COLUMNS,
        sort_by=say("Customers", "客户总数"),
    )


def _queries() -> list[Query]:
    """Status first, then the values in the order of their columns."""
    expressions = (
        task_values("task:outbound_task_progress:ratio"),
        task_values("task:outbound_task_customers:max"),
        task_values("task:outbound_task_completed_customers:max"),
        task_values("task:outbound_task_connected_customers:max"),
        task_values("task:outbound_task_failed_jobs:max"),
        task_values("task:outbound_task_failed_jobs:ratio"),
        task_values("task:outbound_task_remaining_customers:sum"),
        _chosen(f"{needed_seconds(NAMED)} > 0", "running|scheduling|paused"),
        _chosen(f"{needed_per_left(NAMED)} > 0", "running|scheduling|paused"),
        _chosen(of("outbound_task_calling_window_open", NAMED), _UNFINISHED),
    )
    status = of("task_status:outbound_task_info:max", NAMED, 'status=~"$status"')
    first = f"max by (platform, account, task_id, task_name, status) ({status})"
    return [Query(expr=first), *(Query(expr=each_row(expr)) for expr in expressions)]


def _chosen(expr: str, status: str) -> str:
    """Of tasks in a status that is chosen, too: to others the value means nothing."""
    return in_status(in_status(expr, NAMED, status), NAMED)


def _overrides(say: Say, limits: Limits) -> list[Override]:
    return [
        *_identity(say),
        by_name(
            "Value #B",
            displayName=say("Progress", "进度"),
            unit="percentunit",
            min=0,
            max=1,
            color=fixed(COMPLETED),
            custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
            custom__width=130,
        ),
        by_name("Value #C", displayName=say("Customers", "客户总数"), custom__width=100),
        by_name("Value #D", displayName=say("Completed", "已完成"), custom__width=90),
        by_name("Value #E", displayName=say("Connected", "已接通"), custom__width=90),
        by_name("Value #F", displayName=say("Failed jobs", "失败作业"), custom__width=90),
        _ratio("Value #G", say("Failed share", "失败占比"), failed_share_steps(limits)),
        by_name("Value #H", displayName=say("Remaining", "剩余"), custom__width=90),
        by_name(
            "Value #I",
            displayName=say("Needed", "还需时间"),
            unit="s",
            decimals=1,
            custom__width=95,
        ),
        _ratio("Value #J", say("Needed ÷ left", "所需 ÷ 剩余"), behind_steps(limits)),
        by_name(
            "Value #K",
            displayName=say("Calling hours", "可呼叫时段"),
            mappings=[window_words(say)],
            custom__cellOptions={"type": "color-text"},
            custom__width=115,
        ),
    ]


def _identity(say: Say) -> list[Override]:
    names = status_names(say)
    colored = {status: (names[status], STATUS_COLORS[status]) for status in names}
    return [
        by_name(
            "task_name",
            displayName=say("Task", "任务"),
            links=[
                {
                    "title": say("Open this campaign", "查看任务详情"),
                    "url": _link(say),
                    "targetBlank": False,
                }
            ],
            custom__minWidth=150,
            **_TEXT,
        ),
        by_name(
            "status",
            displayName=say("Status", "状态"),
            mappings=[words(colored)],
            custom__cellOptions={"type": "color-text"},
            custom__width=105,
            custom__filterable=True,
        ),
        by_name(
            "platform",
            displayName=say("Platform", "平台"),
            mappings=[platform_words(say)],
            custom__width=105,
            **_TEXT,
        ),
        by_name("account", displayName=say("Account", "账号"), custom__width=120, **_TEXT),
        # Passed on by the link; the campaign's own dashboard has room to show it.
        by_name("task_id", custom__hidden=True, custom__hideFrom=_NOWHERE, **_TEXT),
    ]


def _ratio(field: str, name: str, steps: tuple[tuple[float | None, str], ...]) -> Override:
    return by_name(
        field,
        displayName=name,
        unit="percentunit",
        decimals=0,
        thresholds=thresholds((*((None, "text"),), *steps[1:])),
        color={"mode": "thresholds"},
        custom__cellOptions={"type": "color-text"},
        custom__width=115,
    )


def _link(say: Say) -> str:
    suffix = say(Language.ENGLISH.uid_suffix, Language.CHINESE.uid_suffix)
    return (
        f"/d/outbound-task{suffix}?${{datasource:queryparam}}&${{job:queryparam}}"
        '&var-platform=${__data.fields["platform"]:percentencode}'
        '&var-account=${__data.fields["account"]:percentencode}'
        '&var-task=${__data.fields["task_name"]:percentencode}'
        '&var-task_id=${__data.fields["task_id"]:percentencode}'
        "&${__url_time_range}"
    )
