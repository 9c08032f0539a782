"""Task: one campaign in depth."""

from tools.dashboards.board import Section, Sheet
from tools.dashboards.queries import JOB, ONE
from tools.dashboards.task_charts import plan
from tools.dashboards.task_now import now
from tools.dashboards.task_settings import settings
from tools.dashboards.task_some import only_some
from tools.dashboards.variables import one_task_variables
from tools.dashboards.words import Say
from tools.thresholds import Thresholds


def task(say: Say, thresholds: Thresholds) -> Sheet:
    """The dashboard of one campaign, which the table of the overview leads to."""
    limits = thresholds.limits
    return Sheet(
        uid="outbound-task",
        title=say("Outbound calls: campaign", "外呼监控：任务详情"),
        description=say(
            "One outbound-call campaign in depth: progress against its calling time, outcomes, "
            "pace, calling hours and settings. Choose it with Task in depth, or click its name in "
            "the overview.",
            "单个外呼任务的详情：进度与剩余可呼叫时间、外呼结果、呼叫速度、可呼叫时段和各项设置。"
            "可用“任务详情”变量选择，或在总览中点击任务名称。",
        ),
        alerts=(ONE.removeprefix(f"{JOB},"),),
        variables=one_task_variables(say),
        sections=[
            Section(title=say("Now", "当前情况"), panels=now(say, limits)),
            Section(
                title=say("Progress, outcomes and pace", "进度、结果与速度"),
                panels=plan(say, limits),
            ),
            Section(
                title=say("Calling hours and settings", "可呼叫时段与设置"), panels=settings(say)
            ),
            Section(
                title=say(
                    "Calls at once (Alibaba), agents of manual campaigns (Dezhu)",
                    "并发通话（阿里云）与人工任务坐席（得助）",
                ),
                panels=only_some(say),
                collapsed=True,
            ),
        ],
    )
