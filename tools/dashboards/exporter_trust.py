"""First row of the exporter's dashboard: figures that should all be green."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, by_query, fixed, words
from tools.dashboards.panels import Face, Query, stats
from tools.dashboards.queries import ACCOUNT, JOB, counted, firing, of, or_zero, total
from tools.dashboards.trust import stale_readings
from tools.dashboards.words import Say
from tools.thresholds import Limits

_NONE_WANTED: Final = ((None, "green"), (1, "red"))


def trust(say: Say, limits: Limits) -> list[Panel]:
    """The row, from left to right."""
    return [
        _scrapes(say),
        _accounts(say),
        _reasons(say),
        _stale(say, limits),
        _alerts(say),
        _configuration(say),
    ]


def _scrapes(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Scrapes", "抓取"),
            description=say(
                "Whether Prometheus reaches the exporter. Bad: down. Look whether the process "
                "runs, at its log, and at the targets page of Prometheus.",
                "Prometheus 能否抓取到 exporter。异常：显示“异常”。"
                "请检查进程、日志以及 Prometheus 的 Targets 页面。",
            ),
            size=(3, 5),
            queries=[Query(expr=f"min({of('up', JOB)})")],
            look=_one_wanted(say, good=say("up", "正常"), bad=say("down", "异常")),
        )
    )


def _accounts(say: Say) -> Panel:
    up = of("outbound_account_up", ACCOUNT)
    return stats(
        Face(
            title=say("Accounts", "账号"),
            description=say(
                "Accounts whose latest poll of every tier worked, and those where one failed. "
                "Bad: any down. The table below says which, the chart beside it why.",
                "最近一次轮询全部成功的账号数和有失败的账号数。异常：有异常账号。"
                "下方表格显示是哪个账号，旁边的图表显示原因。",
            ),
            size=(5, 5),
            queries=[
                Query(expr=or_zero(total(up)), legend=say("Up", "正常")),
                Query(expr=counted(f"{up} == 0"), legend=say("Down", "异常")),
            ],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=_NONE_WANTED),
            overrides=[by_query("A", color=fixed("blue"))],
        ),
        listed=True,
    )


def _reasons(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Failure reasons", "失败原因数"),
            description=say(
                "Reasons for which a poll or an optional collector of an account fails now. Bad: "
                "above 0. The chart below names them; the runbooks say what to do.",
                "当前正在导致轮询或可选采集失败的原因个数（按账号计）。异常：大于 0。"
                "下方图表列出具体原因，处理方法见 runbooks。",
            ),
            size=(4, 5),
            queries=[Query(expr=counted(f"{of('outbound_account_failure', ACCOUNT)} == 1"))],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=_NONE_WANTED),
        )
    )


def _stale(say: Say, limits: Limits) -> Panel:
    return stats(
        Face(
            title=say("Old data", "过旧数据"),
            description=say(
                f"Tiers whose latest good poll is older than {limits.refresh_intervals:g} of their "
                f"intervals and {limits.refresh_slack_seconds:g} s. Bad: above 0. Their figures "
                "are old, or have vanished already.",
                f"距上次成功轮询超过 {limits.refresh_intervals:g} 个间隔加 "
                f"{limits.refresh_slack_seconds:g} 秒的层级数。异常：大于 0。"
                "对应的数据偏旧，或已经消失。",
            ),
            size=(3, 5),
            queries=[Query(expr=counted(stale_readings(limits)))],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=_NONE_WANTED),
        )
    )


def _alerts(say: Say) -> Panel:
    parts = (
        ("trust", say("About trust", "监控自身")),
        ("jobs", say("About campaigns", "外呼任务")),
    )
    return stats(
        Face(
            title=say("Firing alerts", "触发中的告警"),
            description=say(
                "Alerts of this exporter that fire now: those on whether the figures can be "
                "trusted, and those on campaigns. Bad: above 0. Each alert links to its runbook.",
                "当前触发的告警数：一类关于监控自身是否可信，一类关于外呼任务。"
                "异常：大于 0。每条告警都附有 runbook 链接。",
            ),
            size=(5, 5),
            queries=[
                Query(
                    expr=counted(firing(f'area="{area}"')),
                    legend=name,
                )
                for area, name in parts
            ],
            look=Look(unit="short", no_value=say("No data", "无数据"), steps=_NONE_WANTED),
        ),
        listed=True,
    )


def _configuration(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Configuration", "配置"),
            description=say(
                "Whether the latest load of the configuration worked. Bad: refused. The running "
                "one is kept; the log names the file, the key and what was expected.",
                "最近一次加载配置是否成功。异常：显示“被拒绝”，此时继续使用原配置；"
                "日志会指出文件、字段和期望值。",
            ),
            size=(4, 5),
            queries=[
                Query(expr=f"min({of('outbound_exporter_config_last_reload_successful', JOB)})")
            ],
            look=_one_wanted(say, good=say("loaded", "已加载"), bad=say("refused", "被拒绝")),
        )
    )


def _one_wanted(say: Say, *, good: str, bad: str) -> Look:
    return Look(
        unit="none",
        no_value=say("No data", "无数据"),
        steps=((None, "red"), (1, "green")),
        mappings=[words({"1": (good, "green"), "0": (bad, "red")})],
    )
