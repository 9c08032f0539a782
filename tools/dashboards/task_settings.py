"""Last row of the campaign's dashboard: when and how it may call."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look, Override, by_name, by_query, colored, words
from tools.dashboards.panels import Face, Query, lines, rows, stats
from tools.dashboards.queries import ONE, of
from tools.dashboards.schedule import window_words
from tools.dashboards.words import COMPLETED, Say, platform_names

_HALF: Final = (12, 7)


def settings(say: Say) -> list[Panel]:
    """The panels that every campaign fills, line by line."""
    return [*(_hours(say), _redial(say)), *(_dialling(say), _dates(say)), _what(say)]


def _yes(say: Say) -> list[object]:
    return [words({"1": (say("yes", "是"), "green"), "0": (say("no", "否"), "text")})]


def _hours(say: Say) -> Panel:
    hidden = {"custom__axisPlacement": "hidden", "custom__lineWidth": 0, "custom__fillOpacity": 15}
    return lines(
        Face(
            title=say("Completed inside calling hours", "可呼叫时段内的完成情况"),
            description=say(
                "Customers completed, upon green where the calling hours allow calls, whatever the "
                "status. Bad: the line rises where there is no green: calling hours are law.",
                "已完成客户数；绿色背景表示当时可呼叫，与任务状态无关。"
                "异常：没有绿色背景的地方曲线仍在上升，在不允许的时段外呼属于违规。",
            ),
            size=_HALF,
            queries=[
                Query(
                    expr=of("task:outbound_task_completed_customers:max", ONE),
                    legend=say("Completed", "已完成"),
                ),
                Query(
                    expr=of("outbound_task_calling_window_open", ONE),
                    legend=say("Calling hours", "可呼叫时段"),
                ),
            ],
            look=Look(unit="short", low=None, no_value=say("No data", "无数据")),
            overrides=[
                by_query("A", **colored(COMPLETED)),
                by_query(
                    "B",
                    mappings=[window_words(say)],
                    unit="none",
                    min=0,
                    max=1,
                    **colored("green"),
                    **hidden,
                ),
            ],
        ),
        steps=True,
    )


def _dates(say: Say) -> Panel:
    names = (
        ("start", say("Starts", "开始")),
        ("end", say("Ends", "截止")),
        ("created", say("Created", "创建")),
        ("modified", say("Last changed", "最近修改")),
    )
    return stats(
        Face(
            title=say("Dates", "日期"),
            description=say(
                "When it may begin and must have ended; at Alibaba also when it was created and "
                "last changed. Bad: the end lies in the past and customers remain.",
                "允许开始和必须结束的时间；阿里云另有创建和最近修改时间。"
                "异常：已过截止时间但仍有剩余客户。",
            ),
            size=(8, 6),
            queries=[
                Query(
                    expr=f"{of(f'outbound_task_{name}_timestamp_seconds', ONE)} * 1000",
                    legend=legend,
                )
                for name, legend in names
            ],
            look=Look(
                unit="dateTimeAsIso", low=None, no_value=say("No dates", "未设置"), color="text"
            ),
        ),
        listed=True,
    )


_DIALLING: Final = (
    ("max_ringing_seconds", "Rings at most", "最长振铃", "s"),
    ("after_call_work_seconds", "After-call work", "话后整理", "s"),
    ("dialing_multiplier", "Calls per free agent", "外呼倍数", "none"),
    ("target_abandonment_ratio", "Abandonment aimed at", "目标放弃率", "percentunit"),
    ("caller_display_strategy_enabled", "Caller display strategy", "启用号码外显策略", "yes"),
    ("max_attempts_per_day", "Attempts a day", "每日最多呼叫次数", "none"),
    ("min_attempt_interval_seconds", "Between attempts", "呼叫最小间隔", "s"),
    ("repeatable", "Repeatable", "可重复执行", "yes"),
    ("calling_numbers", "Caller numbers", "主叫号码数", "none"),
    ("recall_calling_numbers", "Recall numbers", "重呼主叫号码数", "none"),
    ("min_concurrency", "Least at once", "最小并发", "none"),
)


def _dialling(say: Say) -> Panel:
    return stats(
        Face(
            title=say("Dialling settings", "呼叫设置"),
            description=say(
                "How the campaign is set up to dial; settings that this vendor or this kind of "
                "campaign does not have are left out. Bad: not what was agreed. Change it at the "
                "vendor.",
                "任务的呼叫参数；该平台或该类任务没有的参数不显示。异常：与约定不符，"
                "请到平台上修改。",
            ),
            size=(16, 6),
            queries=[
                Query(expr=of(f"outbound_task_{name}", ONE), legend=say(english, chinese))
                for name, english, chinese, _ in _DIALLING
            ],
            look=Look(unit="none", no_value=say("No settings", "无设置"), color="text"),
            overrides=[
                by_query("ABCDEFGHIJK"[place], **_unit(say, unit))
                for place, (*_, unit) in enumerate(_DIALLING)
                if unit != "none"
            ],
        )
    )


def _unit(say: Say, unit: str) -> dict[str, object]:
    """A unit of Grafana's, or words for yes and no, which Grafana would not translate."""
    return {"mappings": _yes(say)} if unit == "yes" else {"unit": unit}


def _redial(say: Say) -> Panel:
    own = "platform, account, task_id, batch"
    batches = ("redial_enabled", "redial_interval_seconds", "redial_max_attempts")
    queries = [
        *(Query(expr=f"max by ({own}) ({of(f'outbound_task_{name}', ONE)})") for name in batches),
        Query(
            expr="max by (platform, account, task_id, reason) "
            f"({of('outbound_task_recall_ignored', ONE)})"
        ),
    ]
    return rows(
        Face(
            title=say("Redial", "重呼设置"),
            description=say(
                "Dezhu: one line for each number batch. Alibaba: whether numbers that failed for a "
                "reason are left alone. Bad: redial is off where many are not reached.",
                "得助：每个号码批次一行。阿里云：因某种原因失败的号码是否不再重呼。"
                "异常：未接通很多却没有开启重呼。",
            ),
            size=_HALF,
            queries=queries,
            look=Look(unit="none", low=None, no_value=""),
            overrides=[
                by_name("batch", displayName=say("Number batch", "号码批次"), unit="string"),
                by_name("Value #A", displayName=say("Redial", "重呼"), mappings=_yes(say)),
                by_name("Value #B", displayName=say("Interval", "间隔"), unit="s"),
                by_name("Value #C", displayName=say("At most", "最多次数")),
                by_name("reason", displayName=say("Reason", "失败原因"), mappings=_reasons(say)),
                # Grafana drops the letter where a single query has rows, as at Alibaba.
                *(
                    by_name(name, displayName=say("Left alone", "不再重呼"), mappings=_yes(say))
                    for name in ("Value #D", "Value")
                ),
            ],
        ),
        columns=("batch", "Value #A", "Value #B", "Value #C", "reason", "Value #D", "Value"),
        sort_by=say("Number batch", "号码批次"),
    )


def _reasons(say: Say) -> list[object]:
    return [
        words(
            {
                "empty_number": (say("number does not exist", "空号"), "text"),
                "in_arrears": (say("in arrears", "欠费"), "text"),
                "out_of_service": (say("out of service", "停机"), "text"),
            }
        )
    ]


def _what(say: Say) -> Panel:
    names = {
        "task_name": say("Task", "任务"),
        "task_id": say("Task id", "任务 ID"),
        "platform": say("Platform", "平台"),
        "account": say("Account", "账号"),
        "task_type": say("Type", "类型"),
        "dialing_strategy": say("Strategy", "外呼策略"),
        "skill_group_name": say("Skill group", "技能组"),
        "number_group_id": say("Number group", "号码组"),
        "instance_name": say("Instance", "实例"),
        "script_name": say("Script", "话术"),
        "script_version": say("Version", "话术版本"),
        "priority": say("Priority", "优先级"),
    }
    by = ", ".join(names)
    return rows(
        Face(
            title=say("What it is", "基本信息"),
            description=say(
                "The campaign as the vendor describes it; empty where this vendor has no such "
                "thing. Bad: not the script or skill group that was meant.",
                "平台上的任务信息，平台没有的项目为空。异常：话术或技能组与预期不符。",
            ),
            size=(24, 4),
            queries=[Query(expr=f"max by ({by}) ({of('outbound_task_info', ONE)})")],
            look=Look(unit="string", low=None, no_value=""),
            overrides=[
                *(
                    by_name(label, displayName=name, **_width(label))
                    for label, name in names.items()
                ),
                *_values(say),
            ],
        ),
        columns=tuple(names),
        sort_by=say("Task", "任务"),
    )


def _width(label: str) -> dict[str, object]:
    """Room for what Alibaba writes as 36 characters; few for what is short."""
    widths = {"task_id": 300, "script_version": 300, "platform": 90, "priority": 80}
    return {"custom__width": widths[label]} if label in widths else {}


def _values(say: Say) -> list[Override]:
    """Words for what the exporter labels with fixed values."""
    values: dict[str, Mapping[str, str]] = {
        "task_type": {
            "automatic": say("automatic", "自动"),
            "manual": say("manual", "人工"),
        },
        "dialing_strategy": {
            "ratio": say("by ratio", "按比例外呼"),
            "predictive": say("predictive", "预测式外呼"),
        },
        "platform": platform_names(say),
    }
    return [
        by_name(label, mappings=[words({key: (text, "text") for key, text in texts.items()})])
        for label, texts in values.items()
    ]
