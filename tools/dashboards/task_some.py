"""Last row of the campaign's dashboard: what optional collectors tell of a few campaigns."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, by_query, colored
from tools.dashboards.panels import Face, Query, bars, lines
from tools.dashboards.queries import ONE, highest, of
from tools.dashboards.words import CALLS, REPORTED, Say

_HALF: Final = (12, 7)


def only_some(say: Say) -> list[Panel]:
    """The panels that a few campaigns fill, with optional collectors."""
    return [_concurrency(say), _agents(say)]


def _concurrency(say: Say) -> Panel:
    return lines(
        Face(
            title=say("Calls at once", "并发通话"),
            description=say(
                "Calls under way at once and how many may be (Alibaba, with concurrency in "
                "collect). Bad: it stays at the limit, so the campaign would be faster with more.",
                "同时进行的通话数及其上限（仅阿里云，需在 collect 中开启 concurrency）。"
                "异常：长时间顶到上限，说明增加并发可以提速。",
            ),
            size=_HALF,
            queries=[
                Query(expr=of("outbound_task_concurrency", ONE), legend=say("Calls", "通话数")),
                Query(expr=of("outbound_task_concurrency_limit", ONE), legend=say("Limit", "上限")),
            ],
            overrides=[
                by_query("A", **colored(CALLS)),
                by_query("B", **colored(REPORTED, dashed=True)),
            ],
            look=Look(
                unit="short",
                decimals=0,
                no_value=say("Only Alibaba job groups that call now", "仅正在呼叫的阿里云作业组"),
            ),
        )
    )


def _agents(say: Say) -> Panel:
    assigned = of("outbound_task_agent_assigned_customers", ONE)
    return bars(
        Face(
            title=say("Customers by agent (manual campaigns)", "坐席分配客户数（人工任务）"),
            description=say(
                "Customers assigned to each agent, the 20 highest. Only manual campaigns of Dezhu "
                "have it, with agents in collect. Bad: one agent has far more than the others.",
                "分配给各坐席的客户数（最多显示 20 个）。仅得助人工任务有此数据，"
                "且需在 collect 中开启 agents。异常：分配明显不均。",
            ),
            size=_HALF,
            queries=[Query(expr=highest(assigned, rows=20), legend="{{agent_id}}")],
            look=Look(
                unit="short",
                decimals=0,
                no_value=say("Only manual campaigns of Dezhu", "仅得助人工任务"),
                color="blue",
            ),
        )
    )
