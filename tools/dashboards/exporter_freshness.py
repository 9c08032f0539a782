"""Fourth row of the exporter's dashboard: how old the data is, and what holds it up."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, renamed
from tools.dashboards.panels import Face, Query, lines
from tools.dashboards.queries import ACCOUNT, of, total
from tools.dashboards.trust import age_seconds, interval_seconds
from tools.dashboards.words import Say, tier_names
from tools.thresholds import Limits, Thresholds

_HALF: Final = (12, 8)
_BY_TIER: Final = "{{tier}} · {{account}}"


def freshness(say: Say, thresholds: Thresholds) -> list[Panel]:
    """The charts, two a line."""
    limits = thresholds.limits
    return [
        _age(say, limits),
        _interval(say, limits),
        _duration(say),
        _skipped(say, thresholds),
        _details(say),
        _unknown(say),
    ]


def _age(say: Say, limits: Limits) -> Panel:
    return lines(
        Face(
            title=say("Age in intervals", "数据年龄（间隔数）"),
            description=say(
                "Age of the latest good poll of each tier, divided by the interval in force. "
                "Healthy is about 1. Bad: above the line; the alert allows "
                f"{limits.refresh_slack_seconds:g} s more, which counts for short intervals.",
                "各层级距上次成功轮询的时间 ÷ 当前生效的轮询间隔，正常约为 1。"
                "异常：高于红线；"
                f"告警另有 {limits.refresh_slack_seconds:g} 秒的余量（间隔很短时才明显）。",
            ),
            size=_HALF,
            queries=[Query(expr=f"({age_seconds()}) / {interval_seconds()}", legend=_BY_TIER)],
            look=Look(
                unit="none",
                decimals=1,
                no_value=say("No good poll yet", "尚无成功的轮询"),
                steps=((None, "transparent"), (limits.refresh_intervals, "red")),
                palette=True,
            ),
        ),
        beside=True,
    )


def _interval(say: Say, limits: Limits) -> Panel:
    configured = of("outbound_account_configured_refresh_interval_seconds", ACCOUNT)
    return lines(
        Face(
            title=say("Interval in force ÷ configured", "生效间隔 ÷ 配置间隔"),
            description=say(
                "1 where each tier is polled as often as configured. Above it the budget does not "
                "hold that; running campaigns go first. Bad: above the line. Raise budget or "
                "lengthen refresh; --config.check --tasks tells what is needed.",
                "等于 1 表示按配置的间隔轮询；大于 1 表示预算不够，优先保证进行中的任务。"
                "异常：高于红线。请调高 budget 或拉长 refresh，"
                "可用 --config.check --tasks 估算。",
            ),
            size=_HALF,
            queries=[Query(expr=f"{interval_seconds()} / {configured}", legend=_BY_TIER)],
            look=Look(
                unit="none",
                decimals=2,
                no_value=say("No data", "无数据"),
                steps=((None, "transparent"), (limits.interval_stretched, "red")),
                palette=True,
            ),
        ),
        beside=True,
    )


def _duration(say: Say) -> Panel:
    return lines(
        Face(
            title=say("How long a poll takes", "单次轮询耗时"),
            description=say(
                "Duration of the latest poll of each tier, all pages; the slowest instance counts. "
                "Bad: near the interval of the tier; polls will be skipped.",
                "各层级最近一次轮询（含全部分页）的耗时，取最慢的实例。"
                "异常：接近该层级的轮询间隔，会导致轮询被跳过。",
            ),
            size=_HALF,
            queries=[
                Query(expr=of("outbound_account_poll_duration_seconds", ACCOUNT), legend=_BY_TIER)
            ],
            look=Look(unit="s", no_value=say("No poll yet", "尚未轮询")),
        ),
        beside=True,
    )


def _skipped(say: Say, thresholds: Thresholds) -> Panel:
    window = f"{thresholds.periods.skipped / 60:g}m"
    skipped = of("outbound_exporter_polls_skipped_total", ACCOUNT)
    return lines(
        Face(
            title=say(f"Polls skipped in {window}", f"被跳过的轮询（{window} 内）"),
            description=say(
                "Polls left out because the one before was still under way. Bad: above the line. "
                "The vendor is slow or the budget too small.",
                "因上一次轮询尚未结束而跳过的次数。异常：高于红线，说明平台响应慢或预算太小。",
            ),
            size=_HALF,
            queries=[
                Query(expr=total(f"increase({skipped}[{window}])", "tier"), legend="{{tier}}")
            ],
            look=Look(
                unit="short",
                soft_high=thresholds.limits.polls_skipped + 1,
                no_value=say("No data", "无数据"),
                steps=((None, "transparent"), (thresholds.limits.polls_skipped, "red")),
                palette=True,
            ),
            overrides=renamed(tier_names(say)),
        ),
        beside=True,
    )


def _details(say: Say) -> Panel:
    return lines(
        Face(
            title=say("Details outstanding (Alibaba)", "待读取的详情（阿里云）"),
            description=say(
                "Job groups whose schedule and settings are due and not yet read; they are read "
                "from what the budget leaves over. Bad: it never falls to 0. Raise budget.",
                "待读取时间安排和设置的作业组数，只用预算里剩余的额度读取。"
                "异常：一直降不到 0，请调高 budget。",
            ),
            size=_HALF,
            queries=[
                Query(
                    expr=total(of("outbound_account_details_outstanding", ACCOUNT), "account"),
                    legend="{{account}}",
                )
            ],
            look=Look(
                soft_high=10,
                unit="short",
                decimals=0,
                no_value=say("No Alibaba account", "无阿里云账号"),
            ),
        ),
        beside=True,
    )


def _unknown(say: Say) -> Panel:
    # Fields that never had an unknown value have no series: 0 then, which says the same.
    values = of("outbound_exporter_unknown_values_total", ACCOUNT)
    return lines(
        Face(
            title=say("Unknown values", "无法识别的值"),
            description=say(
                "Values of the vendors that are not documented or could not be read, a second; "
                "their field is left out. Bad: above 0. Look which field it is and report it.",
                "平台返回的未见于文档或无法解析的值（每秒），对应字段不会输出。"
                "异常：大于 0。请查看是哪个字段并反馈给我们。",
            ),
            size=_HALF,
            queries=[
                Query(
                    expr=f"sum(rate({values}[$__rate_interval])) or vector(0)",
                    legend=say("Unknown values", "无法识别的值"),
                )
            ],
            look=Look(unit="cps", soft_high=0.1, no_value=say("No data", "无数据"), color="orange"),
        ),
        beside=True,
    )
