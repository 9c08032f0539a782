"""Rows of the Dezhu task list, in the shape of the vendor's sample."""

import datetime
import random
from collections.abc import Mapping
from typing import Any, Final

from exporter.simulator.answers import encode
from exporter.simulator.campaign import Campaign, Status, values_of
from exporter.simulator.hours import SHANGHAI_OFFSET, Window
from exporter.simulator.population import PROFILES

STATUS_NUMBERS: Final[Mapping[Status, int]] = {
    "not_started": 1,
    "paused": 2,
    "running": 3,
    "completed": 4,
    "expired": 5,
    "failed": 6,
    "unknown": 99,
}
_SKILLS: Final = (
    ("1495152791910144", "催收一组"),
    ("1495152791910145", "客服回访组"),
    ("1495152791910146", "telesales"),
    ("1495152791910147", "保险续期组"),
)
_DESCRIPTION: Final = "自动外呼"


def _profile(number: int) -> dict[str, Any]:
    draw = random.Random(f"dezhu/{number}")
    skill, skill_name = _SKILLS[number % len(_SKILLS)]
    return {
        "skillSetId": skill,
        "skillSetName": skill_name,
        "outboundNumberGroupId": f"107067804412{4425 + number % 5}",
        "strategyDisplaySwitch": draw.random() < 0.6,
        "sendNumberStrategy": draw.choice((0, 0, 1)),
        "abandonmentRate": draw.randint(1, 5),
        "multiplyPower": draw.randint(1, 4),
        "maxRingingDuration": draw.randint(20, 50),
        "acw": draw.choice((5, 10, 30, 60)),
        "outboundPhoneGroups": [_batch(place, draw) for place in range(draw.choice((1, 1, 2)))],
    }


def _batch(place: int, draw: random.Random) -> dict[str, Any]:
    return {
        "name": str(place + 1),
        "identify": "default" if place == 0 else f"batch{place + 1}",
        "autoOutboundSwitch": draw.choice((0, 1)),
        "autoOutboundInterval": draw.choice((5, 10, 30, 120)),
        "autoOutboundTimes": draw.randint(1, 3),
    }


_PROFILES: Final = tuple(_profile(number) for number in range(PROFILES))


def profiles_with_skill(skill_set_id: str) -> frozenset[int]:
    """Return the settings that use a skill group."""
    return frozenset(n for n, one in enumerate(_PROFILES) if one["skillSetId"] == skill_set_id)


def row_of(campaign: Campaign) -> bytes:
    """Return a task as JSON; kept until it changes."""
    if campaign.rendered is None:
        campaign.rendered = encode(task_of(campaign))
    return campaign.rendered


def task_of(campaign: Campaign) -> dict[str, Any]:
    """Return a task as the API shows it."""
    settings = _PROFILES[campaign.profile]
    total, completed, connected = values_of(campaign)
    if campaign.manual:
        automatic: dict[str, Any] = dict.fromkeys(_AUTOMATIC_ONLY)
    else:
        automatic = {name: settings[name] for name in _AUTOMATIC_ONLY}
    return {
        "taskId": int(campaign.task_id),
        "taskName": campaign.name,
        "taskType": 2 if campaign.manual else 1,
        # A word that Dezhu does not have shows as a number that nobody knows.
        "taskStatus": STATUS_NUMBERS.get(campaign.status, 99),
        "taskExecStartDate": _day(campaign.start_at),
        "taskExecEndDate": _day(campaign.end_at - 1),
        "taskExecTimes": None if campaign.manual else [_times(one) for one in campaign.windows],
        "taskDesc": _DESCRIPTION,
        "skillSetId": settings["skillSetId"],
        "skillSetName": settings["skillSetName"],
        **automatic,
        "acw": settings["acw"],
        "taskAgents": _agents(campaign, total) if campaign.manual else None,
        "outboundPhoneGroups": settings["outboundPhoneGroups"],
        "customerAmount": total,
        "completedCount": completed,
        "connectedCount": connected,
        "connectPercentage": _percent(connected, completed),
        "taskProgress": _percent(completed, total),
    }


_AUTOMATIC_ONLY: Final = (
    "outboundNumberGroupId",
    "strategyDisplaySwitch",
    "sendNumberStrategy",
    "abandonmentRate",
    "multiplyPower",
    "maxRingingDuration",
)


def _agents(campaign: Campaign, total: int) -> list[dict[str, Any]]:
    count = 2 + campaign.profile % 3
    share, rest = divmod(total, count)
    return [
        {"agentId": f"80{campaign.profile:02d}{number}", "assignNum": share + (number < rest)}
        for number in range(count)
    ]


def _times(window: Window) -> dict[str, str]:
    return {
        "taskExecTimeStartStr": clock_text(window.begin),
        "taskExecTimeEndStr": clock_text(window.end),
    }


def clock_text(second_of_day: int) -> str:
    """Return ``HH:mm:ss``."""
    minutes, seconds = divmod(second_of_day, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def _day(time: float) -> str:
    moment = datetime.datetime.fromtimestamp(time + SHANGHAI_OFFSET, datetime.UTC)
    return f"{moment:%Y-%m-%d}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100 if whole else 0:.2f}%"
