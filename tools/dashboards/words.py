"""The two languages, and the names of what the exporter labels with fixed values."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

Say = Callable[[str, str], str]
"""Takes the English and the Chinese text, gives the one of the dashboard's language."""


class Language(StrEnum):
    """Also the name of the folder below ``grafana/dashboards``."""

    ENGLISH = "en"
    CHINESE = "zh"

    def say(self, english: str, chinese: str) -> str:
        """The text of this language."""
        return english if self is Language.ENGLISH else chinese

    @property
    def uid_suffix(self) -> str:
        """What the uid of a dashboard ends with."""
        return "" if self is Language.ENGLISH else "-zh"


def status_names(say: Say) -> Mapping[str, str]:
    """Values of the label ``status``, in the order in which people go through them."""
    return {
        "running": say("Running", "执行中"),
        "scheduling": say("Scheduling", "调度中"),
        "initializing": say("Initializing", "初始化中"),
        "not_started": say("Not started", "未开始"),
        "paused": say("Paused", "已暂停"),
        "draft": say("Draft", "草稿"),
        "failed": say("Failed", "执行失败"),
        "completed": say("Completed", "已完成"),
        "expired": say("Expired", "已过期"),
        "cancelled": say("Cancelled", "已取消"),
        "unknown": say("Unknown", "未知"),
    }


# One colour for one meaning, in figures and charts alike.
CUSTOMERS: Final = "#a5adba"
COMPLETED: Final = "blue"
CONNECTED: Final = "green"
CALLS: Final = "purple"
WAITING: Final = "#56c7d6"
NOT_REACHED: Final = "orange"  # a failed job is one, and no reason to worry by itself
REPORTED: Final = "#7c8797"

STATUS_COLORS: Mapping[str, str] = {
    "running": "green",
    "scheduling": WAITING,
    "initializing": "super-light-blue",
    "not_started": "light-purple",
    "paused": "yellow",
    "draft": "#8e8e8e",
    "failed": "red",
    "completed": "blue",
    "expired": "light-orange",
    "cancelled": "#6e6e6e",
    "unknown": "#ff6ec7",
}


def job_names(say: Say) -> Mapping[str, str]:
    """Values of the label ``job_status``."""
    return {
        "executing": say("Executing", "呼叫中"),
        "scheduling": say("Scheduling", "待呼叫"),
        "paused": say("Paused", "已暂停"),
        "failed": say("Failed (not reached)", "失败（未触达）"),
        "cancelled": say("Cancelled", "已取消"),
    }


JOB_COLORS: Mapping[str, str] = {
    "executing": "green",
    "scheduling": WAITING,
    "paused": "yellow",
    "failed": NOT_REACHED,
    "cancelled": "#6e6e6e",
}


def platform_names(say: Say) -> Mapping[str, str]:
    """Values of the label ``platform``."""
    return {"dezhu": say("Dezhu", "得助"), "aliyun": say("Alibaba", "阿里云")}


def reason_names(say: Say) -> Mapping[str, str]:
    """Values of the label ``reason`` of a failure; the key itself stays, for it is looked up."""
    return {
        "auth": say("auth: refused", "auth：身份验证被拒"),
        "clock": say("clock: time differs", "clock：时钟偏差"),
        "permission": say("permission: not allowed", "permission：权限不足"),
        "rate_limited": say("rate_limited: throttled", "rate_limited：被限流"),
        "unavailable": say("unavailable: no answer", "unavailable：平台不可用"),
        "protocol": say("protocol: unexpected answer", "protocol：返回内容异常"),
        "config": say("config: request is wrong", "config：请求有误"),
        "bug": say("bug: of the exporter", "bug：exporter 自身错误"),
    }


REASON_COLORS: Mapping[str, str] = {
    "auth": "red",
    "clock": "purple",
    "permission": "dark-red",
    "rate_limited": "orange",
    "unavailable": "yellow",
    "protocol": "blue",
    "config": "light-green",
    "bug": "#a5adba",
}


def tier_names(say: Say) -> Mapping[str, str]:
    """Values of the label ``tier``; the key itself stays, for it is a key of the configuration."""
    return {
        "active": say("active: running campaigns", "active：进行中的任务"),
        "idle": say("idle: waiting campaigns", "idle：闲置的任务"),
        "finished": say("finished: ended campaigns", "finished：已结束的任务"),
    }


def drop_names(say: Say) -> Mapping[str, str]:
    """Values of the label ``reason`` of dropped tasks."""
    return {
        "filtered": say("filtered by name", "按名称过滤"),
        "aged": say("too old", "时间太久"),
        "limit": say("over the limit", "超出上限"),
    }
