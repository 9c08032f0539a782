"""Second row of the exporter's dashboard: the accounts one by one."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import (
    Look,
    Override,
    by_name,
    platform_words,
    renamed,
    thresholds,
    words,
)
from tools.dashboards.panels import Face, Query, lines, rows
from tools.dashboards.queries import ACCOUNT, each_account, of, total
from tools.dashboards.words import (
    REASON_COLORS,
    STATUS_COLORS,
    Say,
    drop_names,
    reason_names,
    status_names,
)
from tools.thresholds import Limits

_COLUMNS: Final = (
    *("account", "platform", "Value #A", "Value #B", "Value #C", "Value #D"),
    *("Value #E", "Value #F", "Value #G"),
)


def accounts(say: Say, limits: Limits) -> list[Panel]:
    """The table, and three charts."""
    return [
        *(_table(say, limits), _credentials(say, limits)),
        *(_reasons(say), _clock(say, limits)),
        _tasks(say),
        _dropped(say),
    ]


def _table(say: Say, limits: Limits) -> Panel:
    queries = (
        each_account(of("outbound_account_up", ACCOUNT), "min"),
        each_account(of("outbound_account_failure", ACCOUNT), "sum"),
        each_account(of("outbound_account_tasks", ACCOUNT), "sum"),
        each_account(of("outbound_account_dropped_tasks", ACCOUNT, 'reason="limit"'), "sum"),
        each_account(of("outbound_account_unclassified_tasks", ACCOUNT)),
        each_account(of("outbound_account_details_outstanding", ACCOUNT)),
        each_account(of("outbound_account_clock_offset_seconds", ACCOUNT)),
    )
    return rows(
        Face(
            title=say("Accounts", "账号列表"),
            description=say(
                "One line an account: whether its polls work, how many reasons for failure are at "
                "work, tasks exposed, tasks left out by tasks.limit, tasks with a status that no "
                "filter finds, details still to be read (Alibaba), and how far its clock is from "
                "ours. Bad: coloured cells.",
                "每行一个账号：轮询是否正常、正在起作用的失败原因数、输出的任务数、"
                "因 tasks.limit "
                "未输出的任务数、状态无法识别的任务数、待读取详情数（阿里云）"
                "以及平台与本机的时钟偏差。"
                "异常：带颜色的单元格。",
            ),
            size=(17, 6),
            queries=[Query(expr=expr) for expr in queries],
            look=Look(unit="locale", decimals=0, low=None, no_value=""),
            overrides=_columns(say, limits),
        ),
        columns=_COLUMNS,
        sort_by=say("Account", "账号"),
    )


def _columns(say: Say, limits: Limits) -> list[Override]:
    up = words({"1": (say("up", "正常"), "green"), "0": (say("down", "异常"), "red")})
    some_bad = thresholds(((None, "text"), (1, "red")))
    offset = limits.clock_offset_seconds
    skewed = thresholds(((None, "red"), (-offset, "text"), (offset, "red")))
    colored = {"color": {"mode": "thresholds"}, "custom__cellOptions": {"type": "color-text"}}
    return [
        by_name("account", displayName=say("Account", "账号"), unit="string"),
        by_name("platform", displayName=say("Platform", "平台"), mappings=[platform_words(say)]),
        by_name(
            "Value #A",
            displayName=say("State", "状态"),
            mappings=[up],
            custom__cellOptions={"type": "color-text"},
        ),
        by_name("Value #B", displayName=say("Reasons", "失败原因"), thresholds=some_bad, **colored),
        by_name("Value #C", displayName=say("Tasks", "任务")),
        by_name(
            "Value #D", displayName=say("Over limit", "超出上限"), thresholds=some_bad, **colored
        ),
        by_name(
            "Value #E", displayName=say("Unclassified", "未识别"), thresholds=some_bad, **colored
        ),
        by_name("Value #F", displayName=say("Details due", "待读详情")),
        by_name(
            "Value #G",
            displayName=say("Clock offset", "时钟偏差"),
            unit="s",
            thresholds=skewed,
            **colored,
        ),
    ]


def _reasons(say: Say) -> Panel:
    return lines(
        Face(
            title=say("Failure reasons at work", "正在起作用的失败原因"),
            description=say(
                "Accounts for which each reason is at work, in a poll or in an optional collector. "
                "Bad: anything above 0. auth and permission need a person; rate_limited and "
                "unavailable are tried again by themselves.",
                "每种失败原因涉及的账号数（包括轮询和可选采集）。异常：大于 0。"
                "auth 和 permission 需要人工处理；rate_limited 和 unavailable 会自动重试。",
            ),
            size=(12, 8),
            queries=[
                Query(
                    expr=total(of("outbound_account_failure", ACCOUNT), "reason"),
                    legend="{{reason}}",
                )
            ],
            look=Look(unit="short", soft_high=3, decimals=0, no_value=say("No data", "无数据")),
            overrides=renamed(reason_names(say), REASON_COLORS),
        ),
        steps=True,
        beside=True,
    )


def _clock(say: Say, limits: Limits) -> Panel:
    offset = limits.clock_offset_seconds
    return lines(
        Face(
            title=say("Clock offset", "时钟偏差"),
            description=say(
                "The vendor's clock less ours. Bad: beyond the lines; signatures will be refused. "
                "Set the clock of the exporter's machine by NTP.",
                "平台时钟减去本机时钟。异常：超出红线，签名会被拒绝。"
                "请用 NTP 校准 exporter 所在机器。",
            ),
            size=(12, 8),
            queries=[
                Query(
                    expr=each_account(of("outbound_account_clock_offset_seconds", ACCOUNT)),
                    legend="{{account}}",
                )
            ],
            look=Look(
                unit="s",
                low=None,
                no_value=say("No data", "无数据"),
                steps=((None, "red"), (-offset, "transparent"), (offset, "red")),
                palette=True,
                soft_low=-1.2 * offset,
                soft_high=1.2 * offset,
            ),
        ),
        steps=True,
        beside=True,
    )


def _credentials(say: Say, limits: Limits) -> Panel:
    expiry = of("outbound_account_credential_expiry_timestamp_seconds", ACCOUNT)
    return lines(
        Face(
            title=say("Temporary credentials expire in", "临时凭证剩余有效期"),
            description=say(
                "How long the temporary credentials in use are still good (Alibaba); they are "
                "renewed in time. Permanent access keys have no line. Bad: below the line; the "
                "exporter cannot renew them.",
                "正在使用的临时凭证还有多久到期（阿里云），到期前会自动更新。"
                "固定 AccessKey 没有曲线。"
                "异常：低于红线，说明无法更新凭证。",
            ),
            size=(7, 6),
            queries=[
                Query(
                    expr=f"{each_account(expiry, 'min')} - time()",
                    legend="{{account}}",
                )
            ],
            look=Look(
                unit="s",
                low=None,
                no_value=say("No temporary credentials in use", "未使用临时凭证"),
                steps=((None, "red"), (limits.credential_seconds, "transparent")),
                palette=True,
            ),
        )
    )


def _tasks(say: Say) -> Panel:
    return lines(
        Face(
            title=say("Tasks exposed, by status", "输出的任务数（按状态）"),
            description=say(
                "Tasks that are exposed. Bad: a sudden fall, or unknown above 0, a status that "
                "this exporter does not know.",
                "exporter 输出的任务数。异常：突然下降，或出现 exporter 不认识的“未知”状态。",
            ),
            size=(12, 9),
            queries=[
                Query(
                    expr=total(of("outbound_account_tasks", ACCOUNT), "status"),
                    legend="{{status}}",
                )
            ],
            look=Look(unit="short", decimals=0, no_value=say("No data", "无数据")),
            overrides=renamed(status_names(say), STATUS_COLORS),
        ),
        stacked=True,
        beside=True,
    )


def _dropped(say: Say) -> Panel:
    return lines(
        Face(
            title=say("Tasks not exposed", "未输出的任务数"),
            description=say(
                "Tasks that were polled and are not exposed: filtered by name, too old, or over "
                "tasks.limit; and tasks with a status that no filter finds. Bad: over the limit or "
                "unclassified above 0. Raise tasks.limit or narrow tasks.include; report an "
                "unclassified status.",
                "已轮询但未输出的任务：按名称过滤、时间太久或超出 tasks.limit；"
                "以及状态无法识别的任务。"
                "异常：超出上限或未识别大于 0。请调高 tasks.limit 或收窄 tasks.include；"
                "未识别的状态请反馈给我们。",
            ),
            size=(12, 9),
            queries=[
                Query(
                    expr=total(of("outbound_account_dropped_tasks", ACCOUNT), "reason"),
                    legend="{{reason}}",
                ),
                Query(
                    expr=total(of("outbound_account_unclassified_tasks", ACCOUNT)),
                    legend=say("unclassified", "状态未识别"),
                ),
            ],
            look=Look(unit="short", soft_high=10, decimals=0, no_value=say("No data", "无数据")),
            overrides=renamed(drop_names(say)),
        ),
        beside=True,
    )
