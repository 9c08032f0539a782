"""Alibaba job groups, in the shapes of the vendor's samples; the two actions name keys apart."""

import random
from collections.abc import Mapping
from typing import Any, Final

from exporter.simulator.answers import encode
from exporter.simulator.campaign import Campaign, Status, values_of
from exporter.simulator.dezhu_rows import clock_text
from exporter.simulator.population import PROFILES

STATUS_WORDS: Final[Mapping[Status, str]] = {
    "draft": "Draft",
    "initializing": "Initializing",
    "scheduling": "Scheduling",
    "running": "Executing",
    "paused": "Paused",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "unknown": "Sleeping",
}
_SCRIPTS: Final = ("催收话术", "满意度调查话术", "renewal-script", "邀约话术")
_MASKED: Final = ("1****6", "1****8", "0****5", "1****2")


def _profile(number: int) -> dict[str, Any]:
    draw = random.Random(f"aliyun/{number}")
    place = number % len(_SCRIPTS)
    return {
        "script_id": f"49f00b0d-78ac-4d51-91de-a9e8e92b847{place}",
        "script_name": _SCRIPTS[place],
        "script_version": f"49f00b0d-78ac-4d51-91de-a9e8e92b85{number:02d}",
        "priority": draw.choice(("Daily", "Urgent", "1")),
        "ringing": draw.choice((20, 25, 30, 45)),
        "min_concurrency": draw.choice((0, 1, 5, 10)),
        "calling": draw.randint(1, 4),
        "recall": draw.randint(0, 2),
        "attempts": draw.randint(1, 5),
        "interval": draw.choice((5, 10, 30, 60)),
        "repeatable": draw.random() < 0.3,
        "repeat_by": draw.choice(("Once", "Day")),
        "ignored": [draw.random() < 0.5 for _ in range(3)],
    }


_PROFILES: Final = tuple(_profile(number) for number in range(PROFILES))


def row_of(campaign: Campaign) -> bytes:
    """Return a row of ``ListJobGroups`` as JSON; kept until it changes."""
    if campaign.rendered is None:
        campaign.rendered = encode(listed(campaign))
    return campaign.rendered


def min_concurrency(campaign: Campaign) -> int:
    """Return how many lines are kept for a campaign."""
    return int(_PROFILES[campaign.profile]["min_concurrency"])


def listed(campaign: Campaign) -> dict[str, Any]:
    """Return a row of ``ListJobGroups``."""
    total, completed, executing, failed, scheduling, paused, cancelled, calls = values_of(campaign)
    return {
        **_common(campaign),
        "TotalCallNum": calls,
        "ExportProgress": None,
        "Progress": {
            "TotalJobs": total,
            "TotalCompleted": completed,
            "Scheduling": scheduling,
            "ExecutingNum": executing,
            "FailedNum": failed,
            "PausedNum": paused,
            "CancelledNum": cancelled,
            "TotalNotAnswered": failed,
            "StartTime": _ms(campaign.start_at),
            "Duration": 1000,
        },
        "Strategy": {"StartTime": _ms(campaign.start_at), "EndTime": _ms(campaign.end_at)},
    }


def described(campaign: Campaign) -> dict[str, Any]:
    """Return the job group of ``DescribeJobGroup``."""
    settings = _PROFILES[campaign.profile]
    total, completed, executing, failed, scheduling, paused, cancelled, _ = values_of(campaign)
    empty, arrears, gone = settings["ignored"]
    return {
        **_common(campaign),
        "ScenarioId": "fce6c599-8ede-40e3-9f78-0928eda7b4e8",
        "CallingNumbers": _numbers(settings["calling"]),
        "RecallCallingNumbers": _numbers(settings["recall"]),
        "ExportProgress": {"Status": "FINISHED", "FileHttpUrl": "", "Progress": "1"},
        "Progress": {
            "TotalNotAnswered": failed,
            "Status": STATUS_WORDS.get(campaign.status, "Sleeping"),
            "StartTime": _ms(campaign.start_at),
            "TotalJobs": total,
            "TotalCompleted": completed,
            "Scheduling": scheduling,
            "Executing": executing,
            "Failed": failed,
            "Paused": paused,
            "Cancelled": cancelled,
            "Duration": 1000,
            "Briefs": [{"Key": "score", "Value": "5"}],
            "Categories": [{"Key": "success", "Value": "10"}],
        },
        "Strategy": _strategy(campaign, settings),
        "RecallStrategy": {
            "EmptyNumberIgnore": empty,
            "InArrearsIgnore": arrears,
            "OutOfServiceIgnore": gone,
        },
        "RingingDuration": settings["ringing"],
        "Priority": settings["priority"],
        "FlashSmsExtras": {"ConfigId": "", "TemplateId": ""},
        "ScriptNluEngine": "",
    }


def _common(campaign: Campaign) -> dict[str, Any]:
    settings = _PROFILES[campaign.profile]
    return {
        "JobGroupId": campaign.task_id,
        "JobGroupName": campaign.name,
        "JobGroupDescription": "外呼作业组",
        # A word that Alibaba does not have shows as one that nobody knows.
        "Status": STATUS_WORDS.get(campaign.status, "Sleeping"),
        "CreationTime": _ms(campaign.created),
        "ModifyTime": str(_ms(campaign.modified)),
        "ScriptId": settings["script_id"],
        "ScriptName": settings["script_name"],
        "ScriptVersion": settings["script_version"],
        "MinConcurrency": settings["min_concurrency"],
    }


def _strategy(campaign: Campaign, settings: Mapping[str, Any]) -> dict[str, Any]:
    days = sorted(campaign.weekdays) if campaign.weekdays is not None else [1, 2, 3, 4, 5]
    repeat_by = "Week" if campaign.weekdays is not None else settings["repeat_by"]
    return {
        "Type": "Repeatable",
        "StrategyName": "外呼策略",
        "StrategyDescription": "外呼策略",
        "StrategyId": "a2bff22c-2604-4df2-83d6-5952e2438c5a",
        "StartTime": _ms(campaign.start_at),
        "EndTime": _ms(campaign.end_at),
        "MaxAttemptsPerDay": settings["attempts"],
        "MinAttemptInterval": settings["interval"],
        "FollowUpStrategy": "NONE",
        "Customized": "{}",
        "IsTemplate": False,
        "RoutingStrategy": "LocalFirst",
        "RepeatBy": repeat_by,
        "RepeatDays": [f"[{','.join(map(str, days))}]"] if repeat_by != "Day" else [],
        "Repeatable": settings["repeatable"],
        "WorkingTime": [
            {"BeginTime": clock_text(one.begin), "EndTime": clock_text(one.end)}
            for one in campaign.windows
        ],
    }


def _numbers(count: int) -> list[str]:
    """Return masked numbers as the API does: JSON text inside a list."""
    return [encode(list(_MASKED[:count])).decode()] if count else []


def _ms(time: float) -> int:
    return int(time * 1000)
