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
COUNT: Final = '{{ $value | printf "%.0f" }}'


def in_status(*statuses: str) -> str:
    """The tasks that are in one of these statuses, 1 each, with the label `status`."""
    if len(statuses) == 1:
        return f'task_status:outbound_task_info:max{{status="{statuses[0]}"}}'
    return f'task_status:outbound_task_info:max{{status=~"{"|".join(statuses)}"}}'


def not_in_status(*statuses: str) -> str:
    """The tasks that are in none of these statuses."""
    operator = "!~" if len(statuses) > 1 else "!="
    return f'task_status:outbound_task_info:max{{status{operator}"{"|".join(statuses)}"}}'
