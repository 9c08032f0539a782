"""Selectors and words that many alerts share."""

from __future__ import annotations

from typing import Final

TASK: Final = (
    "Task {{ $labels.task_name }} ({{ $labels.task_id }})"
    " of account {{ $labels.account }} ({{ $labels.platform }})"
)
TASK_ZH: Final = (
    "账号 {{ $labels.account }}（{{ $labels.platform }}）的任务"
    "“{{ $labels.task_name }}”（{{ $labels.task_id }}）"
)
ACCOUNT: Final = "Account {{ $labels.account }} ({{ $labels.platform }})"
ACCOUNT_ZH: Final = "账号 {{ $labels.account }}（{{ $labels.platform }}）"

SHARE: Final = "{{ $value | humanizePercentage }}"
SECONDS: Final = "{{ $value | humanizeDuration }}"
SECONDS_ZH: Final = (
    "{{ $value | humanizeDuration"
    + "".join(
        f' | reReplaceAll "([0-9]){unit}\\\\b" "$1 {word}"'
        for unit, word in (("d", "天"), ("h", "小时"), ("m", "分"), ("s", "秒"))
    )
    + " }}"
)
COUNT: Final = '{{ $value | printf "%.0f" }}'

# As the texts name a duration, in English and in Chinese.
_UNITS: Final = (
    (86400, "day", "天"),
    (3600, "hour", "小时"),
    (60, "minute", "分钟"),
    (1, "second", "秒"),
)


def spoken(seconds: float) -> str:
    """Seconds in English words, in the largest unit in which they are whole: "30 minutes"."""
    count, unit, _ = _whole(seconds)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def lately(seconds: float) -> str:
    """The same after "the last", where one is not counted: "hour"."""
    return spoken(seconds).removeprefix("1 ")


def spoken_zh(seconds: float) -> str:
    """The same in Chinese: "30 分钟"."""
    count, _, unit = _whole(seconds)
    return f"{count} {unit}"


def _whole(seconds: float) -> tuple[int, str, str]:
    whole = max(1, round(seconds))
    size, unit, unit_zh = next(one for one in _UNITS if whole % one[0] == 0)
    return whole // size, unit, unit_zh


def in_status(*statuses: str) -> str:
    """The tasks that are in one of these statuses, 1 each, with the label `status`."""
    if len(statuses) == 1:
        return f'task_status:outbound_task_info:max{{status="{statuses[0]}"}}'
    return f'task_status:outbound_task_info:max{{status=~"{"|".join(statuses)}"}}'


def not_in_status(*statuses: str) -> str:
    """The tasks that are in none of these statuses."""
    operator = "!~" if len(statuses) > 1 else "!="
    return f'task_status:outbound_task_info:max{{status{operator}"{"|".join(statuses)}"}}'
