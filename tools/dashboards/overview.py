"""Overview: is all well, how far are the campaigns, and which ones need a look."""

from typing import Final

from tools.dashboards.board import Section, Sheet
from tools.dashboards.overview_charts import outcomes
from tools.dashboards.overview_health import health
from tools.dashboards.overview_running import running_now
from tools.dashboards.overview_table import campaigns
from tools.dashboards.variables import task_variables
from tools.dashboards.words import Say
from tools.thresholds import Thresholds

# What is chosen, and what concerns everything: alerts on an account name no task.
_CHOSEN: Final = ('platform=~"$platform|"', 'account=~"$account|"', 'task_name=~"$task|"')


def overview(say: Say, thresholds: Thresholds) -> Sheet:
    """The dashboard to begin with."""
    return Sheet(
        uid="outbound-overview",
        title=say("Outbound calls: overview", "外呼监控：总览"),
        description=say(
            "All outbound-call campaigns of Dezhu and Alibaba Cloud OutboundBot: whether all is "
            "well, how far they are, and which ones need a look. Figures are polled from the "
            "vendors, so they are up to a minute or two old.",
            "得助与阿里云智能外呼机器人的全部外呼任务：是否一切正常、进度如何、哪些任务需要处理。"
            "数据由 exporter 定时向平台轮询，可能有一两分钟的延迟。",
        ),
        alerts=(*_CHOSEN, 'severity="critical"'),
        variables=task_variables(say),
        sections=[
            Section(
                title=say("Is all well?", "一切正常吗？"), panels=health(say, thresholds.limits)
            ),
            Section(
                title=say("Running campaigns and alerts", "执行中的任务与告警"),
                panels=running_now(say, thresholds.limits),
            ),
            Section(
                title=say("Outcomes over time", "外呼结果趋势"),
                panels=outcomes(say),
            ),
            Section(
                title=say("All campaigns", "全部任务"), panels=[campaigns(say, thresholds.limits)]
            ),
        ],
    )
