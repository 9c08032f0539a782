"""Third row of the exporter's dashboard: calls to the vendors and the budget for them."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, renamed
from tools.dashboards.panels import Face, Query, lines
from tools.dashboards.queries import ACCOUNT, of, total
from tools.dashboards.words import REASON_COLORS, Say, reason_names
from tools.thresholds import Limits

_HALF: Final = (12, 8)
_THIRD: Final = (8, 8)


def calls(say: Say, limits: Limits) -> list[Panel]:
    """The charts, line by line."""
    return [
        *(_requests(say), _failures(say)),
        *(_latency(say), _mean(say)),
        *(_throttled(say, limits), _pace(say), _hour(say)),
    ]


def _rate(counter: str) -> str:
    return f"rate({of(counter, ACCOUNT)}[$__rate_interval])"


def _requests(say: Say) -> Panel:
    calls = total(_rate("outbound_exporter_api_requests_total"), "operation")
    return lines(
        Face(
            title=say("Calls a minute, by operation", "每分钟调用次数（按接口）"),
            description=say(
                "Calls to the vendors, whatever came of them. Bad: none where campaigns run, or "
                "far more than the refresh intervals need.",
                "对平台接口的调用次数（不论成败）。异常：有任务在执行却没有调用，"
                "或远超轮询间隔所需。",
            ),
            size=_HALF,
            queries=[
                Query(
                    expr=f"60 * {calls}",
                    legend="{{operation}}",
                )
            ],
            look=Look(unit="short", no_value=say("No calls", "无调用")),
        ),
        beside=True,
    )


def _failures(say: Say) -> Panel:
    failures = total(_rate("outbound_exporter_api_failures_total"), "reason")
    return lines(
        Face(
            title=say("Failed calls a minute, by reason", "每分钟失败次数（按原因）"),
            description=say(
                "Calls that failed. Bad: anything that lasts. The code in "
                "outbound_exporter_api_failures_total and the log tell more; the readme has a "
                "table of what to do.",
                "调用失败的次数。异常：持续不为 0。更多信息见 "
                "outbound_exporter_api_failures_total 的 code 标签和日志，"
                "处理方法见 README 的表格。",
            ),
            size=_HALF,
            queries=[
                Query(
                    expr=f"60 * {failures}",
                    legend="{{reason}}",
                )
            ],
            look=Look(unit="short", no_value=say("No calls", "无调用"), soft_high=5),
            overrides=renamed(reason_names(say), REASON_COLORS),
        ),
        beside=True,
    )


def _throttled(say: Say, limits: Limits) -> Panel:
    requests = total(_rate("outbound_exporter_api_requests_total"))
    throttled = total(_rate("outbound_exporter_api_throttled_total"))
    retries = total(_rate("outbound_exporter_api_retries_total"))
    return lines(
        Face(
            title=say("Throttled and retried calls", "限流与重试"),
            description=say(
                "Share of the calls that the vendor refused for their rate, and that were made "
                "again within a poll. Bad: throttled above the line for long. The exporter slows "
                "down by itself; lengthen refresh where the data gets too old.",
                "被平台限流的调用占比，以及在同一次轮询内重试的调用占比。"
                "异常：限流占比长时间高于红线。exporter 会自动降速；若数据变旧，请拉长 refresh。",
            ),
            size=_THIRD,
            queries=[
                Query(expr=f"{throttled} / ({requests} > 0)", legend=say("Throttled", "被限流")),
                Query(expr=f"{retries} / ({requests} > 0)", legend=say("Retried", "重试")),
            ],
            look=Look(
                unit="percentunit",
                soft_high=0.1,
                no_value=say("No calls", "无调用"),
                steps=((None, "transparent"), (limits.throttled_share, "red")),
                palette=True,
            ),
        ),
    )


def _latency(say: Say) -> Panel:
    buckets = total(_rate("outbound_exporter_api_request_duration_seconds_bucket"), "le, account")
    quantiles = ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"))
    return lines(
        Face(
            title=say("Latency of the vendors", "平台接口耗时分位"),
            description=say(
                "How long calls take until their whole answer, by quantile. Bad: near the timeout "
                "(10 s by default). Look at the network, the proxy and the vendor's status.",
                "从发出调用到收完返回的耗时（按分位数）。异常：接近 timeout（默认 10 秒）。"
                "请检查网络、代理和平台状态。",
            ),
            size=_HALF,
            queries=[
                Query(
                    expr=f"histogram_quantile({quantile}, {buckets})",
                    legend=f"{{{{account}}}} · {name}",
                )
                for quantile, name in quantiles
            ],
            look=Look(unit="s", no_value=say("No calls", "无调用")),
        ),
        beside=True,
    )


def _mean(say: Say) -> Panel:
    by = "operation"
    spent = total(_rate("outbound_exporter_api_request_duration_seconds_sum"), by)
    count = total(_rate("outbound_exporter_api_request_duration_seconds_count"), by)
    return lines(
        Face(
            title=say("Mean latency by operation", "各接口平均耗时"),
            description=say(
                "Mean time of a call, by operation. Bad: one operation grows much slower than it "
                "was; smaller pages (page_size) may help.",
                "各接口的平均耗时。异常：某个接口明显变慢，可以尝试减小 page_size。",
            ),
            size=_HALF,
            queries=[Query(expr=f"{spent} / ({count} > 0)", legend="{{operation}}")],
            look=Look(unit="s", no_value=say("No calls", "无调用")),
        ),
        beside=True,
    )


def _pace(say: Say) -> Panel:
    rate = of("outbound_exporter_api_budget_requests_per_second", ACCOUNT)
    return lines(
        Face(
            title=say("Calls allowed a second", "每秒允许的调用数"),
            description=say(
                "Calls a second that the exporter allows itself: it halves them when the vendor "
                "throttles, and finds its way back. Bad: it stays far below the budget.",
                "exporter 当前允许自己的每秒调用数：被限流时减半，之后逐步恢复。"
                "异常：长时间远低于 budget 的配置。",
            ),
            size=_THIRD,
            queries=[Query(expr=total(rate, "account"), legend="{{account}}")],
            look=Look(unit="reqps", no_value=say("No data", "无数据")),
        ),
        steps=True,
    )


def _hour(say: Say) -> Panel:
    hour = of("outbound_exporter_api_budget_remaining", ACCOUNT, 'window="hour"')
    return lines(
        Face(
            title=say("Calls left this hour", "本小时剩余调用数"),
            description=say(
                "Calls that the hourly budget still allows. Bad: it runs down to 0: raise budget "
                "or lengthen refresh.",
                "每小时预算中还剩的调用数。异常：降到 0，请调高 budget 或拉长 refresh。",
            ),
            size=_THIRD,
            queries=[Query(expr=total(hour, "account"), legend="{{account}}")],
            look=Look(unit="short", no_value=say("No data", "无数据")),
        ),
    )
